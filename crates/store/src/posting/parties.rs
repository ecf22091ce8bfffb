//! Who pays and who is paid: claims in an order, proven against the loaded rows.

use std::collections::HashMap;

use money::{AccountId, CustomerId};

use super::PostOrder;
use super::book::Loaded;
use crate::sets::LoadedAccount;
use crate::{DbError, Tx, params};

const BY_NUMBER: &str = "SELECT id FROM accounts WHERE number = $1 AND owner IS NOT NULL";

/// An account as an order names it, with what must be true of it. What is not true, is not there:
/// the planner then answers `account_not_found`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// The caller's own: found only where this customer owns it.
    Own {
        owner: CustomerId,
        account: AccountId,
    },
    /// Any customer's account; never one of the bank's own.
    Payee(AccountId),
    PayeeNumber(String),
    /// The bank's own account.
    Bank(AccountId),
}

impl Party {
    /// What the order said, for the event of its refusal.
    pub fn named(&self) -> String {
        match self {
            Self::Own { account, .. } | Self::Payee(account) | Self::Bank(account) => {
                account.to_string()
            }
            Self::PayeeNumber(number) => number.clone(),
        }
    }

    fn accepts(&self, found: &LoadedAccount) -> bool {
        match self {
            Self::Own { owner, .. } => found.owner.as_ref() == Some(owner),
            Self::Payee(_) | Self::PayeeNumber(_) => found.owner.is_some(),
            Self::Bank(_) => found.owner.is_none(),
        }
    }
}

/// The account ids behind the parties of a batch, by position among the live orders.
pub(crate) struct Resolved<'o>(Vec<[(&'o Party, Option<AccountId>); 2]>);

impl Resolved<'_> {
    pub fn ids(&self) -> Vec<AccountId> {
        self.0.iter().flatten().filter_map(|(_, id)| *id).collect()
    }

    /// The slots of each order's debit and credit account; `None` where nothing fits the claim.
    pub fn slots(&self, loaded: &Loaded) -> Vec<[Option<usize>; 2]> {
        let slot = |(party, id): &(&Party, Option<AccountId>)| {
            let slot = loaded.slot(id.as_ref()?)?;
            party.accepts(&loaded.before[slot]).then_some(slot)
        };
        self.0.iter().map(|[debit, credit]| [slot(debit), slot(credit)]).collect()
    }
}

/// Looks up account numbers; each distinct number once.
pub(crate) fn resolve<'o>(
    tx: &mut Tx<'_>,
    orders: impl Iterator<Item = &'o PostOrder>,
) -> Result<Resolved<'o>, DbError> {
    let mut numbers = HashMap::new();
    let mut pairs = Vec::new();
    for order in orders {
        let debit = account_id(tx, &order.debit, &mut numbers)?;
        let credit = account_id(tx, &order.credit, &mut numbers)?;
        pairs.push([(&order.debit, debit), (&order.credit, credit)]);
    }
    Ok(Resolved(pairs))
}

fn account_id(
    tx: &mut Tx<'_>,
    party: &Party,
    numbers: &mut HashMap<String, Option<AccountId>>,
) -> Result<Option<AccountId>, DbError> {
    match party {
        Party::Own { account, .. } | Party::Payee(account) | Party::Bank(account) => {
            Ok(Some(*account))
        }
        Party::PayeeNumber(number) => {
            if let Some(known) = numbers.get(number) {
                return Ok(*known);
            }
            let row = tx.query_opt(BY_NUMBER, params![number])?;
            let id = row.map(|row| row.id(0)).transpose()?;
            numbers.insert(number.clone(), id);
            Ok(id)
        }
    }
}
