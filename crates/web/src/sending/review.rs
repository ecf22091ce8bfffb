//! `/send/review`: everything once more, before anything is sent.

use askama::Template;
use http::StatusCode;

use super::order::{Book, Faults, Order, Typed, understand};
use super::page::{Refusal, faulty, form_page};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::payees::check::{Advice, advice};
use crate::show::money;
use crate::trouble::Trouble;
use crate::words::put;

#[derive(Template)]
#[template(path = "sending/review.html")]
struct ReviewPage<'a> {
    frame: Frame<'a>,
    typed: &'a Typed,
    order: &'a Order<'a>,
    amount: String,
    send: String,
    left: String,
    is_too_little: bool,
    advice: Option<Advice>,
    refusal: Option<Refusal>,
}

pub async fn submit(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    let book = Book::of(&customer, &typed).await?;
    let words = customer.words();
    let order = match understand(&book, &typed, words) {
        Ok(order) => order,
        Err(faults) => return faulty(&customer, (&book, &typed), *faults),
    };
    if let Some(text) = beyond(&customer, &order) {
        let faults = Faults { amount: Some(text), ..Faults::default() };
        return faulty(&customer, (&book, &typed), faults);
    }
    if !order.is_new {
        return review_page(&customer, (&typed, &order), None, None);
    }
    match advice(&customer, &order.number, &order.name).await {
        Ok(advice) => review_page(&customer, (&typed, &order), Some(advice), None),
        Err(refused) if refused.is_signed_out() => Err(Trouble::SignIn),
        Err(refused) => {
            let faults = Faults {
                to: refused.field("account").map(|_| words.sending.bad_number.to_owned()),
                name: words.fault_of(Some(&refused), "name"),
                ..Faults::default()
            };
            let text = words.refusal(&refused);
            let refusal = Refusal { status: refused.status, text, needs_factor: false };
            form_page(&customer, (&book, &typed), faults, Some(refusal))
        }
    }
}

/// More than there is now would be refused: it is not offered to be sent.
fn beyond(customer: &Customer, order: &Order<'_>) -> Option<String> {
    let available = order.from.balance.available;
    let text = || money(available, &order.from.currency, customer.language());
    (order.amount > available).then(|| put(customer.words().sending.too_much, &text()))
}

/// Also where a payment was not decided: the same key is sent again.
pub fn review_page(
    customer: &Customer,
    (typed, order): (&Typed, &Order<'_>),
    advice: Option<Advice>,
    refusal: Option<Refusal>,
) -> Outcome {
    let w = &customer.words().sending;
    let amount = |minor| money(minor, &order.from.currency, customer.language());
    // Amounts are positive and balances are far from the ends of the numbers.
    let left = order.from.balance.available.saturating_sub(order.amount);
    let status = refusal.as_ref().map_or(200, |refusal| refusal.status);
    let page = ReviewPage {
        // A change of language begins anew: this page is no address.
        frame: Frame { here: "/send", ..customer.frame(w.review_title) },
        typed,
        order,
        amount: amount(order.amount),
        send: put(w.send_amount, &amount(order.amount)),
        left: amount(left),
        is_too_little: left < 0,
        advice,
        refusal,
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
