//! Second factors of customers: enrolled, confirmed, listed, named and removed by themselves.
//!
//! Authenticators (TOTP), text messages, security keys and passkeys count as a second factor in every profile.
//! An e-mail address can be enrolled and confirmed, which proves it, and is no factor: whoever reads the mail
//! resets the password too. A setting lets it complete a sign-in beside the password where nothing better is
//! enrolled; it never confirms an act. Recovery codes stand in at sign-in, at a password reset and for a change of
//! the factors, never for another act.
//!
//! Adding a factor beyond the first, removing one and making recovery codes anew need a step-up of their own; the
//! first one needs a password that was shown just now, at the sign-in or for it (`stepup`). A notice goes to the
//! channels that were there before. What is not confirmed within [`UNCONFIRMED_SECONDS`] is forgotten; confirming
//! the first factor drops what else waits, so that nobody confirms later what was begun before there was anything
//! to step up with.
//!
//! Locks: the customer, then the factor. Bound: [`MAX_FACTORS`]. What this module never does: show a secret
//! again, or take a code twice.

pub mod api;
pub mod ceremony;
pub mod model;
pub mod qr;
pub mod recovery;
mod reindex;
mod store;
pub mod totp;
pub mod webauthn;

use ::store::{DbError, Tx};
use money::{CustomerId, FactorId};
use serde_json::json;
use vault::SecretString;

pub use self::model::{
    ConfirmRefusal, Confirmed, EnrolRefusal, Enrolled, FactorRow, Kind, New, Status,
};
pub use self::recovery::{replace_in as replace_recovery_codes_in, take_recovery_code_in};
pub use self::reindex::{indexes_behind, move_indexes_in};
pub use self::store::erase_in;
use crate::bank::{Act, Tools};
use crate::challenges::{self, Answer, AnswerRefusal, Method, Purpose, Question};
use crate::http::Code;
use crate::outbox::{self, Notice};
use crate::sessions::model::PrincipalRef;
use crate::{confirmations, customers, events};

/// Of one customer, unconfirmed ones included: more would be a mistake or an attack.
pub const MAX_FACTORS: usize = 10;
/// From enrolling to confirming.
pub const UNCONFIRMED_SECONDS: i64 = 3_600;

/// The kinds of active factors that count as a second factor, strongest first: what an act can be confirmed
/// with.
pub fn active_kinds(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Vec<Kind>, DbError> {
    let mut kinds = store::active_kinds(tx, customer)?;
    kinds.retain(|kind| kind.is_second_factor());
    kinds.sort_unstable();
    Ok(kinds)
}

pub fn has_active(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<bool, DbError> {
    Ok(!active_kinds(tx, customer)?.is_empty())
}

/// What a question without a factor of its own can be answered with, strongest first. Empty: the customer has
/// nothing to answer it with, and a sign-in is complete with its password.
pub fn offered(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    purpose: Purpose,
) -> Result<Vec<Method>, DbError> {
    let active = store::active_kinds(tx, customer)?;
    let by_email = act.tools.config().factors.email_at_sign_in;
    let mut methods = model::offered(&active, purpose, by_email);
    let is_replaceable = matches!(purpose, Purpose::SignIn | Purpose::Reset | Purpose::Factors);
    if !methods.is_empty() && is_replaceable && recovery::left(tx, customer)? > 0 {
        methods.push(Method::RecoveryCode);
    }
    Ok(methods)
}

/// What one factor, confirmed or not, is asked by. None: it is not this customer's.
pub fn method_of(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    factor: &FactorId,
) -> Result<Option<Method>, DbError> {
    Ok(store::get(tx, customer, factor)?.map(|row| row.kind.method()))
}

/// Where a code goes: to the one factor that a question is about, else to the one confirmed last.
pub fn destination(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    (factor, method): (Option<&FactorId>, Method),
) -> Result<Option<(FactorId, SecretString)>, DbError> {
    let mut rows = store::of_customer(tx, customer)?;
    rows.retain(|row| match factor {
        Some(id) => row.id == *id && row.kind.method() == method,
        None => row.status == Status::Active && row.kind.method() == method,
    });
    let Some(row) = rows.into_iter().max_by_key(|row| (row.confirmed_at, row.id)) else {
        return Ok(None);
    };
    let destination = store::secret(tools, &row)?;
    Ok(Some((row.id, destination)))
}

/// Takes a code of an authenticator, of the one factor named or of any active one. Its time step is compared and
/// set: of many at once one is taken, and no earlier step is taken after it (RFC 6238 §5.2).
pub fn take_totp_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, Option<&FactorId>),
    code: &str,
) -> Result<Option<FactorId>, DbError> {
    let mut rows = store::of_customer(tx, customer)?;
    rows.retain(|row| {
        row.kind == Kind::Totp
            && factor.map_or(row.status == Status::Active, |factor| row.id == *factor)
    });
    for row in rows {
        let secret = store::secret(&act.tools, &row)?;
        if let Some(step) = totp::matching_step(&secret, code, act.now, row.counter)
            && store::accept_step(tx, &row.id, step, act.now)?
        {
            return Ok(Some(row.id));
        }
    }
    Ok(None)
}

/// A code that was sent to this factor was right.
pub fn mark_used_in(tx: &mut Tx<'_>, act: &Act, factor: &FactorId) -> Result<(), DbError> {
    store::mark_used(tx, factor, act.now)
}

/// Begins a factor: a row that is not confirmed, and the challenge that confirms it. A code is sent where the
/// factor is an address. The caller has asked for the step-up, or for the password.
///
/// Refuses, in order: `TooMany`, then what stops the message.
pub fn enrol_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    (new, name): (&New, &str),
) -> Result<Result<Enrolled, EnrolRefusal>, DbError> {
    if let Err(refusal) = admit_in(tx, act, customer)? {
        return Ok(Err(refusal));
    }
    let known = customers::get(tx, &act.tools, customer)?
        .ok_or_else(|| DbError::Corrupt(format!("a factor for {customer}, who is nobody")))?;
    let secret = match new {
        New::Totp => totp::new_secret(act.tools.rng()),
        New::Sms(phone) => SecretString::new(phone.as_str().to_owned()),
        New::Email => SecretString::new(known.email.as_str().to_owned()),
    };
    let row = FactorRow::unconfirmed(act.id(), *customer, (new.kind(), name), act.now);
    store::insert(tx, act, &row, &secret)?;
    let question = Question {
        purpose: Purpose::Enrol,
        session: None,
        device: None,
        factor: Some(row.id),
        binding: None,
        text: None,
    };
    let asked = challenges::ask_in(tx, act, PrincipalRef::Customer(*customer), &question)?;
    if !matches!(new, New::Totp)
        && let Err(refusal) = challenges::send_in(tx, act, &asked.id, row.kind.method())?
    {
        // A refusal is an answer that is committed, so the row is taken back by hand.
        store::delete(tx, &row.id)?;
        return Ok(Err(EnrolRefusal::NotSent(refusal)));
    }
    record(tx, act, "factor.enrolled", &row)?;
    Ok(Ok(Enrolled { row, secret, asked, email: known.email }))
}

/// Makes room for one more: forgets what was not confirmed in time, and locks the customer so that the count
/// stands.
pub(crate) fn admit_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
) -> Result<Result<(), EnrolRefusal>, DbError> {
    store::lock_customer(tx, customer)?;
    store::delete_stale(tx, customer, act.now.plus_seconds(-UNCONFIRMED_SECONDS))?;
    let is_full = store::of_customer(tx, customer)?.len() >= MAX_FACTORS;
    Ok(if is_full { Err(EnrolRefusal::TooMany) } else { Ok(()) })
}

/// Confirms a factor with a code. The first one that counts brings ten recovery codes.
///
/// Refuses, in order: `NotFound`, `Confirmed`, `Code`.
pub fn confirm_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, &FactorId),
    code: &str,
) -> Result<Result<Confirmed, ConfirmRefusal>, DbError> {
    store::lock_customer(tx, customer)?;
    let found = store::get(tx, customer, factor)?;
    let Some(row) = found else { return Ok(Err(ConfirmRefusal::NotFound)) };
    if row.status == Status::Active {
        return Ok(Err(ConfirmRefusal::Confirmed));
    }
    let answer = match row.kind {
        Kind::Totp => Answer::Totp(code.to_owned()),
        Kind::Sms => Answer::Sms(code.to_owned()),
        Kind::Email => Answer::Email(code.to_owned()),
        // Confirmed by being registered.
        Kind::Webauthn => return Ok(Err(ConfirmRefusal::Confirmed)),
    };
    match challenges::answer_enrolment_in(tx, act, (customer, factor), &answer)? {
        Ok(()) => activate_in(tx, act, &row).map(Ok),
        // Recorded where it was judged.
        Err(AnswerRefusal::Dead | AnswerRefusal::WrongCode) => Ok(Err(ConfirmRefusal::Code)),
        Err(AnswerRefusal::Unknown | AnswerRefusal::Locked { .. } | AnswerRefusal::NotOffered) => {
            let after = json!({ "factor": factor.to_string() });
            let (action, outcome) = ("factor.confirmation_refused", Code::InvalidCode.as_str());
            events::record(tx, act, action, &customer.to_string(), outcome, Some(&after))?;
            Ok(Err(ConfirmRefusal::Code))
        }
    }
}

/// A factor that its holder has shown becomes active. The old channels are told; the first that counts drops what
/// else waits and brings recovery codes.
pub(crate) fn activate_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &FactorRow,
) -> Result<Confirmed, DbError> {
    let counts = row.kind.is_second_factor() || act.tools.config().factors.email_at_sign_in;
    let is_first = counts && !has_active(tx, &row.customer)?;
    tell_in(tx, act, &row.customer, &model::added(row.kind))?;
    store::activate(tx, &row.id, act.now)?;
    record(tx, act, "factor.confirmed", row)?;
    if row.kind == Kind::Email {
        // Its codes go to the customer's own address, and nowhere else.
        confirmations::prove_in(tx, act, &row.customer, "factor")?;
    }
    if !is_first {
        return Ok(Confirmed { recovery_codes: Vec::new() });
    }
    store::delete_unconfirmed(tx, &row.customer)?;
    challenges::close_registrations_in(tx, act, &row.customer)?;
    Ok(Confirmed { recovery_codes: recovery::replace_in(tx, act, &row.customer)? })
}

/// A factor that is active at once, for people whom the bank itself makes (the demo); gives its secret.
pub fn grant_totp_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    name: &str,
) -> Result<SecretString, DbError> {
    let secret = totp::new_secret(act.tools.rng());
    let row = FactorRow::unconfirmed(act.id(), *customer, (Kind::Totp, name), act.now);
    store::insert(tx, act, &row, &secret)?;
    store::activate(tx, &row.id, act.now)?;
    record(tx, act, "factor.confirmed", &row)?;
    Ok(secret)
}

/// Own factors, oldest first; what was not confirmed in time is not among them.
pub fn list(tx: &mut Tx<'_>, act: &Act, customer: &CustomerId) -> Result<Vec<FactorRow>, DbError> {
    let mut rows = store::of_customer(tx, customer)?;
    rows.retain(|row| row.status == Status::Active || !row.is_stale(act.now));
    Ok(rows)
}

/// An own factor.
pub fn get(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    factor: &FactorId,
) -> Result<Option<FactorRow>, DbError> {
    store::get(tx, customer, factor)
}

/// Where an address factor's codes go, masked for its owner's eyes.
pub fn masked(tools: &Tools, row: &FactorRow) -> Result<Option<String>, DbError> {
    match row.kind {
        Kind::Sms | Kind::Email => Ok(model::masked(row.kind, store::secret(tools, row)?.expose())),
        Kind::Totp | Kind::Webauthn => Ok(None),
    }
}

/// Gives a factor another name; none where it is not this customer's.
pub fn rename_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, &FactorId),
    name: &str,
) -> Result<Option<FactorRow>, DbError> {
    store::lock_customer(tx, customer)?;
    let Some(row) = store::get(tx, customer, factor)? else { return Ok(None) };
    store::rename(tx, factor, name)?;
    let row = FactorRow { name: name.to_owned(), ..row };
    record(tx, act, "factor.renamed", &row)?;
    Ok(Some(row))
}

/// Removes a factor. With the last one that counts the recovery codes go. The channels that were there are told,
/// the removed one among them.
pub fn remove_in(tx: &mut Tx<'_>, act: &Act, row: &FactorRow) -> Result<(), DbError> {
    store::lock_customer(tx, &row.customer)?;
    if row.status == Status::Active {
        tell_in(tx, act, &row.customer, &model::removed(row.kind))?;
    }
    store::delete(tx, &row.id)?;
    if !has_active(tx, &row.customer)? {
        recovery::delete_all(tx, &row.customer)?;
    }
    record(tx, act, "factor.removed", row)
}

/// Tells a customer what was done to their factors: by e-mail, and to every number that they have proven.
pub fn tell_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    notice: &Notice,
) -> Result<(), DbError> {
    outbox::notify_in(tx, act, customer, notice)?;
    for row in store::of_customer(tx, customer)? {
        if row.kind == Kind::Sms && row.status == Status::Active {
            let number = store::secret(&act.tools, &row)?;
            outbox::notify_number_in(tx, act, number.expose(), notice)?;
        }
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    action: &'static str,
    row: &FactorRow,
) -> Result<(), DbError> {
    let after = json!({
        "factor": row.id.to_string(),
        "kind": row.kind.as_str(),
        "name": events::hashed(&act.tools, "factor_name", &row.name),
    });
    events::record(tx, act, action, &row.customer.to_string(), "done", Some(&after))
}
