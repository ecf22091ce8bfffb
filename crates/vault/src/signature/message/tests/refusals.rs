//! The refusals of `read` and of `Policy::BANK`, in their order.

use super::super::super::MAX_SKEW_SECONDS;
use super::*;
use crate::signature::structured::Fault;

const ED: Algorithm = Algorithm::Ed25519;

/// A request under this list of components and parameters, rightly signed.
fn under(input: &str) -> Sent {
    test_request().signed(&format!("sig1={input}"), ED)
}

const FULL: &str = "(\"@method\" \"@target-uri\" \"content-digest\")";

fn refused_under(input: &str) -> Option<Refusal> {
    under(input).refusal(ED)
}

#[test]
fn the_fields_are_there_readable_and_paired() {
    let sent = test_request().signed_for_the_bank(ED);
    for name in [SIGNATURE_INPUT, SIGNATURE] {
        let mut missing = sent.clone();
        missing.remove(name);
        assert_eq!(missing.refusal(ED), Some(Refusal::Missing(name)));
        let mut broken = sent.clone();
        broken.set(name, "sig1=");
        assert_eq!(broken.refusal(ED), Some(Refusal::Field(name, Fault::Syntax)));
        let mut twice = sent.clone();
        let again = twice.header(name).clone();
        twice.add(name, again);
        assert_eq!(twice.refusal(ED), Some(Refusal::Field(name, Fault::Repeated)));
        let mut long = sent.clone();
        long.add(name, format!("a=\"{}\"", "x".repeat(4_096)));
        assert_eq!(long.refusal(ED), Some(Refusal::Field(name, Fault::TooLong)));
    }
    for (input, signature) in [
        ("", ""),
        ("sig1=()", "sig2=:aGk=:"),
        ("sig1=()", "sig1=:aGk=:, sig2=:aGk=:"),
        ("sig1=(), sig2=()", "sig1=:aGk=:"),
        ("sig1=1", "sig1=:aGk=:"),
        ("sig1", "sig1=:aGk=:"),
        ("sig1=()", "sig1=aGk"),
        ("sig1=()", "sig1"),
        ("sig1=()", "sig1=(:aGk=:)"),
        ("sig1=()", "sig1=:aGk=:;x"),
        ("a=(), b=(), c=(), d=(), e=()", "a=::, b=::, c=::, d=::, e=::"),
    ] {
        let mut sent = sent.clone();
        sent.set(SIGNATURE_INPUT, input);
        sent.set(SIGNATURE, signature);
        assert_eq!(sent.refusal(ED), Some(Refusal::Labels), "{input} {signature}");
    }
}

#[test]
fn parameters_and_components_that_are_not_understood_are_refused() {
    let refusal = |input: &str| {
        let mut sent = test_request();
        sent.set(SIGNATURE_INPUT, format!("sig1={input}"));
        sent.set(SIGNATURE, "sig1=:aGk=:");
        sent.refusal(ED)
    };
    for parameter in [
        "created=\"1618884473\"",
        "expires",
        "nonce=1",
        "alg=ed25519",
        "keyid=key_01",
        "tag=1",
        "unknown=1",
        "Created=1",
    ] {
        let expected = if parameter.starts_with('C') {
            Refusal::Field(SIGNATURE_INPUT, Fault::Syntax)
        } else {
            Refusal::Parameter
        };
        assert_eq!(refusal(&format!("();{parameter}")), Some(expected), "{parameter}");
    }
    for (component, fault) in [
        ("method", ComponentFault::Name),
        ("1", ComponentFault::Name),
        (":aGk=:", ComponentFault::Name),
        ("\"\"", ComponentFault::Name),
        ("\"Date\"", ComponentFault::Name),
        ("\"da te\"", ComponentFault::Name),
        ("\"date:\"", ComponentFault::Name),
        ("\"@\"", ComponentFault::Name),
        ("\"@METHOD\"", ComponentFault::Name),
        ("\"@signature-params\"", ComponentFault::Name),
        ("\"@request-response\"", ComponentFault::Name),
        ("\"@method\";sf", ComponentFault::Parameter),
        ("\"@method\";bs", ComponentFault::Parameter),
        ("\"@method\";key=\"a\"", ComponentFault::Parameter),
        ("\"@method\";name=\"a\"", ComponentFault::Parameter),
        ("\"@query-param\"", ComponentFault::Parameter),
        ("\"@query-param\";name=a", ComponentFault::Parameter),
        ("\"date\";name=\"a\"", ComponentFault::Parameter),
        ("\"date\";tr", ComponentFault::Parameter),
        ("\"date\";sf=?0", ComponentFault::Parameter),
        ("\"date\";bs=1", ComponentFault::Parameter),
        ("\"date\";key=a", ComponentFault::Parameter),
        ("\"date\";unknown", ComponentFault::Parameter),
        ("\"date\";bs;sf", ComponentFault::Incompatible),
        ("\"date\";key=\"a\";bs", ComponentFault::Incompatible),
        ("\"date\" \"date\"", ComponentFault::Repeated),
        ("\"date\";bs;req \"@path\" \"date\";req;bs", ComponentFault::Repeated),
        ("\"@path\" \"@path\"", ComponentFault::Repeated),
    ] {
        let expected = Some(Refusal::Component(fault));
        assert_eq!(refusal(&format!("({component})")), expected, "{component}");
    }
    assert_eq!(refusal("(\"date\" \"date\";bs \"date\";req)"), Some(Refusal::KeyId));
}

#[test]
fn one_signature_by_one_caller() {
    let mut two = test_request().signed_for_the_bank(ED);
    two.add(SIGNATURE_INPUT, "proxy=()");
    two.add(SIGNATURE, "proxy=:aGk=:");
    assert_eq!(two.refusal(ED), Some(Refusal::Several));

    let long = "k".repeat(65);
    for key_id in ["", "keyid=\"\"", "keyid=\"key 01\"", &format!("keyid=\"{long}\"")] {
        let input = format!("{FULL};created={CREATED};nonce=\"{NONCE}\";{key_id}");
        let input = input.trim_end_matches(';');
        assert_eq!(refused_under(input), Some(Refusal::KeyId), "{key_id}");
    }
    for value in ["Bearer abc", "Exchequer key_02", "Exchequer", ""] {
        let mut sent = test_request().signed_for_the_bank(ED);
        sent.add("Authorization", value);
        assert_eq!(sent.refusal(ED), Some(Refusal::Authorization), "{value}");
        sent.set("Authorization", "Exchequer key_01");
        sent.add("Authorization", value);
        assert_eq!(sent.refusal(ED), Some(Refusal::Authorization), "{value}");
    }
}

#[test]
fn the_algorithm_is_the_keys() {
    let keys = keys();
    let by = |sent: &Sent, key: &VerifyingKey<'_>| {
        sent.with(|request| read(request)?.verify(&Policy::BANK, key, now()).map(|_| ()))
    };
    let sent = test_request().signed_for_the_bank(ED);
    let point = VerifyingKey::EcdsaP256Sha256 { x: &keys.public, y: &keys.public };
    for key in [VerifyingKey::HmacSha256(&keys.shared), point, VerifyingKey::RsaPssSha512(b"")] {
        assert_eq!(by(&sent, &key), Err(Refusal::Algorithm));
    }
    // Without `alg`: the bytes of a public key are no secret that a signature could be made with.
    let input = format!("sig1={FULL};created={CREATED};nonce=\"{NONCE}\";keyid=\"key_01\"");
    let public = SecretBytes::new(keys.public.to_vec());
    let mut sent = test_request();
    let signature = sent.with(|request| {
        sign(&Message::Request(request), &input, &SigningKey::HmacSha256(&public)).unwrap()
    });
    sent.set(SIGNATURE_INPUT, &input);
    sent.set(SIGNATURE, signature);
    assert_eq!(sent.refusal(ED), Some(Refusal::Signature));
    assert_eq!(by(&sent, &VerifyingKey::HmacSha256(&public)), Ok(()));
    let short = SecretBytes::new(vec![7; MIN_SECRET_BYTES - 1]);
    assert_eq!(by(&sent, &VerifyingKey::HmacSha256(&short)), Err(Refusal::Key));
    let other = VerifyingKey::Ed25519(&[7; 32]);
    assert_eq!(by(&sent, &other), Err(Refusal::Signature));
}

#[test]
fn time_has_a_window_and_an_end() {
    let sent = test_request().signed_for_the_bank(ED);
    let at = |seconds: i64| sent.judge(ED, now().plus_seconds(seconds)).err();
    assert_eq!(at(-MAX_SKEW_SECONDS - 1), Some(Refusal::Future));
    assert_eq!(at(-MAX_SKEW_SECONDS), None);
    assert_eq!(at(MAX_SKEW_SECONDS), None);
    assert_eq!(at(MAX_SKEW_SECONDS + 1), Some(Refusal::Past));

    let tail = format!("nonce=\"{NONCE}\";keyid=\"key_01\"");
    assert_eq!(refused_under(&format!("{FULL};{tail}")), Some(Refusal::Created));
    for (created, expected) in [
        (i64::from(u32::MAX), Refusal::Future),
        (999_999_999_999_999, Refusal::Future),
        (-999_999_999_999_999, Refusal::Past),
        (0, Refusal::Past),
    ] {
        let input = format!("{FULL};created={created};{tail}");
        assert_eq!(refused_under(&input), Some(expected), "{created}");
    }
    for (expires, expected) in [
        (CREATED - 1, Some(Refusal::Expired)),
        (CREATED, Some(Refusal::Expired)),
        (CREATED + 1, None),
        (CREATED + 900, None),
    ] {
        let input = format!("{FULL};created={CREATED};expires={expires};{tail}");
        assert_eq!(refused_under(&input), expected, "{expires}");
        let later = now().plus_seconds(1);
        let expected = (expires <= CREATED + 1).then_some(Refusal::Expired);
        assert_eq!(under(&input).judge(ED, later).err(), expected, "{expires}");
    }
}

#[test]
fn a_nonce_is_demanded() {
    let long = "n".repeat(65);
    for nonce in ["", ";nonce=\"\"", ";nonce=\"123456789012345\"", ";nonce=\"0123456789 abcdef\""] {
        let input = format!("{FULL};created={CREATED};keyid=\"key_01\"{nonce}");
        assert_eq!(refused_under(&input), Some(Refusal::Nonce), "{nonce}");
    }
    let input = format!("{FULL};created={CREATED};keyid=\"key_01\";nonce=\"{long}\"");
    assert_eq!(refused_under(&input), Some(Refusal::Nonce));
}

#[test]
fn what_must_be_covered_is_demanded_in_order() {
    let target = "@target-uri";
    for (list, expected) in [
        ("", Some("@method")),
        ("\"@target-uri\" \"content-digest\"", Some("@method")),
        ("\"@method\" \"content-digest\"", Some(target)),
        ("\"@method\" \"@authority\" \"@path\" \"content-digest\"", Some(target)),
        ("\"@method\" \"@authority\" \"@query\" \"content-digest\"", Some(target)),
        ("\"@method\" \"@path\" \"@query\" \"content-digest\"", Some(target)),
        ("\"@method\" \"host\" \"@path\" \"@query\" \"content-digest\"", Some(target)),
        ("\"@method\" \"@request-target\" \"@authority\" \"content-digest\"", Some(target)),
        (
            "\"@method\" \"@authority\" \"@path\" \"@query-param\";name=\"Pet\" \"content-digest\"",
            Some(target),
        ),
        ("\"@method\" \"@target-uri\"", Some("content-digest")),
        ("\"@method\" \"@target-uri\" \"content-digest\";key=\"sha-512\"", Some("content-digest")),
        ("\"@method\" \"@target-uri\" \"content-digest\";sf", None),
        ("\"@method\" \"@target-uri\" \"content-digest\";bs", None),
        ("\"date\" \"content-digest\" \"@query\" \"@path\" \"@authority\" \"@method\"", None),
    ] {
        let input = format!("({list});created={CREATED};nonce=\"{NONCE}\";keyid=\"key_01\"");
        assert_eq!(refused_under(&input), expected.map(Refusal::Uncovered), "{list}");
    }
}

#[test]
fn a_body_needs_its_digest_and_no_body_needs_none() {
    let mut bare = test_request();
    bare.remove("Content-Digest");
    bare.body.clear();
    let bare = bare.signed_for_the_bank(ED);
    assert_eq!(bare.refusal(ED), None);
    let mut given_one = bare.clone();
    given_one.body = b"{}".to_vec();
    assert_eq!(given_one.refusal(ED), Some(Refusal::Uncovered("content-digest")));
    given_one.add("Content-Digest", content_digest(DigestHash::Sha256, b"{}"));
    assert_eq!(given_one.refusal(ED), Some(Refusal::Uncovered("content-digest")));

    for (digest, expected) in [
        (content_digest(DigestHash::Sha256, b"{}"), DigestFault::Mismatch),
        ("md5=:Sd/dVLAcvNLSq16eXua5uQ==:".to_owned(), DigestFault::Unsupported),
        ("sha-256=1".to_owned(), DigestFault::Malformed(Fault::Syntax)),
    ] {
        let mut sent = test_request();
        sent.set("Content-Digest", digest);
        let sent = sent.signed_for_the_bank(ED);
        assert_eq!(sent.refusal(ED), Some(Refusal::Digest(expected)));
    }
}
