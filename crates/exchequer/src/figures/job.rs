//! The job that sums: it goes once through transfers and payments by their ids, a little behind the present, and adds
//! each slice to its days in the transaction that keeps its place.
//!
//! Behind by [`BEHIND_SECONDS`]: an id is made before its transaction commits, so what is younger may still appear
//! below what is there. Bound: [`SLICE`] rows a transaction, which a reader looks at and a short write adds. Two nodes at
//! once: the second finds the place moved on and looks again. What it never does: walk again what it has summed; sums are figures, not books.

use ::store::{DbError, Tx};
use money::Timestamp;
use tokio::sync::watch;

use super::model::{Outcome, Sums, What, add, add_payment, add_transfer, day_of};
use super::store;
use crate::bank::Bank;
use crate::jobs;

pub(crate) const NAME: &str = "figures.sum";
pub(super) const TRANSFERS: &str = "figures.transfers";
pub(super) const PAYMENTS: &str = "figures.payments";

/// Rows of one slice: some milliseconds.
const SLICE: i64 = 2_000;
/// Seconds that no transaction takes from its id to its commit.
const BEHIND_SECONDS: i64 = 120;

/// Gives how many transfers and payments were summed.
pub(crate) async fn sum(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let now = bank.tools().now();
    let until = now.plus_seconds(-BEHIND_SECONDS);
    let mut summed = slices(bank, stop, (TRANSFERS, until), transfers).await?;
    summed = summed.saturating_add(slices(bank, stop, (PAYMENTS, until), payments).await?);
    loop {
        if *stop.borrow() {
            return Ok(summed);
        }
        let rows: u64 = bank.db().write(NAME, move |tx| decided(tx, now)).await?;
        summed = summed.saturating_add(rows);
        if rows < SLICE.unsigned_abs() {
            return Ok(summed);
        }
    }
}

/// What one slice came to, and its last id.
struct Slice {
    rows: u64,
    sums: Sums,
    open: Vec<money::PaymentId>,
    last: Option<[u8; 16]>,
}

type Look = fn(&mut Tx<'_>, (&[u8; 16], &[u8; 16])) -> Result<Slice, DbError>;

async fn slices(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
    (place_of, until): (&'static str, Timestamp),
    look: Look,
) -> Result<u64, DbError> {
    let below = first_id_at(until);
    let mut summed = 0_u64;
    while !*stop.borrow() {
        // Looked at by a reader, so that the writer is not kept by it.
        let (after, slice) = bank
            .db()
            .read(NAME, move |tx| {
                let after = jobs::place(tx, place_of)?;
                Ok::<_, DbError>((after, look(tx, (&after, &below))?))
            })
            .await?;
        let rows = slice.rows;
        let is_added: bool =
            bank.db().write(NAME, move |tx| keep(tx, (place_of, until), (&after, &slice))).await?;
        if !is_added {
            continue;
        }
        summed = summed.saturating_add(rows);
        if rows < SLICE.unsigned_abs() {
            break;
        }
    }
    Ok(summed)
}

/// Adds a slice and keeps its place; false where another node has gone on from there meanwhile.
fn keep(
    tx: &mut Tx<'_>,
    (place_of, until): (&'static str, Timestamp),
    (after, slice): (&[u8; 16], &Slice),
) -> Result<bool, DbError> {
    if jobs::lock_place(tx, place_of, until)? != *after {
        return Ok(false);
    }
    store::add(tx, &slice.sums)?;
    for payment in &slice.open {
        store::insert_pending(tx, payment)?;
    }
    jobs::keep_place(tx, place_of, (&slice.last.unwrap_or(*after), until))?;
    Ok(true)
}

fn transfers(tx: &mut Tx<'_>, range: (&[u8; 16], &[u8; 16])) -> Result<Slice, DbError> {
    let rows = store::transfers(tx, range, SLICE)?;
    let mut sums = Sums::new();
    for row in &rows {
        add_transfer(&mut sums, (day_of(row.posted_at), row.kind), (row.currency, row.amount));
    }
    let last = rows.last().map(|row| *row.id.bytes());
    Ok(Slice { rows: count(rows.len()), sums, open: Vec::new(), last })
}

fn payments(tx: &mut Tx<'_>, range: (&[u8; 16], &[u8; 16])) -> Result<Slice, DbError> {
    let rows = store::payments(tx, range, SLICE)?;
    let (mut sums, mut open) = (Sums::new(), Vec::new());
    for row in &rows {
        let of = (day_of(row.created_at), row.mode);
        if add_payment(&mut sums, of, (row.state, row.refusal.as_deref())) == Outcome::Open {
            open.push(row.id);
        }
    }
    let last = rows.last().map(|row| *row.id.bytes());
    Ok(Slice { rows: count(rows.len()), sums, open, last })
}

/// Counts anew what was open and is known now.
fn decided(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    let rows = store::decided(tx, SLICE)?;
    if rows.is_empty() {
        return Ok(0);
    }
    // Whoever adds to the sums of payments holds their place.
    jobs::lock_place(tx, PAYMENTS, now)?;
    let mut sums = Sums::new();
    for row in &rows {
        if store::delete_pending(tx, &row.id)? {
            let day = day_of(row.created_at);
            add(&mut sums, (day, What::Payments(row.mode), Outcome::Open.as_str()), (-1, 0));
            add_payment(&mut sums, (day, row.mode), (row.state, row.refusal.as_deref()));
        }
    }
    store::add(tx, &sums)?;
    Ok(count(rows.len()))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// The lowest id that a mint can have given at this time or later (RFC 9562 §5.7: milliseconds first).
fn first_id_at(time: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(time.millis().max(0)).unwrap_or(0);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}
