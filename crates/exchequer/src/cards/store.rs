//! SQL of the card vault. Every query of a caller names the merchant and the mode.

use money::{CardId, MerchantId, Timestamp};
use store::{DbError, ReplaceSql, Replacement, Row, Tx, params};
use vault::card::{Brand, Number};
use vault::{Place, Sealing};

use super::model::CardRow;
use crate::bank::Tools;
use crate::merchants::keys::Mode;
use crate::merchants::mode;

macro_rules! select {
    () => {
        "SELECT id, merchant, mode, customer, brand, last4, exp_month, exp_year, fingerprint, token, \
         key_version, created_at, deleted_at FROM cards "
    };
}

/// With its number, sealed for this card.
pub(super) fn insert(tx: &mut Tx<'_>, row: &CardRow, sealed: &[u8]) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO cards (id, merchant, mode, customer, brand, last4, exp_month, exp_year, \
         fingerprint, token, key_version, number, created_at, deleted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL)",
        params![
            &row.id,
            &row.merchant,
            row.mode.code(),
            row.customer.as_deref(),
            row.brand.as_str(),
            &row.last4,
            i64::from(row.exp_month),
            i64::from(row.exp_year),
            &row.fingerprint,
            row.token.as_deref(),
            i64::from(row.key_version),
            sealed,
            row.created_at
        ],
    )?;
    Ok(())
}

/// A merchant's card that is not deleted.
pub(super) fn find(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &CardId,
) -> Result<Option<CardRow>, DbError> {
    let sql =
        concat!(select!(), "WHERE id = $1 AND merchant = $2 AND mode = $3 AND deleted_at IS NULL");
    tx.query_opt(sql, params![id, merchant, of.code()])?.map(|row| read(&row)).transpose()
}

/// Also one that is deleted: payments go on naming it.
pub fn find_any(tx: &mut Tx<'_>, id: &CardId) -> Result<Option<CardRow>, DbError> {
    tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?
        .map(|row| read(&row))
        .transpose()
}

/// The oldest card of a merchant with this fingerprint, deleted ones aside.
pub(super) fn with_fingerprint(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    fingerprint: &[u8; 32],
) -> Result<Option<CardRow>, DbError> {
    let sql = concat!(
        select!(),
        "WHERE fingerprint = $1 AND merchant = $2 AND mode = $3 AND deleted_at IS NULL \
         ORDER BY id LIMIT 1"
    );
    tx.query_opt(sql, params![fingerprint, merchant, of.code()])?.map(|row| read(&row)).transpose()
}

/// Takes the number away; the row stays, for payments name it. False where it was gone.
pub(super) fn delete(
    tx: &mut Tx<'_>,
    (merchant, of): (&MerchantId, Mode),
    id: &CardId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE cards SET number = NULL, customer = NULL, deleted_at = $4 \
         WHERE id = $1 AND merchant = $2 AND mode = $3 AND deleted_at IS NULL",
        params![id, merchant, of.code(), now],
    )?;
    Ok(rows == 1)
}

/// Opens a number. An error where it was changed, moved, cut, or sealed under a key that is gone.
pub(super) fn number(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &CardId,
) -> Result<Option<Number>, DbError> {
    let Some(sealed) = sealed_number(tx, id)? else { return Ok(None) };
    let damaged = |what: &str| DbError::Corrupt(format!("{id}: {what}"));
    let opened = tools
        .keyring()
        .open_for(Sealing::CardData, &place(id), &sealed)
        .map_err(|error| damaged(&error.to_string()))?;
    let text = std::str::from_utf8(opened.expose()).map_err(|_| damaged("not a number"))?;
    Number::parse(text).map(Some).map_err(|_| damaged("not a number"))
}

pub(super) fn sealed_number(tx: &mut Tx<'_>, id: &CardId) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.query_opt("SELECT number FROM cards WHERE id = $1", params![id])?;
    let Some(row) = row else { return Ok(None) };
    Ok(row.blob_opt(0)?.map(<[u8]>::to_vec))
}

/// The newest card that has a number, with it, among the newest hundred: of these few are deleted.
pub(super) fn newest_number(tx: &mut Tx<'_>) -> Result<Option<(CardId, Vec<u8>)>, DbError> {
    let sql = "SELECT id, number FROM cards WHERE id < $1 ORDER BY id DESC LIMIT 100";
    for row in tx.query(sql, params![&[0xff_u8; 16]])? {
        if let Some(sealed) = row.blob_opt(1)? {
            return Ok(Some((row.id(0)?, sealed.to_vec())));
        }
    }
    Ok(None)
}

/// Sealed numbers behind a card, in its order.
pub(super) fn numbers_behind(
    tx: &mut Tx<'_>,
    after: &[u8; 16],
    most: i64,
) -> Result<Vec<(CardId, Vec<u8>)>, DbError> {
    let sql = "SELECT id, number FROM cards WHERE id > $1 AND number IS NOT NULL \
               ORDER BY id LIMIT $2";
    let rows = tx.query(sql, params![after, most])?;
    rows.iter().map(|row| Ok((row.id(0)?, row.blob(1)?.to_vec()))).collect()
}

/// A card with a number: its merchant, and its last month as `202611`.
pub(super) struct Kept {
    pub id: CardId,
    pub of: (MerchantId, Mode),
    pub month: i64,
}

/// The cards with a number behind one, in their order.
pub(super) fn kept_behind(
    tx: &mut Tx<'_>,
    after: &[u8; 16],
    most: i64,
) -> Result<Vec<Kept>, DbError> {
    let sql = "SELECT id, merchant, mode, exp_year * 100 + exp_month FROM cards \
               WHERE id > $1 AND number IS NOT NULL ORDER BY id LIMIT $2";
    let rows = tx.query(sql, params![after, most])?;
    let read = |row: &Row| {
        let of = (row.id(1)?, mode(row.int(2)?)?);
        Ok(Kept { id: row.id(0)?, of, month: row.int(3)? })
    };
    rows.iter().map(read).collect()
}

/// Replaces what has not changed since it was read.
pub(super) fn replace_numbers(tx: &mut Tx<'_>, rows: &[Replacement]) -> Result<u64, DbError> {
    let sql = ReplaceSql {
        one: "UPDATE cards SET number = $3 WHERE id = $1 AND number = $2",
        set: "UPDATE cards AS t SET number = n.new FROM \
              unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
              WHERE t.id = n.id AND t.number = n.old",
    };
    tx.replace_unchanged(sql, rows)
}

/// What the event log has, and how it went, oldest first.
#[cfg(test)]
pub(super) fn acts(tx: &mut Tx<'_>) -> Result<Vec<(String, String)>, DbError> {
    let sql = "SELECT action, outcome FROM events WHERE id > $1 ORDER BY id LIMIT 100";
    let rows = tx.query(sql, params![&[0_u8; 16]])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// Counts one more opening by an actor; gives how many this hour has now.
pub(super) fn count_reveal(tx: &mut Tx<'_>, actor: &str, now: Timestamp) -> Result<i64, DbError> {
    tx.query_one(
        "INSERT INTO card_reveals (actor, hour, reveals) VALUES ($1, $2, 1) \
         ON CONFLICT (actor, hour) DO UPDATE SET reveals = card_reveals.reveals + 1 \
         RETURNING reveals",
        params![actor, now.seconds().div_euclid(3_600)],
    )?
    .int(0)
}

/// Counts of hours that are over for long.
pub(crate) fn forget_reveals(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, DbError> {
    let hour = before.seconds().div_euclid(3_600);
    tx.execute("DELETE FROM card_reveals WHERE hour < $1", params![hour])
}

fn place(id: &CardId) -> Place<'_> {
    Place { table: "cards", column: "number", row: id.bytes() }
}

fn read(row: &Row) -> Result<CardRow, DbError> {
    let damaged = |what: &str| DbError::Corrupt(format!("a card's {what}"));
    Ok(CardRow {
        id: row.id(0)?,
        merchant: row.id(1)?,
        mode: mode(row.int(2)?)?,
        customer: row.text_opt(3)?.map(str::to_owned),
        brand: Brand::parse(row.text(4)?).ok_or_else(|| damaged("brand"))?,
        last4: row.text(5)?.to_owned(),
        exp_month: u8::try_from(row.int(6)?).map_err(|_| damaged("month"))?,
        exp_year: u16::try_from(row.int(7)?).map_err(|_| damaged("year"))?,
        fingerprint: row.bytes(8)?,
        token: row.text_opt(9)?.map(str::to_owned),
        key_version: u32::try_from(row.int(10)?).map_err(|_| damaged("key version"))?,
        created_at: row.time(11)?,
        deleted_at: row.time_opt(12)?,
    })
}
