//! What the vault tells of those whom it refused: so much in a minute and an hour, however often they call.
//!
//! Who proves nothing is a line of the log a minute, with how many there were since the last. Who proves to be somebody
//! else is an event and a line an hour for each name, of [`MOST_NAMES`]: an authority can sign for more. Cost and bound: the
//! names of an hour. Never here: a caller's fate, which does not depend on what is told of it.

use std::collections::BTreeSet;

use money::Timestamp;

/// Strangers that are recorded in an hour.
const MOST_NAMES: usize = 64;

/// What was told lately.
#[derive(Default)]
pub(super) struct Refusals {
    minute: Option<i64>,
    /// Who proved nothing since the last line.
    untold: u64,
    hour: i64,
    names: BTreeSet<String>,
}

impl Refusals {
    /// Whether one more who proved nothing is told; with how many were not told before it. A clock that is set back begins
    /// a minute of its own.
    pub fn unproven(&mut self, now: Timestamp) -> Option<u64> {
        let minute = Some(now.seconds().div_euclid(60));
        if minute == self.minute {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.minute = minute;
        Some(std::mem::take(&mut self.untold))
    }

    /// Whether a stranger of this name is recorded.
    pub fn stranger(&mut self, name: &str, now: Timestamp) -> bool {
        let hour = now.seconds().div_euclid(3_600);
        if hour != self.hour {
            self.hour = hour;
            self.names.clear();
        }
        self.names.len() < MOST_NAMES && self.names.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_767_607_200);

    #[test]
    fn a_minute_has_one_line_and_the_next_says_how_many_had_none() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.unproven(START), Some(0));
        for second in 0..60 {
            assert_eq!(refusals.unproven(START.plus_seconds(second)), None);
        }
        assert_eq!(refusals.unproven(START.plus_seconds(60)), Some(60));
        assert_eq!(refusals.unproven(START.plus_seconds(61)), None);
        assert_eq!(refusals.unproven(START), Some(1));
    }

    #[test]
    fn a_name_is_recorded_once_an_hour_and_so_many_of_them() {
        let mut refusals = Refusals::default();
        for hour in [START, START.plus_seconds(3_600)] {
            let mut told = 0;
            for _ in 0..2 {
                for n in 0..MOST_NAMES * 2 {
                    told += usize::from(refusals.stranger(&format!("shop-{n}"), hour));
                }
            }
            assert_eq!(told, MOST_NAMES);
        }
    }
}
