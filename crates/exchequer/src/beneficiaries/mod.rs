//! Beneficiaries: whom a customer pays, by a name of the customer's own.
//!
//! An account gets onto the list in two ways: its customer adds it, with a second factor where one is
//! enrolled; or it is paid once with a proof bound to that payment. From then on it is no new payee.
//! Where the bank has a cooling time, large sums wait until it is over ([`Standing::trusted_at`]).
//!
//! Locks: the customer's row. Bound: [`MAX_BENEFICIARIES`]. What it never does: tell whose an account is
//! or what its owner is called, first letters aside ([`check`]); the names on the list are those that the
//! customer gave.

pub mod api;
pub mod check;
pub mod model;
pub mod names;
mod store;

use ::store::{DbError, Tx};
use money::{AccountId, BeneficiaryId, CustomerId, Timestamp};
use serde_json::json;

use self::model::{Beneficiary, MAX_BENEFICIARIES};
use crate::bank::{Act, Tools};
use crate::events;
use crate::http::{Code, Problem};
use crate::outbox::{self, Notice, masked_number};

pub use self::model::Named;
pub use self::store::{Standing, erase_in, list, names, standing};

/// What a new entry says.
#[derive(Debug, Clone)]
pub struct Entry {
    pub account: Named,
    /// The customer's own words.
    pub name: String,
    /// Large sums wait for so long.
    pub cooling_seconds: i64,
}

/// Who adds an entry, and the account that it will be of: what a proof is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub account: AccountId,
    pub number: String,
}

/// The account that an entry names, of somebody else.
///
/// Refuses, in order: `account_not_found`, `invalid_fields` for an account of one's own.
pub fn resolve(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    account: &Named,
) -> Result<Result<Found, Problem>, DbError> {
    match store::find_account(tx, account)? {
        None => Ok(Err(Problem::new(Code::AccountNotFound))),
        Some((_, owner)) if owner == *customer => {
            Ok(Err(Problem::field("account", "own", "your own accounts need no entry")))
        }
        Some((found, _)) => Ok(Ok(found)),
    }
}

/// Adds an account to the list, or gives the entry that it has another name; the time from which it is
/// trusted stays. The customer is told.
///
/// Refuses `too_many_beneficiaries`.
pub fn add_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    found: &Found,
    entry: &Entry,
) -> Result<Result<Beneficiary, Problem>, DbError> {
    store::lock_customer(tx, customer)?;
    let row = match store::find(tx, &act.tools, customer, &found.account)? {
        Some(known) => {
            let row = Beneficiary { name: entry.name.clone(), ..known };
            store::rename(tx, act, &row)?;
            row
        }
        None if store::count(tx, customer)? >= MAX_BENEFICIARIES => {
            let code = Code::TooManyBeneficiaries;
            let resource = customer.to_string();
            events::record(tx, act, "beneficiary.refused", &resource, code.as_str(), None)?;
            return Ok(Err(Problem::new(code)));
        }
        None => {
            let row = Beneficiary {
                id: act.id(),
                account: found.account,
                number: found.number.clone(),
                name: entry.name.clone(),
                created_at: act.now,
                trusted_at: act.now.plus_seconds(entry.cooling_seconds),
            };
            store::insert(tx, act, customer, &row)?;
            row
        }
    };
    record(tx, act, &row, "added")?;
    let text = format!("Account {} is now on your list of payees.", masked_number(&row.number));
    let notice = Notice { purpose: "payee_added", subject: "A payee was added", text };
    outbox::notify_in(tx, act, customer, &notice)?;
    Ok(Ok(row))
}

/// Puts accounts that were paid with a proof on the list, under their masked numbers. A full list stays
/// as it is: its customer is asked again next time.
pub fn learn_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    accounts: &[AccountId],
    cooling_seconds: i64,
) -> Result<(), DbError> {
    let numbers = tx.account_numbers(accounts)?;
    let mut count = store::count(tx, customer)?;
    for account in accounts {
        let Some(found) = numbers.get(account).filter(|_| count < MAX_BENEFICIARIES) else {
            continue;
        };
        let row = Beneficiary {
            id: act.id(),
            account: *account,
            number: found.number.clone(),
            name: masked_number(&found.number),
            created_at: act.now,
            trusted_at: act.now.plus_seconds(cooling_seconds),
        };
        store::insert(tx, act, customer, &row)?;
        record(tx, act, &row, "paid with a proof")?;
        count = count.saturating_add(1);
    }
    Ok(())
}

/// Takes an entry off the list; false where it is not this customer's. The next payment is to a new payee
/// again.
pub fn remove_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    id: &BeneficiaryId,
) -> Result<bool, DbError> {
    let removed = store::delete(tx, customer, id)?;
    if removed {
        events::record(tx, act, "beneficiary.removed", &id.to_string(), "done", None)?;
    }
    Ok(removed)
}

/// The customer's own name for an account; `None` where it is not on the list.
pub fn name_of(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    account: &AccountId,
) -> Result<Option<String>, DbError> {
    Ok(store::find(tx, tools, customer, account)?.map(|row| row.name))
}

/// Whether large sums may go there at this time.
pub fn is_trusted(standing: &Standing, now: Timestamp) -> bool {
    standing.trusted_at <= now
}

fn record(tx: &mut Tx<'_>, act: &Act, row: &Beneficiary, how: &'static str) -> Result<(), DbError> {
    let after = json!({
        "account": row.account.to_string(),
        "name": events::hashed(&act.tools, "beneficiary.name", &row.name),
        "trusted_at": row.trusted_at.to_string(),
        "how": how,
    });
    events::record(tx, act, "beneficiary.added", &row.id.to_string(), "done", Some(&after))
}
