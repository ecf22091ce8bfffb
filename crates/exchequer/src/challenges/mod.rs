//! Challenges: a question to somebody, and what became of it. The second half of a sign-in, a step-up for one
//! act, the confirmation of a factor, the second factor of a password reset: all go through here, customers and
//! operators alike, so that counting, locking and single use are decided once.
//!
//! Order of an answer: the principal is locked, then the challenge; a locked-out principal is refused, then a
//! dead challenge, then a method that it does not offer; only then the answer is judged. A wrong one is counted
//! in the same transaction that says so, for the challenge (at most [`MAX_ATTEMPTS`]) and for the principal
//! (`attempts`), so that guessing does not go on through older or newer challenges. Passwords count with those at
//! sign-in. Locks: principal, challenge, counter, factor.
//!
//! Cost: a handful of statements by primary key. Bounds: [`CHALLENGE_SECONDS`], [`MAX_SENDS`],
//! [`PROOF_SECONDS`].
//!
//! What it never does: keep a code or a proof that could be read back, tell which of the reasons a code was not
//! taken for, or take a proof for anything but the principal, session and binding that it was asked for.

pub mod code;
mod judge;
pub mod model;
mod operator;
mod passkey;
pub mod password;
mod send;
mod store;

use ::store::{DbError, Tx};
use money::{ChallengeId, CustomerId, FactorId, SessionId};
use serde_json::json;
use vault::{SecretString, random_token, same_bytes, token_hash};

use self::model::ChallengeRow;
pub use self::model::{Answer, AnswerRefusal, Answered, Asked, Method, Proved, Purpose, Question};
pub use self::operator::{Enrolling, answer_operator_in, renewing};
pub use self::passkey::ask_passkey_in;
pub use self::send::{SendRefusal, send_in};
pub use self::store::erase_in;
use crate::attempts::{self, Counter};
use crate::bank::Act;
use crate::events;
use crate::factors::webauthn;
use crate::http::Code;
use crate::sessions::model::PrincipalRef;

/// A person finds their telephone in this time; a code lives as long (NIST SP 800-63B-4 §3.1.3.2 allows ten
/// minutes).
pub const CHALLENGE_SECONDS: i64 = 300;
/// For confirming a factor: an authenticator has to be installed first.
pub const ENROL_SECONDS: i64 = 900;
/// Wrong answers per challenge; a code has one chance in a million, three with the window of an authenticator.
pub const MAX_ATTEMPTS: i64 = 3;
/// Codes sent for one challenge: each costs money and annoys somebody.
pub const MAX_SENDS: i64 = 5;
/// From a right answer to the act that it was for.
pub const PROOF_SECONDS: i64 = 300;

/// Asks somebody. The methods are those that their active factors allow for the purpose, which are none where
/// they have no factor: who asks looks first ([`crate::factors::has_active`]).
pub fn ask_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: PrincipalRef,
    question: &Question,
) -> Result<Asked, DbError> {
    let id: ChallengeId = act.id();
    let lives = match question.purpose {
        Purpose::Enrol | Purpose::Renewal => ENROL_SECONDS,
        Purpose::SignIn
        | Purpose::StepUp
        | Purpose::Factors
        | Purpose::Password
        | Purpose::Reset
        | Purpose::Passkey => CHALLENGE_SECONDS,
    };
    let expires_at = act.now.plus_seconds(lives);
    let device = match (question.device, question.session) {
        (None, Some(session)) => store::device_of(tx, &session)?,
        (device, _) => device,
    };
    store::insert(tx, act, &id, (&who, device), question, expires_at)?;
    let subject = (&who, question.purpose, question.factor.as_ref());
    let methods = judge::methods(tx, act, subject)?;
    let after = json!({ "challenge": id.to_string(), "purpose": question.purpose.as_str() });
    events::record(tx, act, "challenge.opened", &who.to_string(), "done", Some(&after))?;
    let webauthn = match who {
        PrincipalRef::Customer(customer)
            if methods.contains(&Method::Webauthn) && question.purpose != Purpose::Enrol =>
        {
            let nonce =
                webauthn::nonce(&act.tools, (&id, question.purpose), question.binding.as_ref());
            let about = (&customer, question.factor.as_ref());
            Some(webauthn::request_options(tx, act, about, nonce.active())?)
        }
        PrincipalRef::Customer(_) | PrincipalRef::Staff(_) => None,
    };
    Ok(Asked { id, methods, expires_at, webauthn })
}

/// Answers a challenge of a sign-in, step-up or reset. A refusal has been counted and recorded: the transaction
/// is to be committed in any case. `device_token` is what a device keeps: a passkey's answer says whose it is,
/// so which device that comes from is known only then.
///
/// Refuses, in order, as [`AnswerRefusal`] lists them. The confirmation of a factor is not there: it is
/// answered by its owner ([`answer_enrolment_in`]). Nor is what an operator does before a session
/// ([`answer_operator_in`]).
pub fn answer_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ChallengeId,
    answer: &Answer,
    device_token: Option<&str>,
) -> Result<Result<Answered, AnswerRefusal>, DbError> {
    let is_here = |row: &ChallengeRow| !matches!(row.purpose, Purpose::Enrol | Purpose::Renewal);
    let Some((row, is_active)) = lock_in(tx, id)?.filter(|(row, _)| is_here(row)) else {
        return Ok(Err(AnswerRefusal::Unknown));
    };
    if row.purpose == Purpose::Passkey {
        return match answer {
            Answer::Webauthn(answer) => passkey::answer_in(tx, act, &row, (answer, device_token)),
            _ => Ok(Err(AnswerRefusal::NotOffered)),
        };
    }
    if let Some(locked) = lock_of(tx, act, &row)? {
        let refusal = AnswerRefusal::Locked { retry_after_seconds: locked.retry_after_seconds };
        refused(tx, act, &row, (answer.method(), Code::LockedOut))?;
        return Ok(Err(refusal));
    }
    if !is_active || row.is_dead(act.now) {
        refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
        return Ok(Err(AnswerRefusal::Dead));
    }
    let subject = (&row.who, row.purpose, row.factor.as_ref());
    if !judge::methods(tx, act, subject)?.contains(&answer.method()) {
        return Ok(Err(AnswerRefusal::NotOffered));
    }
    let counter = counter_of(tx, act, &row)?;
    let Some(right) = judge::judge(tx, act, &row, answer)? else {
        store::count_attempt(tx, id)?;
        refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
        // The principal is locked and was open above, so this one counts; but for a password, which wrong ones at
        // sign-in may have locked beside it.
        let locked = attempts::fail_in(tx, act, (&counter, Some(&row.who)))?;
        return Ok(Err(locked.map_or(AnswerRefusal::WrongCode, |locked| AnswerRefusal::Locked {
            retry_after_seconds: locked.retry_after_seconds,
        })));
    };
    attempts::succeed_in(tx, &counter)?;
    answered(tx, act, &row, (answer.method(), right.factor)).map(Ok)
}

/// Answers the newest challenge that confirms this factor of this customer. Wrong codes count for the challenge
/// alone: who mistypes while enrolling is not locked out of what worked before.
///
/// Refuses, in order: `Unknown` (no challenge is open), `Dead`, `NotOffered`, `WrongCode`.
pub fn answer_enrolment_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, &FactorId),
    answer: &Answer,
) -> Result<Result<(), AnswerRefusal>, DbError> {
    let Some(id) = store::newest_enrolment(tx, customer, factor)? else {
        return Ok(Err(AnswerRefusal::Unknown));
    };
    let Some((row, is_active)) = lock_in(tx, &id)? else {
        return Ok(Err(AnswerRefusal::Unknown));
    };
    if !is_active || row.is_dead(act.now) {
        refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
        return Ok(Err(AnswerRefusal::Dead));
    }
    let subject = (&row.who, row.purpose, row.factor.as_ref());
    if !judge::methods(tx, act, subject)?.contains(&answer.method()) {
        return Ok(Err(AnswerRefusal::NotOffered));
    }
    if judge::judge(tx, act, &row, answer)?.is_none() {
        store::count_attempt(tx, &id)?;
        refused(tx, act, &row, (answer.method(), Code::InvalidCode))?;
        return Ok(Err(AnswerRefusal::WrongCode));
    }
    store::close(tx, &id, Some(factor), act.now)?;
    record_answer(tx, act, &row, answer.method())?;
    Ok(Ok(()))
}

/// Takes the registration of a credential that was begun last in this session: what comes of it, it is over.
pub fn take_registration_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    session: &SessionId,
) -> Result<Option<ChallengeId>, DbError> {
    let Some(id) = store::newest_registration(tx, customer, session)? else { return Ok(None) };
    let Some((row, is_active)) = lock_in(tx, &id)? else { return Ok(None) };
    if !is_active || row.is_dead(act.now) {
        return Ok(None);
    }
    store::close(tx, &id, None, act.now)?;
    Ok(Some(id))
}

/// Ends what was begun and not finished of new credentials: what was begun before there was anything to step up
/// with is not finished afterwards.
pub fn close_registrations_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
) -> Result<(), DbError> {
    store::close_registrations(tx, customer, act.now)
}

/// Ends every sign-in of a principal that waits for its second factor or its renewal: the password that it began with is not theirs
/// any more. Gives how many that were. The principal's row is locked by the caller, so that none begins beside it.
pub fn close_sign_ins_in(tx: &mut Tx<'_>, act: &Act, who: &PrincipalRef) -> Result<u64, DbError> {
    store::close_sign_ins(tx, who, act.now)
}

/// Takes the proof of a step-up: once, for exactly this principal, session and binding, within
/// [`PROOF_SECONDS`] of the answer. To be called in the transaction of the act, so that the proof is used up
/// if and only if the act happens.
pub fn redeem_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (who, session, purpose): (PrincipalRef, &SessionId, Purpose),
    binding: &[u8; 32],
    proof: &str,
) -> Result<Option<Proved>, DbError> {
    take_proof_in(tx, act, (who, Some(*session), purpose), binding, proof)
}

/// Takes the proof of a password reset, which no session asks for.
pub fn redeem_reset_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: PrincipalRef,
    binding: &[u8; 32],
    proof: &str,
) -> Result<Option<Proved>, DbError> {
    take_proof_in(tx, act, (who, None, Purpose::Reset), binding, proof)
}

fn take_proof_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (who, session, purpose): (PrincipalRef, Option<SessionId>, Purpose),
    binding: &[u8; 32],
    proof: &str,
) -> Result<Option<Proved>, DbError> {
    // A proof names its challenge, so that it is found by primary key.
    let named = proof.split_once('.').and_then(|(id, token)| Some((id.parse().ok()?, token)));
    let Some((id, token)) = named else { return Ok(None) };
    store::lock_principal(tx, &who)?;
    let Some(row) = store::lock(tx, &id)? else { return Ok(None) };
    let is_right = row.proof_hash.is_some_and(|hash| same_bytes(&hash, &token_hash(token)))
        && row.binding.is_some_and(|bound| same_bytes(&bound, binding))
        && row.who == who
        && row.session == session
        && row.purpose == purpose
        && row.proves(act.now);
    if !is_right {
        let after = json!({ "challenge": id.to_string(), "purpose": purpose.as_str() });
        let (action, outcome) = ("challenge.proof_refused", Code::StepUpRequired.as_str());
        events::record(tx, act, action, &who.to_string(), outcome, Some(&after))?;
        return Ok(None);
    }
    store::use_up(tx, &id, act.now)?;
    Ok(Some(Proved { challenge: id, factor: row.proof_factor }))
}

/// Locks the principal of a challenge, then the challenge, as everybody does; and whether the principal is
/// active.
fn lock_in(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<Option<(ChallengeRow, bool)>, DbError> {
    let Some(who) = store::principal_of(tx, id)? else { return Ok(None) };
    let is_active = store::lock_principal(tx, &who)?;
    Ok(store::lock(tx, id)?.map(|row| (row, is_active)))
}

/// Guessed passwords stand between a sign-in and its tokens, and not before what a session or a reset asks for (a
/// stranger could make them), unless it asks for the password.
fn lock_of(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
) -> Result<Option<attempts::Locked>, DbError> {
    match row.purpose {
        Purpose::SignIn | Purpose::Renewal => attempts::locked_in(tx, act, &row.who, row.device),
        Purpose::StepUp | Purpose::Factors | Purpose::Password | Purpose::Reset => {
            let counter = counter_of(tx, act, row)?;
            attempts::lock_of_in(tx, act, &counter)
        }
        Purpose::Enrol | Purpose::Passkey => Ok(None),
    }
}

/// What wrong answers to a challenge count for.
fn counter_of(tx: &mut Tx<'_>, act: &Act, row: &ChallengeRow) -> Result<Counter, DbError> {
    if row.purpose != Purpose::Password {
        return Ok(Counter::factor(&act.tools, &row.who, row.device));
    }
    attempts::password_counter(tx, &act.tools, &row.who, row.device)?.ok_or_else(|| {
        DbError::Corrupt(format!("{} is asked for a password and is nobody", row.who))
    })
}

/// Closes a challenge that was answered rightly, and says what the answer is worth.
fn answered(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    (method, factor): (Method, Option<FactorId>),
) -> Result<Answered, DbError> {
    record_answer(tx, act, row, method)?;
    match row.purpose {
        Purpose::SignIn | Purpose::Enrol | Purpose::Passkey | Purpose::Renewal => {
            store::close(tx, &row.id, factor.as_ref(), act.now)?;
            Ok(Answered::SignIn { principal: row.who, device: row.device, method, factor })
        }
        Purpose::StepUp | Purpose::Factors | Purpose::Password | Purpose::Reset => {
            let token = random_token(act.tools.rng());
            let hash = token_hash(token.expose());
            store::prove(tx, &row.id, (&hash, factor.as_ref()), act.now)?;
            Ok(Answered::Proof(SecretString::new(format!("{}.{}", row.id, token.expose()))))
        }
    }
}

fn record_answer(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    method: Method,
) -> Result<(), DbError> {
    let after = json!({
        "challenge": row.id.to_string(),
        "purpose": row.purpose.as_str(),
        "method": method.as_str(),
    });
    events::record(tx, act, "challenge.answered", &row.who.to_string(), "done", Some(&after))
}

fn refused(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    (method, code): (Method, Code),
) -> Result<(), DbError> {
    let after = json!({
        "challenge": row.id.to_string(),
        "purpose": row.purpose.as_str(),
        "method": method.as_str(),
        "challenge_dead": row.is_dead(act.now),
    });
    let (action, outcome) = ("challenge.answer_refused", code.as_str());
    events::record(tx, act, action, &row.who.to_string(), outcome, Some(&after))
}
