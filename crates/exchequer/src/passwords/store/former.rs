//! SQL of the passwords that somebody had before.

use money::{CustomerId, Timestamp};
use store::{DbError, Tx, params};

use crate::sessions::model::PrincipalRef;

pub(in crate::passwords) fn former(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    most: i64,
) -> Result<Vec<String>, DbError> {
    let rows = tx.query(
        "SELECT password_hash FROM former_passwords WHERE principal = $1 ORDER BY place DESC LIMIT $2",
        params![who.bytes(), most],
    )?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(in crate::passwords) fn erase_former(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
) -> Result<(), DbError> {
    tx.execute("DELETE FROM former_passwords WHERE principal = $1", params![customer])?;
    Ok(())
}

/// One more, of which so many stay.
pub(in crate::passwords) fn keep_former(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    (password_hash, most): (&str, i64),
    now: Timestamp,
) -> Result<(), DbError> {
    let newest = tx.query_opt(
        "SELECT place FROM former_passwords WHERE principal = $1 ORDER BY place DESC LIMIT 1",
        params![who.bytes()],
    )?;
    let place = newest.map_or(Ok(0), |row| row.int(0))?.saturating_add(1);
    tx.execute(
        "INSERT INTO former_passwords (principal, place, password_hash, replaced_at) \
         VALUES ($1, $2, $3, $4)",
        params![who.bytes(), place, password_hash, now],
    )?;
    tx.execute(
        "DELETE FROM former_passwords WHERE principal = $1 AND place <= $2",
        params![who.bytes(), place.saturating_sub(most)],
    )?;
    Ok(())
}
