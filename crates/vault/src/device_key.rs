//! Public keys of devices, as a JSON Web Key names them: what a client proves that it holds (RFC 9449).
//!
//! Two kinds: P-256 (ES256, RFC 7518 §3.4), which telephones and browsers keep in hardware, and Ed25519
//! (EdDSA, RFC 8037). Cost: verifying is 50 to 100 µs, a thumbprint a microsecond. Never here: a private
//! or symmetric key, RSA, an algorithm that is not that of the key.

use crate::token::sha256;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;

/// A public key. That it is a point of its curve shows when it verifies something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKey {
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519 { x: [u8; 32] },
}

impl DeviceKey {
    /// The only `alg` of a signature by this key.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::P256 { .. } => "ES256",
            Self::Ed25519 { .. } => "EdDSA",
        }
    }

    /// SHA-256 over the required members in their order (RFC 7638 §3; RFC 8037 §2).
    pub fn thumbprint(&self) -> [u8; 32] {
        let text = |bytes: &[u8; 32]| BASE64URL_NOPAD.encode(bytes);
        let jwk = match self {
            Self::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        sha256(jwk.as_bytes())
    }

    /// Whether this key made `signature` for `message`: 64 bytes, `R ‖ S` for both kinds.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256 { x, y } => {
                let point = [&[0x04][..], x, y].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            Self::Ed25519 { x } => {
                UnparsedPublicKey::new(&ED25519, x).verify(message, signature).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };

    fn bytes(text: &str) -> [u8; 32] {
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_thumbprint_of_rfc_8037_appendix_a_3() {
        let key = DeviceKey::Ed25519 { x: bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") };
        let expected = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(BASE64URL_NOPAD.encode(&key.thumbprint()), expected);
    }

    #[test]
    fn the_thumbprint_of_rfc_9449_section_6_1() {
        let key = DeviceKey::P256 {
            x: bytes("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"),
            y: bytes("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"),
        };
        let expected = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(BASE64URL_NOPAD.encode(&key.thumbprint()), expected);
    }

    #[test]
    fn each_kind_verifies_its_own_signatures_and_no_other() {
        let rng = SystemRandom::new();
        let ed = Ed25519KeyPair::generate().unwrap();
        let ed_key = DeviceKey::Ed25519 { x: ed.public_key().as_ref().try_into().unwrap() };
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = ec.public_key().as_ref();
        let ec_key = DeviceKey::P256 {
            x: point[1..33].try_into().unwrap(),
            y: point[33..].try_into().unwrap(),
        };
        let (by_ed, by_ec) = (ed.sign(b"text"), ec.sign(&rng, b"text").unwrap());
        assert!(ed_key.verifies(b"text", by_ed.as_ref()));
        assert!(ec_key.verifies(b"text", by_ec.as_ref()));
        assert!(!ed_key.verifies(b"text", by_ec.as_ref()));
        assert!(!ec_key.verifies(b"text", by_ed.as_ref()));
        assert!(!ed_key.verifies(b"texts", by_ed.as_ref()));
        assert!(!ec_key.verifies(b"text", &by_ec.as_ref()[..63]));
        assert!(!ec_key.verifies(b"text", &[0; 64]));
        // A point that is on no curve verifies nothing and is no panic.
        assert!(!DeviceKey::P256 { x: [1; 32], y: [2; 32] }.verifies(b"text", by_ec.as_ref()));
    }
}
