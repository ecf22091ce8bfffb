//! `/security/factors/{id}`: one factor: its name, and its end.

use askama::Template;
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::json;

use super::factors::{self, Row};
use super::{OVERVIEW, deed};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Field, Frame, Who};
use crate::step_up;
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "security/factor.html")]
struct FactorPage<'a> {
    frame: Frame<'a>,
    factor: &'a Row,
    name: Field<'a>,
    refusal: Option<String>,
}

#[derive(Template)]
#[template(path = "security/remove.html")]
struct RemovePage<'a> {
    frame: Frame<'a>,
    factor: &'a Row,
}

pub async fn show(customer: Customer) -> Outcome {
    let factor = found(&customer).await?;
    page(&customer, &factor, None)
}

pub async fn rename(customer: Customer) -> Outcome {
    let form = customer.form();
    let path = format!("/v1/factors/{}/rename", segment(customer.segment(0)));
    let act = customer.post(path).json(&json!({ "name": form.text("name") }));
    match act.once(form.raw("key")).receive::<IgnoredAny>().await {
        Ok(_) => Answer::to("/security?done=factor_renamed"),
        Err(refused) if refused.status == 422 => {
            page(&customer, &found(&customer).await?, Some(&refused))
        }
        Err(refused) => Err(refused.into()),
    }
}

pub async fn ask(customer: Customer) -> Outcome {
    let factor = found(&customer).await?;
    let frame = customer.frame(&factor.named(customer.words().security.remove_title));
    Answer::page(&RemovePage { frame, factor: &factor })
}

pub async fn remove(customer: Customer) -> Outcome {
    let w = &customer.words().security;
    let factor = found(&customer).await?;
    let id = segment(&factor.id);
    let facts = [(w.deed_kind, factor.kind), (w.name, &*factor.name)];
    let action = format!("/security/factors/{id}/remove");
    let deed = deed(w.deed_remove, &facts, &action, OVERVIEW);
    let act = customer.delete(format!("/v1/factors/{id}"));
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::to("/security?done=factor_removed"),
        Err(stop) => stop.into_outcome(),
    }
}

/// The factor of the path, if it is the customer's.
async fn found(customer: &Customer) -> Result<Row, Trouble> {
    let held = factors::all(customer).await?;
    let factor = held.into_iter().find(|factor| factor.id == customer.segment(0));
    factor.map(|factor| factor.row(customer)).ok_or(Trouble::NotFound)
}

fn page(customer: &Customer, factor: &Row, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let typed = customer.form().some("name").unwrap_or_else(|| factor.name.clone());
    let page = FactorPage {
        frame: customer.frame(&factor.name),
        factor,
        name: Field { max_chars: 140, ..Field::text("name", words.security.name, &typed) }
            .hint(words.security.name_hint)
            .fault(words.fault_of(refused, "name")),
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}
