//! `/payees/new`: a number and a name, compared, looked at once more, then added; with a second factor where the
//! API asks for one.

use askama::Template;
use http::StatusCode;
use serde_json::json;

use super::check::{Advice, advice};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::Form;
use crate::frame::{Field, Frame, Who};
use crate::step_up::{Deed, Proof, answered, asked};
use crate::trouble::Trouble;

/// As it was typed.
struct Typed {
    account: String,
    name: String,
    key: String,
}

#[derive(Default)]
struct Faults {
    account: Option<String>,
    name: Option<String>,
    /// Of no field alone.
    refusal: Option<String>,
    status: Option<u16>,
}

#[derive(Template)]
#[template(path = "payees/add.html")]
struct AddPage<'a> {
    frame: Frame<'a>,
    account: Field<'a>,
    name: Field<'a>,
    refusal: Option<String>,
}

#[derive(Template)]
#[template(path = "payees/review.html")]
struct ReviewPage<'a> {
    frame: Frame<'a>,
    typed: &'a Typed,
    advice: Advice,
}

impl Typed {
    fn read(form: &Form, fresh_key: String) -> Self {
        let key = form.some("key").unwrap_or(fresh_key);
        Self { account: form.text("account"), name: form.text("name"), key }
    }
}

pub async fn show(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.query(), customer.fresh_key());
    form_page(&customer, &Typed { key: customer.fresh_key(), ..typed }, Faults::default())
}

/// Back from the review, with everything that was typed.
pub async fn edit(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    form_page(&customer, &typed, Faults::default())
}

pub async fn review(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    let w = customer.words();
    let missing = |text: &str, say: &str| text.is_empty().then(|| say.to_owned());
    let faults = Faults {
        account: missing(&typed.account, w.sending.need_number),
        name: missing(&typed.name, w.sending.need_name),
        ..Faults::default()
    };
    if faults.account.is_some() || faults.name.is_some() {
        return form_page(&customer, &typed, faults);
    }
    match advice(&customer, &typed.account, &typed.name).await {
        Ok(advice) => {
            let frame = customer.frame(w.payees.review_title);
            Answer::page(&ReviewPage { frame, typed: &typed, advice })
        }
        Err(refused) => refusal_page(&customer, &typed, &refused),
    }
}

pub async fn submit(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    let w = customer.words();
    let deed = Deed {
        title: w.payees.add.to_owned(),
        facts: vec![
            (w.payees.name.to_owned(), typed.name.clone()),
            (w.sending.to.to_owned(), typed.account.clone()),
        ],
        action: "/payees".to_owned(),
        back: "/payees".to_owned(),
    };
    let proof = match answered(&customer, &deed).await {
        Proof::None => None,
        Proof::Given(proof) => Some(proof),
        Proof::Ask(page) => return page,
    };
    let body = json!({ "account": typed.account, "name": typed.name });
    let ask = customer.post("/v1/beneficiaries").json(&body).once(&typed.key);
    match ask.proof(proof.as_deref()).done().await {
        Ok(()) => Answer::to("/payees?done=payee_added"),
        Err(refused) => match asked(&customer, &deed, &refused) {
            Some(page) => page,
            None => refusal_page(&customer, &typed, &refused),
        },
    }
}

/// The form again, with the refusal where it belongs. The API keeps a refusal under its key: the next try has
/// another, unless nothing was decided.
fn refusal_page(customer: &Customer, typed: &Typed, refused: &Refused) -> Outcome {
    if refused.is_signed_out() {
        return Err(Trouble::SignIn);
    }
    let words = customer.words();
    let key = if refused.is_undecided() { typed.key.clone() } else { customer.fresh_key() };
    let typed = Typed { account: typed.account.clone(), name: typed.name.clone(), key };
    let mut faults = Faults {
        account: refused.field("account").map(|_| words.sending.bad_number.to_owned()),
        name: words.fault_of(Some(refused), "name"),
        refusal: Some(words.refusal(refused)),
        status: Some(refused.status),
    };
    if matches!(refused.code.as_str(), "account_not_found" | "same_account" | "account_closed") {
        faults.account = Some(words.refusal(refused));
    }
    form_page(customer, &typed, faults)
}

fn form_page(customer: &Customer, typed: &Typed, faults: Faults) -> Outcome {
    let words = customer.words();
    let w = &words.sending;
    let is_faulty = faults.account.is_some() || faults.name.is_some();
    let status = faults.status.unwrap_or(if is_faulty { 422 } else { 200 });
    let page = AddPage {
        frame: Frame { key: typed.key.clone(), ..customer.frame(words.payees.add) },
        account: Field { max_chars: 40, ..Field::text("account", w.to, &typed.account) }
            .hint(w.to_hint)
            .fault(faults.account),
        name: Field { max_chars: 140, ..Field::text("name", w.name, &typed.name) }
            .hint(w.name_hint)
            .fault(faults.name),
        refusal: faults.refusal.or_else(|| is_faulty.then(|| words.trouble.summary.to_owned())),
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
