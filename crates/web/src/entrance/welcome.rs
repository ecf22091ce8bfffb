//! `/welcome`: the first steps of a new customer. Each says whether it is taken; none is forced.

use askama::Template;
use futures_util::future::try_join3;
use http::StatusCode;
use money::Currency;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::accounts;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::frame::{Choice, Field, Frame, Select, Who};
use crate::security::factors::{self, Factor};
use crate::words::put;

#[derive(Template)]
#[template(path = "entrance/welcome.html")]
struct WelcomePage<'a> {
    frame: Frame<'a>,
    title: String,
    has_account: bool,
    has_factor: bool,
    is_confirmed: bool,
    address_text: String,
    currency: Select<'a>,
    name: Field<'a>,
    refusal: Option<String>,
}

/// What the API knows of the customer.
#[derive(Deserialize)]
pub struct Me {
    pub full_name: String,
    pub email: String,
    pub email_verified: bool,
}

/// What most accounts here are in, before all others.
const USUAL: [&str; 6] = ["INR", "USD", "EUR", "GBP", "AED", "SGD"];

/// Units of account and funds of ISO 4217 (list one, "funds code", and indexed units): nobody pays in them.
const FUNDS: [&str; 9] = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"];

pub async fn show(customer: Customer) -> Outcome {
    page(&customer, None).await
}

pub async fn submit(customer: Customer) -> Outcome {
    let form = customer.form();
    let body = json!({ "currency": form.text("currency"), "name": form.text("name") });
    let opened = customer.post("/v1/accounts").json(&body).once(form.raw("key"));
    match opened.receive::<IgnoredAny>().await {
        Ok(_) => Answer::to("/welcome?done=account_opened"),
        Err(refused) if refused.status == 422 => page(&customer, Some(&refused)).await,
        Err(refused) => Err(refused.into()),
    }
}

async fn page(customer: &Customer, refused: Option<&Refused>) -> Outcome {
    let (accounts, held, me) = try_join3(
        accounts::all(customer),
        factors::all(customer),
        customer.get("/v1/me").receive::<Me>(),
    )
    .await?;
    let (words, form) = (customer.words(), customer.form());
    let w = &words.entrance;
    let name = form.some("name").unwrap_or_else(|| w.account_name_given.to_owned());
    let title = put(w.first_title, &me.full_name);
    let page = WelcomePage {
        frame: customer.frame(&title),
        title,
        has_account: !accounts.is_empty(),
        has_factor: held.iter().any(Factor::protects),
        is_confirmed: me.email_verified,
        address_text: put(w.first_address_text, &me.email),
        currency: Select {
            name: "currency",
            label: w.currency,
            choices: currencies(&form.some("currency").unwrap_or_else(|| "INR".to_owned())),
            hint: None,
            fault: words.fault_of(refused, "currency"),
        },
        name: Field { max_chars: 140, ..Field::text("name", w.account_name, &name) }
            .hint(w.account_name_hint)
            .fault(words.fault_of(refused, "name")),
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

/// All that people pay in, the usual ones first.
pub fn currencies(chosen: &str) -> Vec<Choice> {
    let usual = USUAL.iter().filter_map(|code| Currency::from_code(code).ok());
    let others = Currency::all()
        .filter(|currency| !USUAL.contains(&currency.code()) && !FUNDS.contains(&currency.code()));
    let choice = |currency: Currency| Choice {
        value: currency.code().to_owned(),
        label: format!("{} · {}", currency.code(), currency.name()),
        is_chosen: currency.code() == chosen,
    };
    usual.chain(others).map(choice).collect()
}
