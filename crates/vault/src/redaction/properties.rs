//! Random card numbers in random cuts, encodings and surroundings; random bytes; random grammar; the fast
//! scan against a slow one.

use proptest::prelude::*;

use super::scan::{Scanner, Span};
use super::view::{Decoded, LAYERS, Reading, View};
use super::{redact, redact_bytes};
use crate::checkdigit::{luhn_check_digit, luhn_valid};

const SEPARATORS: [&str; 12] =
    ["", " ", "-", ".", "_", "/", "+", "\u{a0}", "\u{2009}", "\u{2013}", " - ", "\\/"];

fn card() -> impl Strategy<Value = String> {
    let body = prop_oneof![
        "4[0-9]{14}",
        "5[1-5][0-9]{13}",
        "3[47][0-9]{12}",
        "36[0-9]{11}",
        "6011[0-9]{11}",
        "62[0-9]{16}",
        "4[0-9]{11}",
    ];
    body.prop_map(|body| {
        let check = luhn_check_digit(&body).unwrap();
        format!("{body}{check}")
    })
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// Each character as JSON escapes it when it must, or as Rust does.
fn escaped(text: &str, open: &str, width: usize, close: &str) -> String {
    let escape = |character| format!("\\u{open}{:0width$x}{close}", u32::from(character));
    text.chars().map(escape).collect::<Vec<_>>().concat()
}

/// The number cut in groups of so many digits, encoded as one of the ways that logs show.
fn disguised(number: &str, size: usize, separator: &str, encoding: u8) -> String {
    let groups: Vec<&str> =
        number.as_bytes().chunks(size).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let cut = groups.join(separator);
    match encoding {
        0 => cut,
        1 => percent(&cut),
        2 => escaped(&cut, "", 4, ""),
        3 => percent(&percent(&cut)),
        4 => escaped(&cut, "", 4, "").replace('\\', "\\\\"),
        5 => percent(&escaped(&cut, "", 4, "")),
        6 => format!("{cut:?}"),
        7 => cut.replace(' ', "%20").replace('/', "%2f"),
        _ => escaped(&cut, "{", 1, "}"),
    }
}

/// An independent and naive reading: undo every escape again and again, keep the digits.
fn digits_of(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..6 {
        for byte in 0x20..0x7f_u8 {
            let character = char::from(byte).to_string();
            for escape in [format!("%{byte:02X}"), format!("%{byte:02x}")] {
                text = text.replace(&escape, &character);
            }
            text = text.replace(&format!("\\u{byte:04x}"), &character);
            text = text.replace(&format!("\\u{{{byte:x}}}"), &character);
        }
        text = text.replace("\\\\", "\\");
        for noise in ["%C2%A0", "%E2%80%89", "%E2%80%93", "\\u00a0", "\\u2009", "\\u2013"] {
            text = text.replace(noise, "");
        }
        for noise in ["\\u{a0}", "\\u{2009}", "\\u{2013}"] {
            text = text.replace(noise, "");
        }
    }
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Pieces that the scanner has handlers for, to be put together at random.
fn grammar() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        card(),
        card().prop_map(|card| disguised(&card, 4, " ", 1)),
        card().prop_map(|card| disguised(&card, 4, "-", 2)),
        "[0-9]{1,6}",
        Just("234567890124".to_owned()),
        Just("2345 6789 0124".to_owned()),
        Just("ABCPE1234F".to_owned()),
        Just("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc".to_owned()),
        Just("Bearer abcdef0123456789".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("postgres://u:pw@h".to_owned()),
        Just("sk_live_abcdef0123".to_owned()),
        Just("$2b$12$abc".to_owned()),
        Just("[redacted:token]".to_owned()),
        Just("Some(".to_owned()),
        "(password|cvv|otp|code|token|tokens|cookie|authorization|secret|api key|pin|x)",
        "[\"'`=:,;&()\\[\\]{}<>| %\\\\_./\n-]{1,3}",
        "(step-up|Step_Up|setup|basic |BASIC |beta|signatures|closures|yJ|sk_|::|://|--|[rx]|\\$[2aspx])",
        Just("2026-11-21T18:28:00.123456Z".to_owned()),
        "[a-zA-Z]{1,5}",
        "(%20|%22|%3A|%3D|%26|%25|\\\\u0022|\\\\u003a|\\\\n|\\\\\"| is |\u{a0}|é|४)",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// What a scan finds: by the tables of pairs, and by a look at every byte.
fn finds(view: View<'_>) -> (Vec<Span>, Vec<Span>) {
    (Scanner::new(view).scan(), Scanner::new(view).scan_every_byte())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_look_at_pairs_finds_what_a_look_at_every_byte_does(
        line in grammar(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let text = [line.as_bytes(), &bytes].concat();
        let (by_pairs, by_bytes) = finds(View::plain(&text));
        prop_assert_eq!(by_pairs, by_bytes, "{}", line);
        for (reading, layer) in [Reading::All, Reading::WithoutHex]
            .into_iter()
            .flat_map(|reading| (1..=LAYERS).map(move |layer| (reading, layer)))
        {
            let Some(decoded) = Decoded::of(&text, layer, reading) else { continue };
            let (by_pairs, by_bytes) = finds(decoded.view());
            prop_assert_eq!(by_pairs, by_bytes, "{} behind {} escapes", line, layer);
        }
    }

    /// A moment is passed over at once; one that has a digit less is read as any digits are.
    #[test]
    fn a_moment_at_the_start_hides_nothing(rest in grammar(), quote in "\"?") {
        let (passed, read) = ("2026-11-21T18:28:00.123456Z", "2026-11-21T18:28:00.12345Z");
        let clean = redact(&format!("{quote}{passed}{rest}")).into_owned();
        let wanted = redact(&format!("{quote}{read}{rest}")).replacen(read, passed, 1);
        prop_assert_eq!(clean, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_card_number_is_always_gone(
        number in card(),
        size in prop_oneof![Just(1_usize), Just(4), Just(19)],
        separator in prop::sample::select(&SEPARATORS[..]),
        encoding in 0_u8..9,
        before in "[ -/:-~]{0,20}([ ,;=:\"'(\\[x]|\\\\x)",
        after in "[ ,;&\"')\\]x][ -/:-~]{0,20}",
    ) {
        let line = format!("{before}{}{after}", disguised(&number, size, separator, encoding));
        let clean = redact(&line);
        prop_assert!(!digits_of(&clean).contains(&number), "{line}\n{clean}");
        prop_assert!(clean.contains("[redacted:"), "{line}\n{clean}");
    }

    #[test]
    fn any_cut_with_one_separator_is_found(
        number in card(),
        sizes in prop::collection::vec(1_usize..7, 1..16),
        separator in prop::sample::select(&SEPARATORS[1..7]),
    ) {
        let mut rest = number.as_str();
        let mut groups = Vec::new();
        for size in sizes {
            let (group, tail) = rest.split_at(size.min(rest.len()));
            groups.push(group);
            rest = tail;
        }
        groups.push(rest);
        groups.retain(|group| !group.is_empty());
        let line = format!("card <{}> used", groups.join(separator));
        prop_assert_eq!(redact(&line), "card <[redacted:card]> used");
    }

    #[test]
    fn digits_that_fail_luhn_stay(
        body in "[0-9]{12,40}",
        off in 1_u32..10,
        before in "[a-h ]{0,10}[ ,;=\"(]",
        after in "[ ,;\")][a-h ]{0,10}",
    ) {
        let right = luhn_check_digit(&body).and_then(|digit| digit.to_digit(10)).unwrap();
        let number = format!("{body}{}", (right + off) % 10);
        prop_assert!(!luhn_valid(&number));
        let line = format!("order{before}{number}{after}");
        prop_assert_eq!(redact(&line), line.as_str());
    }

    #[test]
    fn a_keyed_value_is_always_gone(
        key in "(password|newPassword|client_secret|X-Api-Key|refresh_token)",
        secret in "[A-Z][!-~]{7,30}",
        shape in 0_u8..7,
    ) {
        let json = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (line, hidden) = match shape {
            0 => (format!("{{\"{key}\":\"{}\",\"b\":1}}", json(&secret)), json(&secret)),
            1 => {
                let nested = json(&format!("{{\"{key}\":\"{}\",\"b\":1}}", json(&secret)));
                (format!("{{\"a\":\"{nested}\"}}"), json(&json(&secret)))
            }
            2 => (format!("a=1&{key}={}&b=1", percent(&secret)), percent(&secret)),
            3 => (format!("A {{ {key}: Some({secret:?}), b: 1 }}"), json(&secret)),
            4 => (percent(&format!("{{\"{key}\":\"{}\"}}", json(&secret))), percent(&json(&secret))),
            5 => (format!("[({key:?}, {secret:?}), (\"b\", \"1\")]"), json(&secret)),
            _ => (format!("b=1 {key}={secret:?} c=2"), json(&secret)),
        };
        let clean = redact(&line);
        prop_assert!(!clean.contains(&hidden), "{line}\n{clean}");
        prop_assert!(clean.contains("[redacted:"), "{line}\n{clean}");
        let tail = ["\"b\":1}", "\\\"b\\\":1}\"}", "&b=1", ", b: 1 }", "%22%7D", "(\"b\", \"1\")]", " c=2"];
        prop_assert!(clean.ends_with(tail[usize::from(shape)]), "{line}\n{clean}");
    }

    #[test]
    fn once_is_enough_for_any_grammar(line in grammar()) {
        let clean = redact(&line).into_owned();
        prop_assert_eq!(redact(&clean), clean.as_str(), "{}", line);
    }

    #[test]
    fn any_text_and_any_bytes_are_answered(text in ".{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let clean = redact(&text).into_owned();
        prop_assert_eq!(redact(&clean), clean.as_str());
        let clean = redact_bytes(&bytes).into_owned();
        prop_assert_eq!(redact_bytes(&clean), clean.as_slice());
    }
}
