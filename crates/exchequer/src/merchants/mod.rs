//! Merchants: taken on by an operator, with keys to sign requests with, accounts that their payments are
//! booked to, and payouts to their settlement account.
//!
//! What a merchant has in test mode and in live mode never meet: each has keys and accounts of its own, and test
//! money is paid out to nobody. Locks: the merchant's row, then accounts as a transfer does. What it never
//! does: speak to a gateway, show a secret again.

pub mod api;
mod issuing;
pub mod keys;
pub mod model;
mod store;

use ::store::posting::{Answer, Party, PostOrder, Posted};
use ::store::rows::{TransferKind, TransferRow};
use ::store::{DbError, Tx, posting};
use ledger::{AccountStatus, BalancePolicy, Refusal};
use money::{AccountId, Amount, Currency, MerchantId};
use serde_json::{Value, json};

use self::keys::Mode;
use self::model::{Fees, MerchantRow};
use crate::accounts::{self, NewOwn};
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};

pub use self::issuing::{
    DrawnKey, MadeKey, NewKey, check_room_in, draw_key, draw_successor, lock_key_in, make_key_in,
    place_key_in, revoke_key_in, rotate_key_in, succeed_key_in,
};
pub(crate) use self::store::{account, find, lock, mode};

/// What an operator says of a merchant.
#[derive(Debug, Clone)]
pub struct Terms {
    pub name: String,
    pub settlement: Option<AccountId>,
    pub fees: Fees,
    /// Minor units; `None`: no limit.
    pub refund_limit: Option<i64>,
}

/// What a merchant is to be paid out, and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub from: AccountId,
    pub to: AccountId,
    pub amount: Amount,
    pub currency: Currency,
}

/// Takes a merchant on. Refuses, in order: `account_not_found` for a settlement account that no customer has,
/// `account_closed`.
pub fn create_in(
    tx: &mut Tx<'_>,
    act: &Act,
    terms: &Terms,
) -> Result<Result<MerchantRow, Problem>, DbError> {
    if let Err(problem) = check_settlement(tx, terms, None)? {
        return Ok(Err(problem));
    }
    let row = MerchantRow {
        id: act.id(),
        name: terms.name.clone(),
        is_active: true,
        settlement: terms.settlement,
        fees: terms.fees,
        refund_limit: terms.refund_limit,
        created_at: act.now,
    };
    store::insert(tx, &row)?;
    let after = described(&row);
    events::record(tx, act, "merchant.created", &row.id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

/// Changes what a merchant is. Refuses, in order: `not_found`, `account_not_found`, `account_closed`.
pub fn change_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MerchantId,
    (terms, is_active): (&Terms, bool),
) -> Result<Result<MerchantRow, Problem>, DbError> {
    let before = match lock_in(tx, id, terms)? {
        Ok(before) => before,
        Err(problem) => return Ok(Err(problem)),
    };
    let row = MerchantRow {
        name: terms.name.clone(),
        is_active,
        settlement: terms.settlement,
        fees: terms.fees,
        refund_limit: terms.refund_limit,
        ..before.clone()
    };
    store::update(tx, &row)?;
    let both = (Some(&described(&before)), Some(&described(&row)));
    events::record_change(tx, act, ("merchant.changed", &id.to_string(), "done"), both)?;
    Ok(Ok(row))
}

/// A merchant before a change of its terms, locked. Refuses as [`change_in`].
pub fn lock_in(
    tx: &mut Tx<'_>,
    id: &MerchantId,
    terms: &Terms,
) -> Result<Result<MerchantRow, Problem>, DbError> {
    let Some(before) = store::lock(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    Ok(check_settlement(tx, terms, before.settlement)?.map(|()| before))
}

/// What a merchant has in live mode: all of it, in the currency of its settlement account. Both are locked.
///
/// Refuses, in order: `not_found`, `nothing_to_settle`.
pub fn due_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MerchantId,
) -> Result<Result<Due, Problem>, DbError> {
    let Some(merchant) = store::lock(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let nothing = || Ok(Err(Problem::new(Code::NothingToSettle)));
    let Some(settlement) = merchant.settlement else { return nothing() };
    let Some(target) = accounts::get_any(tx, &settlement)? else { return nothing() };
    let currency = target.account.currency;
    let Some(from) = store::account(tx, id, (Mode::Live, currency))? else { return nothing() };
    // Locked before it is read: a payment that comes now is paid out the next time.
    let loaded = tx.load_accounts(std::slice::from_ref(&from), act.now)?;
    let account = loaded.first().map(|found| found.account);
    let available = account.map_or(0, |a| a.credits_posted - a.debits_posted - a.debits_held);
    let Ok(amount) = Amount::new(available) else { return nothing() };
    Ok(Ok(Due { from, to: settlement, amount, currency }))
}

/// Pays out to the settlement account. Refuses what the ledger refuses.
pub fn pay_out_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MerchantId,
    due: &Due,
) -> Result<Result<TransferRow, Problem>, DbError> {
    let order = order(
        act,
        (TransferKind::Payout, *id.bytes()),
        (Party::Bank(due.from), Party::Payee(due.to)),
        (due.amount, due.currency),
    );
    let posted = post_one(tx, act, &order)?;
    if let Ok(row) = &posted {
        let after = json!({
            "transfer": row.id.to_string(),
            "amount": row.amount,
            "currency": due.currency.code(),
        });
        events::record(tx, act, "merchant.settled", &id.to_string(), "done", Some(&after))?;
    }
    Ok(posted)
}

/// Where a merchant's money of a mode and currency stands; opened with the first of it.
pub(crate) fn account_in(
    tx: &mut Tx<'_>,
    act: &Act,
    merchant: &MerchantId,
    (mode, currency): (Mode, Currency),
) -> Result<AccountId, DbError> {
    if let Some(account) = store::account(tx, merchant, (mode, currency))? {
        return Ok(account);
    }
    let id: AccountId = act.id();
    if !store::insert_account(tx, merchant, (mode, currency), &id)? {
        return store::account(tx, merchant, (mode, currency))?
            .ok_or_else(|| DbError::Corrupt(format!("{merchant}: an account is gone")));
    }
    let merchant = merchant.to_string();
    let number = format!("EXMER-{merchant}-{}-{currency}", mode.as_str());
    let name = format!("{merchant} {} {currency}", mode.as_str());
    let policy = BalancePolicy::Bounded { overdraft_limit: 0 };
    accounts::ensure_own(tx, act, NewOwn { id, currency, number, name, policy })?;
    Ok(id)
}

/// One order of the bank's own, in the surrounding transaction.
pub(crate) fn order(
    act: &Act,
    (kind, reference): (TransferKind, [u8; 16]),
    (debit, credit): (Party, Party),
    (amount, currency): (Amount, Currency),
) -> PostOrder {
    PostOrder {
        id: act.id(),
        kind,
        debit,
        credit,
        amount,
        currency,
        memo: None,
        reference: Some(reference),
        key: None,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    }
}

/// Posts one order. Refuses what the ledger refuses; the refusal is an event.
pub(crate) fn post_one(
    tx: &mut Tx<'_>,
    act: &Act,
    order: &PostOrder,
) -> Result<Result<TransferRow, Problem>, DbError> {
    let posted = posting::post(tx, std::slice::from_ref(order), act.now, &unstored)?;
    match posted.into_iter().next() {
        Some(Posted::Done(row)) => Ok(Ok(row)),
        Some(Posted::Refused(refusal, _)) => Ok(Err(Problem::from(refusal))),
        Some(Posted::Replayed(_) | Posted::KeyReused) | None => {
            Err(DbError::Corrupt("an order without a key was replayed".to_owned()))
        }
    }
}

/// Posts orders that nothing can refuse, since all they name is unbounded and the bank's own.
pub(crate) fn post_all(tx: &mut Tx<'_>, act: &Act, orders: &[PostOrder]) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    for posted in posting::post(tx, orders, act.now, &unstored)? {
        match posted {
            Posted::Done(_) => {}
            Posted::Refused(refusal, _) => {
                return Err(DbError::Corrupt(format!("not booked: {}", refusal.code())));
            }
            Posted::Replayed(_) | Posted::KeyReused => {
                return Err(DbError::Corrupt("an order without a key was replayed".to_owned()));
            }
        }
    }
    Ok(())
}

/// The order has no key, so nobody keeps the answer of its refusal.
#[expect(clippy::unnecessary_wraps, reason = "what the door wants of whoever renders refusals")]
pub(crate) fn unstored(_: &PostOrder, refusal: Refusal) -> Result<Answer, DbError> {
    Ok(Answer { status: Problem::from(refusal).code.status(), body: Vec::new() })
}

/// An account that was closed after it was named keeps nobody from changing the other terms.
fn check_settlement(
    tx: &mut Tx<'_>,
    terms: &Terms,
    before: Option<AccountId>,
) -> Result<Result<(), Problem>, DbError> {
    let Some(account) = &terms.settlement else { return Ok(Ok(())) };
    let found = accounts::get_any(tx, account)?.filter(|row| row.owner.is_some());
    let Some(found) = found else { return Ok(Err(Problem::new(Code::AccountNotFound))) };
    let is_closed = found.account.status == AccountStatus::Closed;
    if is_closed && before != terms.settlement {
        return Ok(Err(Problem::new(Code::AccountClosed)));
    }
    Ok(Ok(()))
}

fn described(row: &MerchantRow) -> Value {
    json!({
        "name": row.name,
        "status": if row.is_active { "active" } else { "suspended" },
        "settlement_account": row.settlement.map(|account| account.to_string()),
        "fee_basis_points": row.fees.basis_points,
        "fee_fixed": row.fees.fixed,
        "refund_limit": row.refund_limit,
    })
}
