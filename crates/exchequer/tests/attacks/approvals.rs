//! Four eyes attacked: by the maker, by the wrong role, twice at once, late, through the database.

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Person, Reply, Shop, TestBank, key};

use crate::scene::{Scene, number, sql, succeeded};

/// 20,000 minor units of INR wait.
const LARGE: i64 = 20_000;

async fn scene() -> Scene {
    Scene::on(TestBank::with(|config| config.approvals.amount = 200).await).await
}

fn path(id: &str, what: &str) -> String {
    format!("/v1/staff/approvals/{id}/{what}")
}

async fn decide(who: &Person, id: &str, what: &str) -> Reply {
    let body = if what == "reject" { json!({ "reason": "no" }) } else { json!({}) };
    who.client.post(&path(id, what), &body).await
}

async fn deposit(s: &Scene) -> String {
    let slip =
        json!({ "account": s.from, "amount": LARGE, "currency": "INR", "reference": "cash" });
    s.teller.client.post("/v1/staff/deposits", &slip).await.expect(202).text("/approval/id")
}

/// A daily limit of 50, and somebody who wants it gone; gives the approval.
async fn freed(s: &Scene, maker: &Person) -> String {
    let limits = format!("/v1/staff/accounts/{}/limits", s.from);
    let _set = maker.client.post(&limits, &json!({ "per_day": 50 })).await.expect(200);
    let asked = maker.client.post(&limits, &json!({ "per_day": null })).await;
    asked.expect(202).text("/approval/id")
}

async fn status(who: &Person, id: &str) -> Value {
    let found = who.client.get(&format!("/v1/staff/approvals/{id}")).await.expect(200);
    found.json()["status"].clone()
}

async fn limit(s: &Scene, who: &Person) -> Value {
    let account = who.client.get(&format!("/v1/staff/accounts/{}", s.from)).await.expect(200);
    account.json()["limits"]["per_day"].clone()
}

// ASVS 2.3.5: who asks for an act does not approve it.
#[tokio::test]
async fn a_maker_approves_nothing_of_their_own_by_any_session_or_at_any_moment() {
    let s = scene().await;
    let maker = s.bank.operator(Role::Admin).await;
    let second = s.bank.operator(Role::Admin).await;
    let id = freed(&s, &maker).await;
    let mut elsewhere = maker.clone();
    s.bank.sign_in_operator(&mut elsewhere).await;
    let node = s.bank.other_node().await.with_token(maker.client.token().expect("a token"));
    node.post(&path(&id, "approve"), &json!({})).await.refused(403, "own_approval");
    for who in [&maker, &elsewhere] {
        for what in ["approve", "reject"] {
            decide(who, &id, what).await.refused(403, "own_approval");
        }
    }
    // Nor while somebody else decides.
    let storm = join_all((0..12).map(|_| decide(&maker, &id, "approve")));
    let (storm, other) = tokio::join!(storm, decide(&second, &id, "reject"));
    let _rejected = other.expect(200);
    for reply in &storm {
        reply.refused(403, "own_approval");
    }
    assert_eq!(limit(&s, &maker).await, 50);
    let refused = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'approval.approve_refused' \
                   AND outcome = 'own_approval'";
    assert_eq!(number(&s.bank, refused).await, 15);
}

#[tokio::test]
async fn what_a_disabled_operator_asked_for_can_only_be_rejected() {
    let s = scene().await;
    let (maker, second) = (s.bank.operator(Role::Admin).await, s.bank.operator(Role::Admin).await);
    let id = freed(&s, &maker).await;
    let made = second.client.get(&format!("/v1/staff/approvals/{id}")).await.text("/maker");
    let disable = format!("/v1/staff/members/{made}/disable");
    let _disabled = second.client.post(&disable, &json!({})).await.expect(200);
    decide(&second, &id, "approve").await.refused(409, "maker_disabled");
    decide(&maker, &id, "withdraw").await.refused(401, "unauthenticated");
    assert_eq!(limit(&s, &second).await, 50);
    let _rejected = decide(&second, &id, "reject").await.expect(200);
}

#[tokio::test]
async fn a_role_without_the_act_decides_nothing_about_it() {
    let s = scene().await;
    let other_teller = s.bank.operator(Role::Teller).await;
    let support = s.bank.operator(Role::Support).await;
    let id = deposit(&s).await;
    for who in [&s.teller, &other_teller, &support] {
        for what in ["approve", "reject"] {
            decide(who, &id, what).await.refused(403, "forbidden");
        }
    }
    s.asha.client.post(&path(&id, "approve"), &json!({})).await.refused(403, "wrong_caller");
    // Who decides about operators has no say over customers, though they decide approvals.
    let officer = s.bank.operator(Role::Compliance).await;
    let admin = s.bank.operator(Role::Admin).await;
    let lock = format!("/v1/staff/customers/{}", s.bela.id);
    let _locked = officer.client.post(&format!("{lock}/lock"), &json!({})).await.expect(200);
    let asked = officer.client.post(&format!("{lock}/unlock"), &json!({})).await.expect(202);
    let unlock = asked.text("/approval/id");
    for what in ["approve", "reject"] {
        decide(&admin, &unlock, what).await.refused(403, "forbidden");
    }
    assert_eq!(status(&officer, &unlock).await, "pending");
    let posted = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers";
    assert_eq!(number(&s.bank, posted).await, 1);
}

// ASVS 8.3.2, 15.4.2: who decides is read anew in the transaction that decides.
#[tokio::test]
async fn an_operator_who_was_disabled_a_moment_ago_elsewhere_approves_nothing() {
    let s = scene().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let id = deposit(&s).await;
    assert_eq!(status(&auditor, &id).await, "pending");
    let disabled = "UPDATE staff SET status = 1 WHERE role = 'compliance'";
    assert_eq!(sql(&s.bank, disabled).await, 1);
    decide(&auditor, &id, "approve").await.refused(403, "forbidden");
    assert_eq!(s.balances().await[0], [10_000, 0, 10_000]);
}

#[tokio::test]
async fn of_many_decisions_at_once_one_is_made_and_one_act_done() {
    let s = scene().await;
    let auditors = [s.bank.operator(Role::Compliance).await, s.bank.operator(Role::Admin).await];
    for round in 1..=6 {
        let id = deposit(&s).await;
        let approvals = join_all((0..8).map(|i| decide(&auditors[i % 2], &id, "approve")));
        let replies = approvals.await;
        assert_eq!(succeeded(&replies), 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.refused(409, "approval_decided");
        }
        let [posted, ..] = s.balances().await[0];
        assert_eq!(posted, 10_000 + round * LARGE);
    }
}

#[tokio::test]
async fn approved_rejected_and_withdrawn_at_once_is_one_of_them() {
    let s = scene().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let mut posted = 10_000;
    for _ in 0..6 {
        let id = deposit(&s).await;
        let (approved, rejected, withdrawn) = tokio::join!(
            decide(&auditor, &id, "approve"),
            decide(&auditor, &id, "reject"),
            decide(&s.teller, &id, "withdraw")
        );
        posted += if approved.status == 200 { LARGE } else { 0 };
        assert_eq!(succeeded(&[approved, rejected, withdrawn]), 1);
        assert_eq!(s.balances().await[0][0], posted);
    }
}

#[tokio::test]
async fn a_repeated_request_asks_once_and_approves_once() {
    let s = scene().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let slip =
        json!({ "account": s.from, "amount": LARGE, "currency": "INR", "reference": "cash" });
    let once = key();
    let post = async || s.teller.client.post_with_key("/v1/staff/deposits", &once, &slip).await;
    let (first, again) = (post().await.expect(202), post().await.expect(202));
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let rows = "SELECT CAST(COUNT(*) AS BIGINT) FROM approvals";
    assert_eq!(number(&s.bank, rows).await, 1);
    let (id, other) = (first.text("/approval/id"), deposit(&s).await);
    let approve = async |id: &str| {
        auditor.client.post_with_key(&path(id, "approve"), &once, &json!({})).await
    };
    let storm = join_all((0..8).map(|_| approve(&id))).await;
    let done: Vec<&Reply> = storm.iter().filter(|reply| reply.status == 200).collect();
    assert!(!done.is_empty() && done.iter().all(|reply| reply.body == done[0].body));
    for reply in storm.iter().filter(|reply| reply.status != 200) {
        reply.refused(409, "idempotency_key_in_flight");
    }
    approve(&other).await.refused(422, "idempotency_key_reused");
    assert_eq!(s.balances().await[0][0], 10_000 + LARGE);
    assert_eq!(status(&auditor, &other).await, "pending");
}

#[tokio::test]
async fn an_approval_comes_too_late() {
    let s = scene().await;
    let mut auditor = s.bank.operator(Role::Compliance).await;
    let id = deposit(&s).await;
    s.bank.advance(72 * 3_600);
    s.bank.sign_in_operator(&mut auditor).await;
    for what in ["approve", "reject"] {
        decide(&auditor, &id, what).await.refused(409, "approval_decided");
    }
    let rows = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers";
    assert_eq!(number(&s.bank, rows).await, 1);
}

/// Lowered again while its raise waited, a limit stays where it was lowered to.
#[tokio::test]
async fn what_was_asked_for_before_a_limit_was_lowered_does_not_raise_it() {
    let s = scene().await;
    let (maker, second) = (s.bank.operator(Role::Admin).await, s.bank.operator(Role::Admin).await);
    let id = freed(&s, &maker).await;
    let limits = format!("/v1/staff/accounts/{}/limits", s.from);
    let _lower = second.client.post(&limits, &json!({ "per_day": 1 })).await.expect(200);
    let done = decide(&second, &id, "approve").await.expect(200);
    assert_eq!(done.text("/outcome/refusal"), "approval_outdated");
    assert_eq!(limit(&s, &second).await, 1);
}

#[tokio::test]
async fn an_id_of_another_kind_or_nobodys_is_no_approval() {
    let s = scene().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let id = deposit(&s).await;
    let relabelled = id.replace("apr_", "trf_");
    let from = s.from.replace("acc_", "apr_");
    let unknown = s.bank.unknown_id::<money::kind::Approval>();
    for id in [&relabelled, &from, &unknown, &s.from, "apr_1"] {
        for what in ["approve", "reject", "withdraw"] {
            decide(&auditor, id, what).await.refused(404, "not_found");
        }
    }
    assert_eq!(status(&auditor, &id).await, "pending");
}

/// Each edit would get something approved that nobody asked for, or by who asked for it.
#[tokio::test]
async fn an_approval_changed_in_the_database_does_not_open() {
    let edits = [
        "UPDATE approvals SET request = (SELECT b.request FROM approvals AS b \
         WHERE b.id <> approvals.id LIMIT 1)",
        "UPDATE approvals SET request = CAST('' AS BLOB)",
        "UPDATE approvals SET maker = (SELECT id FROM staff WHERE role = 'support')",
        "UPDATE approvals SET expires_at = expires_at + 1000000000000",
        "UPDATE approvals SET created_at = created_at - 1",
        "UPDATE approvals SET kind = 'withdraw'",
    ];
    let postgres = "UPDATE approvals SET request = CAST('' AS BYTEA)";
    for (i, edit) in edits.into_iter().enumerate() {
        let s = scene().await;
        let auditor = s.bank.operator(Role::Compliance).await;
        let _support = s.bank.operator(Role::Support).await;
        let (id, _other) = (deposit(&s).await, deposit(&s).await);
        let edit = if i == 1 && s.bank.database().folder().is_none() { postgres } else { edit };
        assert_eq!(sql(&s.bank, edit).await, 2, "{edit}");
        for what in ["approve", "reject"] {
            decide(&auditor, &id, what).await.refused(500, "internal_error");
        }
        assert_eq!(s.balances().await[0], [10_000, 0, 10_000], "{edit}");
    }
}

/// Two keys wait, and the secret of one is put in the place of the other.
#[tokio::test]
async fn a_key_that_waits_is_the_one_that_was_drawn() {
    let s = scene().await;
    let (maker, second) = (s.bank.operator(Role::Admin).await, s.bank.operator(Role::Admin).await);
    let shop = Shop::new(&s.bank, &maker, "test").await;
    let keys = format!("/v1/staff/merchants/{}/keys", shop.id);
    let ask = async || {
        let asked = maker.client.post(&keys, &json!({ "mode": "live" })).await.expect(202);
        s.bank.secret(&asked.text("/secret"));
        asked
    };
    let (first, _other) = (ask().await, ask().await);
    let swap = "UPDATE approvals SET material = (SELECT b.material FROM approvals AS b \
                WHERE b.id <> approvals.id LIMIT 1)";
    assert_eq!(sql(&s.bank, swap).await, 2);
    // It was sealed for another row: nobody approves it, and nobody signs with it.
    let decided = decide(&second, &first.text("/approval/id"), "approve").await;
    decided.refused(500, "internal_error");
    let made = "SELECT CAST(COUNT(*) AS BIGINT) FROM merchant_keys WHERE mode = 1";
    assert_eq!(number(&s.bank, made).await, 0);
}
