//! Any bytes in the fields, any request under a signature.

use super::*;
use proptest::prelude::*;

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::Ed25519), Just(Algorithm::HmacSha256)]
}

fn request() -> impl Strategy<Value = Sent> {
    let header =
        ("x-[a-z]{1,3}", "[ -~\t]{0,30}").prop_map(|(name, value)| (name, value.into_bytes()));
    (
        "[A-Z]{1,7}",
        "[a-zA-Z0-9.-]{1,20}(:[0-9]{1,5})?",
        "(/[!\"$->@-~]{0,30})?",
        proptest::option::of("[!\"$-~]{0,40}"),
        proptest::collection::vec(header, 0..6),
        proptest::collection::vec(any::<u8>(), 0..100),
    )
        .prop_map(|(method, authority, path, query, headers, body)| {
            let mut sent = Sent { method, authority, path, query, headers, body, ..test_request() };
            if !sent.body.is_empty() {
                let digest = content_digest(DigestHash::Sha256, &sent.body);
                sent.add("content-digest", digest);
            }
            sent
        })
}

/// Text that looks like the two fields.
fn field() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("sig1=(\"@method\" \"@target-uri\" \"content-digest\")".to_owned()),
        Just("\"@query-param\";name=\"Pet\" ".to_owned()),
        Just(";created=1618884473".to_owned()),
        Just(";nonce=\"b3k2pp5k7z-50gnwp.yemd\"".to_owned()),
        Just(";keyid=\"key_01\"".to_owned()),
        Just("sig1=:aGk=:".to_owned()),
        "[()\" ;:=,?a-z@]{0,6}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted(sent in request(), algorithm in algorithm()) {
        let sent = sent.signed_for_the_bank(algorithm);
        prop_assert_eq!(sent.refusal(algorithm), None);
        let mut other = sent.clone();
        other.path.push_str("/x");
        prop_assert_eq!(other.refusal(algorithm), Some(Refusal::Signature));
    }

    #[test]
    fn fields_are_covered_in_every_form(sent in request(), binary in any::<bool>()) {
        let mut names: Vec<String> = sent.headers.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        let form = if binary { ";bs" } else { "" };
        let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"{form}")).collect();
        let input = format!("x=({})", list.join(" "));
        let mut sent = sent.signed(&input, Algorithm::Ed25519);
        let keys = keys();
        let key = VerifyingKey::Ed25519(&keys.public);
        prop_assert_eq!(sent.verify(&key), Ok(()));
        if let Some(name) = names.first() {
            sent.header(name).push(b'!');
            prop_assert_eq!(sent.verify(&key), Err(Refusal::Signature));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        input in proptest::collection::vec(any::<u8>(), 0..120),
        signature in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut sent = test_request();
        sent.set(SIGNATURE_INPUT, input);
        sent.set(SIGNATURE, signature);
        prop_assert!(sent.refusal(Algorithm::Ed25519).is_some());
    }

    #[test]
    fn no_text_that_looks_right_is_accepted(input in field(), signature in field()) {
        let mut sent = test_request();
        sent.set(SIGNATURE_INPUT, input);
        sent.set(SIGNATURE, signature);
        prop_assert!(sent.refusal(Algorithm::Ed25519).is_some());
        prop_assert!(sent.refusal(Algorithm::HmacSha256).is_some());
    }

    #[test]
    fn no_request_makes_it_panic(
        parts in proptest::array::uniform5(".{0,20}"),
        value in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let [method, scheme, authority, path, query] = parts;
        let mut sent = Sent {
            method, scheme, authority, path, query: Some(query),
            headers: vec![("date".to_owned(), value)], body: vec![],
        };
        sent.set(SIGNATURE_INPUT, "x=(\"@method\" \"@target-uri\" \"@query\" \"@request-target\" \
                                   \"@query-param\";name=\"a\" \"date\" \"date\";bs)");
        sent.set(SIGNATURE, "x=:aGk=:");
        let keys = keys();
        prop_assert!(sent.verify(&VerifyingKey::Ed25519(&keys.public)).is_err());
    }
}
