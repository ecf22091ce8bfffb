//! What reports of gateways made of money, payouts to merchants, and the numbers of merchants' events.
//!
//! Pure. A line's fee, a difference and a reversal that is done have each exactly one transfer, of their sum and
//! between the bank's own accounts for it; a payout leaves the live account of its merchant for a customer's;
//! merchants' events are numbered without a gap up to the last number that was given out. What was purged is missing
//! at the beginning only.

use std::collections::BTreeMap;

use money::{AccountId, Currency, CustomerId, MerchantId, TransferId};
use store::rows::TransferKind;

use super::model::{Finding, Step};
use crate::bank::{Own, own_account};
use crate::merchants::keys::Mode;
use crate::payments::model::StepState;

/// How many transfers there are of each kind.
#[derive(Debug, Clone, Default)]
pub struct Counts(BTreeMap<TransferKind, u64>);

/// A row that has a transfer.
#[derive(Debug, Clone)]
pub struct Due {
    pub table: &'static str,
    pub id: String,
    pub kind: TransferKind,
    pub amount: i64,
    pub currency: Currency,
    /// Whose accounts it may be between.
    pub modes: &'static [Mode],
    /// A fee that the gateway gave back.
    pub is_reverse: bool,
}

/// The transfer that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub kind: i64,
    pub amount: i64,
    pub currency: String,
    pub debit: AccountId,
    pub credit: AccountId,
}

/// A payout, with what stands behind the ids in it.
#[derive(Debug, Clone)]
pub struct PaidOut {
    pub id: TransferId,
    pub debit: AccountId,
    /// Of the account that was paid.
    pub owner: Option<CustomerId>,
    /// The live account of the merchant that it names, in its currency.
    pub merchants: Option<AccountId>,
}

/// The events of a merchant in a mode.
#[derive(Debug, Clone)]
pub struct Sequence {
    pub merchant: MerchantId,
    pub mode: Mode,
    pub events: i64,
    pub first: i64,
    pub newest: i64,
    /// The last number that was given out; `None`: none was.
    pub last: Option<i64>,
}

impl Counts {
    pub fn add(&mut self, kind: TransferKind) {
        let count = self.0.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    pub fn of(&self, kind: TransferKind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// There are as many as rows that name one.
    pub fn check(&self, kind: TransferKind, rows: u64) -> Step {
        let found = self.of(kind);
        if found == rows {
            return Ok(());
        }
        let expected = format!("{rows} of kind {}, one for each row that has one", kind.as_str());
        Err(Finding::new("transfers", kind.as_str(), expected, found).into())
    }
}

impl Due {
    pub fn check(&self, moved: Option<&Moved>) -> Step {
        let kind = self.kind.as_str();
        let Some(moved) = moved else {
            return Err(self.wrong(format!("its transfer, a {kind}"), "no such row"));
        };
        let (amount, currency) = (self.amount, self.currency.code());
        let is_so = moved.kind == self.kind.code()
            && moved.amount == amount
            && moved.currency == currency
            && self.sides().contains(&(moved.debit, moved.credit));
        if is_so {
            return Ok(());
        }
        let found = format!(
            "{} {} of kind {} from {} to {}",
            moved.amount, moved.currency, moved.kind, moved.debit, moved.credit
        );
        Err(self.wrong(format!("a {kind} of {amount} {currency} between its accounts"), &found))
    }

    /// A reversal is of a step that failed.
    pub fn check_step(&self, state: Option<i64>) -> Step {
        let found = state.and_then(StepState::from_code);
        if found == Some(StepState::Refused) {
            return Ok(());
        }
        Err(self.wrong("a step that is refused".to_owned(), &format!("{found:?}")))
    }

    /// The pairs of accounts that it may be between.
    fn sides(&self) -> Vec<(AccountId, AccountId)> {
        let own = |own: Own| own_account(own, self.currency);
        let mut sides = Vec::new();
        for mode in self.modes {
            let (clearing, suspense) = (own(Own::Clearing(*mode)), own(Own::Suspense(*mode)));
            let fees = own(Own::GatewayFees(*mode));
            match self.kind {
                TransferKind::GatewayFee if self.is_reverse => sides.push((clearing, fees)),
                TransferKind::GatewayFee => sides.push((fees, clearing)),
                TransferKind::ChargeReversed => sides.push((suspense, clearing)),
                // A difference goes either way.
                _ => sides.extend([(clearing, suspense), (suspense, clearing)]),
            }
        }
        sides
    }

    fn wrong(&self, expected: String, found: &str) -> super::model::Stop {
        Finding::new(self.table, &self.id, expected, found).into()
    }
}

impl PaidOut {
    pub fn check(&self) -> Step {
        if self.merchants != Some(self.debit) {
            let expected = "the live account of the merchant that it names";
            return Err(Finding::new("transfers", self.id, expected, self.debit).into());
        }
        if self.owner.is_none() {
            let expected = "a customer's account to be paid";
            return Err(Finding::new("transfers", self.id, expected, "the bank's own").into());
        }
        Ok(())
    }
}

impl Sequence {
    pub fn check(&self) -> Step {
        let id = format!("{} {}", self.merchant, self.mode.as_str());
        let wrong = |expected: String, found: i64| {
            Err(Finding::new("merchant_events", id.clone(), expected, found).into())
        };
        if self.last != Some(self.newest) {
            let last = self.last.unwrap_or(0);
            return wrong(format!("{last}, the last number given out"), self.newest);
        }
        let between = self.newest.saturating_sub(self.first).saturating_add(1);
        if self.events != between {
            let expected = format!("{between} events from {} to {}", self.first, self.newest);
            return wrong(expected, self.events);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(kind: TransferKind, amount: i64) -> Due {
        Due {
            table: "differences",
            id: "dif_1".to_owned(),
            kind,
            amount,
            currency: Currency::INR,
            modes: &[Mode::Test],
            is_reverse: false,
        }
    }

    fn moved(kind: TransferKind, amount: i64, (debit, credit): (Own, Own)) -> Moved {
        let own = |own| own_account(own, Currency::INR);
        let (debit, credit) = (own(debit), own(credit));
        Moved { kind: kind.code(), amount, currency: "INR".to_owned(), debit, credit }
    }

    #[test]
    fn a_row_has_the_transfer_that_it_asks_for_and_no_other() {
        let (kind, mode) = (TransferKind::ChargeReversed, Mode::Test);
        let (suspense, clearing) = (Own::Suspense(mode), Own::Clearing(mode));
        let right = moved(kind, 100, (suspense, clearing));
        assert!(due(kind, 100).check(Some(&right)).is_ok());
        for wrong in [
            None,
            Some(moved(kind, 99, (suspense, clearing))),
            Some(moved(kind, 100, (clearing, suspense))),
            Some(moved(TransferKind::Difference, 100, (suspense, clearing))),
            Some(moved(kind, 100, (Own::Suspense(Mode::Live), Own::Clearing(Mode::Live)))),
            Some(Moved { currency: "USD".to_owned(), ..right.clone() }),
        ] {
            assert!(due(kind, 100).check(wrong.as_ref()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_fee_goes_to_clearing_and_one_that_is_given_back_comes_from_there() {
        let (kind, mode) = (TransferKind::GatewayFee, Mode::Test);
        let kept = moved(kind, 5, (Own::GatewayFees(mode), Own::Clearing(mode)));
        let given = moved(kind, 5, (Own::Clearing(mode), Own::GatewayFees(mode)));
        assert!(due(kind, 5).check(Some(&kept)).is_ok());
        assert!(due(kind, 5).check(Some(&given)).is_err());
        let back = Due { is_reverse: true, ..due(kind, 5) };
        assert!(back.check(Some(&given)).is_ok() && back.check(Some(&kept)).is_err());
    }

    #[test]
    fn numbers_are_without_a_gap_up_to_the_last() {
        let sequence = |events, first, newest, last| Sequence {
            merchant: MerchantId::from_bytes([1; 16]),
            mode: Mode::Test,
            events,
            first,
            newest,
            last,
        };
        for (right, sequence) in [
            (true, sequence(3, 1, 3, Some(3))),
            (true, sequence(2, 2, 3, Some(3))),
            (false, sequence(2, 1, 3, Some(3))),
            (false, sequence(2, 1, 2, Some(3))),
            (false, sequence(3, 1, 3, None)),
        ] {
            assert_eq!(sequence.check().is_ok(), right, "{sequence:?}");
        }
    }

    #[test]
    fn a_payout_is_the_merchants_own_money_and_goes_to_a_customer() {
        let (from, other) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
        let paid = |merchants, owner| PaidOut {
            id: TransferId::from_bytes([3; 16]),
            debit: from,
            owner,
            merchants,
        };
        let owner = Some(CustomerId::from_bytes([4; 16]));
        assert!(paid(Some(from), owner).check().is_ok());
        assert!(paid(Some(other), owner).check().is_err());
        assert!(paid(None, owner).check().is_err());
        assert!(paid(Some(from), None).check().is_err());
    }
}
