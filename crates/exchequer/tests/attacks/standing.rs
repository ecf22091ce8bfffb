//! Getting in past a lock or a disabled access, or using one to keep somebody else out.

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use testkit::{Client, Person, Reply, TestBank};

use crate::scene::{post, sql};

async fn act(operator: &Person, customer: &str, verb: &str) -> Reply {
    let path = format!("/v1/staff/customers/{customer}/{verb}");
    operator.client.post(&path, &json!({})).await
}

async fn log_in(bank: &TestBank, person: &Person) -> Reply {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/auth/login", &body).await
}

async fn is_out(client: &Client) {
    client.get("/v1/me").await.refused(401, "unauthenticated");
}

/// Every way by which somebody gets a token, one after the other, for a customer who is shut out.
#[tokio::test]
async fn no_way_to_a_token_passes_a_lock_or_a_disabled_access() {
    for verb in ["lock", "disable"] {
        let bank = TestBank::new().await;
        let officer = bank.operator(Role::Compliance).await;
        let asha = bank.customer("Asha").await;
        bank.confirm_email(&asha).await;
        let mut key = bank.enrol_webauthn(&asha, "passkey").await;
        let half = log_in(&bank, &asha).await.expect(200).json();
        assert_eq!(half["status"], "mfa_required");
        let forgot = json!({ "email": asha.email });
        let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
        let token = bank.mailed_token(&asha.email, "password_reset").await;
        let asked = post(&bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
        let _done = act(&officer, &asha.id, verb).await.expect(200);

        is_out(&asha.client).await;
        let refresh = json!({ "refresh_token": asha.refresh_token });
        let refused = post(&bank, "/v1/auth/refresh", &refresh).await;
        refused.refused(401, "invalid_refresh_token");
        log_in(&bank, &asha).await.refused(403, "account_disabled");
        let body = json!({ "email": asha.email, "password": asha.password });
        let web = post(&bank, "/v1/web/session", &body).await;
        web.refused(403, "account_disabled");
        assert!(web.header("set-cookie").is_none());
        for challenge in [&half["challenge"], &asked["challenge"]] {
            bank.verify_with(challenge, &mut key).await.refused(401, "invalid_code");
        }
        let reset = json!({ "token": token, "new_password": "another long and quiet sentence" });
        let refused = post(&bank, "/v1/auth/password/reset", &reset).await;
        refused.refused(401, "invalid_reset_token");
        let before = bank.inbox().await.len();
        let _told = post(&bank, "/v1/auth/password/forgot", &forgot).await.expect(202);
        assert_eq!(bank.inbox().await.len(), before, "no token is sent");

        // What was begun before is not finished after it is lifted either.
        let lifted = if verb == "lock" { "unlock" } else { "enable" };
        let lifted = act(&officer, &asha.id, lifted).await;
        let _done = bank.done(lifted, Role::Compliance).await;
        bank.verify_with(&half["challenge"], &mut key).await.refused(401, "invalid_code");
        let refused = post(&bank, "/v1/auth/password/reset", &reset).await;
        refused.refused(401, "invalid_reset_token");
        is_out(&asha.client).await;
        let half = log_in(&bank, &asha).await.expect(200).json();
        let _in = bank.verify_with(&half["challenge"], &mut key).await.expect(200);
    }
}

#[tokio::test]
async fn another_node_serves_a_locked_customer_for_less_than_a_second() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Support).await;
    let asha = bank.customer("Asha").await;
    let elsewhere = bank.other_node().await.with_token(asha.client.token().expect("a token"));
    let _remembered = elsewhere.get("/v1/me").await.expect(200);
    let _done = act(&officer, &asha.id, "lock").await.expect(200);
    is_out(&asha.client).await;
    bank.advance(1);
    is_out(&elsewhere).await;
    let body = json!({ "email": asha.email, "password": asha.password }).to_string();
    let refused = bank.other_node().await.post_raw("/v1/auth/login", None, body.into_bytes()).await;
    refused.refused(403, "account_disabled");
}

#[tokio::test]
async fn another_node_serves_the_sessions_of_an_old_password_for_less_than_a_second() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let elsewhere = bank.other_node().await.with_token(asha.client.token().expect("a token"));
    let _remembered = elsewhere.get("/v1/me").await.expect(200);
    let body = json!({
        "current_password": asha.password, "new_password": "another long and quiet sentence"
    });
    let body = body.to_string().into_bytes();
    let _done = asha.client.post_raw("/v1/password", None, body).await.expect(204);
    is_out(&asha.client).await;
    bank.advance(1);
    is_out(&elsewhere).await;
}

#[tokio::test]
async fn no_sign_in_slips_through_a_lock() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    for _ in 0..8 {
        let sign_ins = join_all((0..6).map(|_| log_in(&bank, &asha)));
        let (locked, sign_ins) = tokio::join!(act(&officer, &asha.id, "lock"), sign_ins);
        let _locked = locked.expect(200);
        for reply in &sign_ins {
            if reply.status.as_u16() == 200 {
                is_out(&bank.client().with_token(&reply.text("/access_token"))).await;
            } else {
                reply.refused(403, "account_disabled");
            }
        }
        let open = act(&officer, &asha.id, "unlock").await;
        let _open = bank.done(open, Role::Compliance).await;
    }
}

#[tokio::test]
async fn of_many_locks_at_once_one_is_done() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    let replies = join_all((0..12).map(|_| act(&officer, &asha.id, "lock"))).await;
    let done = replies.iter().filter(|reply| reply.status.as_u16() == 200).count();
    assert_eq!(done, 1, "{replies:?}");
    for reply in replies.iter().filter(|reply| reply.status.as_u16() != 200) {
        reply.refused(409, "already_locked");
    }
    let told = bank.inbox().await;
    assert_eq!(told.iter().filter(|mail| mail["purpose"] == "customer_locked").count(), 1);
}

/// Guessing is answered by a lock of tries, right or wrong, before anything is said of the customer.
#[tokio::test]
async fn whether_a_guess_was_right_hides_behind_the_lock_of_tries_for_a_disabled_customer_too() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    assert_eq!(sql(&bank, "UPDATE customers SET status = 1").await, 1);
    let wrong = json!({ "email": asha.email, "password": "not the right passphrase" });
    for _ in 0..5 {
        post(&bank, "/v1/auth/login", &wrong).await.refused(401, "invalid_credentials");
    }
    log_in(&bank, &asha).await.refused(429, "locked_out");
    post(&bank, "/v1/auth/login", &wrong).await.refused(429, "locked_out");
}

/// A lock of one is nobody else's.
#[tokio::test]
async fn a_lock_touches_its_customer_alone() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Support).await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let _done = act(&officer, &asha.id, "lock").await.expect(200);
    let _me = bela.client.get("/v1/me").await.expect(200);
    let _in = log_in(&bank, &bela).await.expect(200);
    let _officer = officer.client.get("/v1/staff/customers?query=x@y.test").await.expect(200);
}
