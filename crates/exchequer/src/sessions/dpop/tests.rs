//! RFC 9449's own examples, and every check one by one.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

/// RFC 9449 §4.1, the proof of a token request.
const AT_SIGN_IN: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

/// RFC 9449 §7.1, the proof beside an access token.
const AT_A_RESOURCE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const ITS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn headers(proofs: &[&str]) -> HeaderMap {
    proofs.iter().map(|p| (http::HeaderName::from_static("dpop"), p.parse().unwrap())).collect()
}

#[test]
fn the_examples_of_rfc_9449_are_taken_at_their_time_and_place_only() {
    let sign_in = Target {
        method: "POST",
        origin: "https://server.example.com",
        path: "/token",
        token: None,
    };
    let at = |seconds| Timestamp::from_seconds(1_562_262_616 + seconds);
    let shown = judge(&headers(&[AT_SIGN_IN]), &sign_in, at(0)).unwrap();
    let jkt = BASE64URL_NOPAD.encode(&shown.key);
    assert_eq!(jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    for seconds in [-MAX_AHEAD_SECONDS, MAX_AGE_SECONDS] {
        assert!(judge(&headers(&[AT_SIGN_IN]), &sign_in, at(seconds)).is_ok());
    }
    for seconds in [-MAX_AHEAD_SECONDS - 1, MAX_AGE_SECONDS + 1] {
        let judged = judge(&headers(&[AT_SIGN_IN]), &sign_in, at(seconds));
        assert_eq!(judged, Err(ProofError::Time));
    }
    let resource = Target {
        method: "GET",
        origin: "https://resource.example.org",
        path: "/protectedresource",
        token: Some(ITS_TOKEN),
    };
    let other = judge(&headers(&[AT_A_RESOURCE]), &resource, at(2)).unwrap();
    assert_eq!(other.key, shown.key);
    assert_ne!(other.once, shown.once);
    for (target, error) in [
        (Target { method: "POST", ..resource }, ProofError::Method),
        (Target { path: "/other", ..resource }, ProofError::Address),
        (Target { origin: "https://resource.example.com", ..resource }, ProofError::Address),
        (Target { origin: "http://resource.example.org", ..resource }, ProofError::Address),
        (Target { token: Some("another"), ..resource }, ProofError::Token),
    ] {
        assert_eq!(judge(&headers(&[AT_A_RESOURCE]), &target, at(2)), Err(error));
    }
    // A proof for a sign-in says nothing about a token.
    let judged = judge(&headers(&[AT_SIGN_IN]), &Target { token: Some("any"), ..sign_in }, at(0));
    assert_eq!(judged, Err(ProofError::Token));
}

const NOW: i64 = 1_767_607_200;

const HERE: Target<'static> =
    Target { method: "POST", origin: "https://bank.example", path: "/v1/auth/login", token: None };

fn ours(pair: &Ed25519KeyPair) -> (Value, Value) {
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
    let claims = json!({
        "jti": "0123456789abcdef", "htm": "POST", "iat": NOW,
        "htu": "https://bank.example/v1/auth/login",
    });
    (header, claims)
}

fn sign(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(message.as_bytes());
    format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

fn judged(proofs: &[&str]) -> Result<Shown, ProofError> {
    judge(&headers(proofs), &HERE, Timestamp::from_seconds(NOW))
}

#[test]
fn there_must_be_one_proof() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let (header, claims) = ours(&pair);
    let proof = sign(&pair, &header, &claims);
    assert!(judged(&[&proof]).is_ok());
    assert_eq!(judged(&[]), Err(ProofError::NotOne));
    assert_eq!(judged(&[&proof, &proof]), Err(ProofError::NotOne));
    assert_eq!(judged(&[&format!("{proof}, {proof}")]), Err(ProofError::Form));
    assert_eq!(judged(&[&"x".repeat(10_000)]), Err(ProofError::Form));
}

/// ASVS 9.1.2, 9.1.3, 9.2.2: an allow-list of algorithms, a public key, and this type only.
#[test]
fn each_header_that_says_something_else_is_refused_though_rightly_signed() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let (header, claims) = ours(&pair);
    let mut private = header["jwk"].clone();
    private["d"] = "AAAA".into();
    for (name, value, error) in [
        ("typ", json!("JWT"), ProofError::Form),
        ("typ", json!("at+jwt"), ProofError::Form),
        ("typ", Value::Null, ProofError::Form),
        ("alg", json!("none"), ProofError::Key),
        ("alg", json!("HS256"), ProofError::Key),
        ("alg", json!("ES256"), ProofError::Key),
        ("alg", json!("eddsa"), ProofError::Key),
        ("alg", Value::Null, ProofError::Form),
        ("jwk", private, ProofError::Key),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" }), ProofError::Key),
        ("jwk", json!({ "kty": "RSA", "n": "AAAA", "e": "AQAB" }), ProofError::Key),
        ("jwk", Value::Null, ProofError::Key),
        ("crit", json!(["exp"]), ProofError::Form),
    ] {
        let mut changed = header.clone();
        changed[name] = value.clone();
        assert_eq!(judged(&[&sign(&pair, &changed, &claims)]), Err(error), "{name} {value}");
    }
    let other = Ed25519KeyPair::generate().unwrap();
    assert_eq!(judged(&[&sign(&other, &header, &claims)]), Err(ProofError::Signature));
}

#[test]
fn each_claim_that_is_missing_or_says_something_else_is_refused() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let (header, claims) = ours(&pair);
    for (name, value, error) in [
        ("jti", Value::Null, ProofError::Form),
        ("jti", json!("short"), ProofError::Form),
        ("jti", json!("x".repeat(257)), ProofError::Form),
        ("htm", Value::Null, ProofError::Form),
        ("htm", json!("post"), ProofError::Method),
        ("htm", json!("GET"), ProofError::Method),
        ("htu", Value::Null, ProofError::Form),
        ("iat", Value::Null, ProofError::Form),
        ("iat", json!("1767607200"), ProofError::Form),
        ("iat", json!(NOW - 61), ProofError::Time),
        ("iat", json!(i64::MIN), ProofError::Time),
        ("iat", json!(i64::MAX), ProofError::Time),
    ] {
        let mut changed = claims.clone();
        changed[name] = value.clone();
        assert_eq!(judged(&[&sign(&pair, &header, &changed)]), Err(error), "{name} {value}");
    }
}

#[test]
fn an_address_has_several_spellings_and_no_other_one_is_ours() {
    for (htu, ours) in [
        ("https://bank.example/v1/auth/login", true),
        ("HTTPS://Bank.Example/v1/auth/login", true),
        ("https://bank.example:443/v1/auth/login", true),
        ("https://bank.example/v1/auth/login?a=b", true),
        ("https://bank.example/v1/auth/login#part", true),
        ("https://bank.example/v1/auth/Login", false),
        ("https://bank.example/v1/auth/login/", false),
        ("https://bank.example/", false),
        ("https://bank.example", false),
        ("https://bank.example:444/v1/auth/login", false),
        ("https://bank.example.evil.test/v1/auth/login", false),
        ("https://bank.example@evil.test/v1/auth/login", false),
        ("https://evil.test@bank.example/v1/auth/login", false),
        ("http://bank.example/v1/auth/login", false),
        ("//bank.example/v1/auth/login", false),
        ("/v1/auth/login", false),
        ("", false),
    ] {
        assert_eq!(is_address(htu, &HERE), ours, "{htu}");
    }
}
