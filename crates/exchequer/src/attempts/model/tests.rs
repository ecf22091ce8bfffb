//! What `attempts::model` promises.

use super::*;

const RULE: Lockout = Lockout { failures: 5, seconds: 900 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn fresh() -> Tally {
    Tally { failures: 0, last_at: at(0), locked_until: None }
}

fn failed(times: i64, from: i64) -> Tally {
    (0..times).fold(fresh(), |tally, n| tally.failed(at(from + n), RULE))
}

fn seconds(standing: Standing) -> Option<u32> {
    match standing {
        Standing::Open => None,
        Standing::Locked(locked) | Standing::Restarted(_, locked) => {
            Some(locked.retry_after_seconds)
        }
    }
}

// ASVS 6.3.1: guessing is stopped by a count that does not depend on the guesser's patience.
#[test]
fn the_fifth_failure_locks_for_fifteen_minutes() {
    let four = failed(4, 1000);
    assert_eq!((four.failures, four.standing(at(1004))), (4, Standing::Open));
    let five = failed(5, 1000);
    assert_eq!(five.locked_until, Some(at(1904)));
    assert_eq!(seconds(five.standing(at(1004))), Some(900));
    assert_eq!(seconds(five.standing(at(1903))), Some(1));
    assert_eq!(five.standing(at(1904)), Standing::Open);
}

#[test]
fn failures_while_locked_neither_count_nor_lengthen() {
    let locked = failed(5, 1000);
    assert_eq!(locked.failed(at(1500), RULE), locked);
}

#[test]
fn after_a_lock_counting_begins_anew() {
    let again = failed(5, 1000).failed(at(1904), RULE);
    assert_eq!((again.failures, again.locked_until), (1, None));
    let locked = (1..5).fold(again, |tally, n| tally.failed(at(1904 + n), RULE));
    assert_eq!(locked.locked_until, Some(at(1908 + 900)));
}

#[test]
fn a_clock_set_back_neither_unlocks_nor_locks_for_ever() {
    let locked = failed(5, 1_000_000);
    // An hour back: the lock is found before its own beginning and begins anew, once.
    let back = at(1_000_000 - 3600);
    let Standing::Restarted(restarted, told) = locked.standing(back) else { panic!("unlocked") };
    assert_eq!(told.retry_after_seconds, 900);
    assert_eq!(restarted.locked_until, Some(back.plus_seconds(900)));
    assert_eq!(seconds(restarted.standing(back.plus_seconds(899))), Some(1));
    assert_eq!(restarted.standing(back.plus_seconds(900)), Standing::Open);
    // A failure does the same.
    assert_eq!(locked.failed(back, RULE), restarted);
}

#[test]
fn the_notice_names_neither_place_nor_device() {
    let (subject, former) = ([1; 32], Vec::new());
    let counter = Counter { subject, former, kind: Kind::Password, device: [0; 32] };
    assert_eq!(
        notice(&counter, RULE),
        "Somebody entered your password wrongly 5 times. Signing in on devices that you have not \
         used before is locked for 15 minutes."
    );
}
