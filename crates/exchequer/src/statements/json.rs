//! A statement as JSON.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::model::{Entry, Statement, Total};
use crate::accounts::model::BANK;

/// An account's entries of a period, between two balances. Amounts are minor units.
#[derive(Serialize, ToSchema)]
#[schema(as = Statement)]
pub struct StatementView<'a> {
    /// 32 hexadecimal digits; the same for the same entries of the same period.
    id: String,
    account: StatementAccountView<'a>,
    period: PeriodView,
    /// Before the first entry, minor units.
    opening_balance: i64,
    /// After the last entry, minor units.
    closing_balance: i64,
    credits: TotalView,
    debits: TotalView,
    /// Oldest first.
    #[schema(value_type = Vec<StatementEntryView<'a>>)]
    entries: Entries<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StatementAccount)]
pub struct StatementAccountView<'a> {
    id: String,
    number: &'a str,
    name: &'a str,
    /// ISO 4217.
    currency: &'static str,
    /// The owner's full name.
    owner_name: &'a str,
}

/// Whole days, UTC, both included.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementPeriod)]
pub struct PeriodView {
    #[schema(example = "2026-01-01")]
    from: String,
    #[schema(example = "2026-01-31")]
    to: String,
}

/// All entries of one side.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementTotal)]
pub struct TotalView {
    /// How many there are.
    #[schema(example = 1)]
    count: i64,
    /// Minor units.
    amount: i64,
}

/// One line of a statement.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementEntry)]
pub struct StatementEntryView<'a> {
    /// Of the account's entries; the first is 1.
    #[schema(example = 1)]
    number: i64,
    transfer_id: String,
    /// `transfer`, `deposit`, `withdrawal`, `capture` or `reversal`.
    kind: &'static str,
    /// Minor units; negative when the money left.
    amount: i64,
    /// Right after this entry, minor units.
    balance_after: i64,
    /// The number of the account on the other side, or `bank`.
    counterparty: &'a str,
    memo: Option<&'a str>,
    posted_at: String,
}

/// Written one by one: a year of them is made into text without a copy of all.
struct Entries<'a>(&'a [Entry]);

pub fn render(statement: &Statement) -> Vec<u8> {
    let subject = statement.subject();
    let view = StatementView {
        id: statement.id(),
        account: StatementAccountView {
            id: subject.account.to_string(),
            number: &subject.number,
            name: &subject.name,
            currency: subject.currency.code(),
            owner_name: &subject.owner,
        },
        period: PeriodView {
            from: statement.period().from().to_string(),
            to: statement.period().to().to_string(),
        },
        opening_balance: statement.opening(),
        closing_balance: statement.closing(),
        credits: statement.credits().into(),
        debits: statement.debits().into(),
        entries: Entries(statement.entries()),
    };
    // Strings and integers only: serialising them cannot fail.
    serde_json::to_vec(&view).unwrap_or_default()
}

impl From<Total> for TotalView {
    fn from(total: Total) -> Self {
        Self { count: total.count, amount: total.amount }
    }
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for entry in self.0 {
            list.serialize_element(&StatementEntryView {
                number: entry.number,
                transfer_id: entry.transfer.to_string(),
                kind: entry.kind.as_str(),
                amount: entry.signed(),
                balance_after: entry.balance,
                counterparty: entry.counterparty.as_deref().unwrap_or(BANK),
                memo: entry.memo.as_deref(),
                posted_at: entry.posted_at.to_string(),
            })?;
        }
        list.end()
    }
}
