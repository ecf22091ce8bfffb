//! How old the passwords and tokens are that the bank shows to other services (ASVS 5.0, 13.3.4).
//!
//! They do not end by themselves, and nobody but the bank sees all of them. Order, at each start before anything is
//! served ([`look`]): each that was configured is looked for among those that were seen before under its setting; one that is new
//! is noted with the moment; one that was there before has the age that it had, also where another was in between.
//! Cost: one write of a few rows. Bound: [`store::KEPT`] rows a setting. What it never does: keep a secret. A SHA-256 of
//! it is kept, sealed: whoever has the data keys can try guesses. The health (`health/secrets.rs`) and the log tell ages.

mod store;

use std::time::Duration;

use ::store::{DbError, Tx};
use money::{EventId, Timestamp};
use tokio::sync::watch;
use vault::Place;

use crate::bank::{Act, Bank};
use crate::config::ServiceSecret;

/// Since when a secret is in use, and until when it is to be followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretAge {
    /// The name of its setting.
    pub setting: &'static str,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A secret that was seen before.
struct Seen {
    id: [u8; 16],
    digest_sealed: Vec<u8>,
    at: Timestamp,
}

const DAY_SECONDS: i64 = 86_400;
const TOLD_EVERY: Duration = Duration::from_hours(24);

/// [`note`] at a start, which does not fail with it: a bank on a full disk serves what it can. The health says that the
/// ages are not known.
pub async fn look(bank: &Bank) {
    if let Err(error) = note(bank).await {
        tracing::error!(%error, "the ages of the secrets of other services were not looked at");
    }
    tell(bank);
}

/// Says each day in the log which are too old: the card vault has neither health nor metrics.
pub async fn watch(bank: Bank, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TOLD_EVERY) => tell(&bank),
            // Also where nobody is left who could ask it to stop.
            _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
        }
    }
}

fn tell(bank: &Bank) {
    let now = bank.tools().now();
    for age in bank.secrets().iter().filter(|age| age.until <= now) {
        tracing::warn!(setting = age.setting, since = %age.since, "a password or token of another service is too old");
    }
}

/// Notes what is new and gives every age.
pub async fn note(bank: &Bank) -> Result<Vec<SecretAge>, DbError> {
    let secrets = bank.config().secrets.given.clone();
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let act = bank.system_act("secrets.note");
    let ages = bank.db().write("secrets.note", move |tx| note_in(tx, &act, &secrets)).await?;
    bank.learn_secrets(ages.clone());
    Ok(ages)
}

fn note_in(
    tx: &mut Tx<'_>,
    act: &Act,
    secrets: &[ServiceSecret],
) -> Result<Vec<SecretAge>, DbError> {
    let mut ages = Vec::new();
    for secret in secrets {
        let since = match seen_before(tx, act, secret)? {
            Some(at) => at,
            None => remember(tx, act, secret)?,
        };
        let days = i64::from(secret.days);
        let until = since.plus_seconds(days.saturating_mul(DAY_SECONDS));
        ages.push(SecretAge { setting: secret.setting, since, until });
    }
    Ok(ages)
}

/// When it was seen first.
fn seen_before(
    tx: &mut Tx<'_>,
    act: &Act,
    secret: &ServiceSecret,
) -> Result<Option<Timestamp>, DbError> {
    let digest = digest(secret);
    let mut first: Option<Timestamp> = None;
    for seen in store::seen(tx, secret.setting)? {
        match act.tools.unseal(&place(&seen.id), &seen.digest_sealed) {
            Ok(known) if known.expose() == digest => {
                store::use_again(tx, &seen.id, act.now)?;
                first = Some(first.map_or(seen.at, |at| at.min(seen.at)));
            }
            Ok(_) => {}
            // Somebody changed the row. The bank serves all the same, and the secret counts as new.
            Err(error) => {
                tracing::error!(%error, column = "service_secrets.digest_sealed", "a sealed value does not open");
            }
        }
    }
    Ok(first)
}

fn remember(tx: &mut Tx<'_>, act: &Act, secret: &ServiceSecret) -> Result<Timestamp, DbError> {
    let id: EventId = act.id();
    let id = *id.bytes();
    let digest_sealed = act.tools.seal(&place(&id), &digest(secret))?;
    store::insert(tx, secret.setting, &Seen { id, digest_sealed, at: act.now })?;
    store::forget_oldest(tx, secret.setting)?;
    tracing::info!(setting = secret.setting, "a new secret of another service is in use");
    Ok(act.now)
}

/// Of the setting, too, so that two rows do not say that two services have one password.
fn digest(secret: &ServiceSecret) -> String {
    let text = zeroize::Zeroizing::new(
        [
            b"exchequer.v1.service-secret:",
            secret.setting.as_bytes(),
            b":",
            secret.value.expose().as_bytes(),
        ]
        .concat(),
    );
    data_encoding::HEXLOWER.encode(&vault::sha256(&text))
}

fn place(row: &[u8; 16]) -> Place<'_> {
    Place { table: "service_secrets", column: "digest_sealed", row }
}
