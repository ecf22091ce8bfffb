//! The sweep: holds whose time is over are released.
//!
//! Expiry itself needs no job, since a capture looks at the time; the sweep gives the money back. Each
//! hold is a transaction of its own: locked, looked at again, released. So a capture, a void and
//! another node's sweep may come at any moment, and one of them wins.
//!
//! Bound: [`BATCH`] holds wait for the database at once. A hold that cannot be released is logged and
//! left for the next run; it does not keep the others waiting.

use std::collections::HashSet;

use ::store::DbError;
use ::store::posting::holds;
use futures_util::future::join_all;
use money::HoldId;
use tokio::sync::watch;

use crate::bank::Bank;

/// Holds expired at a time: enough to share a commit, few enough to let customers' requests between.
const BATCH: usize = 32;

/// Holds left over (failed, or somebody was faster) after which a run ends; the next one goes on.
const MAX_LEFT: usize = 256;

/// Expires all due holds; gives how many. Ends early when `stop` turns true.
///
/// Errors: of the list of due holds; that of the last failure when [`MAX_LEFT`] were left.
pub async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut expired = 0_u64;
    let mut left: HashSet<HoldId> = HashSet::new();
    while !*stop.borrow() {
        let batch = due(bank, &left).await?;
        if batch.is_empty() {
            break;
        }
        let results = join_all(batch.iter().map(|id| expire(bank, *id))).await;
        let mut failure = None;
        for (id, result) in batch.into_iter().zip(results) {
            match result {
                Ok(true) => expired = expired.saturating_add(1),
                Ok(false) => {
                    left.insert(id);
                }
                Err(error) => {
                    tracing::warn!(hold_id = %id, %error, "a hold was not expired");
                    left.insert(id);
                    failure = Some(error);
                }
            }
        }
        if left.len() >= MAX_LEFT {
            return failure.map_or(Ok(expired), Err);
        }
    }
    Ok(expired)
}

/// Due holds, oldest first, without those that this run has left.
async fn due(bank: &Bank, left: &HashSet<HoldId>) -> Result<Vec<HoldId>, DbError> {
    let now = bank.tools().now();
    let most = i64::try_from(BATCH.saturating_add(left.len())).unwrap_or(i64::MAX);
    let rows = bank.db().read("holds.due", move |tx| holds::due(tx, now, most)).await?;
    let ids = rows.into_iter().map(|row| row.id).filter(|id| !left.contains(id));
    Ok(ids.take(BATCH).collect())
}

async fn expire(bank: &Bank, id: HoldId) -> Result<bool, DbError> {
    let act = bank.system_act("holds.expire");
    bank.db().write("holds.expire", move |tx| super::expire(tx, &act, &id)).await
}
