//! Card payments through gateways (P3, P7): no crash, race, retry or silent gateway charges twice, refunds too
//! much, or loses a payment.
//!
//! Order of every step: what will be asked is committed under an id of ours ([`begin`]); only then is the
//! gateway asked, under that id ([`flow`]); then the answer is committed with its postings ([`conclude`]).
//! Where no answer came the step is `unknown`, its money stays held, and a job asks until it is known
//! ([`job`]). Whoever concludes a step second finds it concluded and changes nothing. Locks: the payment's
//! row, then accounts as a transfer does. Never here: a number of a card but on its way from the vault to
//! the gateway, a security code in any row.

pub mod api;
mod begin;
mod conclude;
pub mod dossier;
pub mod flow;
pub mod job;
mod metadata;
pub mod model;
pub mod notices;
mod receipt;
mod store;

use std::sync::Arc;

use ::store::{DbError, Tx};
use money::{MerchantId, PaymentId, RefundId};
use vault::SecretString;

use self::model::{PaymentRow, RefundView, StepRow, StepState, step_of};
use crate::bank::{Act, Bank};
use crate::cards;
use crate::config::Cards;
use crate::gateways::sandbox::Sandbox;
use crate::gateways::stripe::Stripe;
use crate::gateways::{Day, Gateway, Kind, SettingsError};
use crate::merchants::keys::Mode;
use crate::reconciliation::model::Ours;

pub use self::begin::{
    Asked, Begun, NewPayment, RefundBy, cancel_in, capture_in, create_in, refund_in,
};
pub use self::conclude::{conclude_in, cut, prepared_in};
pub use self::model::PaymentView;

/// Who takes card payments for the bank: one gateway for each mode.
#[derive(Default)]
pub struct CardGateways {
    test: Option<Arc<dyn Gateway>>,
    live: Option<Arc<dyn Gateway>>,
}

impl CardGateways {
    /// Those that the configuration names. A bank may have none and serve everything else.
    pub fn new(cards: &Cards) -> Self {
        let test = cards.sandbox.as_ref().and_then(|sandbox| {
            let secret = SecretString::new(sandbox.secret.expose().to_owned());
            opened(Sandbox::new(&sandbox.url, secret, cards.limits()))
        });
        let live = cards.stripe.as_ref().and_then(|stripe| {
            let webhook_secret = SecretString::new(stripe.webhook_secret.expose().to_owned());
            let secrets = (&*stripe.key, webhook_secret);
            opened(Stripe::new(&stripe.url, secrets, cards.limits()))
        });
        Self { test, live }
    }

    /// One gateway, for test money.
    pub fn of_test(gateway: Arc<dyn Gateway>) -> Self {
        Self { test: Some(gateway), live: None }
    }

    pub fn of(&self, mode: Mode) -> Option<&Arc<dyn Gateway>> {
        match mode {
            Mode::Test => self.test.as_ref(),
            Mode::Live => self.live.as_ref(),
        }
    }

    /// The one that took a payment, where the bank still has it.
    pub fn named(&self, mode: Mode, name: &str) -> Option<&Arc<dyn Gateway>> {
        self.of(mode).filter(|gateway| gateway.name() == name)
    }
}

/// The configuration was checked, so this does not fail; if it did, payments would be refused and the log
/// says why.
fn opened<G: Gateway + 'static>(made: Result<G, SettingsError>) -> Option<Arc<dyn Gateway>> {
    match made {
        Ok(gateway) => Some(Arc::new(gateway)),
        Err(error) => {
            tracing::error!(%error, "a card gateway is not used");
            None
        }
    }
}

/// A payment as its merchant sees it. Refuses nothing: `None` is another's or nobody's.
pub fn find(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    id: &PaymentId,
) -> Result<Option<PaymentView>, DbError> {
    store::find(tx, of, id)?.map(|row| view(tx, &row)).transpose()
}

/// Up to `most`, newest first, before the one named.
pub fn list(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    before: Option<&PaymentId>,
    most: i64,
) -> Result<Vec<PaymentView>, DbError> {
    let rows = store::list(tx, of, before, most)?;
    rows.iter().map(|row| view(tx, row)).collect()
}

/// Refunds of a payment, newest first.
pub fn refunds(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    id: &PaymentId,
) -> Result<Option<Vec<RefundView>>, DbError> {
    let Some(payment) = store::find(tx, of, id)? else { return Ok(None) };
    let steps = store::refunds(tx, id)?;
    Ok(Some(steps.iter().map(|step| step.refund_view(payment.currency)).collect()))
}

/// Whose a payment is.
pub fn owner_of(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<(MerchantId, Mode)>, DbError> {
    Ok(store::any(tx, id)?.map(|payment| (payment.merchant, payment.mode)))
}

/// Asks the gateway for a refund that was written and that nobody has asked for, and writes what it said. What has
/// waited for longer than a gateway takes is left to the job.
pub async fn submit_written(bank: Bank, act: Act, refund: RefundId) -> Result<(), DbError> {
    let step = *refund.bytes();
    let found: Result<_, DbError> =
        bank.db().read("payments.written", move |tx| find_step(tx, &step)).await;
    let Some((payment, step)) = found? else { return Ok(()) };
    let now = bank.tools().now();
    if step.state != StepState::Submitting || step.ask_at.is_none_or(|ask_at| ask_at <= now) {
        return Ok(());
    }
    flow::run(bank, act, Begun { payment, step, card: None }, None).await.map(|_| ())
}

/// A step and its payment, whoever's it is: for what the bank does by itself.
pub fn find_step(
    tx: &mut Tx<'_>,
    step: &[u8; 16],
) -> Result<Option<(PaymentRow, StepRow)>, DbError> {
    let Some(step) = store::step(tx, step)? else { return Ok(None) };
    Ok(store::any(tx, &step.payment)?.map(|payment| (payment, step)))
}

/// The same, and nobody else changes them until this transaction ends.
pub fn lock_step(
    tx: &mut Tx<'_>,
    step: &[u8; 16],
) -> Result<Option<(PaymentRow, StepRow)>, DbError> {
    let Some(found) = store::step(tx, step)? else { return Ok(None) };
    let Some(payment) = store::lock(tx, &found.payment)? else { return Ok(None) };
    Ok(store::step(tx, step)?.map(|step| (payment, step)))
}

/// What the bank has of an operation that a gateway reports as a movement of money. An authorisation that
/// captured at once is its own capture.
pub fn step_for_report(
    tx: &mut Tx<'_>,
    gateway: &str,
    operation: &str,
    kind: Kind,
) -> Result<Option<Ours>, DbError> {
    let Some((named, id)) = step_of(operation) else { return Ok(None) };
    let fits = named == kind || (named == Kind::Authorize && kind == Kind::Capture);
    let Some(step) = store::step(tx, &id)?.filter(|step| fits && step.kind == named) else {
        return Ok(None);
    };
    let payment = store::any(tx, &step.payment)?.filter(|payment| payment.gateway == gateway);
    let moves = |payment: &PaymentRow| named != Kind::Authorize || payment.is_automatic;
    Ok(payment.map(|payment| Ours {
        is_done: step.state == StepState::Done && moves(&payment),
        amount: step.amount,
        currency: payment.currency,
    }))
}

/// Steps that moved money and were begun on a day: operation, kind as a gateway reports it, and sum.
pub fn steps_done_on(
    tx: &mut Tx<'_>,
    gateway: &str,
    day: Day,
) -> Result<Vec<(String, Kind, Ours)>, DbError> {
    store::done_between(tx, gateway, (day.start(), day.next().start()))
}

/// How a payment is shown at this moment.
pub fn view(tx: &mut Tx<'_>, row: &PaymentRow) -> Result<PaymentView, DbError> {
    let card = cards::find_any(tx, &row.card)?
        .ok_or_else(|| DbError::Corrupt(format!("{} has no card", row.id)))?;
    let is_busy = store::is_busy(tx, &row.id)?;
    Ok(row.view(is_busy, &card))
}
