//! The words and small types that every gateway shares.

use super::*;

#[test]
fn days_are_read_as_they_are_written() {
    for text in ["2026-11-21", "2028-02-29", "1969-12-31", "0001-01-01"] {
        let day: Day = text.parse().unwrap();
        assert_eq!(day.to_string(), text);
        assert_eq!(Day::of(day.start()), day);
        assert_eq!(Day::of(day.next().start().plus_micros(-1)), day);
        assert_eq!(day.next().previous(), day);
    }
    for text in ["", "2026-02-29", "2026-13-01", "26-11-21", "2026-11-21T", "2026-11-2x"] {
        assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
    }
}

#[test]
fn kinds_are_read_as_they_are_written() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::parse("Capture"), None);
}

#[test]
fn an_operation_id_needs_no_quoting() {
    for id in ["pay_01jx", "a", "cap-1"] {
        assert!(is_operation_id(id), "{id}");
    }
    let long = "a".repeat(MAX_ID_BYTES + 1);
    for id in ["", "A", "a/b", "a b", "a,b", "a?b", "é", long.as_str()] {
        assert!(!is_operation_id(id), "{id}");
    }
}
