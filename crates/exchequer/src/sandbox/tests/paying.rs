//! Without faults: the life of a payment, test cards, idempotency, the report, restarts.

use super::*;
use crate::gateways::{Day, GatewayFault, ReportLine};

#[tokio::test]
async fn a_payment_is_authorised_captured_and_refunded() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let card = scene.card(GOOD);
    assert_eq!(pay(&scene.gateway, payment, (&card, false)).await, done(payment, 1_000, false));
    let capture = |minor| Act::Capture { money: inr(minor), is_final: false };
    assert_eq!(scene.act("cap-1", payment, capture(400)).await, done(payment, 400, true));
    assert_eq!(scene.act("cap-2", payment, capture(601)).await, refused("exceeds_authorization"));
    assert_eq!(scene.act("can-1", payment, Act::Cancel).await, done(payment, 600, false));
    let refund = |minor| Act::Refund { money: inr(minor) };
    let refunded = Done { reference: "sbr_rfd_1".to_owned(), amount: 300, is_captured: false };
    assert_eq!(scene.act("rfd_1", payment, refund(300)).await, Outcome::Done(refunded));
    assert_eq!(scene.act("rfd_2", payment, refund(101)).await, refused("exceeds_capture"));
    assert_eq!(scene.charged(payment), Some((1_000, 400, 300)));
}

#[tokio::test]
async fn each_test_card_has_its_outcome() {
    let scene = Scene::new().await;
    for test in TEST_CARDS {
        let payment = scene.payment();
        match test.fate {
            Fate::Approved => {
                assert_eq!(scene.pay(payment, test.number).await, done(payment, 1_000, true));
            }
            Fate::Refused(refusal) => {
                assert_eq!(scene.pay(payment, test.number).await, refused(refusal.as_str()));
                assert_eq!(scene.charged(payment), None);
            }
            Fate::AnswerLost | Fate::ErrorAfter | Fate::WrongAmount => {
                assert_unknown(&scene.pay(payment, test.number).await);
                assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)), "{}", test.number);
                // The same again is the same, and is told this time.
                assert_eq!(scene.pay(payment, test.number).await, done(payment, 1_000, true));
                assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)));
            }
            Fate::ErrorBefore => {
                assert_unknown(&scene.pay(payment, test.number).await);
                assert_unknown(&scene.pay(payment, test.number).await);
                assert_eq!(scene.charged(payment), None);
            }
            Fate::Hangs => {
                let hasty = client(&scene.server.url(), Duration::from_millis(600));
                let card = scene.card(test.number);
                assert_unknown(&pay(&hasty, payment, (&card, true)).await);
                assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)));
                let known = Asked::Known(done(payment, 1_000, true));
                assert_eq!(scene.ask(payment, true).await, known);
            }
        }
    }
}

#[tokio::test]
async fn no_other_number_pays_and_no_card_that_is_over() {
    let scene = Scene::new().await;
    assert_eq!(scene.pay(scene.payment(), "4539578763621486").await, refused("test_card_required"));
    let expiry = Expiry::new(10, 2026, scene.now()).unwrap();
    let over = Card { expiry, ..scene.card(GOOD) };
    let outcome = pay(&scene.gateway, scene.payment(), (&over, true)).await;
    assert_eq!(outcome, refused("expired_card"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_in_parallel_is_one_charge() {
    for decide_ms in [0, 50] {
        let scene = std::sync::Arc::new(Scene::new().await);
        scene.turn(|chaos| chaos.decide_ms = decide_ms);
        let payment = scene.payment();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let scene = std::sync::Arc::clone(&scene);
            tasks.spawn(async move { scene.pay(payment, GOOD).await });
        }
        for outcome in tasks.join_all().await {
            assert_eq!(outcome, done(payment, 1_000, true));
        }
        let totals = scene.server.desk().totals();
        assert_eq!(totals["INR"].charges, 1);
        assert_eq!(totals["INR"].captured, 1_000);
    }
}

#[tokio::test]
async fn another_request_under_an_id_is_unknown_and_changes_nothing() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    scene.pay(payment, GOOD).await;
    assert_unknown(&scene.pay(payment, "4111111111111111").await);
    let refund = |minor| Act::Refund { money: inr(minor) };
    assert!(matches!(scene.act("rfd_1", payment, refund(5)).await, Outcome::Done(_)));
    assert_unknown(&scene.act("rfd_1", payment, refund(6)).await);
    assert_eq!(scene.charged(payment), Some((1_000, 1_000, 5)));
    // A second id does not charge a payment again.
    let card = scene.card(GOOD);
    let again = Act::Authorize { money: inr(1_000), card: &card, capture: true };
    assert_eq!(scene.act("pay-again", payment, again).await, refused("payment_exists"));
}

#[tokio::test]
async fn what_is_closed_cannot_happen_any_more() {
    let scene = Scene::new().await;
    let [closed, paid] = [scene.payment(), scene.payment()];
    assert_eq!(scene.ask(closed, false).await, Asked::NeverSeen);
    assert_eq!(scene.ask(closed, true).await, Asked::Closed);
    assert_eq!(scene.pay(closed, GOOD).await, refused("closed"));
    assert_eq!(scene.ask(closed, false).await, Asked::Closed);
    assert_eq!(scene.charged(closed), None);
    scene.pay(paid, GOOD).await;
    for give_up in [false, true] {
        assert_eq!(scene.ask(paid, give_up).await, Asked::Known(done(paid, 1_000, true)));
    }
}

#[tokio::test]
async fn a_report_has_what_moved_on_its_day() {
    let scene = Scene::new().await;
    let today = Day::of(scene.now());
    let payment = scene.payment();
    scene.pay(payment, GOOD).await;
    scene.pay(scene.payment(), "4000000000000002").await;
    scene.act("rfd_1", payment, Act::Refund { money: inr(10) }).await;
    let id = payment.to_string();
    let charge = ReportLine {
        operation: id.clone(),
        kind: Kind::Capture,
        payment: id.clone(),
        reference: id.replace("pay_", "sbx_"),
        money: inr(1_000),
        fee: 20,
        at: scene.now(),
    };
    let refund = ReportLine {
        operation: "rfd_1".to_owned(),
        kind: Kind::Refund,
        reference: "sbr_rfd_1".to_owned(),
        money: inr(10),
        fee: 0,
        ..charge.clone()
    };
    assert_eq!(scene.gateway.report(today).await, Ok(vec![charge, refund]));
    assert_eq!(scene.gateway.report(today.next()).await, Ok(vec![]));
    scene.turn(|chaos| chaos.is_down = true);
    assert_eq!(scene.gateway.report(today).await, Err(GatewayFault::Status(503)));
}

#[tokio::test]
async fn a_restart_knows_everything_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let before = Scene::with(Some(&journal), None).await;
    let [paid, declined, closed] = [before.payment(), before.payment(), before.payment()];
    before.pay(paid, GOOD).await;
    before.pay(declined, "4000000000009995").await;
    before.ask(closed, true).await;
    before.act("rfd_1", paid, Act::Refund { money: inr(400) }).await;
    let totals = before.server.desk().totals();
    let report = before.gateway.report(Day::of(before.now())).await;
    before.server.stop().await;

    let after = Scene::with(Some(&journal), None).await;
    assert_eq!(after.server.desk().totals(), totals);
    assert_eq!(after.gateway.report(Day::of(after.now())).await, report);
    assert_eq!(after.pay(paid, GOOD).await, done(paid, 1_000, true));
    assert_unknown(&after.pay(paid, "4111111111111111").await);
    assert_eq!(after.pay(declined, "4000000000009995").await, refused("insufficient_funds"));
    assert_eq!(after.pay(closed, GOOD).await, refused("closed"));
    let too_much = Act::Refund { money: inr(601) };
    assert_eq!(after.act("rfd_2", paid, too_much).await, refused("exceeds_capture"));
    assert_eq!(after.server.desk().totals(), totals);
}

#[tokio::test]
async fn neither_a_number_nor_a_code_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let scene = Scene::with(Some(&journal), None).await;
    for test in TEST_CARDS.iter().filter(|test| test.fate != Fate::Hangs) {
        scene.pay(scene.payment(), test.number).await;
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.lines().count() > 15);
    let hidden = TEST_CARDS.iter().map(|card| card.number).chain([SECRET]);
    for word in hidden {
        assert!(!text.contains(word), "{word}");
    }
    // An unkeyed hash of a card number would be as good as the number.
    for test in TEST_CARDS {
        let hash = data_encoding::HEXLOWER.encode(&vault::sha256(test.number.as_bytes()));
        assert!(!text.contains(&hash));
    }
}
