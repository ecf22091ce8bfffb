//! Six-digit codes: how they are drawn, what is kept of them, and how a message says them. Pure.
//!
//! A million guesses at a plain hash take seconds, so what is kept is an HMAC under a key that is not in the
//! database, over challenge, purpose, method and code: a code of another challenge, purpose or method is
//! another value.

use money::{ChallengeId, Rng, Timestamp};
use vault::{Indexes, SecretString};

use super::model::{Method, Purpose};
use crate::bank::Tools;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Six digits, each of the million as likely as the other.
pub fn draw(rng: &Rng) -> SecretString {
    SecretString::new(format!("{:06}", rng.below(1_000_000)))
}

/// Whether a text has the form of a code.
pub fn is_six_digits(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit())
}

/// What is kept of a code: under the version in use, and compared with under each.
pub fn hash(
    tools: &Tools,
    challenge: &ChallengeId,
    (purpose, method): (Purpose, Method),
    code: &str,
) -> Indexes {
    let mut input = Vec::with_capacity(48);
    input.extend_from_slice(challenge.bytes());
    // The words have no zero byte, so no two inputs are one.
    for word in [purpose.as_str(), method.as_str(), code] {
        input.extend_from_slice(word.as_bytes());
        input.push(0);
    }
    tools.keyring().blind_indexes("challenges.code_hash", &input)
}

/// What a person reads, the code first: gateways cut long texts. `about` is what the question names: amount and
/// payee of a payment (RTS 2018/389 Art 5(1)(a)).
pub fn message(purpose: Purpose, about: Option<&str>, code: &str, until: Timestamp) -> String {
    // HH:MM of RFC 3339.
    let text = until.to_string();
    let time = text.get(11..16).unwrap_or_default();
    let act = match (purpose, about) {
        (Purpose::SignIn, _) => "is your Exchequer code to sign in.".to_owned(),
        (Purpose::StepUp | Purpose::Factors, Some(about)) => {
            format!("is your Exchequer code to confirm: {about}.")
        }
        (Purpose::StepUp | Purpose::Factors, None) => {
            "is your Exchequer code to confirm a change.".to_owned()
        }
        (Purpose::Enrol, _) => "is your Exchequer code to add this address.".to_owned(),
        (Purpose::Reset, _) => "is your Exchequer code to set a new password.".to_owned(),
        // No code is sent for a passkey, a password or an operator.
        (Purpose::Passkey | Purpose::Password | Purpose::Renewal, _) => {
            "is your Exchequer code.".to_owned()
        }
    };
    format!("{code} {act} Valid until {time} UTC. Tell it to nobody, not even to us.")
}

/// What the outbox calls such a message.
pub const fn message_purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignIn => "sign_in_code",
        Purpose::StepUp | Purpose::Factors => "step_up_code",
        Purpose::Enrol => "enrol_code",
        Purpose::Reset => "reset_code",
        Purpose::Passkey => "passkey_code",
        Purpose::Password => "password_code",
        Purpose::Renewal => "renewal_code",
    }
}

#[cfg(test)]
mod tests;
