//! Events of commands that have no opened bank: what is done to its schema and its copies.
//!
//! Written in the transaction of the act where the act is one (a migration, a restore). Its id is made when the event is
//! written, not when the command began: the log counts on it (`evidence/window.rs`).

use std::sync::Arc;

use ::store::rows::{EventRow, Origin};
use ::store::{DbError, Tx};
use money::{Clock, IdMint, Rng};
use serde_json::Value;

/// A command, as the trail names it.
pub struct Command {
    pub origin: Arc<Origin>,
    pub clock: Clock,
    pub rng: Rng,
}

impl Command {
    /// By the machine's own clock, as the command line has it.
    pub fn of_process(name: &str) -> Self {
        Self { origin: Origin::system(name), clock: Clock::System, rng: Rng::System }
    }

    /// Records what was done, to what, and what is new.
    pub fn record(
        &self,
        tx: &mut Tx<'_>,
        (action, resource): (&'static str, &str),
        after: &Value,
    ) -> Result<(), DbError> {
        let (mint, now) = (IdMint::new(self.rng.clone()), self.clock.now());
        tx.ensure_origins(std::slice::from_ref(&self.origin), now)?;
        tx.insert_events(&[EventRow {
            id: mint.mint(now),
            at: now,
            origin: Arc::clone(&self.origin),
            request: mint.mint(now),
            action,
            resource: resource.to_owned(),
            outcome: "done",
            subject: None,
            before: None,
            after: Some(after.to_string()),
        }])
    }
}
