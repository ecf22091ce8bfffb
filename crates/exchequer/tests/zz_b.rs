//! Temporary.
#![allow(dead_code, unused_imports)]
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
#[path = "api/factors.rs"]
mod api_factors;
#[path = "attacks/factors.rs"]
mod attacks_factors;
#[path = "attacks/lockout.rs"]
mod attacks_lockout;
#[path = "attacks/second_factor.rs"]
mod attacks_second_factor;
#[path = "api/rows.rs"]
mod rows;
#[path = "attacks/scene.rs"]
mod scene;
