//! Sending a code for a challenge.

use ::store::{DbError, Tx};
use money::{ChallengeId, FactorId};
use serde_json::json;
use vault::SecretString;

use super::model::{ChallengeRow, Method, SentCode};
use super::{CHALLENGE_SECONDS, MAX_SENDS, code, judge, lock_in, lock_of, store};
use crate::bank::Act;
use crate::http::Code;
use crate::outbox::{self, Channel, Message};
use crate::sessions::model::PrincipalRef;
use crate::{events, factors};

/// Why no code is sent, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefusal {
    Unknown,
    Locked {
        retry_after_seconds: u32,
    },
    /// Answered before, over its time, or guessed at too often.
    Dead,
    /// Not a method of the challenge that messages are sent for.
    NotOffered,
    /// [`MAX_SENDS`] were sent; another challenge is to be asked for.
    TooManyForChallenge {
        retry_after_seconds: u32,
    },
    Outbox(outbox::SendRefusal),
}

/// Draws a code and hands it to the outbox; it replaces the one before. A refusal for too many is recorded, and
/// the transaction is to be committed in any case.
pub fn send_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &ChallengeId,
    method: Method,
) -> Result<Result<(), SendRefusal>, DbError> {
    let Some((row, is_active)) = lock_in(tx, id)? else { return Ok(Err(SendRefusal::Unknown)) };
    if let Some(locked) = lock_of(tx, act, &row)? {
        let retry_after_seconds = locked.retry_after_seconds;
        return Ok(Err(SendRefusal::Locked { retry_after_seconds }));
    }
    if !is_active || row.is_dead(act.now) {
        return Ok(Err(SendRefusal::Dead));
    }
    let subject = (&row.who, row.purpose, row.factor.as_ref());
    let offered = judge::methods(tx, act, subject)?.contains(&method);
    let channel = channel(method).filter(|_| offered);
    let (Some(channel), PrincipalRef::Customer(customer)) = (channel, row.who) else {
        return Ok(Err(SendRefusal::NotOffered));
    };
    let named = (row.factor.as_ref(), method);
    let found = factors::destination(tx, &act.tools, &customer, named)?;
    let Some((factor, destination)) = found else { return Ok(Err(SendRefusal::NotOffered)) };
    let about = json!({
        "challenge": id.to_string(),
        "method": method.as_str(),
        "factor": factor.to_string(),
    });
    if row.sends >= MAX_SENDS {
        let (action, outcome) = ("challenge.send_refused", Code::TooManyMessages.as_str());
        events::record(tx, act, action, &row.who.to_string(), outcome, Some(&about))?;
        let retry_after_seconds = seconds_until(act, row.expires_at);
        return Ok(Err(SendRefusal::TooManyForChallenge { retry_after_seconds }));
    }
    let sent = deliver_in(tx, act, &row, (channel, method), (&factor, &destination))?;
    if let Err(refusal) = sent {
        return Ok(Err(SendRefusal::Outbox(refusal)));
    }
    events::record(tx, act, "challenge.code_sent", &row.who.to_string(), "done", Some(&about))?;
    Ok(Ok(()))
}

fn deliver_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    (channel, method): (Channel, Method),
    (factor, destination): (&FactorId, &SecretString),
) -> Result<Result<(), outbox::SendRefusal>, DbError> {
    let until = act.now.plus_seconds(CHALLENGE_SECONDS).min(row.expires_at);
    let drawn = code::draw(act.tools.rng());
    let about = store::text(&act.tools, row)?;
    let about = about.as_ref().map(SecretString::expose);
    let message = Message {
        channel,
        destination: destination.expose().to_owned(),
        purpose: code::message_purpose(row.purpose),
        subject: Some("Your Exchequer code".to_owned()),
        text: code::message(row.purpose, about, drawn.expose(), until),
        lives_seconds: CHALLENGE_SECONDS,
    };
    if let Err(refusal) = outbox::send_in(tx, act, &message)? {
        return Ok(Err(refusal));
    }
    let hash = *code::hash(&act.tools, &row.id, (row.purpose, method), drawn.expose()).active();
    store::set_code(tx, &row.id, &SentCode { method, hash, expires_at: until }, factor)?;
    Ok(Ok(()))
}

fn channel(method: Method) -> Option<Channel> {
    match method {
        Method::Sms => Some(Channel::Sms),
        Method::Email => Some(Channel::Email),
        Method::Totp | Method::RecoveryCode | Method::Webauthn | Method::Password => None,
    }
}

fn seconds_until(act: &Act, end: money::Timestamp) -> u32 {
    let micros = end.micros_since(act.now);
    u32::try_from(micros.div_euclid(1_000_000).saturating_add(1)).unwrap_or(1)
}
