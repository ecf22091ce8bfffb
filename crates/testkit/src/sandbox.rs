//! A sandbox gateway in the process of a test, and a bank that takes payments through it.

use std::net::SocketAddr;
use std::sync::Arc;

use exchequer::config::{Config, SandboxGateway};
use exchequer::gateways::sandbox::Sandbox;
use exchequer::gateways::{Act, Card, Gateway, Limits, Operation, Outcome};
use exchequer::sandbox::{Chaos, Server, Settings};
use exchequer::staff::model::Role;
use money::{Clock, Currency, Money, PaymentId};
use serde_json::{Value, json};
use vault::SecretString;
use vault::card::{Expiry, Number};

use crate::bank::{Person, TestBank};
use crate::client::Reply;
use crate::database::TestDatabase;
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
    gateway_at("127.0.0.1:0".parse().expect("an address"), Clock::System).await
}

async fn gateway_at(listen: SocketAddr, clock: Clock) -> Server {
    let settings = Settings {
        listen,
        secret: SecretString::new(SECRET.to_owned()),
        journal: None,
        notify: None,
        clock,
    };
    Server::start(settings).await.unwrap_or_else(|error| panic!("the gateway: {error}"))
}

impl Till {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::beside(gateway().await, TestBank::clock_in_hand(), change).await
    }

    /// The gateway has the bank's time.
    pub async fn with_its_clock() -> Self {
        let clock = TestBank::clock_in_hand();
        let address = "127.0.0.1:0".parse().expect("an address");
        Self::beside(gateway_at(address, clock.clone()).await, clock, |_| {}).await
    }

    /// In the gateway's place one that knows of nothing.
    pub async fn with_another_gateway(self) -> Self {
        let Self { bank, gateway, admin, shop } = self;
        let address = gateway.address();
        gateway.stop().await;
        let gateway = gateway_at(address, bank.clock().clone()).await;
        Self { bank, gateway, admin, shop }
    }

    /// Takes money at the gateway that the bank never asked for; gives the operation's id.
    pub async fn charge_behind_the_bank(&self, amount: i64) -> String {
        let secret = SecretString::new(SECRET.to_owned());
        let client = Sandbox::new(&self.gateway.url(), secret, Limits::default());
        let client = client.unwrap_or_else(|error| panic!("the client: {error}"));
        let payment: PaymentId = self.bank.bank().tools().id();
        let id = payment.to_string();
        let number = Number::parse("4242424242424242").expect("a number");
        let expiry = Expiry::new(12, 2030, self.bank.clock().now()).expect("a date");
        let card = Card { number, expiry, cvv: None };
        let money = Money::new(amount, Currency::INR);
        let act = Act::Authorize { money, card: &card, capture: true };
        let operation = Operation { id: &id, payment, reference: None, act };
        let outcome = client.submit(&operation).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        id
    }

    /// Gives money of a payment back at the gateway, which the bank never asked for.
    pub async fn refund_behind_the_bank(&self, payment: &str, amount: i64) {
        let secret = SecretString::new(SECRET.to_owned());
        let client = Sandbox::new(&self.gateway.url(), secret, Limits::default());
        let client = client.unwrap_or_else(|error| panic!("the client: {error}"));
        let payment = payment.parse().expect("the id of a payment");
        let act = Act::Refund { money: Money::new(amount, Currency::INR) };
        let operation = Operation { id: "by-hand", payment, reference: None, act };
        let outcome = client.submit(&operation).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    }

    async fn beside(gateway: Server, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let url = gateway.url();
        let bank = TestBank::at(TestDatabase::new(), clock, |config| {
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
