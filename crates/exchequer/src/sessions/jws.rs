//! Signatures in JSON's clothes (RFC 7515, compact form) by keys of clients.
//!
//! Strict where the format is lenient: three parts, base64url without padding or stray bits, one `alg`
//! that is the key's own, nothing critical that we would have to know, public keys only. Cost: one
//! signature check. What it never does: choose a key or an algorithm because a header says so; who
//! calls brings the key, or takes the header's own and says what that proves.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use vault::DeviceKey;

/// Longer than any proof: a header with a key, a URL of 1 KiB, hashes.
pub const MAX_BYTES: usize = 4_096;

/// The protected header, as far as it matters.
#[derive(Deserialize)]
pub struct Header {
    pub alg: String,
    pub typ: Option<String>,
    pub jwk: Option<Jwk>,
    /// Extensions that must be understood (RFC 7515 §4.1.11); we understand none.
    crit: Option<IgnoredAny>,
}

/// A JSON Web Key (RFC 7517). Members that are of no matter to a public signature key are passed over.
#[derive(Deserialize)]
pub struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    // What only a private or symmetric key has (RFC 7518 §6).
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
}

/// A signed text whose signature has not been looked at.
pub struct Unverified<'t> {
    pub header: Header,
    message: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Takes a compact JWS apart. `None`: it is not one that we could verify.
pub fn parse(text: &str) -> Option<Unverified<'_>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let (message, signature) = text.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.crit.is_some() {
        return None;
    }
    let (payload, signature) = (decode(payload)?, decode(signature)?);
    Some(Unverified { header, message, payload, signature })
}

impl Unverified<'_> {
    /// The payload, if `key` has signed it with its own algorithm.
    pub fn verify(&self, key: &DeviceKey) -> Option<&[u8]> {
        let signed = self.header.alg == key.algorithm()
            && key.verifies(self.message.as_bytes(), &self.signature);
        signed.then_some(&self.payload)
    }
}

impl Jwk {
    /// The key, if it is a public one for signatures, of a kind that we take.
    pub fn public_key(&self) -> Option<DeviceKey> {
        let private = [&self.d, &self.k, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth];
        let for_signatures = self.r#use.as_ref().is_none_or(|r#use| r#use == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if private.iter().any(|member| member.is_some()) || !for_signatures {
            return None;
        }
        let key = match (&*self.kty, self.crv.as_deref()?) {
            ("EC", "P-256") => DeviceKey::P256 {
                x: coordinate(self.x.as_deref())?,
                y: coordinate(self.y.as_deref())?,
            },
            ("OKP", "Ed25519") => DeviceKey::Ed25519 { x: coordinate(self.x.as_deref())? },
            _ => return None,
        };
        self.alg.as_ref().is_none_or(|alg| alg == key.algorithm()).then_some(key)
    }
}

fn coordinate(text: Option<&str>) -> Option<[u8; 32]> {
    decode(text?)?.try_into().ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
