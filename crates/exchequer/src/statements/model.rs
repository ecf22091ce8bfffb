//! A statement: what an account was, what happened in a period, and what it is then.
//!
//! Pure. It is made by [`Statement::of`] only, which checks it; the formats are functions of it, so the
//! same books and period give the same bytes. Nothing in it is of the moment at which it is made.

use std::sync::Arc;

use money::{AccountId, Currency, Money, Timestamp, TransferId};
use store::DbError;
use store::rows::TransferKind;
use vault::token::sha256;

use super::period::Period;

/// Who gives the statement.
pub const BANK_NAME: &str = "Exchequer";

/// In place of the name of a customer who has left and was erased.
pub const ERASED_NAME: &str = "(erased)";

/// Whose statement it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub account: AccountId,
    pub number: String,
    /// What its owner calls the account.
    pub name: String,
    pub currency: Currency,
    /// The owner's name; of the bank's own accounts the bank's.
    pub owner: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Debit,
    Credit,
}

/// One line: the account's side of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of the account's entries; the first is 1.
    pub number: i64,
    pub transfer: TransferId,
    pub kind: TransferKind,
    pub side: Side,
    /// Minor units, positive.
    pub amount: i64,
    /// Right after this entry, minor units.
    pub balance: i64,
    /// The number of the account on the other side; `None`: the bank's own.
    pub counterparty: Option<Arc<str>>,
    pub memo: Option<String>,
    pub posted_at: Timestamp,
}

/// All entries of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    pub count: i64,
    /// Minor units.
    pub amount: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    subject: Subject,
    period: Period,
    opening: i64,
    closing: i64,
    credits: Total,
    debits: Total,
    entries: Vec<Entry>,
}

impl Entry {
    /// Minor units, negative when the money left.
    pub fn signed(&self) -> i64 {
        match self.side {
            Side::Debit => self.amount.saturating_neg(),
            Side::Credit => self.amount,
        }
    }
}

impl Statement {
    /// A statement of entries from the oldest to the newest.
    ///
    /// Errors: [`DbError::Corrupt`] where the entries are not one chain: a number is missing, or a
    /// balance is not the one before it with the amount.
    pub fn of(
        subject: Subject,
        period: Period,
        opening: i64,
        entries: Vec<Entry>,
    ) -> Result<Self, DbError> {
        let (mut credits, mut debits) = (Total::default(), Total::default());
        let mut closing = opening;
        let mut number = None;
        for entry in &entries {
            let broken = |what: &str| {
                DbError::Corrupt(format!("{} has {what} of its chain", entry.transfer))
            };
            let total = match entry.side {
                Side::Debit => &mut debits,
                Side::Credit => &mut credits,
            };
            total.count += 1;
            total.amount =
                total.amount.checked_add(entry.amount).ok_or_else(|| broken("too large a sum"))?;
            closing = closing.checked_add(entry.signed()).ok_or_else(|| broken("an overflow"))?;
            if entry.amount <= 0 || closing != entry.balance {
                return Err(broken("another balance than that"));
            }
            if number.is_some_and(|before: i64| before.checked_add(1) != Some(entry.number)) {
                return Err(broken("another number than the next"));
            }
            number = Some(entry.number);
        }
        Ok(Self { subject, period, opening, closing, credits, debits, entries })
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    pub fn period(&self) -> Period {
        self.period
    }

    /// Minor units, before the first entry.
    pub fn opening(&self) -> i64 {
        self.opening
    }

    /// Minor units, after the last entry.
    pub fn closing(&self) -> i64 {
        self.closing
    }

    pub fn credits(&self) -> Total {
        self.credits
    }

    pub fn debits(&self) -> Total {
        self.debits
    }

    /// Oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// 32 hexadecimal digits that follow from account, period and last entry: a period that is not over
    /// gives another statement when money has moved since.
    pub fn id(&self) -> String {
        let mut text = Vec::with_capacity(64);
        text.extend_from_slice(self.subject.account.bytes());
        text.extend_from_slice(self.period.from().to_string().as_bytes());
        text.extend_from_slice(self.period.to().to_string().as_bytes());
        if let Some(last) = self.entries.last() {
            text.extend_from_slice(last.transfer.bytes());
        }
        data_encoding::HEXLOWER.encode(&sha256(&text)[..16])
    }

    /// As `statement-EX3456789012345676-2026-01-01-2026-01-31.pdf`.
    pub fn file_name(&self, ending: &str) -> String {
        // Numbers are letters, digits and dashes; a header is told nothing else.
        let number: String = self
            .subject
            .number
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        format!("statement-{number}-{}-{}.{ending}", self.period.from(), self.period.to())
    }

    /// An amount without its sign, with all decimals of the currency.
    pub fn unsigned(&self, minor: i64) -> String {
        let text = Money::new(minor, self.subject.currency).to_decimal_string();
        text.trim_start_matches('-').to_owned()
    }
}

/// What kind of entry it is, for people.
pub fn kind_name(kind: TransferKind) -> &'static str {
    match kind {
        TransferKind::Transfer => "Transfer",
        TransferKind::Deposit => "Deposit",
        TransferKind::Withdrawal => "Withdrawal",
        TransferKind::Capture => "Payment of a hold",
        TransferKind::Reversal => "Reversal",
        TransferKind::CardCapture => "Card payment",
        TransferKind::CardFee => "Card fee",
        TransferKind::RefundSetAside => "Card refund",
        TransferKind::RefundPaid => "Card refund paid",
        TransferKind::RefundReturned => "Card refund returned",
        TransferKind::Payout => "Payout of card payments",
        TransferKind::Difference => "Difference to a gateway's report",
        TransferKind::ChargeReversed => "Charge of a failed payment reversed",
        TransferKind::GatewayFee => "Fee of a card gateway",
    }
}
