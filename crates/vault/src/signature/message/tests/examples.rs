//! The examples of RFC 9421: Appendix B.2.5, B.2.6 and B.4, and the component values of §2.

use super::super::base::signature_base;
use super::super::signatures::Covered;
use super::*;
use crate::signature::structured::{Dictionary, Member};

const B25_INPUT: &str = "sig-b25=(\"date\" \"@authority\" \"content-type\")\
                         ;created=1618884473;keyid=\"test-shared-secret\"";
const B25: &str = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:";
const B26_INPUT: &str = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                         \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
const B26: &str = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1\
                   u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
const B4_INPUT: &str = "transform=(\"@method\" \"@path\" \"@authority\" \"accept\")\
                        ;created=1618884473;keyid=\"test-key-ed25519\"";
const B4: &str = "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5J\
                  Z1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:";

fn with_signature(mut sent: Sent, input: &str, signature: &str) -> Sent {
    sent.set("Signature-Input", input);
    sent.set("Signature", signature);
    sent
}

/// The lines of the signature base but the last, for the components in `list`.
fn lines(message: &Message<'_>, list: &str) -> Result<String, Refusal> {
    let field = format!("x=({list})");
    let field = Dictionary::read(std::iter::once(field.as_bytes())).unwrap();
    let Some(Member::InnerList(list)) = field.get("x") else { panic!("no list") };
    let base = signature_base(message, &Covered::read(list)?).map_err(Refusal::Value)?;
    Ok(base.rsplit_once("\"@signature-params\"").unwrap().0.to_owned())
}

fn of(sent: &Sent, list: &str) -> Result<String, Refusal> {
    sent.with(|request| lines(&Message::Request(request), list))
}

#[test]
fn b_2_5_hmac_sha256() {
    let keys = keys();
    let sent = with_signature(test_request(), B25_INPUT, B25);
    assert_eq!(sent.verify(&VerifyingKey::HmacSha256(&keys.shared)), Ok(()));
    let again = test_request().signed(B25_INPUT, Algorithm::HmacSha256);
    assert_eq!(again.headers.last().unwrap().1, B25.as_bytes());
}

#[test]
fn b_2_6_ed25519() {
    let keys = keys();
    let sent = with_signature(test_request(), B26_INPUT, B26);
    assert_eq!(sent.verify(&VerifyingKey::Ed25519(&keys.public)), Ok(()));
    let again = test_request().signed(B26_INPUT, Algorithm::Ed25519);
    assert_eq!(again.headers.last().unwrap().1, B26.as_bytes());
}

#[test]
fn b_4_transformations_of_a_message() {
    type Change = fn(&mut Sent);
    let mut original = with_signature(test_request(), B4_INPUT, B4);
    original.method = "GET".to_owned();
    original.authority = "example.org".to_owned();
    original.path = "/demo".to_owned();
    original.query = Some("name1=Value1&Name2=value2".to_owned());
    original.add("Accept", "application/json");
    original.add("Accept", "*/*");
    let wrong = Err(Refusal::Signature);
    let cases: [(&str, Change, Result<(), Refusal>); 7] = [
        ("as it was", |_| {}, Ok(())),
        (
            "a header and a query parameter more",
            |sent| {
                sent.add("Accept-Language", "en-US,en;q=0.5");
                sent.query = Some("name1=Value1&Name2=value2&param=added".to_owned());
            },
            Ok(()),
        ),
        (
            "two lines in one",
            |sent| {
                sent.remove("Date");
                sent.set("Accept", " application/json, */*\t");
            },
            Ok(()),
        ),
        ("headers in another order", |sent| sent.headers.rotate_right(2), Ok(())),
        ("another method", |sent| sent.method = "POST".to_owned(), wrong),
        ("another host", |sent| sent.authority = "example.com".to_owned(), wrong),
        (
            "lines of one header in another order",
            |sent| {
                sent.set("Accept", "*/*");
                sent.add("Accept", "application/json");
            },
            wrong,
        ),
    ];
    for (name, change, expected) in cases {
        let mut sent = original.clone();
        change(&mut sent);
        assert_eq!(sent.verify(&VerifyingKey::Ed25519(&keys().public)), expected, "{name}");
    }
}

#[test]
fn fields_of_section_2_1() {
    let mut sent = test_request();
    sent.headers.clear();
    for (name, value) in [
        ("Host", "www.example.com"),
        ("X-OWS-Header", "   Leading and trailing whitespace.   "),
        ("Cache-Control", "max-age=60"),
        ("Cache-Control", "    must-revalidate"),
        ("Example-Dict", "  a=1,    b=2;x=1;y=2,   c=(a   b   c)"),
        ("X-Empty-Header", " "),
        ("Example-Header", "value, with, lots"),
        ("Example-Header", "of, commas"),
        ("Priority", "  u=1,    i;x=1;y=2,   c=(a   b   c)"),
        ("Priority", "d"),
    ] {
        sent.add(name, value);
    }
    for (list, expected) in [
        ("\"host\"", "\"host\": www.example.com\n"),
        ("\"x-ows-header\"", "\"x-ows-header\": Leading and trailing whitespace.\n"),
        ("\"cache-control\"", "\"cache-control\": max-age=60, must-revalidate\n"),
        ("\"example-dict\"", "\"example-dict\": a=1,    b=2;x=1;y=2,   c=(a   b   c)\n"),
        ("\"x-empty-header\"", "\"x-empty-header\": \n"),
        ("\"example-header\"", "\"example-header\": value, with, lots, of, commas\n"),
        (
            "\"example-header\";bs",
            "\"example-header\";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:\n",
        ),
        ("\"priority\";sf", "\"priority\";sf: u=1, i;x=1;y=2, c=(a b c), d\n"),
        ("\"priority\";key=\"u\"", "\"priority\";key=\"u\": 1\n"),
        ("\"priority\";key=\"i\"", "\"priority\";key=\"i\": ?1;x=1;y=2\n"),
        ("\"priority\";key=\"c\"", "\"priority\";key=\"c\": (a b c)\n"),
        ("\"priority\";key=\"d\"", "\"priority\";key=\"d\": ?1\n"),
    ] {
        assert_eq!(of(&sent, list).as_deref(), Ok(expected), "{list}");
    }
    let missing = Err(Refusal::Value(ComponentFault::Absent));
    assert_eq!(of(&sent, "\"priority\";key=\"e\""), missing);
    let unknown = Err(Refusal::Value(ComponentFault::NotStructured));
    assert_eq!(of(&sent, "\"example-dict\";sf"), unknown);
    assert_eq!(of(&sent, "\"example-dict\";key=\"a\""), unknown);
}

#[test]
fn derived_components_of_section_2_2() {
    let sent = test_request();
    for (name, expected) in [
        ("@method", "POST"),
        ("@target-uri", "https://example.com/foo?param=Value&Pet=dog"),
        ("@authority", "example.com"),
        ("@scheme", "https"),
        ("@request-target", "/foo?param=Value&Pet=dog"),
        ("@path", "/foo"),
        ("@query", "?param=Value&Pet=dog"),
    ] {
        let line = format!("\"{name}\": {expected}\n");
        assert_eq!(of(&sent, &format!("\"{name}\"")).as_deref(), Ok(line.as_str()));
    }
    let line = "\"@query-param\";name=\"Pet\": dog\n";
    assert_eq!(of(&sent, "\"@query-param\";name=\"Pet\"").as_deref(), Ok(line));
    let elsewhere = Err(Refusal::Value(ComponentFault::OtherMessage));
    assert_eq!(of(&sent, "\"@status\""), elsewhere);
    assert_eq!(of(&sent, "\"@method\";req"), elsewhere);
    assert_eq!(of(&sent, "\"date\";req"), elsewhere);
}

#[test]
fn targets_are_normalised_as_rfc_9110_says_and_no_further() {
    for (scheme, authority, path, query, expected) in [
        ("HTTPS", "Example.COM:443", "", None, "https://example.com/"),
        ("https", "example.com:80", "/", Some(""), "https://example.com:80/?"),
        ("http", "example.com:80", "/a%2Fb", None, "http://example.com/a%2Fb"),
        ("http", "example.com:", "/A/../b", None, "http://example.com/A/../b"),
        ("https", "[2001:DB8::1]:443", "/", None, "https://[2001:db8::1]/"),
        ("https", "[::443]", "/", None, "https://[::443]/"),
        ("https", "h:8443", "//x", Some("b=1&a=2?"), "https://h:8443//x?b=1&a=2?"),
    ] {
        let mut sent = test_request();
        sent.scheme = scheme.to_owned();
        sent.authority = authority.to_owned();
        sent.path = path.to_owned();
        sent.query = query.map(str::to_owned);
        let line = format!("\"@target-uri\": {expected}\n");
        assert_eq!(of(&sent, "\"@target-uri\"").as_deref(), Ok(line.as_str()));
        let mark = if query.is_none() { "\"@query\": ?\n" } else { "\"@query\": ?" };
        assert!(of(&sent, "\"@query\"").unwrap().starts_with(mark));
    }
    let mut options = test_request();
    options.method = "OPTIONS".to_owned();
    options.path = "*".to_owned();
    options.query = None;
    assert_eq!(of(&options, "\"@request-target\"").as_deref(), Ok("\"@request-target\": *\n"));
    assert_eq!(of(&options, "\"@path\""), Err(Refusal::Value(ComponentFault::Value)));
}

#[test]
fn responses_and_their_requests_of_section_2_4() {
    let sent = test_request();
    let headers: [Header<'_>; 1] = [("Content-Type", b"text/plain")];
    sent.with(|request| {
        let response = Response { status: 503, headers: &headers, request: Some(request) };
        let base = lines(
            &Message::Response(&response),
            "\"@status\" \"content-type\" \"content-type\";req \"@authority\";req \
             \"@query-param\";req;name=\"Pet\"",
        );
        let expected = "\"@status\": 503\n\"content-type\": text/plain\n\
                        \"content-type\";req: application/json\n\"@authority\";req: example.com\n\
                        \"@query-param\";req;name=\"Pet\": dog\n";
        assert_eq!(base.as_deref(), Ok(expected));

        let alone = Response { request: None, ..response };
        let refused = Err(Refusal::Value(ComponentFault::OtherMessage));
        for (response, list) in [
            (&response, "\"@method\""),
            (&response, "\"@status\";req"),
            (&alone, "\"@method\";req"),
        ] {
            assert_eq!(lines(&Message::Response(response), list), refused, "{list}");
        }
        let odd = Response { status: 99, ..response };
        let refused = Err(Refusal::Value(ComponentFault::Value));
        assert_eq!(lines(&Message::Response(&odd), "\"@status\""), refused);
    });
}
