//! What `hmac` promises. The two signatures were made by openssl.

use super::super::Header;
use super::*;
use proptest::prelude::*;

const SECRET: &str = "a-secret-of-a-merchant-that-is-only-an-example";
const SIGNED: &str = "8d3715608d0d02e6e7a3b0b06bcd1d93e77fe6ea560e2a3a1b63ca548df6e935";
const CREATED: i64 = 1_795_249_442;
const NONCE_VALUE: &str = "0123456789abcdef";

fn secret() -> SecretBytes {
    SecretBytes::new(SECRET.as_bytes().to_vec())
}

fn now() -> Timestamp {
    Timestamp::from_seconds(CREATED)
}

/// A request that owns its parts, so that a test can change one of them.
#[derive(Clone)]
struct Sent {
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn sent() -> Sent {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    Sent {
        method: "POST".to_owned(),
        authority: "bank.example".to_owned(),
        path: "/v1/payments".to_owned(),
        query: Some("expand=card&dry=".to_owned()),
        headers: vec![
            header("authorization", "Exchequer key_01"),
            header("x-timestamp", "1795249442"),
            header("x-nonce", NONCE_VALUE),
            header("x-signature", SIGNED),
            header("content-type", "application/json"),
        ],
        body: br#"{"amount":125000}"#.to_vec(),
    }
}

impl Sent {
    fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let header = self.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        header.1 = value.as_ref().to_vec();
    }

    fn judge(&self, now: Timestamp) -> Result<(String, String, i64), Refusal> {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let request = Request {
            method: &self.method,
            scheme: "https",
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
            body: &self.body,
        };
        let accepted = read(&request)?.verify(&secret(), now)?;
        Ok((
            accepted.key_id().to_owned(),
            accepted.nonce().to_owned(),
            accepted.created().seconds(),
        ))
    }
}

#[test]
fn what_openssl_signed_is_accepted() {
    let expected = ("key_01".to_owned(), NONCE_VALUE.to_owned(), CREATED);
    assert_eq!(sent().judge(now()), Ok(expected.clone()));
    let mut upper = sent();
    upper.set("x-signature", SIGNED.to_uppercase());
    assert_eq!(upper.judge(now()), Ok(expected));

    let bare = Request {
        method: "GET",
        scheme: "https",
        authority: "bank.example",
        path: "/v1/cards/crd_1",
        query: None,
        headers: &[],
        body: b"",
    };
    let signature = sign(&bare, now(), NONCE_VALUE, &secret()).unwrap();
    let by_openssl = "d839a6671d7ec2ab08a3e458ce752b5f2b21ad36202325df92d5e620044052b1";
    assert_eq!(signature, by_openssl);
}

#[test]
fn each_changed_part_is_refused() {
    type Change = fn(&mut Sent);
    let changes: [(&str, Change); 17] = [
        ("method", |sent| sent.method = "PUT".to_owned()),
        ("method's case", |sent| sent.method = "post".to_owned()),
        ("path", |sent| sent.path = "/v1/payment".to_owned()),
        ("path's case", |sent| sent.path = "/v1/Payments".to_owned()),
        ("path's encoding", |sent| sent.path = "/v1/%70ayments".to_owned()),
        ("path's end", |sent| sent.path.push('/')),
        ("query reordered", |sent| sent.query = Some("dry=&expand=card".to_owned())),
        ("query's encoding", |sent| sent.query = Some("expand=%63ard&dry=".to_owned())),
        ("query shorter", |sent| sent.query = Some("expand=card&dry".to_owned())),
        ("query gone", |sent| sent.query = None),
        ("query empty", |sent| sent.query = Some(String::new())),
        ("query in the path", |sent| {
            sent.path = "/v1/payments?expand=card".to_owned();
            sent.query = Some("dry=".to_owned());
        }),
        ("body", |sent| sent.body = br#"{"amount":125001}"#.to_vec()),
        ("body's blanks", |sent| sent.body.push(b'\n')),
        ("body gone", |sent| sent.body.clear()),
        ("timestamp", |sent| sent.set("x-timestamp", "1795249443")),
        ("timestamp's spelling", |sent| sent.set("x-timestamp", "01795249442")),
    ];
    for (name, change) in changes {
        let mut sent = sent();
        change(&mut sent);
        let refused = sent.judge(now()).unwrap_err();
        let expected =
            if sent.path.contains('?') { Refusal::RequestLine } else { Refusal::Signature };
        assert_eq!(refused, expected, "{name}");
    }
}

#[test]
fn each_changed_byte_is_refused() {
    type Part = fn(&mut Sent) -> &mut Vec<u8>;
    let parts: [Part; 2] = [
        |sent| &mut sent.body,
        |sent| &mut sent.headers.iter_mut().find(|(name, _)| name == "x-nonce").unwrap().1,
    ];
    for part in parts {
        for at in 0..part(&mut sent()).len() {
            let mut sent = sent();
            part(&mut sent)[at] ^= 1;
            assert_eq!(sent.judge(now()).unwrap_err(), Refusal::Signature, "byte {at}");
        }
    }
    for at in 0..SIGNED.len() {
        let mut bytes = SIGNED.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        let mut sent = sent();
        sent.set("x-signature", bytes);
        assert_eq!(sent.judge(now()).unwrap_err(), Refusal::Signature, "digit {at}");
    }
}

#[test]
fn another_key_is_refused() {
    let sent = sent();
    let headers: Vec<Header<'_>> =
        sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let request = Request {
        method: &sent.method,
        scheme: "https",
        authority: &sent.authority,
        path: &sent.path,
        query: sent.query.as_deref(),
        headers: &headers,
        body: &sent.body,
    };
    let claim = read(&request).ok().unwrap();
    assert_eq!(claim.key_id(), "key_01");
    let other = SecretBytes::new(vec![7; MIN_SECRET_BYTES]);
    assert_eq!(claim.verify(&other, now()), Err(Refusal::Signature));
    for short in [vec![], vec![7; MIN_SECRET_BYTES - 1]] {
        assert_eq!(claim.verify(&SecretBytes::new(short), now()), Err(Refusal::Key));
    }
    assert!(claim.verify(&secret(), now()).is_ok());
}

#[test]
fn headers_are_refused_in_their_order() {
    let names = [AUTHORIZATION, TIMESTAMP, NONCE, SIGNATURE];
    for (at, name) in names.into_iter().enumerate() {
        let mut missing = sent();
        missing.headers.retain(|(other, _)| !names[at..].contains(&other.as_str()));
        assert_eq!(missing.judge(now()).unwrap_err(), Refusal::Missing(name));

        let mut twice = sent();
        let again = twice.headers[at].clone();
        twice.headers.push((again.0.to_uppercase(), again.1));
        assert_eq!(twice.judge(now()).unwrap_err(), Refusal::Repeated(name));
    }
    let long = "n".repeat(65);
    let half = &SIGNED[..62];
    let double = [SIGNED, SIGNED].concat();
    for (name, values) in [
        (AUTHORIZATION, vec!["", "Bearer key_01", "Exchequer", "Exchequer key_01 key_02"]),
        (TIMESTAMP, vec!["", "+1795249442", "-1", "1795249442.0", "1e9", "1795249442000", "½"]),
        (NONCE, vec!["", "0123456789abcde", &long, "0123456789 abcdef"]),
        (SIGNATURE, vec!["", "zz", half, &SIGNED[1..], &double]),
    ] {
        for value in values {
            let mut sent = sent();
            sent.set(name, value);
            assert_eq!(sent.judge(now()).unwrap_err(), Refusal::Malformed(name), "{value:?}");
        }
    }
}

#[test]
fn time_is_judged_before_the_signature() {
    let mut wrong = sent();
    wrong.body.clear();
    let at =
        |sent: &Sent, seconds: i64| sent.judge(Timestamp::from_seconds(CREATED + seconds)).err();
    for (offset, right, changed) in [
        (-301, Some(Refusal::Future), Some(Refusal::Future)),
        (-300, None, Some(Refusal::Signature)),
        (300, None, Some(Refusal::Signature)),
        (301, Some(Refusal::Past), Some(Refusal::Past)),
    ] {
        assert_eq!(at(&sent(), offset), right, "{offset}");
        assert_eq!(at(&wrong, offset), changed, "{offset}");
    }
}

#[test]
fn lines_cannot_be_smuggled_into_one_another() {
    for (method, path, query) in [
        ("", "/", None),
        ("GET\n/a", "/", None),
        ("GET ", "/", None),
        ("GET", "/a\nb", None),
        ("GET", "/a b", None),
        ("GET", "/a\r", None),
        ("GET", "/a?b", None),
        ("GET", "/a", Some("b\n1")),
        ("GET", "/a", Some("b\0")),
    ] {
        let request = Request {
            method,
            scheme: "https",
            authority: "bank.example",
            path,
            query,
            headers: &[],
            body: b"",
        };
        let refused = sign(&request, now(), NONCE_VALUE, &secret());
        assert_eq!(refused, Err(Refusal::RequestLine), "{method:?} {path:?} {query:?}");
        let short = sign(&request, now(), "short", &secret());
        assert_eq!(short, Err(Refusal::Malformed(NONCE)));
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_and_nothing_else(
        method in "[A-Z]{1,7}",
        path in "/[!->@-~é]{0,40}",
        query in proptest::option::of("[!-~]{0,40}"),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        nonce in "[!-~]{16,64}",
        offset in -300_i64..=300,
        flip in any::<u8>(),
    ) {
        let mut sent = Sent { method, path, query, body, ..sent() };
        sent.set("x-nonce", &nonce);
        let request = Request {
            method: &sent.method,
            scheme: "https",
            authority: &sent.authority,
            path: &sent.path,
            query: sent.query.as_deref(),
            headers: &[],
            body: &sent.body,
        };
        let signature = sign(&request, now(), &nonce, &secret()).unwrap();
        sent.set("x-signature", signature);
        let then = now().plus_seconds(offset);
        prop_assert!(sent.judge(then).is_ok());
        sent.body.push(flip);
        prop_assert_eq!(sent.judge(then).unwrap_err(), Refusal::Signature);
    }

    #[test]
    fn no_headers_make_it_panic(
        values in proptest::collection::vec(
            (0..4_usize, proptest::collection::vec(any::<u8>(), 0..70)), 0..6),
    ) {
        let names = [AUTHORIZATION, TIMESTAMP, NONCE, SIGNATURE];
        let headers = values.into_iter().map(|(at, value)| (names[at].to_owned(), value)).collect();
        let sent = Sent { headers, ..sent() };
        prop_assert!(sent.judge(now()).is_err());
    }
}
