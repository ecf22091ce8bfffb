//! The job that fills in the words of names: once through the table of customers, whose rows from before the words
//! came have none.
//!
//! It keeps its place in the transaction that writes the words, so a stop costs nothing and two nodes do the same
//! work at worst. At the end it notes that it is done, and costs a lookup from then on. Bound: [`SLICE`] names a
//! transaction.

use ::store::{DbError, Tx};
use money::CustomerId;
use tokio::sync::watch;

use super::{names, store};
use crate::bank::Bank;
use crate::jobs;

/// Names of one slice: some milliseconds of the writer.
const SLICE: i64 = 500;
/// Behind every id.
const END: [u8; 16] = [0xff; 16];

pub(crate) const NAME: &str = "names.index";

/// Gives how many customers it has seen to.
pub(crate) async fn index_names(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut seen = 0_u64;
    while !*stop.borrow() {
        // Most of the time it is done, and then nothing is written.
        let place = bank.db().read(NAME, |tx| jobs::place(tx, NAME)).await?;
        if place == END {
            break;
        }
        let act = bank.system_act(NAME);
        let indexed: u64 = bank
            .db()
            .write(NAME, move |tx: &mut Tx<'_>| {
                let after = CustomerId::from_bytes(jobs::lock_place(tx, NAME, act.now)?);
                if *after.bytes() == END {
                    return Ok::<u64, DbError>(0);
                }
                let slice = store::names_after(tx, &act.tools, (&after, SLICE))?;
                for (id, name) in &slice {
                    let words = names::indexes(&act.tools, &names::words(name));
                    store::insert_words(tx, id, &words)?;
                }
                let last = slice.last().map_or(END, |(id, _)| *id.bytes());
                jobs::keep_place(tx, NAME, (&last, act.now))?;
                Ok(u64::try_from(slice.len()).unwrap_or(u64::MAX))
            })
            .await?;
        seen = seen.saturating_add(indexed);
    }
    Ok(seen)
}
