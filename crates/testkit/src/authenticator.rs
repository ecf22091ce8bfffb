//! A software authenticator for WebAuthn (ES256, no attestation), which lies on request.
//!
//! It answers the JSON options of the bank as a browser with a security key would (W3C WebAuthn Level 3
//! §6.3), and every part that a verifier must look at can be set to something wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vault::sha256;

/// User present (§6.1).
pub const PRESENT: u8 = 0x01;
/// User verified.
pub const VERIFIED: u8 = 0x04;
/// The credential may be backed up, and is.
pub const BACKUP_ELIGIBLE: u8 = 0x08;
pub const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;

/// One authenticator with one credential.
pub struct Authenticator {
    key: EcdsaKeyPair,
    pub credential_id: Vec<u8>,
    /// What the next answer claims; change a field to make it lie.
    pub claims: Claims,
    pub counter: u32,
}

/// What an answer says of itself.
#[derive(Debug, Clone)]
pub struct Claims {
    pub origin: String,
    /// None: the one that the options name.
    pub rp_id: Option<String>,
    /// None: the one that the options name, base64url.
    pub challenge: Option<String>,
    /// None: `webauthn.create` or `webauthn.get`.
    pub kind: Option<String>,
    pub flags: u8,
    pub cross_origin: bool,
    pub user_handle: Option<Vec<u8>>,
}

impl Authenticator {
    /// A fresh key, honest, for pages of this origin.
    pub fn new(origin: &str) -> Self {
        let rng = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng)
            .expect("a key can be made");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())
            .expect("the key just made opens");
        let credential_id = sha256(key.public_key().as_ref()).to_vec();
        let claims = Claims {
            origin: origin.to_owned(),
            rp_id: None,
            challenge: None,
            kind: None,
            flags: PRESENT | VERIFIED,
            cross_origin: false,
            user_handle: None,
        };
        Self { key, credential_id, claims, counter: 0 }
    }

    /// Answers `navigator.credentials.create` (§5.1.3). Remembers the holder for [`Self::get`].
    pub fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        let user = options["user"]["id"].as_str().expect("the options name a user");
        let user = BASE64URL_NOPAD.decode(user.as_bytes()).expect("the user is base64url");
        self.claims.user_handle = Some(user);
        let client_data = self.client_data(options, "webauthn.create");
        let rp_id = options["rp"]["id"].as_str().expect("the options name a relying party");
        let mut data = self.authenticator_data(rp_id, ATTESTED);
        data.extend([0; 16]); // no make of authenticator
        data.extend(u16::try_from(self.credential_id.len()).expect("a short id").to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.cose_key());
        let mut attestation = vec![0xa3];
        attestation.extend(cbor_text("fmt"));
        attestation.extend(cbor_text("none"));
        attestation.extend(cbor_text("attStmt"));
        attestation.push(0xa0);
        attestation.extend(cbor_text("authData"));
        attestation.extend(cbor_bytes(&data));
        self.credential(&json!({
            "attestationObject": base64url(&attestation),
            "clientDataJSON": base64url(&client_data),
        }))
    }

    /// Answers `navigator.credentials.get` (§5.1.4).
    pub fn get(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        let client_data = self.client_data(options, "webauthn.get");
        let rp_id = options["rpId"].as_str().expect("the options name a relying party");
        let data = self.authenticator_data(rp_id, 0);
        let signed = [&data[..], &sha256(&client_data)[..]].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a key signs");
        self.credential(&json!({
            "authenticatorData": base64url(&data),
            "clientDataJSON": base64url(&client_data),
            "signature": base64url(signature.as_ref()),
            "userHandle": self.claims.user_handle.as_deref().map(base64url),
        }))
    }

    fn credential(&self, response: &Value) -> Value {
        let id = base64url(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "clientExtensionResults": {},
        })
    }

    fn client_data(&self, options: &Value, kind: &str) -> Vec<u8> {
        let asked = options["challenge"].as_str().expect("the options have a challenge");
        let claims = &self.claims;
        json!({
            "type": claims.kind.as_deref().unwrap_or(kind),
            "challenge": claims.challenge.as_deref().unwrap_or(asked),
            "origin": claims.origin,
            "crossOrigin": claims.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    /// §6.1; the counter goes up by one with each answer.
    fn authenticator_data(&mut self, rp_id: &str, more_flags: u8) -> Vec<u8> {
        let rp_id = self.claims.rp_id.as_deref().unwrap_or(rp_id);
        let mut data = sha256(rp_id.as_bytes()).to_vec();
        data.push(self.claims.flags | more_flags);
        self.counter += 1;
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// RFC 9053 §7.1.1: EC2, ES256, P-256, x, y.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
        key.extend(cbor_bytes(x));
        key.push(0x22);
        key.extend(cbor_bytes(y));
        key
    }
}

fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// RFC 8949 §3.1: major type 3.
fn cbor_text(text: &str) -> Vec<u8> {
    cbor(0x60, text.as_bytes())
}

/// Major type 2.
fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    cbor(0x40, bytes)
}

fn cbor(major: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = match bytes.len() {
        length @ 0..24 => vec![major | u8::try_from(length).expect("a small length")],
        length @ 24..256 => vec![major | 0x18, u8::try_from(length).expect("one byte")],
        length => {
            let length = u16::try_from(length).expect("a short text").to_be_bytes();
            vec![major | 0x19, length[0], length[1]]
        }
    };
    out.extend(bytes);
    out
}
