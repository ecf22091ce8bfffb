//! A first password, and what becomes of it: reset by an administrator or at the command line, renewed by the operator.
//!
//! A reset takes away what an operator signs in with: password, authenticator, sessions and sign-ins under way are over in one
//! transaction. In their place stands a first password that the bank has drawn and shows once. It opens no session: with it
//! the operator chooses a password of their own and enrols an authenticator, both in one request, before the first one
//! ([`renew_in`]). So nobody else knows what an operator signs in with, and a session of an operator has always two factors.
//! It serves for [`FIRST_PASSWORD_SECONDS`] and once.
//!
//! Whoever resets could use the first password themselves. What stands against it: the operator is told by e-mail at once, a
//! second administrator who is not the operator approves, every step is an event, and an operator whose first password was used
//! by somebody else finds that it is wrong.
//!
//! Locks: the operator, challenge, counters, sessions. What it never does: open a session, or leave anything of before the
//! reset that opens one.

use ::store::{DbError, Tx};
use money::{ChallengeId, StaffId};
use serde_json::json;
use vault::SecretString;

use super::access::{Had, code_refused, had};
use super::members::Member;
use super::model::Renewal;
use super::store;
use crate::bank::Act;
use crate::challenges::{self, Asked, Enrolling, Purpose, Question};
use crate::customers::model::Email;
use crate::factors::totp;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice};
use crate::passwords::former;
use crate::sessions::model::PrincipalRef;
use crate::{attempts, events, sessions};

/// From the reset, or the making, to the operator's own password: a weekend (ASVS 5.0, 6.4.1).
pub const FIRST_PASSWORD_SECONDS: i64 = 72 * 3_600;

/// What the right password of an operator leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entering {
    /// The second factor.
    Plainly,
    Renewing(Renewal),
    /// The first password has served its time.
    Late,
}

/// What an operator is asked before there is a session.
pub struct Renewing {
    pub asked: Asked,
    /// Of the authenticator that they are to enrol; none where theirs serves on.
    pub authenticator: Option<NewAuthenticator>,
}

/// Shown once; each sign-in has another.
pub struct NewAuthenticator {
    pub email: String,
    pub secret: SecretString,
}

/// A renewal that is ready to be made.
#[derive(Clone)]
pub struct Renewed {
    pub challenge: ChallengeId,
    pub code: String,
    /// The hash that the challenge began with.
    pub first_hash: String,
    pub new_hash: String,
}

/// Takes away what an operator signs in with; `first_hash` is of the password that stands in its place. `by` is the
/// administrator who does it, none the command line. Whether their access is open stays as it is.
///
/// Refuses, in order: `not_found`, `own_access`. After the commit: [`sessions::api::forget_ended`].
pub fn reset_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (by, id): (Option<&StaffId>, &StaffId),
    first_hash: &str,
) -> Result<Result<Member, Problem>, DbError> {
    let member = match to_reset_in(tx, act, (by, id))? {
        Ok(member) => member,
        Err(problem) => return Ok(Err(problem)),
    };
    let who = PrincipalRef::Staff(*id);
    let replaced = store::access(tx, id)?
        .ok_or_else(|| DbError::Corrupt(format!("{id} was locked and is not there")))?;
    let until = act.now.plus_seconds(FIRST_PASSWORD_SECONDS);
    store::set_first_password(tx, id, (first_hash, until))?;
    store::begin_absence(tx, id, act.now)?;
    // A first password that nobody has used is nobody's own.
    if replaced.renewal == Renewal::Nothing {
        former::keep_in(tx, act, &who, &replaced.password_hash)?;
    }
    attempts::forgive_password_in(tx, &act.tools, attempts::Realm::Staff, &member.email)?;
    attempts::forgive_factor_in(tx, &act.tools, &who)?;
    let ended = sessions::end_all_in(tx, act, who, "reset")?.len();
    let closed = challenges::close_sign_ins_in(tx, act, &who)?;
    let text = "What you sign in with as an operator was reset: your password and your authenticator open nothing \
                any more, and you were signed out everywhere. Whoever resets gives you a first password. If you did \
                not ask for this, tell another administrator at once.";
    tell(tx, act, &member.email, ("access_reset", text))?;
    let after = json!({
        "renewal": Renewal::PasswordAndFactor.as_str(),
        "first_password_until": until.to_string(),
        "sessions_ended": ended,
        "sign_ins_closed": closed,
    });
    let before = json!({ "renewal": replaced.renewal.as_str() });
    let what = ("staff.reset", &*id.to_string(), "done");
    events::record_change(tx, act, what, (Some(&before), Some(&after)))?;
    Ok(Ok(Member { renewal: Renewal::PasswordAndFactor, ..member }))
}

/// An operator whose access may be reset by this one, locked. Refuses as [`reset_in`].
pub fn to_reset_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (by, id): (Option<&StaffId>, &StaffId),
) -> Result<Result<Member, Problem>, DbError> {
    let Some(member) = store::lock_member(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if by == Some(id) {
        let outcome = Code::OwnAccess.as_str();
        events::record(tx, act, "staff.reset_refused", &id.to_string(), outcome, None)?;
        return Ok(Err(Problem::new(Code::OwnAccess)));
    }
    Ok(Ok(member))
}

/// The password that an operator was just made with is to be changed at its first use.
pub fn must_change_in(tx: &mut Tx<'_>, act: &Act, id: &StaffId) -> Result<(), DbError> {
    let until = act.now.plus_seconds(FIRST_PASSWORD_SECONDS);
    store::set_renewal(tx, id, (Renewal::Password, until))?;
    let after = json!({
        "renewal": Renewal::Password.as_str(),
        "first_password_until": until.to_string(),
    });
    events::record(tx, act, "staff.renewal_required", &id.to_string(), "done", Some(&after))
}

/// Whose e-mail this is, for the command line.
pub fn find(tx: &mut Tx<'_>, email: &Email) -> Result<Option<StaffId>, DbError> {
    store::by_email(tx, email)
}

/// What the right password leads to. The row is locked by the caller.
pub fn entering_in(tx: &mut Tx<'_>, act: &Act, id: &StaffId) -> Result<Entering, DbError> {
    let Some(access) = store::access(tx, id)? else { return Ok(Entering::Plainly) };
    if access.renewal == Renewal::Nothing {
        return Ok(Entering::Plainly);
    }
    let is_late = access.first_password_until.is_none_or(|until| act.now >= until);
    Ok(if is_late { Entering::Late } else { Entering::Renewing(access.renewal) })
}

/// Asks for what is to be renewed, with an authenticator's secret where it is to be a new one.
pub fn ask_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, renewal): (&StaffId, Renewal),
    device: Option<[u8; 32]>,
) -> Result<Renewing, DbError> {
    let authenticator = match renewal {
        Renewal::PasswordAndFactor => {
            let secret = totp::new_secret(act.tools.rng());
            store::set_new_totp(tx, act, id, &secret)?;
            let email = store::email(tx, id)?.unwrap_or_default();
            Some(NewAuthenticator { email, secret })
        }
        Renewal::Password | Renewal::Nothing => None,
    };
    let question = Question {
        purpose: Purpose::Renewal,
        session: None,
        device,
        factor: None,
        binding: None,
        text: None,
    };
    let asked = challenges::ask_in(tx, act, PrincipalRef::Staff(*id), &question)?;
    Ok(Renewing { asked, authenticator })
}

/// What the new password of an open renewal is compared with. Decides nothing.
pub fn open(tx: &mut Tx<'_>, act: &Act, challenge: &ChallengeId) -> Result<Option<Had>, DbError> {
    match challenges::renewing(tx, challenge, act.now)? {
        Some(id) => had(tx, &id),
        None => Ok(None),
    }
}

/// Gives an operator the password of their own, once the code is right. They sign in with it then.
///
/// Refuses, in order: `locked_out`, `invalid_code` (wrong, late, or nothing to renew). A refusal is to be committed.
pub fn renew_in(
    tx: &mut Tx<'_>,
    act: &Act,
    renewed: &Renewed,
) -> Result<Result<(), Problem>, DbError> {
    let asked = (&renewed.challenge, Enrolling::Renewal);
    let id = match challenges::answer_operator_in(tx, act, asked, &renewed.code)? {
        Ok(id) => id,
        Err(refusal) => return Ok(Err(code_refused(refusal))),
    };
    let hashes = (renewed.first_hash.as_str(), renewed.new_hash.as_str());
    // A reset would have closed the challenge; a sign-in beside this one may have given the password another hash.
    if !store::set_password(tx, &id, hashes)? {
        return Ok(Err(Problem::new(Code::InvalidCode)));
    }
    let who = PrincipalRef::Staff(id);
    former::keep_in(tx, act, &who, &renewed.first_hash)?;
    store::begin_absence(tx, &id, act.now)?;
    challenges::close_sign_ins_in(tx, act, &who)?;
    let email = store::email(tx, &id)?.unwrap_or_default();
    let text = "You have chosen your password as an operator. From now on you sign in with it and your authenticator.";
    tell(tx, act, &email, ("access_renewed", text))?;
    events::record(tx, act, "staff.access_renewed", &id.to_string(), "done", None)?;
    Ok(Ok(()))
}

fn tell(
    tx: &mut Tx<'_>,
    act: &Act,
    email: &str,
    (purpose, text): (&'static str, &str),
) -> Result<(), DbError> {
    let notice = Notice { purpose, subject: "Your access as an operator", text: text.to_owned() };
    outbox::inform_in(tx, act, email, &notice)
}
