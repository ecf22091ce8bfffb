//! Passwords: changed by whoever knows the current one, reset by whoever reads the registered address.
//!
//! A reset needs the token of a mail to a proven address (`confirmations`), and an existing second factor where the customer has one: a mailbox
//! alone does not open such an account. The token has 256 bits, serves once, for [`RESET_SECONDS`]; its
//! hash is kept; the newest replaces older ones, and a change of the password ends them. Whether an
//! address is known, or proven, shows neither in the answer of [`ask_in`] nor in its work: the same statements, the
//! same sealing, an outbox row in both cases (NIST SP 800-63B-4 §4.2; OWASP ASVS 5.0, 6.4.3 and 6.3.8).
//!
//! After either, all sessions end, the one that asked too (a thief may be the one who sits in it), refresh
//! tokens with them, and so do sign-ins that wait for their second factor, which the old password began. The customer is told by e-mail, and
//! `customers.password_changed_at` begins the time in which large transfers wait. Locks: challenge, customer,
//! reset row, the customer's open sign-ins.
//!
//! The mail leads to the page `/reset` of the configured address, whatever host was asked: a request cannot have it lead to
//! somebody else's page.
//!
//! What it never does: put a token into an answer, an event or the log.

pub mod api;
pub mod former;
mod store;

use ::store::{DbError, Tx};
use money::{CustomerId, SessionId};
use serde_json::json;
use vault::{random_token, token_hash};

use crate::attempts::{self, Counter, Realm};
use crate::bank::{Act, Tools};
use crate::challenges::{self, Asked, Purpose, Question};
use crate::customers::model::{Customer, Email};
use crate::customers::{self, Credentials};
use crate::http::{Code, Problem};
use crate::outbox::{self, Channel, Message, Notice};
use crate::sessions::model::PrincipalRef;
use crate::stepup::{self, Asker, Bound, Freshness};
use crate::{events, factors, sessions};

/// Life of a reset token.
pub const RESET_SECONDS: i64 = 1_800;

/// What a token that is in force leads to.
#[derive(Clone)]
pub struct Reset {
    pub token_hash: [u8; 32],
    pub customer: Customer,
    pub password_hash: String,
    /// Hashes of the passwords before it.
    pub former: Vec<String>,
}

/// What a token came to.
pub enum ResetOutcome {
    /// The password is the new one; these sessions have ended.
    Done(Vec<SessionId>),
    /// The second factor is missing; the token is still good.
    FactorNeeded(Asked),
    /// Used, late, replaced or nobody's.
    Invalid,
}

/// A change that is ready to be made: both passwords verified and hashed.
#[derive(Clone)]
pub struct Change {
    pub asker: Asker,
    pub verified: Credentials,
    pub email: Email,
    pub new_hash: String,
    /// Of the header `Step-Up`.
    pub proof: Option<String>,
}

/// Sends a token to a proven address of an active customer, and to any other nothing, with the same work.
pub fn ask_in(tx: &mut Tx<'_>, act: &Act, email: &Email) -> Result<(), DbError> {
    let found = customers::lock_by_email(tx, &act.tools, email)?;
    let reader = found.filter(|found| found.is_active && found.is_proven).map(|found| found.id);
    let token = random_token(act.tools.rng());
    let message = Message {
        channel: Channel::Email,
        destination: email.as_str().to_owned(),
        purpose: "password_reset",
        subject: Some("Set a new password".to_owned()),
        text: token_text(act, token.expose()),
        lives_seconds: RESET_SECONDS,
    };
    let sent = match reader {
        Some(_) => outbox::send_in(tx, act, &message)?,
        None => outbox::pretend_in(tx, act, &message)?,
    };
    let resource = found.map_or_else(|| "unknown".to_owned(), |found| found.id.to_string());
    let outcome = match (sent, found) {
        (Err(_refusal), _) => Code::TooManyMessages.as_str(),
        (Ok(_), None) => "email_unknown",
        (Ok(_), Some(found)) if !found.is_active => "customer_inactive",
        (Ok(_), Some(found)) if !found.is_proven => "email_unproven",
        (Ok(_), Some(_)) => "done",
    };
    if sent.is_ok() {
        // Derived in any case, for the same work.
        let nobody = nobody(&act.tools, email);
        let customer = reader.unwrap_or(nobody);
        store::replace(tx, &customer, &token_hash(token.expose()), act.now)?;
    }
    let after = json!({ "email": events::hashed(&act.tools, "email", email.as_str()) });
    let what = ("password.reset_asked", resource.as_str(), outcome);
    let subject = found.map_or(events::activity::NOBODY, |found| found.id);
    events::record_of(tx, act, what, Some(subject), Some(&after))
}

/// What a token leads to, when it is in force and its customer active. Decides nothing: [`reset_in`] looks
/// again.
pub fn find(tx: &mut Tx<'_>, act: &Act, token: &str) -> Result<Option<Reset>, DbError> {
    let token_hash = token_hash(token);
    let Some(id) = store::customer_of(tx, &token_hash, act.now)? else { return Ok(None) };
    let (customer, known) =
        (customers::get(tx, &act.tools, &id)?, customers::credentials_of(tx, &id)?);
    let found = customer.zip(known).filter(|(_, known)| known.is_active);
    let former = former::of(tx, &PrincipalRef::Customer(id))?;
    Ok(found.map(|(customer, known)| Reset {
        token_hash,
        customer,
        password_hash: known.password_hash,
        former,
    }))
}

/// Sets the new password, once, unless the second factor is still missing.
pub fn reset_in(
    tx: &mut Tx<'_>,
    act: &Act,
    reset: &Reset,
    new_hash: &str,
    proof: Option<&str>,
) -> Result<ResetOutcome, DbError> {
    let id = reset.customer.id;
    let who = PrincipalRef::Customer(id);
    let proved = match proof {
        Some(proof) => {
            challenges::redeem_reset_in(tx, act, who, &reset.token_hash, proof)?.is_some()
        }
        None => false,
    };
    // From here on nobody signs in, enrols or changes the password before this is decided.
    let email = &reset.customer.email;
    let locked = customers::lock_by_email(tx, &act.tools, email)?;
    let is_active = locked.is_some_and(|found| found.id == id && found.is_active);
    if !is_active || store::customer_of(tx, &reset.token_hash, act.now)? != Some(id) {
        refuse_in(tx, act, &id.to_string())?;
        return Ok(ResetOutcome::Invalid);
    }
    if !proved && factors::has_active(tx, &id)? {
        let question = Question {
            purpose: Purpose::Reset,
            session: None,
            device: None,
            factor: None,
            binding: Some(reset.token_hash),
            text: None,
        };
        return Ok(ResetOutcome::FactorNeeded(challenges::ask_in(tx, act, who, &question)?));
    }
    let hashes = (reset.password_hash.as_str(), new_hash);
    if !store::use_up(tx, &reset.token_hash, act.now)?
        || !customers::set_password_in(tx, act, &id, hashes)?
    {
        refuse_in(tx, act, &id.to_string())?;
        return Ok(ResetOutcome::Invalid);
    }
    former::keep_in(tx, act, &who, &reset.password_hash)?;
    attempts::forgive_password_in(tx, &act.tools, Realm::Customer, email.as_str())?;
    let ended = sessions::end_all_in(tx, act, who, "password_reset")?;
    let closed = challenges::close_sign_ins_in(tx, act, &who)?;
    let text = "Your password was set anew with a token that was sent to this address. You were signed \
                out everywhere.";
    tell(tx, act, &id, text)?;
    let after = json!({
        "sessions_ended": ended.len(),
        "sign_ins_closed": closed,
        "second_factor": proved,
    });
    events::record(tx, act, "password.reset", &id.to_string(), "done", Some(&after))?;
    Ok(ResetOutcome::Done(ended))
}

/// Records a token that is not taken.
pub fn refuse_in(tx: &mut Tx<'_>, act: &Act, resource: &str) -> Result<(), DbError> {
    let outcome = Code::InvalidResetToken.as_str();
    events::record(tx, act, "password.reset_refused", resource, outcome, None)
}

/// Counts a wrong current password like one at sign-in from the session's device, and gives the answer.
/// Where it is locked meanwhile that is told, as to a right one: which of many at once was right must not
/// show.
pub fn fail_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (asker, email): (&Asker, &Email),
) -> Result<Problem, DbError> {
    let counter = counter(tx, act, (asker, email))?;
    let who = PrincipalRef::Customer(asker.customer);
    let (resource, outcome) = (asker.customer.to_string(), Code::InvalidCredentials.as_str());
    events::record(tx, act, "password.change_refused", &resource, outcome, None)?;
    let locked = attempts::fail_in(tx, act, (&counter, Some(&who)))?;
    Ok(locked.map_or_else(|| Problem::new(Code::InvalidCredentials), locked_out))
}

/// Changes the password; gives the sessions that have ended.
///
/// Refuses, in order: `locked_out`, `step_up_required`, `invalid_credentials` (the password was changed
/// since it was verified). A refusal is to be committed: the challenge must be kept.
pub fn change_in(
    tx: &mut Tx<'_>,
    act: &Act,
    change: &Change,
) -> Result<Result<Vec<SessionId>, Problem>, DbError> {
    let id = change.asker.customer;
    let counter = counter(tx, act, (&change.asker, &change.email))?;
    if let Some(locked) = attempts::lock_of_in(tx, act, &counter)? {
        return Ok(Err(locked_out(locked)));
    }
    let (what, proof) = (Bound::new("password.change"), change.proof.as_deref());
    let shown = stepup::require_in(tx, act, &change.asker, &what, proof, Freshness::Session)?;
    if let Err(problem) = shown {
        return Ok(Err(problem));
    }
    let hashes = (change.verified.password_hash.as_str(), change.new_hash.as_str());
    if !customers::set_password_in(tx, act, &id, hashes)? {
        return Ok(Err(Problem::new(Code::InvalidCredentials)));
    }
    attempts::succeed_in(tx, &counter)?;
    store::forget(tx, &id)?;
    let who = PrincipalRef::Customer(id);
    former::keep_in(tx, act, &who, &change.verified.password_hash)?;
    let ended = sessions::end_all_in(tx, act, who, "password_changed")?;
    let closed = challenges::close_sign_ins_in(tx, act, &who)?;
    let text = "Your password was changed. You were signed out everywhere.";
    tell(tx, act, &id, text)?;
    let after = json!({ "sessions_ended": ended.len(), "sign_ins_closed": closed });
    events::record(tx, act, "password.changed", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(ended))
}

/// Ends the tokens that are under way to a customer who is locked or disabled.
pub fn forget_resets_in(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), DbError> {
    store::forget(tx, id)
}

/// Removes what there is of a customer's passwords besides the one in their row.
pub fn erase_in(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), DbError> {
    store::forget(tx, id)?;
    store::erase_former(tx, id)
}

/// The counter of the session's device, so that a stolen session's guesses lock that device alone.
fn counter(
    tx: &mut Tx<'_>,
    act: &Act,
    (asker, email): (&Asker, &Email),
) -> Result<Counter, DbError> {
    let device = sessions::device_of(tx, &asker.session)?;
    Ok(Counter::password(&act.tools, Realm::Customer, email.as_str(), device))
}

fn locked_out(locked: attempts::Locked) -> Problem {
    Problem {
        retry_after_seconds: Some(locked.retry_after_seconds),
        ..Problem::new(Code::LockedOut)
    }
}

/// Whose a token is that nobody reads: the same for each asking about an address, so that the newest replaces the one
/// before, as a customer's does. No customer has it, since it is of no version of UUID that is minted.
fn nobody(tools: &Tools, email: &Email) -> CustomerId {
    let index = tools.keyring().blind_index("password_resets.customer", email.as_str().as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&index[..16]);
    id[6] &= 0x0f;
    CustomerId::from_bytes(id)
}

fn tell(tx: &mut Tx<'_>, act: &Act, id: &CustomerId, text: &str) -> Result<(), DbError> {
    let notice = Notice {
        purpose: "password_changed",
        subject: "Your password was changed",
        text: text.to_owned(),
    };
    factors::tell_in(tx, act, id, &notice)
}

/// Link and token stand on lines of their own, to be followed or copied.
fn token_text(act: &Act, token: &str) -> String {
    let bank = &act.tools.config().http.public_url;
    format!(
        "Somebody, probably you, asked for a new password. Choose it on this page of the bank, within 30 \
         minutes:\n\n{bank}/reset?token={token}\n\n\
         Programs send the token, with the new password, to POST /v1/auth/password/reset:\n\n{token}\n\n\
         The bank never asks for the token by telephone or mail: give it to nobody.\n\n\
         If it was not you, do nothing: your password stays as it is.\n"
    )
}
