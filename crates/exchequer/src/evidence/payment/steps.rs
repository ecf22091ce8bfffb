//! A payment's steps: which leaves show each, and what all of them make. Pure.
//!
//! | step | begins | done | refused |
//! |--|--|--|--|
//! | authorize, manual | event `payment.created` | event `payment.authorized` | event `payment.declined` |
//! | authorize, automatic | the same | money `card_capture`, its fee, event `payment.succeeded` | the same |
//! | capture | nothing | money `card_capture`, its fee, event `payment.captured`; of the last `payment.succeeded` | event `payment.capture_failed` |
//! | cancel | nothing | event `payment.canceled`; after a capture `payment.succeeded` | event `payment.cancel_failed` |
//! | refund | money `refund_set_aside`, event `refund.created` | money `refund_paid`, event `refund.succeeded` | money `refund_returned`, event `refund.failed` |
//!
//! The fee is a transfer `card_fee`, where there is one. A step whose outcome is not known yet has what it began with.

use ::store::rows::TransferKind;
use data_encoding::BASE64;
use merkle::{Hash, check_inclusion, leaf_hash};
use money::Timestamp;

use super::{PaidFacts, PaidLeaf, PaidStep, PaymentReceipt};
use crate::evidence::leaf;
use crate::evidence::model::Table;
use crate::evidence::receipt::{ReceiptError, hash};
use crate::gateways::Kind;
use crate::payments::model::step_of;

/// A leaf that shows a part of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Event {
        action: &'static str,
        resource: String,
        at: Timestamp,
    },
    /// `amount` is minor units; of a fee, which is the bank's to set, it is not known.
    Money {
        kind: TransferKind,
        step: [u8; 16],
        amount: Option<i64>,
        at: Timestamp,
    },
}

/// What the steps make.
#[derive(Debug, Default)]
pub struct Totals {
    status: &'static str,
    captured: i64,
    refunded: i64,
    fee: i64,
    decline_code: Option<String>,
    steps: usize,
}

impl Expected {
    /// A fee of nothing is not booked.
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Money { kind: TransferKind::CardFee, .. })
    }

    /// What a leaf moves, if it is this one.
    fn met_by(&self, leaf: &[u8], currency: &str) -> Option<i64> {
        match self {
            Self::Event { action, resource, at } => {
                let fields = leaf::fields(leaf, Table::Events)?;
                let [_, Some(time), Some(said), Some(about), Some(outcome), _, _] = &fields[..]
                else {
                    return None;
                };
                let is_it = *said == action.as_bytes()
                    && *about == resource.as_bytes()
                    && *outcome == b"done"
                    && *time == at.micros().to_be_bytes();
                is_it.then_some(0)
            }
            Self::Money { kind, step, amount, at } => {
                let fields = leaf::fields(leaf, Table::Transfers)?;
                let [_, _, _, Some(sum), Some(unit), Some(code), Some(time), about, _, _] =
                    &fields[..]
                else {
                    return None;
                };
                let moved = i64::from_be_bytes((*sum).try_into().ok()?);
                let is_it = amount.is_none_or(|amount| amount == moved)
                    && *unit == currency.as_bytes()
                    && *code == kind.code().to_be_bytes()
                    && *time == at.micros().to_be_bytes()
                    && *about == Some(&step[..]);
                is_it.then_some(moved)
            }
        }
    }
}

impl PaidFacts {
    fn is_automatic(&self) -> bool {
        self.capture == "automatic"
    }
}

impl PaidStep {
    /// The leaves that show it, in the order of the receipt; of a cancellation with what was captured before it.
    ///
    /// Errors: malformed, where the step is none.
    pub fn expected(&self, of: &PaidFacts) -> Result<Vec<Expected>, ReceiptError> {
        let named = step_of(&self.operation).filter(|(kind, _)| kind.as_str() == self.kind);
        let (kind, step) = named.ok_or_else(|| self.differs("its name"))?;
        let time = |text: &str| text.parse().map_err(|_| self.differs("a time"));
        let began: Timestamp = time(&self.began_at)?;
        let ended: Option<Timestamp> = self.ended_at.as_deref().map(time).transpose()?;
        let resource = if kind == Kind::Refund { &self.operation } else { &of.id };
        let event = |action, at| Expected::Event { action, resource: resource.clone(), at };
        let money = |kind, at| Expected::Money { kind, step, amount: Some(self.amount), at };
        let mut expected = match kind {
            Kind::Authorize => vec![event("payment.created", began)],
            Kind::Refund => {
                vec![money(TransferKind::RefundSetAside, began), event("refund.created", began)]
            }
            Kind::Capture | Kind::Cancel => Vec::new(),
        };
        let (is_done, at) = match (self.state.as_str(), ended) {
            ("submitting" | "unknown", None) => return Ok(expected),
            ("done", Some(at)) => (true, at),
            ("refused", Some(at)) => (false, at),
            _ => return Err(self.differs("its state")),
        };
        let takes = kind == Kind::Capture || (kind == Kind::Authorize && of.is_automatic());
        if is_done && takes {
            let fee = Expected::Money { kind: TransferKind::CardFee, step, amount: None, at };
            expected.extend([money(TransferKind::CardCapture, at), fee]);
        }
        if kind == Kind::Refund {
            let back =
                if is_done { TransferKind::RefundPaid } else { TransferKind::RefundReturned };
            expected.push(money(back, at));
        }
        let action = match (kind, is_done) {
            (Kind::Authorize, true) if takes => "payment.succeeded",
            (Kind::Authorize, true) => "payment.authorized",
            (Kind::Authorize, false) => "payment.declined",
            (Kind::Capture, true) if self.r#final => "payment.succeeded",
            (Kind::Capture, true) => "payment.captured",
            (Kind::Capture, false) => "payment.capture_failed",
            (Kind::Cancel, true) if of.captured > 0 => "payment.succeeded",
            (Kind::Cancel, true) => "payment.canceled",
            (Kind::Cancel, false) => "payment.cancel_failed",
            (Kind::Refund, true) => "refund.succeeded",
            (Kind::Refund, false) => "refund.failed",
        };
        expected.push(event(action, at));
        Ok(expected)
    }

    /// Whether its leaves are in the log and show it; gives its fee.
    pub(super) fn check(&self, of: &PaidFacts, log: (u64, &Hash)) -> Result<i64, ReceiptError> {
        let leaves: Vec<Vec<u8>> =
            self.leaves.iter().map(|leaf| leaf.check(log)).collect::<Result<_, _>>()?;
        let (mut left, mut fee) = (leaves.iter(), 0);
        let mut next = left.next();
        for expected in self.expected(of)? {
            let met = next.and_then(|leaf| expected.met_by(leaf, &of.currency));
            match met {
                Some(moved) => {
                    fee += if expected.is_optional() { moved } else { 0 };
                    next = left.next();
                }
                None if expected.is_optional() => {}
                None => return Err(self.differs("no such leaf")),
            }
        }
        if next.is_some() { Err(self.differs("a leaf too many")) } else { Ok(fee) }
    }

    pub(super) fn differs(&self, what: &'static str) -> ReceiptError {
        ReceiptError::Step { operation: self.operation.clone(), what }
    }
}

impl PaidLeaf {
    /// Its bytes, if it is in the log.
    fn check(&self, (size, root): (u64, &Hash)) -> Result<Vec<u8>, ReceiptError> {
        let leaf = BASE64.decode(self.leaf.as_bytes());
        let leaf = leaf.map_err(|_| ReceiptError::Malformed("a leaf".to_owned()))?;
        let proof: Vec<Hash> =
            self.proof.iter().map(|text| hash(text)).collect::<Result<_, _>>()?;
        check_inclusion(&leaf_hash(&leaf), (self.index, size), &proof, root)
            .map_err(|_| ReceiptError::Inclusion)?;
        Ok(leaf)
    }
}

impl Totals {
    /// The next step of a payment, which was checked by itself.
    pub(super) fn add(
        &mut self,
        of: &PaidFacts,
        step: &PaidStep,
        fee: i64,
    ) -> Result<(), ReceiptError> {
        let is_first = self.steps == 0;
        self.steps = self.steps.saturating_add(1);
        self.fee = self.fee.saturating_add(fee);
        let kind = Kind::parse(&step.kind).ok_or_else(|| step.differs("its kind"))?;
        let is_this = step.operation == of.id && step.amount == of.amount;
        if is_first != (kind == Kind::Authorize) || (is_first && !is_this) {
            return Err(step.differs("a payment begins with its one authorisation"));
        }
        let takes = kind == Kind::Capture || (kind == Kind::Authorize && of.is_automatic());
        match (kind, step.state.as_str()) {
            (Kind::Refund, "done") => self.refunded = self.refunded.saturating_add(step.amount),
            (Kind::Refund, _) => {}
            (_, "submitting" | "unknown") => self.status = "processing",
            (Kind::Authorize, "refused") => {
                self.status = "declined";
                self.decline_code.clone_from(&step.code);
            }
            (_, "refused") => self.status = "authorized",
            (Kind::Cancel, _) if self.captured == 0 => self.status = "canceled",
            (Kind::Cancel, _) => self.status = "succeeded",
            (Kind::Authorize | Kind::Capture, _) => {
                let is_all = takes && step.r#final;
                self.status = if is_all { "succeeded" } else { "authorized" };
                if takes {
                    self.captured = self.captured.saturating_add(step.amount);
                }
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, receipt: &PaymentReceipt) -> Result<(), ReceiptError> {
        let of = &receipt.payment;
        let same = [
            ("status", self.status == of.status),
            ("captured", self.captured == of.captured),
            ("refunded", self.refunded == of.refunded),
            ("fee", self.fee == of.fee),
            ("decline_code", self.decline_code == of.decline_code),
            ("created_at", receipt.steps.first().is_some_and(|s| s.began_at == of.created_at)),
        ];
        let wrong = same.into_iter().find(|(_, is_same)| !is_same);
        wrong.map_or(Ok(()), |(name, _)| Err(ReceiptError::Total(name)))
    }
}
