//! `/payees/{id}/remove`: asked once, then done. Sent again it finds it done.

use askama::Template;

use super::{Payee, known_with};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "payees/remove.html")]
struct RemovePage<'a> {
    frame: Frame<'a>,
    payee: Payee,
}

pub async fn ask(customer: Customer) -> Outcome {
    let id = customer.segment(0);
    let payees = known_with(&customer, |payee| payee.id == id).await?;
    let payee = payees.into_iter().find(|payee| payee.id == id).ok_or(Trouble::NotFound)?;
    let frame = customer.frame(customer.words().payees.remove_title);
    Answer::page(&RemovePage { frame, payee })
}

pub async fn submit(customer: Customer) -> Outcome {
    let path = format!("/v1/beneficiaries/{}", segment(customer.segment(0)));
    match customer.delete(path).done().await {
        Ok(()) => Answer::to("/payees?done=payee_removed"),
        // Not on this customer's list, whether it ever was or not.
        Err(refused) if refused.is_not_found() => Answer::to("/payees?done=payee_removed"),
        Err(refused) => Err(Trouble::from(refused)),
    }
}
