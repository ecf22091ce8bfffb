//! What `structured` promises, with the examples of RFC 8941 and RFC 9421.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Dictionary, Fault> {
    Dictionary::read(std::iter::once(text.as_bytes()))
}

#[test]
fn what_is_read_is_written_in_one_way() {
    for (text, expected) in [
        ("", ""),
        ("   ", ""),
        ("a=1", "a=1"),
        ("a=-7, b=007, c=-0", "a=-7, b=7, c=0"),
        ("a=999999999999999", "a=999999999999999"),
        (r#"a="x\"y\\z""#, r#"a="x\"y\\z""#),
        ("a=tok/en:*;p", "a=tok/en:*;p"),
        ("a=?1, b=?0, c;x=?1", "a, b=?0, c;x"),
        ("a=:aGk=:, b=::", "a=:aGk=:, b=::"),
        // RFC 9421 §2.1.1 and §2.1.2.
        ("a=1,    b=2;x=1;y=2,   c=(a   b   c)", "a=1, b=2;x=1;y=2, c=(a b c)"),
        ("  a=1\t,\t b=(  ); q=1", "a=1, b=();q=1"),
        ("a=(1 \"x\";k=2 ?0);n", "a=(1 \"x\";k=2 ?0);n"),
    ] {
        assert_eq!(read(text).map(|field| field.text()).as_deref(), Ok(expected), "{text:?}");
    }
}

#[test]
fn members_are_found_by_key_and_written_alone() {
    let field = read("a=1, b=2;x=1;y=2, c=(a   b    c), d").unwrap();
    let member = |key| field.get(key).map(Member::text);
    assert_eq!(member("a").as_deref(), Some("1"));
    assert_eq!(member("b").as_deref(), Some("2;x=1;y=2"));
    assert_eq!(member("c").as_deref(), Some("(a b c)"));
    assert_eq!(member("d").as_deref(), Some("?1"));
    assert_eq!(member("e"), None);
}

#[test]
fn lines_are_one_field_but_each_a_value() {
    let read = |lines: &[&str]| Dictionary::read(lines.iter().map(|line| line.as_bytes()));
    assert_eq!(read(&["a=1", "b=2, c"]).unwrap().text(), "a=1, b=2, c");
    assert_eq!(read(&["a=1", "", "b"]).unwrap().text(), "a=1, b");
    assert_eq!(read(&["a=1", "a=2"]), Err(Fault::Repeated));
    // Joined by a comma these would be one string, and one base64.
    assert_eq!(read(&["a=\"x", "y\""]), Err(Fault::Syntax));
    assert_eq!(read(&["a=:aG", "k=:"]), Err(Fault::Syntax));
}

#[test]
fn what_is_wrong_is_refused() {
    for (text, expected) in [
        ("a=1,", Fault::Syntax),
        (",a=1", Fault::Syntax),
        ("a=1,,b=1", Fault::Syntax),
        ("a=1 b=2", Fault::Syntax),
        ("a =1", Fault::Syntax),
        ("a= 1", Fault::Syntax),
        ("A=1", Fault::Syntax),
        ("1=a", Fault::Syntax),
        ("a=", Fault::Syntax),
        ("a=--1", Fault::Syntax),
        ("a=1000000000000000", Fault::Syntax),
        ("a=1.5", Fault::Unsupported),
        ("a=@1659578233", Fault::Unsupported),
        ("a=%\"caf%c3%a9\"", Fault::Unsupported),
        ("a=\"x", Fault::Syntax),
        ("a=\"x\\n\"", Fault::Syntax),
        ("a=\"x\ny\"", Fault::Syntax),
        ("a=\"é\"", Fault::Syntax),
        ("a=:aGk:", Fault::Syntax),
        ("a=:aGl=:", Fault::Syntax),
        ("a=:aG k=:", Fault::Syntax),
        ("a=:aGk=", Fault::Syntax),
        ("a=:-_-_:", Fault::Syntax),
        ("a=?2", Fault::Syntax),
        ("a=?", Fault::Syntax),
        ("a=(1", Fault::Syntax),
        ("a=(1)2", Fault::Syntax),
        ("a=(1\t2)", Fault::Syntax),
        ("a=(\"x\"\"y\")", Fault::Syntax),
        ("a=((1))", Fault::Syntax),
        ("a=1;", Fault::Syntax),
        ("a=1 ;p", Fault::Syntax),
        ("a=1;p=", Fault::Syntax),
        ("a=1;p=(1)", Fault::Syntax),
        ("a=1;p;p=2", Fault::Repeated),
        ("a=1, a=1", Fault::Repeated),
        ("a=1\r\n b=2", Fault::Syntax),
    ] {
        assert_eq!(read(text).err(), Some(expected), "{text:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let string = |length: usize| format!("a=\"{}\"", "x".repeat(length));
    assert!(read(&string(MAX_FIELD_BYTES - 4)).is_ok());
    assert_eq!(read(&string(MAX_FIELD_BYTES - 3)), Err(Fault::TooLong));
    let half = string(MAX_FIELD_BYTES / 2);
    assert_eq!(Dictionary::read([half.as_bytes(); 2].into_iter()), Err(Fault::TooLong));

    let listed = |count: usize, each: &dyn Fn(usize) -> String, with: &str| {
        (0..count).map(each).collect::<Vec<_>>().join(with)
    };
    let members = |count| listed(count, &|at| format!("k{at}"), ", ");
    assert!(read(&members(MAX_MEMBERS)).is_ok());
    assert_eq!(read(&members(MAX_MEMBERS + 1)), Err(Fault::TooMany));
    let items = |count| format!("a=({})", listed(count, &|at| at.to_string(), " "));
    assert!(read(&items(MAX_ITEMS)).is_ok());
    assert_eq!(read(&items(MAX_ITEMS + 1)), Err(Fault::TooMany));
    let parameters = |count| format!("a=1;{}", listed(count, &|at| format!("p{at}"), ";"));
    assert!(read(&parameters(MAX_PARAMETERS)).is_ok());
    assert_eq!(read(&parameters(MAX_PARAMETERS + 1)), Err(Fault::TooMany));
    assert!(read(&"k".repeat(64)).is_ok());
    assert_eq!(read(&"k".repeat(65)), Err(Fault::TooLong));
}

/// Texts that look like fields, so that the parser's inside is reached.
fn grammar() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z*][a-z0-9_.*-]{0,4}",
        Just("=".to_owned()),
        Just(";".to_owned()),
        Just(", ".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just(" ".to_owned()),
        "-?[0-9]{1,16}",
        "\"[ -~]{0,6}\"",
        ":[A-Za-z0-9+/=]{0,8}:",
        "\\?[01]",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(field) = Dictionary::read(std::iter::once(&bytes[..])) {
            prop_assert_eq!(read(&field.text()), Ok(field));
        }
    }

    #[test]
    fn what_is_written_is_read_again_as_the_same(text in grammar()) {
        if let Ok(field) = read(&text) {
            let written = field.text();
            let again = read(&written).unwrap();
            prop_assert_eq!(again.text(), written);
            prop_assert_eq!(again, field);
        }
    }
}
