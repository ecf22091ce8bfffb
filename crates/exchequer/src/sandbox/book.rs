//! What the sandbox gateway has decided: charges and operations, and the rules between them.
//!
//! [`Book::decide`] is pure and [`Book::apply`] cannot fail, so that a record can be written to the journal
//! between the two and be applied again after a restart. Captures never exceed the authorisation, refunds
//! never what was captured. Cost: a few look-ups. Bound: [`MAX_OPERATIONS`]; beyond it the oldest day is
//! forgotten, its operations and the charges that nothing has happened to since. Never here: a card number,
//! a clock, IO.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use money::{Currency, Money, PaymentId, Timestamp};

use super::refusal::Refusal;
use super::wire::{Answer, Status};
use crate::gateways::{Day, Kind};

/// Some 400 bytes each. A day with more of them is a load test that wants a new sandbox.
pub const MAX_OPERATIONS: usize = 1_000_000;

#[derive(Default)]
pub struct Book {
    charges: BTreeMap<PaymentId, Charge>,
    operations: HashMap<Arc<str>, Record>,
    days: BTreeMap<Day, Vec<Arc<str>>>,
}

/// One payment at the gateway, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    pub currency: Currency,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    /// What is authorised and not captured can still be captured.
    pub is_open: bool,
    last_day: Day,
}

/// What a request asks for, its card already judged.
pub struct Order {
    pub operation: Arc<str>,
    /// Over all of the request; never the request.
    pub fingerprint: [u8; 32],
    pub payment: PaymentId,
    pub demand: Demand,
}

#[derive(Clone, Copy)]
pub enum Demand {
    Authorize { money: Money, capture: bool, card: Result<(), Refusal> },
    Capture { money: Money, is_final: bool },
    Cancel,
    Refund { money: Money },
}

/// A decided operation: what the journal has and the answer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub operation: Arc<str>,
    pub fingerprint: [u8; 32],
    pub at: Timestamp,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Done {
        payment: PaymentId,
        deed: Deed,
    },
    Refused {
        payment: PaymentId,
        kind: Kind,
        refusal: Refusal,
    },
    /// It never arrived, and is not let in any more.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Authorized {
        money: Money,
        capture: bool,
    },
    Captured {
        money: Money,
        is_final: bool,
    },
    /// With what was released.
    Canceled {
        released: Money,
    },
    Refunded {
        money: Money,
    },
}

/// All of a currency, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Total {
    pub charges: u64,
    pub authorized: i128,
    pub captured: i128,
    pub refunded: i128,
}

impl Book {
    pub fn record(&self, operation: &str) -> Option<&Record> {
        self.operations.get(operation)
    }

    pub fn charge(&self, payment: PaymentId) -> Option<Charge> {
        self.charges.get(&payment).copied()
    }

    /// The charges by payment, from the one behind `after` on.
    pub fn charges(&self, after: Option<PaymentId>) -> impl Iterator<Item = (&PaymentId, &Charge)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.charges.range((after.map_or(Unbounded, Excluded), Unbounded))
    }

    pub fn totals(&self) -> BTreeMap<&'static str, Total> {
        let mut totals: BTreeMap<&'static str, Total> = BTreeMap::new();
        for charge in self.charges.values() {
            let total = totals.entry(charge.currency.code()).or_default();
            total.charges += 1;
            total.authorized += i128::from(charge.authorized);
            total.captured += i128::from(charge.captured);
            total.refunded += i128::from(charge.refunded);
        }
        totals
    }

    /// Everything decided on a day, in order.
    pub fn day(&self, day: Day) -> impl Iterator<Item = &Record> {
        let names = self.days.get(&day).map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(|name| self.operations.get(name))
    }

    /// Makes room for one more; false where all of it is of `today`.
    pub fn make_room(&mut self, today: Day, most: usize) -> bool {
        while self.operations.len() >= most {
            let Some(oldest) = self.days.first_entry().filter(|oldest| *oldest.key() < today)
            else {
                return false;
            };
            let (day, names) = oldest.remove_entry();
            for name in names {
                self.operations.remove(&name);
            }
            self.charges.retain(|_, charge| charge.last_day > day);
        }
        true
    }

    /// Decides an order; changes nothing. The operation must be new.
    pub fn decide(&self, order: &Order, now: Timestamp) -> Record {
        let payment = order.payment;
        let verdict = match self.deed(order) {
            Ok(deed) => Verdict::Done { payment, deed },
            Err(refusal) => Verdict::Refused { payment, kind: order.demand.kind(), refusal },
        };
        let (operation, fingerprint) = (Arc::clone(&order.operation), order.fingerprint);
        Record { operation, fingerprint, at: now, verdict }
    }

    /// Enters what was decided. A second record of an operation changes nothing.
    pub fn apply(&mut self, record: Record) {
        if self.operations.contains_key(&record.operation) {
            return;
        }
        let day = Day::of(record.at);
        if let Verdict::Done { payment, deed } = record.verdict {
            self.enter(payment, deed, day);
        }
        self.days.entry(day).or_default().push(Arc::clone(&record.operation));
        self.operations.insert(Arc::clone(&record.operation), record);
    }

    fn deed(&self, order: &Order) -> Result<Deed, Refusal> {
        let charge = self.charges.get(&order.payment);
        match order.demand {
            Demand::Authorize { money, capture, card } => {
                if charge.is_some() {
                    return Err(Refusal::PaymentExists);
                }
                card?;
                Ok(Deed::Authorized { money, capture })
            }
            Demand::Capture { money, is_final } => {
                let charge = in_currency(charge, money)?;
                if !charge.is_open {
                    return Err(Refusal::NotOpen);
                }
                if money.minor() > charge.open() {
                    return Err(Refusal::ExceedsAuthorization);
                }
                Ok(Deed::Captured { money, is_final })
            }
            Demand::Cancel => {
                let charge = charge.ok_or(Refusal::NoSuchPayment)?;
                if !charge.is_open {
                    return Err(Refusal::NotOpen);
                }
                Ok(Deed::Canceled { released: Money::new(charge.open(), charge.currency) })
            }
            Demand::Refund { money } => {
                let charge = in_currency(charge, money)?;
                if money.minor() > charge.captured.saturating_sub(charge.refunded) {
                    return Err(Refusal::ExceedsCapture);
                }
                Ok(Deed::Refunded { money })
            }
        }
    }

    fn enter(&mut self, payment: PaymentId, deed: Deed, day: Day) {
        if let Deed::Authorized { money, capture } = deed {
            let captured = if capture { money.minor() } else { 0 };
            let charge = Charge {
                currency: money.currency(),
                authorized: money.minor(),
                captured,
                refunded: 0,
                is_open: !capture,
                last_day: day,
            };
            self.charges.insert(payment, charge);
            return;
        }
        let Some(charge) = self.charges.get_mut(&payment) else { return };
        charge.last_day = charge.last_day.max(day);
        match deed {
            Deed::Captured { money, is_final } => {
                charge.captured = charge.captured.saturating_add(money.minor());
                charge.is_open = !is_final && charge.open() > 0;
            }
            Deed::Canceled { .. } => charge.is_open = false,
            Deed::Refunded { money } => {
                charge.refunded = charge.refunded.saturating_add(money.minor());
            }
            Deed::Authorized { .. } => {}
        }
    }
}

impl Charge {
    fn open(&self) -> i64 {
        self.authorized.saturating_sub(self.captured)
    }
}

impl Demand {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Authorize { .. } => Kind::Authorize,
            Self::Capture { .. } => Kind::Capture,
            Self::Cancel => Kind::Cancel,
            Self::Refund { .. } => Kind::Refund,
        }
    }
}

impl Deed {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Authorized { .. } => Kind::Authorize,
            Self::Captured { .. } => Kind::Capture,
            Self::Canceled { .. } => Kind::Cancel,
            Self::Refunded { .. } => Kind::Refund,
        }
    }

    pub const fn money(&self) -> Money {
        match self {
            Self::Authorized { money, .. }
            | Self::Captured { money, .. }
            | Self::Canceled { released: money }
            | Self::Refunded { money } => *money,
        }
    }

    pub const fn is_captured(&self) -> bool {
        matches!(self, Self::Authorized { capture: true, .. } | Self::Captured { .. })
    }

    /// What moved, as a report has it: none for what only reserves or releases.
    pub const fn movement(&self) -> Option<(Kind, Money)> {
        match self {
            Self::Authorized { money, capture: true } | Self::Captured { money, .. } => {
                Some((Kind::Capture, *money))
            }
            Self::Refunded { money } => Some((Kind::Refund, *money)),
            Self::Authorized { capture: false, .. } | Self::Canceled { .. } => None,
        }
    }
}

impl Record {
    /// The one answer to this operation, however often it is asked for.
    pub fn answer(&self) -> Answer {
        let name = &*self.operation;
        match &self.verdict {
            Verdict::Done { payment, deed } => Answer {
                act: Some(deed.kind().as_str().to_owned()),
                payment: Some(payment.to_string()),
                reference: Some(self.reference(*payment, deed.kind())),
                amount: Some(deed.money().minor()),
                currency: Some(deed.money().currency().code().to_owned()),
                captured: Some(deed.is_captured()),
                ..Answer::bare(name, Status::Done)
            },
            Verdict::Refused { payment, kind, refusal } => Answer {
                act: Some(kind.as_str().to_owned()),
                payment: Some(payment.to_string()),
                code: Some(refusal.as_str().to_owned()),
                ..Answer::bare(name, Status::Refused)
            },
            Verdict::Closed => Answer::bare(name, Status::Closed),
        }
    }

    /// The gateway's own name: of the payment, or of the refund where it is one.
    pub fn reference(&self, payment: PaymentId, kind: Kind) -> String {
        match kind {
            Kind::Authorize | Kind::Capture | Kind::Cancel => reference_of(payment),
            Kind::Refund => format!("sbr_{}", self.operation),
        }
    }
}

/// `sbx_` and what stands behind the prefix of the payment's id.
pub fn reference_of(payment: PaymentId) -> String {
    payment.to_string().replacen("pay_", "sbx_", 1)
}

fn in_currency(charge: Option<&Charge>, money: Money) -> Result<&Charge, Refusal> {
    let charge = charge.ok_or(Refusal::NoSuchPayment)?;
    if charge.currency == money.currency() { Ok(charge) } else { Err(Refusal::CurrencyMismatch) }
}

#[cfg(test)]
mod tests;
