//! Twice at once: limits, standings, keys and rows that several requests want together.

use std::collections::HashSet;

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use store::{Db, DbError};

use crate::scene::{Scene, succeeded};

// PCI DSS 6.2.4: the rules of the business hold against many requests at once.
// ASVS 2.3.4: twenty at once get no more than the limit together.
#[tokio::test]
async fn a_daily_limit_holds_against_twenty_at_once() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/accounts/{}/limits", s.from);
    let _set = auditor.client.post(&path, &json!({ "per_day": 1_000 })).await.expect(200);
    let order = s.order(100);
    let batch = json!({ "transfers": [order, order, order], "atomic": true });
    let singles = join_all((0..10).map(|_| s.asha.client.post("/v1/transfers", &order)));
    let holds = join_all((0..10).map(|_| s.asha.client.post("/v1/holds", &order)));
    let batches = join_all((0..3).map(|_| s.asha.client.post("/v1/transfers/batch", &batch)));
    let (singles, holds, batches) = tokio::join!(singles, holds, batches);
    let in_batches: usize = batches
        .iter()
        .map(|reply| {
            let json = reply.json();
            let results = json["results"].as_array().expect("results").clone();
            results.iter().filter(|result| result.get("transfer").is_some()).count()
        })
        .sum();
    let [posted, held, _] = s.bank.balance(&s.asha, &s.from).await;
    assert!(10_000 - posted + held <= 1_000, "{posted} {held}");
    let gone =
        100 * i64::try_from(succeeded(&singles) + succeeded(&holds) + in_batches).expect("few");
    assert_eq!(10_000 - posted + held, gone);
    assert!(gone > 700, "chains of three leave room for at most two");
}

#[tokio::test]
async fn freezing_racing_closing_never_reopens() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    for _ in 0..6 {
        let account = s.bank.account(&s.bela, "INR").await;
        let paths = ["freeze", "close", "unfreeze", "freeze", "unfreeze", "close"]
            .map(|act| format!("/v1/staff/accounts/{account}/{act}"));
        let empty = json!({});
        let _replies = join_all(paths.iter().map(|path| auditor.client.post(path, &empty))).await;
        let own = s.bela.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
        assert_eq!(own.text("/status"), "closed");
        for path in &paths {
            auditor.client.post(path, &empty).await.refused(422, "account_closed");
        }
    }
}

#[tokio::test]
async fn money_racing_a_close_is_never_shut_in() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    for _ in 0..4 {
        let account = s.bank.account(&s.bela, "INR").await;
        let order = json!({ "from": s.from, "to": account, "amount": 7, "currency": "INR" });
        let (path, empty) = (format!("/v1/staff/accounts/{account}/close"), json!({}));
        let (sent, closed, held) = tokio::join!(
            s.asha.client.post("/v1/transfers", &order),
            auditor.client.post(&path, &empty),
            s.asha.client.post("/v1/holds", &order)
        );
        assert!(
            !(closed.status.is_success() && (sent.status.is_success() || held.status.is_success())),
            "closed with money or a hold in it"
        );
    }
}

#[tokio::test]
async fn a_customer_opens_a_hundred_accounts_and_not_one_more() {
    let s = Scene::new().await;
    let body = json!({ "currency": "INR", "name": "Many" });
    let replies = join_all((0..110).map(|_| s.asha.client.post("/v1/accounts", &body))).await;
    assert_eq!(succeeded(&replies), 99); // one stood there before
    let more = replies.iter().filter(|reply| !reply.status.is_success());
    more.for_each(|reply| reply.refused(422, "too_many_accounts"));
}

#[tokio::test]
async fn one_key_with_many_bodies_at_once_has_one_effect() {
    let s = Scene::new().await;
    let orders: Vec<Value> = (1..=24).map(|amount| s.order(amount)).collect();
    let sends = orders.iter().map(|order| s.asha.client.post_with_key("/v1/transfers", "k", order));
    let replies = join_all(sends).await;
    assert_eq!(succeeded(&replies), 1);
    let others = replies.iter().filter(|reply| !reply.status.is_success());
    others.for_each(|reply| reply.refused(422, "idempotency_key_reused"));
    let sent = replies.iter().find(|reply| reply.status.is_success()).expect("one");
    assert_eq!(s.bank.balance(&s.bela, &s.to).await[0], sent.int("/amount"));
}

#[tokio::test]
async fn the_first_deposits_of_a_currency_at_once_all_arrive() {
    let s = Scene::new().await;
    let account = s.bank.account(&s.asha, "JPY").await;
    let body = json!({ "account": account, "amount": 3, "currency": "JPY", "reference": "first" });
    let replies =
        join_all((0..16).map(|_| s.teller.client.post("/v1/staff/deposits", &body))).await;
    assert_eq!(succeeded(&replies), 16);
    assert_eq!(s.bank.balance(&s.asha, &account).await, [48, 0, 48]);
}

// ASVS 15.4.3: locks are taken in one order, so that nobody waits for ever.
#[tokio::test]
async fn batches_that_cross_each_other_end_and_conserve_money() {
    let s = Scene::new().await;
    let _there = s.asha.client.post("/v1/transfers", &s.order(5_000)).await.expect(201);
    let there: Vec<Value> = (0..20).map(|_| s.order(3)).collect();
    let back: Vec<Value> = (0..20)
        .map(|_| json!({ "from": s.to, "to": s.from, "amount": 3, "currency": "INR" }))
        .collect();
    let there = json!({ "transfers": there, "atomic": false });
    let back = json!({ "transfers": back, "atomic": true });
    let single = s.order(1);
    let (a, b, c) = tokio::join!(
        join_all((0..8).map(|_| s.asha.client.post("/v1/transfers/batch", &there))),
        join_all((0..8).map(|_| s.bela.client.post("/v1/transfers/batch", &back))),
        join_all((0..16).map(|_| s.asha.client.post("/v1/transfers", &single)))
    );
    assert_eq!((succeeded(&a), succeeded(&b), succeeded(&c)), (8, 8, 16));
    let [asha, bela] = s.balances().await;
    assert_eq!([asha[0], bela[0]], [4_984, 5_016]);
}

#[tokio::test]
async fn what_was_answered_is_read_by_the_next_request() {
    let s = Scene::new().await;
    let mut seen = HashSet::new();
    for round in 1..=20 {
        let sent = s.asha.client.post("/v1/transfers", &s.order(1)).await.expect(201).text("/id");
        let _both = s.bela.client.get(&format!("/v1/transfers/{sent}")).await.expect(200);
        let path = format!("/v1/accounts/{}/entries?limit=1", s.to);
        let entries = s.bela.client.get(&path).await.expect(200);
        assert_eq!(
            (entries.text("/data/0/transfer_id"), entries.int("/data/0/balance_after")),
            (sent.clone(), round)
        );
        assert!(seen.insert(sent));
    }
}

#[tokio::test]
async fn refresh_logout_and_use_at_once_leave_no_live_session() {
    let s = Scene::new().await;
    let refresh = json!({ "refresh_token": s.asha.refresh_token });
    let (pair, _out, _me) = tokio::join!(
        crate::scene::post(&s.bank, "/v1/auth/refresh", &refresh),
        s.asha.client.delete("/v1/sessions"),
        s.asha.client.get("/v1/me")
    );
    s.asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    if pair.status.is_success() {
        let client = s.bank.client().with_token(&pair.text("/access_token"));
        client.get("/v1/me").await.refused(401, "unauthenticated");
        let next = json!({ "refresh_token": pair.text("/refresh_token") });
        let late = crate::scene::post(&s.bank, "/v1/auth/refresh", &next).await;
        late.refused(401, "invalid_refresh_token");
    }
}

/// Who waits at the door of a bank that stops is told so, and what was answered as done is there.
#[tokio::test]
async fn everybody_at_the_door_of_a_bank_that_stops_is_answered() {
    const SENT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers WHERE amount = 3";
    let mut s = Scene::new().await;
    let (db, order) = (s.bank.bank().db().clone(), s.order(3));
    let first = s.asha.client.post("/v1/transfers", &order).await;
    let sent = join_all((0..40).map(|_| s.asha.client.post("/v1/transfers", &order)));
    let closing = tokio::task::spawn_blocking(move || db.close());
    let (sent, closed) = tokio::join!(sent, closing);
    closed.expect("closes");
    for reply in sent.iter().filter(|reply| !reply.status.is_success()) {
        assert_eq!(reply.status, 503, "{reply:?}");
    }
    s.asha.client.post("/v1/transfers", &order).await.refused(503, "unavailable");
    s.bank.skip_verify();
    let reopened = Db::open(s.bank.database().options()).expect("opens");
    let there = reopened.read("count", |tx| tx.query_one(SENT, &[])?.int(0)).await;
    let expected = i64::try_from(succeeded(&sent) + succeeded(&[first])).expect("few");
    assert_eq!(there, Ok::<_, DbError>(expected));
}
