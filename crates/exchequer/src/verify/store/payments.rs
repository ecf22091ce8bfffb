//! SQL of verify: payments, their steps in the order of their payments, and the transfers that they made.

use money::AccountId;
use money::kind::{Payment, Transfer};
use store::rows::TransferKind;
use store::{DbError, Row, Tx, params};

use super::super::booked::{Booked, Cause};
use super::super::model::Step;
use super::super::payments::{StoredPayment, StoredStep, Window};
use super::{PAGE, damaged, each, key, named, page};
use crate::gateways::Kind;
use crate::merchants::mode;
use crate::payments::model::{State, StepState};

const PAYMENTS: &str = "SELECT id, amount, captured, capturing, refunded, refunding, fee, state, automatic \
     FROM payments WHERE id > $1 ORDER BY id LIMIT $2";
const STEPS: &str = "SELECT id, payment, kind, amount, final, state, number \
     FROM payment_steps WHERE (payment, number) > ($1, $3) AND payment <= $4 \
     ORDER BY payment, number LIMIT $2";
const BOOKED: &str = "SELECT t.id, t.kind, t.amount, t.currency, t.debit_account, t.credit_account, \
     s.id, s.kind, s.state, s.amount, p.mode, p.automatic, p.currency, m.account FROM transfers AS t \
     LEFT JOIN payment_steps AS s ON s.id = t.reference \
     LEFT JOIN payments AS p ON p.id = s.payment \
     LEFT JOIN merchant_accounts AS m \
     ON m.merchant = p.merchant AND m.mode = p.mode AND m.currency = p.currency \
     WHERE t.id > $1 AND t.kind BETWEEN 6 AND 10 ORDER BY t.id LIMIT $2";

/// All payments and their steps; gives the numbers of both. `any`: there are transfers of them.
pub(in crate::verify) fn all(tx: &mut Tx<'_>, any: bool) -> Step<(u64, u64)> {
    let (mut payments, mut steps) = (0_u64, 0_u64);
    let mut after = Vec::new();
    loop {
        let mut window = Window::default();
        let mut is_last = false;
        while !is_last && !window.is_full() {
            let rows = page(tx, PAYMENTS, &after)?;
            for row in &rows {
                window.add_payment(named::<Payment, _>("payments", row, payment)?);
            }
            payments = payments.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
            // Behind the last payment, whatever steps there still are.
            is_last = rows.is_empty();
            let to =
                rows.last().map_or(Ok(vec![0xff; 16]), |row| row.blob(0).map(<[u8]>::to_vec))?;
            steps = steps.saturating_add(steps_of(tx, &mut window, (&after, &to))?);
            window.close()?;
            after = to;
        }
        if any {
            each(tx, BOOKED, |row| {
                window.add_transfer(&named::<Transfer, _>("transfers", row, booked)?)
            })?;
        }
        window.finish()?;
        if is_last {
            return Ok((payments, steps));
        }
    }
}

/// The steps of payments behind one and up to another; gives their number.
fn steps_of(tx: &mut Tx<'_>, window: &mut Window, (after, to): (&[u8], &[u8])) -> Step<u64> {
    let mut count = 0_u64;
    // No number of a step is above this one.
    let mut from = (after.to_vec(), i64::MAX);
    loop {
        let rows = tx.query(STEPS, params![&from.0, PAGE, from.1, to])?;
        let Some(last) = rows.last() else { return Ok(count) };
        for row in &rows {
            let decoded = step(row).map_err(|error| damaged("payment_steps", key(row), error))?;
            window.add_step(&decoded)?;
            count = count.saturating_add(1);
        }
        from = (last.blob(1)?.to_vec(), last.int(6)?);
    }
}

fn payment(row: &Row) -> Result<StoredPayment, DbError> {
    Ok(StoredPayment {
        id: row.id(0)?,
        amount: row.int(1)?,
        captured: row.int(2)?,
        capturing: row.int(3)?,
        refunded: row.int(4)?,
        refunding: row.int(5)?,
        fee: row.int(6)?,
        state: known(State::from_code(row.int(7)?), "a payment's state")?,
        is_automatic: row.int(8)? == 1,
    })
}

fn step(row: &Row) -> Result<StoredStep, DbError> {
    Ok(StoredStep {
        id: row.bytes(0)?,
        payment: row.id::<Payment>(1)?,
        kind: known(Kind::from_code(row.int(2)?), "a step's kind")?,
        amount: row.int(3)?,
        is_final: row.int(4)? == 1,
        state: known(StepState::from_code(row.int(5)?), "a step's state")?,
        number: row.int(6)?,
    })
}

fn booked(row: &Row) -> Result<Booked, DbError> {
    // A step without its payment is a finding of its own.
    let cause = match (row.blob_opt(6)?, row.int_opt(10)?) {
        (Some(_), Some(_)) => Some(cause(row)?),
        (Some(_) | None, _) => None,
    };
    Ok(Booked {
        id: row.id(0)?,
        kind: TransferKind::from_code(row.int(1)?)?,
        amount: row.int(2)?,
        currency: row.text(3)?.to_owned(),
        debit: row.id(4)?,
        credit: row.id(5)?,
        cause,
    })
}

fn cause(row: &Row) -> Result<Cause, DbError> {
    let merchant: Option<AccountId> = row.id_opt(13)?;
    Ok(Cause {
        step: row.bytes(6)?,
        kind: known(Kind::from_code(row.int(7)?), "a step's kind")?,
        state: known(StepState::from_code(row.int(8)?), "a step's state")?,
        amount: row.int(9)?,
        mode: mode(row.int(10)?)?,
        is_automatic: row.int(11)? == 1,
        currency: row.currency(12)?,
        merchant,
    })
}

fn known<T>(decoded: Option<T>, what: &str) -> Result<T, DbError> {
    decoded.ok_or_else(|| DbError::Corrupt(format!("{what} that there is not")))
}

#[cfg(test)]
mod tests;
