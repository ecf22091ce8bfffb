//! `/v1/staff/payments/{id}/refunds`: what an operator gives back in a merchant's place.
//!
//! A large sum waits for a second operator: it is the merchant's money, and whoever holds the card has it then. What
//! counts is all that is given back of the payment, so that many small refunds are a large one.

use money::{Money, PaymentId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{RefundView, go_on, with_id};
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, Refund};
use crate::bank::Tools;
use crate::http::fields::{Fields, MAX_TEXT_CHARS, MinorUnits};
use crate::http::{Answer, Code, Json, Path, Problem, Reply, Route, Routes, Staff};
use crate::payments::model::{PaymentRow, PaymentView, StepRow};
use crate::payments::{self, RefundBy, store};
use crate::staff::model::Permission;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.staff(
        Permission::RefundPayments,
        Route::post(
            "/v1/staff/payments/{id}/refunds",
            "refundPaymentForMerchant",
            "Give money of a merchant's payment back",
        )
        .refuses(&[
            Code::NotFound,
            Code::PaymentNotRefundable,
            Code::RefundExceedsPayment,
            Code::RefundBeyondLimit,
            Code::InsufficientFunds,
        ])
        .may_wait(),
        refund,
    )
}

/// What is given back, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundForMerchant {
    amount: MinorUnits,
    /// 1 to 140 characters.
    #[schema(example = "the merchant is out of business")]
    reason: String,
}

async fn refund(
    caller: Staff,
    (Path(id), Json(body)): (Path<PaymentId>, Json<RefundForMerchant>),
) -> Answer<RefundView> {
    let mut fields = Fields::default();
    let amount = fields.amount("amount", &body.amount);
    let reason = fields.plain("reason", &body.reason, 1, MAX_TEXT_CHARS);
    let (amount, reason) = fields.finish(amount.zip(reason))?;
    let found = caller.read("payments.staff_get", move |tx| Ok(store::any(tx, &id)?)).await?;
    let payment = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    let (of, money) =
        ((payment.merchant, payment.mode), Money::new(amount.get(), payment.currency));
    if is_large(caller.bank().tools(), &payment, money) {
        return caller
            .once("payments.ask_refund", move |tx, act| {
                let locked = store::lock(tx, &id)?;
                if locked.is_none_or(|payment| payment.refundable() < money.minor()) {
                    return Ok(Err(Problem::new(Code::RefundExceedsPayment)));
                }
                let deed = Refund {
                    payment: id.to_string(),
                    amount: money.minor(),
                    currency: money.currency().code().to_owned(),
                    reason: reason.clone(),
                };
                ask(tx, act, Deed::RefundPayment(deed))
            })
            .await;
    }
    let begun = caller
        .begin("payments.staff_refund", move |tx, act| {
            // Another refund may have come in between; asked for again, this one waits.
            let locked = store::lock(tx, &id)?;
            if locked.is_some_and(|payment| is_large(&act.tools, &payment, money)) {
                return Ok(Err(Problem::new(Code::RefundBeyondLimit)));
            }
            let by = RefundBy::Bank { reason: &reason };
            let begun = payments::refund_in(tx, act, (&of.0, of.1), (&id, Some(amount)), by)?;
            Ok(begun.map(with_id))
        })
        .await?;
    let answer = |_: &PaymentView, payment: &PaymentRow, step: &StepRow| {
        Reply::created(&step.refund_view(payment.currency))
    };
    go_on(&caller, begun, None, answer).await
}

/// Whether it takes two: by all that is given back of the payment, so that parts do not pass where the whole waits.
fn is_large(tools: &Tools, payment: &PaymentRow, money: Money) -> bool {
    let given = payment.refunded.saturating_add(payment.refunding);
    let whole = Money::new(given.saturating_add(money.minor()), money.currency());
    tools.config().approvals.is_large_refund(whole)
}
