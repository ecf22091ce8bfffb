//! SQL of payments for operators: any merchant's.

use money::{MerchantId, PaymentId, Timestamp, TransferId};
use store::{DbError, Tx, params};

use super::{first_id_at, read, read_step};
use crate::merchants::keys::Mode;
use crate::payments::dossier::{MOMENT_SECONDS, SCANNED};
use crate::payments::model::{PaymentRow, State, StepRow};

/// Up to `most`, newest first, before the one named.
pub(in crate::payments) fn newest(
    tx: &mut Tx<'_>,
    (before, most): (&PaymentId, i64),
) -> Result<Vec<PaymentRow>, DbError> {
    let sql = concat!(select!(), "WHERE id < $1 ORDER BY id DESC LIMIT $2");
    tx.query(sql, params![before, most])?.iter().map(read).collect()
}

/// The same in a state, of the [`SCANNED`] newest.
pub(in crate::payments) fn newest_in_state(
    tx: &mut Tx<'_>,
    state: State,
    (before, most): (&PaymentId, i64),
) -> Result<Vec<PaymentRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE id IN (SELECT w.id FROM (SELECT id, state FROM payments WHERE id < $1 \
         ORDER BY id DESC LIMIT $2) AS w WHERE w.state = $3) ORDER BY id DESC LIMIT $4"
    );
    tx.query(sql, params![before, SCANNED, state.code(), most])?.iter().map(read).collect()
}

/// Down to where [`newest_in_state`] looks; none where it looks at all.
pub(in crate::payments) fn last_scanned(
    tx: &mut Tx<'_>,
    before: &PaymentId,
) -> Result<Option<PaymentId>, DbError> {
    let sql = "SELECT id FROM payments WHERE id < $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
    let row = tx.query_opt(sql, params![before, SCANNED.saturating_sub(1)])?;
    row.map(|row| row.id(0)).transpose()
}

/// As [`newest_in_state`], of one merchant and mode.
pub(in crate::payments) fn of_merchant_in_state(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    state: State,
    (before, most): (&PaymentId, i64),
) -> Result<Vec<PaymentRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE id IN (SELECT w.id FROM (SELECT id, state FROM payments WHERE merchant = $5 \
         AND mode = $6 AND id < $1 ORDER BY id DESC LIMIT $2) AS w WHERE w.state = $3) \
         ORDER BY id DESC LIMIT $4"
    );
    let params = params![before, SCANNED, state.code(), most, merchant, of.code()];
    tx.query(sql, params)?.iter().map(read).collect()
}

/// Down to where [`of_merchant_in_state`] looks; none where it looks at all.
pub(in crate::payments) fn last_scanned_of(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    before: &PaymentId,
) -> Result<Option<PaymentId>, DbError> {
    let sql = "SELECT id FROM payments WHERE merchant = $3 AND mode = $4 AND id < $1 \
               ORDER BY id DESC LIMIT 1 OFFSET $2";
    let params = params![before, SCANNED.saturating_sub(1), merchant, of.code()];
    tx.query_opt(sql, params)?.map(|row| row.id(0)).transpose()
}

/// Payments of which a step is under way, refunds aside; or one of whose steps has lost its answer.
pub(in crate::payments) fn under_way(
    tx: &mut Tx<'_>,
    only_unknown: bool,
    (before, most): (&PaymentId, i64),
) -> Result<Vec<PaymentRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE id IN (SELECT DISTINCT payment FROM payment_steps WHERE ask_at IS NOT NULL \
         AND state BETWEEN CAST($2 AS BIGINT) AND 1 AND kind <= $3 AND payment < $1 \
         ORDER BY payment DESC LIMIT $4) ORDER BY id DESC"
    );
    let (state, kind) = if only_unknown { (1_i64, 3_i64) } else { (0, 2) };
    tx.query(sql, params![before, state, kind, most])?.iter().map(read).collect()
}

/// Whether some step of a payment has lost its answer.
pub(in crate::payments) fn has_unknown(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM payment_steps WHERE payment = $1 AND state = 1 \
               AND ask_at IS NOT NULL LIMIT 1";
    Ok(tx.query_opt(sql, params![payment])?.is_some())
}

/// Up to `most` steps of a payment, newest first.
pub(in crate::payments) fn steps(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
    most: i64,
) -> Result<Vec<StepRow>, DbError> {
    let sql = concat!(select_step!(), "WHERE payment = $1 ORDER BY number DESC LIMIT $2");
    tx.query(sql, params![payment, most])?.iter().map(read_step).collect()
}

/// Transfers of one moment that are looked at.
const SIGHT: i64 = 20_000;
/// A capture is two postings.
const OF_STEP: i64 = 4;

/// Transfers about a step, of the moment named.
pub(in crate::payments) fn postings(
    tx: &mut Tx<'_>,
    (step, moment): (&[u8; 16], Timestamp),
) -> Result<Vec<TransferId>, DbError> {
    let (from, to) = (first_id_at(moment), first_id_at(moment.plus_seconds(MOMENT_SECONDS)));
    let rows = tx.query(
        "SELECT w.id FROM (SELECT id, reference FROM transfers WHERE id >= $1 AND id < $2 \
         ORDER BY id LIMIT $3) AS w WHERE w.reference = $4 ORDER BY w.id LIMIT $5",
        params![&from, &to, SIGHT, step, OF_STEP],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}
