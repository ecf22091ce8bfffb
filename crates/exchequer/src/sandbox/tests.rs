//! The gateway as the bank meets it: through its client, in one process, with every knob turned.

mod faults;
mod logs;
mod notices;
mod paying;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use money::{Clock, Currency, IdMint, Money, PaymentId, Rng, Timestamp};
use vault::SecretString;
use vault::card::{Expiry, Number};

use super::*;
use crate::gateways::sandbox::Sandbox;
use crate::gateways::{
    Act, Asked, Card, Done, Gateway, Kind, Limits, Operation, Outcome, Question,
};

const SECRET: &str = "a secret of the sandbox";
const GOOD: &str = "4242424242424242";

struct Scene {
    server: Server,
    gateway: Sandbox,
    mint: IdMint,
    clock: Clock,
}

impl Scene {
    async fn new() -> Self {
        Self::with(None, None).await
    }

    async fn with(journal: Option<&Path>, notify: Option<String>) -> Self {
        let clock = Clock::manual("2026-11-21T08:00:00Z".parse().unwrap());
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret: SecretString::new(SECRET.to_owned()),
            journal: journal.map(Path::to_owned),
            notify,
            clock: clock.clone(),
        };
        let server = Server::start(settings).await.unwrap();
        let gateway = client(&server.url(), Duration::from_secs(10));
        Self { server, gateway, mint: IdMint::new(Rng::seeded(1)), clock }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn payment(&self) -> PaymentId {
        self.mint.mint(self.now())
    }

    fn card(&self, number: &str) -> Card {
        card(number, self.now())
    }

    fn turn(&self, turn: impl FnOnce(&mut Chaos)) {
        let mut chaos = Chaos::default();
        turn(&mut chaos);
        self.server.set_chaos(chaos).unwrap();
    }

    /// Pays 1,000 under the payment's own id.
    async fn pay(&self, payment: PaymentId, number: &str) -> Outcome {
        pay(&self.gateway, payment, (&self.card(number), true)).await
    }

    async fn ask(&self, payment: PaymentId, give_up: bool) -> Asked {
        let id = payment.to_string();
        let (kind, reference) = (Kind::Authorize, None);
        self.gateway
            .ask(&Question { id: &id, payment, reference, currency: Currency::INR, kind, give_up })
            .await
    }

    async fn act(&self, id: &str, payment: PaymentId, act: Act<'_>) -> Outcome {
        self.gateway.submit(&Operation { id, payment, reference: None, act }).await
    }

    /// Authorised, captured, refunded; nothing where there is no charge.
    fn charged(&self, payment: PaymentId) -> Option<(i64, i64, i64)> {
        let charge = self.server.desk().charge(payment)?;
        Some((charge.authorized, charge.captured, charge.refunded))
    }
}

fn client(url: &str, whole: Duration) -> Sandbox {
    let limits = Limits { connect: Duration::from_secs(2), whole };
    Sandbox::new(url, SecretString::new(SECRET.to_owned()), limits).unwrap()
}

fn card(number: &str, now: Timestamp) -> Card {
    let Ok(number) = Number::parse(number) else { panic!("no card number") };
    let cvv = Some(SecretString::new("737".to_owned()));
    Card { number, expiry: Expiry::new(12, 2030, now).unwrap(), cvv }
}

async fn pay(gateway: &Sandbox, payment: PaymentId, (card, capture): (&Card, bool)) -> Outcome {
    let id = payment.to_string();
    let act = Act::Authorize { money: inr(1_000), card, capture };
    gateway.submit(&Operation { id: &id, payment, reference: None, act }).await
}

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn done(payment: PaymentId, amount: i64, is_captured: bool) -> Outcome {
    let reference = payment.to_string().replace("pay_", "sbx_");
    Outcome::Done(Done { reference, amount, is_captured })
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), reference: None }
}

#[track_caller]
fn assert_unknown(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
}
