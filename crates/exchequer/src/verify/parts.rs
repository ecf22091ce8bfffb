//! Wholes and their parts: a hold and its captures, a transfer and its reversals.
//!
//! Pure. A whole keeps the sum of its parts; here the sum is made again. Wholes come in windows, so
//! that memory is bounded: all parts are passed by once for each window.

use std::collections::HashMap;

use super::model::{Finding, Step};

/// Wholes in one window, 60 bytes each.
pub const WINDOW: usize = 500_000;

/// Wholes and parts of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// The table of the whole, for findings.
    pub table: &'static str,
    /// How the ids of wholes and of parts are written.
    pub whole_id: fn([u8; 16]) -> String,
    pub part_id: fn([u8; 16]) -> String,
}

/// A hold of which something was captured; a transfer of which something was reversed.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    pub id: [u8; 16],
    /// Its parts, as its row says.
    pub claimed: i64,
    /// The most that the parts may be; `None` where the whole itself is gone.
    pub most: Option<i64>,
}

/// A capture or reversal, beside what its whole says.
#[derive(Debug, Clone)]
pub struct Part {
    pub id: [u8; 16],
    pub whole: [u8; 16],
    pub amount: i64,
    /// Currency, paying and paid account.
    pub moves: Moves,
    /// The same of the whole, turned round for a reversal; `None` where there is no such whole.
    pub of_whole: Option<Moves>,
    /// What the row of the whole says of its parts; `None` where there is no such row.
    pub claimed: Option<i64>,
}

pub type Moves = (String, [u8; 16], [u8; 16]);

/// The sums of one window.
pub struct Window {
    relation: Relation,
    wholes: HashMap<[u8; 16], (i64, i128)>,
}

impl Window {
    pub fn new(relation: Relation) -> Self {
        Self { relation, wholes: HashMap::new() }
    }

    pub fn is_full(&self) -> bool {
        self.wholes.len() >= WINDOW
    }

    pub fn add_whole(&mut self, whole: Whole) -> Step {
        let found = whole.claimed;
        if whole.most.is_none_or(|most| found > most) {
            let expected = match whole.most {
                Some(most) => format!("parts of at most {most}"),
                None => "parts of something that is there".to_owned(),
            };
            return Err(self.wrong(whole.id, expected, found).into());
        }
        self.wholes.insert(whole.id, (whole.claimed, 0));
        Ok(())
    }

    /// Takes a part of any window.
    pub fn add_part(&mut self, part: &Part) -> Step {
        let id = (self.relation.part_id)(part.id);
        let whole = (self.relation.whole_id)(part.whole);
        let wrong = |expected: String, found: &str| {
            Err(Finding::new("transfers", id, expected, found).into())
        };
        let Some(of_whole) = &part.of_whole else {
            return wrong(format!("{whole}, which it names"), "no such row");
        };
        if part.moves != *of_whole {
            let expected = format!("currency and accounts of {whole}");
            return wrong(expected, "other ones");
        }
        if part.claimed.is_none_or(|claimed| claimed < part.amount) {
            let expected = format!("{whole} to count at least the {} of this", part.amount);
            let found = part.claimed.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
            return wrong(expected, &found);
        }
        if let Some((_, sum)) = self.wholes.get_mut(&part.whole) {
            *sum = sum.saturating_add(part.amount.into());
        }
        Ok(())
    }

    /// After the last part: every sum is as its whole says.
    pub fn finish(&self) -> Step {
        let differs = |(_, (claimed, sum)): &(_, &(i64, i128))| i128::from(*claimed) != *sum;
        let first = self.wholes.iter().filter(differs).min_by_key(|(id, _)| **id);
        match first {
            None => Ok(()),
            Some((id, (claimed, sum))) => Err(self
                .wrong(*id, format!("parts of {sum}, the sum of its transfers"), *claimed)
                .into()),
        }
    }

    fn wrong(&self, id: [u8; 16], expected: String, found: i64) -> Finding {
        Finding::new(self.relation.table, (self.relation.whole_id)(id), expected, found)
    }
}

#[cfg(test)]
mod tests;
