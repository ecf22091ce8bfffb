//! SQL of payments and their steps. What a merchant asks for names the merchant and the mode.

use money::{MerchantId, PaymentId, Timestamp};
use store::{DbError, Row, Tx, params};

use super::model::{PaymentRow, State, StepRow, StepState, operation};
use crate::gateways::Kind;
use crate::merchants::keys::Mode;
use crate::merchants::mode;
use crate::reconciliation::model::Ours;

macro_rules! select {
    () => {
        "SELECT id, merchant, mode, card, amount, currency, automatic, state, captured, capturing, \
         refunded, refunding, fee, gateway, reference, refusal, metadata, created_at, updated_at \
         FROM payments "
    };
}

macro_rules! select_step {
    () => {
        "SELECT id, payment, kind, amount, final, state, reference, refusal, created_at, ended_at, \
         asked, ask_at FROM payment_steps "
    };
}

mod desk;
mod shown;

pub(super) use desk::{
    has_unknown, last_scanned, last_scanned_of, newest, newest_in_state, of_merchant_in_state,
    postings, steps, under_way,
};
pub(super) use shown::{event, posting, posting_behind};

pub(super) fn insert(tx: &mut Tx<'_>, row: &PaymentRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO payments (id, merchant, mode, card, amount, currency, automatic, state, captured, \
         capturing, refunded, refunding, fee, gateway, reference, refusal, metadata, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, $9, NULL, NULL, $10, $11, \
         $11)",
        params![
            &row.id,
            &row.merchant,
            row.mode.code(),
            &row.card,
            row.amount,
            row.currency,
            i64::from(row.is_automatic),
            row.state.code(),
            &row.gateway,
            row.metadata.as_deref(),
            row.created_at
        ],
    )?;
    Ok(())
}

pub(super) fn find(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &PaymentId,
) -> Result<Option<PaymentRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND merchant = $2 AND mode = $3");
    tx.query_opt(sql, params![id, merchant, of.code()])?.map(|row| read(&row)).transpose()
}

/// The same, and nobody else changes it until this transaction ends.
pub(super) fn find_locked(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &PaymentId,
) -> Result<Option<PaymentRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND merchant = $2 AND mode = $3 ORDER BY id");
    tx.query_locked(sql, params![id, merchant, of.code()])?.first().map(read).transpose()
}

/// Whoever's it is.
pub(super) fn any(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<PaymentRow>, DbError> {
    tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?
        .map(|row| read(&row))
        .transpose()
}

/// A step that somebody has an id of, and that is not there.
pub(super) fn gone(step: &[u8; 16]) -> DbError {
    DbError::Corrupt(format!("a payment's step {step:02x?} is gone"))
}

/// Whoever's it is: for what the bank does by itself.
pub(super) fn lock(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<PaymentRow>, DbError> {
    tx.query_locked(concat!(select!(), "WHERE id = $1 ORDER BY id"), params![id])?
        .first()
        .map(read)
        .transpose()
}

/// Up to `most`, newest first, before the one named.
pub(super) fn list(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    before: Option<&PaymentId>,
    most: i64,
) -> Result<Vec<PaymentRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE merchant = $1 AND mode = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    );
    let last = PaymentId::from_bytes([0xff; 16]);
    let rows = tx.query(sql, params![merchant, of.code(), before.unwrap_or(&last), most])?;
    rows.iter().map(read).collect()
}

/// All that changes of a payment.
pub(super) fn update(tx: &mut Tx<'_>, row: &PaymentRow) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payments SET state = $2, captured = $3, capturing = $4, refunded = $5, refunding = $6, \
         fee = $7, reference = $8, refusal = $9, updated_at = $10 WHERE id = $1",
        params![
            &row.id,
            row.state.code(),
            row.captured,
            row.capturing,
            row.refunded,
            row.refunding,
            row.fee,
            row.reference.as_deref(),
            row.refusal.as_deref(),
            row.updated_at
        ],
    )?;
    Ok(())
}

/// Sets money aside for a refund, in one guarded statement: false where it would pass what was captured.
pub(super) fn reserve_refund(
    tx: &mut Tx<'_>,
    id: &PaymentId,
    amount: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE payments SET refunding = refunding + $2, updated_at = $3 \
         WHERE id = $1 AND CAST($2 AS BIGINT) > 0 AND captured - refunded - refunding >= $2",
        params![id, amount, now],
    )?;
    Ok(rows == 1)
}

pub(super) fn release_refund(tx: &mut Tx<'_>, id: &PaymentId, amount: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payments SET refunding = refunding - $2 WHERE id = $1",
        params![id, amount],
    )?;
    Ok(())
}

/// Behind all steps of its payment, which is new or locked.
pub(super) fn insert_step(tx: &mut Tx<'_>, row: &StepRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO payment_steps (id, payment, kind, amount, final, state, reference, refusal, \
         created_at, ended_at, asked, ask_at, number) VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL, $7, \
         NULL, 0, $8, (SELECT COALESCE(MAX(number), 0) + 1 FROM payment_steps WHERE payment = $2))",
        params![
            &row.id,
            &row.payment,
            row.kind.code(),
            row.amount,
            i64::from(row.is_final),
            row.state.code(),
            row.created_at,
            row.ask_at
        ],
    )?;
    Ok(())
}

/// After the payment was locked.
pub(super) fn step(tx: &mut Tx<'_>, id: &[u8; 16]) -> Result<Option<StepRow>, DbError> {
    tx.query_opt(concat!(select_step!(), "WHERE id = $1"), params![id])?
        .map(|row| read_step(&row))
        .transpose()
}

pub(super) fn update_step(tx: &mut Tx<'_>, row: &StepRow) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payment_steps SET state = $2, reference = $3, refusal = $4, ended_at = $5, asked = $6, \
         ask_at = $7 WHERE id = $1",
        params![
            &row.id,
            row.state.code(),
            row.reference.as_deref(),
            row.refusal.as_deref(),
            row.ended_at,
            row.asked,
            row.ask_at
        ],
    )?;
    Ok(())
}

/// Whether a capture or cancellation of a payment is under way.
pub(super) fn is_busy(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<bool, DbError> {
    let found = tx.query_opt(
        "SELECT 1 FROM payment_steps WHERE payment = $1 AND kind BETWEEN 1 AND 2 \
         AND ask_at IS NOT NULL LIMIT 1",
        params![payment],
    )?;
    Ok(found.is_some())
}

/// Refunds of a payment, newest first.
pub(super) fn refunds(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<Vec<StepRow>, DbError> {
    let sql =
        concat!(select_step!(), "WHERE payment = $1 AND kind = 3 ORDER BY number DESC LIMIT 1000");
    tx.query(sql, params![payment])?.iter().map(read_step).collect()
}

/// Refunds of a payment that was ever asked for.
pub(super) fn count_refunds(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM payment_steps WHERE payment = $1 AND kind = 3",
        params![payment],
    )?
    .int(0)
}

/// Up to `most` steps that are to be asked about, the longest due first.
pub(super) fn due(tx: &mut Tx<'_>, now: Timestamp, most: i64) -> Result<Vec<StepRow>, DbError> {
    let sql = concat!(select_step!(), "WHERE ask_at <= $1 ORDER BY ask_at LIMIT $2");
    tx.query(sql, params![now, most])?.iter().map(read_step).collect()
}

/// Steps that are done and moved money, begun in a time; by their ids, which begin with it (RFC 9562 §5.7).
pub(super) fn done_between(
    tx: &mut Tx<'_>,
    gateway: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(String, Kind, Ours)>, DbError> {
    let rows = tx.query(
        "SELECT s.id, s.kind, s.amount, p.currency FROM payment_steps AS s \
         JOIN payments AS p ON p.id = s.payment WHERE s.id >= $1 AND s.id < $2 AND s.state = 2 \
         AND p.gateway = $3 AND (s.kind = 1 OR s.kind = 3 OR (s.kind = 0 AND p.automatic = 1)) \
         ORDER BY s.id",
        params![&first_id_at(from), &first_id_at(to), gateway],
    )?;
    let read = |row: &Row| {
        let kind = Kind::from_code(row.int(1)?)
            .ok_or_else(|| DbError::Corrupt("a payment's step: kind".to_owned()))?;
        let ours = Ours { is_done: true, amount: row.int(2)?, currency: row.currency(3)? };
        Ok((operation(kind, &row.bytes(0)?), kind, ours))
    };
    rows.iter().map(read).collect()
}

/// The lowest id that a mint can have given at this time or later: milliseconds first.
fn first_id_at(time: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(time.micros().max(0) / 1_000).unwrap_or(0);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}

/// Takes a step into one node's hands: of any number of nodes one gets true.
pub(super) fn lease(tx: &mut Tx<'_>, step: &StepRow, until: Timestamp) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE payment_steps SET ask_at = $3, asked = asked + 1 WHERE id = $1 AND ask_at = $2",
        params![&step.id, step.ask_at, until],
    )?;
    Ok(rows == 1)
}

/// Has an open step asked about now.
pub(super) fn hasten(tx: &mut Tx<'_>, id: &[u8; 16], now: Timestamp) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE payment_steps SET ask_at = $2 WHERE id = $1 AND state = 1 AND ask_at > $2",
        params![id, now],
    )?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<PaymentRow, DbError> {
    let state = row.int(7)?;
    Ok(PaymentRow {
        id: row.id(0)?,
        merchant: row.id(1)?,
        mode: mode(row.int(2)?)?,
        card: row.id(3)?,
        amount: row.int(4)?,
        currency: row.currency(5)?,
        is_automatic: row.int(6)? == 1,
        state: State::from_code(state)
            .ok_or_else(|| DbError::Corrupt(format!("a payment's state {state}")))?,
        captured: row.int(8)?,
        capturing: row.int(9)?,
        refunded: row.int(10)?,
        refunding: row.int(11)?,
        fee: row.int(12)?,
        gateway: row.text(13)?.to_owned(),
        reference: row.text_opt(14)?.map(str::to_owned),
        refusal: row.text_opt(15)?.map(str::to_owned),
        metadata: row.text_opt(16)?.map(str::to_owned),
        created_at: row.time(17)?,
        updated_at: row.time(18)?,
    })
}

fn read_step(row: &Row) -> Result<StepRow, DbError> {
    let damaged = |what: &str| DbError::Corrupt(format!("a payment's step: {what}"));
    Ok(StepRow {
        id: row.bytes(0)?,
        payment: row.id(1)?,
        kind: Kind::from_code(row.int(2)?).ok_or_else(|| damaged("kind"))?,
        amount: row.int(3)?,
        is_final: row.int(4)? == 1,
        state: StepState::from_code(row.int(5)?).ok_or_else(|| damaged("state"))?,
        reference: row.text_opt(6)?.map(str::to_owned),
        refusal: row.text_opt(7)?.map(str::to_owned),
        created_at: row.time(8)?,
        ended_at: row.time_opt(9)?,
        asked: row.int(10)?,
        ask_at: row.time_opt(11)?,
    })
}
