//! The second half of every step: what the gateway said is written, with its postings and its event, in one
//! transaction. A step is concluded once; whoever comes later finds it so. What its merchant is told of it is
//! written last, since it holds the merchant's counter until the commit.

use ::store::posting::{self, Party, PostOrder, Posted};
use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use money::PaymentId;
use serde_json::{Value, json};

use super::begin::{amount_of, fee_of};
use super::model::{PaymentRow, State, StepRow, StepState, pause_seconds};
use super::store;
use crate::accounts;
use crate::bank::{Act, Own};
use crate::events;
use crate::gateways::{Done, Kind, Outcome};
use crate::merchants::{account_in, order, unstored};
use crate::webhooks::model::Topic;
use crate::{cards, webhooks};

/// Writes what became of a step; gives payment and step as they now are. An outcome that is not known leaves
/// the step open, to be asked about.
///
/// A step that the gateway did otherwise than it was asked for stays open, too: money moved that nobody
/// ordered, and an operator decides.
pub fn conclude_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&PaymentId, &[u8; 16]),
    outcome: &Outcome,
) -> Result<(PaymentRow, StepRow), DbError> {
    let gone = || DbError::Corrupt(format!("{payment}: a step is gone"));
    let mut payment = store::lock(tx, payment)?.ok_or_else(gone)?;
    let mut step = store::step(tx, step)?.ok_or_else(gone)?;
    if !step.state.is_open() {
        return Ok((payment, step));
    }
    let is_news = step.state == StepState::Submitting;
    let topic = match outcome {
        Outcome::Done(done) if is_as_asked(&payment, &step, done) => {
            Some(done_in(tx, act, (&mut payment, &mut step), done)?)
        }
        Outcome::Done(done) => {
            differs_in(tx, act, &mut step, done)?;
            stay_open(act, (&mut payment, &mut step));
            is_news.then_some(processing(&step))
        }
        Outcome::Refused { code, reference } => {
            let said = (code.as_str(), reference.as_deref());
            Some(refused_in(tx, act, (&mut payment, &mut step), said)?)
        }
        Outcome::Unknown { .. } => {
            if is_news {
                record(tx, act, "payment.unknown", &payment, &step)?;
            }
            stay_open(act, (&mut payment, &mut step));
            is_news.then_some(processing(&step))
        }
    };
    payment.updated_at = act.now;
    store::update(tx, &payment)?;
    store::update_step(tx, &step)?;
    if let Some(topic) = topic {
        tell(tx, act, (&payment, &step), topic)?;
    }
    Ok((payment, step))
}

/// What the merchant sees while the outcome is unknown. It is told once.
fn processing(step: &StepRow) -> Topic {
    match step.kind {
        Kind::Authorize | Kind::Capture | Kind::Cancel => Topic::PaymentProcessing,
        Kind::Refund => Topic::RefundProcessing,
    }
}

/// Tells the merchant, with the payment or the refund as the API shows it now.
fn tell(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&PaymentRow, &StepRow),
    topic: Topic,
) -> Result<(), DbError> {
    let of = (&payment.merchant, payment.mode);
    if step.kind == Kind::Refund {
        return webhooks::publish_in(tx, act, of, (topic, &step.refund_view(payment.currency)));
    }
    let card = cards::find_any(tx, &payment.card)?
        .ok_or_else(|| DbError::Corrupt(format!("{} has no card", payment.id)))?;
    // One capture or cancellation at a time: besides this step none is under way.
    let is_busy = step.kind != Kind::Authorize && step.state.is_open();
    webhooks::publish_in(tx, act, of, (topic, &payment.view(is_busy, &card)))
}

/// The same for an answer to a question that was asked with the payment's reference of then. Where the
/// payment has another by now, the question was about something else, and the step stays open: a payment that
/// was prepared meanwhile is perhaps being submitted.
pub(super) fn answered_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&PaymentRow, &[u8; 16]),
    outcome: &Outcome,
) -> Result<(PaymentRow, StepRow), DbError> {
    let now = store::lock(tx, &payment.id)?;
    if now.is_none_or(|now| now.reference == payment.reference) {
        return conclude_in(tx, act, (&payment.id, step), outcome);
    }
    let why = "the payment was prepared while it was asked about".to_owned();
    conclude_in(tx, act, (&payment.id, step), &Outcome::Unknown { why })
}

/// Keeps the gateway's reference of a payment before anything of it is submitted. False where the payment
/// was given up meanwhile: then nothing may be submitted any more.
pub fn prepared_in(
    tx: &mut Tx<'_>,
    act: &Act,
    payment: &PaymentId,
    reference: &str,
) -> Result<bool, DbError> {
    let Some(mut row) = store::lock(tx, payment)? else {
        return Err(DbError::Corrupt(format!("{payment} is gone")));
    };
    if !matches!(row.state, State::Submitting | State::Unknown) {
        return Ok(false);
    }
    row.reference = Some(cut(reference));
    row.updated_at = act.now;
    store::update(tx, &row)?;
    Ok(true)
}

/// A cancellation releases whatever was left; everything else is for an exact sum, and money that was to
/// be reserved is not taken.
fn is_as_asked(payment: &PaymentRow, step: &StepRow, done: &Done) -> bool {
    match step.kind {
        Kind::Cancel => true,
        Kind::Authorize => step.amount == done.amount && payment.is_automatic == done.is_captured,
        Kind::Capture | Kind::Refund => step.amount == done.amount,
    }
}

/// The mark of an open step that the gateway did otherwise.
const DIFFERS: &str = "done_otherwise";

/// Told once, however often the gateway says so.
fn differs_in(tx: &mut Tx<'_>, act: &Act, step: &mut StepRow, done: &Done) -> Result<(), DbError> {
    if step.refusal.as_deref() == Some(DIFFERS) {
        return Ok(());
    }
    step.refusal = Some(DIFFERS.to_owned());
    let said = json!({
        "asked": step.amount, "done": done.amount, "captured": done.is_captured,
    });
    let resource = step.operation();
    events::record(tx, act, "payment.done_otherwise", &resource, "unknown", Some(&said))
}

fn stay_open(act: &Act, (payment, step): (&mut PaymentRow, &mut StepRow)) {
    step.state = StepState::Unknown;
    step.ask_at = Some(act.now.plus_seconds(pause_seconds(step.asked)));
    if step.kind == Kind::Authorize {
        payment.state = State::Unknown;
    }
}

fn done_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&mut PaymentRow, &mut StepRow),
    done: &Done,
) -> Result<Topic, DbError> {
    end(act, step, StepState::Done);
    step.refusal = None;
    step.reference = Some(cut(&done.reference));
    let topic = match step.kind {
        Kind::Authorize => {
            payment.reference.get_or_insert_with(|| cut(&done.reference));
            payment.state = State::Authorized;
            if done.is_captured {
                book_capture(tx, act, (payment, step))?;
                payment.state = State::Captured;
                Topic::PaymentSucceeded
            } else {
                Topic::PaymentAuthorized
            }
        }
        Kind::Capture => {
            payment.capturing = 0;
            book_capture(tx, act, (payment, step))?;
            if step.is_final {
                payment.state = State::Captured;
                Topic::PaymentSucceeded
            } else {
                Topic::PaymentCaptured
            }
        }
        Kind::Cancel if payment.captured > 0 => {
            payment.state = State::Captured;
            Topic::PaymentSucceeded
        }
        Kind::Cancel => {
            payment.state = State::Canceled;
            Topic::PaymentCanceled
        }
        Kind::Refund => {
            payment.refunding -= step.amount;
            payment.refunded += step.amount;
            let (aside, clearing) = refund_accounts(tx, act, payment)?;
            let order = order(
                act,
                (TransferKind::RefundPaid, step.id),
                (aside, clearing),
                (amount_of(step.amount)?, payment.currency),
            );
            post(tx, act, &[order])?;
            Topic::RefundSucceeded
        }
    };
    record(tx, act, topic.as_str(), payment, step)?;
    Ok(topic)
}

fn refused_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&mut PaymentRow, &mut StepRow),
    (code, reference): (&str, Option<&str>),
) -> Result<Topic, DbError> {
    end(act, step, StepState::Refused);
    step.refusal = Some(cut(code));
    step.reference = reference.map(cut);
    let topic = match step.kind {
        Kind::Authorize => {
            payment.state = State::Declined;
            payment.refusal.clone_from(&step.refusal);
            if payment.reference.is_none() {
                payment.reference = reference.map(cut);
            }
            Topic::PaymentDeclined
        }
        Kind::Capture => {
            payment.capturing = 0;
            Topic::PaymentCaptureFailed
        }
        Kind::Cancel => Topic::PaymentCancelFailed,
        Kind::Refund => {
            payment.refunding -= step.amount;
            let (aside, _) = refund_accounts(tx, act, payment)?;
            let of = (payment.mode, payment.currency);
            let merchant = account_in(tx, act, &payment.merchant, of)?;
            let order = order(
                act,
                (TransferKind::RefundReturned, step.id),
                (aside, Party::Bank(merchant)),
                (amount_of(step.amount)?, payment.currency),
            );
            post(tx, act, &[order])?;
            Topic::RefundFailed
        }
    };
    record(tx, act, topic.as_str(), payment, step)?;
    Ok(topic)
}

/// From the gateway's clearing to the merchant, and from there what the bank takes: both or none.
fn book_capture(
    tx: &mut Tx<'_>,
    act: &Act,
    (payment, step): (&mut PaymentRow, &StepRow),
) -> Result<(), DbError> {
    let (mode, currency) = (payment.mode, payment.currency);
    let fee = fee_of(tx, payment, step.amount)?;
    let clearing = accounts::ensure_role(tx, act, Own::Clearing(mode), currency)?;
    let merchant = account_in(tx, act, &payment.merchant, (mode, currency))?;
    let mut orders = vec![order(
        act,
        (TransferKind::CardCapture, step.id),
        (Party::Bank(clearing), Party::Bank(merchant)),
        (amount_of(step.amount)?, currency),
    )];
    if fee > 0 {
        let fees = accounts::ensure_role(tx, act, Own::Fees(mode), currency)?;
        orders[0].linked_with_next = true;
        orders.push(order(
            act,
            (TransferKind::CardFee, step.id),
            (Party::Bank(merchant), Party::Bank(fees)),
            (amount_of(fee)?, currency),
        ));
    }
    post(tx, act, &orders)?;
    payment.captured += step.amount;
    payment.fee += fee;
    Ok(())
}

fn refund_accounts(
    tx: &mut Tx<'_>,
    act: &Act,
    payment: &PaymentRow,
) -> Result<(Party, Party), DbError> {
    let (mode, currency) = (payment.mode, payment.currency);
    let aside = accounts::ensure_role(tx, act, Own::RefundsSetAside(mode), currency)?;
    let clearing = accounts::ensure_role(tx, act, Own::Clearing(mode), currency)?;
    Ok((Party::Bank(aside), Party::Bank(clearing)))
}

/// What the books must take, since the gateway has done it: a refusal is a fault of ours, and the step stays
/// open.
fn post(tx: &mut Tx<'_>, act: &Act, orders: &[PostOrder]) -> Result<(), DbError> {
    for posted in posting::post(tx, orders, act.now, &unstored)? {
        match posted {
            Posted::Done(_) => {}
            Posted::Refused(refusal, _) => {
                let code = refusal.code();
                return Err(DbError::Corrupt(format!("a gateway's answer was not booked: {code}")));
            }
            Posted::Replayed(_) | Posted::KeyReused => {
                return Err(DbError::Corrupt("an order without a key was replayed".to_owned()));
            }
        }
    }
    Ok(())
}

fn end(act: &Act, step: &mut StepRow, state: StepState) {
    step.state = state;
    step.ended_at = Some(act.now);
    step.ask_at = None;
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act,
    action: &'static str,
    payment: &PaymentRow,
    step: &StepRow,
) -> Result<(), DbError> {
    let resource = match step.kind {
        Kind::Refund => step.operation(),
        Kind::Authorize | Kind::Capture | Kind::Cancel => payment.id.to_string(),
    };
    events::record(tx, act, action, &resource, "done", Some(&described(payment, step)))
}

fn described(payment: &PaymentRow, step: &StepRow) -> Value {
    json!({
        "payment": payment.id.to_string(),
        "merchant": payment.merchant.to_string(),
        "mode": payment.mode.as_str(),
        "step": step.operation(),
        "amount": step.amount,
        "currency": payment.currency.code(),
        "state": payment.state.as_str(),
        "captured": payment.captured,
        "refunded": payment.refunded,
        "fee": payment.fee,
        "refusal": step.refusal,
    })
}

/// A gateway's words are kept, and never more of them than this.
const MAX_WORD_CHARS: usize = 200;

/// A gateway's words as they are kept: printable and short.
pub fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORD_CHARS).collect()
}
