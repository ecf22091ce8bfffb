//! What `customers::standing` promises.

use super::*;

const ALL: [Standing; 4] =
    [Standing::Active, Standing::Locked, Standing::Disabled, Standing::Erased];

#[test]
fn a_change_leads_from_some_standings_to_one() {
    use Standing::{Active, Disabled, Locked};
    for (change, from, to) in [
        (Change::Lock, vec![Active], Locked),
        (Change::Unlock, vec![Locked], Active),
        (Change::Disable, vec![Active, Locked], Disabled),
        (Change::Enable, vec![Disabled], Active),
    ] {
        for standing in ALL {
            let after = standing.after(change);
            assert_eq!(after.ok() == Some(to), from.contains(&standing), "{change:?} {standing:?}");
        }
    }
}

#[test]
fn no_change_can_be_made_twice() {
    for change in [Change::Lock, Change::Unlock, Change::Disable, Change::Enable] {
        for standing in ALL {
            if let Ok(after) = standing.after(change) {
                assert!(after.after(change).is_err(), "{change:?} of {standing:?}");
            }
        }
    }
}

#[test]
fn who_may_only_unlock_opens_nothing_that_was_disabled() {
    assert_eq!(Standing::Disabled.after(Change::Unlock), Err(Code::NotLocked));
    assert_eq!(Standing::Disabled.after(Change::Lock), Err(Code::AlreadyDisabled));
}

#[test]
fn who_is_erased_stays_so() {
    for change in [Change::Lock, Change::Unlock, Change::Disable, Change::Enable] {
        assert_eq!(Standing::Erased.after(change), Err(Code::CustomerErased), "{change:?}");
    }
}
