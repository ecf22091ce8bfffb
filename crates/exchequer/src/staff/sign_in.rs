//! An operator's sign-in: the password opens a challenge, a code answers it. There is no way round the
//! second factor.
//!
//! Order of an answer: the challenge is locked; dead ones are refused; the code's time step is compared
//! and set; a wrong code is counted in the same transaction that says so. Locks: challenge, then
//! operator.

use ::store::{DbError, Tx};
use money::{ChallengeId, StaffId};
use serde_json::json;

use super::{store, totp};
use crate::bank::Act;
use crate::config::Lockout;
use crate::customers::model::Email;
use crate::events;
use crate::http::Code;

/// A person finds their telephone in this time.
const CHALLENGE_SECONDS: i64 = 300;
/// Wrong codes per challenge; each has three chances in a million, the codes of the window.
const MAX_ATTEMPTS: i64 = 3;

/// What an operator's password is verified against.
#[derive(Clone)]
pub struct StaffCredentials {
    pub id: StaffId,
    pub is_active: bool,
    pub password_hash: String,
}

/// Why an answer to a challenge is not taken, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeRefusal {
    Unknown,
    /// Answered before, over its time, or guessed at too often.
    Dead,
    /// Not a code of this time, or one that was used.
    WrongCode,
}

pub fn credentials(tx: &mut Tx<'_>, email: &Email) -> Result<Option<StaffCredentials>, DbError> {
    store::credentials(tx, email)
}

/// Opens a challenge for a verified password. None where the operator was disabled or the password changed
/// since it was verified. `upgraded` is a new hash of the same password.
pub fn challenge_in(
    tx: &mut Tx<'_>,
    act: &Act,
    verified: &StaffCredentials,
    upgraded: Option<&str>,
) -> Result<Option<ChallengeId>, DbError> {
    if !store::has_hash(tx, &verified.id, &verified.password_hash)? {
        return Ok(None);
    }
    let resource = verified.id.to_string();
    if let Some(new) = upgraded
        && store::replace_hash(tx, &verified.id, &verified.password_hash, new)?
    {
        events::record(tx, act, "staff.password_hash_upgraded", &resource, "done", None)?;
    }
    let challenge: ChallengeId = act.id();
    let expires_at = act.now.plus_seconds(CHALLENGE_SECONDS);
    store::insert_challenge(tx, &challenge, &verified.id, act.now, expires_at)?;
    let after = json!({ "challenge": challenge.to_string() });
    events::record(tx, act, "session.challenged", &resource, "done", Some(&after))?;
    Ok(Some(challenge))
}

/// Answers a challenge with a code. A refusal has been counted and recorded: the transaction is to be
/// committed in any case.
pub fn answer_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (challenge, code): (&ChallengeId, &str),
    lockout: Lockout,
) -> Result<Result<StaffId, ChallengeRefusal>, DbError> {
    let Some(row) = store::lock_challenge(tx, challenge)? else {
        return Ok(Err(ChallengeRefusal::Unknown));
    };
    let is_dead = row.is_used
        || row.attempts >= MAX_ATTEMPTS
        || act.now >= row.expires_at
        || is_guessed_at(tx, act, &row.staff, lockout)?;
    let refusal = if is_dead {
        ChallengeRefusal::Dead
    } else if take_code(tx, act, &row.staff, code)? {
        store::use_challenge(tx, challenge, act.now)?;
        return Ok(Ok(row.staff));
    } else {
        store::count_attempt(tx, challenge)?;
        ChallengeRefusal::WrongCode
    };
    let after = json!({ "challenge": challenge.to_string(), "challenge_dead": is_dead });
    let (action, outcome) = ("session.second_factor_failed", Code::InvalidCode.as_str());
    events::record(tx, act, action, &row.staff.to_string(), outcome, Some(&after))?;
    Ok(Err(refusal))
}

/// Whether so many wrong codes came lately that none is taken, through whichever challenges: who has
/// the password opens as many of them as they please. Nobody without it gets that far.
fn is_guessed_at(
    tx: &mut Tx<'_>,
    act: &Act,
    staff: &StaffId,
    lockout: Lockout,
) -> Result<bool, DbError> {
    let seconds = i64::try_from(lockout.seconds).unwrap_or(i64::MAX);
    let wrong = store::wrong_codes(tx, staff, act.now.plus_seconds(-seconds))?;
    Ok(wrong >= i64::from(lockout.failures))
}

/// Whether this is a code of the present that nobody used; it is used then.
fn take_code(tx: &mut Tx<'_>, act: &Act, staff: &StaffId, code: &str) -> Result<bool, DbError> {
    let Some(row) = store::totp(tx, &act.tools, staff)? else { return Ok(false) };
    match totp::matching_step(&row.secret, code, act.now, row.last_step) {
        Some(step) => store::accept_step(tx, staff, step),
        None => Ok(false),
    }
}
