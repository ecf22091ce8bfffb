//! A second factor for one act, asked for when the API says so.
//!
//! The act's form is sent, the API answers `step_up_required` with a question, and the page that asks it carries the
//! act's form along, hidden, under the same key. The proof that a right answer gives goes with the act at once: it
//! serves once, for exactly that act. What the page shows of the act is made from the same form; what the factor is
//! asked for (a mail's text) is made by the API.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Outcome};
use crate::api::{Ask, Refused};
use crate::callers::Customer;
use crate::frame::{Frame, Who};
use crate::question::{Asking, Judged, Question, Remark};
use crate::trouble::Trouble;

/// What is being confirmed, as the customer reads it.
pub struct Deed {
    pub title: String,
    /// Label and value: payee, amount, …
    pub facts: Vec<(String, String)>,
    /// Where the form goes: the page that does the act.
    pub action: String,
    /// Where "cancel" leads.
    pub back: String,
}

/// What the customer's answer came to.
pub enum Proof {
    /// The form brought no answer: the act is tried as it is.
    None,
    Given(String),
    /// The page to show instead of the act.
    Ask(Outcome),
}

/// Why an act was not done.
pub enum Stop {
    /// It was held back, or is being asked about: the page to show.
    Page(Outcome),
    Refused(Box<Refused>),
}

#[derive(Deserialize)]
struct Proved {
    proof: String,
}

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage<'a> {
    frame: &'a Frame<'a>,
    deed: &'a Deed,
    asking: Asking<'a>,
}

/// Does an act that the API may hold back: takes the answer that the form brought, sends the act, and where it is
/// held back gives the page that asks.
pub async fn through<T: DeserializeOwned>(
    customer: &Customer,
    deed: &Deed,
    act: Ask<'_>,
) -> Result<T, Stop> {
    let proof = match answered(customer, deed).await {
        Proof::None => None,
        Proof::Given(proof) => Some(proof),
        Proof::Ask(page) => return Err(Stop::Page(page)),
    };
    match act.proof(proof.as_deref()).receive().await {
        Ok(done) => Ok(done),
        Err(refused) => Err(match asked(customer, deed, &refused) {
            Some(page) => Stop::Page(page),
            None => Stop::Refused(Box::new(refused)),
        }),
    }
}

/// Judges what the form brought of an answer, before the act. A form without a question gives [`Proof::None`].
pub async fn answered(customer: &Customer, deed: &Deed) -> Proof {
    let Some(question) = Question::read(customer.form()) else { return Proof::None };
    match question.judge::<Proved>(customer, None).await {
        Judged::Again => Proof::None,
        Judged::Right(proved) => Proof::Given(proved.proof),
        Judged::Open(remark) => Proof::Ask(page(customer, deed, &question, &remark)),
    }
}

/// The page that asks, after the API has held the act back; `None`: it was refused for another reason, or the
/// customer has no factor that could answer.
pub fn asked(customer: &Customer, deed: &Deed, refused: &Refused) -> Option<Outcome> {
    let challenge = refused.challenge.as_ref().filter(|_| refused.code == "step_up_required")?;
    if challenge.methods.is_empty() {
        return None;
    }
    Some(page(customer, deed, &Question::of(challenge), &Remark::default()))
}

impl Stop {
    /// The page to show, where a refusal has no better place.
    pub fn into_outcome(self) -> Outcome {
        match self {
            Self::Page(outcome) => outcome,
            Self::Refused(refused) => Err(Trouble::from(*refused)),
        }
    }
}

fn page(customer: &Customer, deed: &Deed, question: &Question, remark: &Remark) -> Outcome {
    let frame = customer.frame(customer.words().step_up.title);
    let asking = question.asking(customer, &frame, &deed.action, remark);
    let status = remark.refused.as_ref().map_or(200, |refused| refused.status);
    let status = StatusCode::from_u16(status).unwrap_or_default();
    Answer::page_with(status, &StepUpPage { frame: &frame, deed, asking })
}
