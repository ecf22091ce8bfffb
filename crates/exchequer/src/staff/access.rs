//! What an operator changes of their own access: the password, and the authenticator.
//!
//! Both ask for the password and a code of the authenticator, in the request itself: a session alone, which may be
//! stolen, changes nothing. Order: locks after wrong tries, the password (its hash compared outside the transaction), the
//! rules for a new one, the code, which is used up by being right, the change. Wrong ones are counted like those at a
//! sign-in from the session's device.
//!
//! After either, all sessions end, the one that asked too (a thief may sit in another tab of it), and so do sign-ins that
//! wait for their second half. The operator is told by e-mail. A new authenticator takes the place of the old one with its
//! first code, within [`challenges::ENROL_SECONDS`] and in the session that asked; until then the old one serves.
//!
//! Locks: the operator, their challenge, the counters, their sessions. What it never does: show a secret twice, or let
//! the code that enrols an authenticator sign in.

use ::store::{DbError, Tx};
use money::{ChallengeId, SessionId, StaffId};
use serde_json::json;
use vault::SecretString;

use super::store;
use crate::attempts::{self, Locked};
use crate::bank::Act;
use crate::challenges::{self, AnswerRefusal, Asked, Enrolling, Purpose, Question};
use crate::events;
use crate::factors::totp;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice};
use crate::passwords::former;
use crate::sessions;
use crate::sessions::model::PrincipalRef;

/// An operator in a session of theirs.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    pub id: StaffId,
    pub session: SessionId,
}

/// What an operator's passwords are compared with.
#[derive(Clone)]
pub struct Had {
    pub email: String,
    pub password_hash: String,
    /// Hashes of the passwords before it.
    pub former: Vec<String>,
}

impl Had {
    /// All of them, the one in use first.
    pub fn all(&self) -> Vec<String> {
        std::iter::once(&self.password_hash).chain(&self.former).cloned().collect()
    }
}

/// A password that was verified, and the code that came with it.
#[derive(Clone)]
pub struct Shown {
    pub password_hash: String,
    pub code: String,
}

/// An authenticator that waits for its first code. The secret is shown this once.
pub struct Begun {
    pub asked: Asked,
    pub email: String,
    pub secret: SecretString,
}

impl Own {
    fn who(&self) -> PrincipalRef {
        PrincipalRef::Staff(self.id)
    }
}

pub fn had(tx: &mut Tx<'_>, id: &StaffId) -> Result<Option<Had>, DbError> {
    let Some(access) = store::access(tx, id)? else { return Ok(None) };
    let former = former::of(tx, &PrincipalRef::Staff(*id))?;
    Ok(Some(Had { email: access.email, password_hash: access.password_hash, former }))
}

/// What keeps an operator from trying, on the session's device.
pub fn lock_in(tx: &mut Tx<'_>, act: &Act, own: &Own) -> Result<Option<Locked>, DbError> {
    let device = sessions::device_of(tx, &own.session)?;
    attempts::locked_in(tx, act, &own.who(), device)
}

/// Counts and records a wrong password, and gives the answer. Where the counter was locked meanwhile that is told, as to a
/// right one: which of many at once was right must not show.
pub fn fail_password_in(tx: &mut Tx<'_>, act: &Act, own: &Own) -> Result<Problem, DbError> {
    let device = sessions::device_of(tx, &own.session)?;
    refused(tx, act, own, Code::InvalidCredentials)?;
    let counter = attempts::password_counter(tx, &act.tools, &own.who(), device)?
        .ok_or_else(|| DbError::Corrupt(format!("{} is signed in and is nobody", own.id)))?;
    let locked = attempts::fail_in(tx, act, (&counter, Some(&own.who())))?;
    Ok(locked.map_or_else(|| Problem::new(Code::InvalidCredentials), locked_out))
}

/// Changes the password. After the commit: [`sessions::api::forget_ended`].
///
/// Refuses, in order: `locked_out`, `invalid_credentials` (the password was changed since it was verified),
/// `invalid_code`. A refusal is to be committed: it was counted.
pub fn change_password_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &Own,
    (shown, new_hash): (&Shown, &str),
) -> Result<Result<(), Problem>, DbError> {
    if let Err(problem) = take_shown_in(tx, act, own, shown)? {
        return Ok(Err(problem));
    }
    let hashes = (shown.password_hash.as_str(), new_hash);
    if !store::set_password(tx, &own.id, hashes)? {
        return Err(DbError::Corrupt(format!(
            "{}: a password changed while it was locked",
            own.id
        )));
    }
    former::keep_in(tx, act, &own.who(), &shown.password_hash)?;
    let text = "Your password as an operator was changed. You were signed out everywhere.";
    end_in(tx, act, own, ("staff.password_changed", "password_changed", text)).map(Ok)
}

/// Begins to put another authenticator in the place of the one that the code came from.
///
/// Refuses as [`change_password_in`].
pub fn begin_authenticator_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &Own,
    shown: &Shown,
) -> Result<Result<Begun, Problem>, DbError> {
    if let Err(problem) = take_shown_in(tx, act, own, shown)? {
        return Ok(Err(problem));
    }
    let email = store::email(tx, &own.id)?
        .ok_or_else(|| DbError::Corrupt(format!("{} is signed in and is nobody", own.id)))?;
    let secret = totp::new_secret(act.tools.rng());
    store::set_new_totp(tx, act, &own.id, &secret)?;
    let question = Question {
        purpose: Purpose::Enrol,
        session: Some(own.session),
        device: None,
        factor: None,
        binding: None,
        text: None,
    };
    let asked = challenges::ask_in(tx, act, own.who(), &question)?;
    events::record(tx, act, "staff.authenticator_begun", &own.id.to_string(), "done", None)?;
    Ok(Ok(Begun { asked, email, secret }))
}

/// Puts the new authenticator in the place of the old one. After the commit: [`sessions::api::forget_ended`].
///
/// Refuses `invalid_code`: wrong, late, or nothing was begun in this session.
pub fn confirm_authenticator_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &Own,
    (challenge, code): (&ChallengeId, &str),
) -> Result<Result<(), Problem>, DbError> {
    let which = Enrolling::Authenticator { staff: own.id, session: own.session };
    match challenges::answer_operator_in(tx, act, (challenge, which), code)? {
        Ok(_) => {}
        Err(refusal) => return Ok(Err(code_refused(refusal))),
    }
    let text = "Another authenticator has taken the place of yours as an operator. You were signed out \
                everywhere.";
    end_in(tx, act, own, ("staff.authenticator_replaced", "factor_added", text)).map(Ok)
}

/// The password that was verified is still theirs, and the code is right; the row stays locked.
fn take_shown_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &Own,
    shown: &Shown,
) -> Result<Result<(), Problem>, DbError> {
    let is_theirs = store::lock_hash(tx, &own.id)?.is_some_and(|hash| hash == shown.password_hash);
    if let Some(locked) = lock_in(tx, act, own)? {
        return Ok(Err(locked_out(locked)));
    }
    if !is_theirs {
        refused(tx, act, own, Code::InvalidCredentials)?;
        return Ok(Err(Problem::new(Code::InvalidCredentials)));
    }
    let device = sessions::device_of(tx, &own.session)?;
    let factor = attempts::Counter::factor(&act.tools, &own.who(), device);
    if !super::take_totp_in(tx, act, &own.id, &shown.code)? {
        refused(tx, act, own, Code::InvalidCode)?;
        let locked = attempts::fail_in(tx, act, (&factor, Some(&own.who())))?;
        return Ok(Err(locked.map_or_else(|| Problem::new(Code::InvalidCode), locked_out)));
    }
    attempts::succeed_in(tx, &factor)?;
    if let Some(password) = attempts::password_counter(tx, &act.tools, &own.who(), device)? {
        attempts::succeed_in(tx, &password)?;
    }
    Ok(Ok(()))
}

/// What follows a change: sessions and sign-ins under way end, the operator is told, the event is written.
fn end_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &Own,
    (action, purpose, text): (&'static str, &'static str, &str),
) -> Result<(), DbError> {
    let ended = sessions::end_all_in(tx, act, own.who(), "access_changed")?.len();
    let closed = challenges::close_sign_ins_in(tx, act, &own.who())?;
    let email = store::email(tx, &own.id)?.unwrap_or_default();
    let notice = Notice { purpose, subject: "Your access as an operator", text: text.to_owned() };
    outbox::inform_in(tx, act, &email, &notice)?;
    let after = json!({ "sessions_ended": ended, "sign_ins_closed": closed });
    events::record(tx, act, action, &own.id.to_string(), "done", Some(&after))
}

fn refused(tx: &mut Tx<'_>, act: &Act, own: &Own, code: Code) -> Result<(), DbError> {
    let (action, resource) = ("staff.access_change_refused", own.id.to_string());
    events::record(tx, act, action, &resource, code.as_str(), None)
}

/// One answer for all that a code was not taken for but a lock.
pub(super) fn code_refused(refusal: AnswerRefusal) -> Problem {
    match refusal {
        AnswerRefusal::Locked { retry_after_seconds } => locked_out(Locked { retry_after_seconds }),
        AnswerRefusal::Unknown
        | AnswerRefusal::Dead
        | AnswerRefusal::NotOffered
        | AnswerRefusal::WrongCode => Problem::new(Code::InvalidCode),
    }
}

pub fn locked_out(locked: Locked) -> Problem {
    Problem {
        retry_after_seconds: Some(locked.retry_after_seconds),
        ..Problem::new(Code::LockedOut)
    }
}
