//! `/v1/holds`.

use money::{Amount, HoldId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{CaptureView, DEFAULT_SECONDS, HoldView, MAX_SECONDS};
use super::{Part, Reservation};
use crate::http::fields::{Fields, MinorUnits};
use crate::http::input::Optional;
use crate::http::{Answer, Code, Customer, Json, Path, Problem, Reply, Route, Routes, StepUp};
use crate::protections::guard::Guard;
use crate::stepup::Asker;
use crate::transfers::api::{GUARD_REFUSALS, PLANNER_REFUSALS, payee};
use crate::transfers::guarded::is_guarded;

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::post("/v1/holds", "placeHold", "Reserve money")
                .refuses(PLANNER_REFUSALS)
                .refuses(GUARD_REFUSALS)
                .refuses(&[Code::StepUpRequired]),
            place,
        )
        .customer(Route::get("/v1/holds/{id}", "getHold", "One hold"), get)
        .customer(
            Route::post("/v1/holds/{id}/capture", "captureHold", "Move reserved money")
                .refuses(CAPTURE_REFUSALS),
            capture,
        )
        .customer(
            Route::post("/v1/holds/{id}/void", "voidHold", "Give up what a hold reserves")
                .answers(200)
                .refuses(&[Code::HoldNotActive]),
            void,
        )
}

/// The order of precedence of a capture's refusals.
const CAPTURE_REFUSALS: &[Code] = &[
    Code::HoldNotActive,
    Code::HoldExpired,
    Code::AccountFrozen,
    Code::AccountClosed,
    Code::CaptureExceedsHold,
    Code::LimitExceeded,
];

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceHold {
    /// Id of the paying account, one's own.
    from: String,
    /// Id or number of the account to be paid.
    to: String,
    amount: MinorUnits,
    /// ISO 4217, upper case.
    currency: String,
    /// At most 140 characters.
    memo: Option<String>,
    /// Seconds, 1 to 2592000 (30 days); 7 days when absent.
    expires_in: Option<i64>,
}

/// What of a hold is captured. Either party may capture: the payee, whom it is for, and the payer.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureHold {
    /// All that remains when absent.
    amount: Option<MinorUnits>,
    /// True (also when absent): what this capture leaves is released. False: more captures follow.
    r#final: Option<bool>,
}

/// Nothing to say. Either party may void a hold, and gets it back as it then is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidHold {}

impl PlaceHold {
    fn check(&self, fields: &mut Fields) -> Option<Reservation> {
        let from = fields.parse("from", &self.from, "the id of an account");
        let to = payee(fields, &self.to);
        let amount = fields.amount("amount", &self.amount);
        let currency = fields.currency("currency", &self.currency);
        let memo = fields.memo(self.memo.as_deref());
        let seconds = self.expires_in.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MAX_SECONDS).contains(&seconds) {
            fields.refuse("expires_in", "out_of_range", format!("1 to {MAX_SECONDS} seconds"));
        }
        Some(Reservation {
            from: from?,
            to: to?,
            amount: amount?,
            currency: currency?,
            memo,
            seconds,
        })
    }
}

impl CaptureHold {
    fn check(&self) -> Result<Part, Problem> {
        let mut fields = Fields::default();
        let amount: Option<Amount> =
            self.amount.as_ref().and_then(|amount| fields.amount("amount", amount));
        let is_final = self.r#final.unwrap_or(true);
        fields.finish(Some(Part { amount, is_final }))
    }
}

async fn place(
    caller: Customer,
    (Json(body), step_up): (Json<PlaceHold>, StepUp),
) -> Answer<HoldView> {
    let mut fields = Fields::default();
    let checked = body.check(&mut fields);
    let wanted = fields.finish(checked)?;
    let amount = [(wanted.currency, wanted.amount.get())].into_iter();
    let guarded = is_guarded(&caller, amount).await?;
    let asker = Asker::from(&caller);
    caller
        .once("holds.place", move |tx, act| {
            let (rules, proof) = (&act.tools.config().step_up, step_up.proof());
            let placed = if guarded {
                super::place_guarded(tx, act, &Guard { asker: &asker, rules, proof }, &wanted)?
            } else {
                super::place(tx, act, &asker.customer, &wanted)?
            };
            Ok(placed.map(|row| Reply::created(&HoldView::from(&row)).about(&row.id)))
        })
        .await
}

async fn get(caller: Customer, Path(id): Path<HoldId>) -> Answer<HoldView> {
    let customer = caller.id();
    let found = caller.read("holds.get", move |tx| Ok(super::find(tx, &customer, &id)?)).await?;
    let hold = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&HoldView::from(hold.row())))
}

async fn capture(
    caller: Customer,
    (Path(id), Optional(body)): (Path<HoldId>, Optional<CaptureHold>),
) -> Answer<CaptureView> {
    let part = body.check()?;
    let customer = caller.id();
    caller
        .once("holds.capture", move |tx, act| {
            let captured = super::capture(tx, act, (&customer, &id), part)?;
            Ok(captured.map(|(row, transfer)| {
                Reply::created(&CaptureView::new(&row, &transfer)).about(&transfer)
            }))
        })
        .await
}

async fn void(
    caller: Customer,
    (Path(id), Optional(VoidHold {})): (Path<HoldId>, Optional<VoidHold>),
) -> Answer<HoldView> {
    let customer = caller.id();
    caller
        .once("holds.void", move |tx, act| {
            let voided = super::void(tx, act, (&customer, &id))?;
            Ok(voided.map(|row| Reply::ok(&HoldView::from(&row)).about(&row.id)))
        })
        .await
}

#[cfg(test)]
mod tests;
