//! A proof in the wrong hands, for the wrong thing, twice; limits and the switch raced.
// ASVS 2.3.5, 6.6.3 (a proof is bound to what was asked and serves once); RTS 2018/389 Art 5.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Reply, key};

use crate::scene::{Scene, number, post, sql, succeeded};

/// Asha with an authenticator.
async fn scene() -> Scene {
    let mut s = Scene::new().await;
    let _codes = s.bank.enrol_totp(&mut s.asha).await;
    s
}

/// A proof for a payment of Asha's to Bela.
async fn proof_for(s: &Scene, order: &Value) -> String {
    let asked = s.asha.client.post("/v1/transfers", order).await;
    s.bank.prove_asked(&s.asha, &asked).await
}

async fn send(s: &Scene, order: &Value, proof: &str) -> Reply {
    s.asha.client.post_proved("/v1/transfers", &key(), order, proof).await
}

const POSTED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers WHERE kind = 1";

// RBI AUTH 2: a factor is shown for the one payment.
// RTS 5: another amount or payee takes another proof.
#[tokio::test]
async fn a_proof_serves_the_payment_that_it_was_for_and_no_other() {
    let s = scene().await;
    let other = s.bank.account(&s.bela, "INR").await;
    let own = s.bank.account(&s.asha, "INR").await;
    s.bank.deposit(&s.teller, &own, 10_000, "INR").await;
    let mut order = s.order(500);
    order["memo"] = json!("rent");
    let proof = proof_for(&s, &order).await;
    for (field, value) in [
        ("amount", json!(501)),
        ("amount", json!(5)),
        ("to", json!(other)),
        ("from", json!(own)),
        ("memo", json!("rent ")),
        ("memo", Value::Null),
    ] {
        let mut changed = order.clone();
        changed[field] = value;
        send(&s, &changed, &proof).await.refused(403, "step_up_required");
    }
    assert_eq!(number(&s.bank, POSTED).await, 0);
    // Tried for something else, it still serves what it was for.
    let _sent = send(&s, &order, &proof).await.expect(201);
    let events = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'step_up.refused'";
    assert_eq!(number(&s.bank, events).await, 6);
}

#[tokio::test]
async fn another_currency_is_another_payment() {
    let s = scene().await;
    let (from, to) = (s.bank.account(&s.asha, "JPY").await, s.bank.account(&s.bela, "JPY").await);
    s.bank.deposit(&s.teller, &from, 10_000, "JPY").await;
    let proof = proof_for(&s, &s.order(500)).await;
    let yen = json!({ "from": from, "to": to, "amount": 500, "currency": "JPY" });
    send(&s, &yen, &proof).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn a_payee_named_by_number_is_the_same_payee() {
    let s = scene().await;
    let account = s.bela.client.get(&format!("/v1/accounts/{}", s.to)).await.expect(200);
    let proof = proof_for(&s, &s.order(500)).await;
    let mut by_number = s.order(500);
    by_number["to"] = json!(account.text("/number"));
    let _sent = send(&s, &by_number, &proof).await.expect(201);
}

#[tokio::test]
async fn a_used_proof_is_no_proof() {
    let s = scene().await;
    let order = s.order(500);
    let proof = proof_for(&s, &order).await;
    let _sent = send(&s, &order, &proof).await.expect(201);
    // The payee is known now, and must be new again for the proof to be asked for.
    assert_eq!(sql(&s.bank, "DELETE FROM beneficiaries").await, 1);
    send(&s, &order, &proof).await.refused(403, "step_up_required");
    assert_eq!(number(&s.bank, POSTED).await, 1);
}

// RBI AUTH 2: what was shown for a payment pays once.
#[tokio::test]
async fn sixty_four_uses_of_one_proof_are_one_payment() {
    let s = large_scene().await;
    let order = s.order(1_000_000);
    let proof = proof_for(&s, &order).await;
    let replies = join_all((0..64).map(|_| send(&s, &order, &proof))).await;
    assert_eq!(succeeded(&replies), 1);
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(403, "step_up_required");
    }
    assert_eq!(number(&s.bank, POSTED).await, 1);
}

#[tokio::test]
async fn sixty_four_retries_of_one_key_are_one_payment() {
    let s = large_scene().await;
    let (key, order) = (key(), s.order(1_000_000));
    let asked = s.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    let proof = s.bank.prove_asked(&s.asha, &asked).await;
    let with = (0..32).map(|_| s.asha.client.post_proved("/v1/transfers", &key, &order, &proof));
    let without = (0..32).map(|_| s.asha.client.post_with_key("/v1/transfers", &key, &order));
    let (with, without) = tokio::join!(join_all(with), join_all(without));
    let bodies: HashSet<_> = with.iter().map(|reply| (reply.status, reply.body.clone())).collect();
    assert_eq!(bodies.len(), 1, "all get the one answer: {bodies:?}");
    assert_eq!(with[0].status, 201);
    for reply in without {
        // Before the payment it was asked, after it it is told.
        assert!(
            reply.body == with[0].body || reply.code() == "step_up_required",
            "{}",
            reply.code()
        );
    }
    assert_eq!(number(&s.bank, POSTED).await, 1);
}

/// Asha has 50,000.00 INR.
async fn large_scene() -> Scene {
    let s = scene().await;
    s.bank.deposit(&s.teller, &s.from, 5_000_000, "INR").await;
    s
}

// RTS 4: a proof cannot be forged from another.
#[tokio::test]
async fn a_changed_byte_of_a_proof_is_refused() {
    let s = scene().await;
    let order = s.order(500);
    let proof = proof_for(&s, &order).await;
    for i in (0..proof.len()).step_by(7) {
        let mut bytes = proof.clone().into_bytes();
        bytes[i] = if bytes[i] == b'a' { b'b' } else { b'a' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        if changed != proof {
            send(&s, &order, &changed).await.refused(403, "step_up_required");
        }
    }
    for other in ["", "x", ".", "chl_.x", &proof[..proof.len() - 1], &format!("{proof}a")] {
        send(&s, &order, other).await.refused(403, "step_up_required");
    }
    let _sent = send(&s, &order, &proof).await.expect(201);
}

#[tokio::test]
async fn a_proof_of_another_session_or_customer_is_refused() {
    let mut s = scene().await;
    let order = s.order(500);
    let proof = proof_for(&s, &order).await;
    let first = s.asha.client.clone();
    s.bank.sign_in_with_totp(&mut s.asha).await;
    send(&s, &order, &proof).await.refused(403, "step_up_required");
    // Bela pays the other way with Asha's proof.
    let _codes = s.bank.enrol_totp(&mut s.bela).await;
    s.bank.deposit(&s.teller, &s.to, 10_000, "INR").await;
    let back = json!({ "from": s.to, "to": s.from, "amount": 500, "currency": "INR" });
    let stolen = s.bela.client.post_proved("/v1/transfers", &key(), &back, &proof).await;
    stolen.refused(403, "step_up_required");
    let _sent = first.post_proved("/v1/transfers", &key(), &order, &proof).await.expect(201);
}

#[tokio::test]
async fn a_late_proof_is_refused() {
    let mut s = scene().await;
    let order = s.order(500);
    let proof = proof_for(&s, &order).await;
    s.bank.advance(301);
    s.bank.refresh(&mut s.asha).await;
    send(&s, &order, &proof).await.refused(403, "step_up_required");
    let proof = proof_for(&s, &order).await;
    s.bank.advance(240);
    let _sent = send(&s, &order, &proof).await.expect(201);
}

// RBI DPSC 2: the message of a payment shows the last four characters of the account, and no name.
// RTS 5: the message with the code says how much is paid to whom.
#[tokio::test]
async fn the_message_names_what_is_confirmed_and_nobodys_name() {
    let s = Scene::new().await;
    let phone = "+14155550123";
    let _enrolled = s.bank.enrol_sms(&s.asha, phone).await;
    s.bank.advance(60);
    let asked = s.asha.client.post("/v1/transfers", &s.order(1_234)).await;
    asked.refused(403, "step_up_required");
    let path = format!("/v1/auth/challenges/{}/send", asked.text("/challenge/id"));
    let sent = post(&s.bank, &path, &json!({ "method": "sms" })).await;
    assert_eq!(sent.status, 202, "{}", String::from_utf8_lossy(&sent.body));
    let number = s.bela.client.get(&format!("/v1/accounts/{}", s.to)).await.text("/number");
    let message = s.bank.inbox().await[0]["text"].as_str().expect("a text").to_owned();
    let last = &number[number.len() - 4..];
    assert!(message.contains(&format!("INR 12.34 to account …{last}")), "{message}");
    assert!(!message.contains("Bela") && !message.contains(&number), "{message}");
}

#[tokio::test]
async fn a_limit_of_ones_own_holds_against_thirty_at_once() {
    let s = Scene::new().await;
    let _set = s.asha.client.put("/v1/limits/INR", &json!({ "per_day": 1_000 })).await.expect(200);
    let order = s.order(100);
    let batch = json!({ "transfers": [order, order, order], "atomic": true });
    let singles = join_all((0..15).map(|_| s.asha.client.post("/v1/transfers", &order)));
    let holds = join_all((0..10).map(|_| s.asha.client.post("/v1/holds", &order)));
    let batches = join_all((0..5).map(|_| s.asha.client.post("/v1/transfers/batch", &batch)));
    let (singles, holds, batches) = tokio::join!(singles, holds, batches);
    let in_batches: usize = batches
        .iter()
        .map(|reply| String::from_utf8_lossy(&reply.body).matches("\"transfer\":").count())
        .sum();
    let gone =
        100 * i64::try_from(succeeded(&singles) + succeeded(&holds) + in_batches).expect("few");
    let [asha, _] = s.balances().await;
    assert_eq!(10_000 - asha[0] + asha[1], gone);
    assert!((800..=1_000).contains(&gone), "{gone}");
    assert_eq!(s.asha.client.get("/v1/limits/INR").await.int("/spent_day"), gone);
}

#[tokio::test]
async fn limits_raced_by_payments_hold_from_their_answer_on() {
    let s = Scene::new().await;
    let order = s.order(100);
    let (set, _replies) = tokio::join!(
        async {
            let limits = json!({ "per_transfer": 50 });
            s.asha.client.put("/v1/limits/INR", &limits).await.expect(200)
        },
        join_all((0..20).map(|_| s.asha.client.post("/v1/transfers", &order))),
    );
    assert_eq!(set.int("/per_transfer"), 50);
    s.asha.client.post("/v1/transfers", &order).await.refused(422, "limit_exceeded");
}

#[tokio::test]
async fn nothing_leaves_after_the_switch_has_answered() {
    let s = Scene::new().await;
    let order = s.order(10);
    let held = s.hold(&s.order(10)).await;
    let capture = format!("{held}/capture");
    let stop = async {
        let empty = json!({});
        let stopped = s.asha.client.post("/v1/protections/stop", &empty).await.expect(200);
        (stopped, s.balances().await)
    };
    let (stopped, sent, captured) = tokio::join!(
        stop,
        join_all((0..64).map(|_| s.asha.client.post("/v1/transfers", &order))),
        async { s.bela.client.post(&capture, &json!({})).await },
    );
    let (_, at_the_answer) = stopped;
    assert_eq!(s.balances().await[0][0], at_the_answer[0][0], "the balance stands");
    let gone =
        10 * i64::try_from(succeeded(&sent) + usize::from(captured.status == 201)).expect("few");
    assert_eq!(10_000 - at_the_answer[0][0], gone);
    for reply in sent.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(422, "limit_exceeded");
    }
}

#[tokio::test]
async fn a_clock_set_back_gives_no_limit_new_room() {
    let mut s = Scene::new().await;
    let _set = s.asha.client.put("/v1/limits/INR", &json!({ "per_day": 100 })).await.expect(200);
    let _sent = s.asha.client.post("/v1/transfers", &s.order(100)).await.expect(201);
    for hours in [-1_i64, -12, -48] {
        s.bank.advance(hours * 3_600);
        s.bank.sign_in(&mut s.asha).await;
        let refused = s.asha.client.post("/v1/transfers", &s.order(1)).await;
        refused.refused(422, "limit_exceeded");
    }
}
