//! Verify: replays the books and the event log, and names the first row that is wrong.
//!
//! Order: the database's own check of its files, the guards that keep rows immutable, accounts,
//! transfers (each account's entries by their numbers), the totals that the accounts keep, debits
//! against credits by currency, holds and what they reserve, captures, reversals, card payments and their
//! steps, balances kept of days, fees, differences and reversals of reports, payouts, merchants' events, idempotency keys,
//! origins, events, and at last the log over transfers and events ([`crate::evidence::prove`]). What the rules are stands in [`books`], [`parts`], [`payments`], [`booked`], [`reported`], [`days`],
//! [`standing`] and [`log`], which are pure; `store` reads.
//!
//! Cost: every row once, and captures, reversals and transfers of cards once more. Memory: some 300 bytes
//! an account, one page of rows, and a window of holds or of steps of payments; the number of transfers
//! does not count. All of it is one snapshot, so a serving bank can be verified. Never: a row changed, or a
//! fault mended.

pub mod booked;
pub mod books;
pub mod days;
pub mod log;
pub mod model;
pub mod parts;
pub mod payments;
pub mod reported;
pub mod standing;
mod store;

use ::store::{Db, DbError, Tx};
use money::Timestamp;

use self::books::Books;
pub use self::model::{CurrencyTotals, Finding, Report, Summary};
use self::model::{Step, Stop};
use crate::evidence::prove;
pub use crate::evidence::prove::Trust;

/// Verifies a whole bank, its log without any key. An error means that it could not be found out.
pub async fn run(db: &Db) -> Result<Report, DbError> {
    run_with(db, Trust::nothing(Timestamp::MAX)).await
}

/// The same with what the log is proven with.
pub async fn run_with(db: &Db, trust: Trust) -> Result<Report, DbError> {
    db.read("verify", move |tx| everything_in(tx, &trust)).await
}

/// The same in somebody's transaction, which must be one snapshot.
pub fn everything_in(tx: &mut Tx<'_>, trust: &Trust) -> Result<Report, DbError> {
    settle(everything(tx, trust))
}

/// The ledger alone: accounts, transfers, holds, captures, reversals.
pub fn books_in(tx: &mut Tx<'_>) -> Result<Report, DbError> {
    settle(ledger(tx, &mut Books::default()))
}

fn everything(tx: &mut Tx<'_>, trust: &Trust) -> Step<Summary> {
    if let Some(fault) = tx.structure_fault()? {
        return Err(Finding::new("database", "file", "ok", fault).into());
    }
    if let Some(broken) = tx.broken_guard()? {
        let expected = "the trigger that keeps rows immutable";
        return Err(Finding::new("schema", broken.trigger, expected, broken.found).into());
    }
    let mut books = Books::default();
    let summary = ledger(tx, &mut books)?;
    let (payments, steps) = store::payments::all(tx, books.card_transfers() > 0)?;
    let days = store::days::all(tx)?;
    let differences = store::reported::all(tx, &books.kinds)?;
    let payouts = store::reported::payouts(tx, &books.kinds)?;
    let merchant_events = store::reported::sequences(tx)?;
    let keys = store::keys(tx)?;
    let origins = store::origins(tx)?;
    let events = store::events(tx, &mut |event| {
        event.check()?;
        books.standings.follow(&event)?;
        if event.opens_account() {
            books.mark_opened(&event.resource);
        }
        Ok(())
    })?;
    books.finish_opened()?;
    books.standings.finish()?;
    let log = prove::everything_in(tx, trust)?;
    Ok(Summary {
        payments,
        steps,
        days,
        differences,
        payouts,
        merchant_events,
        keys,
        origins,
        events,
        log,
        ..summary
    })
}

fn ledger(tx: &mut Tx<'_>, books: &mut Books) -> Step<Summary> {
    let accounts = store::accounts(tx, &mut |account| books.add_account(account))?;
    let transfers = store::transfers(tx, &mut |transfer| books.add_transfer(&transfer))?;
    books.finish_entries()?;
    let holds = store::holds(tx, &mut |hold| books.add_hold(&hold))?;
    books.finish_holds()?;
    let currencies = books.totals()?;
    let (captures, reversals) = books.parts();
    store::captures(tx, captures > 0)?;
    store::reversals(tx, reversals > 0)?;
    Ok(Summary {
        accounts,
        transfers,
        holds,
        captures,
        reversals,
        currencies,
        ..Summary::default()
    })
}

fn settle(result: Step<Summary>) -> Result<Report, DbError> {
    match result {
        Ok(summary) => Ok(Report::Right(summary)),
        Err(Stop::Wrong(finding)) => Ok(Report::Wrong(*finding)),
        Err(Stop::Db(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
