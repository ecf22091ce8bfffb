//! SQL of the closing balances that are kept of days, and of the entries that they are compared with.

use store::rows::{DayRow, Side};
use store::{DbError, Row, Tx, params};

use super::super::days::Days;
use super::super::model::Step;
use super::{PAGE, damaged, each, key, named};
use money::kind::Transfer;

const DAYS: &str = "SELECT account, day, posted, last_entry FROM account_days \
     WHERE (account, day) > ($1, $3) ORDER BY account, day LIMIT $2";
const ENTRIES: &str = "SELECT id, posted_at, debit_account, debit_number, debit_previous, \
     debit_balance, credit_account, credit_number, credit_previous, credit_balance \
     FROM transfers WHERE id > $1 ORDER BY id LIMIT $2";

/// All of them; gives their number.
pub(in crate::verify) fn all(tx: &mut Tx<'_>) -> Step<u64> {
    let mut count: u64 = 0;
    // No account is below the empty blob.
    let (mut account, mut day) = (Vec::new(), i64::MIN);
    loop {
        let mut window = Days::default();
        while !window.is_full() {
            let rows = tx.query(DAYS, params![&account, PAGE, day])?;
            let Some(last) = rows.last() else { break };
            for row in &rows {
                let read = kept(row).map_err(|error| damaged("account_days", key(row), error))?;
                window.add(read);
                count = count.saturating_add(1);
            }
            (account, day) = (last.blob(0)?.to_vec(), last.int(1)?);
        }
        if window.is_empty() {
            return Ok(count);
        }
        each(tx, ENTRIES, |row| {
            let posted_at = row.time(1)?;
            for at in [2, 6] {
                let side = named::<Transfer, _>("transfers", row, |row| side(row, at))?;
                window.follow(row.id(0)?, posted_at, &side);
            }
            Ok(())
        })?;
        window.finish()?;
    }
}

fn kept(row: &Row) -> Result<DayRow, DbError> {
    Ok(DayRow {
        account: row.id(0)?,
        day: row.int(1)?,
        posted: row.int(2)?,
        last_entry: row.id_opt(3)?,
    })
}

fn side(row: &Row, at: usize) -> Result<Side, DbError> {
    Ok(Side {
        account: row.id(at)?,
        number: row.int(at + 1)?,
        previous: row.id_opt(at + 2)?,
        balance: row.int(at + 3)?,
    })
}
