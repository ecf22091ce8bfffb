//! The job that ends every `unknown`: it asks the gateway what became of a step until it knows.
//!
//! A lease is a compare-and-set on `ask_at`, so of several nodes one asks; when that one dies the lease runs out. A
//! step that never arrived is closed at the gateway after [`super::model::GIVE_UP_SECONDS`], so that it cannot
//! happen late, and counts as refused; where a gateway cannot close such a step it is asked for again, under
//! the same id. Bound: [`BATCH`] questions at a time. Never: an authorisation submitted again, which would
//! need the card.

use futures_util::future::join_all;
use store::DbError;
use tokio::sync::watch;

use super::begin::is_to_be_given_up;
use super::conclude::answered_in;
use super::flow::ask as submit_again;
use super::model::{PaymentRow, StepRow};
use super::store as rows;
use crate::bank::Bank;
use crate::gateways::{Asked, Kind, Outcome, Question};
use crate::traces;

/// Questions at once.
const BATCH: i64 = 64;
/// How long a step is in one node's hands: more than the longest question.
const LEASE_SECONDS: i64 = 30;
/// The word of a step that was closed before it arrived.
const NEVER_ARRIVED: &str = "not_received";

const LEASE: &str = "payments.lease";
const ASK: &str = "payments.ask";

/// Asks about whatever is due; gives how many steps are known now. A step that fails is asked about again
/// when its lease is over, and keeps none of the others waiting; the last such failure is the error.
pub(crate) async fn ask(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut known = 0_u64;
    let mut failed = None;
    while !*stop.borrow() {
        let leased = lease(bank).await?;
        let is_last = leased.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        let results = join_all(leased.into_iter().map(|(payment, step)| one(bank, payment, step)));
        for result in results.await {
            match result {
                Ok(is_known) => known = known.saturating_add(u64::from(is_known)),
                Err(error) => failed = Some(error),
            }
        }
        if is_last {
            break;
        }
    }
    failed.map_or(Ok(known), Err)
}

async fn lease(bank: &Bank) -> Result<Vec<(PaymentRow, StepRow)>, DbError> {
    let act = bank.system_act(LEASE);
    let now = act.now;
    // Most of the time nothing is due, and then nothing is written.
    if bank.db().read(LEASE, move |tx| rows::due(tx, now, 1)).await?.is_empty() {
        return Ok(Vec::new());
    }
    bank.db()
        .write(LEASE, move |tx| {
            let mut leased = Vec::new();
            for step in rows::due(tx, act.now, BATCH)? {
                if rows::lease(tx, &step, act.now.plus_seconds(LEASE_SECONDS))? {
                    let payment = rows::lock(tx, &step.payment)?;
                    leased.extend(payment.map(|payment| (payment, step)));
                }
            }
            Ok(leased)
        })
        .await
}

/// Asks about one step; true where it is known now.
async fn one(bank: &Bank, payment: PaymentRow, step: StepRow) -> Result<bool, DbError> {
    let act = bank.system_act(ASK);
    let id = step.operation();
    let question = Question {
        id: &id,
        payment: payment.id,
        reference: payment.reference.as_deref(),
        currency: payment.currency,
        kind: step.kind,
        give_up: is_to_be_given_up(&step, &act),
    };
    let unknown = |why: &str| Outcome::Unknown { why: why.to_owned() };
    let outcome = match bank.card_gateways().named(payment.mode, &payment.gateway) {
        None => unknown("the gateway is not configured any more"),
        Some(gateway) => {
            match traces::call(("gateway.ask", gateway.name()), gateway.ask(&question), |asked| {
                matches!(asked, Asked::Unreachable(_)).then_some("unreachable")
            })
            .await
            {
                Asked::Known(outcome) => outcome,
                Asked::StillRunning => unknown("the gateway has not decided yet"),
                Asked::NeverSeen if question.give_up && step.kind != Kind::Authorize => {
                    submit_again(bank, &act, (&**gateway, None), (&mut payment.clone(), &step))
                        .await?
                }
                Asked::NeverSeen => unknown("the gateway has not seen it yet"),
                Asked::Closed => {
                    Outcome::Refused { code: NEVER_ARRIVED.to_owned(), reference: None }
                }
                Asked::Unreachable(why) => unknown(&why),
            }
        }
    };
    if let Outcome::Unknown { why } = &outcome {
        tracing::warn!(resource_id = %payment.id, reason = why, "a gateway's answer is not known");
    }
    // Later than the question: what is read by time must not go back.
    let act = bank.system_act(ASK);
    let concluded: Result<(PaymentRow, StepRow), DbError> = bank
        .db()
        .write("payments.conclude", move |tx| answered_in(tx, &act, (&payment, &step.id), &outcome))
        .await;
    concluded.map(|(_, step)| !step.state.is_open())
}
