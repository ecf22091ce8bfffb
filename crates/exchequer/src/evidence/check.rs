//! The check that never ends: leaves are made again from their rows, some thousands a run, round and round.
//!
//! Each node does it for itself, in a reader, so that a row that was edited or deleted is told of while the bank serves
//! and not at the next `verify`. Bound: [`BUNDLES`] of 256 leaves a run. What it leaves to `verify`: rows that were
//! inserted, higher tiles, checkpoints.

use ::store::{DbError, Tx};
use std::sync::Arc;

use super::bundle::Bundle;
use super::prove::{Trust, some_in};
use crate::bank::Bank;
use crate::verify::model::Stop;

/// Some 13,000 leaves: a tenth of a second of a reader.
const BUNDLES: i64 = 50;

pub(crate) const NAME: &str = "log.check";

/// Checks the next leaves; gives none, since nothing is changed.
pub(crate) async fn run(bank: &Bank) -> Result<u64, DbError> {
    let keys = Some(Arc::clone(&bank.tools().keyring()));
    let now = bank.tools().now();
    let trust = Trust { keys, ..Trust::nothing(now) };
    let from = bank.sequencer().status().checked_to;
    let look = move |tx: &mut Tx<'_>| match some_in(tx, &trust, (from, BUNDLES)) {
        Ok(bundles) => Ok(Ok(bundles)),
        Err(Stop::Wrong(finding)) => Ok(Err(*finding)),
        Err(Stop::Db(error)) => Err(error),
    };
    let found: Result<Vec<Bundle>, _> = bank.db().read(NAME, look).await?;
    let mut status = bank.sequencer().status();
    match found {
        Ok(bundles) => {
            let leaves = bundles.iter().map(|bundle| bundle.entries.len());
            let leaves: usize = leaves.sum();
            status.checked =
                status.checked.saturating_add(u64::try_from(leaves).unwrap_or(u64::MAX));
            // The last bundle is not full yet, or there is none: from the beginning again.
            status.checked_to = match bundles.last() {
                Some(last) if last.is_full() => last.number.saturating_add(1),
                Some(_) | None => 0,
            };
        }
        Err(finding) => {
            let what = format!("{} {}", finding.table, finding.id);
            if status.wrong.is_none() {
                tracing::error!(
                    table = finding.table,
                    row = finding.id,
                    "a row is not as the log has it; run exchequer verify"
                );
                status.wrong = Some((now, what));
            }
        }
    }
    Ok(0)
}
