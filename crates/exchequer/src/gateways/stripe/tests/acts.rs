//! Preparing and submitting: what is sent, and what each answer means.

use super::*;

const METHODS: &str = "POST /v1/payment_methods";
const INTENTS: &str = "POST /v1/payment_intents";
const CONFIRM: &str = "POST /v1/payment_intents/pi_1/confirm";
const CAPTURE: &str = "POST /v1/payment_intents/pi_1/capture";
const CANCEL: &str = "POST /v1/payment_intents/pi_1/cancel";
const READ: &str = "GET /v1/payment_intents/pi_1";
const REFUNDS: &str = "POST /v1/refunds";
const REFUND_LIST: &str = "GET /v1/refunds";

async fn prepare(fake: &Fake, money: Money) -> Prepared {
    let card = card();
    let act = Act::Authorize { money, card: &card, capture: true };
    client(&fake.url).prepare(&Operation { id: ID, payment: payment(), reference: None, act }).await
}

#[tokio::test]
async fn an_intent_is_prepared_and_moves_nothing() {
    let method = json!({ "id": "pm_1", "object": "payment_method" });
    let ready = intent("requires_confirmation", json!({}));
    let fake = Fake::new(&[(METHODS, 200, method), (INTENTS, 200, ready)]).await;
    assert_eq!(prepare(&fake, inr(1_000)).await, Prepared::Reference(INTENT.to_owned()));
    let seen = fake.seen();
    assert_eq!(seen[0].key.as_deref(), Some("op-1.card"));
    assert_eq!(seen[1].key.as_deref(), Some("op-1.intent"));
    assert_eq!(seen[1].authorization, "Bearer sk_test_1");
    let expected = format!(
        "amount=1000&currency=inr&payment_method=pm_1&payment_method_types[]=card\
         &capture_method=automatic&confirm=false&metadata[operation]=op-1&metadata[payment]={}",
        payment()
    );
    assert_eq!(seen[1].body, expected);
    assert!(!seen[1].body.contains("4242"), "only one request has the card in it");
}

#[tokio::test]
async fn what_cannot_be_prepared_is_refused_or_unknown() {
    let nothing = Fake::new(&[]).await;
    for money in [Currency::ISK, Currency::UGX, Currency::MGA, Currency::KWD] {
        let prepared = prepare(&nothing, Money::new(1_000, money)).await;
        assert_eq!(prepared, Prepared::Refused("currency_not_offered".to_owned()));
    }
    assert!(nothing.calls().is_empty());
    let wrong = failure("card_error", "incorrect_number");
    let fake = Fake::new(&[(METHODS, 402, wrong)]).await;
    let refused = Prepared::Refused("incorrect_number".to_owned());
    assert_eq!(prepare(&fake, inr(1_000)).await, refused);
    let method = || json!({ "id": "pm_1" });
    let ready = |changes| intent("requires_confirmation", changes);
    for script in [
        vec![],
        vec![(METHODS, 500, json!({}))],
        vec![(METHODS, 200, json!({ "id": "../x" }))],
        vec![(METHODS, 200, method())],
        vec![(METHODS, 200, method()), (INTENTS, 500, json!({}))],
        vec![(METHODS, 200, method()), (INTENTS, 200, ready(json!({ "amount": 1 })))],
        vec![(METHODS, 200, method()), (INTENTS, 200, ready(json!({ "currency": "usd" })))],
        vec![(METHODS, 200, method()), (INTENTS, 200, ready(json!({ "metadata": {} })))],
        vec![(METHODS, 200, method()), (INTENTS, 200, ready(json!({ "id": "pi_1/x" })))],
    ] {
        let fake = Fake::new(&script).await;
        let prepared = prepare(&fake, inr(1_000)).await;
        assert!(matches!(prepared, Prepared::Unknown(_)), "{prepared:?}");
    }
}

#[tokio::test]
async fn a_confirmation_is_done_as_it_was_asked_for() {
    let fake = Fake::new(&[(CONFIRM, 200, intent("succeeded", json!({})))]).await;
    assert_eq!(confirm(&fake).await, done(INTENT, 1_000, true));
    assert_eq!(fake.seen()[0].key.as_deref(), Some(ID));
    let fake = Fake::new(&[(CONFIRM, 200, intent("requires_capture", manual()))]).await;
    let card = card();
    let act = Act::Authorize { money: inr(1_000), card: &card, capture: false };
    assert_eq!(submit(&fake, act).await, done(INTENT, 1_000, false));
    // Held where it should have been taken.
    assert_unknown(&confirm(&fake).await);
}

#[tokio::test]
async fn a_card_that_is_refused_is_refused_with_the_issuers_word() {
    let mut declined = failure("card_error", "card_declined");
    declined["error"]["decline_code"] = json!("insufficient_funds");
    let fake = Fake::new(&[(CONFIRM, 402, declined)]).await;
    assert_eq!(confirm(&fake).await, refused("insufficient_funds"));
    let fake = Fake::new(&[(CONFIRM, 402, failure("card_error", "expired_card"))]).await;
    assert_eq!(confirm(&fake).await, refused("expired_card"));
    let fake = Fake::new(&[(CONFIRM, 402, json!({ "error": {} }))]).await;
    assert_unknown(&confirm(&fake).await);
}

#[tokio::test]
async fn a_card_that_wants_its_holder_is_withdrawn_and_refused() {
    let waiting = intent("requires_action", json!({ "next_action": { "type": "x" } }));
    let fake = Fake::new(&[
        (CONFIRM, 200, waiting.clone()),
        (CANCEL, 200, intent("canceled", json!({}))),
        (READ, 200, intent("canceled", json!({}))),
    ])
    .await;
    assert_eq!(confirm(&fake).await, refused("authentication_required"));
    assert_eq!(fake.calls(), [CONFIRM, CANCEL, READ]);
    let fake = Fake::new(&[(CONFIRM, 200, waiting.clone()), (READ, 200, waiting)]).await;
    assert_unknown(&confirm(&fake).await);
}

#[tokio::test]
async fn answers_about_something_else_are_unknown() {
    let other = json!({ "operation": "op-2", "payment": payment().to_string() });
    for changes in [
        json!({ "id": "pi_2" }),
        json!({ "object": "charge" }),
        json!({ "amount": 999 }),
        json!({ "amount_received": 999 }),
        json!({ "currency": "usd" }),
        json!({ "metadata": other }),
        json!({ "metadata": { "operation": ID } }),
        json!({ "capture_method": "manual" }),
        json!({ "capture_method": "later" }),
        json!({ "status": "processing" }),
        json!({ "status": "requires_confirmation" }),
        json!({ "status": "something_new" }),
    ] {
        let fake = Fake::new(&[(CONFIRM, 200, intent("succeeded", changes.clone()))]).await;
        let outcome = confirm(&fake).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{changes}: {outcome:?}");
    }
}

#[tokio::test]
async fn silence_and_nonsense_are_unknown() {
    let fake = Fake::new(&[]).await;
    assert_unknown(&confirm(&fake).await);
    for status in [201, 301, 401, 403, 409, 424, 429, 500, 502, 503, 504] {
        let fake = Fake::new(&[(CONFIRM, status, intent("succeeded", json!({})))]).await;
        assert_unknown(&confirm(&fake).await);
    }
    let fake = Fake::new(&[]).await;
    let whole = intent("succeeded", json!({})).to_string();
    fake.script(CONFIRM, 200, whole[..whole.len() / 2].to_owned());
    fake.script(CONFIRM, 200, vec![b' '; MAX_ANSWER_BYTES + 1]);
    fake.script(CONFIRM, 200, whole);
    assert_unknown(&confirm(&fake).await);
    assert_unknown(&confirm(&fake).await);
    assert_eq!(confirm(&fake).await, done(INTENT, 1_000, true));
    let without = Operation {
        id: ID,
        payment: payment(),
        reference: None,
        act: Act::Capture { money: inr(1), is_final: true },
    };
    assert_unknown(&client(&fake.url).submit(&without).await);
}

#[tokio::test]
async fn a_capture_is_whole_or_the_last_part() {
    let capture = |minor, is_final| Act::Capture { money: inr(minor), is_final };
    let part = intent("succeeded", json!({ "capture_method": "manual", "amount_received": 400 }));
    let fake = Fake::new(&[(CAPTURE, 200, part)]).await;
    assert_eq!(submit(&fake, capture(400, true)).await, done(INTENT, 400, true));
    assert_eq!(fake.seen()[0].body, "amount_to_capture=400");
    // Another amount than asked for.
    assert_unknown(&submit(&fake, capture(401, true)).await);
    let held = intent("requires_capture", manual());
    let fake = Fake::new(&[(READ, 200, held)]).await;
    let none =
        Outcome::Refused { code: "partial_captures_not_offered".to_owned(), reference: None };
    assert_eq!(submit(&fake, capture(400, false)).await, none);
    assert_eq!(fake.calls(), [READ]);
    fake.script(CAPTURE, 200, intent("succeeded", manual()).to_string());
    assert_eq!(submit(&fake, capture(1_000, false)).await, done(INTENT, 1_000, true));
}

#[tokio::test]
async fn a_cancellation_releases_everything() {
    let fake = Fake::new(&[(CANCEL, 200, intent("canceled", manual()))]).await;
    assert_eq!(submit(&fake, Act::Cancel).await, done(INTENT, 1_000, false));
    assert_eq!(fake.seen()[0].key.as_deref(), Some(ID));
}

/// Stripe refused the request at hand; whether it refused the operation stands in the intent.
#[tokio::test]
async fn after_a_definite_no_the_intent_is_read() {
    let no = || failure("invalid_request_error", "payment_intent_unexpected_state");
    let capture = Act::Capture { money: inr(1_000), is_final: true };
    for (now, expected) in [
        (intent("succeeded", manual()), done(INTENT, 1_000, true)),
        (intent("requires_capture", manual()), refused("payment_intent_unexpected_state")),
    ] {
        let fake = Fake::new(&[(CAPTURE, 400, no()), (READ, 200, now)]).await;
        assert_eq!(submit(&fake, capture).await, expected);
    }
    let fake = Fake::new(&[(CAPTURE, 400, no())]).await;
    assert_unknown(&submit(&fake, capture).await);
    let reused = failure("idempotency_error", "idempotency_key_in_use");
    let held = intent("requires_capture", manual());
    let fake = Fake::new(&[(CAPTURE, 400, reused), (READ, 200, held)]).await;
    assert_unknown(&submit(&fake, capture).await);
    let taken = intent("succeeded", manual());
    let fake = Fake::new(&[(CANCEL, 400, no()), (READ, 200, taken)]).await;
    assert_eq!(submit(&fake, Act::Cancel).await, refused("not_open"));
}

#[tokio::test]
async fn a_refund_is_known_by_our_id() {
    let act = Act::Refund { money: inr(300) };
    let fake = Fake::new(&[(REFUNDS, 200, refund(ID, "succeeded", 300))]).await;
    assert_eq!(submit(&fake, act).await, done("re_op-1", 300, false));
    let expected = format!(
        "payment_intent=pi_1&amount=300&metadata[operation]=op-1&metadata[payment]={}",
        payment()
    );
    assert_eq!(fake.seen()[0].body, expected);
    for answer in [
        refund(ID, "pending", 300),
        refund(ID, "succeeded", 301),
        refund("op-2", "succeeded", 300),
        refund(ID, "new_status", 300),
    ] {
        let fake = Fake::new(&[(REFUNDS, 200, answer)]).await;
        assert_unknown(&submit(&fake, act).await);
    }
    let fake = Fake::new(&[(REFUNDS, 200, refund(ID, "failed", 300))]).await;
    let reference = Some("re_op-1".to_owned());
    let failed = Outcome::Refused { code: "failed".to_owned(), reference };
    assert_eq!(submit(&fake, act).await, failed);
}

#[tokio::test]
async fn a_refused_refund_may_have_been_made_before() {
    let act = Act::Refund { money: inr(300) };
    let no = || failure("invalid_request_error", "charge_already_refunded");
    for (data, expected) in [
        (vec![refund(ID, "succeeded", 300)], done("re_op-1", 300, false)),
        (vec![refund("op-2", "succeeded", 1_000)], refused("charge_already_refunded")),
    ] {
        let fake = Fake::new(&[(REFUNDS, 400, no()), (REFUND_LIST, 200, list(&data, false))]).await;
        assert_eq!(submit(&fake, act).await, expected);
    }
}
