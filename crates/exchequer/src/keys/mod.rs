//! The data keys in the database: made with a new bank, opened at start-up, rotated, sealed anew, destroyed,
//! wrapped anew. Blind indexes are computed anew ([`reindex`]) where other values are sealed anew.
//!
//! `vault` knows what a key is for and how it is wrapped; here are its rows. The life of a version: made
//! and known to every node ([`holder`] looks for new ones each second), used from
//! [`vault::USED_AFTER_SECONDS`] on, retired by the next one, its values sealed anew ([`reseal`]), destroyed by an operator.
//! Keys are wrapped and unwrapped outside of transactions, since the master key may be elsewhere ([`transit`]);
//! the transaction then looks whether the table is still what it was.
//!
//! Sealings are counted for each version and told to its row now and then; long before random nonces
//! could meet, the next version is made without anybody asking.

pub mod api;
pub mod database;
pub mod holder;
mod indexes;
pub mod kms;
pub mod master;
pub mod reindex;
pub mod reseal;
mod store;
pub mod transit;

use std::sync::Arc;

use ::store::rows::{EventRow, Origin};
use ::store::{Db, DbError, Tx};
use money::{IdMint, RequestId, Rng, Timestamp};
use serde_json::json;
use vault::{
    DataKey, KeyState, MAX_INDEX_VERSIONS, Purpose, Sealing, USED_AFTER_SECONDS, WrappedKey,
};

pub use self::indexes::{KEPT_COLUMN, admit_index_in, kept_in};
use self::master::{Master, MasterError};
pub use self::store::KeyRow;
use crate::bank::{Act, Bank};
use crate::events;
use crate::http::{Code, Problem};
use crate::jobs::ANSWERS_KEPT;

/// Why a key is not rotated, in the order in which it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefusal {
    /// The bank has no keys; `exchequer migrate` makes the first.
    #[error("there is no {} key to rotate; run `exchequer migrate`", .0.as_str())]
    NoKey(Purpose),
    /// What is looked up is looked for under every version.
    #[error("there are {MAX_INDEX_VERSIONS} versions of blind_index: destroy the oldest first")]
    TooManyVersions,
    #[error("somebody else rotated the {} key at the same time", .0.as_str())]
    Meanwhile(Purpose),
}

/// Why a key is not destroyed, in the order in which it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestroyRefusal {
    #[error("there is no such version")]
    NoSuchVersion,
    #[error("it is destroyed already")]
    Destroyed,
    #[error("it is in use: rotate it first")]
    Active,
    #[error(
        "two operators have to approve it: one asks at POST /v1/staff/data_keys/destroy, another approves"
    )]
    NotApproved,
    /// A node may not know yet that it is retired, or a token that it signed or a request that it was hashed with
    /// may still come.
    #[error("it may still be in use somewhere: not before {until}")]
    TooEarly { until: Timestamp },
    #[error("{left} values are left under it")]
    ValuesLeft { left: u64 },
}

/// Why a key was neither refused nor done.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Master(#[from] MasterError),
    #[error("the keys were changed by somebody else at the same time; nothing was done")]
    Meanwhile,
}

/// Who changes keys, when, under which master key: an act of the command line or of a job.
#[derive(Clone)]
pub struct KeyAct {
    pub master: Arc<Master>,
    pub rng: Rng,
    pub now: Timestamp,
    pub origin: Arc<Origin>,
}

/// Seconds after its retirement that a version is still counted as in use: until the next one is used, and
/// then as long again as a node may be slow.
pub const SETTLED_SECONDS: i64 = 4 * USED_AFTER_SECONDS;

/// All keys, by purpose and version.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    store::list(tx)
}

/// Retired versions whose values are not all sealed or computed anew, and since when.
pub fn unfinished(tx: &mut Tx<'_>) -> Result<Vec<(Purpose, u32, Timestamp)>, DbError> {
    let mut all = Vec::new();
    let walked = Sealing::ALL.map(Sealing::purpose).into_iter().chain([Purpose::BlindIndex]);
    for purpose in walked {
        let versions = store::unfinished(tx, purpose)?;
        all.extend(versions.into_iter().map(|(version, since)| (purpose, version, since)));
    }
    Ok(all)
}

/// Puts rows into an empty table; for banks that tests and measurements open with keys of their own.
pub fn adopt_in(tx: &mut Tx<'_>, keys: &[WrappedKey]) -> Result<(), DbError> {
    keys.iter().try_for_each(|key| store::insert(tx, key))
}

/// Makes version 1 of every purpose in a bank that has no keys, and in an older bank of every purpose that
/// came since; gives whether it made any. A second process that does it at the same time fails on the
/// primary key.
pub async fn create_first(db: &Db, act: &KeyAct) -> Result<bool, KeysError> {
    let known = db.read("keys.list", store::list).await?;
    let is_new = known.is_empty();
    let is_missing = |purpose: &Purpose| {
        (is_new || purpose.came_later()) && known.iter().all(|key| key.purpose != *purpose)
    };
    let missing = Purpose::ALL.into_iter().filter(is_missing);
    let drawn: Vec<DataKey> =
        missing.map(|purpose| DataKey::draw(&act.rng, purpose, 1, act.now)).collect();
    if drawn.is_empty() {
        return Ok(false);
    }
    let made = act.master.wrap(&act.rng, &drawn).await?;
    let act = act.clone();
    let insert = move |tx: &mut Tx<'_>| {
        made.iter().try_for_each(|key| store::insert(tx, key))?;
        record(tx, &act, "data_key.created", &made)
    };
    db.write("keys.create", insert).await?;
    Ok(true)
}

/// Adds a new active version of a purpose and retires the one before; gives the new version.
pub async fn rotate(
    db: &Db,
    act: &KeyAct,
    purpose: Purpose,
) -> Result<Result<u32, RotationRefusal>, KeysError> {
    let known = db.read("keys.list", store::list).await?;
    let Some(newest) = newest(&known, purpose) else {
        return Ok(Err(RotationRefusal::NoKey(purpose)));
    };
    let is_there = |key: &&WrappedKey| key.purpose == purpose && key.state != KeyState::Destroyed;
    let is_full = known.iter().filter(is_there).count() >= MAX_INDEX_VERSIONS;
    if purpose == Purpose::BlindIndex && is_full {
        return Ok(Err(RotationRefusal::TooManyVersions));
    }
    let version = newest
        .checked_add(1)
        .ok_or_else(|| DbError::Corrupt(format!("version {newest} of a data key")))?;
    let drawn = DataKey::draw(&act.rng, purpose, version, act.now);
    let made = act.master.wrap(&act.rng, std::slice::from_ref(&drawn)).await?;
    let act = act.clone();
    let replace = move |tx: &mut Tx<'_>| -> Result<_, DbError> {
        if self::newest(&store::lock_all(tx)?, purpose) != Some(newest) {
            return Ok(Err(RotationRefusal::Meanwhile(purpose)));
        }
        store::retire(tx, purpose, act.now)?;
        made.iter().try_for_each(|key| store::insert(tx, key))?;
        record(tx, &act, "data_key.rotated", &made)?;
        Ok(Ok(version))
    };
    Ok(db.write("keys.rotate", replace).await?)
}

/// What the destruction of a key looks at besides its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestroyTerms {
    /// How long a token lives.
    pub access_seconds: u64,
    /// False for a bank that does without a second operator.
    pub needs_approval: bool,
}

/// Overwrites the key of a retired version under which nothing is left, where two operators have approved it. A node forgets the key when it next looks, and a backup from before still has it.
pub async fn destroy(
    db: &Db,
    act: &KeyAct,
    (purpose, version): (Purpose, u32),
    terms: DestroyTerms,
) -> Result<Result<(), DestroyRefusal>, DbError> {
    let known = db.read("keys.list", store::rows).await?;
    let row = known.iter().find(|row| row.is((purpose, version)));
    if let Err(refusal) = may_be_destroyed(row, terms, act.now) {
        return Ok(Err(refusal));
    }
    // Nobody seals with it any more, so what is counted now is all there is.
    let left = reseal::left(db, purpose).await?.get(&version).copied().unwrap_or(0);
    if left > 0 {
        return Ok(Err(DestroyRefusal::ValuesLeft { left }));
    }
    let act = act.clone();
    db.write("keys.destroy", move |tx| {
        let _locked = store::lock_all(tx)?;
        let rows = store::rows(tx)?;
        let row = rows.iter().find(|row| row.is((purpose, version)));
        let row = match may_be_destroyed(row, terms, act.now) {
            Ok(row) => row,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !store::destroy(tx, (purpose, version))? {
            return Err(DbError::Corrupt("a locked data key was changed".to_owned()));
        }
        record(tx, &act, "data_key.destroyed", std::slice::from_ref(row))?;
        Ok(Ok(()))
    })
    .await
}

fn may_be_destroyed(
    found: Option<&KeyRow>,
    terms: DestroyTerms,
    now: Timestamp,
) -> Result<&WrappedKey, DestroyRefusal> {
    let found = found.ok_or(DestroyRefusal::NoSuchVersion)?;
    let row = &found.key;
    match row.state {
        KeyState::Destroyed => return Err(DestroyRefusal::Destroyed),
        KeyState::Active => return Err(DestroyRefusal::Active),
        KeyState::Retired => {}
    }
    if terms.needs_approval && found.destruction_approved_at.is_none() {
        return Err(DestroyRefusal::NotApproved);
    }
    let still_asked_for = match row.purpose {
        Purpose::TokenSigning => i64::try_from(terms.access_seconds).unwrap_or(i64::MAX),
        // What is looked for under every version and not computed anew: answers under idempotency keys live
        // longest.
        Purpose::BlindIndex => ANSWERS_KEPT,
        Purpose::PersonalData
        | Purpose::EventFields
        | Purpose::CardData
        | Purpose::CardTokens
        | Purpose::MerchantSecrets
        | Purpose::LogSigning
        | Purpose::DatabaseFile => 0,
    };
    let retired_at = row.retired_at.unwrap_or(row.created_at);
    let until = retired_at.plus_seconds(SETTLED_SECONDS).plus_seconds(still_asked_for);
    if now < until {
        return Err(DestroyRefusal::TooEarly { until });
    }
    Ok(row)
}

/// A key that may be asked to be destroyed. Refuses, in order: `not_found`, `data_key_destroyed`, `data_key_in_use`.
pub fn retired_in(
    tx: &mut Tx<'_>,
    key: (Purpose, u32),
) -> Result<Result<KeyRow, Problem>, DbError> {
    let _locked = store::lock_all(tx)?;
    let row = store::rows(tx)?.into_iter().find(|row| row.is(key));
    let Some(row) = row else { return Ok(Err(Problem::new(Code::NotFound))) };
    Ok(match row.key.state {
        KeyState::Destroyed => Err(Problem::new(Code::DataKeyDestroyed)),
        KeyState::Active => Err(Problem::new(Code::DataKeyInUse)),
        KeyState::Retired => Ok(row),
    })
}

/// Lets a retired key be destroyed, as soon as nothing is left under it. Refuses as [`retired_in`].
pub fn approve_destruction_in(
    tx: &mut Tx<'_>,
    act: &Act,
    key: (Purpose, u32),
) -> Result<Result<KeyRow, Problem>, DbError> {
    let row = match retired_in(tx, key)? {
        Ok(row) => row,
        Err(problem) => return Ok(Err(problem)),
    };
    if row.destruction_approved_at.is_some() {
        return Ok(Ok(row));
    }
    store::approve_destruction(tx, key, act.now)?;
    let after = json!({ "version": key.1 });
    let (action, resource) = ("data_key.destruction_approved", key.0.as_str());
    events::record(tx, act, action, resource, "done", Some(&after))?;
    Ok(Ok(KeyRow { destruction_approved_at: Some(act.now), ..row }))
}

/// Destroys whatever was approved and is no longer needed; gives how many keys those are.
pub async fn destroy_approved(bank: &Bank) -> Result<u64, DbError> {
    let rows = bank.db().read("keys.list", store::rows).await?;
    let waits =
        |row: &&KeyRow| row.key.state == KeyState::Retired && row.destruction_approved_at.is_some();
    let act = KeyAct {
        master: Arc::clone(bank.tools().keys().master()),
        rng: bank.tools().rng().clone(),
        now: bank.tools().now(),
        origin: Origin::system("keys.destroy"),
    };
    let access_seconds = bank.config().tokens.access_seconds;
    let terms = DestroyTerms { access_seconds, needs_approval: true };
    let mut count = 0_u64;
    for row in rows.iter().filter(waits) {
        match destroy(bank.db(), &act, (row.key.purpose, row.key.version), terms).await? {
            Ok(()) => count = count.saturating_add(1),
            Err(refusal) => {
                let (purpose, reason) = (row.key.purpose.as_str(), refusal.to_string());
                tracing::info!(resource_id = purpose, reason, "a key is not destroyed yet");
            }
        }
    }
    Ok(count)
}

/// Wraps every key under another master key, or anew under the same, and proves that they open, before any
/// row is changed; then changes all rows in one transaction. Gives how many keys those are.
pub async fn rewrap(db: &Db, from: &Master, to: &KeyAct) -> Result<usize, KeysError> {
    let before = db.read("keys.list", store::list).await?;
    let keys = from.unwrap_keys(&before).await?;
    let after = to.master.wrap(&to.rng, &keys).await?;
    let _proof = to.master.unwrap_keys(&after).await?;
    let (act, count) = (to.clone(), after.len());
    let replace = move |tx: &mut Tx<'_>| -> Result<_, DbError> {
        let now = store::lock_all(tx)?;
        let of = |rows: &[WrappedKey]| -> Vec<_> {
            rows.iter().map(|row| (row.purpose, row.version, row.wrapped.clone())).collect()
        };
        if of(&now) != of(&before) {
            return Ok(false);
        }
        after.iter().try_for_each(|key| store::rewrap(tx, key))?;
        record(tx, &act, "data_key.rewrapped", &after)?;
        Ok(true)
    };
    if db.write("keys.rewrap", replace).await? { Ok(count) } else { Err(KeysError::Meanwhile) }
}

fn newest(keys: &[WrappedKey], purpose: Purpose) -> Option<u32> {
    keys.iter().filter(|key| key.purpose == purpose).map(|key| key.version).max()
}

fn record(
    tx: &mut Tx<'_>,
    act: &KeyAct,
    action: &'static str,
    keys: &[WrappedKey],
) -> Result<(), DbError> {
    let mint = IdMint::new(act.rng.clone());
    let request: RequestId = mint.mint(act.now);
    let master = act.master.name();
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
            subject: None,
            before: None,
            after: Some(json!({ "version": key.version, "master": master }).to_string()),
        })
        .collect();
    tx.ensure_origins(std::slice::from_ref(&act.origin), act.now)?;
    tx.insert_events(&events)
}

#[cfg(test)]
mod tests;
