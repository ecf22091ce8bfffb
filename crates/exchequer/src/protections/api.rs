//! `/v1/limits` and `/v1/protections`.

use money::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{Limits, LimitsView, ProtectionsView};
use crate::http::fields::{Fields, MinorUnits};
use crate::http::input::CurrencyCode;
use crate::http::{
    Answer, Code, Customer, Json, Nothing, Path, Problem, Reply, Route, Routes, StepUp,
};
use crate::stepup::Asker;

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::get("/v1/limits/{currency}", "getLimits", "One's own limits of a currency"),
            get_limits,
        )
        .customer(
            Route::put(
                "/v1/limits/{currency}",
                "setOwnLimits",
                "Set one's own limits of a currency",
            )
            .refuses(&[Code::StepUpRequired]),
            set_limits,
        )
        .customer(
            Route::get("/v1/protections", "getProtections", "Whether outgoing money is stopped"),
            get,
        )
        .customer(
            Route::post("/v1/protections/stop", "stopOutgoing", "Stop all outgoing money")
                .answers(200),
            stop,
        )
        .customer(
            Route::post("/v1/protections/resume", "resumeOutgoing", "Let money out again")
                .answers(200)
                .refuses(&[Code::StepUpRequired]),
            resume,
        )
}

/// All four limits of a currency, minor units; one that is null or left out is no limit. Lower is at once,
/// higher needs a second factor where one is enrolled, else the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are the API's, and say what each is per")]
pub struct SetOwnLimits {
    per_transfer: Option<MinorUnits>,
    /// In any 24 hours.
    per_day: Option<MinorUnits>,
    /// In any 7 days.
    per_week: Option<MinorUnits>,
    /// In any 30 days.
    per_month: Option<MinorUnits>,
}

impl SetOwnLimits {
    fn check(&self) -> Result<Limits, Problem> {
        let mut fields = Fields::default();
        let mut limit = |field, token: &Option<MinorUnits>| {
            token.as_ref().and_then(|token| fields.amount(field, token)).map(Amount::get)
        };
        let limits = Limits {
            per_transfer: limit("per_transfer", &self.per_transfer),
            per_day: limit("per_day", &self.per_day),
            per_week: limit("per_week", &self.per_week),
            per_month: limit("per_month", &self.per_month),
        };
        fields.finish(Some(limits))
    }
}

async fn get_limits(
    caller: Customer,
    Path(CurrencyCode(currency)): Path<CurrencyCode>,
) -> Answer<LimitsView> {
    let (customer, act) = (caller.id(), caller.act());
    let (limits, spent) = caller
        .read("protections.get_limits", move |tx| {
            Ok(super::limits_and_spent(tx, &act, &customer, currency)?)
        })
        .await?;
    Ok(Reply::ok(&LimitsView::new(currency, &limits, &spent)))
}

async fn set_limits(
    caller: Customer,
    (Path(CurrencyCode(currency)), Json(body), step_up): (
        Path<CurrencyCode>,
        Json<SetOwnLimits>,
        StepUp,
    ),
) -> Answer<LimitsView> {
    let wanted = body.check()?;
    let asker = Asker::from(&caller);
    let set = caller
        .write("protections.set_limits", move |tx, act| {
            let proof = step_up.proof();
            match super::set_limits_in(tx, act, &asker, (currency, wanted), proof)? {
                Ok(()) => super::limits_and_spent(tx, act, &asker.customer, currency).map(Ok),
                Err(problem) => Ok(Err(problem)),
            }
        })
        .await?;
    caller.bank().watch().forget(&asker.customer);
    let (limits, spent) = set?;
    Ok(Reply::ok(&LimitsView::new(currency, &limits, &spent)))
}

async fn get(caller: Customer, _: Nothing) -> Answer<ProtectionsView> {
    let customer = caller.id();
    let standing =
        caller.read("protections.get", move |tx| Ok(super::standing(tx, &customer)?)).await?;
    Ok(Reply::ok(&ProtectionsView::from(&standing)))
}

async fn stop(caller: Customer, _: Nothing) -> Answer<ProtectionsView> {
    let customer = caller.id();
    let answer = caller
        .once("protections.stop", move |tx, act| {
            let standing = super::stop_in(tx, act, &customer)?;
            Ok(Ok(Reply::ok(&ProtectionsView::from(&standing))))
        })
        .await;
    caller.bank().watch().forget(&customer);
    answer
}

async fn resume(caller: Customer, step_up: StepUp) -> Answer<ProtectionsView> {
    let asker = Asker::from(&caller);
    let answer = caller
        .once("protections.resume", move |tx, act| {
            let resumed = super::resume_in(tx, act, &asker, step_up.proof())?;
            Ok(resumed.map(|standing| Reply::ok(&ProtectionsView::from(&standing))))
        })
        .await;
    caller.bank().watch().forget(&asker.customer);
    answer
}
