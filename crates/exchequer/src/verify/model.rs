//! What `verify` reads, and what it says.

use std::fmt;

use crate::evidence::prove::Proven;
use ledger::{Account, Hold};
use money::{AccountId, CustomerId, TransferId};
use serde::Serialize;
use store::DbError;
use store::rows::Side;

/// What `verify` found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Right(Summary),
    /// The first row that is wrong; what comes after it was not looked at.
    Wrong(Finding),
}

/// One row that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub table: &'static str,
    /// The row's id as the API writes it, or its key in hexadecimal.
    pub id: String,
    pub expected: String,
    pub found: String,
}

/// What was looked at and found right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub accounts: u64,
    pub transfers: u64,
    pub holds: u64,
    pub captures: u64,
    pub reversals: u64,
    /// Card payments.
    pub payments: u64,
    /// What of them gateways were asked for.
    pub steps: u64,
    /// Closing balances that are kept of days.
    pub days: u64,
    /// On which gateways and the bank did not agree, and that are in suspense or were.
    pub differences: u64,
    pub payouts: u64,
    /// What merchants were told, as far as it is kept.
    pub merchant_events: u64,
    /// Idempotency keys.
    pub keys: u64,
    pub origins: u64,
    pub events: u64,
    /// The Merkle log.
    pub log: Proven,
    pub currencies: Vec<CurrencyTotals>,
}

/// All accounts of a currency, minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CurrencyTotals {
    pub currency: String,
    pub accounts: u64,
    pub debits: i128,
    pub credits: i128,
    /// Reserved by active holds.
    pub held: i128,
}

/// Why `verify` stops.
#[derive(Debug)]
pub enum Stop {
    Wrong(Box<Finding>),
    Db(DbError),
}

pub type Step<T = ()> = Result<T, Stop>;

/// A row of `transfers` as it stands, nothing of it believed.
#[derive(Debug, Clone)]
pub struct Posted {
    pub id: TransferId,
    pub debit: Side,
    pub credit: Side,
    pub amount: i64,
    pub currency: String,
    pub kind: i64,
    pub has_reference: bool,
    /// The row of `origins` that it names is there.
    pub has_origin: bool,
}

/// A row of `accounts`.
#[derive(Debug, Clone, Copy)]
pub struct StoredAccount {
    pub account: Account,
    /// `None`: the bank's own.
    pub owner: Option<CustomerId>,
}

/// A row of `holds`; the slots of `hold` mean nothing here.
#[derive(Debug, Clone)]
pub struct StoredHold {
    pub hold: Hold,
    pub debit: AccountId,
    pub credit: AccountId,
    pub currency: String,
}

impl Report {
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Right(_) => None,
            Self::Wrong(finding) => Some(finding),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(summary) => summary.fmt(f),
            Self::Wrong(finding) => finding.fmt(f),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The books are right.")?;
        for (count, what) in [
            (self.accounts, "accounts"),
            (self.transfers, "transfers"),
            (self.holds, "holds"),
            (self.captures, "captures"),
            (self.reversals, "reversals"),
            (self.payments, "card payments"),
            (self.steps, "steps of them"),
            (self.days, "balances of days"),
            (self.differences, "differences to reports"),
            (self.payouts, "payouts"),
            (self.merchant_events, "merchants' events"),
            (self.keys, "idempotency keys"),
            (self.origins, "origins"),
            (self.events, "events"),
            (self.log.leaves, "leaves of the log"),
            (self.log.pending, "rows that are no leaves yet"),
            (self.log.sealed, "leaves whose personal values were not compared"),
            (self.log.checkpoints, "checkpoints"),
            (self.log.signed, "signatures of them checked"),
            (self.log.outside, "checkpoints from elsewhere"),
        ] {
            writeln!(f, "{count:>12} {what}")?;
        }
        for total in &self.currencies {
            writeln!(
                f,
                "         {} debits {} = credits {}, held {}, in {} accounts",
                total.currency, total.debits, total.credits, total.held, total.accounts
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The first row that is wrong:")?;
        writeln!(f, "  table     {}", self.table)?;
        writeln!(f, "  row       {}", self.id)?;
        writeln!(f, "  expected  {}", self.expected)?;
        writeln!(f, "  found     {}", self.found)
    }
}

impl Finding {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids, texts and numbers as the callers have them"
    )]
    pub fn new(
        table: &'static str,
        id: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self { table, id: id.to_string(), expected: expected.to_string(), found: found.to_string() }
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Wrong(Box::new(finding))
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}
