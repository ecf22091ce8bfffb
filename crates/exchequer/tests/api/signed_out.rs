//! Sessions ended by others than who is in them: by the customer from another one, having shown that it is still them,
//! and by operators, for one customer, one operator, or everybody.

use exchequer::staff::model::Role;
use http::Method;
use serde_json::json;
use testkit::{Person, Reply, TestBank};

use crate::rows::{number, texts};
use crate::sessions::post;

async fn is_in(person: &Person) {
    let _me = person.client.get("/v1/me").await.expect(200);
}

async fn is_out(bank: &TestBank, person: &Person) {
    person.client.get("/v1/me").await.refused(401, "unauthenticated");
    let body = json!({ "refresh_token": person.refresh_token });
    post(bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
}

/// The path of the session that this one is not.
async fn other_session(person: &Person) -> String {
    let list = person.client.get("/v1/sessions").await.expect(200).json();
    let all = list["data"].as_array().expect("a list");
    let other = all.iter().find(|session| session["current"] == false).expect("another");
    format!("/v1/sessions/{}", other["id"].as_str().expect("an id"))
}

async fn end(operator: &Person, path: &str) -> Reply {
    operator.client.post(path, &json!({})).await
}

// ASVS 7.5.2: who has a factor sees all sessions, and ends another with that factor only.
#[tokio::test]
async fn another_session_ends_after_a_factor_was_shown_again() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let mut elsewhere = asha.clone();
    bank.sign_in_with_totp(&mut elsewhere).await;
    bank.advance(301);
    for person in [&mut asha, &mut elsewhere] {
        bank.refresh(person).await;
    }
    let path = other_session(&asha).await;
    let asked = asha.client.delete(&path).await;
    asked.refused(403, "step_up_required");
    asha.client.delete("/v1/sessions").await.refused(403, "step_up_required");
    is_in(&elsewhere).await;
    // The proof is for that session, and for no other act.
    let proof = bank.prove_asked(&asha, &asked).await;
    let refused = asha.client.delete_proved("/v1/sessions", &proof).await;
    refused.refused(403, "step_up_required");
    let _ended = asha.client.delete_proved(&path, &proof).await.expect(204);
    is_out(&bank, &elsewhere).await;
    is_in(&asha).await;
}

// ASVS 7.5.2: who has none shows the password again, unless the sign-in was just now.
#[tokio::test]
async fn all_sessions_end_after_the_password_was_shown_again() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let mut elsewhere = asha.clone();
    bank.sign_in(&mut elsewhere).await;
    for _ in 0..4 {
        bank.advance(250);
        for person in [&mut asha, &mut elsewhere] {
            bank.refresh(person).await;
        }
    }
    let asked = asha.client.delete("/v1/sessions").await;
    is_in(&elsewhere).await;
    let proof = bank.prove_by_password(&asha, &asked).await;
    let _ended = asha.client.delete_proved("/v1/sessions", &proof).await.expect(204);
    for person in [&asha, &elsewhere] {
        is_out(&bank, person).await;
    }
    bank.sign_in(&mut asha).await;
    bank.sign_in(&mut elsewhere).await;
    let path = other_session(&asha).await;
    let _ended = asha.client.delete(&path).await.expect(204);
    is_out(&bank, &elsewhere).await;
}

#[tokio::test]
async fn ones_own_session_ends_without_a_question() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(301);
    bank.refresh(&mut asha).await;
    let id = asha.client.get("/v1/sessions").await.expect(200).text("/data/0/id");
    let _ended = asha.client.delete(&format!("/v1/sessions/{id}")).await.expect(204);
    is_out(&bank, &asha).await;
}

// ASVS 7.4.5: an operator ends all sessions of one customer, who is told and may come in again.
#[tokio::test]
async fn an_operator_signs_a_customer_out_everywhere() {
    let bank = TestBank::new().await;
    let (mut asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let mut elsewhere = asha.clone();
    bank.sign_in(&mut elsewhere).await;
    let path = format!("/v1/staff/customers/{}/sign_out", asha.id);
    let teller = bank.operator(Role::Teller).await;
    end(&teller, &path).await.refused(403, "forbidden");
    let support = bank.operator(Role::Support).await;
    let unknown = bank.unknown_id::<money::kind::Customer>();
    let nobody = format!("/v1/staff/customers/{unknown}/sign_out");
    end(&support, &nobody).await.refused(404, "not_found");
    is_in(&asha).await;
    let key = testkit::key();
    let ended = support.client.post_with_key(&path, &key, &json!({})).await.expect(200);
    assert_eq!(ended.int("/sessions_ended"), 2);
    for person in [&asha, &elsewhere] {
        is_out(&bank, person).await;
    }
    is_in(&bela).await;
    bank.sign_in(&mut asha).await;
    // The same request again is the same act, and ends nothing more.
    let again = support.client.post_with_key(&path, &key, &json!({})).await.expect(200);
    assert_eq!(again.body, ended.body);
    is_in(&asha).await;
    let told = |m: &&serde_json::Value| m["purpose"] == "customer_signed_out";
    assert_eq!(bank.inbox().await.iter().filter(told).count(), 1);
    let events = "SELECT after FROM events WHERE action = 'customer.signed_out'";
    assert_eq!(texts(&bank, events).await, [r#"{"sessions_ended":2}"#]);
}

// ASVS 7.4.5: and of one operator, who is told, too.
#[tokio::test]
async fn an_administrator_signs_an_operator_out_everywhere() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let mut teller = bank.operator(Role::Teller).await;
    let list = admin.client.get("/v1/staff/members").await.expect(200).json();
    let members = list["data"].as_array().expect("a list");
    let member = members.iter().find(|m| m["email"] == teller.email.as_str()).expect("listed");
    let path = format!("/v1/staff/members/{}/sign_out", member["id"].as_str().expect("an id"));
    end(&teller, &path).await.refused(403, "forbidden");
    let ended = end(&admin, &path).await.expect(200);
    assert_eq!(ended.int("/sessions_ended"), 1);
    let reply = teller.client.get("/v1/staff/customers?query=x@example.test").await;
    reply.refused(401, "unauthenticated");
    let told = |m: &&serde_json::Value| m["purpose"] == "operator_signed_out";
    assert_eq!(bank.inbox().await.iter().filter(told).count(), 1);
    bank.sign_in_operator(&mut teller).await;
}

// ASVS 7.4.5: for everybody at once, customers and operators, browsers too; on another node within a second.
#[tokio::test]
async fn an_administrator_signs_everybody_out() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let teller = bank.operator(Role::Teller).await;
    let mut people = Vec::new();
    for name in ["Asha", "Bela", "Chandra"] {
        people.push(bank.customer(name).await);
    }
    let browser = crate::sessions_web::sign_in(&bank, &people[2]).await;
    let there = bank.other_node().await.with_token(people[0].client.token().expect("a token"));
    let _remembered = there.get("/v1/me").await.expect(200);
    for person in &people {
        is_in(person).await;
    }
    end(&teller, "/v1/staff/sessions/end").await.refused(403, "forbidden");
    let ended = end(&admin, "/v1/staff/sessions/end").await.expect(200);
    // Three customers, a browser, the teller.
    assert_eq!(ended.int("/sessions_ended"), 5);
    for person in &people {
        is_out(&bank, person).await;
    }
    let line = (Method::GET, "/v1/web/session");
    let cookie = [("cookie", &*browser.cookie)];
    let reply = crate::sessions_web::ask(&bank, line, &cookie, &json!(null)).await;
    reply.refused(401, "unauthenticated");
    let reply = teller.client.get("/v1/staff/customers?query=x@example.test").await;
    reply.refused(401, "unauthenticated");
    bank.advance(1);
    there.get("/v1/me").await.refused(401, "unauthenticated");
    // Who did it sees what was done.
    let _members = admin.client.get("/v1/staff/members").await.expect(200);
    let live = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(number(&bank, live).await, 1);
    for person in &mut people {
        bank.sign_in(person).await;
    }
}
