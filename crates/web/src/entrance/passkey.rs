//! `/sign-in/passkey`: a sign-in without a password. A question is a row, so it is asked when the button is pressed
//! and not whenever the sign-in page is shown.

use serde::Deserialize;

use super::second;
use crate::answer::Outcome;
use crate::api::Challenge;
use crate::callers::Visitor;
use crate::question::Question;

#[derive(Deserialize)]
struct Wanted {
    challenge: Challenge,
}

pub async fn submit(visitor: Visitor) -> Outcome {
    let wanted: Wanted = visitor.post("/v1/auth/passkey").receive().await?;
    second::page(&visitor, &Question::of(&wanted.challenge), visitor.form().raw("next"))
}
