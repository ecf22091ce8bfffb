//! `/sign-out`.

use crate::answer::{Answer, Outcome};
use crate::callers::Customer;

/// The API ends the session and takes the cookie back; the browser is told to forget what it has seen.
pub async fn submit(customer: Customer) -> Outcome {
    customer.delete("/v1/web/session").done().await?;
    Answer::out("/sign-in?done=signed_out")
}
