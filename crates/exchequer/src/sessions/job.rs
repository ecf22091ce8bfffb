//! The sweep: sessions past a limit are ended in their rows.
//!
//! No session needs it to end, since every use looks at the limits; it says so in the event log, and a
//! clock that is set back later wakes nothing. Each is looked at again in the transaction that ends it.
//! Bound: a walk over the ids of the last days, in slices of [`SLICE`]; a session lives for half a day at
//! most, and ids begin with their time.

use ::store::{DbError, Tx};
use money::SessionId;
use tokio::sync::watch;

use super::store::{self, Life};
use crate::bank::Bank;

/// Sessions ended at a time.
const SLICE: i64 = 100;
/// How far back a session may have been opened, past its absolute limit: for clocks that were wrong.
const SLACK_SECONDS: i64 = 2 * 86_400;

/// Ends all that are past a limit; gives how many. Stops early when `stop` turns true.
pub async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let rules = bank.config().sessions;
    let now = bank.tools().now();
    let limits = (now, now.plus_seconds(-rules.idle_limit_seconds()));
    let oldest = now.plus_seconds(-rules.absolute_limit_seconds()).plus_seconds(-SLACK_SECONDS);
    // Ids begin with their milliseconds (RFC 9562 §5.7).
    let millis = u128::try_from(oldest.millis()).unwrap_or(0);
    let mut after = SessionId::from_bytes((millis << 80).to_be_bytes());
    let mut ended = 0_u64;
    while !*stop.borrow() {
        let look = move |tx: &mut Tx<'_>| store::over(tx, &after, limits, SLICE);
        let over: Vec<SessionId> = bank.db().read("sessions.over", look).await?;
        let Some(last) = over.last().copied() else { break };
        let act = bank.system_act("sessions.limits");
        let end = move |tx: &mut Tx<'_>| {
            let mut count = 0_u64;
            for id in &over {
                let row = store::get(tx, id)?;
                let life = row.map(|row| row.life(act.now, rules.idle_limit_seconds()));
                if let Some(Life::Over(reason)) = life {
                    count += u64::from(super::end_in(tx, &act, id, reason)?);
                }
            }
            Ok::<u64, DbError>(count)
        };
        ended = ended.saturating_add(bank.db().write("sessions.sweep", end).await?);
        after = last;
    }
    Ok(ended)
}
