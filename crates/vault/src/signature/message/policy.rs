//! What a signature on a request to the bank must cover, decided in one order (RFC 9421 §1.4, §3.2.1).
//!
//! Why each is demanded: without `@method` and the whole target, a signature for one act serves for
//! another (§7.2.1); without the query's component a stranger adds a query; without `content-digest` the
//! body is anybody's (§7.2.8); without `created` and `nonce` it serves for ever, and again (§7.2.2).

use super::super::content_digest;
use super::super::{Accepted, MAX_SKEW_SECONDS, Moment, is_nonce, moment, values};
use super::component::{Form, Subject};
use super::key::Algorithm;
use super::signatures::Covered;
use super::{Claim, Message, Refusal, VerifyingKey};
use money::Timestamp;

/// What is accepted. The bank has one, [`Policy::BANK`].
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How far `created` may be from now, either way.
    pub max_skew_seconds: i64,
    pub algorithms: &'static [Algorithm],
}

impl Policy {
    /// The contract with merchants.
    pub const BANK: Self = Self {
        max_skew_seconds: MAX_SKEW_SECONDS,
        algorithms: &[Algorithm::Ed25519, Algorithm::HmacSha256],
    };

    /// Errors: from [`Refusal::Algorithm`] on, in that order.
    pub(super) fn decide<'c>(
        &self,
        claim: &'c Claim<'_>,
        key: &VerifyingKey<'_>,
        now: Timestamp,
    ) -> Result<Accepted<'c>, Refusal> {
        let (request, covered) = (claim.request, &claim.signature.covered);
        if !self.algorithms.contains(&key.algorithm()) {
            return Err(Refusal::Algorithm);
        }
        covered.check_algorithm(key)?;
        let created_seconds = self.check_time(covered, now)?;
        let nonce = covered.nonce.as_deref().filter(|nonce| is_nonce(nonce));
        let nonce = nonce.ok_or(Refusal::Nonce)?;
        let announced = values(request.headers, content_digest::NAME).next().is_some();
        let has_digest = announced || !request.body.is_empty();
        check_coverage(covered, has_digest)?;
        claim.signature.verify(&Message::Request(request), key)?;
        if has_digest {
            content_digest::check(request.headers, request.body).map_err(Refusal::Digest)?;
        }
        Ok(Accepted::new(&claim.key_id, nonce, created_seconds, self.max_skew_seconds))
    }

    /// When it was made. Errors: `Created`, `Past`, `Future`, `Expired`.
    fn check_time(&self, covered: &Covered, now: Timestamp) -> Result<i64, Refusal> {
        let created_seconds = covered.created_seconds.ok_or(Refusal::Created)?;
        match moment(created_seconds, now, self.max_skew_seconds) {
            Moment::Past => return Err(Refusal::Past),
            Moment::Future => return Err(Refusal::Future),
            Moment::Within => {}
        }
        let is_over = |expires| expires <= created_seconds || expires <= now.seconds();
        if covered.expires_seconds.is_some_and(is_over) {
            return Err(Refusal::Expired);
        }
        Ok(created_seconds)
    }
}

/// Errors: [`Refusal::Uncovered`] with the first component that is missing.
fn check_coverage(covered: &Covered, has_digest: bool) -> Result<(), Refusal> {
    let has = |wanted: Subject| covered.covers(|subject| *subject == wanted);
    if !has(Subject::Method) {
        return Err(Refusal::Uncovered("@method"));
    }
    let parts = [Subject::Authority, Subject::Path, Subject::Query];
    if !has(Subject::TargetUri) && !parts.into_iter().all(has) {
        return Err(Refusal::Uncovered("@target-uri"));
    }
    if has_digest && !covered.covers(is_whole_digest) {
        return Err(Refusal::Uncovered(content_digest::NAME));
    }
    Ok(())
}

/// One member of the digest is not the digest: the other could be changed.
fn is_whole_digest(subject: &Subject) -> bool {
    match subject {
        Subject::Field { name, form } => {
            name == content_digest::NAME && !matches!(form, Form::Member(_))
        }
        Subject::Method
        | Subject::TargetUri
        | Subject::Authority
        | Subject::Scheme
        | Subject::RequestTarget
        | Subject::Path
        | Subject::Query
        | Subject::QueryParam(_)
        | Subject::Status => false,
    }
}
