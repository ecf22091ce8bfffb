//! What `signing` promises.

use super::*;
use data_encoding::HEXLOWER;

fn key(version: u32) -> SigningKey {
    SigningKey::from_seed(version, &sha256(&version.to_be_bytes()))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn from_hex(seed: &str) -> SigningKey {
    let seed = HEXLOWER.decode(seed.as_bytes()).unwrap();
    SigningKey::from_seed(1, &seed).ok().unwrap()
}

// ASVS 11.6.1: the bank signs with Ed25519.
#[test]
fn signatures_of_rfc_8032_section_7_1() {
    let first = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(HEXLOWER.encode(first.public_key()), public);
    let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590\
                     a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    assert_eq!(HEXLOWER.encode(&first.sign(b"").unwrap()), signature);

    let second = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e\
                     15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    assert_eq!(HEXLOWER.encode(&second.sign(b"\x72").unwrap()), signature);
}

#[test]
fn the_name_is_the_thumbprint_of_rfc_8037_appendix_a_3() {
    let key = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_changed_message_or_signature_does_not_verify() {
    let key = key(1);
    let signature = key.sign(b"header.claims").unwrap();
    assert!(key.verifies(b"header.claims", &signature));
    assert!(!key.verifies(b"header.claimz", &signature));
    assert!(!key.verifies(b"header.claims", &signature[..63]));
    assert!(!key.verifies(b"header.claims", b""));
    for at in 0..signature.len() {
        let mut changed = signature;
        changed[at] ^= 1;
        assert!(!key.verifies(b"header.claims", &changed), "byte {at}");
    }
    assert!(!self::key(2).verifies(b"header.claims", &signature));
}

#[test]
fn keys_are_found_by_name() {
    let (old, new) = (key(1).kid, key(2).kid);
    let keys = SigningKeys::new(key(2), vec![key(1)]);
    assert_eq!(keys.current().kid(), new);
    assert_eq!(keys.by_kid(&old).map(SigningKey::version), Some(1));
    assert!(keys.by_kid("").is_none());
    assert_eq!(keys.iter().map(SigningKey::version).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_seed_of_another_length_is_refused() {
    assert!(SigningKey::from_seed(1, &[1; 31]).is_err());
    assert!(SigningKey::from_seed(1, &[]).is_err());
}
