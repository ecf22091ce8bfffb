//! What operators answer that is neither a sign-in nor a proof: the renewal of their access before there is a session, and
//! the first code of another authenticator.
//!
//! Order and counting are those of a sign-in for a renewal, where a code stands before the bank; of an enrolment,
//! wrong codes count for the challenge alone: who mistypes while enrolling is not locked out of what worked before.

use ::store::{DbError, Tx};
use money::{ChallengeId, SessionId, StaffId, Timestamp};

use super::model::{Answer, AnswerRefusal, ChallengeRow, Purpose};
use super::{counter_of, judge, lock_in, lock_of, record_answer, refused, store};
use crate::attempts;
use crate::bank::Act;
use crate::http::Code;
use crate::sessions::model::PrincipalRef;

/// Which challenge of an operator is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolling {
    /// Before there is a session.
    Renewal,
    /// In the session that asked.
    Authenticator { staff: StaffId, session: SessionId },
}

impl Enrolling {
    fn asks(&self, row: &ChallengeRow) -> Option<StaffId> {
        let PrincipalRef::Staff(id) = row.who else { return None };
        let is_it = match self {
            Self::Renewal => row.purpose == Purpose::Renewal,
            Self::Authenticator { staff, session } => {
                row.purpose == Purpose::Enrol && *staff == id && row.session == Some(*session)
            }
        };
        is_it.then_some(id)
    }
}

/// Whose open renewal this is. Decides nothing: [`answer_operator_in`] looks again.
pub fn renewing(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<StaffId>, DbError> {
    let row = store::get(tx, id)?.filter(|row| !row.is_dead(now));
    Ok(row.and_then(|row| Enrolling::Renewal.asks(&row)))
}

/// Answers a challenge with a code, which is used up by being right; gives whose it was. A refusal has been counted and
/// recorded: the transaction is to be committed in any case.
///
/// Refuses, in order: `Unknown`, `Locked` (a renewal), `Dead`, `WrongCode`.
pub fn answer_operator_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, which): (&ChallengeId, Enrolling),
    code: &str,
) -> Result<Result<StaffId, AnswerRefusal>, DbError> {
    let answer = Answer::Totp(code.to_owned());
    let Some((row, is_active)) = lock_in(tx, id)? else {
        return Ok(Err(AnswerRefusal::Unknown));
    };
    let Some(staff) = which.asks(&row) else { return Ok(Err(AnswerRefusal::Unknown)) };
    if let Some(locked) = lock_of(tx, act, &row)? {
        refused(tx, act, &row, (answer.method(), Code::LockedOut))?;
        let retry_after_seconds = locked.retry_after_seconds;
        return Ok(Err(AnswerRefusal::Locked { retry_after_seconds }));
    }
    if !is_active || row.is_dead(act.now) {
        refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
        return Ok(Err(AnswerRefusal::Dead));
    }
    if judge::judge(tx, act, &row, &answer)?.is_some() {
        store::close(tx, id, None, act.now)?;
        record_answer(tx, act, &row, answer.method())?;
        if which == Enrolling::Renewal {
            let counter = counter_of(tx, act, &row)?;
            attempts::succeed_in(tx, &counter)?;
        }
        return Ok(Ok(staff));
    }
    store::count_attempt(tx, id)?;
    refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
    if which == Enrolling::Renewal {
        let counter = counter_of(tx, act, &row)?;
        // The principal is locked and was open above, so this one counts.
        if let Some(locked) = attempts::fail_in(tx, act, (&counter, Some(&row.who)))? {
            let retry_after_seconds = locked.retry_after_seconds;
            return Ok(Err(AnswerRefusal::Locked { retry_after_seconds }));
        }
    }
    Ok(Err(AnswerRefusal::WrongCode))
}
