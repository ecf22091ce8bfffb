//! The sweep: approvals whose time is over are ended, and what they kept of a key is forgotten.
//!
//! Nothing depends on it: nobody can approve one after its time. Each is a transaction of its own, locked and
//! looked at again; one that does not open is logged and left. Bound: [`BATCH`] at a time.

use ::store::{DbError, Tx};
use money::ApprovalId;
use tokio::sync::watch;

use super::{expire_in, store};
use crate::approvals::model::{Approval, Status};
use crate::bank::{Act, Bank};

const BATCH: i64 = 100;
const VERB: &str = "approvals.expire";

/// Ends all that are overdue; gives how many.
pub(crate) async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut ended = 0_u64;
    // No id is all zeros.
    let mut after = ApprovalId::from_bytes([0; 16]);
    while !*stop.borrow() {
        let now = bank.tools().now();
        let due = bank.db().read(VERB, move |tx| store::overdue(tx, now, (&after, BATCH))).await?;
        let Some(last) = due.last() else { break };
        after = *last;
        for id in due {
            let act = bank.system_act(VERB);
            match bank.db().write(VERB, move |tx| end_in(tx, &act, &id)).await {
                Ok(expired) => ended = ended.saturating_add(u64::from(expired)),
                Err(error) => {
                    tracing::warn!(resource_id = %id, %error, "an approval was not ended");
                }
            }
        }
    }
    Ok(ended)
}

/// False where somebody was faster.
fn end_in(tx: &mut Tx<'_>, act: &Act, id: &ApprovalId) -> Result<bool, DbError> {
    let found = store::lock(tx, &act.tools, id)?.map(|(approval, _)| approval);
    let is_over = |found: &Approval| found.status == Status::Pending && !found.is_open(act.now);
    let Some(approval) = found.filter(is_over) else { return Ok(false) };
    expire_in(tx, act, approval).map(|_| true)
}
