//! Card payments against their steps, and their steps against the ledger.
//!
//! Pure. A payment's sums are those of its steps and its state follows from theirs; each step has exactly
//! the transfers that what became of it asks for, with its amount, between the accounts of its merchant and
//! of the bank; and no transfer of a card names a step that did not do that. Cost: a lookup in a hash map a step and a
//! transfer. Bound: [`WINDOW`] steps are in memory at once, whatever their number; all transfers of cards
//! are passed by once for each window. Only a fee's amount is not known of a step: a payment's fees are.

use std::collections::{BTreeMap, HashMap};

use money::PaymentId;
use store::rows::TransferKind;

use super::booked::{Booked, KINDS, bit_of, due};
use super::model::{Finding, Step};
use crate::gateways::Kind;
use crate::payments::model::{State, StepState, operation};

/// Steps in one window, some 100 bytes each.
pub const WINDOW: usize = 500_000;

/// What `verify` reads of a row of `payments`.
#[derive(Debug, Clone)]
pub struct StoredPayment {
    pub id: PaymentId,
    pub amount: i64,
    pub captured: i64,
    pub capturing: i64,
    pub refunded: i64,
    pub refunding: i64,
    pub fee: i64,
    pub state: State,
    pub is_automatic: bool,
}

/// What it reads of a row of `payment_steps`.
#[derive(Debug, Clone)]
pub struct StoredStep {
    pub id: [u8; 16],
    pub payment: PaymentId,
    pub kind: Kind,
    pub amount: i64,
    pub is_final: bool,
    pub state: StepState,
    /// From 1, in the order in which the payment's steps began.
    pub number: i64,
}

/// Payments with all their steps.
#[derive(Default)]
pub struct Window {
    /// Payments whose steps are still to come.
    open: BTreeMap<PaymentId, Sums>,
    fees: HashMap<PaymentId, Fees>,
    steps: HashMap<[u8; 16], Entry>,
}

struct Sums {
    row: StoredPayment,
    /// The number of the last step that was taken.
    steps: i64,
    authorization: Option<StepState>,
    captured: i128,
    capturing: i128,
    refunded: i128,
    refunding: i128,
    captures: u64,
    final_captures: u64,
    cancellations: u64,
    /// Captures and cancellations under way.
    under_way: u64,
}

#[derive(Clone, Copy)]
struct Fees {
    claimed: i64,
    found: i128,
}

/// A step, and which transfers of it there are.
struct Entry {
    payment: PaymentId,
    kind: Kind,
    due: u8,
    seen: u8,
}

impl Window {
    pub fn is_full(&self) -> bool {
        self.steps.len() >= WINDOW
    }

    /// Takes a payment; its steps come before [`Window::close`].
    pub fn add_payment(&mut self, row: StoredPayment) {
        self.fees.insert(row.id, Fees { claimed: row.fee, found: 0 });
        self.open.insert(row.id, Sums::new(row));
    }

    /// Takes a step of a payment that was taken, by its number.
    pub fn add_step(&mut self, step: &StoredStep) -> Step {
        let Some(sums) = self.open.get_mut(&step.payment) else {
            let expected = format!("the payment {} to be there", step.payment);
            return Err(wrong_step(step.kind, &step.id, expected, "no such payment").into());
        };
        sums.add(step)?;
        let due = due(step.kind, step.state, sums.row.is_automatic);
        let entry = Entry { payment: step.payment, kind: step.kind, due, seen: 0 };
        self.steps.insert(step.id, entry);
        Ok(())
    }

    /// After the last step of the payments so far: their sums and states.
    pub fn close(&mut self) -> Step {
        for sums in std::mem::take(&mut self.open).into_values() {
            sums.check()?;
        }
        Ok(())
    }

    /// Takes a transfer of any window.
    pub fn add_transfer(&mut self, booked: &Booked) -> Step {
        let cause = booked.check()?;
        let Some(entry) = self.steps.get_mut(&cause.step) else { return Ok(()) };
        let bit = bit_of(booked.kind);
        if entry.seen & bit != 0 {
            let name = operation(cause.kind, &cause.step);
            let expected = format!("one {} of {name}", booked.kind.as_str());
            return Err(booked.wrong(expected, "another one").into());
        }
        entry.seen |= bit;
        if booked.kind == TransferKind::CardFee
            && let Some(fees) = self.fees.get_mut(&entry.payment)
        {
            fees.found = fees.found.saturating_add(booked.amount.into());
        }
        Ok(())
    }

    /// After the last transfer: every step has its own, and every payment its fees.
    pub fn finish(&self) -> Step {
        let lacks = |(_, entry): &(_, &Entry)| entry.due & !entry.seen != 0;
        if let Some((id, entry)) = self.steps.iter().filter(lacks).min_by_key(|(id, _)| **id) {
            let missing = entry.due & !entry.seen;
            let kinds = KINDS.iter().filter(|kind| missing & bit_of(**kind) != 0);
            let names: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
            let expected = format!("a transfer {} of it", names.join(" and a "));
            return Err(wrong_step(entry.kind, id, expected, "none").into());
        }
        let differs = |(_, fees): &(_, &Fees)| i128::from(fees.claimed) != fees.found;
        if let Some((id, fees)) = self.fees.iter().filter(differs).min_by_key(|(id, _)| **id) {
            let expected = format!("fee {}, the sum of its transfers", fees.found);
            return Err(Finding::new("payments", id, expected, fees.claimed).into());
        }
        Ok(())
    }
}

impl Sums {
    fn new(row: StoredPayment) -> Self {
        Self {
            row,
            steps: 0,
            authorization: None,
            captured: 0,
            capturing: 0,
            refunded: 0,
            refunding: 0,
            captures: 0,
            final_captures: 0,
            cancellations: 0,
            under_way: 0,
        }
    }

    fn add(&mut self, step: &StoredStep) -> Result<(), Finding> {
        let amount = i128::from(step.amount);
        let wrong =
            |expected: String, found: String| Err(wrong_step(step.kind, &step.id, expected, found));
        self.steps = self.steps.saturating_add(1);
        if step.number != self.steps {
            return wrong(format!("number {} of its payment", self.steps), step.number.to_string());
        }
        if (step.kind == Kind::Authorize) != (step.number == 1) {
            let expected = "the authorisation first, and once".to_owned();
            return wrong(expected, format!("number {}", step.number));
        }
        if step.amount <= 0 {
            return wrong("an amount above nought".to_owned(), step.amount.to_string());
        }
        match (step.kind, step.state) {
            (Kind::Authorize, state) => {
                if step.id != *self.row.id.bytes() {
                    return wrong(format!("the id of {}", self.row.id), "another".to_owned());
                }
                if step.amount != self.row.amount {
                    let expected = format!("{}, the amount of its payment", self.row.amount);
                    return wrong(expected, step.amount.to_string());
                }
                self.authorization = Some(state);
                if state == StepState::Done && self.row.is_automatic {
                    self.captured = self.captured.saturating_add(amount);
                }
            }
            (Kind::Capture, StepState::Done) => {
                self.captures = self.captures.saturating_add(1);
                self.final_captures = self.final_captures.saturating_add(u64::from(step.is_final));
                self.captured = self.captured.saturating_add(amount);
            }
            (Kind::Cancel, StepState::Done) => {
                self.cancellations = self.cancellations.saturating_add(1);
            }
            (Kind::Capture, StepState::Submitting | StepState::Unknown) => {
                self.under_way = self.under_way.saturating_add(1);
                self.capturing = self.capturing.saturating_add(amount);
            }
            (Kind::Cancel, StepState::Submitting | StepState::Unknown) => {
                self.under_way = self.under_way.saturating_add(1);
            }
            (Kind::Refund, StepState::Done) => {
                self.refunded = self.refunded.saturating_add(amount);
            }
            (Kind::Refund, StepState::Submitting | StepState::Unknown) => {
                self.refunding = self.refunding.saturating_add(amount);
            }
            (Kind::Capture | Kind::Cancel | Kind::Refund, StepState::Refused) => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Finding> {
        let row = &self.row;
        for (what, expected, found) in [
            ("captured", self.captured, row.captured),
            ("capturing", self.capturing, row.capturing),
            ("refunded", self.refunded, row.refunded),
            ("refunding", self.refunding, row.refunding),
        ] {
            if expected != i128::from(found) {
                let expected = format!("{what} {expected}, the sum of its steps");
                return Err(Finding::new("payments", row.id, expected, found));
            }
        }
        let amount = i128::from(row.amount);
        if self.captured.saturating_add(self.capturing) > amount {
            let expected = format!("captures of at most {amount}");
            return Err(Finding::new("payments", row.id, expected, row.captured));
        }
        if self.refunded.saturating_add(self.refunding) > self.captured {
            let expected = format!("refunds of at most {}", self.captured);
            return Err(Finding::new("payments", row.id, expected, row.refunded));
        }
        if self.under_way > 1 {
            let expected = "one capture or cancellation under way at a time";
            return Err(Finding::new("payments", row.id, expected, self.under_way));
        }
        let expected = self.states();
        if expected.contains(&row.state) {
            return Ok(());
        }
        let names: Vec<&str> = expected.iter().map(|state| state.as_str()).collect();
        let names = if names.is_empty() {
            "steps that fit together".to_owned()
        } else {
            names.join(" or ")
        };
        let expected = format!("{names}, by its steps");
        Err(Finding::new("payments", row.id, expected, row.state.as_str()))
    }

    /// Where a payment with these steps can stand.
    fn states(&self) -> &'static [State] {
        let is_untouched = self.captures == 0 && self.cancellations == 0 && self.under_way == 0;
        match self.authorization {
            Some(StepState::Submitting) if is_untouched => &[State::Submitting],
            Some(StepState::Unknown) if is_untouched => &[State::Unknown],
            Some(StepState::Refused) if is_untouched => &[State::Declined],
            Some(StepState::Done) if self.row.is_automatic && is_untouched => &[State::Captured],
            Some(StepState::Done) if !self.row.is_automatic => {
                match (self.final_captures, self.cancellations, self.under_way) {
                    (0, 0, _) => &[State::Authorized],
                    (1, 0, 0) => &[State::Captured],
                    (0, 1, 0) if self.captured > 0 => &[State::Captured],
                    (0, 1, 0) => &[State::Canceled],
                    _ => &[],
                }
            }
            Some(_) | None => &[],
        }
    }
}

fn wrong_step(kind: Kind, id: &[u8; 16], expected: String, found: impl ToString) -> Finding {
    Finding::new("payment_steps", operation(kind, id), expected, found)
}
