//! `/accounts/new`: another account, under a name and in a currency.

use askama::Template;
use http::StatusCode;
use serde_json::json;

use super::Account;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Choice, Field, Frame, Select, Who};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "accounts/open.html")]
struct OpenPage<'a> {
    frame: Frame<'a>,
    name: Field<'a>,
    currency: Select<'a>,
    refusal: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    page(&customer, None)
}

pub async fn submit(customer: Customer) -> Outcome {
    let form = customer.form();
    let body = json!({ "name": form.text("name"), "currency": form.text("currency") });
    let opened: Result<Account, Refused> =
        customer.post("/v1/accounts").json(&body).once(form.raw("key")).receive().await;
    match opened {
        Ok(account) => {
            Answer::to(format!("/accounts/{}?done=account_opened", segment(&account.id)))
        }
        Err(refused) if refused.is_signed_out() => Err(Trouble::from(refused)),
        Err(refused) => page(&customer, Some(&refused)),
    }
}

fn page(customer: &Customer, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let w = &words.accounts;
    let form = customer.form();
    let chosen = form.some("currency").unwrap_or_else(|| "INR".to_owned());
    let choices = w.currencies().into_iter().map(|(code, name)| Choice {
        value: code.to_owned(),
        label: format!("{code} · {name}"),
        is_chosen: code == chosen,
    });
    let mut frame = customer.frame(w.open_title);
    if refused.is_some_and(Refused::is_undecided) {
        form.raw("key").clone_into(&mut frame.key);
    }
    let page = OpenPage {
        frame,
        name: Field { max_chars: 140, ..Field::text("name", w.name, &form.text("name")) }
            .hint(w.name_hint)
            .fault(words.fault_of(refused, "name")),
        currency: Select {
            name: "currency",
            label: w.currency,
            choices: choices.collect(),
            hint: Some(w.currency_hint),
            fault: words.fault_of(refused, "currency"),
        },
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
