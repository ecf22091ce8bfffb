//! `/v1/limits`, `/v1/protections`, and what a fresh password holds back.
// ASVS 2.2.1, 2.4.1: limits of the business are enforced on the server, for each customer.

use money::kind::Account;
use serde_json::{Value, json};
use testkit::{Reply, TestBank, key};

use crate::rows::{execute, number};
use crate::transfers::Pair;

const HOUR: i64 = 3_600;

async fn limit(p: &Pair, limits: &Value) -> Reply {
    p.asha.client.put("/v1/limits/INR", limits).await
}

async fn send(p: &Pair, amount: i64) -> Reply {
    p.asha.client.post("/v1/transfers", &p.order(amount)).await
}

async fn switch(p: &Pair, way: &str) -> Reply {
    p.asha.client.post(&format!("/v1/protections/{way}"), &json!({})).await
}

/// Lets money out again as somebody without a factor: with the password.
async fn resume(p: &Pair) -> Reply {
    let (path, key, empty) = ("/v1/protections/resume", key(), json!({}));
    let asked = p.asha.client.post_with_key(path, &key, &empty).await;
    let proof = p.bank.prove_by_password(&p.asha, &asked).await;
    p.asha.client.post_proved(path, &key, &empty, &proof).await
}

#[tokio::test]
async fn limits_are_told_as_they_were_set() {
    let p = Pair::new().await;
    let none = p.asha.client.get("/v1/limits/INR").await.expect(200).json();
    assert!(none["per_day"].is_null() && none["per_transfer"].is_null(), "{none}");
    let wanted = json!({ "per_transfer": 100, "per_day": 200, "per_week": null });
    let set = limit(&p, &wanted).await.expect(200);
    assert_eq!((set.int("/per_transfer"), set.int("/per_day")), (100, 200));
    assert!(set.json()["per_week"].is_null() && set.json()["per_month"].is_null());
    assert_eq!(p.asha.client.get("/v1/limits/INR").await.expect(200).body, set.body);
    // Other currencies and other people have their own.
    assert!(p.asha.client.get("/v1/limits/EUR").await.json()["per_day"].is_null());
    assert!(p.bela.client.get("/v1/limits/INR").await.json()["per_day"].is_null());
    for path in ["/v1/limits/XXY", "/v1/limits/inr", "/v1/limits/acc_1"] {
        p.asha.client.get(path).await.refused(404, "not_found");
    }
    for wrong in [json!(0), json!(-1), json!(1.5), json!("5")] {
        limit(&p, &json!({ "per_day": wrong })).await.refused(422, "invalid_fields");
    }
    limit(&p, &json!({ "per_year": 5 })).await.refused(400, "malformed_json");
}

// RBI DPSC 3: a customer's own limits hold for a payment, a day, a week and a month.
// ASVS 2.3.2: a customer's own limits hold to the unit.
#[tokio::test]
async fn each_limit_may_be_reached_and_not_passed() {
    for (limits, fits, over) in [
        (json!({ "per_transfer": 100 }), 100, 101),
        (json!({ "per_day": 100 }), 40, 61),
        (json!({ "per_week": 100 }), 40, 61),
        (json!({ "per_month": 100 }), 40, 61),
    ] {
        let p = Pair::new().await;
        let _set = limit(&p, &limits).await.expect(200);
        let _sent = send(&p, fits).await.expect(201);
        send(&p, over).await.refused(422, "limit_exceeded");
        if limits.get("per_transfer").is_none() {
            let _rest = send(&p, 60).await.expect(201);
            send(&p, 1).await.refused(422, "limit_exceeded");
        }
    }
}

#[tokio::test]
async fn holds_and_batches_count_too_and_own_accounts_do_not() {
    let p = Pair::new().await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let _set = limit(&p, &json!({ "per_day": 100 })).await.expect(200);
    let _hold = p.asha.client.post("/v1/holds", &p.order(30)).await.expect(201);
    let batch = json!({ "transfers": [p.order(30), p.order(30)], "atomic": true });
    let _sent = p.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
    p.asha.client.post("/v1/holds", &p.order(11)).await.refused(422, "limit_exceeded");
    let own = json!({ "from": p.from, "to": savings, "amount": 500, "currency": "INR" });
    let _own = p.asha.client.post("/v1/transfers", &own).await.expect(201);
    let told = p.asha.client.get("/v1/limits/INR").await.expect(200);
    assert_eq!(told.int("/spent_day"), 90);
    let _sent = send(&p, 10).await.expect(201);
    // What was refused did not count, and is an event.
    assert_eq!(p.asha.client.get("/v1/limits/INR").await.int("/spent_day"), 100);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE outcome = 'limit_exceeded'";
    assert_eq!(number(&p.bank, sql).await, 1);
}

#[tokio::test]
async fn an_hour_counts_whole_until_all_of_it_has_left_the_window() {
    let mut p = Pair::new().await;
    let _set = limit(&p, &json!({ "per_day": 100 })).await.expect(200);
    let into = p.bank.clock().now().seconds().rem_euclid(HOUR);
    p.bank.advance(HOUR - into);
    p.bank.sign_in(&mut p.asha).await;
    let _sent = send(&p, 100).await.expect(201);
    // 24 hours later the hour's last instants may still lie in the window.
    for (seconds, left) in [(24 * HOUR, false), (HOUR - 1, false), (1, true)] {
        p.bank.advance(seconds);
        p.bank.sign_in(&mut p.asha).await;
        let reply = send(&p, 1).await;
        assert_eq!(reply.status == 201, left, "{seconds} {}", reply.code());
    }
}

// RBI DPSC 3: customers set limits of their own, and loosen them with a factor.
#[tokio::test]
async fn looser_needs_a_factor_and_tighter_does_not() {
    let mut p = Pair::new().await;
    let _codes = p.bank.enrol_totp(&mut p.asha).await;
    let _tight = limit(&p, &json!({ "per_day": 100, "per_week": 500 })).await.expect(200);
    let _tighter = limit(&p, &json!({ "per_day": 90, "per_week": 500 })).await.expect(200);
    for looser in [
        json!({ "per_day": 91, "per_week": 500 }),
        json!({ "per_day": 90 }),
        json!({ "per_day": 10, "per_week": 501 }),
        json!({}),
    ] {
        limit(&p, &looser).await.refused(403, "step_up_required");
    }
    assert_eq!(p.asha.client.get("/v1/limits/INR").await.int("/per_day"), 90);
    let wanted = json!({ "per_day": 200, "per_week": 500 });
    let asked = limit(&p, &wanted).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    let put = async |body: &Value| {
        let request = p
            .asha
            .client
            .request(http::Method::PUT, "/v1/limits/INR")
            .header("content-type", "application/json")
            .header("step-up", &proof);
        p.asha.client.send(request.body(body.to_string().into()).expect("a request")).await
    };
    let raised = put(&wanted).await.expect(200);
    assert_eq!(raised.int("/per_day"), 200);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'limits_raised'";
    assert_eq!(number(&p.bank, sql).await, 1);
}

#[tokio::test]
async fn a_factor_shown_in_this_session_counts_for_five_minutes() {
    let mut p = Pair::new().await;
    let _codes = p.bank.enrol_totp(&mut p.asha).await;
    let _tight = limit(&p, &json!({ "per_day": 100 })).await.expect(200);
    p.bank.sign_in_with_totp(&mut p.asha).await;
    let _raised = limit(&p, &json!({ "per_day": 101 })).await.expect(200);
    p.bank.advance(299);
    let _raised = limit(&p, &json!({ "per_day": 102 })).await.expect(200);
    p.bank.advance(1);
    p.bank.refresh(&mut p.asha).await;
    limit(&p, &json!({ "per_day": 103 })).await.refused(403, "step_up_required");
    // For a payment it never counts.
    p.bank.sign_in_with_totp(&mut p.asha).await;
    send(&p, 1).await.refused(403, "step_up_required");
}

// RBI DISC 3: a customer stops all outgoing money with one request.
#[tokio::test]
async fn the_switch_stops_everything_that_goes_out() {
    let p = Pair::new().await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let held = p.asha.client.post("/v1/holds", &p.order(50)).await.expect(201);
    let stopped = switch(&p, "stop").await.expect(200);
    assert_eq!(stopped.json()["outgoing_stopped"], true);
    assert_eq!(switch(&p, "stop").await.expect(200).body, stopped.body, "twice is once");
    let refused = send(&p, 5).await;
    refused.refused(422, "limit_exceeded");
    assert!(refused.text("/detail").contains("resume"), "{}", refused.json());
    p.asha.client.post("/v1/holds", &p.order(5)).await.refused(422, "limit_exceeded");
    let own = json!({ "from": p.from, "to": savings, "amount": 5, "currency": "INR" });
    p.asha.client.post("/v1/transfers", &own).await.refused(422, "limit_exceeded");
    let batch = json!({ "transfers": [p.order(5)], "atomic": false });
    let sent = p.asha.client.post("/v1/transfers/batch", &batch).await.expect(200).json();
    assert_eq!(sent["results"][0]["problem"]["code"], "limit_exceeded");
    let capture = format!("/v1/holds/{}/capture", held.text("/id"));
    for who in [&p.asha, &p.bela] {
        let reply = who.client.post(&capture, &json!({})).await;
        reply.refused(422, "limit_exceeded");
        who.client
            .post(&capture, &json!({ "amount": 51 }))
            .await
            .refused(422, "capture_exceeds_hold");
    }
    let withdrawal = json!({
        "account": p.from, "amount": 5, "currency": "INR", "reference": "slip"
    });
    let counter = p.teller.client.post("/v1/staff/withdrawals", &withdrawal).await;
    counter.refused(422, "limit_exceeded");
    // Money comes in, and what was held is given up.
    p.bank.deposit(&p.teller, &p.from, 10, "INR").await;
    let void = format!("/v1/holds/{}/void", held.text("/id"));
    let _void = p.asha.client.post(&void, &json!({})).await.expect(200);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_010, 0, 10_010]);
}

#[tokio::test]
async fn an_account_opened_meanwhile_is_stopped_and_all_are_released_together() {
    let p = Pair::new().await;
    let _stopped = switch(&p, "stop").await.expect(200);
    let new = p.bank.account(&p.asha, "INR").await;
    p.bank.deposit(&p.teller, &new, 100, "INR").await;
    let from_new = json!({ "from": new, "to": p.to, "amount": 5, "currency": "INR" });
    p.asha.client.post("/v1/transfers", &from_new).await.refused(422, "limit_exceeded");
    let resumed = resume(&p).await.expect(200);
    assert_eq!(resumed.json()["outgoing_stopped"], false);
    let _sent = p.asha.client.post("/v1/transfers", &from_new).await.expect(201);
    let _sent = send(&p, 5).await.expect(201);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose LIKE 'outgoing_%'";
    assert_eq!(number(&p.bank, sql).await, 2);
}

#[tokio::test]
async fn the_banks_own_limits_stay_as_they_were() {
    let p = Pair::new().await;
    let officer = p.bank.operator(exchequer::staff::model::Role::Compliance).await;
    let path = format!("/v1/staff/accounts/{}/limits", p.from);
    let set = json!({ "per_transfer": 100 });
    let _set = officer.client.post(&path, &set).await.expect(200);
    let _stopped = switch(&p, "stop").await.expect(200);
    // Lower than the bank's own, though the switch is a limit of nothing: it needs no second operator.
    let other = json!({ "per_transfer": 50, "per_day": 1_000 });
    let _set = officer.client.post(&path, &other).await.expect(200);
    send(&p, 5).await.refused(422, "limit_exceeded");
    let _resumed = resume(&p).await.expect(200);
    send(&p, 51).await.refused(422, "limit_exceeded");
    let _sent = send(&p, 50).await.expect(201);
}

#[tokio::test]
async fn stopping_needs_no_factor_and_resuming_does() {
    let mut p = Pair::new().await;
    let _codes = p.bank.enrol_totp(&mut p.asha).await;
    let _stopped = switch(&p, "stop").await.expect(200);
    let (path, key, empty) = ("/v1/protections/resume", key(), json!({}));
    let asked = p.asha.client.post_with_key(path, &key, &empty).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    let resumed = p.asha.client.post_proved(path, &key, &empty, &proof).await.expect(200);
    assert_eq!(resumed.json()["outgoing_stopped"], false);
    // Stopped again, the proof of the last time is worth nothing.
    p.bank.advance(1);
    let _stopped = switch(&p, "stop").await.expect(200);
    let used = p.asha.client.post_proved(path, &testkit::key(), &empty, &proof).await;
    used.refused(403, "step_up_required");
}

#[tokio::test]
async fn large_sums_wait_a_day_after_a_change_of_password() {
    let bank = TestBank::with(|c| c.step_up.amount = 50).await;
    let p = Pair::on(bank).await;
    let changed = execute(
        &p.bank,
        "UPDATE customers SET password_changed_at = (SELECT MAX(created_at) FROM sessions)",
    );
    assert_eq!(changed.await, 2);
    let _small = send(&p, 3_000).await.expect(201);
    // Together they are large.
    send(&p, 2_000).await.refused(422, "recent_password_change");
    let _small = send(&p, 1_999).await.expect(201);
    send(&p, 5_000).await.refused(422, "recent_password_change");
    let savings = p.bank.account(&p.asha, "INR").await;
    let own = json!({ "from": p.from, "to": savings, "amount": 4_999, "currency": "INR" });
    let _own = p.asha.client.post("/v1/transfers", &own).await.expect(201);
    let mut order = p.order(10_000);
    order["to"] = json!(p.bank.unknown_id::<Account>());
    p.asha.client.post("/v1/transfers", &order).await.refused(422, "account_not_found");
}

#[tokio::test]
async fn the_day_after_a_change_of_password_is_over_one_day() {
    let bank = TestBank::with(|c| c.step_up.amount = 50).await;
    let mut p = Pair::on(bank).await;
    let sql = "UPDATE customers SET password_changed_at = (SELECT MAX(created_at) FROM sessions)";
    assert_eq!(execute(&p.bank, sql).await, 2);
    p.bank.advance(24 * HOUR);
    p.bank.sign_in(&mut p.asha).await;
    let _small = send(&p, 4_999).await.expect(201);
    let _small = send(&p, 4_999).await.expect(201);
}
