//! An account and its entries as the owner sees them.

use ledger::{Account, AccountStatus};
use money::{AccountId, CustomerId, Timestamp, TransferId};
use serde::Serialize;
use store::rows::TransferRow;
use utoipa::ToSchema;

/// Accounts that one customer may have and not have closed. A bound on what a list, a lock and an
/// abuser can grow to; nobody's household or small business needs more.
pub const MAX_OPEN_ACCOUNTS: i64 = 100;

/// What an entry calls the bank's own account on its other side.
pub const BANK: &str = "bank";

/// A row of `accounts`: what the ledger knows of it, and what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// `spent_in_window` is not loaded and stands at zero.
    pub account: Account,
    /// `None`: the bank's own.
    pub owner: Option<CustomerId>,
    pub number: String,
    pub name: String,
    pub opened_at: Timestamp,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    pub id: String,
    /// For others to pay to; with check digits.
    pub number: String,
    pub name: String,
    /// ISO 4217.
    pub currency: &'static str,
    /// `open`, `frozen` or `closed`.
    pub status: &'static str,
    pub balance: BalanceView,
    pub opened_at: String,
}

/// Minor units of the account's currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Balance)]
pub struct BalanceView {
    /// What is booked.
    pub posted: i64,
    /// What active holds reserve of it.
    pub held: i64,
    /// What may leave now: posted less held, plus the overdraft where one was agreed.
    pub available: i64,
}

/// One line of an account: its side of a transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry)]
pub struct EntryView {
    /// The transfer's id and the side.
    pub id: String,
    pub transfer_id: String,
    /// Minor units; negative when the money left.
    pub amount: i64,
    /// Posted balance right after this entry, minor units.
    pub balance_after: i64,
    /// The number of the account on the other side, or `bank`.
    pub counterparty: String,
    /// What one calls that account: the name of a payee on one's list, or of an account of one's own; else null. Operators
    /// are told none.
    pub counterparty_name: Option<String>,
    pub memo: Option<String>,
    pub posted_at: String,
}

/// The word for a status, in the API and in events.
pub const fn status_name(status: AccountStatus) -> &'static str {
    match status {
        AccountStatus::Open => "open",
        AccountStatus::Frozen => "frozen",
        AccountStatus::Closed => "closed",
    }
}

/// The account on the other side of an account's transfer.
pub fn other_side(row: &TransferRow, account: &AccountId) -> AccountId {
    if row.debit.account == *account { row.credit.account } else { row.debit.account }
}

/// The entry before this one in an account's chain.
pub fn previous_entry(row: &TransferRow, account: &AccountId) -> Option<TransferId> {
    if row.debit.account == *account { row.debit.previous } else { row.credit.previous }
}

impl From<&AccountRow> for AccountView {
    fn from(row: &AccountRow) -> Self {
        let account = &row.account;
        let (posted, held) = (account.posted(), account.held());
        // An account without a bound is the bank's own; it has no "at most".
        let available = account.available().unwrap_or_else(|| posted.saturating_sub(held));
        Self {
            id: account.id.to_string(),
            number: row.number.clone(),
            name: row.name.clone(),
            currency: account.currency.code(),
            status: status_name(account.status),
            balance: BalanceView { posted, held, available },
            opened_at: row.opened_at.to_string(),
        }
    }
}

impl EntryView {
    /// This account's line of one of its transfers; the other side is shown as `counterparty`.
    pub fn new(
        row: &TransferRow,
        account: &AccountId,
        counterparty: String,
        counterparty_name: Option<String>,
    ) -> Self {
        let (side, amount, balance_after) = if row.debit.account == *account {
            ("debit", row.amount.saturating_neg(), row.debit.balance)
        } else {
            ("credit", row.amount, row.credit.balance)
        };
        Self {
            id: format!("{}.{side}", row.id),
            transfer_id: row.id.to_string(),
            amount,
            balance_after,
            counterparty,
            counterparty_name,
            memo: row.memo.clone(),
            posted_at: row.posted_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
