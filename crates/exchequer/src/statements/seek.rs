//! An old place in an account's chain of entries: the newest entry that is older than a moment.
//!
//! It costs the write path nothing: no index, no table. Two ways are taken in turn. The chain takes a step for
//! each entry since, which is short for quiet accounts; ids ascend with time, so the bank's transfers of a moment
//! are neighbours, and among a few of them is an entry of a busy account. Where an account has a share p of n
//! transfers, the first takes pn steps and the second 1/p. Both begin small and grow, so that the longer way
//! costs no more than some times the shorter.
//!
//! Bound: the caller's budget of rows; what is left to do goes on from where it stopped.

use ::store::{DbError, Tx};
use money::{AccountId, Timestamp, TransferId};

use super::store::{self, Place};

/// Entries passed over at once, of which only the last is read: in the first round and at most.
const FIRST_STRIDE: i64 = 64;
const MAX_STRIDE: i64 = 4_000;
/// Transfers of the bank looked through at one moment, in the first round and at most.
const FIRST_SIGHT: i64 = 64;
const MAX_SIGHT: i64 = 16_384;
/// Moments tried in one round.
const SIGHTS: u32 = 16;
/// How far two nodes' clocks may be apart. Nearer to the moment than this no place is looked for but along
/// the chain.
const CLOCKS_APART_MICROS: i64 = 10 * 60 * 1_000_000;
/// Moments nearer to each other than this are one.
const NEAR_MICROS: i64 = 1_000_000;

/// A search under way.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    account: AccountId,
    /// The newest entry that may be the one.
    from: TransferId,
    /// What is sought is older.
    end: Timestamp,
    stride: i64,
    sight: i64,
}

/// How far a search came.
#[derive(Debug, Clone, Copy)]
pub enum Sought {
    /// `None`: every entry is from that moment or newer.
    Found(Option<TransferId>),
    /// The budget is used up.
    Farther(Search),
}

impl Search {
    /// The newest entry older than `end`, of the one named and those before it.
    pub fn new(account: AccountId, from: TransferId, end: Timestamp) -> Self {
        Self { account, from, end, stride: FIRST_STRIDE, sight: FIRST_SIGHT }
    }

    /// An entry of the account from which another search would go on.
    pub fn from(&self) -> TransferId {
        self.from
    }
}

/// Goes on until it is found or `budget`, in rows, is used up; takes off what it has used.
pub fn go(tx: &mut Tx<'_>, search: Search, budget: &mut i64) -> Result<Sought, DbError> {
    let mut search = search;
    while *budget > 0 {
        let Search { account, end, .. } = search;
        let (place, steps) = store::skip(tx, &account, &search.from, (end, search.stride))?;
        *budget = budget.saturating_sub(steps);
        if place.posted_at < end {
            return Ok(Sought::Found(Some(place.transfer)));
        }
        let Some(previous) = place.previous else { return Ok(Sought::Found(None)) };
        let nearer = nearer(tx, &search, &place, budget)?;
        search.from = nearer.unwrap_or(previous);
        search.stride = search.stride.saturating_mul(4).min(MAX_STRIDE);
        search.sight = search.sight.saturating_mul(4).min(MAX_SIGHT);
    }
    Ok(Sought::Farther(search))
}

/// An entry between the moment and a place in the chain, as near to the moment as it is found by looking
/// at the bank's transfers of a few moments: first at that one, then half way between where something
/// was seen and where nothing was.
fn nearer(
    tx: &mut Tx<'_>,
    search: &Search,
    place: &Place,
    budget: &mut i64,
) -> Result<Option<TransferId>, DbError> {
    let first = search.end.plus_micros(CLOCKS_APART_MICROS);
    let (mut blind, mut seen) = (first, place.posted_at);
    let mut best: Option<Place> = None;
    for _ in 0..SIGHTS {
        let distance = seen.micros_since(blind);
        if distance < NEAR_MICROS || *budget <= 0 {
            break;
        }
        let is_first = blind == first && best.is_none() && seen == place.posted_at;
        let at = if is_first { blind } else { blind.plus_micros(distance / 2) };
        let newest = best.as_ref().unwrap_or(place).number;
        *budget = budget.saturating_sub(search.sight);
        let Some(found) = store::sight(tx, &search.account, at, search.sight)? else {
            blind = at.plus_micros(i64::from(is_first));
            continue;
        };
        // What is known already says that nothing lies between: what does lies before.
        seen = at;
        if found.number < newest && found.posted_at >= first {
            best = Some(found);
        }
    }
    Ok(best.map(|found| found.transfer))
}
