//! Values that must not reach a signature base, and sizes that must not cost anything.

use super::*;
use crate::signature::structured::Fault;

const ED: Algorithm = Algorithm::Ed25519;

/// What signing this component of a changed request is refused for.
fn refused(change: impl FnOnce(&mut Sent), component: &str) -> Option<SignRefusal> {
    let mut sent = test_request();
    change(&mut sent);
    let keys = keys();
    let input = format!("x=({component})");
    let key = keys.signing(ED);
    sent.with(|request| sign(&Message::Request(request), &input, &key).err())
}

#[test]
fn folded_lines_and_foreign_bytes_are_refused() {
    let value = Some(SignRefusal::Value(ComponentFault::Value));
    for bytes in [
        &b"Obsolete\r\n    line folding."[..],
        b"a\nb",
        b"a\rb",
        b"a\0b",
        b"a\x7fb",
        b"a\x01b",
        "caf\u{e9}".as_bytes(),
        b"caf\xe9",
        b"date\n\"@method\": POST",
    ] {
        assert_eq!(refused(|sent| sent.set("x-a", bytes), "\"x-a\""), value, "{bytes:?}");
        let wrapped = refused(|sent| sent.set("x-a", bytes), "\"x-a\";bs");
        let is_folded = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        assert_eq!(wrapped, value.filter(|_| is_folded), "{bytes:?}");
    }
    assert_eq!(refused(|sent| sent.set("x-a", "a\tb"), "\"x-a\""), None);
    let mut second_line = test_request();
    second_line.add("x-a", "fine");
    second_line.add("x-a", "not\nfine");
    let (keys, input) = (keys(), "x=(\"x-a\")");
    let key = keys.signing(ED);
    let signed = second_line.with(|request| sign(&Message::Request(request), input, &key));
    assert_eq!(signed.err(), value);
}

#[test]
fn parts_of_the_request_line_are_refused_where_they_are_none() {
    type Change = fn(&mut Sent);
    let cases: [(&str, Change); 19] = [
        ("\"@method\"", |sent| sent.method.clear()),
        ("\"@method\"", |sent| sent.method = "GET\n".into()),
        ("\"@method\"", |sent| sent.method = "GET ".into()),
        ("\"@path\"", |sent| sent.path = "foo".into()),
        ("\"@path\"", |sent| sent.path = "/a?b".into()),
        ("\"@path\"", |sent| sent.path = "/a#b".into()),
        ("\"@path\"", |sent| sent.path = "/a b".into()),
        ("\"@path\"", |sent| sent.path = "/\u{e9}".into()),
        ("\"@path\"", |sent| sent.path = "https://example.com/".into()),
        ("\"@query\"", |sent| sent.query = Some("a\nb".into())),
        ("\"@query\"", |sent| sent.query = Some("a#b".into())),
        ("\"@query-param\";name=\"a\"", |sent| sent.query = Some("a=\u{e9}".into())),
        ("\"@authority\"", |sent| sent.authority.clear()),
        ("\"@authority\"", |sent| sent.authority = ":443".into()),
        ("\"@authority\"", |sent| sent.authority = "user@example.com".into()),
        ("\"@authority\"", |sent| sent.authority = "example.com/foo".into()),
        ("\"@authority\"", |sent| sent.authority = "example.com, example.org".into()),
        ("\"@scheme\"", |sent| sent.scheme = "ftp".into()),
        ("\"@target-uri\"", |sent| sent.scheme = String::new()),
    ];
    let expected = Some(SignRefusal::Value(ComponentFault::Value));
    for (component, change) in cases {
        assert_eq!(refused(change, component), expected, "{component}");
    }
}

#[test]
fn components_without_a_value_are_refused() {
    for (component, fault) in [
        ("\"x-absent\"", ComponentFault::Absent),
        ("\"@query-param\";name=\"absent\"", ComponentFault::Absent),
        ("\"content-digest\";key=\"sha-256\"", ComponentFault::Absent),
        ("\"date\";sf", ComponentFault::NotStructured),
        ("\"content-type\";key=\"a\"", ComponentFault::NotStructured),
        ("\"@status\"", ComponentFault::OtherMessage),
        ("\"@method\";req", ComponentFault::OtherMessage),
    ] {
        assert_eq!(refused(|_| {}, component), Some(SignRefusal::Value(fault)), "{component}");
    }
    let broken = refused(|sent| sent.set("Priority", "u=,"), "\"priority\";sf");
    assert_eq!(broken, Some(SignRefusal::Value(ComponentFault::NotStructured)));
    let twice = refused(
        |sent| sent.query = Some("Pet=dog&Pet=cat".into()),
        "\"@query-param\";name=\"Pet\"",
    );
    assert_eq!(twice, Some(SignRefusal::Value(ComponentFault::Ambiguous)));
}

#[test]
fn sizes_are_bounded() {
    let listed = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("\"x-{at}\"")).collect();
        names.join(" ")
    };
    let with_fields = |sent: &mut Sent| (0..40).for_each(|at| sent.add(&format!("x-{at}"), "v"));
    assert_eq!(refused(with_fields, &listed(32)), None);
    assert_eq!(refused(with_fields, &listed(33)), Some(SignRefusal::Field(Fault::TooMany)));

    let named = |length: usize| format!("\"{}\"", "x".repeat(length));
    let absent = Some(SignRefusal::Value(ComponentFault::Absent));
    assert_eq!(refused(|_| {}, &named(64)), absent);
    let too_long = Some(SignRefusal::Input(Refusal::Component(ComponentFault::Name)));
    assert_eq!(refused(|_| {}, &named(65)), too_long);

    let large = |sent: &mut Sent| sent.set("x-a", "v".repeat(40_000));
    assert_eq!(refused(large, "\"x-a\""), None);
    let expected = Some(SignRefusal::Value(ComponentFault::TooLong));
    assert_eq!(refused(large, "\"x-a\" \"x-a\";bs"), expected);
}

#[test]
fn nothing_is_signed_with_what_is_no_input_or_no_key() {
    let keys = keys();
    let sent = test_request();
    let (short, half) = (SecretBytes::new(vec![7; 31]), SecretBytes::new(vec![7; 16]));
    sent.with(|request| {
        let sign = |input: &str, key| sign(&Message::Request(request), input, &key).err();
        let key = SigningKey::Ed25519(&keys.seed);
        assert_eq!(sign("x=(", key), Some(SignRefusal::Field(Fault::Syntax)));
        for input in ["", "x=1", "x", "x=(), y=()"] {
            assert_eq!(sign(input, key), Some(SignRefusal::Label), "{input}");
        }
        let refused = SignRefusal::Input(Refusal::Parameter);
        assert_eq!(sign("x=();created=?1", key), Some(refused));
        assert_eq!(sign("x=()", SigningKey::HmacSha256(&short)), Some(SignRefusal::Key));
        assert_eq!(sign("x=()", SigningKey::Ed25519(&half)), Some(SignRefusal::Key));
    });
}
