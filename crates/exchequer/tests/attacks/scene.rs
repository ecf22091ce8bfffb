//! What the attacks start from: two customers with an account each, a teller, and a hand in the database.

use std::sync::Arc;

use exchequer::config::ServiceSecret;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use store::{DbError, params};
use testkit::{Person, Reply, Shop, TestBank};
use vault::{Place, SecretString};

/// Asha has 10,000 INR; Bela has an empty account.
pub struct Scene {
    pub bank: TestBank,
    pub asha: Person,
    pub bela: Person,
    pub from: String,
    pub to: String,
    pub teller: Person,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(TestBank::new().await).await
    }

    pub async fn on(bank: TestBank) -> Self {
        let teller = bank.operator(Role::Teller).await;
        let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
        let from = bank.account(&asha, "INR").await;
        let to = bank.account(&bela, "INR").await;
        bank.deposit(&teller, &from, 10_000, "INR").await;
        Self { bank, asha, bela, from, to, teller }
    }

    pub fn order(&self, amount: i64) -> Value {
        json!({ "from": self.from, "to": self.to, "amount": amount, "currency": "INR" })
    }

    /// Places a hold of Asha's money for Bela; gives its path.
    pub async fn hold(&self, body: &Value) -> String {
        let placed = self.asha.client.post("/v1/holds", body).await.expect(201);
        format!("/v1/holds/{}", placed.text("/id"))
    }

    pub async fn balances(&self) -> [[i64; 3]; 2] {
        let asha = self.bank.balance(&self.asha, &self.from).await;
        [asha, self.bank.balance(&self.bela, &self.to).await]
    }
}

/// A statement of somebody who has got hold of the database itself; gives the rows it changed.
pub async fn sql(bank: &TestBank, text: &'static str) -> u64 {
    let run = bank.bank().db().write("attack", move |tx| tx.execute(text, &[]));
    run.await.unwrap_or_else(|error: DbError| panic!("{text}: {error}"))
}

/// The only integer of the only row.
pub async fn number(bank: &TestBank, text: &'static str) -> i64 {
    let run = bank.bank().db().read("attack", move |tx| tx.query_one(text, &[])?.int(0));
    run.await.unwrap_or_else(|error: DbError| panic!("{text}: {error}"))
}

/// Signs in or refreshes: a route without key.
pub async fn post(bank: &TestBank, path: &str, body: &Value) -> Reply {
    bank.client().post_raw(path, None, body.to_string().into_bytes()).await
}

pub fn succeeded(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.status.is_success()).count()
}

/// Two secrets of a webhook endpoint, an act that waits for a second operator, and a key that is kept.
pub async fn keep_secrets(bank: &TestBank, admin: &Person, shop: &Shop) {
    keep_index(bank).await;
    keep_service_secret(bank).await;
    bank.advance(30);
    let begin = json!({ "current_password": admin.password, "code": bank.totp_code(admin) });
    let begin = begin.to_string().into_bytes();
    let _begun = admin.client.post_raw("/v1/staff/authenticator", None, begin).await.expect(201);
    let hook = json!({ "url": "https://shop.example.com/hook" });
    let hook = shop.post("/v1/webhook_endpoints", &hook).await.expect(201).text("/id");
    let rotate = format!("/v1/webhook_endpoints/{hook}/rotate");
    let _two = shop.post(&rotate, &json!({})).await.expect(200);
    let keys = format!("/v1/staff/merchants/{}/keys", shop.id);
    let _waits = admin.client.post(&keys, &json!({ "mode": "live" })).await.expect(202);
}

/// A password of another service, as a node with one notes it when it starts.
async fn keep_service_secret(bank: &TestBank) {
    let value = Arc::new(SecretString::new("a password of Redis".to_owned()));
    let secret = ServiceSecret { setting: "redis_url", value, days: 90 };
    let node = bank.other_bank_with(|config| config.secrets.given = vec![secret]).await;
    let ages = exchequer::secrets::note(&node).await.expect("the database is there");
    assert_eq!(ages.len(), 1);
}

/// The key of a column's index, as it is kept when its version is finished.
async fn keep_index(bank: &TestBank) {
    let tools = bank.bank().tools();
    let (row, column) = (1_u128.to_be_bytes(), exchequer::keys::KEPT_COLUMN);
    let place = Place { table: "kept_indexes", column: "key_sealed", row: &row };
    let kept = tools.keyring().keep_index(tools.rng(), (1, column), &place).expect("a key");
    let kept = kept.expect("version 1");
    let text =
        "INSERT INTO kept_indexes (id, version, key_sealed, created_at) VALUES ($1, 1, $2, 0)";
    let run = bank.bank().db().write("attack", move |tx| tx.execute(text, params![&row, &kept]));
    let rows: u64 = run.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert_eq!(rows, 1);
}
