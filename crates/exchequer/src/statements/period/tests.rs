//! Tests of [`super`].

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The period as text, or the fields and codes of the faults.
fn asked(from: Option<&str>, to: Option<&str>, now: &str) -> Result<String, Vec<String>> {
    let mut fields = Fields::default();
    let period = Period::asked(&mut fields, (from, to), at(now));
    fields.finish(period).map(|p| format!("{}..{}", p.from(), p.to())).map_err(|problem| {
        problem.fields.iter().map(|f| format!("{}:{}", f.field, f.code)).collect()
    })
}

const NOW: &str = "2026-03-15T10:00:00Z";

#[test]
fn without_days_it_is_the_last_whole_month() {
    for (now, wanted) in [
        (NOW, "2026-02-01..2026-02-28"),
        ("2028-03-01T00:00:00Z", "2028-02-01..2028-02-29"),
        ("2026-01-31T23:59:59.999999Z", "2025-12-01..2025-12-31"),
        ("2026-01-01T00:00:00Z", "2025-12-01..2025-12-31"),
        ("2025-12-31T23:59:59Z", "2025-11-01..2025-11-30"),
    ] {
        assert_eq!(asked(None, None, now).unwrap(), wanted, "{now}");
    }
}

#[test]
fn both_days_are_included_and_may_be_today() {
    for (from, to) in [
        ("2026-03-15", "2026-03-15"),
        ("2025-03-15", "2026-03-15"),
        ("2024-02-29", "2024-02-29"),
        ("2024-01-01", "2024-12-31"),
        ("0000-02-29", "0000-12-31"),
    ] {
        assert_eq!(asked(Some(from), Some(to), NOW).unwrap(), format!("{from}..{to}"));
    }
    let mut fields = Fields::default();
    let days = (Some("2026-03-14"), Some("2026-03-15"));
    let period = Period::asked(&mut fields, days, at(NOW)).unwrap();
    assert_eq!(period.start(), at("2026-03-14T00:00:00Z"));
    assert_eq!(period.end(), at("2026-03-16T00:00:00Z"));
    assert_eq!(period.last_second(), at("2026-03-15T23:59:59Z"));
}

// ASVS 2.2.3: a period ends after it begins and is not too long.
#[test]
fn what_is_no_period_is_refused_by_field() {
    let day = Some("2026-01-31");
    for (from, to, faults) in [
        (day, None, vec!["to:required"]),
        (None, day, vec!["from:required"]),
        (Some("2026-02-30"), day, vec!["from:invalid"]),
        (Some("2025-02-29"), Some("1900-02-29"), vec!["from:invalid", "to:invalid"]),
        (Some("2026-1-31"), Some("20260131"), vec!["from:invalid", "to:invalid"]),
        (Some(""), Some("2026-01-31 "), vec!["from:invalid", "to:invalid"]),
        (Some("+026-01-31"), Some("٢٠٢٦-"), vec!["from:invalid", "to:invalid"]),
        (Some("2026-02-01"), day, vec!["to:before_from"]),
        (day, Some("2026-03-16"), vec!["to:in_future"]),
        (Some("9999-12-31"), Some("9999-12-31"), vec!["to:in_future"]),
        (Some("2025-03-14"), Some("2026-03-15"), vec!["from:period_too_long"]),
        (Some("0000-01-01"), day, vec!["from:period_too_long"]),
    ] {
        assert_eq!(asked(from, to, NOW), Err(faults.iter().map(|f| (*f).to_owned()).collect()));
    }
}
