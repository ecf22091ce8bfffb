//! A client's key, and the proofs that it holds it (DPoP, RFC 9449).

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vault::token_hash;

/// A key pair of one of the two kinds.
pub enum Device {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// What a proof says.
#[derive(Clone)]
pub struct Claims {
    pub method: String,
    pub url: String,
    pub issued_at: i64,
    pub id: String,
    /// The access token beside it.
    pub token: Option<String>,
}

impl Claims {
    /// A fresh proof for one request.
    pub fn new(method: &str, url: &str, issued_at: i64) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let id = format!("test-proof-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { method: method.to_owned(), url: url.to_owned(), issued_at, id, token: None }
    }

    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }
}

impl Device {
    pub fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub fn ed_dsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().expect("a key"))
    }

    /// The public key (RFC 7517).
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match self {
            Self::Es256(pair) => {
                // An uncompressed point: 4, x, y.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Self::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
        }
    }

    /// A proof as the header `DPoP` carries it.
    pub fn proof(&self, claims: &Claims) -> String {
        let alg = match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        };
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": self.jwk() });
        let mut payload = json!({
            "jti": claims.id, "htm": claims.method, "htu": claims.url, "iat": claims.issued_at,
        });
        if let Some(token) = &claims.token {
            payload["ath"] = BASE64URL_NOPAD.encode(&token_hash(token)).into();
        }
        let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let message = format!("{}.{}", part(&header), part(&payload));
        let signature = match self {
            Self::Es256(pair) => {
                let made = pair.sign(&SystemRandom::new(), message.as_bytes());
                made.expect("a signature").as_ref().to_vec()
            }
            Self::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}
