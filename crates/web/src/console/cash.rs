//! Money over the counter: a teller's deposit or withdrawal, in the account's own currency.

use http::Method;
use serde_json::json;

use super::accounts::{self, Account, here, one, typed_amount};
use super::desk::Done;
use super::parts::{Act, Input};
use crate::answer::Outcome;
use crate::api::Refused;
use crate::callers::Operator;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::POST, "/console/accounts/{id}/deposit", "deposit", |operator| {
            post(operator, "/v1/staff/deposits", "deposited")
        })
        .operator(Method::POST, "/console/accounts/{id}/withdraw", "withdraw", |operator| {
            post(operator, "/v1/staff/withdrawals", "withdrawn_cash")
        })
}

/// What a teller may do with an account that is open.
pub fn acts(operator: &Operator, account: &Account) -> Vec<Act> {
    let act = |title, verb: &str, text| {
        let amount = Input::text("amount", "Amount")
            .hint("In the account's currency, as 1,234.50.")
            .long(40);
        let reference = Input::text("reference", "Reference").hint("On the customer's statement.");
        let act = operator.act(title, format!("{}/{verb}", here(operator)));
        Act { text, ..act }.input(amount).input(reference)
    };
    let mut acts = Vec::new();
    if account.status != "open" || account.owner.is_none() {
        return acts;
    }
    if operator.may("deposit") {
        let text = "Take the cash first. A large amount may wait for a second operator.";
        acts.push(act("Deposit", "deposit", text));
    }
    if operator.may("withdraw") {
        let text = "Hand the cash out after this is posted. A large amount may wait for a second operator.";
        acts.push(act("Withdraw", "withdraw", text));
    }
    acts
}

async fn post(operator: Operator, path: &'static str, notice: &'static str) -> Outcome {
    match posted(&operator, path).await {
        Ok(done) => done.leads_to(&here(&operator), notice),
        Err(refused) => accounts::page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn posted(operator: &Operator, path: &str) -> Result<Done, Refused> {
    let account = one(operator).await?;
    let body = json!({
        "account": account.id,
        "amount": typed_amount(operator, "amount", &account.currency)?,
        "currency": account.currency,
        "reference": operator.form().text("reference"),
    });
    operator.change(path).json(&body).receive().await
}
