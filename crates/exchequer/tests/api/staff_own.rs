//! `/v1/staff/me`, `/v1/staff/web_session`: who an operator is, in a browser too; and the auditor's role.

use exchequer::staff::model::{Permission, Role};
use http::Method;
use serde_json::{Value, json};
use testkit::{Person, TestBank};

use crate::sessions_web::{Browser, ask, cookie_of};
use crate::staff::challenge;

/// An operator's browser.
pub async fn browse(bank: &TestBank, operator: &Person) -> Browser {
    let id = challenge(bank, operator).await;
    bank.advance(30);
    let body = json!({ "method": "totp", "code": bank.totp_code(operator) });
    let path = format!("/v1/web/session/challenges/{id}/verify");
    let reply = ask(bank, (Method::POST, &path), &[], &body).await.expect(200);
    Browser { cookie: cookie_of(&reply), csrf: reply.text("/csrf_token") }
}

#[tokio::test]
async fn an_operator_learns_who_they_are_and_what_they_may_do() {
    let bank = TestBank::new().await;
    for role in Role::ALL {
        let operator = bank.operator(role).await;
        let me = operator.client.get("/v1/staff/me").await.expect(200);
        assert_eq!((me.text("/email"), me.text("/role")), (operator.email, role.to_string()));
        assert!(me.text("/id").starts_with("stf_"));
        let expected: Vec<_> = Permission::ALL.into_iter().filter(|p| role.permits(*p)).collect();
        let expected: Vec<_> = expected.iter().map(|p| p.as_str()).collect();
        assert_eq!(me.json()["permissions"], json!(expected), "{role}");
    }
}

#[tokio::test]
async fn an_operators_browser_learns_its_limits_and_signs_out() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    // A session of tokens has no need of it.
    teller.client.get("/v1/staff/web_session").await.refused(404, "not_found");
    let browser = browse(&bank, &teller).await;
    let cookie = ("cookie", &*browser.cookie);
    let path = (Method::GET, "/v1/staff/web_session");
    let shown = ask(&bank, path.clone(), &[cookie], &Value::Null).await.expect(200);
    assert_eq!(shown.text("/csrf_token"), browser.csrf);
    let rules = &bank.bank().config().sessions;
    assert_eq!(shown.json()["idle_limit_seconds"], json!(rules.idle_limit_seconds()));
    let mut idle = rules.idle_limit_seconds();
    assert!(shown.text("/expires_at").ends_with('Z'));
    // A request renews the idle limit.
    for _ in 0..2 {
        bank.advance(idle - 61);
        let _renewed = ask(&bank, path.clone(), &[cookie], &Value::Null).await.expect(200);
    }
    let both = [cookie, ("x-csrf-token", &*browser.csrf)];
    let out = ask(&bank, (Method::POST, "/v1/staff/logout"), &both, &Value::Null).await.expect(204);
    let set = out.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("exchequer=;") && set.contains("Max-Age=0"), "{set}");
    ask(&bank, path.clone(), &[cookie], &Value::Null).await.refused(401, "unauthenticated");
    // Another browser that is left alone is signed out by itself.
    let other = browse(&bank, &teller).await;
    idle += 61;
    bank.advance(idle);
    let alone = ask(&bank, path, &[("cookie", &*other.cookie)], &Value::Null).await;
    alone.refused(401, "unauthenticated");
    // With tokens there is no cookie to clear.
    let mut teller = teller;
    bank.sign_in_operator(&mut teller).await;
    let out = teller.client.post_raw("/v1/staff/logout", None, Vec::new()).await.expect(204);
    assert!(out.header("set-cookie").is_none());
}

#[tokio::test]
async fn an_auditor_sees_what_others_asked_for_and_cannot_take_it_back() {
    let bank = TestBank::with(|config| config.approvals.are_required = true).await;
    let (admin, auditor) = (bank.operator(Role::Admin).await, bank.operator(Role::Auditor).await);
    let body = json!({ "name": "Shop", "fee_basis_points": 200, "fee_fixed": 30 });
    let merchant = admin.client.post("/v1/staff/merchants", &body).await.expect(201).text("/id");
    let path = format!("/v1/staff/merchants/{merchant}/keys");
    let key = json!({ "name": "till", "mode": "live" });
    let asked = admin.client.post(&path, &key).await.expect(202).text("/approval/id");
    let listed = auditor.client.get("/v1/staff/approvals").await.expect(200);
    assert_eq!(listed.text("/data/0/id"), asked);
    let one = format!("/v1/staff/approvals/{asked}");
    assert_eq!(auditor.client.get(&one).await.expect(200).text("/status"), "pending");
    for verb in ["withdraw", "approve", "reject"] {
        let reply = auditor.client.post(&format!("{one}/{verb}"), &json!({})).await;
        reply.refused(403, "forbidden");
    }
    let _members = auditor.client.get("/v1/staff/members").await.expect(200);
    let _events = auditor.client.get("/v1/staff/events").await.expect(200);
}

#[tokio::test]
async fn an_operators_timer_asks_without_putting_the_end_off() {
    const LIMITS: &str = "/v1/staff/web_session/limits";
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    teller.client.get(LIMITS).await.refused(404, "not_found");
    let browser = browse(&bank, &teller).await;
    let cookie = ("cookie", &*browser.cookie);
    let get = |path| ask(&bank, (Method::GET, path), std::slice::from_ref(&cookie), &Value::Null);
    let idle = bank.bank().config().sessions.idle_limit_seconds();
    let first = get(LIMITS).await.expect(200);
    assert_eq!(first.text("/idle_expires_at"), bank.clock().now().plus_seconds(idle).to_string());
    assert_eq!(first.json().as_object().map(serde_json::Map::len), Some(2));
    bank.advance(idle / 2);
    let same = get(LIMITS).await.expect(200);
    assert_eq!(same.json(), first.json(), "asking is no use");
    let used = get("/v1/staff/web_session").await.expect(200);
    assert_eq!(used.text("/idle_expires_at"), bank.clock().now().plus_seconds(idle).to_string());
    for _ in 0..3 {
        bank.advance(idle / 4);
        let asked = get(LIMITS).await.expect(200);
        assert_eq!(asked.text("/idle_expires_at"), used.text("/idle_expires_at"));
    }
    bank.advance(idle / 4 + 1);
    get(LIMITS).await.refused(401, "unauthenticated");
}
