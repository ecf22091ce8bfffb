//! Thinning: of checkpoints in the database that are older than [`ALL_DAYS`] the first of each hour stays.
//!
//! A checkpoint says no more than the ones after it, which the log must fit as well; old ones are kept so that `verify`
//! can tell when a history was changed, for which one an hour is enough. What was given away stays right: receipts have their
//! own, the file outside the database has all of them, and a proof from any size is made from tiles. Order: slices by
//! size, ascending; each range between two that stay goes in one statement. Bound: [`SLICE`] a read. Never here: the newest,
//! which is not old as long as the log grows, and is never taken when it does not.

use ::store::DbError;
use money::Timestamp;
use tokio::sync::watch;

use super::store as log;
use crate::bank::Bank;

pub(crate) const NAME: &str = "log.thin";

/// All checkpoints of so many days stay: whoever compares their own with the bank's has them for that long.
const ALL_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3_600;
/// Checkpoints of one read: some milliseconds.
const SLICE: i64 = 1_000;

/// Removes what is not to stay; gives how many.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let before = bank.tools().now().plus_seconds(-ALL_DAYS * DAY_SECONDS);
    let (mut removed, mut after, mut hour) = (0_u64, 0_u64, None);
    while !*stop.borrow() {
        let slice = bank.db().read(NAME, move |tx| log::moments(tx, after, SLICE)).await?;
        let Some((last, _)) = slice.last() else { break };
        after = *last;
        let is_last = i64::try_from(slice.len()).is_ok_and(|found| found < SLICE);
        let ranges = ranges(&slice, (before, is_last), &mut hour);
        if !ranges.is_empty() {
            let remove = move |tx: &mut ::store::Tx<'_>| {
                let each = ranges.iter().map(|range| log::remove_checkpoints(tx, *range));
                each.sum::<Result<u64, DbError>>()
            };
            let rows: u64 = bank.db().write(NAME, remove).await?;
            removed = removed.saturating_add(rows);
        }
        if is_last || slice.last().is_some_and(|(_, at)| *at >= before) {
            break;
        }
    }
    Ok(removed)
}

/// Sizes from the one to the other, both included, that lie between two that stay. `hour` is that of the last one that
/// stays.
fn ranges(
    slice: &[(u64, Timestamp)],
    (before, is_last): (Timestamp, bool),
    hour: &mut Option<i64>,
) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    let mut is_open = false;
    let newest = slice.len().checked_sub(1).filter(|_| is_last);
    for (place, (size, at)) in slice.iter().enumerate() {
        let of = at.seconds().div_euclid(HOUR_SECONDS);
        let stays = *at >= before || Some(place) == newest || hour.is_none_or(|last| last != of);
        if stays {
            (*hour, is_open) = (Some(of), false);
        } else if let Some(range) = ranges.last_mut().filter(|_| is_open) {
            range.1 = *size;
        } else {
            ranges.push((*size, *size));
            is_open = true;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_hour_stays_and_so_do_the_young_and_the_newest() {
        let at = |seconds: i64| Timestamp::EPOCH.plus_seconds(seconds);
        let slice =
            [(3, 10), (5, 20), (7, 3_599), (8, 3_600), (9, 3_601), (12, 7_200), (13, 7_201)];
        let slice = slice.map(|(size, seconds)| (size, at(seconds)));
        let old = at(1_000_000);
        let found = |before, is_last, mut hour| ranges(&slice, (before, is_last), &mut hour);
        assert_eq!(found(old, false, None), [(5, 7), (9, 9), (13, 13)]);
        assert_eq!(found(old, true, None), [(5, 7), (9, 9)], "the newest");
        assert_eq!(found(old, false, Some(0)), [(3, 7), (9, 9), (13, 13)], "the hour goes on");
        assert_eq!(found(at(3_601), false, None), [(5, 7)], "the young");
        assert_eq!(found(at(0), false, None), []);
        // Cut into slices anywhere it is the same.
        for cut in 0..slice.len() {
            let (mut hour, (head, tail)) = (None, slice.split_at(cut));
            let mut left: Vec<u64> = slice.iter().map(|(size, _)| *size).collect();
            for part in [head, tail] {
                for (from, to) in ranges(part, (old, false), &mut hour) {
                    left.retain(|size| !(from..=to).contains(size));
                }
            }
            assert_eq!(left, [3, 8, 12], "{cut}");
        }
    }
}
