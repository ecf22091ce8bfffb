//! The emergency stop, and the link that proves the address once more.

use serde::de::IgnoredAny;
use serde_json::json;

use super::{OVERVIEW, deed};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::step_up;

/// At once, and without a question.
pub async fn stop(customer: Customer) -> Outcome {
    let key = customer.form().raw("key");
    customer.post("/v1/protections/stop").json(&json!({})).once(key).done().await?;
    Answer::to("/security?done=outgoing_stopped")
}

pub async fn resume(customer: Customer) -> Outcome {
    let deed = deed(customer.words().security.resume_deed, &[], "/security/resume", OVERVIEW);
    let act = customer.post("/v1/protections/resume").once(customer.form().raw("key"));
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::to("/security?done=outgoing_resumed"),
        Err(stop) => stop.into_outcome(),
    }
}

pub async fn send_link(customer: Customer) -> Outcome {
    let key = customer.form().raw("key");
    customer.post("/v1/me/email/confirmation").json(&json!({})).once(key).done().await?;
    Answer::to("/security?done=link_sent")
}
