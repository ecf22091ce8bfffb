//! SQL of accounts: found by their owner, opened, limited; and their entries.

use ledger::{Account, BalancePolicy, Limits};
use money::{AccountId, CustomerId, Timestamp, TransferId};
use store::rows::account_status;
use store::{DbError, Outflow, Row, Tx, params};

use super::model::AccountRow;
use super::number::AccountNumber;

/// An account that was found by its owner's name: only the queries of this file make one.
#[derive(Debug, Clone)]
pub struct Owned(AccountRow);

impl Owned {
    pub fn row(&self) -> &AccountRow {
        &self.0
    }
}

macro_rules! select {
    () => {
        "SELECT a.id, a.owner, a.number, a.name, a.currency, b.status, b.bounded, \
         b.overdraft_limit, b.limit_transfer, b.limit_day, b.debits_posted, b.credits_posted, \
         b.debits_held, b.credits_held, b.last_entry, b.entry_count, a.opened_at \
         FROM accounts AS a JOIN balances AS b ON b.place = a.place "
    };
}
macro_rules! insert {
    () => {
        "INSERT INTO accounts (id, owner, number, name, currency, bounded, opened_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) "
    };
}
const BALANCE: &str = "INSERT INTO balances (place, version, status, bounded, overdraft_limit, \
     debits_posted, credits_posted, debits_held, credits_held, entry_count, outgoing_stopped) \
     SELECT place, 0, 0, bounded, 0, 0, 0, 0, 0, 0, $2 FROM accounts WHERE id = $1";

/// The customer's own account, or nothing.
pub fn find(tx: &mut Tx<'_>, owner: &CustomerId, id: &AccountId) -> Result<Option<Owned>, DbError> {
    let sql = concat!(select!(), "WHERE a.id = $1 AND a.owner = $2");
    let row = tx.query_opt(sql, params![id, owner])?;
    row.map(|row| read(&row).map(Owned)).transpose()
}

/// Up to `most` of the customer's accounts, oldest first, after the one named.
pub fn list(
    tx: &mut Tx<'_>,
    owner: &CustomerId,
    after: Option<&AccountId>,
    most: i64,
) -> Result<Vec<Owned>, DbError> {
    let sql = concat!(select!(), "WHERE a.owner = $1 AND a.id > $2 ORDER BY a.id LIMIT $3");
    // No id is all zeros.
    let start = AccountId::from_bytes([0; 16]);
    let rows = tx.query(sql, params![owner, after.unwrap_or(&start), most])?;
    rows.iter().map(|row| read(row).map(Owned)).collect()
}

/// A customer's accounts with their names, up to `most`.
pub(super) fn names(
    tx: &mut Tx<'_>,
    owner: &CustomerId,
    most: i64,
) -> Result<Vec<(AccountId, String)>, DbError> {
    let sql = "SELECT id, name FROM accounts WHERE owner = $1 ORDER BY id LIMIT $2";
    let rows = tx.query(sql, params![owner, most])?;
    rows.iter().map(|row| Ok((row.id(0)?, row.text(1)?.to_owned()))).collect()
}

/// Anybody's account, the bank's own included: for operators.
pub fn get_any(tx: &mut Tx<'_>, id: &AccountId) -> Result<Option<AccountRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE a.id = $1"), params![id])?;
    row.as_ref().map(read).transpose()
}

/// A customer's account by its number: for operators. The bank's own have no such numbers.
pub fn find_numbered(
    tx: &mut Tx<'_>,
    number: &AccountNumber,
) -> Result<Option<AccountRow>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE a.number = $1"), params![number.as_str()])?;
    row.as_ref().map(read).transpose()
}

/// Locks the customer's row, so that two requests cannot both count 99 accounts.
pub(super) fn lock_owner(tx: &mut Tx<'_>, owner: &CustomerId) -> Result<(), DbError> {
    let rows = tx.query_locked("SELECT id FROM customers WHERE id = $1", params![owner])?;
    match rows.len() {
        1 => Ok(()),
        _ => Err(DbError::Corrupt(format!("{owner} opens an account and is not there"))),
    }
}

/// Accounts of a customer that are not closed.
pub(super) fn count_open(tx: &mut Tx<'_>, owner: &CustomerId) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM accounts AS a JOIN balances AS b \
         ON b.place = a.place WHERE a.owner = $1 AND b.status <> 2",
        params![owner],
    )?
    .int(0)
}

/// Inserts a new account of a customer; false when its number is taken.
pub(super) fn insert_numbered(
    tx: &mut Tx<'_>,
    row: &AccountRow,
    outgoing_stopped: bool,
) -> Result<bool, DbError> {
    let sql = concat!(insert!(), "ON CONFLICT (number) DO NOTHING");
    insert(tx, sql, row, outgoing_stopped)
}

/// Inserts an account of the bank's own; false when it is there.
pub(super) fn insert_absent(tx: &mut Tx<'_>, row: &AccountRow) -> Result<bool, DbError> {
    insert(tx, concat!(insert!(), "ON CONFLICT DO NOTHING"), row, false)
}

fn insert(
    tx: &mut Tx<'_>,
    sql: &'static str,
    row: &AccountRow,
    outgoing_stopped: bool,
) -> Result<bool, DbError> {
    let bounded = match row.account.policy {
        BalancePolicy::Unbounded => 0_i64,
        BalancePolicy::Bounded { .. } => 1,
    };
    let inserted = tx.execute(
        sql,
        params![
            &row.account.id,
            row.owner.as_ref(),
            &row.number,
            &row.name,
            row.account.currency,
            bounded,
            row.opened_at
        ],
    )?;
    if inserted == 1 {
        tx.execute(BALANCE, params![&row.account.id, i64::from(outgoing_stopped)])?;
    }
    Ok(inserted == 1)
}

pub(super) fn exists(tx: &mut Tx<'_>, id: &AccountId) -> Result<bool, DbError> {
    Ok(tx.query_opt("SELECT 1 FROM accounts WHERE id = $1", params![id])?.is_some())
}

pub(super) fn save_limits(tx: &mut Tx<'_>, id: &AccountId, limits: Limits) -> Result<(), DbError> {
    tx.execute(
        "UPDATE balances SET version = version + 1, limit_transfer = $2, limit_day = $3 \
         WHERE place = (SELECT place FROM accounts WHERE id = $1)",
        params![id, limits.per_transfer, limits.per_day],
    )?;
    Ok(())
}

pub(super) fn delete_outflows(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), DbError> {
    tx.execute("DELETE FROM outflows WHERE account = $1", params![account])?;
    Ok(())
}

/// Up to `most` holds that an account placed after `since`, by id and after the one named, as the
/// daily limit counts them: whole while active, else what was captured.
pub(super) fn holds_placed(
    tx: &mut Tx<'_>,
    account: &AccountId,
    since: Timestamp,
    after: &[u8; 16],
    most: i64,
) -> Result<Vec<Outflow>, DbError> {
    let rows = tx.query(
        "SELECT id, created_at, CASE WHEN status = 0 THEN amount ELSE captured END FROM holds \
         WHERE id > $2 AND debit_account = $1 AND created_at > $3 ORDER BY id LIMIT $4",
        params![account, after, since, most],
    )?;
    rows.iter()
        .map(|row| Ok(Outflow { posted_at: row.time(1)?, id: row.bytes(0)?, amount: row.int(2)? }))
        .collect()
}

/// Names that a customer gave their accounts give way to the accounts' numbers.
pub fn erase_names_in(tx: &mut Tx<'_>, owner: &CustomerId) -> Result<(), DbError> {
    tx.execute("UPDATE accounts SET name = number WHERE owner = $1", params![owner])?;
    Ok(())
}

/// Whether a transfer is an entry of this very account.
pub(super) fn is_entry(
    tx: &mut Tx<'_>,
    account: &AccountId,
    transfer: &TransferId,
) -> Result<bool, DbError> {
    let found = tx.query_opt(
        "SELECT 1 FROM transfers WHERE id = $1 AND (debit_account = $2 OR credit_account = $2)",
        params![transfer, account],
    )?;
    Ok(found.is_some())
}

fn read(row: &Row) -> Result<AccountRow, DbError> {
    let policy = match row.int(6)? {
        0 => BalancePolicy::Unbounded,
        _ => BalancePolicy::Bounded { overdraft_limit: row.int(7)? },
    };
    let mut account = Account::open(row.id(0)?, row.currency(4)?, policy);
    account.status = account_status(row.int(5)?)?;
    account.limits = Limits { per_transfer: row.int_opt(8)?, per_day: row.int_opt(9)? };
    account.debits_posted = row.int(10)?;
    account.credits_posted = row.int(11)?;
    account.debits_held = row.int(12)?;
    account.credits_held = row.int(13)?;
    account.last_entry = row.id_opt(14)?;
    account.entry_count = row.int(15)?;
    Ok(AccountRow {
        account,
        owner: row.id_opt(1)?,
        number: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        opened_at: row.time(16)?,
    })
}
