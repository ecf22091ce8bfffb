//! SQL of figures: what is new is summed and added, and the sums of days are read.

use money::{Currency, PaymentId, Timestamp, TransferId};
use store::rows::TransferKind;
use store::{DbError, Tx, params};

use super::model::{Day, Sums};
use crate::merchants::keys::Mode;
use crate::merchants::mode;
use crate::payments::model::State;

/// Of a transfer what is summed.
pub(super) struct Moved {
    pub id: TransferId,
    pub posted_at: Timestamp,
    pub amount: i64,
    pub currency: Currency,
    pub kind: TransferKind,
}

/// Of a payment what is counted.
pub(super) struct Paid {
    pub id: PaymentId,
    pub mode: Mode,
    pub state: State,
    pub refusal: Option<String>,
    pub created_at: Timestamp,
}

/// A sum of a day.
pub(super) struct Figure {
    pub day: Day,
    pub what: String,
    pub name: String,
    pub count: i64,
    pub volume: i64,
}

/// Up to `most` transfers behind an id and below another.
pub(super) fn transfers(
    tx: &mut Tx<'_>,
    (after, below): (&[u8; 16], &[u8; 16]),
    most: i64,
) -> Result<Vec<Moved>, DbError> {
    let rows = tx.query(
        "SELECT id, posted_at, amount, currency, kind FROM transfers WHERE id > $1 AND id < $2 \
         ORDER BY id LIMIT $3",
        params![after, below, most],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Moved {
                id: row.id(0)?,
                posted_at: row.time(1)?,
                amount: row.int(2)?,
                currency: row.currency(3)?,
                kind: TransferKind::from_code(row.int(4)?)?,
            })
        })
        .collect()
}

/// Up to `most` payments behind an id and below another.
pub(super) fn payments(
    tx: &mut Tx<'_>,
    (after, below): (&[u8; 16], &[u8; 16]),
    most: i64,
) -> Result<Vec<Paid>, DbError> {
    let rows = tx.query(
        "SELECT id, mode, state, refusal, created_at FROM payments WHERE id > $1 AND id < $2 \
         ORDER BY id LIMIT $3",
        params![after, below, most],
    )?;
    rows.iter().map(read_payment).collect()
}

/// Up to `most` payments that were counted as open and are not any more.
pub(super) fn decided(tx: &mut Tx<'_>, most: i64) -> Result<Vec<Paid>, DbError> {
    let rows = tx.query(
        "SELECT p.id, p.mode, p.state, p.refusal, p.created_at FROM figure_pending AS f \
         JOIN payments AS p ON p.id = f.payment WHERE p.state > 1 ORDER BY f.payment LIMIT $1",
        params![most],
    )?;
    rows.iter().map(read_payment).collect()
}

pub(super) fn insert_pending(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<(), DbError> {
    let sql = "INSERT INTO figure_pending (payment) VALUES ($1) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![payment])?;
    Ok(())
}

/// False where another node was faster.
pub(super) fn delete_pending(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<bool, DbError> {
    let sql = "DELETE FROM figure_pending WHERE payment = $1";
    Ok(tx.execute(sql, params![payment])? == 1)
}

/// Adds sums to those of their days, in the order of their keys. The job's place is locked by the caller, so nobody
/// else adds.
pub(super) fn add(tx: &mut Tx<'_>, sums: &Sums) -> Result<(), DbError> {
    for ((day, what, name), (count, volume)) in sums {
        let found = tx.query_opt(
            "SELECT count, volume FROM daily_figures WHERE day = $1 AND what = $2 AND name = $3",
            params![*day, *what, name.as_str()],
        )?;
        let before =
            found.map_or(Ok((0, 0)), |row| Ok::<_, DbError>((row.int(0)?, row.int(1)?)))?;
        tx.execute(
            "INSERT INTO daily_figures (day, what, name, count, volume) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (day, what, name) DO UPDATE SET count = EXCLUDED.count, \
             volume = EXCLUDED.volume",
            params![
                *day,
                *what,
                name.as_str(),
                before.0.saturating_add(*count).max(0),
                before.1.saturating_add(*volume).max(0)
            ],
        )?;
    }
    Ok(())
}

/// The sums of days from the one named on.
pub(super) fn figures(tx: &mut Tx<'_>, from: Day, most: i64) -> Result<Vec<Figure>, DbError> {
    let rows = tx.query(
        "SELECT day, what, name, count, volume FROM daily_figures WHERE day >= $1 \
         ORDER BY day, what, name LIMIT $2",
        params![from, most],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Figure {
                day: row.int(0)?,
                what: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                count: row.int(3)?,
                volume: row.int(4)?,
            })
        })
        .collect()
}

fn read_payment(row: &store::Row) -> Result<Paid, DbError> {
    let state = row.int(2)?;
    Ok(Paid {
        id: row.id(0)?,
        mode: mode(row.int(1)?)?,
        state: State::from_code(state)
            .ok_or_else(|| DbError::Corrupt(format!("a payment's state {state}")))?,
        refusal: row.text_opt(3)?.map(str::to_owned),
        created_at: row.time(4)?,
    })
}
