//! Holds, captures, voids, expiry and reversals: single acts inside somebody's transaction.
//!
//! Locks: the hold (or the transfer's reversal row) first, then the accounts in id order.

use std::sync::Arc;

use ledger::{
    Act, CaptureOrder, Hold, HoldOrder, HoldStatus, Order, Original, Outcome, Refusal, ReverseOrder,
};
use money::{AccountId, Amount, Currency, HoldId, RequestId, Timestamp, TransferId};

use super::book::Loaded;
use super::{PostOrder, impossible, parties, side};
use crate::rows::{Origin, TransferKind, TransferRow};
use crate::{DbError, Row, Tx, params};

macro_rules! select {
    () => {
        "SELECT id, debit_account, credit_account, amount, captured, currency, status, created_at, \
         expires_at, memo FROM holds "
    };
}
const LOCK: &str = concat!(select!(), "WHERE id = $1");
const DUE: &str =
    concat!(select!(), "WHERE status = 0 AND expires_at <= $1 ORDER BY expires_at LIMIT $2");
const INSERT: &str = "INSERT INTO holds (id, debit_account, credit_account, amount, captured, \
     currency, status, created_at, expires_at, memo) VALUES ($1, $2, $3, $4, 0, $5, 0, $6, $7, $8)";
const SAVE: &str = "UPDATE holds SET captured = $2, status = $3 WHERE id = $1";
const OUTFLOW: &str =
    "INSERT INTO outflows (account, posted_at, id, amount) VALUES ($1, $2, $3, $4)";
/// No row where the account had no daily limit when the hold was placed.
const OUTFLOW_SET: &str =
    "UPDATE outflows SET amount = $4 WHERE account = $1 AND posted_at = $2 AND id = $3";
const REVERSED_ROW: &str = "INSERT INTO reversals (transfer, reversed) VALUES ($1, 0) \
     ON CONFLICT (transfer) DO NOTHING";
const REVERSED: &str = "SELECT reversed FROM reversals WHERE transfer = $1";
const REVERSED_SAVE: &str = "UPDATE reversals SET reversed = $2 WHERE transfer = $1";

/// A row of the holds table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    pub id: HoldId,
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    pub amount: i64,
    pub captured: i64,
    pub currency: Currency,
    pub status: HoldStatus,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub memo: Option<String>,
}

impl HoldRow {
    /// From the columns in the order of the fields.
    pub fn read(row: &Row) -> Result<Self, DbError> {
        let status = match row.int(6)? {
            0 => HoldStatus::Active,
            1 => HoldStatus::Captured,
            2 => HoldStatus::Voided,
            3 => HoldStatus::Expired,
            other => return Err(DbError::Corrupt(format!("hold status {other}"))),
        };
        Ok(Self {
            id: row.id(0)?,
            debit_account: row.id(1)?,
            credit_account: row.id(2)?,
            amount: row.int(3)?,
            captured: row.int(4)?,
            currency: row.currency(5)?,
            status,
            created_at: row.time(7)?,
            expires_at: row.time(8)?,
            memo: row.text_opt(9)?.map(str::to_owned),
        })
    }
}

/// Who does it, for the rows it writes.
#[derive(Debug, Clone)]
pub struct Doer {
    pub origin: Arc<Origin>,
    pub request: RequestId,
}

/// Part or all of a hold.
#[derive(Debug, Clone, Copy)]
pub struct Capture {
    /// The id of the transfer it makes.
    pub transfer: TransferId,
    /// `None`: all that remains.
    pub amount: Option<Amount>,
    /// Releases what this capture leaves.
    pub is_final: bool,
}

/// A hold and why it could not be: the two layers of an answer.
pub type Decided<T> = Result<Result<T, Refusal>, DbError>;

/// Places a hold; `order` names parties, amount, memo and who asks (its id and key are not used).
pub fn place(
    tx: &mut Tx<'_>,
    id: HoldId,
    order: &PostOrder,
    expires_at: Timestamp,
    now: Timestamp,
) -> Decided<HoldRow> {
    let resolved = parties::resolve(tx, std::iter::once(order))?;
    let mut loaded = Loaded::load(tx, &resolved.ids(), now)?;
    let [debit, credit] = resolved.slots(&loaded).first().copied().unwrap_or_default();
    let act = Act::Hold(HoldOrder {
        id,
        debit,
        credit,
        amount: order.amount,
        currency: order.currency,
        expires_at,
    });
    let hold = match decide(&mut loaded, act, now)? {
        Outcome::Held { hold } => *loaded.book.holds.get(hold).ok_or_else(impossible)?,
        Outcome::Refused(refusal) => return Ok(Err(refusal)),
        Outcome::Posted(_) | Outcome::Voided | Outcome::Expired => return Err(impossible()),
    };
    let row = HoldRow {
        id,
        debit_account: loaded.book.accounts[hold.debit].id,
        credit_account: loaded.book.accounts[hold.credit].id,
        amount: hold.amount,
        captured: 0,
        currency: order.currency,
        status: HoldStatus::Active,
        created_at: now,
        expires_at,
        memo: order.memo.clone(),
    };
    let memo = row.memo.as_deref();
    let accounts = (&row.debit_account, &row.credit_account);
    tx.execute(
        INSERT,
        params![&id, accounts.0, accounts.1, row.amount, row.currency, now, expires_at, memo],
    )?;
    if loaded.is_limited(&row.debit_account) {
        tx.execute(OUTFLOW, params![&row.debit_account, now, id.bytes(), row.amount])?;
    }
    loaded.save(tx)?;
    Ok(Ok(row))
}

/// Loads a hold and locks it.
pub fn lock(tx: &mut Tx<'_>, id: &HoldId) -> Result<Option<HoldRow>, DbError> {
    tx.query_locked(LOCK, params![id])?.first().map(HoldRow::read).transpose()
}

/// Moves part or all of a locked hold; gives the transfer and the hold as it is afterwards.
pub fn capture(
    tx: &mut Tx<'_>,
    row: &HoldRow,
    capture: Capture,
    doer: &Doer,
    now: Timestamp,
) -> Decided<(TransferRow, HoldRow)> {
    let mut loaded = load_with(tx, row, now)?;
    let act = Act::Capture(CaptureOrder {
        transfer: capture.transfer,
        hold: Some(0),
        amount: capture.amount,
        is_final: capture.is_final,
    });
    let posting = match decide(&mut loaded, act, now)? {
        Outcome::Posted(posting) => posting,
        Outcome::Refused(refusal) => return Ok(Err(refusal)),
        Outcome::Held { .. } | Outcome::Voided | Outcome::Expired => return Err(impossible()),
    };
    let transfer = TransferRow {
        id: capture.transfer,
        debit: side(&posting.debit, &loaded),
        credit: side(&posting.credit, &loaded),
        amount: posting.amount,
        currency: row.currency,
        kind: TransferKind::Capture,
        posted_at: now,
        memo: row.memo.clone(),
        reference: Some(*row.id.bytes()),
        origin: *doer.origin.id(),
        request: doer.request,
    };
    tx.ensure_origins(std::slice::from_ref(&doer.origin), now)?;
    tx.insert_transfers(std::slice::from_ref(&transfer))?;
    let after = save(tx, row, &loaded)?;
    Ok(Ok((transfer, after)))
}

/// Gives up what a locked hold still reserves.
pub fn void(tx: &mut Tx<'_>, row: &HoldRow, now: Timestamp) -> Decided<HoldRow> {
    release(tx, row, Act::Void { hold: Some(0) }, now)
}

/// The same because its time is over.
pub fn expire(tx: &mut Tx<'_>, row: &HoldRow, now: Timestamp) -> Decided<HoldRow> {
    release(tx, row, Act::Expire { hold: Some(0) }, now)
}

/// Active holds whose time is over, oldest first; not locked.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, most: i64) -> Result<Vec<HoldRow>, DbError> {
    tx.query(DUE, params![now, most])?.iter().map(HoldRow::read).collect()
}

/// Sends a posted transfer back, in part or (`None`) in whole, as the new transfer `id`.
pub fn reverse(
    tx: &mut Tx<'_>,
    original: &TransferRow,
    (id, amount): (TransferId, Option<Amount>),
    doer: &Doer,
    now: Timestamp,
) -> Decided<TransferRow> {
    tx.execute(REVERSED_ROW, params![&original.id])?;
    let rows = tx.query_locked(REVERSED, params![&original.id])?;
    let reversed = rows.first().ok_or_else(impossible)?.int(0)?;
    let mut loaded = Loaded::load(tx, &[original.debit.account, original.credit.account], now)?;
    loaded.book.originals.push(Original {
        id: original.id,
        debit: slot(&loaded, &original.debit.account)?,
        credit: slot(&loaded, &original.credit.account)?,
        amount: original.amount,
        currency: original.currency,
        reversed,
    });
    let act = Act::Reverse(ReverseOrder { transfer: id, original: Some(0), amount });
    let posting = match decide(&mut loaded, act, now)? {
        Outcome::Posted(posting) => posting,
        Outcome::Refused(refusal) => return Ok(Err(refusal)),
        Outcome::Held { .. } | Outcome::Voided | Outcome::Expired => return Err(impossible()),
    };
    let transfer = TransferRow {
        id,
        debit: side(&posting.debit, &loaded),
        credit: side(&posting.credit, &loaded),
        amount: posting.amount,
        currency: original.currency,
        kind: TransferKind::Reversal,
        posted_at: now,
        memo: original.memo.clone(),
        reference: Some(*original.id.bytes()),
        origin: *doer.origin.id(),
        request: doer.request,
    };
    tx.ensure_origins(std::slice::from_ref(&doer.origin), now)?;
    tx.insert_transfers(std::slice::from_ref(&transfer))?;
    let after = loaded.book.originals.first().ok_or_else(impossible)?.reversed;
    tx.execute(REVERSED_SAVE, params![&original.id, after])?;
    loaded.save(tx)?;
    Ok(Ok(transfer))
}

fn release(tx: &mut Tx<'_>, row: &HoldRow, act: Act, now: Timestamp) -> Decided<HoldRow> {
    let mut loaded = load_with(tx, row, now)?;
    match decide(&mut loaded, act, now)? {
        Outcome::Voided | Outcome::Expired => {}
        Outcome::Refused(refusal) => return Ok(Err(refusal)),
        Outcome::Held { .. } | Outcome::Posted(_) => return Err(impossible()),
    }
    save(tx, row, &loaded).map(Ok)
}

fn load_with(tx: &mut Tx<'_>, row: &HoldRow, now: Timestamp) -> Result<Loaded, DbError> {
    let mut loaded = Loaded::load(tx, &[row.debit_account, row.credit_account], now)?;
    loaded.book.holds.push(Hold {
        id: row.id,
        debit: slot(&loaded, &row.debit_account)?,
        credit: slot(&loaded, &row.credit_account)?,
        amount: row.amount,
        captured: row.captured,
        status: row.status,
        placed_at: row.created_at,
        expires_at: row.expires_at,
    });
    Ok(loaded)
}

fn decide(loaded: &mut Loaded, act: Act, now: Timestamp) -> Result<Outcome, DbError> {
    let outcomes = loaded.plan(&[Order { linked_with_next: false, act }], now);
    outcomes.first().copied().ok_or_else(impossible)
}

/// Writes the hold, its share of the daily limit and the accounts back.
fn save(tx: &mut Tx<'_>, before: &HoldRow, loaded: &Loaded) -> Result<HoldRow, DbError> {
    let hold = loaded.book.holds.first().ok_or_else(impossible)?;
    tx.execute(SAVE, params![&before.id, hold.captured, status_code(hold.status)])?;
    if hold.status != HoldStatus::Active {
        tx.execute(
            OUTFLOW_SET,
            params![&before.debit_account, before.created_at, before.id.bytes(), hold.captured],
        )?;
    }
    loaded.save(tx)?;
    Ok(HoldRow { captured: hold.captured, status: hold.status, ..before.clone() })
}

fn slot(loaded: &Loaded, id: &AccountId) -> Result<usize, DbError> {
    loaded
        .slot(id)
        .ok_or_else(|| DbError::Corrupt(format!("{id} has a row that names it, and is gone")))
}

fn status_code(status: HoldStatus) -> i64 {
    match status {
        HoldStatus::Active => 0,
        HoldStatus::Captured => 1,
        HoldStatus::Voided => 2,
        HoldStatus::Expired => 3,
    }
}
