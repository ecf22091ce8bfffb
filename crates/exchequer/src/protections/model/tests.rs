//! Limits, windows of whole hours, and a fresh password.

use money::Timestamp;

use super::*;

const NONE: Limits = Limits { per_transfer: None, per_day: None, per_week: None, per_month: None };

fn day(limit: i64) -> Limits {
    Limits { per_day: Some(limit), ..NONE }
}

#[test]
fn looser_is_a_higher_limit_or_one_that_is_gone() {
    assert!(!day(5).is_looser_than(&NONE), "the first limit makes nothing looser");
    assert!(!day(5).is_looser_than(&day(5)));
    assert!(!day(4).is_looser_than(&day(5)));
    assert!(day(6).is_looser_than(&day(5)));
    assert!(NONE.is_looser_than(&day(5)));
    let moved = Limits { per_week: Some(1), ..NONE };
    assert!(moved.is_looser_than(&day(5)), "one is gone, whatever else is new");
}

#[test]
fn a_limit_may_be_reached_and_not_passed() {
    let spent = Spent { day: 60, week: 70, month: 80, since: 0 };
    for (limits, most) in [
        (Limits { per_transfer: Some(50), ..NONE }, 50),
        (day(100), 30),
        (Limits { per_week: Some(100), ..NONE }, 20),
        (Limits { per_month: Some(100), ..NONE }, 10),
    ] {
        assert!(limits.allow(most, &spent, 10), "{limits:?}");
        assert!(!limits.allow(most + 1, &spent, 10), "{limits:?}");
    }
    assert!(NONE.allow(i64::MAX, &spent, i64::MAX));
    assert!(!day(i64::MAX - 1).allow(i64::MAX, &spent, i64::MAX));
}

#[test]
fn an_hour_counts_whole_while_any_of_it_lies_in_the_window() {
    let hour_seconds = 3_600;
    // Spent in the last second of hour 10.
    let spent_at = hour(Timestamp::from_seconds(11 * hour_seconds - 1));
    let counts = |seconds| first_hour(Timestamp::from_seconds(seconds), DAY_HOURS) <= spent_at;
    assert_eq!(spent_at, 10);
    assert!(counts(34 * hour_seconds + 3_599), "not yet 24 hours later");
    assert!(counts(35 * hour_seconds - 1));
    assert!(!counts(35 * hour_seconds), "more than 24 hours later");
}

#[test]
fn hours_before_1970_and_after_now_have_their_place() {
    assert_eq!(hour(Timestamp::from_seconds(-1)), -1);
    assert_eq!(hour(Timestamp::from_seconds(0)), 0);
    let later = hour(Timestamp::from_seconds(100 * 3_600));
    assert!(first_hour(Timestamp::from_seconds(0), DAY_HOURS) <= later, "a clock set back");
}

#[test]
fn a_change_of_password_is_recent_until_its_time_is_over() {
    let changed = Timestamp::from_seconds(1_000);
    let recent = |now, seconds| is_recent(changed, Timestamp::from_seconds(now), seconds);
    assert!(recent(1_000, 60) && recent(1_059, 60));
    assert!(!recent(1_060, 60));
    assert!(recent(500, 60), "the clock was set back");
    assert!(!recent(1_000, 0), "switched off");
}
