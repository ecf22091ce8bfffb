//! SQL of beneficiaries. Names are sealed at their row; every query names the customer.

use money::{AccountId, BeneficiaryId, CustomerId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::Place;

use super::Found;
use super::model::{Beneficiary, MAX_BENEFICIARIES, Named};
use crate::bank::{Act, Tools};

macro_rules! select {
    () => {
        "SELECT b.id, b.account, a.number, b.name_sealed, b.created_at, b.trusted_at \
         FROM beneficiaries AS b JOIN accounts AS a ON a.id = b.account "
    };
}

/// How a payee stands with a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// From when large sums may go there.
    pub trusted_at: Timestamp,
}

/// Up to `most` entries, oldest first, after the one named.
pub fn list(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    after: Option<&BeneficiaryId>,
    most: i64,
) -> Result<Vec<Beneficiary>, DbError> {
    let sql = concat!(select!(), "WHERE b.customer = $1 AND b.id > $2 ORDER BY b.id LIMIT $3");
    // No id is all zeros.
    let start = BeneficiaryId::from_bytes([0; 16]);
    let rows = tx.query(sql, params![customer, after.unwrap_or(&start), most])?;
    rows.iter().map(|row| read(tools, row)).collect()
}

/// How an account stands with a customer; `None` where it is not on the list.
pub fn standing(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    account: &AccountId,
) -> Result<Option<Standing>, DbError> {
    let row = tx.query_opt(
        "SELECT trusted_at FROM beneficiaries WHERE customer = $1 AND account = $2",
        params![customer, account],
    )?;
    row.map(|row| Ok(Standing { trusted_at: row.time(0)? })).transpose()
}

/// Accounts on a customer's list with the customer's names for them; only `wanted` names are opened.
pub fn names(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    wanted: impl Fn(&AccountId) -> bool,
) -> Result<Vec<(AccountId, String)>, DbError> {
    let sql = "SELECT id, account, name_sealed FROM beneficiaries WHERE customer = $1 LIMIT $2";
    let mut names = Vec::new();
    for row in tx.query(sql, params![customer, MAX_BENEFICIARIES])? {
        let (id, account) = (row.id(0)?, row.id(1)?);
        if wanted(&account) {
            let name = tools.unseal(&place(&id), row.blob(2)?)?.expose().to_owned();
            names.push((account, name));
        }
    }
    Ok(names)
}

/// The entry of an account.
pub(super) fn find(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    account: &AccountId,
) -> Result<Option<Beneficiary>, DbError> {
    let sql = concat!(select!(), "WHERE b.customer = $1 AND b.account = $2");
    tx.query_opt(sql, params![customer, account])?.map(|row| read(tools, &row)).transpose()
}

/// A customer's account by id or number, and its owner; never one of the bank's own.
pub(super) fn find_account(
    tx: &mut Tx<'_>,
    named: &Named,
) -> Result<Option<(Found, CustomerId)>, DbError> {
    let row = match named {
        Named::Id(id) => tx.query_opt(
            "SELECT id, number, owner FROM accounts WHERE id = $1 AND owner IS NOT NULL",
            params![id],
        )?,
        Named::Number(number) => tx.query_opt(
            "SELECT id, number, owner FROM accounts WHERE number = $1 AND owner IS NOT NULL",
            params![number],
        )?,
    };
    let read = |row: Row| {
        let found = Found { account: row.id(0)?, number: row.text(1)?.to_owned() };
        Ok((found, row.id(2)?))
    };
    row.map(read).transpose()
}

/// So that two requests cannot both count one entry less than there may be.
pub(super) fn lock_customer(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    let sql = "SELECT id FROM customers WHERE id = $1 ORDER BY id";
    match tx.query_locked(sql, params![customer])?.len() {
        1 => Ok(()),
        _ => Err(DbError::Corrupt(format!("{customer} has a list of payees and is not there"))),
    }
}

pub(super) fn count(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM beneficiaries WHERE customer = $1",
        params![customer],
    )?
    .int(0)
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    row: &Beneficiary,
) -> Result<(), DbError> {
    let sealed = act.tools.seal(&place(&row.id), &row.name)?;
    tx.execute(
        "INSERT INTO beneficiaries (id, customer, account, name_sealed, created_at, trusted_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (customer, account) DO NOTHING",
        params![&row.id, customer, &row.account, &sealed, row.created_at, row.trusted_at],
    )?;
    Ok(())
}

pub(super) fn rename(tx: &mut Tx<'_>, act: &Act, row: &Beneficiary) -> Result<(), DbError> {
    let sealed = act.tools.seal(&place(&row.id), &row.name)?;
    tx.execute(
        "UPDATE beneficiaries SET name_sealed = $2 WHERE id = $1",
        params![&row.id, &sealed],
    )?;
    Ok(())
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    id: &BeneficiaryId,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM beneficiaries WHERE id = $1 AND customer = $2";
    Ok(tx.execute(sql, params![id, customer])? == 1)
}

/// Removes the whole list of a customer. Where they stand on lists of others they stay: those are others' own notes.
pub fn erase_in(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM beneficiaries WHERE customer = $1", params![customer])?;
    Ok(())
}

fn read(tools: &Tools, row: &Row) -> Result<Beneficiary, DbError> {
    let id = row.id(0)?;
    Ok(Beneficiary {
        id,
        account: row.id(1)?,
        number: row.text(2)?.to_owned(),
        name: tools.unseal(&place(&id), row.blob(3)?)?.expose().to_owned(),
        created_at: row.time(4)?,
        trusted_at: row.time(5)?,
    })
}

fn place(id: &BeneficiaryId) -> Place<'_> {
    Place { table: "beneficiaries", column: "name_sealed", row: id.bytes() }
}
