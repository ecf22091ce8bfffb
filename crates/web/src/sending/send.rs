//! `POST /send`: the payment itself, once.
//!
//! Order: what was typed is understood anew; an answer to a second factor's question is judged; the API decides. A
//! refusal goes beside the field that it is about, on the form with everything typed and a key of its own, since
//! the API keeps a refusal under its key. Where nothing was decided the review is shown again with the same key.

use askama::Template;
use futures_util::future::join;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::order::{Book, Faults, Order, Typed, understand};
use super::page::{Refusal, faulty, form_page};
use super::review::review_page;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::security::limits;
use crate::show::money;
use crate::step_up::{Deed, Proof, answered, asked};
use crate::trouble::Trouble;
use crate::words::{Words, put};

/// The API's answer to a payment.
#[derive(Deserialize)]
struct Protections {
    outgoing_stopped: bool,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

#[derive(Template)]
#[template(path = "sending/already.html")]
struct AlreadyPage<'a> {
    frame: Frame<'a>,
    /// Whose entries tell.
    account: &'a str,
}

pub async fn submit(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    let book = Book::of(&customer, &typed).await?;
    let order = match understand(&book, &typed, customer.words()) {
        Ok(order) => order,
        Err(faults) => return faulty(&customer, (&book, &typed), *faults),
    };
    let deed = deed(&customer, &order);
    let proof = match answered(&customer, &deed).await {
        Proof::None => None,
        Proof::Given(proof) => Some(proof),
        Proof::Ask(page) => return before(&customer, &order, &typed.key, page).await,
    };
    match pay(&customer, &order, &typed.key, proof.as_deref()).await {
        Ok(sent) => receipt(&sent),
        Err(refused) => {
            if let Some(page) = asked(&customer, &deed, &refused) {
                return page;
            }
            let (refused, text) = named(&customer, &order, refused).await;
            refusal_page(&customer, (&book, &typed, &order), (&refused, text))
        }
    }
}

async fn pay(
    customer: &Customer,
    order: &Order<'_>,
    key: &str,
    proof: Option<&str>,
) -> Result<Sent, Refused> {
    let body = json!({
        "from": order.from.id,
        "to": order.to,
        "amount": order.amount,
        "currency": order.from.currency,
        "memo": order.memo,
    });
    customer.post("/v1/transfers").json(&body).once(key).proof(proof).receive().await
}

fn receipt(sent: &Sent) -> Outcome {
    Answer::to(format!("/transfers/{}?done=sent", segment(&sent.id)))
}

/// An answer to the question that was not right may be one that was given twice: what was sent under this key is
/// shown, not asked about again.
async fn before(customer: &Customer, order: &Order<'_>, key: &str, page: Outcome) -> Outcome {
    if customer.form().raw("answer_with").starts_with("send:") {
        return page;
    }
    match pay(customer, order, key, None).await {
        Ok(sent) => receipt(&sent),
        // It is still asked about, or refused; the page says what was wrong with the answer.
        Err(_) => page,
    }
}

/// What the second factor is shown for.
fn deed(customer: &Customer, order: &Order<'_>) -> Deed {
    let w = &customer.words().sending;
    let fact = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let mut facts = vec![
        fact(w.amount, &money(order.amount, &order.from.currency, customer.language())),
        fact(w.payee, &order.name),
        fact(w.to, &order.number),
        fact(w.from, &format!("{} · {}", order.from.name, order.from.number)),
    ];
    facts.extend(order.memo.as_deref().map(|memo| fact(customer.words().accounts.memo, memo)));
    Deed { title: w.title.to_owned(), facts, action: "/send".to_owned(), back: "/send".to_owned() }
}

/// The API has one code for all limits. The customer's own stop is lifted elsewhere than a limit, and of an own limit it is
/// said which and how much it leaves; where neither can be asked, it is said that there is one.
async fn named(customer: &Customer, order: &Order<'_>, refused: Refused) -> (Refused, String) {
    let words = customer.words();
    let said = words.refusal(&refused);
    if refused.code != "limit_exceeded" {
        return (refused, said);
    }
    let stopped = customer.get("/v1/protections").receive::<Protections>();
    let passed = limits::passed(customer, &order.from.currency, order.amount);
    match join(stopped, passed).await {
        (Ok(Protections { outgoing_stopped: true }), _) => {
            let refused = Refused { code: "outgoing_stopped".to_owned(), ..refused };
            let said = words.refusal(&refused);
            (refused, said)
        }
        (_, Ok(Some((limit, left)))) => (refused, put(&put(words.sending.own_limit, limit), &left)),
        _ => (refused, said),
    }
}

fn refusal_page(
    customer: &Customer,
    (book, typed, order): (&Book, &Typed, &Order<'_>),
    (refused, text): (&Refused, String),
) -> Outcome {
    if refused.is_signed_out() {
        return Err(Trouble::SignIn);
    }
    let words = customer.words();
    if refused.code == "idempotency_key_reused" {
        let frame = customer.frame(words.sending.already_title);
        let page = AlreadyPage { frame, account: &order.from.id };
        return Answer::page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let needs_factor = refused.code == "step_up_required";
    let faults = faults_of(words, order, (refused, &text));
    let refusal = Refusal { status: refused.status, text, needs_factor };
    if refused.is_undecided() {
        return review_page(customer, (typed, order), None, Some(refusal));
    }
    let typed = Typed { key: customer.fresh_key(), ..typed.clone() };
    form_page(customer, (book, &typed), faults, Some(refusal))
}

/// Where a refusal belongs; what is about no field is said above them alone.
fn faults_of(
    words: &'static Words,
    order: &Order<'_>,
    (refused, text): (&Refused, &str),
) -> Faults {
    let said = || Some(text.to_owned());
    let mut faults = Faults::default();
    let of_payee = if order.is_new { &mut faults.to } else { &mut faults.payee };
    match refused.code.as_str() {
        "account_not_found" | "same_account" | "currency_mismatch" | "payee_cooling" => {
            *of_payee = said();
        }
        // One of the two; the own one tells by itself.
        "account_frozen" | "account_closed" if order.from.is_open() => *of_payee = said(),
        "account_frozen" | "account_closed" => faults.from = said(),
        "limit_exceeded" | "insufficient_funds" | "recent_password_change" => {
            faults.amount = said();
        }
        "invalid_fields" => {
            if refused.field("to").is_some() {
                *of_payee = Some(words.sending.bad_number.to_owned());
            }
            faults.from = words.fault_of(Some(refused), "from");
            faults.amount = words.fault_of(Some(refused), "amount");
            faults.memo = words.fault_of(Some(refused), "memo");
        }
        _ => {}
    }
    faults
}
