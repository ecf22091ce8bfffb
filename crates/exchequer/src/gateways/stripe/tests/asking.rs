//! Asking, giving up, and the report.

use super::*;

const READ: &str = "GET /v1/payment_intents/pi_1";
const CANCEL: &str = "POST /v1/payment_intents/pi_1/cancel";
const LIST: &str = "GET /v1/refunds";
const MOVEMENTS: &str = "GET /v1/balance_transactions";

#[tokio::test]
async fn each_status_has_its_meaning_for_an_authorisation() {
    let error = json!({ "last_payment_error": { "type": "card_error", "code": "card_declined" } });
    let charged = json!({ "latest_charge": "ch_1", "capture_method": "manual" });
    for (now, expected) in [
        (intent("requires_payment_method", json!({})), Asked::NeverSeen),
        (intent("requires_payment_method", error), Asked::Known(refused("card_declined"))),
        (intent("requires_confirmation", json!({})), Asked::NeverSeen),
        (intent("requires_action", json!({})), Asked::StillRunning),
        (intent("processing", json!({})), Asked::StillRunning),
        (intent("requires_capture", manual()), Asked::Known(done(INTENT, 1_000, false))),
        (intent("succeeded", json!({})), Asked::Known(done(INTENT, 1_000, true))),
        (intent("succeeded", manual()), Asked::Known(done(INTENT, 1_000, false))),
        (intent("canceled", json!({})), Asked::Closed),
        (intent("canceled", charged), Asked::Known(done(INTENT, 1_000, false))),
    ] {
        let fake = Fake::new(&[(READ, 200, now.clone())]).await;
        assert_eq!(ask(&fake, Kind::Authorize, false).await, expected, "{now}");
        assert_eq!(fake.calls(), [READ]);
    }
}

#[tokio::test]
async fn each_status_has_its_meaning_for_a_capture_and_a_cancellation() {
    let held = || intent("requires_capture", manual());
    let no = || Asked::Known(refused("not_open"));
    for (now, capture, cancel) in [
        (held(), Asked::NeverSeen, Asked::NeverSeen),
        (intent("succeeded", manual()), Asked::Known(done(INTENT, 1_000, true)), no()),
        (intent("canceled", manual()), Asked::Closed, Asked::Known(done(INTENT, 1_000, false))),
        (intent("processing", manual()), Asked::StillRunning, Asked::StillRunning),
        (intent("requires_confirmation", manual()), no(), Asked::NeverSeen),
    ] {
        // Giving up changes nothing at Stripe: there is nothing to close.
        for give_up in [false, true] {
            let fake = Fake::new(&[(READ, 200, now.clone())]).await;
            assert_eq!(ask(&fake, Kind::Capture, give_up).await, capture, "{now}");
            assert_eq!(ask(&fake, Kind::Cancel, give_up).await, cancel, "{now}");
            assert_eq!(fake.calls(), [READ, READ]);
        }
    }
}

#[tokio::test]
async fn giving_up_withdraws_the_intent_first() {
    let open = intent("requires_confirmation", json!({}));
    let gone = intent("canceled", json!({}));
    let fake =
        Fake::new(&[(READ, 200, open.clone()), (CANCEL, 200, gone.clone()), (READ, 200, gone)])
            .await;
    assert_eq!(ask(&fake, Kind::Authorize, true).await, Asked::Closed);
    assert_eq!(fake.calls(), [READ, CANCEL, READ]);
    // Confirmed between the question and the withdrawal.
    let fake = Fake::new(&[
        (READ, 200, open.clone()),
        (CANCEL, 400, failure("invalid_request_error", "payment_intent_unexpected_state")),
        (READ, 200, intent("succeeded", json!({}))),
    ])
    .await;
    let paid = Asked::Known(done(INTENT, 1_000, true));
    assert_eq!(ask(&fake, Kind::Authorize, true).await, paid);
    // Nobody says that it is closed.
    let fake = Fake::new(&[(READ, 200, open), (CANCEL, 500, json!({}))]).await;
    assert_eq!(ask(&fake, Kind::Authorize, true).await, Asked::StillRunning);
}

#[tokio::test]
async fn what_was_never_prepared_was_never_submitted() {
    let fake = Fake::new(&[]).await;
    let question = |give_up| Question {
        id: ID,
        payment: payment(),
        reference: None,
        currency: Currency::INR,
        kind: Kind::Authorize,
        give_up,
    };
    assert_eq!(client(&fake.url).ask(&question(false)).await, Asked::NeverSeen);
    assert_eq!(client(&fake.url).ask(&question(true)).await, Asked::Closed);
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn no_answer_is_no_knowledge() {
    let fake = Fake::new(&[]).await;
    for kind in Kind::ALL {
        assert!(matches!(ask(&fake, kind, true).await, Asked::Unreachable(_)), "{kind}");
    }
    for status in [400, 401, 404, 429, 500] {
        let fake = Fake::new(&[(READ, status, intent("succeeded", json!({})))]).await;
        let asked = ask(&fake, Kind::Authorize, true).await;
        assert!(matches!(asked, Asked::Unreachable(_)), "{asked:?}");
    }
    let other = intent("succeeded", json!({ "metadata": {} }));
    let fake = Fake::new(&[(READ, 200, other)]).await;
    assert!(matches!(ask(&fake, Kind::Authorize, false).await, Asked::Unreachable(_)));
}

#[tokio::test]
async fn a_refund_is_looked_for_on_every_page() {
    let others = |from: u32| -> Vec<Value> {
        (from..from + 2).map(|n| refund(&format!("r{n}"), "succeeded", 1)).collect()
    };
    let ours = list(&[refund(ID, "succeeded", 300)], false);
    let fake = Fake::new(&[(LIST, 200, list(&others(0), true)), (LIST, 200, ours)]).await;
    let known = Asked::Known(done("re_op-1", 300, false));
    assert_eq!(ask(&fake, Kind::Refund, false).await, known);
    assert_eq!(fake.seen()[1].query, "payment_intent=pi_1&limit=100&starting_after=re_r1");
    let fake = Fake::new(&[(LIST, 200, list(&others(0), false))]).await;
    assert_eq!(ask(&fake, Kind::Refund, true).await, Asked::NeverSeen);
    let fake = Fake::new(&[(LIST, 200, list(&others(0), true))]).await;
    assert!(matches!(ask(&fake, Kind::Refund, false).await, Asked::Unreachable(_)));
    assert_eq!(fake.calls().len(), MAX_REFUND_PAGES);
}

fn movement(n: u32, kind: &str, amount: i64) -> Value {
    json!({
        "id": format!("txn_{n}"), "object": "balance_transaction", "type": kind,
        "amount": amount, "fee": 31, "net": amount - 31, "currency": "inr",
        "created": 1_800_000_000 + n,
        "source": {
            "id": format!("x_{n}"), "payment_intent": INTENT,
            "metadata": { "operation": format!("op-{n}"), "payment": payment().to_string() },
        },
    })
}

#[tokio::test]
async fn a_report_has_the_movements_of_cards_oldest_first() {
    let first = list(&[movement(3, "refund", -250), movement(2, "payout", -5_000)], true);
    let mut foreign = movement(0, "charge", 70);
    foreign["source"] = json!("ch_9");
    let second = list(&[movement(1, "charge", 1_000), foreign], false);
    let fake = Fake::new(&[(MOVEMENTS, 200, first), (MOVEMENTS, 200, second)]).await;
    let lines = client(&fake.url).report(Day::of(now())).await.unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (line.operation.as_str(), line.kind, line.money.minor(), line.reference.as_str())
        })
        .collect();
    let expected = [
        // Nothing of ours: shown all the same, for somebody to look at.
        ("", Kind::Capture, 70, "ch_9"),
        ("op-1", Kind::Capture, 1_000, INTENT),
        ("op-3", Kind::Refund, 250, "x_3"),
    ];
    assert_eq!(told, expected);
    assert_eq!((lines[1].fee, lines[1].payment.clone()), (31, payment().to_string()));
    let seen = fake.seen();
    let day = "limit=100&created[gte]=1799971200&created[lt]=1800057600&expand[]=data.source";
    assert_eq!(seen[0].query, day);
    assert_eq!(seen[1].query, format!("{day}&starting_after=txn_2"));
}

#[tokio::test]
async fn half_a_report_is_none() {
    let day = Day::of(now());
    let fake = Fake::new(&[(MOVEMENTS, 200, list(&[movement(1, "charge", 1)], true))]).await;
    fake.script(MOVEMENTS, 500, "{}");
    assert_eq!(client(&fake.url).report(day).await, Err(GatewayFault::Status(500)));
    let fake = Fake::new(&[]).await;
    assert!(matches!(client(&fake.url).report(day).await, Err(GatewayFault::Silent(_))));
    for wrong in [movement(1, "charge", -5), movement(1, "refund", 5), json!({ "id": "txn_1" })] {
        let fake = Fake::new(&[(MOVEMENTS, 200, list(&[wrong], false))]).await;
        let report = client(&fake.url).report(day).await;
        assert!(matches!(report, Err(GatewayFault::Malformed(_))), "{report:?}");
    }
}
