//! SQL of customers. Personal columns are sealed, bound to table, column and row, and found by their
//! blind index.

mod names;
mod reindex;

use money::{CustomerId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Indexes, Place};

use super::model::{Customer, Email, GovernmentId, Invalid, Phone};
use super::standing::Standing;
use super::{Addressee, Confirmed, Credentials, Erased, Known, Registration};
use crate::bank::{Act, Tools};

pub(super) use names::{erase_words, insert_words, names_after, with_word};
pub(super) use reindex::{indexes_of, move_indexes, remove_words, under_version};

macro_rules! select {
    () => {
        "SELECT id, status, email_sealed, full_name_sealed, phone_sealed, government_id_sealed, \
         created_at, locked_at, email_verified_at, erased_at FROM customers "
    };
}
const INSERT: &str = "INSERT INTO customers (id, status, email_sealed, email_index, \
     full_name_sealed, phone_sealed, phone_index, government_id_sealed, government_id_index, \
     password_hash, created_at, index_version) \
     VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (email_index) DO NOTHING";

const EMAIL: &str = "email_sealed";
const FULL_NAME: &str = "full_name_sealed";
const PHONE: &str = "phone_sealed";
const GOVERNMENT_ID: &str = "government_id_sealed";

/// Names that the keys of indexes are derived with.
const EMAIL_INDEX: &str = "customers.email";
const PHONE_INDEX: &str = "customers.phone";
const GOVERNMENT_ID_INDEX: &str = "customers.government_id";

/// False where the e-mail is known under any version of its index: nothing was inserted. Sealing costs the same in
/// both cases. The caller was admitted (`keys::admit_index_in`).
pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    wanted: &Registration,
    password_hash: &str,
) -> Result<bool, DbError> {
    let tools = &act.tools;
    // Read before the indexes are made: where the key changes between, the row is computed anew.
    let version = tools.keyring().index_version();
    let phone = wanted.phone.as_ref().map(Phone::as_str);
    let government_id = wanted.government_id.as_ref().map(GovernmentId::as_str);
    let phone_sealed = phone.map(|p| tools.seal(&place(PHONE, id), p)).transpose()?;
    let government_id_sealed =
        government_id.map(|g| tools.seal(&place(GOVERNMENT_ID, id), g)).transpose()?;
    let government_id_index = government_id.map(|g| index(tools, GOVERNMENT_ID_INDEX, g));
    let indexes = email_indexes(tools, &wanted.email);
    if !indexes.others().is_empty() && id_by_email(tx, tools, &wanted.email)?.is_some() {
        return Ok(false);
    }
    let inserted = tx.execute(
        INSERT,
        params![
            id,
            &tools.seal(&place(EMAIL, id), wanted.email.as_str())?,
            indexes.active(),
            &tools.seal(&place(FULL_NAME, id), &wanted.full_name)?,
            phone_sealed.as_ref(),
            phone.map(|p| index(tools, PHONE_INDEX, p)).as_ref(),
            government_id_sealed.as_ref(),
            government_id_index.as_ref(),
            password_hash,
            act.now,
            i64::from(version)
        ],
    )?;
    Ok(inserted == 1)
}

/// None for who is erased, too.
pub(super) fn get(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &CustomerId,
) -> Result<Option<Customer>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 AND erased_at IS NULL");
    tx.query_opt(sql, params![id])?.map(|row| read(tools, &row)).transpose()
}

/// A customer, or what is left of one.
pub(super) fn known(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &CustomerId,
) -> Result<Option<Known>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1");
    let known = |row: Row| match row.time_opt(9)? {
        None => Ok(Known::Here(read(tools, &row)?)),
        Some(erased_at) => {
            Ok(Known::Erased(Erased { id: *id, created_at: row.time(6)?, erased_at }))
        }
    };
    tx.query_opt(sql, params![id])?.map(known).transpose()
}

pub(super) fn by_email(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<Customer>, DbError> {
    let indexes = email_indexes(tools, email);
    let [a, b, c, d] = indexes.places();
    let sql = concat!(select!(), "WHERE email_index IN ($1, $2, $3, $4)");
    let row = tx.query_opt(sql, params![a, b, c, d])?;
    row.map(|row| read(tools, &row)).transpose()
}

/// Oldest first; a phone may be shared by a family.
pub(super) fn by_phone(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (phone, after): (&Phone, Option<&CustomerId>),
    most: i64,
) -> Result<Vec<Customer>, DbError> {
    let sql = concat!(select!(), "WHERE phone_index = $1 AND id > $2 ORDER BY id LIMIT $3");
    // No id is all zeros.
    let start = CustomerId::from_bytes([0; 16]);
    let mut found = Vec::new();
    for index in tools.keyring().blind_indexes(PHONE_INDEX, phone.as_str().as_bytes()).iter() {
        let rows = tx.query(sql, params![index, after.unwrap_or(&start), most])?;
        for row in &rows {
            found.push(read(tools, row)?);
        }
    }
    found.sort_by_key(|customer: &Customer| customer.id);
    found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(found)
}

pub(super) fn id_by_email(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<CustomerId>, DbError> {
    let indexes = email_indexes(tools, email);
    let [a, b, c, d] = indexes.places();
    let row = tx.query_opt(
        "SELECT id FROM customers WHERE email_index IN ($1, $2, $3, $4)",
        params![a, b, c, d],
    )?;
    row.map(|row| row.id(0)).transpose()
}

pub(super) fn credentials(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<Credentials>, DbError> {
    let indexes = email_indexes(tools, email);
    let [a, b, c, d] = indexes.places();
    let row = tx.query_opt(
        "SELECT id, status, password_hash FROM customers \
         WHERE email_index IN ($1, $2, $3, $4)",
        params![a, b, c, d],
    )?;
    row.map(|row| {
        Ok(Credentials {
            id: row.id(0)?,
            is_active: row.int(1)? == 0,
            password_hash: row.text(2)?.to_owned(),
        })
    })
    .transpose()
}

pub(super) fn credentials_of(
    tx: &mut Tx<'_>,
    id: &CustomerId,
) -> Result<Option<Credentials>, DbError> {
    let row =
        tx.query_opt("SELECT status, password_hash FROM customers WHERE id = $1", params![id])?;
    row.map(|row| {
        let (is_active, password_hash) = (row.int(0)? == 0, row.text(1)?.to_owned());
        Ok(Credentials { id: *id, is_active, password_hash })
    })
    .transpose()
}

pub(super) fn lock_by_email(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<Addressee>, DbError> {
    let indexes = email_indexes(tools, email);
    let [a, b, c, d] = indexes.places();
    let rows = tx.query_locked(
        "SELECT id, status, email_verified_at FROM customers \
         WHERE email_index IN ($1, $2, $3, $4) ORDER BY id",
        params![a, b, c, d],
    )?;
    rows.first()
        .map(|row| {
            let (is_active, is_proven) = (row.int(1)? == 0, row.time_opt(2)?.is_some());
            Ok(Addressee { id: row.id(0)?, is_active, is_proven })
        })
        .transpose()
}

/// Where a customer stands, none where there is nobody; their row is locked.
pub(super) fn lock_standing(tx: &mut Tx<'_>, id: &CustomerId) -> Result<Option<Standing>, DbError> {
    let rows = tx.query_locked(
        "SELECT status, locked_at, erased_at FROM customers WHERE id = $1 ORDER BY id",
        params![id],
    )?;
    let read = |row: &Row| match row.time_opt(2)? {
        Some(_) => Ok(Standing::Erased),
        None => Ok(standing(row.int(0)?, row.time_opt(1)?)),
    };
    rows.first().map(read).transpose()
}

/// The row is locked by the caller.
pub(super) fn set_standing(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    standing: Standing,
    now: Timestamp,
) -> Result<(), DbError> {
    let status = i64::from(standing != Standing::Active);
    let locked_at = (standing == Standing::Locked).then_some(now);
    tx.execute(
        "UPDATE customers SET status = $2, locked_at = $3 WHERE id = $1",
        params![id, status, locked_at],
    )?;
    Ok(())
}

/// Notes that the customer reads their address; false where that was known.
pub(super) fn prove_email(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE customers SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL",
        params![id, now],
    )?;
    Ok(changed == 1)
}

pub(super) fn set_password(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    (old, new): (&str, &str),
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE customers SET password_hash = $3, password_changed_at = $4 \
         WHERE id = $1 AND password_hash = $2 AND status = 0",
        params![id, old, new, now],
    )?;
    Ok(changed == 1)
}

/// Whether this customer still has this hash, and may come in with it; locks the row.
pub(super) fn confirm_hash(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    password_hash: &str,
) -> Result<Confirmed, DbError> {
    let rows = tx.query_locked(
        "SELECT status, password_hash FROM customers WHERE id = $1 ORDER BY id",
        params![id],
    )?;
    rows.first().map_or(Ok(Confirmed::Changed), |row| {
        Ok(Confirmed::of(row.int(0)? == 0, row.text(1)? == password_hash))
    })
}

pub(super) fn replace_hash(
    tx: &mut Tx<'_>,
    id: &CustomerId,
    old: &str,
    new: &str,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE customers SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        params![id, old, new],
    )?;
    Ok(changed == 1)
}

/// Takes everything personal out of the row of a disabled customer, which the caller has locked; false where it is not
/// so. (`substr` is the empty blob in the words of both databases.)
pub(super) fn erase(tx: &mut Tx<'_>, id: &CustomerId, now: Timestamp) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE customers SET email_sealed = substr(email_sealed, 1, 0), email_index = id, \
         full_name_sealed = substr(full_name_sealed, 1, 0), phone_sealed = NULL, phone_index = NULL, \
         government_id_sealed = NULL, government_id_index = NULL, password_hash = '', \
         password_changed_at = NULL, outgoing_stopped_at = NULL, email_verified_at = NULL, \
         erased_at = $2 \
         WHERE id = $1 AND status = 1 AND locked_at IS NULL AND erased_at IS NULL",
        params![id, now],
    )?;
    Ok(changed == 1)
}

fn read(tools: &Tools, row: &Row) -> Result<Customer, DbError> {
    let id: CustomerId = row.id(0)?;
    let created_at: Timestamp = row.time(6)?;
    let unseal = |column, sealed: &[u8]| {
        tools.unseal(&place(column, &id), sealed).map(|text| text.expose().to_owned())
    };
    Ok(Customer {
        id,
        standing: standing(row.int(1)?, row.time_opt(7)?),
        email_verified: row.time_opt(8)?.is_some(),
        email: parsed(&unseal(EMAIL, row.blob(2)?)?)?,
        full_name: unseal(FULL_NAME, row.blob(3)?)?,
        phone: row
            .blob_opt(4)?
            .map(|sealed| unseal(PHONE, sealed).and_then(|text| parsed(&text)))
            .transpose()?,
        government_id: row
            .blob_opt(5)?
            .map(|sealed| unseal(GOVERNMENT_ID, sealed).and_then(|text| parsed(&text)))
            .transpose()?,
        created_at,
    })
}

fn standing(status: i64, locked_at: Option<Timestamp>) -> Standing {
    match (status, locked_at) {
        (0, _) => Standing::Active,
        (_, Some(_)) => Standing::Locked,
        (_, None) => Standing::Disabled,
    }
}

fn parsed<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<T, DbError> {
    text.parse()
        .map_err(|Invalid| DbError::Corrupt("a customer's field has lost its form".to_owned()))
}

fn place<'a>(column: &'static str, id: &'a CustomerId) -> Place<'a> {
    Place { table: "customers", column, row: id.bytes() }
}

fn email_indexes(tools: &Tools, email: &Email) -> Indexes {
    tools.keyring().blind_indexes(EMAIL_INDEX, email.as_str().as_bytes())
}

fn index(tools: &Tools, column: &'static str, normalised: &str) -> [u8; 32] {
    tools.keyring().blind_index(column, normalised.as_bytes())
}
