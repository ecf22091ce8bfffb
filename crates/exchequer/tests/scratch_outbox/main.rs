#[path = "../api/outbox_caps.rs"]
mod outbox_caps;
#[path = "../attacks/passwords.rs"]
mod attacked;
#[path = "../api/outbox.rs"]
mod outbox;
#[path = "../api/passwords.rs"]
mod passwords;
#[path = "../api/rows.rs"]
mod rows;
mod sessions {
    use serde_json::{Value, json};
    use testkit::{Reply, TestBank};
    pub async fn post(bank: &TestBank, path: &str, body: &Value) -> Reply {
        bank.client().post_raw(path, None, body.to_string().into_bytes()).await
    }
    pub async fn log_in(bank: &TestBank, email: &str, password: &str) -> Reply {
        post(bank, "/v1/auth/login", &json!({ "email": email, "password": password })).await
    }
}
mod scene {
    pub use crate::rows::number;
    pub async fn sql(bank: &testkit::TestBank, text: &'static str) -> u64 {
        crate::rows::execute(bank, text).await
    }
}
