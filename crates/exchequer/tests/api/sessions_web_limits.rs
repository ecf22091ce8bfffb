//! When a browser's session ends, and a question about it that does not put it off.

use http::Method;
use serde_json::Value;
use testkit::{Reply, TestBank};

use crate::rows;
use crate::sessions_web::{Browser, ask, sign_in};

const LIMITS: &str = "/v1/web/session/limits";

async fn get(bank: &TestBank, browser: &Browser, path: &str) -> Reply {
    ask(bank, (Method::GET, path), &[("cookie", &browser.cookie)], &Value::Null).await
}

#[tokio::test]
async fn a_sign_in_says_when_its_session_ends() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let body = serde_json::json!({ "email": asha.email, "password": asha.password });
    let opened = crate::sessions::post(&bank, "/v1/web/session", &body).await.expect(200);
    let rules = bank.bank().config().sessions;
    let now = bank.clock().now();
    let idle = now.plus_seconds(rules.idle_limit_seconds()).to_string();
    let end = now.plus_seconds(rules.absolute_limit_seconds()).to_string();
    assert_eq!((opened.text("/idle_expires_at"), opened.text("/expires_at")), (idle, end));
    let browser = sign_in(&bank, &asha).await;
    let shown = get(&bank, &browser, "/v1/web/session").await.expect(200);
    let limits = get(&bank, &browser, LIMITS).await.expect(200);
    for field in ["/idle_expires_at", "/expires_at"] {
        assert_eq!(shown.text(field), opened.text(field));
        assert_eq!(limits.text(field), opened.text(field));
    }
    assert_eq!(limits.json().as_object().map(serde_json::Map::len), Some(2));
    asha.client.get(LIMITS).await.refused(404, "not_found");
}

#[tokio::test]
async fn asking_does_not_put_the_end_off_and_use_does() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let idle = bank.bank().config().sessions.idle_limit_seconds();
    let browser = sign_in(&bank, &asha).await;
    let first = get(&bank, &browser, LIMITS).await.expect(200).text("/idle_expires_at");
    bank.advance(idle / 2);
    assert_eq!(get(&bank, &browser, LIMITS).await.expect(200).text("/idle_expires_at"), first);
    // One's own look does not stand in the way of being noted, however soon after it.
    let shown = get(&bank, &browser, "/v1/web/session").await.expect(200);
    let second = shown.text("/idle_expires_at");
    assert_eq!(second, bank.clock().now().plus_seconds(idle).to_string());
    assert_ne!(second, first);
    for _ in 0..3 {
        bank.advance(idle / 4);
        assert_eq!(get(&bank, &browser, LIMITS).await.expect(200).text("/idle_expires_at"), second);
    }
    bank.advance(idle / 4 + 1);
    get(&bank, &browser, LIMITS).await.refused(401, "unauthenticated");
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE end_reason = 'idle_limit'";
    assert_eq!(rows::number(&bank, sql).await, 1, "the server has ended it");
    get(&bank, &browser, "/v1/web/session").await.refused(401, "unauthenticated");
}

/// Two tabs: one whose timer asks each second, one that is used.
#[tokio::test]
async fn a_timer_that_asks_often_does_not_hide_use() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let idle = bank.bank().config().sessions.idle_limit_seconds();
    let browser = sign_in(&bank, &asha).await;
    let mut last = String::new();
    for _ in 0..8 {
        bank.advance(idle / 4);
        let _asked = get(&bank, &browser, LIMITS).await.expect(200);
        let _used = get(&bank, &browser, "/v1/me").await.expect(200);
        let now = get(&bank, &browser, LIMITS).await.expect(200).text("/idle_expires_at");
        assert_ne!(now, last);
        last = now;
    }
}
