//! `keys list`, `keys rotate`.

use std::sync::Arc;

use money::{Clock, Rng};
use store::rows::Origin;
use vault::Purpose;

use super::{Failure, Place, columns, runtime, say};
use crate::keys::{self, KeyAct};
use crate::serve::{master_key, open_database};

/// `exchequer keys list`: what keys there are, never a key.
pub fn list_keys(place: &Place) -> Result<(), Failure> {
    let config = place.load()?;
    let db = open_database(&config)?;
    let keys = runtime()?.block_on(db.read("keys.list", keys::list));
    db.close();
    let mut rows = vec![["PURPOSE", "VERSION", "STATE", "MADE"].map(str::to_owned).to_vec()];
    rows.extend(keys?.iter().map(|key| {
        vec![
            key.purpose.as_str().to_owned(),
            key.version.to_string(),
            key.state.as_str().to_owned(),
            key.created_at.to_string(),
        ]
    }));
    Ok(say(&columns(&rows))?)
}

/// `exchequer keys rotate --purpose P`.
pub fn rotate_key(place: &Place, purpose: &str) -> Result<(), Failure> {
    let purpose = Purpose::parse(purpose).ok_or_else(|| {
        let known = Purpose::ALL.map(Purpose::as_str).join(", ");
        Failure::Said(format!("there is no purpose {purpose:?}; there are {known}"))
    })?;
    let config = place.load()?;
    let act = KeyAct {
        master: Arc::new(master_key(&config)?),
        rng: Rng::System,
        now: Clock::System.now(),
        origin: Origin::system("exchequer keys rotate"),
    };
    let db = open_database(&config)?;
    let rotated =
        runtime()?.block_on(db.write("keys.rotate", move |tx| keys::rotate_in(tx, &act, purpose)));
    db.close();
    let version = rotated?.map_err(|refusal| Failure::Said(refusal.to_string()))?;
    let name = purpose.as_str();
    Ok(say(&format!(
        "{name}: version {version} is active, the older ones are retired.\n{}\n\
         Running nodes keep the keys they started with: restart them to use the new one.\n",
        consequence(purpose)
    ))?)
}

fn consequence(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::TokenSigning => {
            "New access tokens are signed with it; those signed before stay valid until they expire."
        }
        Purpose::PersonalData => {
            "New values are sealed with it; the old versions still open what they sealed. Sealing the \
             old values anew comes with a later version."
        }
        Purpose::EventFields => {
            "New events hash their sensitive fields with it; their hashes no longer compare with those \
             in older events."
        }
        Purpose::CardData => {
            "New card numbers are sealed with it; the old versions still open what they sealed. Sealing \
             the old ones anew comes with a later version."
        }
        Purpose::CardTokens => {
            "New cards get fingerprints and format-preserving tokens under it; a card that is known \
             keeps its own, and is still found."
        }
        Purpose::MerchantSecrets => {
            "New secrets of merchants are sealed with it; the old versions still open what they sealed."
        }
        Purpose::BlindIndex => "Lookups use it.",
    }
}
