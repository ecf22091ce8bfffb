//! `/v1/alerts`.

use money::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{AlertsView, Choice};
use crate::http::fields::{Fields, MinorUnits};
use crate::http::input::CurrencyCode;
use crate::http::{Answer, Code, Customer, Json, Path, Reply, Route, Routes, StepUp};
use crate::stepup::Asker;

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::get("/v1/alerts/{currency}", "getAlerts", "Which payments one is told of"),
            get,
        )
        .customer(
            Route::put(
                "/v1/alerts/{currency}",
                "setAlerts",
                "Choose which payments one is told of",
            )
            .refuses(&[Code::StepUpRequired]),
            set,
        )
}

/// Which payments of a currency one is told of by e-mail, at the confirmed address: money that leaves and money that comes. More is at once; less
/// needs a second factor where one is enrolled, else the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAlerts {
    enabled: bool,
    /// Of payments of at least this much, minor units; null or left out: of all.
    at_least: Option<MinorUnits>,
}

async fn get(
    caller: Customer,
    Path(CurrencyCode(currency)): Path<CurrencyCode>,
) -> Answer<AlertsView> {
    let (customer, act) = (caller.id(), caller.act());
    let choice = caller
        .read("alerts.get", move |tx| Ok(super::choice(tx, &act.tools, &customer, currency)?))
        .await?;
    Ok(Reply::ok(&AlertsView::new(currency, &choice)))
}

async fn set(
    caller: Customer,
    (Path(CurrencyCode(currency)), Json(body), step_up): (
        Path<CurrencyCode>,
        Json<SetAlerts>,
        StepUp,
    ),
) -> Answer<AlertsView> {
    let mut fields = Fields::default();
    let least = body.at_least.as_ref();
    let at_least = least.and_then(|token| fields.amount("at_least", token)).map(Amount::get);
    let wanted = fields.finish(Some(Choice { enabled: body.enabled, at_least }))?;
    let asker = Asker::from(&caller);
    caller
        .write("alerts.set", move |tx, act| {
            super::choose_in(tx, act, &asker, (currency, wanted), step_up.proof())
        })
        .await??;
    Ok(Reply::ok(&AlertsView::new(currency, &wanted)))
}
