//! Who is told of what, and how often.

use super::*;

const ALL: Choice = Choice { enabled: true, at_least: None };
const OFF: Choice = Choice { enabled: false, at_least: None };

fn from(least: i64) -> Choice {
    Choice { enabled: true, at_least: Some(least) }
}

#[test]
fn a_payment_of_the_sum_is_told_and_one_below_it_is_not() {
    assert!(ALL.takes(1) && from(100).takes(100));
    assert!(!from(100).takes(99) && !OFF.takes(i64::MAX));
    assert!(!Choice { enabled: false, at_least: Some(1) }.takes(5));
}

#[test]
fn less_is_told_by_whoever_switches_off_or_asks_for_larger_sums() {
    for (after, before) in [(OFF, ALL), (from(2), ALL), (from(101), from(100)), (OFF, from(9))] {
        assert!(after.tells_less_than(&before), "{after:?} {before:?}");
    }
    let same = [(ALL, ALL), (from(1), ALL), (from(100), from(101)), (ALL, OFF), (from(9), OFF)];
    for (after, before) in same {
        assert!(!after.tells_less_than(&before), "{after:?} {before:?}");
    }
}

#[test]
fn ten_messages_go_at_once_and_what_comes_then_waits_for_the_hour() {
    let start = Timestamp::from_seconds(1_000_000);
    let mut told = Told::NOTHING;
    for second in 0..HOURLY {
        let now = start.plus_seconds(second);
        assert_eq!(told.next_at(now, Direction::In), now);
        told = told.after(None, now, Direction::In);
    }
    let end = start.plus_seconds(HOUR_SECONDS);
    assert_eq!(told.next_at(start.plus_seconds(HOURLY), Direction::In), end);
    assert_eq!(told.next_at(end.plus_seconds(-1), Direction::In), end);
    assert_eq!(told.next_at(end, Direction::In), end);
    // Whoever pays somebody ten times does not keep from them what leaves.
    for second in HOURLY..2 * HOURLY {
        let now = start.plus_seconds(second);
        assert_eq!(told.next_at(now, Direction::Out), now);
        told = told.after(None, now, Direction::Out);
    }
    assert_eq!(told.next_at(end.plus_seconds(-1), Direction::Out), end);
    let next = told.after(None, end, Direction::In);
    assert_eq!((next.hour_at, next.incoming, next.outgoing), (end, 1, 0));
    // A clock that was an hour ahead has counted; nobody waits for that.
    let back = start.plus_seconds(-3 * HOUR_SECONDS);
    assert_eq!(told.next_at(back, Direction::In), back);
}

#[test]
fn what_is_gathered_names_the_largest_few_and_counts_all() {
    let listed = |n: u8, amount| Listed { amount, id: TransferId::from_bytes([n; 16]) };
    let one = |n: u8, amount| Gathered { payments: 1, amount, listed: vec![listed(n, amount)] };
    let mut all = Gathered::default();
    for n in 1..=20 {
        all.add(&one(n, if n == 9 { 5_000 } else { 1 }));
    }
    assert_eq!((all.payments, all.amount, all.listed.len()), (20, 5_019, LISTED));
    assert_eq!(all.listed[..3], [listed(9, 5_000), listed(1, 1), listed(2, 1)]);
    let most = Gathered { payments: i64::MAX, amount: i64::MAX, listed: Vec::new() };
    all.add(&most);
    assert_eq!((all.payments, all.amount), (i64::MAX, i64::MAX));
}
