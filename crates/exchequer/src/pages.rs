//! The pages of the bank, before its API: what the crate `web` needs to know of this bank.
//!
//! A page speaks to the API and to nothing else (`web::api`), so there is nothing of a domain here.

use std::sync::Arc;

use axum::Router;

use crate::bank::Bank;
use crate::http::Peer;

/// What an anonymous form's token is made with.
const TOKENS: &str = "web.visits";

/// Where texts that pages carry would stand, if they stood anywhere.
const CARRIED: (&str, &str) = ("pages", "carried");

/// The API, and pages wherever it has no route.
pub fn service(api: Router, bank: &Bank) -> Router {
    let (tools, config) = (bank.tools().clone(), bank.config());
    let (sealing, opening) = (tools.clone(), tools.clone());
    let settings = web::Settings {
        public_url: config.http.public_url.clone(),
        console_url: config.console.public_url.clone(),
        is_demo: config.demo,
        body_timeout_seconds: config.http.body_timeout_seconds,
        password: web::PasswordRules {
            min_characters: config.passwords.min_characters,
            needs_letters_and_digits: config.passwords.letters_and_digits,
        },
        rng: tools.rng().clone(),
        clock: tools.clock().clone(),
        carry,
        sign: Arc::new(move |cookie| {
            tools.keyring().blind_indexes(TOKENS, cookie).iter().copied().collect()
        }),
        seal: Arc::new(move |holder, text| {
            sealing.keyring().seal(sealing.rng(), &place(holder), text).ok()
        }),
        open: Arc::new(move |holder, sealed| {
            let opened = opening.keyring().open_sealed(&place(holder), sealed).ok()?;
            Some(opened.expose().to_vec())
        }),
    };
    api.clone().fallback_service(web::router(api, settings))
}

fn place(row: &[u8]) -> vault::Place<'_> {
    vault::Place { table: CARRIED.0, column: CARRIED.1, row }
}

fn carry(from: &http::Extensions) -> http::Extensions {
    let mut carried = http::Extensions::new();
    if let Some(peer) = from.get::<Peer>() {
        carried.insert(peer.clone());
    }
    carried
}
