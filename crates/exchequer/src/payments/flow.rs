//! A step on its way: written, asked for, concluded. It goes on when the merchant hangs up, since it is a task
//! of its own; when the process dies between two of the three, the job of this module takes it over.

use money::{Money, PaymentId};
use store::DbError;
use vault::SecretString;

use super::begin::Begun;
use super::conclude::{conclude_in, prepared_in};
use super::model::{PaymentRow, StepRow};
use crate::bank::{Act, Bank};
use crate::gateways::{self, Card, Gateway, Kind, Operation, Outcome, Prepared};
use crate::traces;

/// Asks the gateway for a step that was written, and writes what it said. Where the gateway is no longer
/// configured the step stays open.
pub async fn run(
    bank: Bank,
    act: Act,
    begun: Begun,
    cvv: Option<SecretString>,
) -> Result<(PaymentRow, StepRow), DbError> {
    let Begun { mut payment, step, card } = begun;
    let outcome = match bank.card_gateways().named(payment.mode, &payment.gateway).cloned() {
        Some(gateway) => {
            let card = card.and_then(|(number, expiry)| number.map(|number| (number, expiry)));
            let card = card.map(|(number, expiry)| Card { number, expiry, cvv });
            ask(&bank, &act, (&*gateway, card.as_ref()), (&mut payment, &step)).await?
        }
        None => Outcome::Unknown { why: "the gateway is not configured any more".to_owned() },
    };
    conclude(&bank, &act, (payment.id, step.id), outcome).await
}

/// Writes what became of a step.
async fn conclude(
    bank: &Bank,
    act: &Act,
    (payment, step): (PaymentId, [u8; 16]),
    outcome: Outcome,
) -> Result<(PaymentRow, StepRow), DbError> {
    if let Outcome::Unknown { why } = &outcome {
        tracing::warn!(resource_id = %payment, reason = why, "a gateway's answer is not known");
    }
    // Later than the act began: what is read by time must not go back.
    let act = Act { now: bank.tools().now(), ..act.clone() };
    bank.db()
        .write("payments.conclude", move |tx| conclude_in(tx, &act, (&payment, &step), &outcome))
        .await
}

/// Submits a step under its id, which a gateway does once however often it is asked.
pub(super) async fn ask(
    bank: &Bank,
    act: &Act,
    (gateway, card): (&dyn Gateway, Option<&Card>),
    (payment, step): (&mut PaymentRow, &StepRow),
) -> Result<Outcome, DbError> {
    let unknown = |why: &str| Ok(Outcome::Unknown { why: why.to_owned() });
    let id = step.operation();
    let money = Money::new(step.amount, payment.currency);
    let asked = match (step.kind, card) {
        (Kind::Authorize, Some(card)) => {
            gateways::Act::Authorize { money, card, capture: payment.is_automatic }
        }
        (Kind::Authorize, None) => return unknown("the card is not at hand"),
        (Kind::Capture, _) => gateways::Act::Capture { money, is_final: step.is_final },
        (Kind::Cancel, _) => gateways::Act::Cancel,
        (Kind::Refund, _) => gateways::Act::Refund { money },
    };
    let mut operation = Operation { id: &id, payment: payment.id, reference: None, act: asked };
    if step.kind == Kind::Authorize {
        let is_unknown =
            |prepared: &Prepared| matches!(prepared, Prepared::Unknown(_)).then_some("unknown");
        let prepared = gateway.prepare(&operation);
        match traces::call(("gateway.prepare", gateway.name()), prepared, is_unknown).await {
            Prepared::Nothing => {}
            Prepared::Reference(reference) => {
                let (id, act) = (payment.id, act.clone());
                let kept = reference.clone();
                let is_open: bool = bank
                    .db()
                    .write("payments.prepared", move |tx| prepared_in(tx, &act, &id, &kept))
                    .await?;
                if !is_open {
                    return unknown("the payment was given up before it was submitted");
                }
                payment.reference = Some(reference);
            }
            Prepared::Refused(code) => return Ok(Outcome::Refused { code, reference: None }),
            Prepared::Unknown(why) => return unknown(&why),
        }
    }
    operation.reference = payment.reference.as_deref();
    let is_unknown =
        |outcome: &Outcome| matches!(outcome, Outcome::Unknown { .. }).then_some("unknown");
    let submitted = gateway.submit(&operation);
    Ok(traces::call(("gateway.submit", gateway.name()), submitted, is_unknown).await)
}
