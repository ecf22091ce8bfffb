//! `step_up_required`: when a payment needs a second factor, and how it goes on with one.
// ASVS 6.3.3, 8.2.1: a payment asks for more than a session; ASVS 2.3.5: what is confirmed is what is done.

use exchequer::config::{Config, EveryPayment};
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Reply, TestBank, key};

use crate::rows::number;
use crate::transfers::Pair;

/// 10,000.00 INR.
const LARGE: i64 = 1_000_000;

/// Asha has 100,000.00 INR and, if wanted, an authenticator.
async fn pair(change: impl FnOnce(&mut Config), factor: bool) -> Pair {
    let bank = TestBank::with(change).await;
    let teller = bank.operator(Role::Teller).await;
    let (mut asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let from = bank.account(&asha, "INR").await;
    let to = bank.account(&bela, "INR").await;
    bank.deposit(&teller, &from, 10 * LARGE, "INR").await;
    if factor {
        let _codes = bank.enrol_totp(&mut asha).await;
    }
    Pair { bank, asha, bela, from, to, teller }
}

async fn send(p: &Pair, amount: i64) -> Reply {
    p.asha.client.post("/v1/transfers", &p.order(amount)).await
}

/// Asks, proves and sends again under the same key.
async fn send_proved(p: &Pair, path: &str, body: &Value) -> Reply {
    let key = key();
    let asked = p.asha.client.post_with_key(path, &key, body).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    p.asha.client.post_proved(path, &key, body, &proof).await
}

#[tokio::test]
async fn the_same_request_goes_through_with_a_proof_and_is_done_once() {
    let p = pair(|_| {}, true).await;
    let (key, order) = (key(), p.order(2 * LARGE));
    let asked = p.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    asked.refused(403, "step_up_required");
    assert_eq!(asked.json()["challenge"]["methods"][0], "totp", "{}", asked.json());
    assert!(asked.text("/challenge/id").starts_with("chl_"));
    assert!(asked.text("/challenge/expires_at").ends_with('Z'));
    // Not stored under the key: asked again, it asks again, with a question of its own.
    let again = p.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    again.refused(403, "step_up_required");
    assert_ne!(again.text("/challenge/id"), asked.text("/challenge/id"));
    assert_eq!(again.header("idempotent-replayed"), None);

    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    let sent = p.asha.client.post_proved("/v1/transfers", &key, &order, &proof).await.expect(201);
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [2 * LARGE, 0, 2 * LARGE]);
    for replay in [
        p.asha.client.post_with_key("/v1/transfers", &key, &order).await,
        p.asha.client.post_proved("/v1/transfers", &key, &order, &proof).await,
    ] {
        assert_eq!((replay.status, &replay.body), (sent.status, &sent.body));
        assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    }
    let other = p.order(1);
    let reused = p.asha.client.post_with_key("/v1/transfers", &key, &other).await;
    reused.refused(422, "idempotency_key_reused");
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [2 * LARGE, 0, 2 * LARGE]);
}

// RTS 29: with a payment stands which factor confirmed it, and why it was asked.
#[tokio::test]
async fn what_was_proved_is_stored_with_the_transfer() {
    let p = pair(|_| {}, true).await;
    let sent = send_proved(&p, "/v1/transfers", &p.order(LARGE)).await.expect(201);
    let id = sent.text("/id");
    let row = p
        .bank
        .bank()
        .db()
        .read("test", move |tx| {
            let sql = "SELECT after FROM events WHERE action = 'transfer.stepped_up' \
                       AND resource = $1";
            let row = tx.query_one(sql, store::params![&id])?;
            Ok::<_, store::DbError>(row.text(0)?.to_owned())
        })
        .await
        .expect("one event");
    let proved: Value = serde_json::from_str(&row).expect("JSON");
    assert!(proved["challenge"].as_str().is_some_and(|id| id.starts_with("chl_")), "{proved}");
    assert!(proved["factor"].as_str().is_some_and(|id| id.starts_with("fac_")), "{proved}");
    assert_eq!(proved["binding"].as_str().map(str::len), Some(64), "{proved}");
    assert_eq!(proved["because"], "amount");
}

#[tokio::test]
async fn without_a_factor_small_sums_go_and_large_ones_say_to_enrol() {
    let p = pair(|_| {}, false).await;
    let _sent = send(&p, LARGE - 1).await.expect(201);
    let asked = send(&p, LARGE).await;
    asked.refused(403, "step_up_required");
    assert_eq!(asked.json()["challenge"]["methods"], json!([]));
    assert!(asked.text("/detail").contains("/v1/factors"), "{}", asked.json());
    let batch = json!({ "transfers": [p.order(LARGE / 2), p.order(LARGE / 2)], "atomic": false });
    p.asha.client.post("/v1/transfers/batch", &batch).await.refused(403, "step_up_required");
    let mut hold = p.order(LARGE);
    hold["expires_in"] = json!(60);
    p.asha.client.post("/v1/holds", &hold).await.refused(403, "step_up_required");
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [LARGE - 1, 0, LARGE - 1]);
}

#[tokio::test]
async fn a_payee_paid_once_with_a_proof_is_known() {
    let p = pair(|_| {}, true).await;
    send(&p, 5).await.refused(403, "step_up_required");
    let _sent = send_proved(&p, "/v1/transfers", &p.order(5)).await.expect(201);
    let _sent = send(&p, 6).await.expect(201);
    let list = p.asha.client.get("/v1/beneficiaries").await.expect(200);
    assert_eq!(list.text("/data/0/account"), p.to);
    // Off the list, it is new again.
    let path = format!("/v1/beneficiaries/{}", list.text("/data/0/id"));
    let _gone = p.asha.client.delete(&path).await.expect(204);
    send(&p, 5).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn ones_own_accounts_are_no_new_payees() {
    let p = pair(|_| {}, true).await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let own =
        |amount| json!({ "from": p.from, "to": savings, "amount": amount, "currency": "INR" });
    let _sent = p.asha.client.post("/v1/transfers", &own(5)).await.expect(201);
    let large = p.asha.client.post("/v1/transfers", &own(LARGE)).await;
    large.refused(403, "step_up_required");
}

// RBI DPSC 1: every payment asks for a second factor, also between accounts of one holder.
// RTS 15: accounts of one holder are the one exemption.
#[tokio::test]
async fn the_profiles_ask_with_every_payment() {
    // RTS 2018/389 Art 15: not between accounts of one holder.
    let p = pair(|c| c.step_up.every_payment = EveryPayment::ToOthers, true).await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let own = json!({ "from": p.from, "to": savings, "amount": 2 * LARGE, "currency": "INR" });
    let _sent = p.asha.client.post("/v1/transfers", &own).await.expect(201);
    let _sent = send_proved(&p, "/v1/transfers", &p.order(5)).await.expect(201);
    send(&p, 5).await.refused(403, "step_up_required");

    let p = pair(|c| c.step_up.every_payment = EveryPayment::All, true).await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let own = json!({ "from": p.from, "to": savings, "amount": 1, "currency": "INR" });
    p.asha.client.post("/v1/transfers", &own).await.refused(403, "step_up_required");
    let _sent = send_proved(&p, "/v1/transfers", &own).await.expect(201);
}

#[tokio::test]
async fn beyond_the_days_total_each_payment_asks() {
    let p = pair(|c| c.step_up.day_total = 1_000, true).await;
    let _sent = send_proved(&p, "/v1/transfers", &p.order(60_000)).await.expect(201);
    let _sent = send(&p, 40_000).await.expect(201);
    send(&p, 1).await.refused(403, "step_up_required");
    let _sent = send_proved(&p, "/v1/transfers", &p.order(1)).await.expect(201);
}

/// A thief of a password alone sends no more than this, in however small parts and however long it takes.
#[tokio::test]
async fn the_days_total_holds_without_a_factor_to_within_a_tenth() {
    let mut p = pair(|c| c.step_up.day_total = 1_000, false).await;
    let mut sent = 0;
    let asked = loop {
        let reply = send(&p, 5_000).await;
        if reply.status != 201 {
            break reply;
        }
        sent += 50;
        // Nothing is forgotten while an hour goes by.
        p.bank.advance(240);
        p.bank.refresh(&mut p.asha).await;
    };
    asked.refused(403, "step_up_required");
    assert_eq!(asked.json()["challenge"]["methods"], json!([]));
    assert!((1_000..=1_100).contains(&sent), "{sent}");
}

// RBI DPSC 4: whoever pays faster than usual is asked.
// ASVS 2.4.2: payments faster than the pace that was set ask for a person each.
#[tokio::test]
async fn beyond_the_pace_each_payment_asks() {
    let p = pair(|c| c.step_up.hourly_payments = 3, true).await;
    let _sent = send_proved(&p, "/v1/transfers", &p.order(1)).await.expect(201);
    let batch = json!({ "transfers": [p.order(1), p.order(1)], "atomic": true });
    let _sent = p.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
    send(&p, 1).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn the_planners_refusals_come_first_and_are_stored() {
    let p = pair(|_| {}, true).await;
    let (key, order) = (key(), p.order(11 * LARGE));
    let poor = p.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    poor.refused(422, "insufficient_funds");
    let again = p.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    assert_eq!((again.status, &again.body), (poor.status, &poor.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let limits = json!({ "per_transfer": LARGE });
    let _set = p.asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    send(&p, 11 * LARGE).await.refused(422, "limit_exceeded");
    send(&p, 2 * LARGE).await.refused(422, "limit_exceeded");
    send(&p, LARGE).await.refused(403, "step_up_required");
    let mut order = p.order(2 * LARGE);
    order["to"] = json!(p.from);
    p.asha.client.post("/v1/transfers", &order).await.refused(422, "same_account");
    order["to"] = json!(p.bank.unknown_id::<money::kind::Account>());
    p.asha.client.post("/v1/transfers", &order).await.refused(422, "account_not_found");
    // No refusal of these opened a question.
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM challenges WHERE purpose = 'step_up'";
    assert_eq!(number(&p.bank, sql).await, 1);
}

#[tokio::test]
async fn a_batch_is_proved_as_a_whole() {
    let p = pair(|_| {}, true).await;
    let path = "/v1/transfers/batch";
    let batch = json!({ "transfers": [p.order(10), p.order(20)], "atomic": true });
    let (first, second) = (key(), key());
    let asked = p.asha.client.post_with_key(path, &first, &batch).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    for other in [
        json!({ "transfers": [p.order(20), p.order(10)], "atomic": true }),
        json!({ "transfers": [p.order(10), p.order(20)], "atomic": false }),
        json!({ "transfers": [p.order(10), p.order(21)], "atomic": true }),
        json!({ "transfers": [p.order(10)], "atomic": true }),
        json!({ "transfers": [p.order(10), p.order(20), p.order(1)], "atomic": true }),
    ] {
        let refused = p.asha.client.post_proved(path, &second, &other, &proof).await;
        refused.refused(403, "step_up_required");
    }
    let sent = p.asha.client.post_proved(path, &first, &batch, &proof).await.expect(200);
    assert_eq!(sent.int("/results/1/transfer/amount"), 20);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'transfer.stepped_up'";
    assert_eq!(number(&p.bank, sql).await, 2);
}

#[tokio::test]
async fn a_batch_tells_each_refusal_in_its_place() {
    let p = pair(|_| {}, true).await;
    let limits = json!({ "per_day": 50 });
    let _set = p.asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    let list = [p.order(30), p.order(30), p.order(20), p.order(1)];
    let body = json!({ "transfers": list, "atomic": false });
    let sent = send_proved(&p, "/v1/transfers/batch", &body).await.expect(200);
    let code = |i: usize| {
        let json = sent.json();
        json["results"][i]["problem"]["code"].as_str().unwrap_or("posted").to_owned()
    };
    let codes: Vec<String> = (0..4).map(code).collect();
    assert_eq!(codes, ["posted", "limit_exceeded", "posted", "limit_exceeded"]);
    let _looser = p.asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    let body = json!({ "transfers": [p.order(1), p.order(1)], "atomic": true });
    let sent = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200).json();
    assert_eq!(sent["results"][0]["problem"]["code"], "limit_exceeded", "{sent}");
    assert_eq!(sent["results"][1]["problem"]["code"], "linked_refused", "{sent}");
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [50, 0, 50]);
}

#[tokio::test]
async fn a_hold_asks_when_it_is_placed_and_not_when_it_is_captured() {
    let p = pair(|_| {}, true).await;
    let placed = send_proved(&p, "/v1/holds", &p.order(LARGE)).await.expect(201);
    let capture = format!("/v1/holds/{}/capture", placed.text("/id"));
    let _moved = p.bela.client.post(&capture, &json!({})).await.expect(201);
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [LARGE, 0, LARGE]);
    // A proof for a transfer is none for a hold.
    let order = p.order(2 * LARGE);
    let asked = p.asha.client.post("/v1/transfers", &order).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    let refused = p.asha.client.post_proved("/v1/holds", &key(), &order, &proof).await;
    refused.refused(403, "step_up_required");
}

// RBI DISC 1: a large sum to somebody new waits, and nothing has left meanwhile.
#[tokio::test]
async fn a_new_payee_cools_before_large_sums() {
    let rbi = |c: &mut Config| {
        c.step_up.cooling_seconds = 600;
        c.step_up.cooling_amount = 1_000;
    };
    let mut p = pair(rbi, true).await;
    send(&p, 100_000).await.refused(422, "payee_cooling");
    let entry = json!({ "account": p.to, "name": "Bela from work" });
    let added = send_proved(&p, "/v1/beneficiaries", &entry).await;
    let _added = added.expect(201);
    let waiting = send(&p, 100_000).await;
    waiting.refused(422, "payee_cooling");
    let seconds: i64 = waiting.header("retry-after").and_then(|s| s.parse().ok()).expect("seconds");
    assert!((500..=601).contains(&seconds), "{seconds}");
    let _small = send(&p, 99_999).await.expect(201);
    // Two of one request are one sum.
    let half = p.order(50_000);
    let parts = json!({ "transfers": [half, half], "atomic": false });
    let reply = p.asha.client.post("/v1/transfers/batch", &parts).await.expect(200).json();
    assert!(reply["results"][0]["transfer"].is_object(), "{reply}");
    assert_eq!(reply["results"][1]["problem"]["code"], "payee_cooling", "{reply}");
    p.bank.advance(seconds);
    p.bank.refresh(&mut p.asha).await;
    let _sent = send(&p, 100_000).await.expect(201);
}

#[tokio::test]
async fn a_malformed_proof_is_an_error_and_not_a_question() {
    let p = pair(|_| {}, true).await;
    let long = "x".repeat(500);
    let reply = p.asha.client.post_proved("/v1/transfers", &key(), &p.order(5), &long).await;
    reply.refused(400, "malformed_request");
}
