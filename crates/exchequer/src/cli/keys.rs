//! `keys list`, `keys rotate`, `keys destroy`, `keys rewrap`.

use std::path::PathBuf;
use std::sync::Arc;

use money::{Clock, Rng};
use store::Db;
use store::rows::Origin;
use vault::{KeyState, Purpose, USED_AFTER_SECONDS};

use super::{Failure, Place, columns, runtime, say};
use crate::config::Config;
use crate::keys::{self, DestroyTerms, KeyAct, KeysError, database};
use crate::serve::{encrypted_file, master_key, open_database};

/// `exchequer keys list`: what keys there are, how often each has sealed, and how many values are left under
/// it. Never a key.
pub fn list_keys(place: &Place) -> Result<(), Failure> {
    let config = place.load()?;
    let runtime = runtime()?;
    let db = runtime.block_on(open_database(&config))?;
    let rows = runtime.block_on(rows(&db));
    db.close();
    Ok(say(&columns(&rows?))?)
}

async fn rows(db: &Db) -> Result<Vec<Vec<String>>, Failure> {
    let keys = db.read("keys.list", keys::list).await?;
    let head = ["PURPOSE", "VERSION", "STATE", "MADE", "SEALINGS", "VALUES LEFT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for purpose in Purpose::ALL {
        let of_purpose = || keys.iter().filter(|key| key.purpose == purpose);
        // Counting reads every value, so it waits for a rotation.
        let has_retired = of_purpose().any(|key| key.state == KeyState::Retired);
        let holds_values = purpose.sealing().is_some()
            || matches!(purpose, Purpose::CardTokens | Purpose::BlindIndex);
        let left = if has_retired && holds_values {
            Some(keys::reseal::left(db, purpose).await?)
        } else {
            None
        };
        for key in of_purpose() {
            let sealings = purpose.sealing().map(|_| key.sealings.to_string());
            let left = left.as_ref().map(|left| left.get(&key.version).unwrap_or(&0).to_string());
            rows.push(vec![
                purpose.as_str().to_owned(),
                key.version.to_string(),
                key.state.as_str().to_owned(),
                key.created_at.to_string(),
                sealings.unwrap_or_default(),
                left.unwrap_or_default(),
            ]);
        }
    }
    Ok(rows)
}

/// `exchequer keys rotate --purpose P`.
pub fn rotate_key(place: &Place, purpose: &str) -> Result<(), Failure> {
    let purpose = named(purpose)?;
    let config = place.load()?;
    let act = act(&config, "exchequer keys rotate")?;
    let runtime = runtime()?;
    let db = runtime.block_on(open_database(&config))?;
    let rotated = runtime.block_on(keys::rotate(&db, &act, purpose));
    db.close();
    let version = rotated?.map_err(|refusal| Failure::Said(refusal.to_string()))?;
    let name = purpose.as_str();
    Ok(say(&format!(
        "{name}: version {version} is made. Running nodes take it up by themselves and use it in \
         {USED_AFTER_SECONDS} seconds.\n{}\n",
        consequence(purpose)
    ))?)
}

/// `exchequer keys destroy --purpose P --version N`: what two operators have approved, at once instead of at the
/// job's next turn.
pub fn destroy_key(place: &Place, purpose: &str, version: u32) -> Result<(), Failure> {
    let purpose = named(purpose)?;
    let config = place.load()?;
    if config.cards.vault.is_some() && matches!(purpose, Purpose::CardData | Purpose::CardTokens) {
        // What was sealed with it stands in another database than the key, so nobody can count what is left.
        let refusal = "with a card vault of its own, keys of cards are kept";
        return Err(Failure::Said(refusal.to_owned()));
    }
    let act = act(&config, "exchequer keys destroy")?;
    let runtime = runtime()?;
    let db = runtime.block_on(open_database(&config))?;
    let terms = DestroyTerms {
        access_seconds: config.tokens.access_seconds,
        needs_approval: config.approvals.are_required,
    };
    let destroyed = runtime.block_on(keys::destroy(&db, &act, (purpose, version), terms));
    db.close();
    let name = purpose.as_str();
    destroyed?.map_err(|refusal| {
        Failure::Said(format!("version {version} of {name} was not destroyed: {refusal}"))
    })?;
    Ok(say(&format!(
        "{name}: version {version} is destroyed. Running nodes forget it within seconds; backups from \
         before still hold it.\n"
    ))?)
}

/// `exchequer keys rewrap [--from CONFIG]`: to the master key of the configuration, from that of another.
pub fn rewrap_keys(place: &Place, from: Option<PathBuf>) -> Result<(), Failure> {
    let config = place.load()?;
    let to = act(&config, "exchequer keys rewrap")?;
    let old = match from {
        Some(file) => {
            let before = Place { config: Some(file), data: None }.load()?;
            Arc::new(master_key(&before)?)
        }
        None => Arc::clone(&to.master),
    };
    let rewrapped = runtime()?.block_on(async {
        // First: interrupted behind it, the same command opens the file and goes on with its rows.
        if let Some(file) = encrypted_file(&config) {
            database::rewrap((&old, &to.master), file, &to.rng).await?;
        }
        let db = open_database(&config).await?;
        let rewrapped = keys::rewrap(&db, &old, &to).await;
        db.close();
        Ok::<_, Failure>(rewrapped?)
    });
    let count = rewrapped?;
    Ok(say(&format!(
        "{count} data keys are wrapped under the master key of this configuration, and open with it.\n\
         Restart nodes that were started with another. Keep the old master key for as long as you keep \
         backups from before.\n"
    ))?)
}

fn named(purpose: &str) -> Result<Purpose, Failure> {
    Purpose::parse(purpose).ok_or_else(|| {
        let known = Purpose::ALL.map(Purpose::as_str).join(", ");
        Failure::Said(format!("there is no purpose {purpose:?}; there are {known}"))
    })
}

fn act(config: &Config, command: &str) -> Result<KeyAct, Failure> {
    Ok(KeyAct {
        master: Arc::new(master_key(config)?),
        rng: Rng::System,
        now: Clock::System.now(),
        origin: Origin::system(command),
    })
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Said(error.to_string())
    }
}

fn consequence(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::TokenSigning => {
            "New access tokens are signed with it; those signed before stay valid until they expire, and \
             then the old version verifies nothing."
        }
        Purpose::PersonalData | Purpose::CardData | Purpose::MerchantSecrets => {
            "What older versions sealed is sealed anew while the bank serves: `exchequer keys list` shows \
             how much is left."
        }
        Purpose::EventFields => {
            "New events hash their sensitive fields with it; their hashes no longer compare with those \
             in older events."
        }
        Purpose::CardTokens => {
            "New cards get fingerprints and format-preserving tokens under it; a card that is known \
             keeps its own, and is still found."
        }
        Purpose::LogSigning => {
            "New checkpoints of the log are signed with it; hand its verifier key (`/v1/log`) to whoever keeps \
             checkpoints. Those signed before verify for ever."
        }
        Purpose::BlindIndex => {
            "What sealed values are looked up by is computed anew while the bank serves: `exchequer keys list` \
             shows how many rows are left. The old version may be destroyed 30 days later."
        }
        Purpose::DatabaseFile => "`exchequer move --encrypt` gives the file a new key.",
    }
}
