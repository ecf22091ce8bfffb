//! `/v1/staff/customers/{id}/lock|unlock|disable|enable`: who does it, what ends, and what is told.

use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Person, Reply, TestBank};

use crate::rows::texts;
use crate::sessions::{log_in, post};

async fn act(operator: &Person, customer: &str, verb: &str) -> Reply {
    let path = format!("/v1/staff/customers/{customer}/{verb}");
    operator.client.post(&path, &json!({})).await
}

/// What lets somebody in waits for a second operator.
async fn approved(bank: &TestBank, officer: &Person, customer: &str, verb: &str) {
    let asked = act(officer, customer, verb).await;
    assert_eq!(bank.done(asked, Role::Compliance).await, customer);
}

async fn is_out(bank: &TestBank, person: &Person) {
    person.client.get("/v1/me").await.refused(401, "unauthenticated");
    let body = json!({ "refresh_token": person.refresh_token });
    post(bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

async fn notices(bank: &TestBank, purpose: &str, to: &str) -> usize {
    let inbox = bank.inbox().await;
    inbox.iter().filter(|m| m["purpose"] == purpose && m["to"] == to).count()
}

// ASVS 7.4.2: all sessions end when an account is disabled; with a lock, too.
// PCI DSS 8.2.5: access that is taken away ends every session at once.
#[tokio::test]
async fn a_lock_and_an_end_of_access_sign_a_customer_out_at_once_and_keep_them_out() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    for (shut, open, status) in [("lock", "unlock", "locked"), ("disable", "enable", "disabled")] {
        let mut here = bank.customer(&format!("Asha {shut}")).await;
        let mut there = here.clone();
        bank.sign_in(&mut there).await;
        let _remembered = here.client.get("/v1/me").await.expect(200);
        let done = act(&officer, &here.id, shut).await.expect(200);
        assert_eq!((done.text("/id"), done.text("/status")), (here.id.clone(), status.to_owned()));
        is_out(&bank, &here).await;
        is_out(&bank, &there).await;
        let refused = log_in(&bank, &here.email, &here.password).await;
        refused.refused(403, "account_disabled");
        // Who does not know the password learns nothing of it.
        let wrong = log_in(&bank, &here.email, "not it at all, friend").await;
        wrong.refused(401, "invalid_credentials");
        assert_eq!(notices(&bank, &format!("customer_{status}"), &here.email).await, 1);
        let search = format!("/v1/staff/customers?query={}", here.id);
        let found = officer.client.get(&search).await.expect(200);
        assert_eq!(found.text("/data/0/status"), status);
        approved(&bank, &officer, &here.id, open).await;
        let found = officer.client.get(&search).await.expect(200);
        assert_eq!(found.text("/data/0/status"), "active");
        is_out(&bank, &there).await;
        bank.sign_in(&mut here).await;
        let _me = here.client.get("/v1/me").await.expect(200);
        let told = if open == "unlock" { "customer_unlocked" } else { "customer_enabled" };
        assert_eq!(notices(&bank, told, &here.email).await, 1);
    }
}

#[tokio::test]
async fn a_change_that_is_none_is_refused_by_name() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    for (verb, code) in [("unlock", "not_locked"), ("enable", "not_disabled")] {
        act(&officer, &asha.id, verb).await.refused(409, code);
    }
    let _locked = act(&officer, &asha.id, "lock").await.expect(200);
    for (verb, code) in [("lock", "already_locked"), ("enable", "not_disabled")] {
        act(&officer, &asha.id, verb).await.refused(409, code);
    }
    // A lock gives way to the end of access, and never the other way round.
    let _disabled = act(&officer, &asha.id, "disable").await.expect(200);
    for (verb, code) in
        [("disable", "already_disabled"), ("lock", "already_disabled"), ("unlock", "not_locked")]
    {
        act(&officer, &asha.id, verb).await.refused(409, code);
    }
    approved(&bank, &officer, &asha.id, "enable").await;
    let unknown = bank.unknown_id::<money::kind::Customer>();
    for verb in ["lock", "unlock", "disable", "enable"] {
        act(&officer, &unknown, verb).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_its_answer_and_changes_nothing_more() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    let (path, key) = (format!("/v1/staff/customers/{}/lock", asha.id), testkit::key());
    let first = officer.client.post_with_key(&path, &key, &json!({})).await.expect(200);
    let again = officer.client.post_with_key(&path, &key, &json!({})).await.expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(notices(&bank, "customer_locked", &asha.email).await, 1);
}

// PCI DSS 8.2.4, 10.2.1.5: each change of somebody's access is an event with what was before and what is now.
#[tokio::test]
async fn each_change_and_each_refusal_is_an_event_with_what_was_before() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    for verb in ["lock", "lock", "unlock", "disable", "enable"] {
        let answered = act(&officer, &asha.id, verb).await;
        if answered.status == 202 {
            let _done = bank.done(answered, Role::Compliance).await;
        }
    }
    let events = "SELECT action || ' ' || outcome || ' ' || COALESCE(before, '') || ' ' || \
                  COALESCE(after, '') FROM events WHERE action LIKE 'customer.%lock%' \
                  OR action LIKE 'customer.%abled' ORDER BY id";
    assert_eq!(
        texts(&bank, events).await,
        [
            r#"customer.locked done {"status":"active"} {"sessions_ended":1,"sign_ins_closed":0,"status":"locked"}"#,
            r#"customer.lock_refused already_locked {"status":"locked"} "#,
            r#"customer.unlocked done {"status":"locked"} {"status":"active"}"#,
            r#"customer.disabled done {"status":"active"} {"sessions_ended":0,"sign_ins_closed":0,"status":"disabled"}"#,
            r#"customer.enabled done {"status":"disabled"} {"status":"active"}"#,
        ]
    );
    let reasons = "SELECT end_reason FROM sessions WHERE principal_kind = 'customer'";
    assert_eq!(texts(&bank, reasons).await, ["locked"]);
}

#[tokio::test]
async fn who_may_lock_and_who_may_not() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let officer = bank.operator(Role::Compliance).await;
    for role in [Role::Support, Role::Admin] {
        let operator = bank.operator(role).await;
        let _locked = act(&operator, &asha.id, "lock").await.expect(200);
        for verb in ["unlock", "disable", "enable"] {
            act(&operator, &asha.id, verb).await.refused(403, "forbidden");
        }
        approved(&bank, &officer, &asha.id, "unlock").await;
    }
    let teller = bank.operator(Role::Teller).await;
    for verb in ["lock", "unlock", "disable", "enable"] {
        act(&teller, &asha.id, verb).await.refused(403, "forbidden");
    }
    bank.sign_in(&mut asha).await;
    for verb in ["lock", "unlock", "disable", "enable"] {
        act(&asha, &asha.id, verb).await.refused(403, "wrong_caller");
    }
}

#[tokio::test]
async fn whatever_statement_fails_a_lock_is_whole_or_not_at_all() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    let (path, key) = (format!("/v1/staff/customers/{}/lock", asha.id), testkit::key());
    let faults = bank.bank().db().faults().clone();
    let mut statements = 0;
    for statement in 1..60 {
        faults.fail_at("staff.lock_customer", statement);
        let reply = officer.client.post_with_key(&path, &key, &json!({})).await;
        if faults.disarm() {
            assert_eq!(reply.expect(200).text("/status"), "locked");
            statements = statement;
            break;
        }
        reply.refused(503, "unavailable");
        let _me = asha.client.get("/v1/me").await.expect(200);
        assert_eq!(notices(&bank, "customer_locked", &asha.email).await, 0, "at {statement}");
    }
    assert!(statements > 5, "the verb has no statements: is the name right?");
    is_out(&bank, &asha).await;
    assert_eq!(notices(&bank, "customer_locked", &asha.email).await, 1);
}

/// The mail says which account, by four digits of its number, and nothing that only the owner wrote.
#[tokio::test]
async fn an_owner_is_told_what_the_bank_has_done_to_an_account() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let asha = bank.customer("Asha").await;
    let account = bank.account(&asha, "INR").await;
    let number = asha.client.get(&format!("/v1/accounts/{account}")).await.text("/number");
    let acts = [
        ("freeze", "account_frozen"),
        ("unfreeze", "account_unfrozen"),
        ("close", "account_closed"),
    ];
    for (verb, purpose) in acts {
        assert_eq!(notices(&bank, purpose, &asha.email).await, 0);
        let path = format!("/v1/staff/accounts/{account}/{verb}");
        let _done = admin.client.post(&path, &json!({})).await.expect(200);
        // What is refused is told to nobody.
        let _refused = admin.client.post(&path, &json!({})).await;
        assert_eq!(notices(&bank, purpose, &asha.email).await, 1, "{verb}");
        let inbox = bank.inbox().await;
        let text = inbox[0]["text"].as_str().unwrap_or_default();
        assert!(text.contains(&number[number.len() - 4..]), "{text}");
        assert!(!text.contains(&number) && !text.contains("Everyday"), "{text}");
    }
}
