//! Against a server that is compatible with Stripe, where `EXCHEQUER_TEST_STRIPE_URL` has its address (such
//! as that of `localstripe`, of PyPI). It knows nothing of idempotency keys, and has no report that we read.

use super::*;

struct Scene {
    gateway: Stripe,
    payment: PaymentId,
    id: String,
    intent: Option<String>,
}

impl Scene {
    fn new(url: &str) -> Self {
        let payment: PaymentId = IdMint::new(Rng::System).mint(now());
        Self { gateway: client(url), payment, id: payment.to_string(), intent: None }
    }

    async fn authorize(&mut self, card: &Card, capture: bool) -> Outcome {
        let act = Act::Authorize { money: inr(1_000), card, capture };
        let (id, payment) = (self.id.clone(), self.payment);
        let first = Operation { id: &id, payment, reference: None, act };
        let Prepared::Reference(intent) = self.gateway.prepare(&first).await else {
            panic!("it was not prepared");
        };
        self.intent = Some(intent);
        assert_eq!(self.ask(&id, Kind::Authorize, false).await, Asked::NeverSeen);
        let reference = self.intent.as_deref();
        self.gateway.submit(&Operation { reference, ..first }).await
    }

    async fn act(&self, id: &str, act: Act<'_>) -> Outcome {
        let (payment, reference) = (self.payment, self.intent.as_deref());
        self.gateway.submit(&Operation { id, payment, reference, act }).await
    }

    async fn ask(&self, id: &str, kind: Kind, give_up: bool) -> Asked {
        let (payment, reference) = (self.payment, self.intent.as_deref());
        self.gateway
            .ask(&Question { id, payment, reference, currency: Currency::INR, kind, give_up })
            .await
    }

    fn done(&self, is_captured: bool) -> Outcome {
        done(self.intent.as_deref().unwrap(), 1_000, is_captured)
    }
}

fn card_of(number: &str) -> Card {
    let Ok(number) = Number::parse(number) else { panic!("no number") };
    Card { number, ..card() }
}

#[tokio::test]
async fn payments_with_a_compatible_server() {
    let Ok(url) = std::env::var("EXCHEQUER_TEST_STRIPE_URL") else {
        println!("skipped: EXCHEQUER_TEST_STRIPE_URL names no server");
        return;
    };
    // Taken at once, told again, and given back in part.
    let mut paid = Scene::new(&url);
    let id = paid.id.clone();
    assert_eq!(paid.authorize(&card(), true).await, paid.done(true));
    assert_eq!(paid.ask(&id, Kind::Authorize, true).await, Asked::Known(paid.done(true)));
    assert_eq!(paid.ask("rfd_1", Kind::Refund, false).await, Asked::NeverSeen);
    let refunded = paid.act("rfd_1", Act::Refund { money: inr(400) }).await;
    assert!(matches!(&refunded, Outcome::Done(done) if done.amount == 400), "{refunded:?}");
    assert_eq!(paid.ask("rfd_1", Kind::Refund, false).await, Asked::Known(refunded));
    // Held, and taken whole.
    let mut held = Scene::new(&url);
    assert_eq!(held.authorize(&card(), false).await, held.done(false));
    assert_eq!(held.ask("cap-1", Kind::Capture, false).await, Asked::NeverSeen);
    let whole = Act::Capture { money: inr(1_000), is_final: true };
    assert_eq!(held.act("cap-1", whole).await, held.done(true));
    // Held, and released.
    let mut released = Scene::new(&url);
    released.authorize(&card(), false).await;
    assert_eq!(released.act("can-1", Act::Cancel).await, released.done(false));
    // Refused by the issuer.
    let mut declined = Scene::new(&url);
    let outcome = declined.authorize(&card_of("4000000000000341"), true).await;
    let reference = declined.intent.clone();
    let no = Outcome::Refused { code: "card_declined".to_owned(), reference };
    assert_eq!(outcome, no);
    assert_eq!(declined.ask(&declined.id, Kind::Authorize, true).await, Asked::Known(no));
}
