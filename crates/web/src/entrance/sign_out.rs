//! `/sign-out`.

use crate::answer::{Answer, Outcome};
use crate::callers::Customer;

/// The API ends the session and takes the cookie back.
pub async fn submit(customer: Customer) -> Outcome {
    customer.delete("/v1/web/session").done().await?;
    Answer::to("/sign-in?done=signed_out")
}
