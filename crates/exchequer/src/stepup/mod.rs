//! Step-up: a second factor shown for one act, and for nothing else.
//!
//! An act that needs one is described as a [`Bound`]: its name and every part that matters, each with
//! its length before it, so that no two acts have the same description. The hash over it, the customer
//! and the session is the binding of a challenge; the challenge's own id is the nonce. Whoever answers
//! gets a proof that serves once, in this session, for this very act (dynamic linking, RTS 2018/389
//! Art 5). Any other byte is another act: the proof does not fit, and a new challenge is asked.
//!
//! Who has no factor cannot show one. What loosens a protection then asks for the password again, with a proof of
//! the same kind: a session alone, which may be stolen, opens nothing ([`WithoutFactor`]). A password is never
//! asked of whoever has a factor, and its proof is no factor's.
//!
//! Order: factor enrolled at all? shown in this session lately? proof? question. Cost: two reads, one
//! write. What it never does: decide which payments need a step-up ([`policy`] does), or tell a proof
//! or a code to anybody.

pub mod policy;

use ::store::{DbError, Tx};
use money::{ChallengeId, CustomerId, FactorId, SessionId, Timestamp};
use serde_json::json;
use vault::sha256;

use crate::bank::Act;
use crate::challenges::{self, Asked, Method, Purpose, Question};
use crate::http::problem::ChallengeBody;
use crate::http::{Code, Customer, Problem};
use crate::sessions::model::PrincipalRef;
use crate::{events, factors, sessions};

/// How long a factor that was shown in a session counts for acts that are not payments.
const FRESH_MICROS: i64 = 300 * 1_000_000;

/// How long after a password sign-in the first factor may be added without showing the password again: a person
/// registers, signs in and finds their telephone. Counted from the sign-in; no refresh makes it longer.
const SIGNED_IN_SECONDS: i64 = 900;
/// Clocks of two nodes differ by less: one that was set back further makes no session fresh.
const SLACK_SECONDS: i64 = 5;

/// What an act asks of a customer who has no second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithoutFactor {
    /// The session is enough.
    Nothing,
    /// The password, always.
    Password,
    /// The password, unless this session was signed in to in the last [`SIGNED_IN_SECONDS`].
    LatePassword,
}

/// Whether a factor shown a moment ago in the same session is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A proof for this act: payments.
    Act,
    /// A factor shown in this session in the last five minutes counts too: limits, passwords, payees. Not for the
    /// factors themselves: a code that was phished for a sign-in must not add another's authenticator.
    Session,
}

/// Who is to show a factor, in which session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    pub customer: CustomerId,
    pub session: SessionId,
}

/// What was proved: which challenge, which factor answered it (none: a recovery code), and the hash over the
/// act that it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved {
    pub challenge: ChallengeId,
    pub factor: Option<FactorId>,
    pub binding: [u8; 32],
}

/// An act as a proof is bound to it.
#[derive(Debug, Clone)]
pub struct Bound {
    name: &'static str,
    purpose: Purpose,
    without_factor: WithoutFactor,
    parts: Vec<u8>,
    text: Option<String>,
}

impl From<&Customer> for Asker {
    fn from(caller: &Customer) -> Self {
        Self { customer: caller.id(), session: caller.session() }
    }
}

impl Bound {
    /// `noun.verb`, as `factor.remove`.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            purpose: Purpose::StepUp,
            without_factor: WithoutFactor::Nothing,
            parts: Vec::with_capacity(128),
            text: None,
        }
    }

    /// It loosens a protection: who has no factor shows the password.
    #[must_use]
    pub fn or_password(mut self) -> Self {
        self.without_factor = WithoutFactor::Password;
        self
    }

    /// It adds a factor: for the first one a password that was shown at a sign-in just now is enough.
    #[must_use]
    pub fn or_late_password(mut self) -> Self {
        self.without_factor = WithoutFactor::LatePassword;
        self
    }

    /// It changes the factors themselves: who has lost them all has recovery codes.
    #[must_use]
    pub fn of_factors(mut self) -> Self {
        self.purpose = Purpose::Factors;
        self
    }

    /// Adds what must not change: ids, amounts, names. Parts count by their order.
    #[must_use]
    pub fn part(mut self, part: &[u8]) -> Self {
        append(&mut self.parts, part);
        self
    }

    /// What a message with a code says the code is for: `INR 1358.02 to Asha Rao (…1234)`.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The binding. The first part separates it from every other hash of the bank.
    fn hash(&self, who: &Asker) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(self.parts.len().saturating_add(128));
        append(&mut bytes, b"exchequer step-up 1");
        append(&mut bytes, self.name.as_bytes());
        append(&mut bytes, who.customer.bytes());
        append(&mut bytes, who.session.bytes());
        append(&mut bytes, &self.parts);
        sha256(&bytes)
    }
}

/// A second factor for an act that is not a payment. Who has no factor shows what the act asks of them then:
/// nothing, or the password ([`Bound::or_password`], [`Bound::or_late_password`]).
///
/// Refuses `step_up_required`, with a challenge. The caller commits then: the challenge must be kept.
/// `caller.once` does not store that refusal under the key, so the same request goes through with a proof.
pub fn require_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &Asker,
    what: &Bound,
    proof: Option<&str>,
    freshness: Freshness,
) -> Result<Result<(), Problem>, DbError> {
    if !factors::has_active(tx, &who.customer)? {
        return password_in(tx, act, who, what, proof);
    }
    let shown_at = match freshness {
        Freshness::Session => sessions::proved_at(tx, &who.session)?,
        Freshness::Act => None,
    };
    if shown_at.is_some_and(|at| is_fresh(at, act.now)) {
        return Ok(Ok(()));
    }
    Ok(prove_in(tx, act, who, what, proof)?.map(|_| ()))
}

/// Takes a proof for this very act, or asks for one.
///
/// Refuses `step_up_required`: no proof, or one that is used, late, or for something else (which is an
/// event). A customer without a factor gets a challenge without methods.
pub fn prove_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &Asker,
    what: &Bound,
    proof: Option<&str>,
) -> Result<Result<Proved, Problem>, DbError> {
    let principal = PrincipalRef::Customer(who.customer);
    let binding = what.hash(who);
    if let Some(proof) = proof {
        let bound = (principal, &who.session, what.purpose);
        let redeemed = challenges::redeem_in(tx, act, bound, &binding, proof)?;
        if let Some(taken) = redeemed {
            let (challenge, factor) = (taken.challenge, taken.factor);
            return Ok(Ok(Proved { challenge, factor, binding }));
        }
        let after = json!({ "act": what.name });
        let (resource, code) = (who.session.to_string(), Code::StepUpRequired.as_str());
        events::record(tx, act, "step_up.refused", &resource, code, Some(&after))?;
    }
    let question = Question {
        purpose: what.purpose,
        session: Some(who.session),
        device: None,
        factor: None,
        binding: Some(binding),
        text: what.text.clone(),
    };
    let asked = challenges::ask_in(tx, act, principal, &question)?;
    let after = json!({ "act": what.name, "challenge": asked.id.to_string() });
    let (resource, code) = (who.session.to_string(), Code::StepUpRequired.as_str());
    events::record(tx, act, "step_up.asked", &resource, code, Some(&after))?;
    Ok(Err(problem(&asked)))
}

/// The part of [`require_in`] for customers without a factor.
fn password_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &Asker,
    what: &Bound,
    proof: Option<&str>,
) -> Result<Result<(), Problem>, DbError> {
    let goes_on = match what.without_factor {
        WithoutFactor::Nothing => true,
        WithoutFactor::Password => false,
        WithoutFactor::LatePassword => {
            let opened_at = sessions::opened_at(tx, &who.session)?;
            opened_at.is_some_and(|at| is_just_signed_in(at, act.now))
        }
    };
    if goes_on {
        return Ok(Ok(()));
    }
    let what = Bound { purpose: Purpose::Password, ..what.clone() };
    Ok(prove_in(tx, act, who, &what, proof)?.map(|_| ()))
}

fn problem(asked: &Asked) -> Problem {
    let problem = Problem::new(Code::StepUpRequired);
    let problem = match asked.methods.as_slice() {
        [] => problem.detail("enrol a second factor first: POST /v1/factors/totp"),
        [Method::Password] => problem.detail("answer `challenge` with the password"),
        _ => problem,
    };
    problem.challenge(ChallengeBody {
        id: asked.id.to_string(),
        methods: asked.methods.iter().map(|method| method.as_str()).collect(),
        expires_at: asked.expires_at.to_string(),
        webauthn: asked.webauthn.clone(),
    })
}

/// A factor shown in the future was shown by a clock that has been set back: it does not count.
fn is_fresh(shown_at: Timestamp, now: Timestamp) -> bool {
    (0..FRESH_MICROS).contains(&now.micros_since(shown_at))
}

fn is_just_signed_in(opened_at: Timestamp, now: Timestamp) -> bool {
    let seconds = now.micros_since(opened_at).div_euclid(1_000_000);
    (-SLACK_SECONDS..SIGNED_IN_SECONDS).contains(&seconds)
}

fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

#[cfg(test)]
mod tests;
