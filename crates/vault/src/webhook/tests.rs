//! Our signatures against the reference library's and the published example.

use super::*;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use standardwebhooks::Webhook;

const ID: &str = "evt_01jz7m5v3k8e9q2r4s6t8w0xyz";

fn message(body: &[u8]) -> WebhookMessage<'_> {
    WebhookMessage { id: ID, timestamp: 1_767_607_200, body }
}

fn hmac(secret: &str) -> WebhookKey {
    let bytes = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
    WebhookKey::from_bytes(WebhookAlgorithm::Hmac, SecretBytes::new(bytes)).unwrap()
}

/// The published example, which libraries in many languages have in their tests; not computed here.
#[test]
fn the_example_of_the_specification() {
    let key = hmac("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = WebhookMessage {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: 1_614_265_330,
        body: br#"{"test": 2432232314}"#,
    };
    assert_eq!(key.sign(&signed).unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn the_reference_library_signs_the_same() {
    let rng = Rng::seeded(3);
    for body in [&b""[..], b"{}", "{\"name\":\"\u{20ac}\"}".as_bytes(), &[b'x'; 5_000]] {
        let key = WebhookKey::generate(&rng, WebhookAlgorithm::Hmac);
        let theirs = Webhook::new(key.secret().unwrap().expose()).unwrap();
        let signed = message(body);
        let expected = theirs.sign(ID, signed.timestamp, body).unwrap();
        assert_eq!(key.sign(&signed).unwrap(), expected);
    }
}

#[test]
fn who_has_the_public_key_can_check() {
    let key = WebhookKey::generate(&Rng::seeded(4), WebhookAlgorithm::Ed25519);
    assert!(key.secret().is_none());
    let public = key.public().unwrap().unwrap();
    let public = BASE64.decode(public.strip_prefix("whpk_").unwrap().as_bytes()).unwrap();
    let signature = key.sign(&message(b"{}")).unwrap();
    let signature = BASE64.decode(signature.strip_prefix("v1a,").unwrap().as_bytes()).unwrap();
    let verifier = UnparsedPublicKey::new(&ED25519, public);
    let signed = |body: &str| format!("{ID}.1767607200.{body}");
    assert!(verifier.verify(signed("{}").as_bytes(), &signature).is_ok());
    assert!(verifier.verify(signed("{ }").as_bytes(), &signature).is_err());
}

#[test]
fn another_id_time_body_or_key_is_another_signature() {
    let rng = Rng::seeded(5);
    for algorithm in WebhookAlgorithm::ALL {
        let key = WebhookKey::generate(&rng, algorithm);
        let right = key.sign(&message(b"{}")).unwrap();
        let others = [
            WebhookMessage { id: "evt_01jz7m5v3k8e9q2r4s6t8w0xyy", ..message(b"{}") },
            WebhookMessage { timestamp: 1_767_607_201, ..message(b"{}") },
            message(b"{} "),
        ];
        for other in others {
            assert_ne!(key.sign(&other).unwrap(), right, "{algorithm:?}");
        }
        let stranger = WebhookKey::generate(&rng, algorithm);
        assert_ne!(stranger.sign(&message(b"{}")).unwrap(), right, "{algorithm:?}");
        let again = SecretBytes::new(key.expose().to_vec());
        let again = WebhookKey::from_bytes(algorithm, again).unwrap();
        assert_eq!(again.sign(&message(b"{}")).unwrap(), right, "{algorithm:?}");
        assert_eq!(WebhookAlgorithm::parse(algorithm.as_str()), Some(algorithm));
    }
}

#[test]
fn bytes_that_are_no_key_are_none() {
    let of = |algorithm, length| {
        WebhookKey::from_bytes(algorithm, SecretBytes::new(vec![7; length])).is_some()
    };
    for (length, is_hmac, is_ed25519) in
        [(0, false, false), (23, false, false), (24, true, false), (32, true, true)]
    {
        assert_eq!(of(WebhookAlgorithm::Hmac, length), is_hmac, "{length}");
        assert_eq!(of(WebhookAlgorithm::Ed25519, length), is_ed25519, "{length}");
    }
    assert!(of(WebhookAlgorithm::Hmac, 64) && !of(WebhookAlgorithm::Hmac, 65));
    assert!(!of(WebhookAlgorithm::Ed25519, 33));
}
