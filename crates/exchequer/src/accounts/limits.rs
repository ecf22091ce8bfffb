//! What may leave an account, set by the bank.
//!
//! The rolling 24 hours are summed from `outflows`, which only accounts with a daily limit have. So an
//! account that is given one gets the rows of the last 24 hours at once: its chain of entries is
//! walked back, in pages, and its holds of that time are added. The account is locked meanwhile: no
//! transfer and no hold passes between the walk and the limit.
//!
//! Cost: a walk over one day of one account's entries, at most [`PAGE`] rows in memory.

use ::store::rows::{TransferKind, TransferRow};
use ::store::{DbError, LoadedAccount, Outflow, Tx};
use ledger::{Account, AccountStatus, Limits, in_window, window_start};
use money::{AccountId, Timestamp};
use serde_json::{Value, json};

use super::model::{AccountRow, previous_entry};
use super::{lock_customers, reload, store};
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};

/// The bank's limits of a customer's account, which is locked: also while its owner has stopped it. Refuses, in
/// order: `not_found` (also for the bank's own accounts), `account_closed`.
pub fn standing_limits(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
) -> Result<Result<Limits, Problem>, DbError> {
    match lock_customers(tx, act, id)? {
        None => Ok(Err(Problem::new(Code::NotFound))),
        Some(found) if found.account.status == AccountStatus::Closed => {
            Ok(Err(Problem::new(Code::AccountClosed)))
        }
        Some(_) => Ok(Ok(reload(tx, id)?.account.limits)),
    }
}

/// Sets both limits of a customer's account, minor units; `None` is no limit, zero lets nothing out.
///
/// Refuses, in order: `not_found` (also for the bank's own accounts), `account_closed`,
/// `invalid_fields` for a limit below zero.
pub fn set_limits(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &AccountId,
    limits: Limits,
) -> Result<Result<AccountRow, Problem>, DbError> {
    let Some(LoadedAccount { account, .. }) = lock_customers(tx, act, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if account.status == AccountStatus::Closed {
        return Ok(Err(Problem::new(Code::AccountClosed)));
    }
    for (field, limit) in [("per_transfer", limits.per_transfer), ("per_day", limits.per_day)] {
        if limit.is_some_and(|limit| limit < 0) {
            return Ok(Err(Problem::field(field, "negative", "at least 0")));
        }
    }
    // From the row itself: a locked account has a limit of nothing while its owner has stopped it.
    let standing = reload(tx, id)?.account.limits;
    store::save_limits(tx, id, limits)?;
    match (standing.per_day, limits.per_day) {
        (None, Some(_)) => remember(tx, &account, act.now)?,
        (Some(_), None) => store::delete_outflows(tx, id)?,
        (None, None) | (Some(_), Some(_)) => {}
    }
    let (before, after) = (described(standing), described(limits));
    let both = (Some(&before), Some(&after));
    events::record_change(tx, act, ("account.limited", &id.to_string(), "done"), both)?;
    reload(tx, id).map(Ok)
}

/// Rows of one page of the walk.
const PAGE: i64 = 500;

/// Writes down what left a locked account in the last 24 hours.
fn remember(tx: &mut Tx<'_>, account: &Account, now: Timestamp) -> Result<(), DbError> {
    let mut next = account.last_entry;
    while let Some(from) = next {
        let rows = tx.entries(&account.id, &from, PAGE)?;
        let spent: Vec<Outflow> =
            rows.iter().filter_map(|row| outflow(row, &account.id, now)).collect();
        tx.insert_outflows(&account.id, &spent)?;
        // Posting times follow the chain: behind the first that is too old, all are.
        let oldest = rows.last().filter(|row| in_window(row.posted_at, now));
        next = oldest.and_then(|row| previous_entry(row, &account.id));
    }
    let since = window_start(now);
    let mut after = first_id_at(since);
    loop {
        let page = store::holds_placed(tx, &account.id, since, &after, PAGE)?;
        tx.insert_outflows(&account.id, &page)?;
        match page.last() {
            Some(last) => after = last.id,
            None => return Ok(()),
        }
    }
}

/// What a transfer counts against the daily limit of `account`. A capture was counted by its hold; a
/// reversal is the bank's decision, not the customer's, and so are the movements of card payments.
fn outflow(row: &TransferRow, account: &AccountId, now: Timestamp) -> Option<Outflow> {
    let counts = match row.kind {
        TransferKind::Transfer | TransferKind::Deposit | TransferKind::Withdrawal => true,
        TransferKind::Capture
        | TransferKind::Reversal
        | TransferKind::CardCapture
        | TransferKind::CardFee
        | TransferKind::RefundSetAside
        | TransferKind::RefundPaid
        | TransferKind::RefundReturned
        | TransferKind::Payout
        | TransferKind::Difference
        | TransferKind::ChargeReversed
        | TransferKind::GatewayFee => false,
    };
    (counts && row.debit.account == *account && in_window(row.posted_at, now)).then(|| Outflow {
        posted_at: row.posted_at,
        id: *row.id.bytes(),
        amount: row.amount,
    })
}

/// The lowest id that a mint can have given at this time or later (RFC 9562 §5.7: milliseconds first):
/// bounds a search by primary key where no index has the time.
fn first_id_at(time: Timestamp) -> [u8; 16] {
    let millis = u128::try_from(time.millis()).unwrap_or(0);
    (millis << 80).to_be_bytes()
}

fn described(limits: Limits) -> Value {
    json!({ "per_transfer": limits.per_transfer, "per_day": limits.per_day })
}

#[cfg(test)]
mod tests;
