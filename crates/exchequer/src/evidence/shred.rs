//! Crypto-shredding: the salt of a customer who was closed long ago is destroyed, and nobody can test any more what a
//! memo, an address or an agent of theirs in the log was.
//!
//! A customer is closed who is disabled and has no account that is not closed; nothing else in the bank ends them.
//! Order, each hour: what this process remembers of salts is forgotten; then all salts are gone through in slices, and
//! each closed customer's is marked with the time when that was first seen, or unmarked where an account was opened
//! again (who is enabled again is unmarked at once, [`is_open_again`]); one whose mark is older than the setting is destroyed, with an event, after one more look in the same
//! transaction. Bound: [`SLICE`] a read, one salt a write. Never here: a change of a row, a leaf or a proof: all of them stay valid,
//! since a leaf keeps its commitment.

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use serde_json::json;
use tokio::sync::watch;

use super::model::{LOWEST, RowId};
use super::store as log;
use crate::bank::{Act, Bank};
use crate::events;

pub(crate) const NAME: &str = "log.shred";

/// Salts of one read: some milliseconds.
const SLICE: i64 = 1_000;
const DAY_SECONDS: i64 = 86_400;

/// The time of a customer's closing begins anew when they are closed again. In the transaction that enables them.
pub(crate) fn is_open_again(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), DbError> {
    log::unmark_closed(tx, id.bytes()).map(|_was_marked| ())
}

/// What is to be done with a salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Mark,
    Unmark,
    Destroy(Timestamp),
}

/// Destroys what is due; gives how many salts it has marked, unmarked or destroyed.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    bank.sequencer().forget_salts().await;
    let days = i64::from(bank.config().evidence.salt_days);
    if days == 0 {
        return Ok(0);
    }
    let before = bank.tools().now().plus_seconds(-days.saturating_mul(DAY_SECONDS));
    let (mut changed, mut after) = (0_u64, LOWEST);
    while !*stop.borrow() {
        let slice = bank.db().read(NAME, move |tx| log::salted(tx, &after, SLICE)).await?;
        let Some(last) = slice.last() else { break };
        after = last.id;
        for person in slice {
            let Some(due) = due(person.is_closed, person.closed_since, before) else { continue };
            let (act, id) = (bank.system_act(NAME), person.id);
            let is_done =
                bank.db().write(NAME, move |tx| carry_out(tx, &act, (&id, due), before)).await?;
            changed = changed.saturating_add(u64::from(is_done));
            if matches!(due, Due::Destroy(_)) {
                bank.sequencer().forget_salts().await;
            }
        }
    }
    Ok(changed)
}

fn due(is_closed: bool, since: Option<Timestamp>, before: Timestamp) -> Option<Due> {
    match (is_closed, since) {
        (true, None) => Some(Due::Mark),
        (true, Some(since)) if since <= before => Some(Due::Destroy(since)),
        (false, Some(_)) => Some(Due::Unmark),
        (true, Some(_)) | (false, None) => None,
    }
}

/// False where it is not so any more.
fn carry_out(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, due): (&RowId, Due),
    before: Timestamp,
) -> Result<bool, DbError> {
    match due {
        Due::Mark => log::mark_closed(tx, id, act.now),
        Due::Unmark => log::unmark_closed(tx, id),
        Due::Destroy(since) => {
            if !log::destroy_salt(tx, id, (before, act.now))? {
                return Ok(false);
            }
            let customer = CustomerId::from_bytes(*id).to_string();
            let after = json!({ "closed_since": since.to_string() });
            events::record(tx, act, "log.salt_destroyed", &customer, "done", Some(&after))?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_due_when_its_mark_is_old_and_still_true() {
        let at = |seconds| Timestamp::EPOCH.plus_seconds(seconds);
        for (is_closed, since, expected) in [
            (true, None, Some(Due::Mark)),
            (true, Some(at(10)), Some(Due::Destroy(at(10)))),
            (true, Some(at(11)), None),
            (false, Some(at(1)), Some(Due::Unmark)),
            (false, None, None),
        ] {
            assert_eq!(due(is_closed, since, at(10)), expected);
        }
    }
}
