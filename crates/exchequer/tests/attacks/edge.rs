//! The edge: what a request says that it should not, and what an answer says that it must not.

use serde_json::json;

use exchequer::staff::model::Role;

use crate::scene::Scene;

// PCI DSS 6.2.4: what is meant to be run is looked for as text.
// ASVS 1.2.4: a filter with SQL in it is a value that nothing has.
#[tokio::test]
async fn a_filter_of_any_bytes_finds_nothing_and_breaks_nothing() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    for bytes in ["%00", "a%00b", "%0a", "%27%20OR%201=1--", "%EF%BF%BF", "%25", "_"] {
        for name in ["action", "resource"] {
            let reply = auditor.client.get(&format!("/v1/staff/events?{name}={bytes}")).await;
            let status = reply.status.as_u16();
            assert!(status < 500, "{name}={bytes}: {status}");
            assert!(status >= 400 || reply.json()["data"] == json!([]), "{name}={bytes}");
        }
    }
}

// ASVS 16.5.1: an error repeats nothing of what was sent.
#[tokio::test]
async fn an_error_never_repeats_a_value() {
    let s = Scene::new().await;
    let marker = "zebra-crossing";
    for value in [
        format!(r#""{marker}""#),
        format!(r#"", expected {marker}""#),
        format!(r#"[", expected {marker}"]"#),
        format!(r#"{{"a":"{marker}"}}"#),
    ] {
        let body = format!(
            r#"{{"from":"{}","to":"{}","amount":1,"currency":"INR","expires_in":{value}}}"#,
            s.from, s.to
        );
        let key = testkit::key();
        let reply = s.asha.client.post_raw("/v1/holds", Some(&key), body.into_bytes()).await;
        reply.refused(400, "malformed_json");
        let text = String::from_utf8_lossy(&reply.body);
        assert!(!text.contains(marker), "{text}");
    }
}

// PCI DSS 6.2.4: a request cannot set what is the bank's to decide.
// ASVS 2.2.2, 8.2.3, 15.3.3: no field that is not the caller's to set can be set.
#[tokio::test]
async fn no_request_grants_itself_an_overdraft_a_limit_or_a_kind() {
    let s = Scene::new().await;
    for (name, value) in [
        ("overdraft_limit", json!(1_000_000)),
        ("overdraft", json!(true)),
        ("kind", json!(2)),
        ("bounded", json!(0)),
        ("posted_at", json!("2020-01-01T00:00:00Z")),
        ("value_date", json!("2020-01-01")),
        ("id", json!("trf_0")),
        ("status", json!("posted")),
    ] {
        let mut order = s.order(10_001);
        order[name] = value.clone();
        s.asha.client.post("/v1/transfers", &order).await.refused(400, "malformed_json");
        let mut account = json!({ "currency": "INR", "name": "Rich" });
        account[name] = value;
        s.asha.client.post("/v1/accounts", &account).await.refused(400, "malformed_json");
    }
    s.asha.client.post("/v1/transfers", &s.order(10_001)).await.refused(422, "insufficient_funds");
}

#[tokio::test]
async fn the_banks_own_accounts_are_nobodys_to_name() {
    let s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let currency = money::Currency::from_code("INR").expect("a currency");
    let cash = exchequer::bank::cash_account(currency).to_string();
    for (from, to) in [(&cash, &s.to), (&s.from, &cash)] {
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
        for path in ["/v1/transfers", "/v1/holds"] {
            s.asha.client.post(path, &order).await.refused(422, "account_not_found");
        }
    }
    s.asha.client.get(&format!("/v1/accounts/{cash}")).await.refused(404, "not_found");
    let slip = json!({ "account": cash, "amount": 1, "currency": "INR", "reference": "x" });
    for path in ["/v1/staff/deposits", "/v1/staff/withdrawals"] {
        s.teller.client.post(path, &slip).await.refused(422, "account_not_found");
    }
    for act in ["freeze", "close", "limits"] {
        let path = format!("/v1/staff/accounts/{cash}/{act}");
        let body = if act == "limits" { json!({ "per_day": 1 }) } else { json!({}) };
        auditor.client.post(&path, &body).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_cursor_of_another_account_shows_nothing_of_it() {
    let s = Scene::new().await;
    let mallory = s.bank.customer("Mallory").await;
    let own = s.bank.account(&mallory, "INR").await;
    let sent = s.asha.client.post("/v1/transfers", &s.order(10)).await.expect(201).text("/id");
    let unknown = s.bank.unknown_id::<money::kind::Transfer>();
    let stripped = |reply: testkit::Reply| {
        let mut json = reply.json();
        json.as_object_mut().expect("an object").remove("request_id");
        (reply.status.as_u16(), json)
    };
    let theirs = mallory.client.get(&format!("/v1/accounts/{own}/entries?cursor={sent}")).await;
    let nobodys = mallory.client.get(&format!("/v1/accounts/{own}/entries?cursor={unknown}")).await;
    let (theirs, nobodys) = (stripped(theirs), stripped(nobodys));
    assert_eq!(theirs.0, 400);
    assert_eq!(theirs, nobodys);
}

/// A request that was answered in a batch with others replays alone, byte for byte.
#[tokio::test]
async fn a_stored_refusal_of_a_withdrawal_cannot_be_read_with_anothers_key() {
    let s = Scene::new().await;
    let other = s.bank.operator(Role::Teller).await;
    let slip = json!({ "account": s.to, "amount": 5, "currency": "INR", "reference": "x" });
    let path = "/v1/staff/withdrawals";
    let first = s.teller.client.post_with_key(path, "w", &slip).await;
    first.refused(422, "insufficient_funds");
    let again = s.teller.client.post_with_key(path, "w", &slip).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    let anothers = other.client.post_with_key(path, "w", &slip).await;
    assert_eq!(anothers.header("idempotent-replayed"), None);
    assert_ne!(anothers.body, first.body);
}
