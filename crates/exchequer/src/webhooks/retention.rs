//! How long merchants' events are kept: whoever asks for older ones is told so, and never reads past a gap.
//!
//! Only the oldest go, in the order of their numbers, so what is kept is without a gap up to the last. What an
//! endpoint still needs stays, however old. Cost: a look at each merchant; a slice of [`SLICE`] rows a write.

use ::store::{DbError, Tx};
use money::{MerchantId, Timestamp};
use tokio::sync::watch;

use super::store;
use super::store::kept;
use crate::bank::Bank;
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;

/// Rows of one write.
const SLICE: i64 = 1_000;
const VERB: &str = "merchant_events.delete";

/// Which events of a merchant there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    /// Everything behind this number is there.
    pub behind: i64,
    /// The last number that was given out.
    pub last: i64,
}

pub(super) fn kept(tx: &mut Tx<'_>, of: (&MerchantId, Mode)) -> Result<Kept, DbError> {
    let last = store::last_sequence(tx, of)?;
    let behind = kept::oldest(tx, of)?.map_or(last, |oldest| oldest.saturating_sub(1));
    Ok(Kept { behind, last })
}

impl Kept {
    /// A number behind which somebody may go on. Refuses, in order: `invalid_fields` for one that is not reached,
    /// `events_expired` for one behind which events are missing.
    pub fn position(self, after: i64) -> Result<i64, Problem> {
        if !(0..=self.last).contains(&after) {
            let allowed = format!("0 to {}, the last event", self.last);
            return Err(Problem::field("after", "out_of_range", allowed));
        }
        self.read_from(after)
    }

    /// The same for who only reads: behind the last there is nothing yet.
    pub fn read_from(self, after: i64) -> Result<i64, Problem> {
        if after >= self.behind {
            return Ok(after);
        }
        let detail = format!("events from {} on are kept", self.behind.saturating_add(1));
        Err(Problem::new(Code::EventsExpired).detail(detail))
    }
}

/// Removes what is as old as `cutoff` or older; gives how many events those were.
pub(crate) async fn purge(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
    cutoff: Timestamp,
) -> Result<u64, DbError> {
    let mut removed = 0_u64;
    let mut after = (MerchantId::from_bytes([0; 16]), -1);
    loop {
        let from = after;
        let look = move |tx: &mut Tx<'_>| kept::sequences(tx, (&from.0, from.1), SLICE);
        let found: Vec<(MerchantId, Mode)> = bank.db().read(VERB, look).await?;
        let Some((merchant, mode)) = found.last() else { return Ok(removed) };
        after = (*merchant, mode.code());
        for (merchant, mode) in found {
            loop {
                if *stop.borrow() {
                    return Ok(removed);
                }
                let of = (merchant, mode);
                let look = move |tx: &mut Tx<'_>| to_remove(tx, (&of.0, of.1), cutoff);
                let end: Option<i64> = bank.db().read(VERB, look).await?;
                let Some(_) = end else { break };
                // Looked at again, since an endpoint may have been moved back meanwhile.
                let remove = move |tx: &mut Tx<'_>| remove_in(tx, (&of.0, of.1), cutoff);
                let rows: u64 = bank.db().write(VERB, remove).await?;
                removed = removed.saturating_add(rows);
                if rows == 0 {
                    break;
                }
            }
        }
    }
}

fn remove_in(tx: &mut Tx<'_>, of: (&MerchantId, Mode), cutoff: Timestamp) -> Result<u64, DbError> {
    match to_remove(tx, of, cutoff)? {
        Some(end) => kept::remove_below(tx, of, end),
        None => Ok(0),
    }
}

/// The number below which a slice of events may go; `None` where none may.
fn to_remove(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    cutoff: Timestamp,
) -> Result<Option<i64>, DbError> {
    let Some(oldest) = kept::oldest(tx, of)? else { return Ok(None) };
    let last = store::last_sequence(tx, of)?;
    let end = oldest.saturating_add(SLICE).min(last.saturating_add(1));
    let younger = kept::first_younger(tx, of, (oldest, SLICE), cutoff)?;
    let needed = kept::first_needed(tx, of)?;
    let end = younger.into_iter().chain(needed).fold(end, i64::min);
    Ok((end > oldest).then_some(end))
}
