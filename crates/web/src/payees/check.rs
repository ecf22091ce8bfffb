//! Whether a name is that of an account's holder: advice on a review page, never a refusal.

use serde::Deserialize;
use serde_json::json;

use crate::api::Refused;
use crate::callers::Customer;
use crate::words::put;

/// What is said of a name.
pub struct Advice {
    pub text: String,
    /// Of the design: `good`, `wait` or `bad`.
    pub class: &'static str,
    pub icon: &'static str,
}

#[derive(Deserialize)]
struct Checked {
    result: String,
    suggestion: Option<String>,
}

/// Compares. What was typed may be no number at all: then it is the API's refusal of that field. That it does not
/// compare now, or not so often, is advice too.
pub async fn advice(customer: &Customer, number: &str, name: &str) -> Result<Advice, Refused> {
    let body = json!({ "account": number, "name": name });
    let checked: Result<Checked, Refused> =
        customer.post("/v1/payees/check").json(&body).receive().await;
    let w = &customer.words().sending;
    let advice = |text: &str, class, icon| Advice { text: text.to_owned(), class, icon };
    match checked {
        Ok(Checked { result, suggestion }) => Ok(match result.as_str() {
            "match" => advice(w.match_text, "good", "done"),
            "close_match" => {
                let text = put(w.close_text, suggestion.as_deref().unwrap_or_default());
                advice(&text, "wait", "warn")
            }
            "no_match" => advice(w.no_match_text, "bad", "warn"),
            _ => advice(w.unchecked_text, "wait", "warn"),
        }),
        Err(refused) if refused.is_signed_out() || refused.code == "invalid_fields" => Err(refused),
        Err(_) => Ok(advice(w.unchecked_text, "wait", "warn")),
    }
}
