//! SQL of verify: what reports of gateways have made of money, payouts, and what merchants were told.

use money::kind::{Difference, Transfer};
use money::{Currency, DifferenceId, MerchantId};
use store::rows::TransferKind;
use store::{DbError, Row, Tx};

use super::super::log::hexadecimal;
use super::super::model::{Finding, Step};
use super::super::reported::{Counts, Due, Moved, PaidOut, Sequence};
use super::{damaged, each, key, named};
use crate::merchants::keys::Mode;
use crate::merchants::mode;
use crate::payments::model::StepState;
use crate::reversals::model::name_of;

const FEES: &str = "SELECT l.fee_transfer, l.operation, l.fee, l.currency, t.kind, t.amount, t.currency, \
     t.debit_account, t.credit_account FROM report_lines AS l \
     LEFT JOIN transfers AS t ON t.id = l.fee_transfer \
     WHERE l.fee_transfer > $1 ORDER BY l.fee_transfer LIMIT $2";
const DIFFERENCES: &str = "SELECT d.id, d.mode, d.ours, d.theirs, d.currency, t.kind, t.amount, t.currency, \
     t.debit_account, t.credit_account FROM differences AS d \
     LEFT JOIN transfers AS t ON t.id = d.transfer \
     WHERE d.id > $1 AND d.transfer IS NOT NULL ORDER BY d.id LIMIT $2";
const REVERSALS: &str = "SELECT r.step, r.state, r.amount, s.state, p.mode, p.currency, t.kind, t.amount, \
     t.currency, t.debit_account, t.credit_account FROM payment_reversals AS r \
     LEFT JOIN payment_steps AS s ON s.id = r.step LEFT JOIN payments AS p ON p.id = s.payment \
     LEFT JOIN transfers AS t ON t.id = r.transfer \
     WHERE r.step > $1 ORDER BY r.step LIMIT $2";
const NAMED: &str = "SELECT t.id, d.id FROM transfers AS t LEFT JOIN differences AS d ON d.id = t.reference \
     WHERE t.id > $1 AND t.kind = 12 ORDER BY t.id LIMIT $2";
const PAYOUTS: &str = "SELECT t.id, t.debit_account, a.owner, m.account FROM transfers AS t \
     LEFT JOIN accounts AS a ON a.id = t.credit_account LEFT JOIN merchant_accounts AS m \
     ON m.merchant = t.reference AND m.mode = 1 AND m.currency = t.currency \
     WHERE t.id > $1 AND t.kind = 11 ORDER BY t.id LIMIT $2";
const SEQUENCES: &str =
    "SELECT merchant, mode, last FROM merchant_sequences ORDER BY merchant, mode";
const TOLD: &str = "SELECT merchant, mode, CAST(COUNT(*) AS BIGINT), MIN(sequence), MAX(sequence) \
     FROM merchant_events GROUP BY merchant, mode ORDER BY merchant, mode";

/// Fees, differences and reversals with their transfers, and that no other transfers are of their kinds.
pub(in crate::verify) fn all(tx: &mut Tx<'_>, counts: &Counts) -> Step<u64> {
    let fees = each(tx, FEES, |row| {
        let due = fee(row).map_err(|error| damaged("report_lines", key(row), error))?;
        due.check(moved(row, 4)?.as_ref())
    })?;
    let differences = each(tx, DIFFERENCES, |row| {
        let due = named::<Difference, _>("differences", row, difference)?;
        due.check(moved(row, 5)?.as_ref())
    })?;
    let mut done = 0_u64;
    let _reversals = each(tx, REVERSALS, |row| {
        let due = reversal(row).map_err(|error| damaged("payment_reversals", key(row), error))?;
        if StepState::from_code(row.int(1)?) == Some(StepState::Done) {
            done = done.saturating_add(1);
            return due.check(moved(row, 6)?.as_ref());
        }
        due.check_step(row.int_opt(3)?)
    })?;
    counts.check(TransferKind::GatewayFee, fees)?;
    counts.check(TransferKind::ChargeReversed, done)?;
    if counts.of(TransferKind::Difference) > 0 {
        each(tx, NAMED, |row| {
            if row.blob_opt(1)?.is_some() {
                return Ok(());
            }
            let id = row.id::<Transfer>(0)?;
            Err(Finding::new("transfers", id, "the difference that it names", "no such row").into())
        })?;
    }
    Ok(differences)
}

/// Payouts; gives their number.
pub(in crate::verify) fn payouts(tx: &mut Tx<'_>, counts: &Counts) -> Step<u64> {
    if counts.of(TransferKind::Payout) == 0 {
        return Ok(0);
    }
    each(tx, PAYOUTS, |row| {
        let paid = named::<Transfer, _>("transfers", row, |row| {
            Ok(PaidOut {
                id: row.id(0)?,
                debit: row.id(1)?,
                owner: row.id_opt(2)?,
                merchants: row.id_opt(3)?,
            })
        })?;
        paid.check()
    })
}

/// Merchants' events: their numbers are without a gap up to the last one given; gives how many there are.
pub(in crate::verify) fn sequences(tx: &mut Tx<'_>) -> Step<u64> {
    let told = tx.query(TOLD, &[])?;
    let given = tx.query(SEQUENCES, &[])?;
    let mut count = 0_u64;
    for row in &told {
        let (merchant, of): (MerchantId, i64) = (row.id(0)?, row.int(1)?);
        let last = given
            .iter()
            .find(|given| given.blob(0).ok() == row.blob(0).ok() && given.int(1).ok() == Some(of));
        let sequence = Sequence {
            merchant,
            mode: mode(of)?,
            events: row.int(2)?,
            first: row.int(3)?,
            newest: row.int(4)?,
            last: last.map(|given| given.int(2)).transpose()?,
        };
        sequence.check()?;
        count = count.saturating_add(u64::try_from(sequence.events).unwrap_or(0));
    }
    Ok(count)
}

fn fee(row: &Row) -> Result<Due, DbError> {
    let fee = row.int(2)?;
    Ok(Due {
        table: "report_lines",
        id: row.text(1)?.to_owned(),
        kind: TransferKind::GatewayFee,
        amount: fee.saturating_abs(),
        currency: row.currency(3)?,
        modes: &Mode::ALL,
        is_reverse: fee < 0,
    })
}

fn difference(row: &Row) -> Result<Due, DbError> {
    let (ours, theirs) = (row.int(2)?, row.int(3)?);
    Ok(Due {
        table: "differences",
        id: row.id::<Difference>(0).map(|id: DifferenceId| id.to_string())?,
        kind: TransferKind::Difference,
        amount: theirs.saturating_sub(ours).saturating_abs(),
        currency: row.currency(4)?,
        modes: one(mode(row.int(1)?)?),
        is_reverse: false,
    })
}

fn reversal(row: &Row) -> Result<Due, DbError> {
    let step: [u8; 16] = row.bytes(0)?;
    let lost = || DbError::Corrupt(format!("{}: no payment", hexadecimal(&step)));
    let of = row.int_opt(4)?.ok_or_else(lost)?;
    let currency: Currency = row.currency(5)?;
    Ok(Due {
        table: "payment_reversals",
        id: name_of(&step),
        kind: TransferKind::ChargeReversed,
        amount: row.int(2)?,
        currency,
        modes: one(mode(of)?),
        is_reverse: false,
    })
}

const fn one(mode: Mode) -> &'static [Mode] {
    match mode {
        Mode::Test => &[Mode::Test],
        Mode::Live => &[Mode::Live],
    }
}

/// A transfer from this column on: kind, amount, currency and its two accounts.
fn moved(row: &Row, at: usize) -> Result<Option<Moved>, DbError> {
    let Some(kind) = row.int_opt(at)? else { return Ok(None) };
    Ok(Some(Moved {
        kind,
        amount: row.int(at + 1)?,
        currency: row.text(at + 2)?.to_owned(),
        debit: row.id(at + 3)?,
        credit: row.id(at + 4)?,
    }))
}
