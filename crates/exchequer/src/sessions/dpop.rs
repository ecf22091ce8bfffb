//! Proofs that a client holds a key (DPoP, RFC 9449): a token that was copied is worth nothing without it.
//!
//! A proof is a JWS in the header `DPoP`, signed by the key that it carries, for one method, one address
//! of ours and, beside an access token, that token. Order of the checks (§4.3): one header; form, `typ`,
//! algorithm and key; signature; method; address; time; token; and last, that nobody showed it before.
//! A proof that fails an earlier check is not remembered. Cost: 50 to 100 µs, and one round trip where
//! the cache is on Redis.
//!
//! Remembered is each proof until it is too old to be taken, in the cache; when the cache cannot say,
//! no proof is taken. What it never does: nonces of the server (§8), which the short life makes dear for
//! little; decide whether a proof is needed (`http::credentials` does).

use data_encoding::BASE64URL_NOPAD;
use http::HeaderMap;
use money::Timestamp;
use serde::Deserialize;
use vault::{same_bytes, sha256, token_hash};

use super::jws;
use crate::bank::Bank;
use crate::http::{Code, Problem};

/// What a proof has to be about.
#[derive(Debug, Clone, Copy)]
pub struct Target<'r> {
    pub method: &'r str,
    /// The bank's own origin, as the outside calls it: `https://bank.example`.
    pub origin: &'r str,
    pub path: &'r str,
    /// The access token beside the proof; none at a sign-in or refresh.
    pub token: Option<&'r str>,
}

/// A proof that is right but for having perhaps been shown before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// RFC 7638 thumbprint.
    pub key: [u8; 32],
    /// By what it is known again: 16 bytes of a hash over key and `jti`.
    pub once: [u8; 16],
}

/// Why a proof is not taken, in the order in which it is decided. The caller is told one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("there is no proof, or more than one")]
    NotOne,
    #[error("the proof is not a signed dpop+jwt")]
    Form,
    #[error("the key or its algorithm is not taken")]
    Key,
    #[error("the signature is wrong")]
    Signature,
    #[error("the proof is for another method")]
    Method,
    #[error("the proof is for another address")]
    Address,
    #[error("the proof is too old or too new")]
    Time,
    #[error("the proof is for another token")]
    Token,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
}

/// How old a proof may be: a request on its way, and clocks of telephones that go wrong by a minute.
pub const MAX_AGE_SECONDS: i64 = 60;
/// How far in the future it may be made.
pub const MAX_AHEAD_SECONDS: i64 = 10;
/// How long it is remembered: longer than it could be taken.
const KEPT_SECONDS: i64 = 2 * (MAX_AGE_SECONDS + MAX_AHEAD_SECONDS);
/// Characters of a `jti`; at least a few, so that two clients do not draw the same by chance.
const JTI_CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// Takes the proof of a request once and gives its key's thumbprint.
///
/// Errors: `invalid_dpop_proof`; `unavailable` where the cache cannot say whether it was shown before.
pub async fn take(
    bank: &Bank,
    headers: &HeaderMap,
    target: &Target<'_>,
) -> Result<[u8; 32], Problem> {
    let refused = |cause: String| Problem::new(Code::InvalidDpopProof).cause(cause);
    let now = bank.tools().now();
    let shown = judge(headers, target, now).map_err(|error| refused(error.to_string()))?;
    match bank.sessions().first_use(shown.once, KEPT_SECONDS, now).await {
        Ok(true) => Ok(shown.key),
        Ok(false) => Err(refused("the proof was shown before".to_owned())),
        Err(gone) => Err(Problem::new(Code::Unavailable).cause(gone)),
    }
}

/// Everything that can be decided from the proof alone.
pub fn judge(
    headers: &HeaderMap,
    target: &Target<'_>,
    now: Timestamp,
) -> Result<Shown, ProofError> {
    let mut values = headers.get_all("dpop").iter();
    let proof = values.next().and_then(|value| value.to_str().ok()).ok_or(ProofError::NotOne)?;
    if values.next().is_some() {
        return Err(ProofError::NotOne);
    }
    let jws = jws::parse(proof).ok_or(ProofError::Form)?;
    if jws.header.typ.as_deref() != Some("dpop+jwt") {
        return Err(ProofError::Form);
    }
    let key = jws.header.jwk.as_ref().and_then(jws::Jwk::public_key).ok_or(ProofError::Key)?;
    if jws.header.alg != key.algorithm() {
        return Err(ProofError::Key);
    }
    let payload = jws.verify(&key).ok_or(ProofError::Signature)?;
    let claims: Claims = serde_json::from_slice(payload).map_err(|_| ProofError::Form)?;
    if !JTI_CHARS.contains(&claims.jti.len()) {
        return Err(ProofError::Form);
    }
    judge_claims(&claims, target, now)?;
    let key = key.thumbprint();
    let mut once = [0; 16];
    once.copy_from_slice(&sha256(&[&key[..], claims.jti.as_bytes()].concat())[..16]);
    Ok(Shown { key, once })
}

fn judge_claims(claims: &Claims, target: &Target<'_>, now: Timestamp) -> Result<(), ProofError> {
    if claims.htm != target.method {
        return Err(ProofError::Method);
    }
    if !is_address(&claims.htu, target) {
        return Err(ProofError::Address);
    }
    let from = now.seconds().saturating_sub(MAX_AGE_SECONDS);
    let to = now.seconds().saturating_add(MAX_AHEAD_SECONDS);
    if !(from..=to).contains(&claims.iat) {
        return Err(ProofError::Time);
    }
    let Some(token) = target.token else { return Ok(()) };
    let said = claims.ath.as_deref().map(|ath| BASE64URL_NOPAD.decode(ath.as_bytes()));
    match said {
        Some(Ok(said)) if same_bytes(&said, &token_hash(token)) => Ok(()),
        _ => Err(ProofError::Token),
    }
}

/// Whether `htu` names our origin and the request's path. Query and fragment are not compared (§4.3);
/// scheme and host have no case, and the scheme's own port may be left out (RFC 3986 §6.2).
fn is_address(htu: &str, target: &Target<'_>) -> bool {
    let Some((origin, path)) = split(htu) else { return false };
    let ours = split(target.origin).map(|(origin, _)| origin);
    ours == Some(origin) && path == target.path
}

/// Origin in its one spelling, and path.
fn split(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let host = host.to_ascii_lowercase();
    let own_port = match &*scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let host = host.strip_suffix(own_port).unwrap_or(&host);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    Some((format!("{scheme}://{host}"), if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests;
