//! Signing in with a passkey alone: a challenge that asks nobody in particular, and the answer that says
//! whose it is.
//!
//! The person was verified by their authenticator, which is a second factor in itself, so no password is
//! asked for. Order: the challenge alive; the credential known, and its holder the one it names; the holder
//! locked and active; the signature. A wrong answer counts for the challenge alone: nobody guesses a
//! signature, and a stranger who knows a credential's id must not be able to lock its holder out. The gate
//! before every session asks for locks and status besides.
//!
//! Bound: a row for each question, dropped with the other challenges; the route's limits count addresses.

use ::store::{DbError, Tx};
use money::CustomerId;
use serde_json::{Value, json};

use super::model::{Answered, Asked, ChallengeRow, Method, Purpose, Question};
use super::{AnswerRefusal, CHALLENGE_SECONDS, answered, store};
use crate::attempts;
use crate::bank::Act;
use crate::events;
use crate::factors::webauthn;
use crate::http::Code;
use crate::sessions::model::PrincipalRef;

/// Nobody: no customer's id is all zeros.
const NOBODY: [u8; 16] = [0; 16];

/// Asks whoever comes for a passkey of this bank.
pub fn ask_passkey_in(tx: &mut Tx<'_>, act: &Act) -> Result<Asked, DbError> {
    let question = Question {
        purpose: Purpose::Passkey,
        session: None,
        device: None,
        factor: None,
        binding: None,
        text: None,
    };
    let (id, expires_at) = (act.id(), act.now.plus_seconds(CHALLENGE_SECONDS));
    let nobody = PrincipalRef::Customer(CustomerId::from_bytes(NOBODY));
    store::insert(tx, act, &id, (&nobody, None), &question, expires_at)?;
    let options = webauthn::anybodys_options(
        act,
        webauthn::nonce(&act.tools, (&id, Purpose::Passkey), None).active(),
    );
    Ok(Asked { id, methods: vec![Method::Webauthn], expires_at, webauthn: Some(options) })
}

/// Judges the answer; the row is locked. `device_token` is what the holder's device keeps.
pub(super) fn answer_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    (answer, device_token): (&Value, Option<&str>),
) -> Result<Result<Answered, AnswerRefusal>, DbError> {
    if row.is_dead(act.now) {
        return refuse(tx, act, row, ("unknown".to_owned(), AnswerRefusal::Dead));
    }
    let Some((customer, factor)) = webauthn::holder_of(tx, &act.tools, answer)? else {
        return refuse(tx, act, row, ("unknown".to_owned(), AnswerRefusal::WrongCode));
    };
    let who = PrincipalRef::Customer(customer);
    let nonces = webauthn::nonce(&act.tools, (&row.id, Purpose::Passkey), None);
    if !store::lock_principal(tx, &who)?
        || webauthn::take_in(tx, act, (&customer, Some(&factor)), &nonces, answer)?.is_none()
    {
        return refuse(tx, act, row, (who.to_string(), AnswerRefusal::WrongCode));
    }
    let device = attempts::known_device(tx, Some(&who), device_token)?;
    let row = ChallengeRow { who, device, ..row.clone() };
    answered(tx, act, &row, (Method::Webauthn, Some(factor))).map(Ok)
}

fn refuse(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    (resource, refusal): (String, AnswerRefusal),
) -> Result<Result<Answered, AnswerRefusal>, DbError> {
    store::count_attempt(tx, &row.id)?;
    let after = json!({
        "challenge": row.id.to_string(),
        "purpose": row.purpose.as_str(),
        "method": Method::Webauthn.as_str(),
        "challenge_dead": row.is_dead(act.now),
    });
    let (action, outcome) = ("challenge.answer_refused", Code::InvalidCode.as_str());
    events::record(tx, act, action, &resource, outcome, Some(&after))?;
    Ok(Err(refusal))
}
