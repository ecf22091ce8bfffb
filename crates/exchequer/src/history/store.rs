//! SQL of the days that are kept.

use std::collections::BTreeMap;

use money::AccountId;
use store::{DbError, Tx, params};

use super::Closing;
use crate::statements::period::Day;

/// What is kept of an account's days, from one to the day before another.
pub(super) fn known(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (first, end): (Day, Day),
) -> Result<BTreeMap<Day, Closing>, DbError> {
    let rows = tx.query(
        "SELECT day, posted, last_entry FROM account_days \
         WHERE account = $1 AND day >= $2 AND day < $3 ORDER BY day",
        params![account, first.number(), end.number()],
    )?;
    rows.iter()
        .map(|row| {
            let closing = Closing { posted: row.int(1)?, last_entry: row.id_opt(2)? };
            Ok((Day::from_number(row.int(0)?), closing))
        })
        .collect()
}

/// Days that no answer tells of any more.
pub(super) fn forget(tx: &mut Tx<'_>, account: &AccountId, before: Day) -> Result<(), DbError> {
    tx.execute(
        "DELETE FROM account_days WHERE account = $1 AND day < $2",
        params![account, before.number()],
    )?;
    Ok(())
}
