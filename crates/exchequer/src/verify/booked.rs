//! The transfers that steps of card payments make: which there are of a step, of how much, between whom.
//!
//! Pure.

use money::{AccountId, Currency, TransferId};
use store::rows::TransferKind;

use super::model::Finding;
use crate::bank::{Own, own_account};
use crate::gateways::Kind;
use crate::merchants::keys::Mode;
use crate::payments::model::{StepState, operation};

/// A transfer that a step of a payment is to have made.
#[derive(Debug, Clone)]
pub struct Booked {
    pub id: TransferId,
    pub kind: TransferKind,
    pub amount: i64,
    pub currency: String,
    pub debit: AccountId,
    pub credit: AccountId,
    /// The step that it names; `None` where there is none, or none of a payment.
    pub cause: Option<Cause>,
}

/// The step behind a transfer, and what of its payment says where the money is.
#[derive(Debug, Clone)]
pub struct Cause {
    pub step: [u8; 16],
    pub kind: Kind,
    pub state: StepState,
    pub amount: i64,
    pub mode: Mode,
    pub is_automatic: bool,
    pub currency: Currency,
    /// Where the merchant's money of this mode and currency stands.
    pub merchant: Option<AccountId>,
}

const CAPTURE: u8 = 1;
/// Due to nobody: a merchant's terms say whether there is one.
const FEE: u8 = 2;
const SET_ASIDE: u8 = 4;
const PAID: u8 = 8;
const RETURNED: u8 = 16;

impl Booked {
    /// Its step, where that did exactly this.
    pub fn check(&self) -> Result<&Cause, Finding> {
        let kind = self.kind.as_str();
        let Some(cause) = &self.cause else {
            return Err(self.wrong("the step of a payment that it names".to_owned(), "no such row"));
        };
        let name = operation(cause.kind, &cause.step);
        if !cause.allows(self.kind) {
            let expected = format!("no {kind} of {name}, which is {:?}", cause.state);
            return Err(self.wrong(expected, "one"));
        }
        let is_fee = self.kind == TransferKind::CardFee;
        let fits = if is_fee { self.amount <= cause.amount } else { self.amount == cause.amount };
        if !fits {
            let most = if is_fee { "at most " } else { "" };
            let expected = format!("{most}{}, the amount of {name}", cause.amount);
            return Err(self.wrong(expected, &self.amount.to_string()));
        }
        if self.currency != cause.currency.code() {
            let expected = format!("{}, the currency of {name}", cause.currency);
            return Err(self.wrong(expected, &self.currency));
        }
        if cause.sides(self.kind) != Some((self.debit, self.credit)) {
            let found = format!("{} and {}", self.debit, self.credit);
            return Err(self.wrong(format!("the accounts of {name} for a {kind}"), &found));
        }
        Ok(cause)
    }

    pub fn wrong(&self, expected: String, found: &str) -> Finding {
        Finding::new("transfers", self.id, expected, found)
    }
}

impl Cause {
    fn allows(&self, kind: TransferKind) -> bool {
        let is_done = self.state == StepState::Done;
        match kind {
            TransferKind::CardCapture | TransferKind::CardFee => match self.kind {
                Kind::Authorize => is_done && self.is_automatic,
                Kind::Capture => is_done,
                Kind::Cancel | Kind::Refund => false,
            },
            TransferKind::RefundSetAside => self.kind == Kind::Refund,
            TransferKind::RefundPaid => self.kind == Kind::Refund && is_done,
            TransferKind::RefundReturned => {
                self.kind == Kind::Refund && self.state == StepState::Refused
            }
            TransferKind::Transfer
            | TransferKind::Deposit
            | TransferKind::Withdrawal
            | TransferKind::Capture
            | TransferKind::Reversal
            | TransferKind::Payout
            | TransferKind::Difference
            | TransferKind::ChargeReversed
            | TransferKind::GatewayFee => false,
        }
    }

    /// Paying and paid account; `None` where the merchant has none.
    fn sides(&self, kind: TransferKind) -> Option<(AccountId, AccountId)> {
        let own = |own: Own| own_account(own, self.currency);
        let (clearing, fees) = (own(Own::Clearing(self.mode)), own(Own::Fees(self.mode)));
        let aside = own(Own::RefundsSetAside(self.mode));
        let merchant = self.merchant?;
        match kind {
            TransferKind::CardCapture => Some((clearing, merchant)),
            TransferKind::CardFee => Some((merchant, fees)),
            TransferKind::RefundSetAside => Some((merchant, aside)),
            TransferKind::RefundPaid => Some((aside, clearing)),
            TransferKind::RefundReturned => Some((aside, merchant)),
            TransferKind::Transfer
            | TransferKind::Deposit
            | TransferKind::Withdrawal
            | TransferKind::Capture
            | TransferKind::Reversal
            | TransferKind::Payout
            | TransferKind::Difference
            | TransferKind::ChargeReversed
            | TransferKind::GatewayFee => None,
        }
    }
}

/// The kinds of transfers that steps make.
pub const KINDS: [TransferKind; 5] = [
    TransferKind::CardCapture,
    TransferKind::CardFee,
    TransferKind::RefundSetAside,
    TransferKind::RefundPaid,
    TransferKind::RefundReturned,
];

/// The bits of the transfers that a step must have.
pub fn due(kind: Kind, state: StepState, is_automatic: bool) -> u8 {
    match (kind, state) {
        (Kind::Authorize, StepState::Done) if is_automatic => CAPTURE,
        (Kind::Capture, StepState::Done) => CAPTURE,
        (Kind::Refund, StepState::Submitting | StepState::Unknown) => SET_ASIDE,
        (Kind::Refund, StepState::Done) => SET_ASIDE | PAID,
        (Kind::Refund, StepState::Refused) => SET_ASIDE | RETURNED,
        (Kind::Authorize | Kind::Capture | Kind::Cancel, _) => 0,
    }
}

/// A kind as a bit; nought for what no step makes.
pub const fn bit_of(kind: TransferKind) -> u8 {
    match kind {
        TransferKind::CardCapture => CAPTURE,
        TransferKind::CardFee => FEE,
        TransferKind::RefundSetAside => SET_ASIDE,
        TransferKind::RefundPaid => PAID,
        TransferKind::RefundReturned => RETURNED,
        TransferKind::Transfer
        | TransferKind::Deposit
        | TransferKind::Withdrawal
        | TransferKind::Capture
        | TransferKind::Reversal
        | TransferKind::Payout
        | TransferKind::Difference
        | TransferKind::ChargeReversed
        | TransferKind::GatewayFee => 0,
    }
}
