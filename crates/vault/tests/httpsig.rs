//! RFC 9421 both ways with another implementation, `httpsig`: what we sign it verifies, what it signs we verify, and a
//! changed component is refused by both.

use data_encoding::BASE64;
use httpsig::prelude::message_component::HttpMessageComponent;
use httpsig::prelude::{
    AlgorithmName, HttpSignatureBase, HttpSignatureHeaders, HttpSignatureParams, PublicKey,
    SecretKey, SharedKey,
};
use money::Timestamp;
use vault::SecretBytes;
use vault::signature::message::{
    self, Algorithm, Message, Policy, SigningKey, VerifyingKey, sign, signature_input,
};
use vault::signature::{DigestHash, Request, content_digest};

const SEED: [u8; 32] = [42; 32];
const SECRET: &[u8] = b"a secret that both of them have, 32 bytes and more";
const BODY: &[u8] = br#"{"number":"4242424242424242"}"#;
const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const KEY_ID: &str = "key_01jz7m5v3k8e9q2r4s6t8w0xyz";

/// The lines of what is signed, as RFC 9421, 2.5, has them; `path` may lie.
fn components(path: &str, digest: &str) -> Vec<HttpMessageComponent> {
    [
        "\"@method\": POST".to_owned(),
        format!("\"@target-uri\": https://bank.example{path}"),
        format!("\"content-digest\": {digest}"),
    ]
    .iter()
    .map(|line| HttpMessageComponent::try_from(line.as_str()).expect("a component"))
    .collect()
}

fn with_request<T>(headers: &[(&str, &[u8])], call: impl FnOnce(&Request<'_>) -> T) -> T {
    call(&Request {
        method: "POST",
        scheme: "https",
        authority: "bank.example",
        path: "/v1/cards",
        query: Some("a=1&b=%20"),
        headers,
        body: BODY,
    })
}

const PATH: &str = "/v1/cards?a=1&b=%20";

/// It writes parameters in an order of its own where RFC 9421, 2.3, keeps that of the message, so we sign in its order.
fn in_its_order(input: &str, algorithm: Algorithm) -> String {
    let (key, alg) = (format!(";keyid=\"{KEY_ID}\""), format!(";alg=\"{}\"", algorithm.name()));
    let ours = format!("{key}{alg}");
    assert!(input.ends_with(&ours), "{input}");
    input.replace(&ours, &format!("{alg}{key}"))
}

/// What we signed: the two fields, and the digest that they cover.
fn ours(algorithm: Algorithm) -> (String, String, String) {
    let digest = content_digest(DigestHash::Sha256, BODY);
    let headers: [(&str, &[u8]); 1] = [("content-digest", digest.as_bytes())];
    let (seed, secret) = (SecretBytes::new(SEED.to_vec()), SecretBytes::new(SECRET.to_vec()));
    let key = match algorithm {
        Algorithm::Ed25519 => SigningKey::Ed25519(&seed),
        _ => SigningKey::HmacSha256(&secret),
    };
    let (input, signature) = with_request(&headers, |request| {
        let input = signature_input(request, KEY_ID, NOW, "nonce-0123456789abcdef", algorithm);
        let input = in_its_order(&input, algorithm);
        let signature = sign(&Message::Request(request), &input, &key).expect("a signature");
        (input, signature)
    });
    (input, signature, digest)
}

#[test]
fn what_we_sign_it_verifies_and_a_changed_path_it_does_not() {
    for algorithm in [Algorithm::Ed25519, Algorithm::HmacSha256] {
        let (input, signature, digest) = ours(algorithm);
        let parsed = HttpSignatureHeaders::try_parse(&signature, &input).expect("our two fields");
        let headers = parsed.get("sig1").expect("our label");
        for (path, is_right) in [(PATH, true), ("/v1/cards?a=2&b=%20", false)] {
            let lines = components(path, &digest);
            let base = HttpSignatureBase::try_new(&lines, headers.signature_params());
            let base = base.expect("the lines of the input");
            let verified = if algorithm == Algorithm::Ed25519 {
                let key = SecretKey::from_bytes(&AlgorithmName::Ed25519, &SEED).expect("a key");
                let public: PublicKey = key.public_key();
                base.verify_signature_headers(&public, headers)
            } else {
                let key =
                    SharedKey::from_base64(&AlgorithmName::HmacSha256, &BASE64.encode(SECRET));
                base.verify_signature_headers(&key.expect("a key"), headers)
            };
            assert_eq!(verified.is_ok(), is_right, "{algorithm:?} {path}");
        }
    }
}

#[test]
fn what_it_signs_we_verify_and_a_changed_path_we_do_not() {
    let digest = content_digest(DigestHash::Sha256, BODY);
    let secret = SecretBytes::new(SECRET.to_vec());
    for (path, is_right) in [(PATH, true), ("/v1/cards?a=2&b=%20", false)] {
        let lines = components(path, &digest);
        let ids: Vec<_> = lines.iter().map(|line| line.id.clone()).collect();
        let mut params = HttpSignatureParams::try_new(&ids).expect("parameters");
        params.set_created(1_790_000_000).set_nonce("nonce-0123456789abcdef").set_keyid(KEY_ID);
        params.set_alg(&AlgorithmName::HmacSha256);
        let base = HttpSignatureBase::try_new(&lines, &params).expect("a base");
        let key = SharedKey::from_base64(&AlgorithmName::HmacSha256, &BASE64.encode(SECRET));
        let signed = base.build_signature_headers(&key.expect("a key"), Some("sig1"));
        let signed = signed.expect("a signature");
        let (input, signature) =
            (signed.signature_input_header_value(), signed.signature_header_value());
        let headers: [(&str, &[u8]); 3] = [
            ("content-digest", digest.as_bytes()),
            ("signature-input", input.as_bytes()),
            ("signature", signature.as_bytes()),
        ];
        let verified = with_request(&headers, |request| {
            let claim = message::read(request).expect("one signature");
            claim.verify(&Policy::BANK, &VerifyingKey::HmacSha256(&secret), NOW).map(|_| ())
        });
        assert_eq!(verified.is_ok(), is_right, "{path}: {verified:?}");
    }
}
