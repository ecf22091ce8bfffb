//! Step-up: a second factor shown for one act, and for nothing else.
//!
//! An act that needs one is described as a [`Bound`]: its name and every part that matters, each with
//! its length before it, so that no two acts have the same description. The hash over it, the customer
//! and the session is the binding of a challenge; the challenge's own id is the nonce. Whoever answers
//! gets a proof that serves once, in this session, for this very act (dynamic linking, RTS 2018/389
//! Art 5). Any other byte is another act: the proof does not fit, and a new challenge is asked.
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
use crate::challenges::{self, Asked, Purpose, Question};
use crate::http::problem::ChallengeBody;
use crate::http::{Code, Customer, Problem};
use crate::sessions::model::PrincipalRef;
use crate::{events, factors, sessions};

/// How long a factor that was shown in a session counts for acts that are not payments.
const FRESH_MICROS: i64 = 300 * 1_000_000;

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
        Self { name, purpose: Purpose::StepUp, parts: Vec::with_capacity(128), text: None }
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

/// A second factor for an act that is not a payment. Who has no factor has nothing to step up with, and
/// the act goes on.
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
        return Ok(Ok(()));
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

fn problem(asked: &Asked) -> Problem {
    let problem = Problem::new(Code::StepUpRequired);
    let problem = if asked.methods.is_empty() {
        problem.detail("enrol a second factor first: POST /v1/factors/totp")
    } else {
        problem
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

fn append(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

#[cfg(test)]
mod tests;
