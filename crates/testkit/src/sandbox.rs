//! A sandbox gateway in the process of a test, and a bank that takes payments through it.

use std::sync::Arc;

use exchequer::config::{Config, SandboxGateway};
use exchequer::sandbox::{Chaos, Server, Settings};
use exchequer::staff::model::Role;
use money::Clock;
use serde_json::{Value, json};
use vault::SecretString;

use crate::bank::{Person, TestBank};
use crate::client::Reply;
use crate::merchant::Shop;

/// What bank and gateway have in common.
pub const SECRET: &str = "sandbox secret of a test";

/// A bank, a gateway and a merchant of it.
pub struct Till {
    pub bank: TestBank,
    pub gateway: Server,
    pub admin: Person,
    pub shop: Shop,
}

/// A gateway on a free port, without anybody to tell.
pub async fn gateway() -> Server {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().expect("an address"),
        secret: SecretString::new(SECRET.to_owned()),
        journal: None,
        notify: None,
        clock: Clock::System,
    };
    Server::start(settings).await.unwrap_or_else(|error| panic!("the gateway: {error}"))
}

impl Till {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let gateway = gateway().await;
        let url = gateway.url();
        let bank = TestBank::with(|config| {
            let secret = Arc::new(SecretString::new(SECRET.to_owned()));
            config.cards.sandbox = Some(SandboxGateway { url, secret });
            // What hangs is known to hang within a test's patience.
            config.cards.gateway_seconds = 1;
            change(config);
        })
        .await;
        let admin = bank.operator(Role::Admin).await;
        let shop = Shop::new(&bank, &admin, "test").await;
        Self { bank, gateway, admin, shop }
    }

    pub fn chaos(&self, chaos: Chaos) {
        self.gateway.set_chaos(chaos).unwrap_or_else(|error| panic!("the knobs: {error}"));
    }

    /// A payment of 100.00 rupees with a card of this number.
    pub async fn pay(&self, number: &str, capture: &str) -> Reply {
        let card = self.shop.card(number).await;
        self.shop.post("/v1/payments", &order(&card, 10_000, capture)).await
    }

    /// What the gateway says it took and gave back, minor units of rupees.
    pub fn totals(&self) -> (i128, i128) {
        let totals = self.gateway.desk().totals();
        totals.get("INR").map_or((0, 0), |total| (total.captured, total.refunded))
    }
}

/// The body of a payment in rupees.
pub fn order(card: &str, amount: i64, capture: &str) -> Value {
    json!({ "amount": amount, "currency": "INR", "card": card, "capture": capture })
}
