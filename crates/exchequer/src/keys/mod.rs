//! The data keys in the database: made with a new bank, opened at start-up, rotated by an operator.
//!
//! `vault` knows what a key is for and how it is wrapped; here are its rows. Old versions are retired,
//! never deleted: they go on opening and verifying what they made. A running node keeps the keys it
//! started with.

mod store;

use std::sync::Arc;

use ::store::rows::{EventRow, Origin};
use ::store::{DbError, Tx};
use money::{IdMint, RequestId, Rng, Timestamp};
use serde_json::json;
use vault::{KeyError, Keyring, MasterKey, Purpose, WrappedKey};

/// Why a key is not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefusal {
    /// Values are looked up under the active version alone, so every e-mail and phone number would be
    /// unknown the moment after.
    #[error(
        "the blind_index key cannot be rotated yet: every stored index would have to be made again, \
         which comes with a later version"
    )]
    IndexesWouldBeLost,
    /// The bank has no keys; `exchequer migrate` makes the first.
    #[error("there is no {} key to rotate; run `exchequer migrate`", .0.as_str())]
    NoKey(Purpose),
}

/// Who makes keys, when: an act of the command line, which has no keyring yet.
#[derive(Clone)]
pub struct KeyAct {
    pub master: Arc<MasterKey>,
    pub rng: Rng,
    pub now: Timestamp,
    pub origin: Arc<Origin>,
}

/// All keys, by purpose and version.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    store::list(tx)
}

/// Makes version 1 of every purpose in a bank that has no keys, and in an older bank of every purpose that
/// came since; gives whether it made any. A second process that does it at the same time fails on the
/// primary key.
pub fn create_first_in(tx: &mut Tx<'_>, act: &KeyAct) -> Result<bool, DbError> {
    let known = store::list(tx)?;
    let made = if known.is_empty() {
        Keyring::first_data_keys(&act.master, &act.rng, act.now).map_err(refused)?
    } else {
        let is_missing = |purpose: &Purpose| {
            purpose.came_later() && known.iter().all(|key| key.purpose != *purpose)
        };
        let missing = Purpose::ALL.into_iter().filter(is_missing);
        let make = |purpose| Keyring::new_data_key(&act.master, &act.rng, purpose, 1, act.now);
        missing.map(make).collect::<Result<_, _>>().map_err(refused)?
    };
    if made.is_empty() {
        return Ok(false);
    }
    for key in &made {
        store::insert(tx, key)?;
    }
    record(tx, act, "data_key.created", &made)?;
    Ok(true)
}

/// Adds a new active version of a purpose and retires the others; gives the new version.
pub fn rotate_in(
    tx: &mut Tx<'_>,
    act: &KeyAct,
    purpose: Purpose,
) -> Result<Result<u32, RotationRefusal>, DbError> {
    match purpose {
        Purpose::BlindIndex => return Ok(Err(RotationRefusal::IndexesWouldBeLost)),
        Purpose::PersonalData
        | Purpose::TokenSigning
        | Purpose::EventFields
        | Purpose::CardData
        | Purpose::CardTokens
        | Purpose::MerchantSecrets => {}
    }
    let newest = store::lock_versions(tx, purpose)?.into_iter().max();
    let Some(newest) = newest else { return Ok(Err(RotationRefusal::NoKey(purpose))) };
    let version = newest
        .checked_add(1)
        .ok_or_else(|| DbError::Corrupt(format!("version {newest} of a data key")))?;
    let made =
        Keyring::new_data_key(&act.master, &act.rng, purpose, version, act.now).map_err(refused)?;
    store::retire(tx, purpose)?;
    store::insert(tx, &made)?;
    record(tx, act, "data_key.rotated", std::slice::from_ref(&made))?;
    Ok(Ok(version))
}

fn record(
    tx: &mut Tx<'_>,
    act: &KeyAct,
    action: &'static str,
    keys: &[WrappedKey],
) -> Result<(), DbError> {
    let mint = IdMint::new(act.rng.clone());
    let request: RequestId = mint.mint(act.now);
    let events: Vec<EventRow> = keys
        .iter()
        .map(|key| EventRow {
            id: mint.mint(act.now),
            at: act.now,
            origin: Arc::clone(&act.origin),
            request,
            action,
            resource: key.purpose.as_str().to_owned(),
            outcome: "done",
            before: None,
            after: Some(json!({ "version": key.version }).to_string()),
        })
        .collect();
    tx.ensure_origins(std::slice::from_ref(&act.origin), act.now)?;
    tx.insert_events(&events)
}

fn refused(error: KeyError) -> DbError {
    DbError::Corrupt(format!("a data key was not made: {error}"))
}

#[cfg(test)]
mod tests;
