//! Every part of a signed request changed once, and every byte: none is accepted.

use super::*;

const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::HmacSha256];

/// The two ways to cover the target (issue 4 part 6, api.md "Merchants").
const COVERAGES: [&str; 2] = [
    "\"@method\" \"@target-uri\" \"content-digest\"",
    "\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\"",
];

fn signed(coverage: &str, algorithm: Algorithm) -> Sent {
    let name = algorithm.name();
    let input = format!(
        "sig1=({coverage});created={CREATED};nonce=\"{NONCE}\";keyid=\"key_01\";alg=\"{name}\""
    );
    test_request().signed(&input, algorithm)
}

#[test]
fn what_is_signed_is_accepted_with_what_the_caller_needs() {
    let expected = ("key_01".to_owned(), NONCE.to_owned(), CREATED);
    for algorithm in BOTH {
        for coverage in COVERAGES {
            let judged = signed(coverage, algorithm).judge(algorithm, now());
            assert_eq!(judged, Ok(expected.clone()), "{coverage}");
        }
        let judged = test_request().signed_for_the_bank(algorithm).judge(algorithm, now());
        assert_eq!(judged, Ok(expected.clone()));
    }
}

#[test]
fn what_is_not_covered_may_change() {
    for algorithm in BOTH {
        let mut sent = test_request().signed_for_the_bank(algorithm);
        sent.set("Date", "Tue, 20 Apr 2021 02:07:56 GMT");
        sent.add("Via", "1.1 proxy");
        sent.add("Authorization", "Exchequer key_01");
        assert_eq!(sent.refusal(algorithm), None);
        // The label is nobody's word (RFC 9421 §7.2.5), and blanks are not the value.
        let renamed = |value: &[u8]| String::from_utf8_lossy(value).replace("sig1=", "mine= ");
        let (input, signature) =
            (renamed(sent.header("signature-input")), renamed(sent.header("signature")));
        sent.set("Signature-Input", input.replace("= ", "=").replace("\" \"", "\"   \""));
        sent.set("Signature", signature.replace("= ", "="));
        assert_eq!(sent.refusal(algorithm), None);
    }
}

type Change = fn(&mut Sent);

/// Each change and what it is refused for.
const CHANGES: [(&str, Change, Refusal); 21] = [
    ("method", |sent| sent.method = "PUT".into(), Refusal::Signature),
    ("method's case", |sent| sent.method = "post".into(), Refusal::Signature),
    ("path", |sent| sent.path = "/fooo".into(), Refusal::Signature),
    ("path's encoding", |sent| sent.path = "/%66oo".into(), Refusal::Signature),
    ("path's end", |sent| sent.path.push('/'), Refusal::Signature),
    ("query reordered", |sent| sent.query = Some("Pet=dog&param=Value".into()), Refusal::Signature),
    ("query's case", |sent| sent.query = Some("param=Value&pet=dog".into()), Refusal::Signature),
    (
        "query's encoding",
        |sent| sent.query = Some("param=%56alue&Pet=dog".into()),
        Refusal::Signature,
    ),
    ("query longer", |sent| sent.query = Some("param=Value&Pet=dog&".into()), Refusal::Signature),
    ("query gone", |sent| sent.query = None, Refusal::Signature),
    ("host", |sent| sent.authority = "example.org".into(), Refusal::Signature),
    ("port", |sent| sent.authority = "example.com:8443".into(), Refusal::Signature),
    (
        "body",
        |sent| sent.body = b"{\"hello\": \"World\"}".to_vec(),
        Refusal::Digest(DigestFault::Mismatch),
    ),
    ("body gone", |sent| sent.body.clear(), Refusal::Digest(DigestFault::Mismatch)),
    (
        "body and digest",
        |sent| {
            sent.body = b"{}".to_vec();
            sent.set("Content-Digest", content_digest(DigestHash::Sha512, b"{}"));
        },
        Refusal::Signature,
    ),
    ("digest gone", |sent| sent.remove("Content-Digest"), Refusal::Value(ComponentFault::Absent)),
    (
        "digest twice",
        |sent| {
            let again = sent.header("Content-Digest").clone();
            sent.add("Content-Digest", again);
        },
        Refusal::Signature,
    ),
    (
        "another algorithm of digest besides",
        |sent| {
            let body = sent.body.clone();
            sent.add("Content-Digest", content_digest(DigestHash::Sha256, &body));
        },
        Refusal::Signature,
    ),
    (
        "created",
        |sent| replace(sent, "created=1618884473", "created=1618884474"),
        Refusal::Signature,
    ),
    ("nonce", |sent| replace(sent, "b3k2pp5k7z", "b3k2pp5k7y"), Refusal::Signature),
    ("key", |sent| replace(sent, "key_01", "key_02"), Refusal::Signature),
];

fn replace(sent: &mut Sent, from: &str, to: &str) {
    let input = String::from_utf8(sent.header("signature-input").clone()).unwrap();
    assert!(input.contains(from), "{input}");
    sent.set("Signature-Input", input.replace(from, to));
}

#[test]
fn each_changed_part_is_refused() {
    for algorithm in BOTH {
        for coverage in COVERAGES {
            for (name, change, expected) in CHANGES {
                let mut sent = signed(coverage, algorithm);
                change(&mut sent);
                assert_eq!(sent.refusal(algorithm), Some(expected), "{name}, {coverage}");
            }
        }
        let mut scheme = signed(COVERAGES[0], algorithm);
        scheme.scheme = "http".to_owned();
        assert_eq!(scheme.refusal(algorithm), Some(Refusal::Signature));
    }
}

#[test]
fn a_changed_list_of_components_is_refused() {
    for (from, to, expected) in [
        ("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\"", Refusal::Signature),
        (" \"content-digest\")", " \"content-digest\" \"date\")", Refusal::Signature),
        (" \"content-digest\")", ")", Refusal::Uncovered("content-digest")),
        ("\"@method\" ", "", Refusal::Uncovered("@method")),
        ("\"@target-uri\"", "\"@path\"", Refusal::Uncovered("@target-uri")),
        ("\"@target-uri\"", "\"@authority\" \"@path\" \"@query\"", Refusal::Signature),
        ("\"content-digest\"", "\"content-digest\";bs", Refusal::Signature),
        (";alg=\"ed25519\"", "", Refusal::Signature),
        (";alg=\"ed25519\"", ";alg=\"hmac-sha256\"", Refusal::Algorithm),
        (";alg=\"ed25519\"", ";alg=\"ed25519\";tag=\"x\"", Refusal::Signature),
        (";alg=\"ed25519\"", ";alg=\"ed25519\";expires=1618884500", Refusal::Signature),
    ] {
        let mut sent = signed(COVERAGES[0], Algorithm::Ed25519);
        replace(&mut sent, from, to);
        assert_eq!(sent.refusal(Algorithm::Ed25519), Some(expected), "{from} {to}");
    }
}

#[test]
fn labels_that_are_swapped_are_refused() {
    let (one, two) = (
        "one=(\"@method\");created=1618884473;keyid=\"a\"",
        "two=(\"@path\");created=1618884473;keyid=\"b\"",
    );
    let keys = keys();
    let key = SigningKey::Ed25519(&keys.seed);
    let mut sent = test_request();
    let [first, second] = [one, two]
        .map(|input| sent.with(|request| sign(&Message::Request(request), input, &key).unwrap()));
    sent.set("Signature-Input", format!("{one}, {two}"));
    let verify_both = |sent: &Sent| {
        sent.with(|request| {
            let signatures = Signatures::read(request.headers).ok().unwrap();
            let key = VerifyingKey::Ed25519(&keys.public);
            let verify = |at: usize| signatures.0[at].verify(&Message::Request(request), &key);
            [verify(0), verify(1)]
        })
    };
    sent.set("Signature", format!("{second}, {first}"));
    assert_eq!(verify_both(&sent), [Ok(()); 2]);
    let swapped = format!("{first}, {second}").replace("one=", "x=").replace("two=", "one=");
    sent.set("Signature", swapped.replace("x=", "two="));
    assert_eq!(verify_both(&sent), [Err(Refusal::Signature); 2]);
    assert_eq!(sent.refusal(Algorithm::Ed25519), Some(Refusal::Several));
}

#[test]
fn each_changed_bit_of_a_covered_header_is_refused() {
    for algorithm in BOTH {
        for name in ["content-digest", "signature-input", "signature"] {
            let sent = signed(COVERAGES[0], algorithm);
            for at in 0..sent.clone().header(name).len() {
                for bit in 0..8 {
                    let mut changed = sent.clone();
                    changed.header(name)[at] ^= 1 << bit;
                    assert!(changed.refusal(algorithm).is_some(), "{name}, byte {at}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn each_changed_byte_of_the_request_is_refused() {
    type Part = fn(&mut Sent) -> &mut String;
    let parts: [Part; 4] = [
        |sent| &mut sent.method,
        |sent| &mut sent.authority,
        |sent| &mut sent.path,
        |sent| sent.query.as_mut().unwrap(),
    ];
    for algorithm in BOTH {
        for coverage in COVERAGES {
            let sent = signed(coverage, algorithm);
            for part in parts {
                for at in 0..part(&mut sent.clone()).len() {
                    let mut changed = sent.clone();
                    let mut bytes = part(&mut changed).clone().into_bytes();
                    bytes[at] ^= 1;
                    *part(&mut changed) = String::from_utf8(bytes).unwrap();
                    assert!(changed.refusal(algorithm).is_some(), "{coverage}, byte {at}");
                }
            }
            for at in 0..sent.body.len() {
                let mut changed = sent.clone();
                changed.body[at] ^= 1;
                let expected = Refusal::Digest(DigestFault::Mismatch);
                assert_eq!(changed.refusal(algorithm), Some(expected), "body, byte {at}");
            }
        }
    }
}
