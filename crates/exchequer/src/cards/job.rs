//! What the vault forgets by itself: numbers of cards that are over, and counts of openings.
//!
//! A card that is over opens for nobody, so its number is kept for no use (PCI DSS 4.0.1, 3.2.1): after
//! `card_expired_days` it is deleted as its merchant would delete it, with its event. Order: by id, in slices of [`SLICE`], a
//! transaction each, from where the last run of any node ended. Bound: [`SLICES`] a run, so that a million cards take a day.

use ::store::{DbError, Tx};
use tokio::sync::watch;
use vault::card::month_number;

use super::{delete_as_expired_in, store};
use crate::bank::{Act, Bank};
use crate::jobs::{REVEALS_KEPT, keep_place, lock_place};

const SLICE: i64 = 500;
const SLICES: usize = 100;
const DAY_SECONDS: i64 = 86_400;
const VERB: &str = "cards.forget";

/// Deletes counts of openings that are old; gives how many.
pub(crate) async fn forget_reveals(bank: &Bank) -> Result<u64, DbError> {
    let before = bank.tools().now().plus_seconds(-REVEALS_KEPT);
    bank.db().write("card_reveals.delete", move |tx| store::forget_reveals(tx, before)).await
}

/// Deletes numbers of cards that are over for long; gives how many.
pub(crate) async fn forget_numbers(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
) -> Result<u64, DbError> {
    let mut forgotten = 0_u64;
    for _ in 0..SLICES {
        if *stop.borrow() {
            break;
        }
        let act = bank.system_act(VERB);
        let (found, is_last) = bank.db().write(VERB, move |tx| slice_in(tx, &act)).await?;
        forgotten = forgotten.saturating_add(found);
        if is_last {
            break;
        }
    }
    Ok(forgotten)
}

/// How many were deleted, and whether this was the end of the table.
fn slice_in(tx: &mut Tx<'_>, act: &Act) -> Result<(u64, bool), DbError> {
    let days = i64::from(act.tools.config().cards.expired_days);
    let current = i64::from(month_number(act.now.plus_seconds(-days.saturating_mul(DAY_SECONDS))));
    let from = lock_place(tx, VERB, act.now)?;
    let cards = store::kept_behind(tx, &from, SLICE)?;
    let mut forgotten = 0_u64;
    for card in cards.iter().filter(|card| card.month < current) {
        if delete_as_expired_in(tx, act, (&card.of.0, card.of.1), &card.id)? {
            forgotten = forgotten.saturating_add(1);
        }
    }
    let is_last = i64::try_from(cards.len()).is_ok_and(|read| read < SLICE);
    let to = cards.last().filter(|_| !is_last).map_or([0; 16], |card| *card.id.bytes());
    keep_place(tx, VERB, (&to, act.now))?;
    Ok((forgotten, is_last))
}
