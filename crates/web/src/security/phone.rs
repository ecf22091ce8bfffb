//! `/security/factors/phone`: the number that codes are to go to.

use askama::Template;
use http::StatusCode;

use super::enrol;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::entrance::phone_number;
use crate::frame::{Field, Frame, Who};

#[derive(Template)]
#[template(path = "security/phone.html")]
struct PhonePage<'a> {
    frame: Frame<'a>,
    phone: Field<'a>,
    refusal: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    page(&customer, None)
}

pub async fn submit(customer: Customer) -> Outcome {
    let number = phone_number(&customer.form().text("phone"));
    match enrol::telephone(&customer, &number).await {
        Ok(outcome) => outcome,
        Err(refused) if refused.is_signed_out() => Err(refused.into()),
        Err(refused) => page(&customer, Some(&refused)),
    }
}

fn page(customer: &Customer, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let phone = Field::text("phone", words.security.phone, &customer.form().text("phone"));
    let page = PhonePage {
        frame: customer.frame(words.security.phone_title),
        phone: Field { kind: "tel", ..phone }
            .autocomplete("tel")
            .hint(words.entrance.phone_hint)
            .fault(words.fault_of(refused, "phone")),
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
