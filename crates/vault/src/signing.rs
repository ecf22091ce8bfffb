//! Ed25519 keys that sign access tokens: the newest active one signs, every one of them verifies.
//!
//! Until when a retired key verifies is for the caller to say ([`SigningKey::retirement`]): safely no longer
//! than the last token it signed lives. Cost: signing about 10 µs, verifying about 50 µs. A private key is
//! never given out, in no form.

use crate::token::sha256;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use money::Timestamp;

/// One key pair. aws-lc wipes the private half when it is dropped.
pub struct SigningKey {
    version: u32,
    kid: String,
    public: [u8; PUBLIC_KEY_LEN],
    pair: Ed25519KeyPair,
    verifier: ParsedPublicKey,
    retired_at: Option<Timestamp>,
}

/// All signing keys: never empty.
pub struct SigningKeys {
    current: SigningKey,
    others: Vec<SigningKey>,
}

/// The cryptographic library refused a key or a signature; it says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused to sign")]
pub struct SignError;

pub const PUBLIC_KEY_LEN: usize = 32;
pub const SIGNATURE_LEN: usize = 64;

impl SigningKey {
    pub(crate) fn from_seed(version: u32, seed: &[u8]) -> Result<Self, SignError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_rejected| SignError)?;
        let mut public = [0; PUBLIC_KEY_LEN];
        let bytes = pair.public_key().as_ref();
        if bytes.len() != public.len() {
            return Err(SignError);
        }
        public.copy_from_slice(bytes);
        let verifier = ParsedPublicKey::new(&ED25519, public).map_err(|_rejected| SignError)?;
        let kid = thumbprint(&public);
        Ok(Self { version, kid, public, pair, verifier, retired_at: None })
    }

    pub(crate) fn retired_at(mut self, retired_at: Option<Timestamp>) -> Self {
        self.retired_at = retired_at;
        self
    }

    /// When another version was made to take over; it signs on until every node knows that one.
    pub fn retirement(&self) -> Option<Timestamp> {
        self.retired_at
    }

    /// The key's name in a token's header and in the published key set: the JWK thumbprint (RFC
    /// 7638 §3, RFC 8037 §2), so it follows from the key and nobody has to keep it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.public
    }

    /// The signature (RFC 8032 §5.1.6) of `message`.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError> {
        let signature = self.pair.try_sign(message).map_err(|_unspecified| SignError)?;
        <[u8; SIGNATURE_LEN]>::try_from(signature.as_ref()).map_err(|_other_length| SignError)
    }

    /// Whether this key made `signature` for `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
    }
}

impl SigningKeys {
    pub(crate) fn new(current: SigningKey, others: Vec<SigningKey>) -> Self {
        Self { current, others }
    }

    /// The key that signs new tokens.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key that signs first, then the others from the newest on.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.others)
    }

    /// The key that a token names; none for an unknown one, which is then not a valid token.
    pub fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.iter().find(|key| key.kid == kid)
    }
}

fn thumbprint(public: &[u8; PUBLIC_KEY_LEN]) -> String {
    let x = BASE64URL_NOPAD.encode(public);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    BASE64URL_NOPAD.encode(&sha256(jwk.as_bytes()))
}

#[cfg(test)]
mod tests;
