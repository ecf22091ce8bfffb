//! Who has left is forgotten: the salt of a customer who was closed long ago is destroyed, so that nobody can test any more
//! what a memo, an address or an agent of theirs in the log was, and in the same transaction the person is taken out of the
//! rows ([`crate::customers::erasure`]).
//!
//! A customer is closed who is disabled, has no account that is not closed, and whose account no merchant is paid out to;
//! nothing else in the bank ends them. Order, each hour: what this process remembers of salts is forgotten; then all who are
//! kept out are gone through in slices, and each closed one is marked with the time when that was first seen, or unmarked where it
//! is not so any more (a change of their standing unmarks them at once, [`begin_anew`]). When the mark is older than the setting
//! that is noted, and [`DAY_SECONDS`] later, if it is still so, they are erased, with events. Each step looks again in its own
//! transaction, with the customer's row locked, so two nodes do no harm.
//!
//! A clock that is wrong is to keep people longer, not to erase them early. What one noted that ran ahead for less than a
//! day is taken back (a longer one is believed); by one that is behind what the log was signed at nothing is done at all. A
//! mark is never moved: which of two clocks was wrong nobody can tell, and to wait is safe.
//!
//! Bound: [`SLICE`] a read, one customer a write. Never here: a change of a transfer, an event, a leaf or a proof: all of them
//! stay valid, since a leaf keeps its commitment.

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use serde_json::json;
use tokio::sync::watch;

use super::model::{LOWEST, RowId};
use super::salts;
use super::store::{self as log, Leaving};
use crate::bank::{Act, Bank};
use crate::customers::erasure;
use crate::events;

pub(crate) const NAME: &str = "log.shred";

/// Customers of one read: some milliseconds.
const SLICE: i64 = 1_000;
const DAY_SECONDS: i64 = 86_400;
/// How far a clock may be behind the newest time in the log: nodes differ by less, and the time of keeping is years.
const BEHIND_SECONDS: i64 = 3_600;

/// The time of a customer's closing begins anew with each change of their standing, in its transaction: also where a
/// version from before left a mark on somebody who was enabled.
pub(crate) fn begin_anew(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), DbError> {
    log::unmark_closed(tx, id.bytes()).map(|_was_marked| ())
}

/// What is to be done about somebody who is kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Mark,
    Unmark,
    /// Their time is over, as far as the clock says.
    Note,
    /// It is not over, though that was noted.
    Withdraw,
    Erase(Timestamp),
}

/// The moments that marks are held against.
#[derive(Debug, Clone, Copy)]
struct Moments {
    now: Timestamp,
    /// Who was gone by then is due.
    closed: Timestamp,
    /// Of whom that was noted by then is erased.
    noted: Timestamp,
}

impl Moments {
    fn of(now: Timestamp, days: u32) -> Self {
        let back = |days: i64| now.plus_seconds(-days.saturating_mul(DAY_SECONDS));
        Self { now, closed: back(i64::from(days)), noted: back(1) }
    }
}

/// Does what is due; gives how many customers it has marked, unmarked, noted or erased. Who cannot be erased because a value
/// of theirs does not open is said in the log and keeps nobody else from it.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    bank.sequencer().forget_salts().await;
    let days = bank.config().evidence.salt_days;
    if days == 0 {
        return Ok(0);
    }
    let moments = Moments::of(bank.tools().now(), days);
    if is_behind(bank, moments.now).await? {
        return Ok(0);
    }
    let (mut changed, mut after, mut failed) = (0_u64, LOWEST, None);
    while !*stop.borrow() {
        let slice = bank.db().read(NAME, move |tx| log::leaving(tx, &after, SLICE)).await?;
        let Some(last) = slice.last() else { break };
        after = last.id;
        for person in slice {
            let Some(due) = due(&person, &moments) else { continue };
            let (act, id) = (bank.system_act(NAME), person.id);
            let write = move |tx: &mut Tx<'_>| carry_out(tx, &act, (&id, due), &moments);
            match bank.db().write(NAME, write).await {
                Ok(is_done) => changed = changed.saturating_add(u64::from(is_done)),
                Err(error @ DbError::Corrupt(_)) => {
                    let customer = CustomerId::from_bytes(id);
                    tracing::error!(resource_id = %customer, %error, "a customer is not erased");
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
            if matches!(due, Due::Erase(_)) {
                bank.sequencer().forget_salts().await;
            }
            if *stop.borrow() {
                break;
            }
        }
    }
    failed.map_or(Ok(changed), Err)
}

/// Whether the clock is behind the log: a mark by it would be older than it should be. A time in the log from a clock that
/// ran ahead is one to wait for, too.
async fn is_behind(bank: &Bank, now: Timestamp) -> Result<bool, DbError> {
    let Some(signed_at) = bank.db().read(NAME, log::last_signed_at).await? else {
        return Ok(false);
    };
    let is_behind = signed_at > now.plus_seconds(BEHIND_SECONDS);
    if is_behind {
        tracing::error!(%now, %signed_at, "the clock is behind the log: nobody is marked or erased");
    }
    Ok(is_behind)
}

/// A mark that lies ahead was made by a clock that did, or this one is behind: it stays, and is waited for.
fn due(person: &Leaving, moments: &Moments) -> Option<Due> {
    let Leaving { is_closed, closed_since, due_since, .. } = *person;
    match (is_closed, closed_since, due_since) {
        (false, None, _) => None,
        (false, Some(_), _) => Some(Due::Unmark),
        (true, None, _) => Some(Due::Mark),
        (true, Some(since), noted) if since > moments.closed => noted.map(|_| Due::Withdraw),
        (true, Some(_), None) => Some(Due::Note),
        (true, Some(_), Some(noted)) if noted > moments.now => Some(Due::Note),
        (true, Some(since), Some(noted)) => (noted <= moments.noted).then_some(Due::Erase(since)),
    }
}

/// False where it is not so any more.
fn carry_out(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, due): (&RowId, Due),
    moments: &Moments,
) -> Result<bool, DbError> {
    let is_closed = log::lock_closed(tx, id)?;
    match due {
        Due::Unmark if !is_closed => log::unmark_closed(tx, id),
        // Set back since the run began.
        Due::Mark if act.now < moments.now => Ok(false),
        Due::Mark if is_closed => {
            let sealed = salts::make(&act.tools, id)?;
            log::mark_closed(tx, (id, &sealed), act.now)
        }
        Due::Note if is_closed => log::set_due(tx, id, Some(act.now)),
        Due::Withdraw if is_closed => log::set_due(tx, id, None),
        Due::Erase(since) if is_closed => {
            if !log::is_due(tx, id, (moments.closed, moments.noted))? {
                return Ok(false);
            }
            forget(tx, act, &CustomerId::from_bytes(*id), since)?;
            Ok(true)
        }
        Due::Mark | Due::Unmark | Due::Note | Due::Withdraw | Due::Erase(_) => Ok(false),
    }
}

fn forget(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    closed_since: Timestamp,
) -> Result<(), DbError> {
    if log::destroy_salt(tx, id.bytes(), act.now)? {
        let after = json!({ "closed_since": closed_since.to_string() });
        events::record(tx, act, "log.salt_destroyed", &id.to_string(), "done", Some(&after))?;
    }
    erasure::erase_in(tx, act, id, closed_since)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = DAY_SECONDS;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    /// Ten days are kept, and it is the twentieth.
    fn due_of(is_closed: bool, closed: Option<i64>, noted: Option<i64>) -> Option<Due> {
        let (closed_since, due_since) = (closed.map(at), noted.map(at));
        let person = Leaving { id: LOWEST, is_closed, closed_since, due_since };
        due(&person, &Moments::of(at(20 * DAY), 10))
    }

    #[test]
    fn somebody_is_erased_a_day_after_their_time_was_seen_to_be_over() {
        assert_eq!(due_of(true, None, None), Some(Due::Mark));
        assert_eq!(due_of(true, Some(10 * DAY + 1), None), None);
        assert_eq!(due_of(true, Some(10 * DAY), None), Some(Due::Note));
        assert_eq!(due_of(true, Some(10 * DAY), Some(19 * DAY + 1)), None);
        let erase = Some(Due::Erase(at(10 * DAY)));
        assert_eq!(due_of(true, Some(10 * DAY), Some(19 * DAY)), erase);
    }

    #[test]
    fn who_is_not_gone_loses_the_mark() {
        assert_eq!(due_of(false, None, None), None);
        assert_eq!(due_of(false, Some(DAY), None), Some(Due::Unmark));
        assert_eq!(due_of(false, Some(DAY), Some(2 * DAY)), Some(Due::Unmark));
    }

    #[test]
    fn a_mark_that_lies_ahead_stays_and_what_was_noted_by_that_clock_does_not() {
        assert_eq!(due_of(true, Some(20 * DAY + 1), None), None);
        assert_eq!(due_of(true, Some(30 * DAY), Some(19 * DAY)), Some(Due::Withdraw));
        assert_eq!(due_of(true, Some(10 * DAY), Some(20 * DAY + 1)), Some(Due::Note));
        // The clock stood ahead when it was noted, or the setting was shorter.
        assert_eq!(due_of(true, Some(11 * DAY), Some(12 * DAY)), Some(Due::Withdraw));
    }
}
