//! Accounts: opened by their owners, listed with their entries; frozen, closed and limited by the bank.
//!
//! A customer's request reaches an account only through [`find`] and [`list`], whose SQL names the
//! owner; what they give is [`Owned`], and nothing else makes one. The verbs for operators take an id:
//! who may call them is decided by the permission of their route.
//!
//! Locks: opening locks the customer's row; a change of standing or limits locks the account as a
//! transfer does, so that the two are in order. An owner is told of each change of standing, in its transaction.
//! What it never does: move money.

pub mod api;
mod entries;
mod limits;
pub mod model;
pub mod number;
pub mod search;
mod store;

use ::store::{DbError, LoadedAccount, Tx};
use ledger::{Account, BalancePolicy, StatusRefusal};
use money::{AccountId, Currency, CustomerId};
use serde_json::json;

use self::model::{AccountRow, MAX_OPEN_ACCOUNTS, status_name};
use self::number::AccountNumber;
use crate::bank::{self, Act, Own};
use crate::customers::Known;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice, masked_number};
use crate::{customers, events, protections};

pub use self::entries::{entries, entries_of};
pub use self::limits::{set_limits, standing_limits};
pub use self::store::{Owned, erase_names_in, find, find_numbered, get_any, list};

/// Opens an account for a customer: bounded, without overdraft and without limits.
///
/// Refuses `too_many_accounts`.
pub fn open(
    tx: &mut Tx<'_>,
    act: &Act,
    owner: &CustomerId,
    (currency, name): (Currency, &str),
) -> Result<Result<AccountRow, Problem>, DbError> {
    store::lock_owner(tx, owner)?;
    if store::count_open(tx, owner)? >= MAX_OPEN_ACCOUNTS {
        let code = Code::TooManyAccounts;
        events::record(tx, act, "account.refused", &owner.to_string(), code.as_str(), None)?;
        return Ok(Err(Problem::new(code)));
    }
    let policy = BalancePolicy::Bounded { overdraft_limit: 0 };
    let mut row = AccountRow {
        account: Account::open(act.id(), currency, policy),
        owner: Some(*owner),
        number: String::new(),
        name: name.to_owned(),
        opened_at: act.now,
    };
    // The switch stands in each account; the customer's row is locked, so it cannot turn meanwhile.
    let stopped = protections::is_outgoing_stopped(tx, owner)?;
    for _ in 0..NUMBER_TRIES {
        row.number = AccountNumber::random(act.tools.rng()).to_string();
        if store::insert_numbered(tx, &row, stopped)? {
            record_opened(tx, act, &row)?;
            return Ok(Ok(row));
        }
    }
    Err(DbError::Unavailable(format!("no free account number in {NUMBER_TRIES} tries")))
}

/// Numbers tried before an account is not opened. Of 10^14 numbers even a thousand million accounts
/// take one in 100,000.
const NUMBER_TRIES: u32 = 8;

/// An account of the bank's own that is to be there.
pub struct NewOwn {
    pub id: AccountId,
    pub currency: Currency,
    /// For people; no customer's number begins like it.
    pub number: String,
    pub name: String,
    pub policy: BalancePolicy,
}

/// Opens the bank's own cash account of a currency where it is not there yet: unbounded, since it
/// mirrors money that is elsewhere.
pub fn ensure_cash(tx: &mut Tx<'_>, act: &Act, currency: Currency) -> Result<(), DbError> {
    ensure_role(tx, act, Own::Cash, currency).map(|_| ())
}

/// The bank's own account of a role and currency, opened where it is not there yet: unbounded, since it
/// mirrors money that is elsewhere, or what others are to get.
pub fn ensure_role(
    tx: &mut Tx<'_>,
    act: &Act,
    own: Own,
    currency: Currency,
) -> Result<AccountId, DbError> {
    let id = bank::own_account(own, currency);
    let number = format!("{}-{currency}", own.number());
    let name = format!("{} {currency}", own.name());
    ensure_own(tx, act, NewOwn { id, currency, number, name, policy: BalancePolicy::Unbounded })?;
    Ok(id)
}

/// Opens an account of the bank's own where it is not there yet.
pub fn ensure_own(tx: &mut Tx<'_>, act: &Act, new: NewOwn) -> Result<(), DbError> {
    if store::exists(tx, &new.id)? {
        return Ok(());
    }
    let row = AccountRow {
        account: Account::open(new.id, new.currency, new.policy),
        owner: None,
        number: new.number,
        name: new.name,
        opened_at: act.now,
    };
    // Another transaction may have opened it since; then it is that one's event.
    if store::insert_absent(tx, &row)? { record_opened(tx, act, &row) } else { Ok(()) }
}

/// Stops all movement of a customer's account.
///
/// Refuses, in order: `not_found` (also for the bank's own accounts), `account_closed`,
/// `already_frozen`.
pub fn freeze(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
) -> Result<Result<AccountRow, Problem>, DbError> {
    change(tx, act, id, &Change::FREEZE)
}

/// Lets money move again. Refuses, in order: `not_found`, `account_closed`, `not_frozen`.
pub fn unfreeze(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
) -> Result<Result<AccountRow, Problem>, DbError> {
    change(tx, act, id, &Change::UNFREEZE)
}

/// Ends an account for good. Refuses, in order: `not_found`, `account_closed`, `balance_not_zero`,
/// `holds_active`.
pub fn close(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
) -> Result<Result<AccountRow, Problem>, DbError> {
    change(tx, act, id, &Change::CLOSE)
}

/// A change of standing, with the event of its success and of its refusal.
struct Change {
    apply: fn(&mut Account) -> Result<(), StatusRefusal>,
    done: &'static str,
    refused: &'static str,
    /// What the owner is told: purpose, subject, and what follows the account's masked number.
    told: (&'static str, &'static str, &'static str),
}

impl Change {
    const FREEZE: Self = Self {
        apply: Account::freeze,
        done: "account.frozen",
        refused: "account.freeze_refused",
        told: (
            "account_frozen",
            "Your account is frozen",
            "is frozen: nothing can be paid from it or to it until we open it again.",
        ),
    };
    const UNFREEZE: Self = Self {
        apply: Account::unfreeze,
        done: "account.unfrozen",
        refused: "account.unfreeze_refused",
        told: ("account_unfrozen", "Your account is open again", "is not frozen any more."),
    };
    const CLOSE: Self = Self {
        apply: Account::close,
        done: "account.closed",
        refused: "account.close_refused",
        told: ("account_closed", "Your account is closed", "is closed for good."),
    };
}

fn change(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
    change: &Change,
) -> Result<Result<AccountRow, Problem>, DbError> {
    let Some(mut found) = lock_customers(tx, act, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let resource = id.to_string();
    let before = json!({ "status": status_name(found.account.status) });
    if let Err(refusal) = (change.apply)(&mut found.account) {
        let code = refusal.code();
        events::record_change(tx, act, (change.refused, &resource, code), (Some(&before), None))?;
        return Ok(Err(refusal.into()));
    }
    tx.save_accounts(std::slice::from_ref(&found))?;
    let after = json!({ "status": status_name(found.account.status) });
    let both = (Some(&before), Some(&after));
    events::record_change(tx, act, (change.done, &resource, "done"), both)?;
    let row = reload(tx, id)?;
    tell_owner(tx, act, &row, change.told)?;
    Ok(Ok(row))
}

/// By e-mail, whether or not the owner may sign in: it is the bank's own act, and about their money.
fn tell_owner(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &AccountRow,
    (purpose, subject, text): (&'static str, &'static str, &str),
) -> Result<(), DbError> {
    let owner = row.owner.as_ref().map(|id| customers::known(tx, &act.tools, id)).transpose()?;
    let owner = match owner.flatten() {
        Some(Known::Here(owner)) => owner,
        Some(Known::Erased(_)) => return Ok(()),
        None => {
            let text = format!("{} was changed for an owner, who is nobody", row.account.id);
            return Err(DbError::Corrupt(text));
        }
    };
    let text = format!("Your account {} {text}", masked_number(&row.number));
    outbox::inform_in(tx, act, owner.email.as_str(), &Notice { purpose, subject, text })
}

/// Locks a customer's account as a transfer does; nothing for an unknown one or one of the bank's own.
fn lock_customers(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
) -> Result<Option<LoadedAccount>, DbError> {
    let loaded = tx.load_accounts(std::slice::from_ref(id), act.now)?;
    Ok(loaded.first().filter(|found| found.owner.is_some()).copied())
}

fn reload(tx: &mut Tx<'_>, id: &AccountId) -> Result<AccountRow, DbError> {
    let row = store::get_any(tx, id)?;
    row.ok_or_else(|| DbError::Corrupt(format!("{id} was locked and is not there")))
}

/// The name is the customer's own words, so the event keeps its hash.
fn record_opened(tx: &mut Tx<'_>, act: &Act, row: &AccountRow) -> Result<(), DbError> {
    let after = json!({
        "owner": row.owner.map(|owner| owner.to_string()),
        "number": row.number,
        "currency": row.account.currency.code(),
        "name": events::hashed(&act.tools, "account.name", &row.name),
    });
    let resource = row.account.id.to_string();
    events::record(tx, act, "account.opened", &resource, "done", Some(&after))
}
