//! Access tokens: JWT signed with Ed25519 (RFC 7519, RFC 8037), profile of RFC 9068.
//!
//! The algorithm is a constant here, never read from the token: a header that says anything but
//! `EdDSA` and `at+jwt` is refused before its signature is looked at (RFC 8725 §3.1). Sixty lines of
//! our own instead of a library, because keys never leave `vault` and only one form is taken.

use data_encoding::BASE64URL_NOPAD;
use money::{Id, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use store::DbError;
use vault::SigningKey;

use super::model::PrincipalRef;
use crate::bank::Tools;
use crate::config;
use crate::keys::SETTLED_SECONDS;

/// Longer than any token of ours.
pub const MAX_TOKEN_BYTES: usize = 1_024;
/// A token from the future by more than this is refused: another node's clock may differ a little.
const CLOCK_SKEW_SECONDS: i64 = 5;

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    jti: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// The key without which the token is worth nothing (RFC 9449 §6.1).
#[derive(Serialize, Deserialize)]
struct Confirmation {
    /// RFC 7638 thumbprint, base64url.
    jkt: String,
}

/// What a verified token says.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub principal: PrincipalRef,
    pub session: SessionId,
    pub expires_at: Timestamp,
    /// Thumbprint of the key that the token is bound to.
    pub device_key: Option<[u8; 32]>,
}

/// Signs a token for a session, bound to a key where there is one.
pub fn issue(
    tools: &Tools,
    config: &config::Tokens,
    principal: PrincipalRef,
    (session, device_key): (SessionId, Option<[u8; 32]>),
    now: Timestamp,
) -> Result<String, DbError> {
    let ring = tools.keyring();
    let key = ring.signing_keys().current();
    let header = Header { alg: "EdDSA", typ: "at+jwt", kid: key.kid() };
    let lifetime = i64::try_from(config.access_seconds).unwrap_or(300);
    let claims = Claims {
        iss: config.issuer.clone(),
        aud: config.audience.clone(),
        sub: principal.to_string(),
        sid: session.to_string(),
        jti: BASE64URL_NOPAD.encode(&tools.rng().bytes::<16>()),
        iat: now.seconds(),
        exp: now.seconds().saturating_add(lifetime),
        cnf: device_key.map(|key| Confirmation { jkt: BASE64URL_NOPAD.encode(&key) }),
    };
    let text = |json: Result<Vec<u8>, serde_json::Error>| {
        json.map(|bytes| BASE64URL_NOPAD.encode(&bytes))
            .map_err(|e| DbError::Corrupt(format!("a token was not written: {e}")))
    };
    let header = text(serde_json::to_vec(&header))?;
    let claims = text(serde_json::to_vec(&claims))?;
    let message = format!("{header}.{claims}");
    let signature = key
        .sign(message.as_bytes())
        .map_err(|_| DbError::Corrupt("a token was not signed".to_owned()))?;
    Ok(format!("{message}.{}", BASE64URL_NOPAD.encode(&signature)))
}

/// Whether a key's tokens may still live: those of a retired one until the last it signed is over.
pub fn still_verifies(key: &SigningKey, config: &config::Tokens, now: Timestamp) -> bool {
    let lifetime = i64::try_from(config.access_seconds).unwrap_or(i64::MAX);
    key.retirement().is_none_or(|at| now <= signed_until(at).plus_seconds(lifetime))
}

/// Until when a retired key signs at the latest, on any node.
fn signed_until(retired_at: Timestamp) -> Timestamp {
    retired_at.plus_seconds(SETTLED_SECONDS)
}

/// Checks form, algorithm, type, key, signature, issuer, audience and time. `None`: not a token of
/// ours, or no longer.
pub fn verify(
    tools: &Tools,
    config: &config::Tokens,
    token: &str,
    now: Timestamp,
) -> Option<Token> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header_bytes = BASE64URL_NOPAD.decode(header.as_bytes()).ok()?;
    let header: Header<'_> = serde_json::from_slice(&header_bytes).ok()?;
    if header.alg != "EdDSA" || header.typ != "at+jwt" {
        return None;
    }
    let ring = tools.keyring();
    let key = ring.signing_keys().by_kid(header.kid)?;
    if !still_verifies(key, config, now) {
        return None;
    }
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
    if !key.verifies(message.as_bytes(), &signature) {
        return None;
    }
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let current = claims.iss == config.issuer
        && claims.aud == config.audience
        && now.seconds() < claims.exp
        && claims.iat <= now.seconds().saturating_add(CLOCK_SKEW_SECONDS)
        && key.retirement().is_none_or(|at| claims.iat <= signed_until(at).seconds());
    if !current {
        return None;
    }
    let device_key = match claims.cnf {
        Some(cnf) => Some(thumbprint(&cnf.jkt)?),
        None => None,
    };
    Some(Token {
        device_key,
        principal: principal(&claims.sub)?,
        session: claims.sid.parse().ok()?,
        expires_at: Timestamp::from_seconds(claims.exp),
    })
}

fn thumbprint(text: &str) -> Option<[u8; 32]> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// `sub` is an id; its prefix tells the kind of caller.
fn principal(sub: &str) -> Option<PrincipalRef> {
    sub.parse()
        .map(PrincipalRef::Customer)
        .or_else(|_| sub.parse::<Id<money::kind::Staff>>().map(PrincipalRef::Staff))
        .ok()
}
