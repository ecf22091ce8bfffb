//! Operators who were away for too long: their access ends (PCI DSS 4.0.1, 8.2.6).
//!
//! Counted from the last complete sign-in, or from when access was opened: made, enabled or reset. Looked at by a job
//! ([`sweep`]) and at each sign-in, so that it holds whether the job has run or not. The last enabled administrator is never
//! shut out for this, so that somebody can let the others in again; of administrators who are all away the one who was
//! here last stays. Whoever was there before the bank counted is counted from the job's first run.
//!
//! Locks: all administrators in the order of their ids, the operator, their sessions. Cost: a walk through the operators,
//! once an hour. Bound: slices of [`SLICE`]. A clock that is set forward by months shuts operators out, all but one
//! administrator; one that is set back lets nobody stay longer than the setting says once it is right.

use ::store::{DbError, Tx};
use money::{StaffId, Timestamp};
use tokio::sync::watch;

use super::members;
use super::store::{self, Absence};
use crate::bank::{Act, Bank};

/// As logs call the job.
pub const NAME: &str = "staff.absences";

/// Operators looked at together.
const SLICE: i64 = 500;
const DAY_SECONDS: i64 = 86_400;

/// Ends the access of all who are away for too long; gives how many that were. Stops early when `stop` turns true.
pub async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut away = Vec::new();
    // No id is all zeros.
    let mut after = StaffId::from_bytes([0; 16]);
    while !*stop.borrow() {
        let look = move |tx: &mut Tx<'_>| store::absences(tx, (&after, SLICE));
        let slice: Vec<Absence> = bank.db().read(NAME, look).await?;
        let Some(last) = slice.last() else { break };
        after = last.id;
        away.extend(slice.into_iter().filter(|absence| {
            absence.is_enabled
                && (absence.since.is_none() || absence.is_long(bank.tools().now(), days(bank)))
        }));
    }
    // Who was here last comes last: of administrators who are all away it is the one who stays.
    away.sort_by_key(|absence| absence.since);
    let mut ended = 0_u64;
    for absence in away {
        if *stop.borrow() {
            break;
        }
        let act = bank.system_act(NAME);
        let end = move |tx: &mut Tx<'_>| shut_out_in(tx, &act, &absence.id);
        let is_out: bool = bank.db().write(NAME, end).await?;
        ended = ended.saturating_add(u64::from(is_out));
    }
    Ok(ended)
}

/// Ends the access of an operator who is away for too long and not the last administrator; true where it did. Begins to
/// count where nobody has.
pub fn shut_out_in(tx: &mut Tx<'_>, act: &Act, id: &StaffId) -> Result<bool, DbError> {
    let days = act.tools.config().staff.absence_days;
    let is_away = |found: &Absence| found.is_enabled && found.is_long(act.now, days);
    match store::absence(tx, id)? {
        Some(Absence { is_enabled: true, since: None, .. }) => {
            store::begin_absence(tx, id, act.now)?;
            return Ok(false);
        }
        Some(found) if is_away(&found) => {}
        Some(_) | None => return Ok(false),
    }
    let enabled_admins = store::lock_admins(tx)?;
    // Somebody may have let them in, or they have signed in, since.
    if !store::lock_absence(tx, id)?.is_some_and(|found| is_away(&found)) || enabled_admins == [*id]
    {
        return Ok(false);
    }
    let Some(member) = store::lock_member(tx, id)? else { return Ok(false) };
    let text = format!(
        "You have not signed in for {days} days, so your access as an operator was ended. An administrator can open it again."
    );
    members::shut_out_in(tx, act, member, ("absent", &text))?;
    Ok(true)
}

impl Absence {
    fn is_long(&self, now: Timestamp, days: u32) -> bool {
        let seconds = i64::from(days).saturating_mul(DAY_SECONDS);
        self.since.is_some_and(|since| now >= since.plus_seconds(seconds))
    }
}

fn days(bank: &Bank) -> u32 {
    bank.config().staff.absence_days
}
