//! Accounts of a batch: loaded and locked in id order, and their changed totals saved.
//!
//! A large batch on PostgreSQL locks nothing when it loads: to lock 2,000 rows writes each of them, and
//! saving writes them again. Instead every change of a row moves its `version`, and the save changes
//! only rows whose version is the one that was loaded. Where another transaction was faster, the whole
//! transaction rolls back and runs again, with locks. So what is saved was decided on rows that nobody
//! else changed, as with locks; what is refused was refused on one snapshot of committed rows. What this node
//! saved last need not even be read ([`super::remembered`]).

use std::collections::HashMap;

use ledger::{Account, BalancePolicy, Limits, WINDOW_MICROS};
use money::{AccountId, Currency, CustomerId, Id, IdKind, Timestamp};

use super::{Fixed, MANY, Places, column};
use crate::postgres::PgSession;
use crate::rows::{account_status, status_code};
use crate::sqlite::from_sqlite;
use crate::tx::Backend;
use crate::{DbError, Tx, params};

/// An account as the planner wants it, and who owns it (`None`: the bank).
#[derive(Debug, Clone, Copy)]
pub struct LoadedAccount {
    pub account: Account,
    pub owner: Option<CustomerId>,
    /// Where its balance stands.
    pub(crate) place: i64,
    /// Of its balance, when it was loaded.
    pub(crate) version: i64,
    /// Not read in this transaction, but by an earlier one's leave.
    pub(crate) remembered: bool,
}

/// An owner who has stopped outgoing money has set a limit of nothing: the planner needs no other rule,
/// and every node and every door sees it with the balance.
macro_rules! select_loaded {
    ($which:literal) => {
        concat!(
            "SELECT a.id, a.owner, a.currency, b.status, b.bounded, b.overdraft_limit, \
             CASE WHEN b.outgoing_stopped = 1 THEN 0 ELSE b.limit_transfer END, b.limit_day, \
             b.debits_posted, b.credits_posted, b.debits_held, \
             b.credits_held, b.last_entry, b.entry_count, b.place, b.version \
             FROM accounts AS a JOIN balances AS b ON b.place = a.place ",
            $which
        )
    };
}
pub(super) use select_loaded;

const FIXED_SET: &str =
    "SELECT id, place, owner, currency FROM accounts WHERE id = ANY($1::bytea[])";
const READ_SET: &str = "SELECT place, version, status, bounded, overdraft_limit, \
     CASE WHEN outgoing_stopped = 1 THEN 0 ELSE limit_transfer END, limit_day, debits_posted, \
     credits_posted, debits_held, credits_held, entry_count, last_entry FROM balances \
     WHERE place = ANY($1::bigint[])";
const LOCK_SET: &str =
    select_loaded!("WHERE a.id = ANY($1::bytea[]) ORDER BY a.id FOR NO KEY UPDATE OF b");
const SPENT_ONE: &str = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM outflows \
                         WHERE account = $1 AND posted_at > $2";
const SAVE_SET: &str = "UPDATE balances AS b SET version = n.version + 1, status = n.status, \
     debits_posted = n.dp, credits_posted = n.cp, debits_held = n.dh, credits_held = n.ch, \
     last_entry = n.entry, entry_count = n.count FROM unnest($1::bigint[], $2::bigint[], \
     $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], \
     $9::bigint[]) AS n(place, version, status, dp, cp, dh, ch, entry, count) \
     WHERE b.place = n.place AND b.version = n.version";

impl Tx<'_> {
    /// The accounts that exist among `ids`, each once and in id order, locked until the end.
    pub fn load_accounts(
        &mut self,
        ids: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<LoadedAccount>, DbError> {
        self.load(&sorted(ids), now)
    }

    /// The same for somebody who saves whatever changes, and decides nothing else by it: a large set
    /// is then not locked. [`Tx::save_accounts`] finds out whether it should have been. `by_memory`: nor
    /// is it read where this node remembers it, which is for who looks at what did not change again.
    pub(crate) fn load_accounts_of_batch(
        &mut self,
        ids: &[AccountId],
        now: Timestamp,
        by_memory: bool,
    ) -> Result<Vec<LoadedAccount>, DbError> {
        let ids = sorted(ids);
        let unlocked = match &mut self.backend {
            Backend::Postgres(session) => ids.len() >= MANY && session.may_trust_versions(),
            Backend::Sqlite(_) => false,
        };
        if unlocked {
            self.count()?;
        }
        if let Backend::Postgres(session) = &mut self.backend
            && unlocked
        {
            let recalled = if by_memory { session.recall(&ids) } else { HashMap::new() };
            let loaded = read_unlocked(session, &ids, &recalled)?;
            // A daily limit is decided by other rows, too, which have no version.
            if loaded.iter().all(|a| a.account.limits.per_day.is_none()) {
                return Ok(loaded);
            }
        }
        self.load(&ids, now)
    }

    fn load(&mut self, ids: &[AccountId], now: Timestamp) -> Result<Vec<LoadedAccount>, DbError> {
        self.count()?;
        let mut loaded = match &mut self.backend {
            Backend::Sqlite(session) => session.places.borrow_mut().load(session, ids)?,
            Backend::Postgres(session) => {
                let ids = column(ids, |id| &id.bytes()[..]);
                let rows = session.query_raw(LOCK_SET, &[&ids])?;
                rows.iter().map(read).collect::<Result<_, _>>()?
            }
        };
        for entry in loaded.iter_mut().filter(|a| a.account.limits.per_day.is_some()) {
            let since = now.micros().saturating_sub(WINDOW_MICROS);
            let row = self.query_one(SPENT_ONE, params![&entry.account.id, since])?;
            entry.account.spent_in_window = row.int(0)?;
        }
        Ok(loaded)
    }

    /// Saves totals, status and newest entry of accounts that were loaded in this transaction.
    ///
    /// `Busy`: another transaction changed one that was loaded without a lock; the closure runs again.
    pub fn save_accounts(&mut self, accounts: &[LoadedAccount]) -> Result<(), DbError> {
        self.count()?;
        let changed = match &mut self.backend {
            Backend::Sqlite(session) => Places::save(session, accounts)?,
            Backend::Postgres(session) => {
                let changed = session.execute_typed(
                    SAVE_SET,
                    &[
                        &column(accounts, |a| a.place),
                        &column(accounts, |a| a.version),
                        &column(accounts, |a| status_code(a.account.status)),
                        &column(accounts, |a| a.account.debits_posted),
                        &column(accounts, |a| a.account.credits_posted),
                        &column(accounts, |a| a.account.debits_held),
                        &column(accounts, |a| a.account.credits_held),
                        &column(accounts, |a| {
                            a.account.last_entry.as_ref().map(|e| &e.bytes()[..])
                        }),
                        &column(accounts, |a| a.account.entry_count),
                    ],
                )?;
                if changed < accounts.len() as u64 {
                    session.refuse_versions()?;
                } else {
                    session.saved(accounts);
                }
                changed
            }
        };
        if changed == accounts.len() as u64 {
            Ok(())
        } else {
            Err(DbError::Corrupt(format!("{changed} of {} accounts saved", accounts.len())))
        }
    }
}

/// Accounts with their balances as they are committed, or as they are remembered, in the order of `ids`;
/// nothing is locked.
fn read_unlocked(
    session: &mut PgSession,
    ids: &[AccountId],
    recalled: &HashMap<AccountId, LoadedAccount>,
) -> Result<Vec<LoadedAccount>, DbError> {
    let asked: Vec<AccountId> =
        ids.iter().filter(|id| !recalled.contains_key(id)).copied().collect();
    if asked.is_empty() {
        return Ok(ids.iter().filter_map(|id| recalled.get(id)).copied().collect());
    }
    learn(session, &asked)?;
    let known = asked.iter().filter_map(|id| session.known.get(id));
    let places: Vec<i64> = known.map(|fixed| fixed.place).collect();
    let rows = session.query_raw(READ_SET, &[&places])?;
    let mut balances = HashMap::with_capacity(rows.len());
    for row in &rows {
        balances.insert(row.int(0)?, row);
    }
    let loaded = ids.iter().filter_map(|id| {
        if let Some(known) = recalled.get(id) {
            return Some(Ok(*known));
        }
        let fixed = session.known.get(id)?;
        balances.get(&fixed.place).map(|row| read_balance(*id, fixed, *row))
    });
    loaded.collect()
}

/// Looks up what is not known yet of these accounts.
fn learn(session: &mut PgSession, ids: &[AccountId]) -> Result<(), DbError> {
    session.known.make_room(ids.len());
    let missing = session.known.missing(ids);
    if missing.is_empty() {
        return Ok(());
    }
    for row in &session.query_raw(FIXED_SET, &[&column(&missing, |id| &id.bytes()[..])])? {
        let owner = row.bytes(2)?.map(Id::from_bytes);
        let fixed = Fixed { place: row.int(1)?, owner, currency: row.currency(3)? };
        session.known.insert(id(row.bytes(0)?)?, fixed);
    }
    Ok(())
}

/// In the order of locks, each once.
fn sorted(ids: &[AccountId]) -> Vec<AccountId> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable_by_key(|id| u128::from_be_bytes(*id.bytes()));
    sorted.dedup();
    sorted
}

/// The columns of both drivers, read without a `Value` for each: the hot path.
pub(super) trait Columns {
    fn int(&self, index: usize) -> Result<i64, DbError>;
    fn int_opt(&self, index: usize) -> Result<Option<i64>, DbError>;
    fn bytes(&self, index: usize) -> Result<Option<[u8; 16]>, DbError>;
    fn currency(&self, index: usize) -> Result<Currency, DbError>;
}

impl Columns for rusqlite::Row<'_> {
    fn int(&self, index: usize) -> Result<i64, DbError> {
        self.get(index).map_err(from_sqlite)
    }

    fn int_opt(&self, index: usize) -> Result<Option<i64>, DbError> {
        self.get(index).map_err(from_sqlite)
    }

    fn bytes(&self, index: usize) -> Result<Option<[u8; 16]>, DbError> {
        self.get(index).map_err(from_sqlite)
    }

    fn currency(&self, index: usize) -> Result<Currency, DbError> {
        let text = self.get_ref(index).map_err(from_sqlite)?;
        text.as_str().ok().and_then(|code| Currency::from_code(code).ok()).ok_or_else(no_currency)
    }
}

impl Columns for tokio_postgres::Row {
    fn int(&self, index: usize) -> Result<i64, DbError> {
        self.try_get(index).map_err(crate::postgres::from_postgres)
    }

    fn int_opt(&self, index: usize) -> Result<Option<i64>, DbError> {
        self.try_get(index).map_err(crate::postgres::from_postgres)
    }

    fn bytes(&self, index: usize) -> Result<Option<[u8; 16]>, DbError> {
        let bytes: Option<&[u8]> = self.try_get(index).map_err(crate::postgres::from_postgres)?;
        bytes
            .map(|b| b.try_into().map_err(|_| DbError::Corrupt("an id of another length".into())))
            .transpose()
    }

    fn currency(&self, index: usize) -> Result<Currency, DbError> {
        let code: &str = self.try_get(index).map_err(crate::postgres::from_postgres)?;
        Currency::from_code(code).map_err(|_| no_currency())
    }
}

pub(super) fn read(row: &impl Columns) -> Result<LoadedAccount, DbError> {
    let policy = match row.int(4)? {
        0 => BalancePolicy::Unbounded,
        _ => BalancePolicy::Bounded { overdraft_limit: row.int(5)? },
    };
    let mut account = Account::open(id(row.bytes(0)?)?, row.currency(2)?, policy);
    account.status = account_status(row.int(3)?)?;
    account.limits = Limits { per_transfer: row.int_opt(6)?, per_day: row.int_opt(7)? };
    account.debits_posted = row.int(8)?;
    account.credits_posted = row.int(9)?;
    account.debits_held = row.int(10)?;
    account.credits_held = row.int(11)?;
    account.last_entry = row.bytes(12)?.map(Id::from_bytes);
    account.entry_count = row.int(13)?;
    let (place, version) = (row.int(14)?, row.int(15)?);
    let owner = row.bytes(1)?.map(Id::from_bytes);
    Ok(LoadedAccount { account, owner, place, version, remembered: false })
}

/// From a row of [`READ_SET`].
fn read_balance(id: AccountId, fixed: Fixed, row: &impl Columns) -> Result<LoadedAccount, DbError> {
    let policy = match row.int(3)? {
        0 => BalancePolicy::Unbounded,
        _ => BalancePolicy::Bounded { overdraft_limit: row.int(4)? },
    };
    let mut account = Account::open(id, fixed.currency, policy);
    account.status = account_status(row.int(2)?)?;
    account.limits = Limits { per_transfer: row.int_opt(5)?, per_day: row.int_opt(6)? };
    account.debits_posted = row.int(7)?;
    account.credits_posted = row.int(8)?;
    account.debits_held = row.int(9)?;
    account.credits_held = row.int(10)?;
    account.entry_count = row.int(11)?;
    account.last_entry = row.bytes(12)?.map(Id::from_bytes);
    let Fixed { owner, place, .. } = fixed;
    Ok(LoadedAccount { account, owner, place, version: row.int(1)?, remembered: false })
}

fn id<K: IdKind>(bytes: Option<[u8; 16]>) -> Result<Id<K>, DbError> {
    bytes.map(Id::from_bytes).ok_or_else(|| DbError::Corrupt("an account without id".to_owned()))
}

fn no_currency() -> DbError {
    DbError::Corrupt("a currency that ISO 4217 does not have".to_owned())
}
