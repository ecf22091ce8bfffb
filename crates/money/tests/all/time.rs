use money::{Clock, ClockError, Timestamp, TimestampError};
use proptest::prelude::*;

fn read(text: &str) -> Result<Timestamp, TimestampError> {
    text.parse()
}

#[test]
fn known_times() {
    let cases = [
        ("1970-01-01T00:00:00.000000Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1969-12-31T23:59:59.000000Z", -1_000_000),
        ("1900-03-01T00:00:00.000000Z", -2_203_891_200_000_000),
        ("1985-04-12T23:20:50.520000Z", 482_196_050_520_000),
        ("2000-02-29T12:00:00.000000Z", 951_825_600_000_000),
        ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999),
        ("2026-11-21T08:54:30.123456Z", 1_795_251_270_123_456),
        ("2038-01-19T03:14:08.000000Z", 2_147_483_648_000_000),
        ("2100-03-01T00:00:00.000000Z", 4_107_542_400_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("0000-01-01T00:00:00.000000Z", -62_167_219_200_000_000),
    ];
    for (text, micros) in cases {
        assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        assert_eq!(read(text), Ok(Timestamp::from_micros(micros)), "{text}");
    }
    assert_eq!(format!("{:?}", Timestamp::EPOCH), "1970-01-01T00:00:00.000000Z");
}

/// The first and last day of every month of every year, counted by hand from year 0.
#[test]
fn every_month_of_ten_thousand_years() {
    let mut first = Timestamp::MIN.seconds() / 86_400;
    for year in 0..=9_999 {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            for day in [1, length] {
                let text = format!("{year:04}-{month:02}-{day:02}T00:00:00.000000Z");
                let time = Timestamp::from_seconds((first + day - 1) * 86_400);
                assert_eq!(time.to_string(), text);
                assert_eq!(read(&text), Ok(time));
            }
            let beyond = format!("{year:04}-{month:02}-{:02}T00:00:00Z", length + 1);
            assert_eq!(read(&beyond), Err(TimestampError::NoSuchTime), "{beyond}");
            first += length;
        }
    }
    assert_eq!(Timestamp::from_seconds(first * 86_400 - 1).seconds(), Timestamp::MAX.seconds());
}

#[test]
fn decimals_are_optional_but_never_cut_off() {
    let micros = |text: &str| read(text).unwrap().micros();
    assert_eq!(micros("1970-01-01T00:00:01Z"), 1_000_000);
    assert_eq!(micros("1970-01-01T00:00:01.5Z"), 1_500_000);
    assert_eq!(micros("1970-01-01T00:00:01.05Z"), 1_050_000);
    assert_eq!(micros("1970-01-01T00:00:01.000001Z"), 1_000_001);
    for fraction in ["0000000", "0000001", "123456789"] {
        let text = format!("1970-01-01T00:00:01.{fraction}Z");
        assert_eq!(read(&text), Err(TimestampError::TooPrecise));
    }
}

#[test]
fn other_forms_are_refused() {
    let texts = [
        "",
        "Z",
        "2026-11-21",
        "2026-11-21T08:54:30",
        "2026-11-21t08:54:30Z",
        "2026-11-21T08:54:30z",
        "2026-11-21 08:54:30Z",
        "2026-11-21T08:54:30+00:00",
        "2026-11-21T08:54:30.Z",
        "2026-11-21T08:54:30,5Z",
        "2026-11-21T08:54:30.5",
        "2026-11-21T08:54Z",
        "2026-11-21T24:00Z",
        "2026-1-21T08:54:30Z",
        "12026-11-21T08:54:30Z",
        "-001-11-21T08:54:30Z",
        "+026-11-21T08:54:30Z",
        "2026-11-21T08:54:30ZZ",
        "2026-11-21T08:54:30Z ",
        " 2026-11-21T08:54:30Z",
        "2026-11-21T08:54:3 Z",
        "2026/11/21T08:54:30Z",
        "2026-11-21T08-54-30Z",
        "２026-11-21T08:54:30Z",
        "2026-11-21T08:54:30.٥Z",
        "2026-11-21T08:54:30.1e5Z",
        "2026-11-21T08:54:30.-5Z",
        "20261121T085430Z",
    ];
    for text in texts {
        assert_eq!(read(text), Err(TimestampError::Syntax), "{text:?}");
    }
}

#[test]
fn times_that_do_not_exist() {
    let texts = [
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:99Z",
    ];
    for text in texts {
        assert_eq!(read(text), Err(TimestampError::NoSuchTime), "{text}");
    }
    assert_eq!(read("2016-12-31T23:59:60Z"), Err(TimestampError::LeapSecond));
}

#[test]
fn arithmetic_stops_at_the_ends() {
    assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_seconds(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.plus_micros(1), Timestamp::MAX);
    assert_eq!(Timestamp::MIN.plus_micros(-1), Timestamp::MIN);
    assert_eq!(Timestamp::EPOCH.plus_seconds(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::EPOCH.plus_seconds(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::MAX.micros_since(Timestamp::MIN), 315_569_519_999_999_999);
}

#[test]
fn coarser_units_look_to_the_past() {
    let just_before = Timestamp::from_micros(-1);
    assert_eq!((just_before.millis(), just_before.seconds()), (-1, -1));
    let time = Timestamp::from_micros(1_999_999);
    assert_eq!((time.millis(), time.seconds()), (1_999, 1));
}

#[test]
fn a_manual_clock_moves_only_by_hand_and_for_all_its_clones() {
    let clock = Clock::manual(Timestamp::from_seconds(100));
    let shared = clock.clone();
    assert_eq!(shared.now(), Timestamp::from_seconds(100));
    clock.advance_seconds(5).unwrap();
    assert_eq!(shared.now(), Timestamp::from_seconds(105));
    shared.advance_micros(-1).unwrap();
    assert_eq!(clock.now().micros(), 104_999_999);
    clock.set(Timestamp::EPOCH).unwrap();
    assert_eq!(shared.now(), Timestamp::EPOCH);
    clock.advance_seconds(i64::MAX).unwrap();
    assert_eq!(clock.now(), Timestamp::MAX);
    clock.advance_seconds(i64::MIN).unwrap();
    assert_eq!(clock.now(), Timestamp::MIN);
}

#[test]
fn hands_of_many_threads_add_up() {
    let clock = Clock::manual(Timestamp::EPOCH);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| clock.advance_micros(1).unwrap()));
        }
    });
    assert_eq!(clock.now().micros(), 4_000);
}

#[test]
fn the_system_clock_is_plausible_and_cannot_be_moved() {
    let clock = Clock::System;
    assert!(clock.now() > read("2026-01-01T00:00:00Z").unwrap());
    assert!(clock.now() < read("2200-01-01T00:00:00Z").unwrap());
    assert_eq!(clock.advance_seconds(1), Err(ClockError::NotManual));
    assert_eq!(clock.advance_micros(1), Err(ClockError::NotManual));
    assert_eq!(clock.set(Timestamp::EPOCH), Err(ClockError::NotManual));
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.micros()..=Timestamp::MAX.micros()).prop_map(Timestamp::from_micros)
}

proptest! {
    #[test]
    fn text_round_trips(time in any_time()) {
        let text = time.to_string();
        prop_assert_eq!(text.len(), 27);
        prop_assert_eq!(text.parse::<Timestamp>(), Ok(time));
    }

    #[test]
    fn text_sorts_as_time(a in any_time(), b in any_time()) {
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
    }

    #[test]
    fn differences_lead_back(a in any_time(), b in any_time()) {
        prop_assert_eq!(a.plus_micros(b.micros_since(a)), b);
    }

    #[test]
    fn any_text_is_refused_or_is_its_own_time(
        text in "[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,8})?Z|\\PC{0,30}",
    ) {
        if let Ok(time) = text.parse::<Timestamp>() {
            let shown = time.to_string();
            let written = text.trim_end_matches('Z');
            prop_assert!(shown.starts_with(written), "{} read as {}", text, shown);
        }
    }
}
