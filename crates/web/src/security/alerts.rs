//! `/security/alerts`: which payments the customer is told of, for each currency that they have an account in.

use askama::Template;
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::deed;
use crate::accounts;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Choice, Field, Frame, Select, Who};
use crate::show::{money, plain, typed};
use crate::step_up::{self, Stop};
use crate::trouble::Trouble;
use crate::words::put;

const ALERTS: &str = "/security/alerts";
/// As the form calls being told.
const ON: &str = "on";

#[derive(Deserialize)]
struct Alerts {
    currency: String,
    enabled: bool,
    /// Minor units.
    at_least: Option<i64>,
}

struct Row {
    currency: String,
    told: String,
    change: String,
}

#[derive(Template)]
#[template(path = "security/alerts.html")]
struct AlertsPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "security/alerts_edit.html")]
struct EditPage<'a> {
    frame: Frame<'a>,
    title: String,
    currency: &'a str,
    which: Select<'a>,
    least: Field<'a>,
    refusal: Option<String>,
}

/// What was chosen and typed.
struct Entered {
    is_on: bool,
    least: String,
    fault: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    let currencies = accounts::currencies(&customer).await?;
    let asked = currencies.iter().map(|currency| read(&customer, currency));
    let found: Vec<Alerts> = try_join_all(asked).await?;
    let w = &customer.words().security;
    let rows = found.into_iter().map(|alerts| Row {
        told: told(&customer, &alerts),
        change: put(w.alerts_change, &alerts.currency),
        currency: alerts.currency,
    });
    let rows = rows.collect();
    Answer::page(&AlertsPage { frame: customer.frame(w.tab_alerts), rows })
}

pub async fn edit(customer: Customer) -> Outcome {
    let Alerts { currency, enabled, at_least } = read(&customer, customer.segment(0)).await?;
    let least = at_least.map(|minor| plain(minor, &currency, customer.language()));
    let entered = Entered { is_on: enabled, least: least.unwrap_or_default(), fault: None };
    page(&customer, &currency, (entered, None))
}

/// An empty field is every payment.
pub async fn set(customer: Customer) -> Outcome {
    let (words, form) = (customer.words(), customer.form());
    let currency = read(&customer, customer.segment(0)).await?.currency;
    let mut entered =
        Entered { is_on: form.text("alerts") == ON, least: form.text("at_least"), fault: None };
    let mut at_least = None;
    if !entered.least.is_empty() {
        match typed::parse(&entered.least, &currency) {
            Ok(minor) => at_least = Some(minor),
            Err(fault) => {
                entered.fault = Some(fault.text(words).to_owned());
                let summary = words.trouble.summary.to_owned();
                return page(&customer, &currency, (entered, Some((422, summary))));
            }
        }
    }
    let wanted = Alerts { currency, enabled: entered.is_on, at_least };
    let deed = deed_of(&customer, &wanted);
    let act = customer.put(format!("/v1/alerts/{}", segment(&wanted.currency)));
    let act = act.json(&json!({ "enabled": wanted.enabled, "at_least": wanted.at_least }));
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::to("/security/alerts?done=alerts_set"),
        Err(Stop::Page(page)) => page,
        Err(Stop::Refused(refused)) if refused.status == 422 => {
            entered.fault = words.fault_of(Some(&refused), "at_least");
            let why = (refused.status, words.refusal(&refused));
            page(&customer, &wanted.currency, (entered, Some(why)))
        }
        Err(Stop::Refused(refused)) => Err(Trouble::from(*refused)),
    }
}

async fn read(customer: &Customer, currency: &str) -> Result<Alerts, Refused> {
    customer.get(format!("/v1/alerts/{}", segment(currency))).receive().await
}

/// What the customer confirms: of what they are told afterwards.
fn deed_of(customer: &Customer, wanted: &Alerts) -> step_up::Deed {
    let w = &customer.words().security;
    let action = format!("{ALERTS}/{}", wanted.currency);
    let told = told(customer, wanted);
    let title = put(w.deed_alerts, &wanted.currency);
    deed(&title, &[(w.alerts_told, told.as_str())], &action, ALERTS)
}

fn told(customer: &Customer, alerts: &Alerts) -> String {
    let w = &customer.words().security;
    match (alerts.enabled, alerts.at_least) {
        (false, _) => w.alerts_off.to_owned(),
        (true, None) => w.alerts_all.to_owned(),
        (true, Some(minor)) => {
            put(w.alerts_from, &money(minor, &alerts.currency, customer.language()))
        }
    }
}

fn page(
    customer: &Customer,
    currency: &str,
    (entered, refusal): (Entered, Option<(u16, String)>),
) -> Outcome {
    let w = &customer.words().security;
    let choice = |value: &str, label: &str, is_chosen| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        is_chosen,
    };
    let least = Field {
        inputmode: "decimal",
        max_chars: 40,
        ..Field::text("at_least", w.alerts_least, &entered.least)
    };
    let title = put(w.alerts_change, currency);
    let status = refusal.as_ref().map_or(200, |(status, _)| *status);
    let page = EditPage {
        frame: customer.frame(&title),
        title,
        currency,
        which: Select {
            name: "alerts",
            label: w.alerts_which,
            choices: vec![
                choice(ON, w.alerts_on, entered.is_on),
                choice("off", w.alerts_not, !entered.is_on),
            ],
            hint: None,
            fault: None,
        },
        least: least.optional().hint(w.alerts_hint).fault(entered.fault),
        refusal: refusal.map(|(_, text)| text),
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
