//! Confirmations: a customer shows that they read the address they registered with.
//!
//! A registration sends a token there; who brings it back proves the address, and so does a code that
//! confirms an e-mail factor. Only a proven address is sent tokens that set a password (`passwords`): else whoever
//! mistypes theirs, or chooses somebody else's, hands the account to a stranger. The token has 256 bits, serves
//! once, for [`LIFE_SECONDS`]; its hash is kept, and the newest replaces older ones (NIST SP 800-63B-4 §4.2.1.2).
//!
//! Whether an address was known when somebody registered it shows neither in the answer nor in the work: a
//! message goes there in both cases. To a new one with a token, to a known one without: its owner learns that
//! somebody tried. Each address gets few in an hour, and registrations use up no other mails of the bank.
//!
//! The mail leads to the page `/confirm` of the configured address, whatever host was asked; looking at that page does
//! nothing.
//!
//! Locks: the customer's row, then the tokens. What it never does: sign anybody in, or tell by a refusal which
//! of used, late, replaced and made up a token is.

pub mod api;
mod store;

use ::store::{DbError, Tx};
use money::CustomerId;
use serde_json::json;
use vault::{random_token, token_hash};

use crate::bank::Act;
use crate::customers::model::Email;
use crate::customers::{self, Registered};
use crate::events;
use crate::http::{Code, Problem};
use crate::outbox::{self, Channel, Message};

pub use self::store::forget as erase_in;

/// Life of a token: people read their mail within a day.
pub const LIFE_SECONDS: i64 = 86_400;

/// What a registration sends: a token to who is new, word of it to who was known. A full cap is no refusal of the
/// registration; the customer asks again when signed in.
pub fn begin_in(
    tx: &mut Tx<'_>,
    act: &Act,
    registered: &Registered,
    email: &Email,
) -> Result<(), DbError> {
    let token = random_token(act.tools.rng());
    let message = if registered.is_new {
        mail(act, email, token.expose())
    } else {
        Message {
            purpose: "registration_repeated",
            subject: Some("Your address was registered again".to_owned()),
            text: repeated_text(),
            ..mail(act, email, "")
        }
    };
    if outbox::introduce_in(tx, act, &message)?.is_ok() {
        // Of nobody where the address was known: no customer has this id, and the token went to nobody.
        store::replace(tx, &registered.id, &token_hash(token.expose()), act.now)?;
    }
    Ok(())
}

/// Sends another token.
///
/// Refuses, in order: `email_confirmed`, `too_many_messages`.
pub fn send_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
) -> Result<Result<(), Problem>, DbError> {
    // So that of two at once the newest token is the one in force.
    customers::lock_active(tx, id)?;
    let customer = customers::get(tx, &act.tools, id)?
        .ok_or_else(|| DbError::Corrupt(format!("{id} is signed in and not there")))?;
    let resource = id.to_string();
    let record = |tx: &mut Tx<'_>, outcome| {
        events::record(tx, act, "customer.email_confirmation_asked", &resource, outcome, None)
    };
    if customer.email_verified {
        record(tx, Code::EmailConfirmed.as_str())?;
        return Ok(Err(Problem::new(Code::EmailConfirmed)));
    }
    let token = random_token(act.tools.rng());
    if let Err(refusal) = outbox::send_in(tx, act, &mail(act, &customer.email, token.expose()))? {
        record(tx, Code::TooManyMessages.as_str())?;
        return Ok(Err(refusal.into()));
    }
    store::replace(tx, id, &token_hash(token.expose()), act.now)?;
    record(tx, "done")?;
    Ok(Ok(()))
}

/// Takes a token, once: the address of its customer is proven. False for one that is not in force, which is
/// recorded.
pub fn confirm_in(tx: &mut Tx<'_>, act: &Act, token: &str) -> Result<bool, DbError> {
    let hash = token_hash(token);
    let found = store::customer_of(tx, &hash, act.now)?;
    let taken = match &found {
        Some(id) => customers::lock_active(tx, id)? && store::use_up(tx, &hash, act.now)?,
        None => false,
    };
    if let Some(id) = found.filter(|_| taken) {
        prove_in(tx, act, &id, "token")?;
    } else {
        let resource = found.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        let (action, outcome) =
            ("customer.email_confirmation_refused", Code::InvalidConfirmationToken.as_str());
        events::record(tx, act, action, &resource, outcome, None)?;
    }
    Ok(taken)
}

/// Notes that a customer has shown by something (`token`, `factor`, `demo`) that they read their address; tokens
/// that are under way end. The customer's row is locked by the caller.
pub fn prove_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    by: &'static str,
) -> Result<(), DbError> {
    store::forget(tx, id)?;
    if customers::prove_email_in(tx, act, id)? {
        let (before, after) = (json!({ "proven": false }), json!({ "proven": true, "by": by }));
        let what = ("customer.email_confirmed", &*id.to_string(), "done");
        events::record_change(tx, act, what, (Some(&before), Some(&after)))?;
    }
    Ok(())
}

/// Link and token stand on lines of their own, to be followed or copied.
fn mail(act: &Act, email: &Email, token: &str) -> Message {
    let bank = &act.tools.config().http.public_url;
    let text = format!(
        "Somebody, probably you, registered this address with us. To show that you read it, open this page of \
         the bank and press its button, within 24 hours:\n\n{bank}/confirm?token={token}\n\n\
         Programs send the token to POST /v1/auth/email/confirm:\n\n{token}\n\n\
         If it was not you, do nothing: without the token nobody can say that this address is theirs.\n"
    );
    Message {
        channel: Channel::Email,
        destination: email.as_str().to_owned(),
        purpose: "email_confirmation",
        subject: Some("Confirm your address".to_owned()),
        text,
        lives_seconds: LIFE_SECONDS,
    }
}

fn repeated_text() -> String {
    "Somebody, perhaps you, wanted to become a customer with this address, and it is one of ours already. \
     Nothing was changed.\n\n\
     If it was you, sign in, or ask for a new password. If it was not, there is nothing to do; if you never \
     became a customer, call us.\n"
        .to_owned()
}
