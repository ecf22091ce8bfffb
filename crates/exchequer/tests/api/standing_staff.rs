//! `/v1/staff/members`: the operators, and who of them may come in.

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use testkit::{Person, Reply, TestBank};

use crate::rows::{execute, texts};
use crate::sessions::post;

/// The operator's own id: a person of the testkit does not know it.
async fn id_of(admin: &Person, email: &str) -> String {
    let mut path = "/v1/staff/members".to_owned();
    loop {
        let page = admin.client.get(&path).await.expect(200).json();
        let members = page["data"].as_array().expect("a list");
        if let Some(member) = members.iter().find(|m| m["email"] == email) {
            return member["id"].as_str().expect("an id").to_owned();
        }
        let next = page["next_cursor"].as_str().unwrap_or_else(|| panic!("no {email}"));
        path = format!("/v1/staff/members?cursor={next}");
    }
}

async fn act(admin: &Person, member: &str, verb: &str) -> Reply {
    let path = format!("/v1/staff/members/{member}/{verb}");
    admin.client.post(&path, &json!({})).await
}

async fn log_in(bank: &TestBank, person: &Person, password: &str) -> Reply {
    let body = json!({ "email": person.email, "password": password });
    post(bank, "/v1/staff/login", &body).await
}

// PCI DSS 7.2.4: everybody with access is listed with role and status, for whoever reviews it.
#[tokio::test]
async fn members_are_listed_oldest_first_page_by_page() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let others = [Role::Teller, Role::Support, Role::Compliance];
    let mut emails = vec![admin.email.clone()];
    for role in others {
        emails.push(bank.operator(role).await.email);
    }
    let all = admin.client.get("/v1/staff/members").await.expect(200);
    let listed: Vec<String> = (0..4).map(|n| all.text(&format!("/data/{n}/email"))).collect();
    assert_eq!(listed, emails);
    assert_eq!(all.text("/data/1/role"), "teller");
    assert_eq!(all.text("/data/1/status"), "active");
    assert!(all.json()["next_cursor"].is_null());
    let first = admin.client.get("/v1/staff/members?limit=3").await.expect(200);
    assert_eq!(first.json()["data"].as_array().expect("a list").len(), 3);
    let next = format!("/v1/staff/members?limit=3&cursor={}", first.text("/next_cursor"));
    let second = admin.client.get(&next).await.expect(200);
    assert_eq!(second.text("/data/0/email"), emails[3]);
    assert!(second.json()["next_cursor"].is_null());
    for bad in ["limit=0", "limit=101"] {
        let reply = admin.client.get(&format!("/v1/staff/members?{bad}")).await;
        reply.refused(422, "invalid_fields");
    }
    let reply = admin.client.get("/v1/staff/members?cursor=x").await;
    reply.refused(400, "malformed_request");
}

// PCI DSS 8.2.5: whoever leaves is out at once, with every session and every sign-in that was begun.
// ASVS 8.3.2: access that is taken away is gone with the next request.
#[tokio::test]
async fn a_disabled_operator_is_out_at_once_and_stays_out() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let mut teller = bank.operator(Role::Teller).await;
    let id = id_of(&admin, &teller.email).await;
    let half = log_in(&bank, &teller, &teller.password).await.expect(200).text("/challenge/id");
    let search = "/v1/staff/customers?query=x@y.test";
    let _remembered = teller.client.get(search).await.expect(200);
    let done = act(&admin, &id, "disable").await.expect(200);
    assert_eq!(done.text("/status"), "disabled");
    teller.client.get(search).await.refused(401, "unauthenticated");
    let body = json!({ "refresh_token": teller.refresh_token });
    post(&bank, "/v1/auth/refresh", &body).await.refused(401, "invalid_refresh_token");
    log_in(&bank, &teller, &teller.password).await.refused(403, "account_disabled");
    log_in(&bank, &teller, "not it at all").await.refused(401, "invalid_credentials");
    bank.advance(30);
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    act(&admin, &id, "disable").await.refused(409, "already_disabled");
    assert_eq!(bank.inbox().await[0]["to"], teller.email.as_str());
    let enabled = act(&admin, &id, "enable").await;
    assert_eq!(bank.done(enabled, Role::Admin).await, id);
    act(&admin, &id, "enable").await.refused(409, "not_disabled");
    bank.sign_in_operator(&mut teller).await;
    let _found = teller.client.get(search).await.expect(200);
    let events = "SELECT action || ' ' || outcome FROM events WHERE action LIKE 'staff.%abl%' \
                  ORDER BY id";
    assert_eq!(
        texts(&bank, events).await,
        [
            "staff.disabled done",
            "staff.disable_refused already_disabled",
            "staff.enabled done",
            "staff.enable_refused not_disabled"
        ]
    );
}

#[tokio::test]
async fn nobody_disables_themselves_and_the_last_administrator_stays() {
    let bank = TestBank::new().await;
    let (first, second) = (bank.operator(Role::Admin).await, bank.operator(Role::Admin).await);
    let (one, two) = (id_of(&first, &first.email).await, id_of(&first, &second.email).await);
    act(&first, &one, "disable").await.refused(409, "own_access");
    let unknown = bank.unknown_id::<money::kind::Staff>();
    act(&first, &unknown, "disable").await.refused(404, "not_found");
    act(&first, &unknown, "enable").await.refused(404, "not_found");
    // The second is disabled elsewhere, and this node will notice within a second.
    let _remembered = second.client.get("/v1/staff/members").await.expect(200);
    let elsewhere = "UPDATE staff SET status = 1 WHERE id = \
                     (SELECT id FROM staff ORDER BY id DESC LIMIT 1)";
    assert_eq!(execute(&bank, elsewhere).await, 1);
    act(&second, &one, "disable").await.refused(409, "last_admin");
    let _still_in = first.client.get("/v1/staff/members").await.expect(200);
    let enabled = act(&first, &two, "enable").await;
    assert_eq!(bank.done(enabled, Role::Admin).await, two);
    let _done = act(&first, &two, "disable").await.expect(200);
}

#[tokio::test]
async fn of_two_administrators_who_disable_each_other_at_once_one_stays() {
    let bank = TestBank::new().await;
    for _ in 0..8 {
        let judge = bank.operator(Role::Admin).await;
        let pair = [bank.operator(Role::Admin).await, bank.operator(Role::Admin).await];
        let ids = [id_of(&judge, &pair[0].email).await, id_of(&judge, &pair[1].email).await];
        let judges = id_of(&judge, &judge.email).await;
        let _alone = act(&pair[0], &judges, "disable").await.expect(200);
        let replies =
            join_all([act(&pair[0], &ids[1], "disable"), act(&pair[1], &ids[0], "disable")]).await;
        let done = replies.iter().filter(|reply| reply.status.as_u16() == 200).count();
        assert_eq!(done, 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.status.as_u16() != 200) {
            let code = reply.code();
            assert!(["last_admin", "unauthenticated"].contains(&&*code), "{code}");
        }
        // The next round begins without administrators.
        assert!(execute(&bank, "UPDATE staff SET status = 1").await > 2);
    }
}
