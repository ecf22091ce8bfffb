//! Authorisation, enumerated: every route that is not public refuses everybody it should, whatever is
//! wrong: nobody, a session that has ended or expired, half a sign-in, a key not proved, a cookie from
//! elsewhere, another kind of caller, a role without the permission. What is no second factor for a route that wants one
//! is in `authorisation_factors.rs`.

use exchequer::http::routes::Access;
use exchequer::http::{self as edge, Code};
use exchequer::staff::model::{Permission, Role};
use http::Method;
use money::kind::{
    Account, Approval, Beneficiary, Card, Challenge, Customer, Difference, Factor, Hold, Key,
    Merchant, Payment, Session, Staff, Transfer, Webhook,
};
use serde_json::json;
use testkit::{Client, Device, Person, Reply, TestBank};

use crate::sessions_dpop::{claims, log_in_with, post_with};
use crate::sessions_web::sign_in;
use crate::transfers::Pair;

pub(crate) struct Line {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    access: Access,
    once: bool,
    pub(crate) needs_step_up: bool,
}

pub(crate) fn lines() -> Vec<Line> {
    edge::routes()
        .table()
        .map(|r| Line {
            method: r.method.clone(),
            path: r.path,
            access: r.access,
            once: r.once,
            needs_step_up: r.codes.contains(&Code::StepUpRequired),
        })
        .collect()
}

/// The route's path with an id that nobody has.
pub(crate) fn concrete(bank: &TestBank, path: &str) -> String {
    let id = match path {
        p if p.contains("/accounts/") => bank.unknown_id::<Account>(),
        p if p.contains("/transfers/") => bank.unknown_id::<Transfer>(),
        p if p.contains("/holds/") => bank.unknown_id::<Hold>(),
        p if p.contains("/customers/") => bank.unknown_id::<Customer>(),
        p if p.contains("/members/") => bank.unknown_id::<Staff>(),
        p if p.contains("/differences/") => bank.unknown_id::<Difference>(),
        p if p.contains("/approvals/") => bank.unknown_id::<Approval>(),
        p if p.contains("/sessions/") => bank.unknown_id::<Session>(),
        p if p.contains("/challenges/") => bank.unknown_id::<Challenge>(),
        p if p.contains("/factors/") => bank.unknown_id::<Factor>(),
        p if p.contains("/beneficiaries/") => bank.unknown_id::<Beneficiary>(),
        p if p.contains("/cards/") => bank.unknown_id::<Card>(),
        p if p.contains("/payments/") => bank.unknown_id::<Payment>(),
        p if p.contains("/merchants/") => bank.unknown_id::<Merchant>(),
        p if p.contains("/log/") => bank.unknown_id::<Transfer>(),
        p if p.contains("/merchant_keys/") => bank.unknown_id::<Key>(),
        p if p.contains("/webhook_endpoints/") => bank.unknown_id::<Webhook>(),
        p if p.contains("/limits/{currency}") || p.contains("/alerts/{currency}") => {
            return p.replace("{currency}", "INR");
        }
        p => {
            assert!(!p.contains('{'), "teach the test the ids of {p}");
            String::new()
        }
    };
    path.replace("{id}", &id)
}

pub(crate) async fn call(client: &Client, line: &Line, path: &str) -> Reply {
    call_with(client, line, path, (&[], "{}")).await
}

/// With more headers, and a body where the method has one.
pub(crate) async fn call_with(
    client: &Client,
    line: &Line,
    path: &str,
    (headers, body): (&[(&str, &str)], &str),
) -> Reply {
    let mut request = client.request(line.method.clone(), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if line.once {
        request = request.header("idempotency-key", testkit::key());
    }
    let has_body = line.method == Method::POST || line.method == Method::PUT;
    if has_body {
        request = request.header("content-type", "application/json");
    }
    let body = if has_body { body.to_owned() } else { String::new() };
    client.send(request.body(axum::body::Body::from(body)).expect("a request")).await
}

// PCI DSS 7.3.3, 8.3.1: every route is closed but those on the list of public ones.
#[tokio::test]
async fn no_route_serves_a_stranger() {
    let bank = TestBank::new().await;
    let forged = bank.client().with_token("eyJhbGciOiJFZERTQSJ9.e30.AAAA");
    for line in lines().iter().filter(|l| !matches!(l.access, Access::Public(_))) {
        let path = concrete(&bank, line.path);
        for client in [&bank.client(), &forged] {
            call(client, line, &path).await.refused(401, "unauthenticated");
        }
    }
}

/// ASVS 7.2.1: whether a session lives is the bank's to say, on every route: its token is still signed and in time.
#[tokio::test]
async fn no_route_serves_a_session_that_has_ended() {
    let p = Pair::new().await;
    let logout = |person: &Person, path: &'static str| {
        let client = person.client.clone();
        async move { client.post_raw(path, None, Vec::new()).await.expect(204) }
    };
    let _asha = logout(&p.asha, "/v1/auth/logout").await;
    let _teller = logout(&p.teller, "/v1/staff/logout").await;
    nobody_is_served(&p).await;
}

/// Every route of somebody signed in takes the two for strangers.
async fn nobody_is_served(p: &Pair) {
    for line in &lines() {
        let client = match line.access {
            Access::Public(_) | Access::Merchant => continue,
            Access::Customer => &p.asha.client,
            Access::Staff(_) => &p.teller.client,
        };
        let path = concrete(&p.bank, line.path);
        call(client, line, &path).await.refused(401, "unauthenticated");
    }
}

/// ASVS 9.2.1: a token serves within its time only.
#[tokio::test]
async fn no_route_serves_a_token_that_has_expired() {
    let p = Pair::new().await;
    p.bank.advance(300);
    nobody_is_served(&p).await;
}

/// ASVS 6.3.3: half a sign-in is none, whatever of it is shown as a token.
#[tokio::test]
async fn no_route_serves_who_has_shown_one_factor_of_two() {
    let mut p = Pair::new().await;
    p.bank.enrol_totp(&mut p.asha).await;
    let body = json!({ "email": p.asha.email, "password": p.asha.password });
    let half = crate::sessions::post(&p.bank, "/v1/auth/login", &body).await.expect(200);
    assert_eq!(half.text("/status"), "mfa_required");
    let body = json!({ "email": p.teller.email, "password": p.teller.password });
    let staff = crate::sessions::post(&p.bank, "/v1/staff/login", &body).await.expect(200);
    for line in lines().iter().filter(|l| !matches!(l.access, Access::Public(_))) {
        let path = concrete(&p.bank, line.path);
        for challenge in [half.text("/challenge/id"), staff.text("/challenge/id")] {
            let client = p.bank.client().with_token(&challenge);
            call(&client, line, &path).await.refused(401, "unauthenticated");
            let cookie = format!("exchequer={challenge}");
            let headers = [("cookie", &*cookie)];
            let reply = call_with(&p.bank.client(), line, &path, (&headers, "{}")).await;
            reply.refused(401, "unauthenticated");
        }
    }
}

/// A session that is bound to a key, of each kind of caller.
#[tokio::test]
async fn no_route_serves_a_bound_token_without_its_proof() {
    let p = Pair::new().await;
    let device = Device::ed_dsa();
    let customer = log_in_with(&p.bank, &p.asha, &device).await.expect(200);
    let body = json!({ "email": p.teller.email, "password": p.teller.password });
    let half = crate::sessions::post(&p.bank, "/v1/staff/login", &body).await.expect(200);
    p.bank.advance(30);
    let path = format!("/v1/auth/challenges/{}/verify", half.text("/challenge/id"));
    let answer = json!({ "method": "totp", "code": p.bank.totp_code(&p.teller) });
    let proof = device.proof(&claims(&p.bank, "POST", &path));
    let staff = post_with(&p.bank, &path, &answer, &proof).await.expect(200);
    for line in &lines() {
        let token = match line.access {
            Access::Public(_) | Access::Merchant => continue,
            Access::Customer => customer.text("/access_token"),
            Access::Staff(_) => staff.text("/access_token"),
        };
        let path = concrete(&p.bank, line.path);
        let bearer = p.bank.client().with_token(&token);
        call(&bearer, line, &path).await.refused(401, "invalid_dpop_proof");
        let dpop = format!("DPoP {token}");
        let headers = [("authorization", &*dpop)];
        let reply = call_with(&p.bank.client(), line, &path, (&headers, "{}")).await;
        reply.refused(401, "invalid_dpop_proof");
    }
}

/// ASVS 3.5.1: nothing is changed with a cookie alone; and never beside a token.
#[tokio::test]
async fn no_route_serves_a_cookie_from_elsewhere_without_its_token_or_beside_another() {
    let p = Pair::new().await;
    let browser = sign_in(&p.bank, &p.asha).await;
    let cookie = ("cookie", &*browser.cookie);
    let csrf = ("x-csrf-token", &*browser.csrf);
    for line in lines().iter().filter(|l| !matches!(l.access, Access::Public(_) | Access::Merchant))
    {
        let path = concrete(&p.bank, line.path);
        let client = p.bank.client();
        if line.method != Method::GET {
            let reply = call_with(&client, line, &path, (&[cookie], "{}")).await;
            reply.refused(403, "cross_site_refused");
        }
        let elsewhere = [cookie, csrf, ("origin", "https://evil.test")];
        let reply = call_with(&client, line, &path, (&elsewhere, "{}")).await;
        reply.refused(403, "cross_site_refused");
        let reply = call_with(&p.asha.client, line, &path, (&[cookie, csrf], "{}")).await;
        reply.refused(400, "two_credentials");
    }
}

#[tokio::test]
async fn customers_and_operators_do_not_take_each_others_routes() {
    let p = Pair::new().await;
    for line in &lines() {
        let client = match line.access {
            Access::Public(_) => continue,
            // Who does not sign is nobody there.
            Access::Merchant => {
                for client in [&p.asha.client, &p.teller.client] {
                    let path = concrete(&p.bank, line.path);
                    call(client, line, &path).await.refused(401, "unauthenticated");
                }
                continue;
            }
            Access::Customer => &p.teller.client,
            Access::Staff(_) => &p.asha.client,
        };
        let path = concrete(&p.bank, line.path);
        call(client, line, &path).await.refused(403, "wrong_caller");
    }
}

// ASVS 8.2.1, 8.3.1: each route asks for its permission, for every role.
#[tokio::test]
async fn an_operator_without_the_permission_is_refused_and_noted() {
    let bank = TestBank::new().await;
    for role in Role::ALL {
        let operator = bank.operator(role).await;
        for line in &lines() {
            let Access::Staff(permission) = line.access else { continue };
            if line.path.ends_with("/logout") {
                continue; // it would end the session that the other routes need
            }
            let path = concrete(&bank, line.path);
            let reply = call(&operator.client, line, &path).await;
            if role.permits(permission) {
                assert_ne!(reply.code(), "forbidden", "{} {} {role:?}", line.method, line.path);
            } else {
                reply.refused(403, "forbidden");
            }
        }
    }
    let auditor = bank.operator(Role::Compliance).await;
    let events = auditor.client.get("/v1/staff/events?action=access.refused").await.expect(200);
    assert!(!events.json()["data"].as_array().expect("a list").is_empty());
}

#[tokio::test]
async fn every_permission_is_somebodys_and_nobody_has_all_but_admin() {
    for permission in Permission::ALL {
        assert!(Role::ALL.iter().any(|role| role.permits(permission)), "{permission:?}");
    }
    for role in Role::ALL {
        let all = Permission::ALL.iter().all(|p| role.permits(*p));
        assert!(!all || role == Role::Admin, "{role:?} may do everything");
    }
}

/// A body that the route could take, so that only the id can be wrong.
fn anything(path: &str) -> &'static str {
    match path {
        path if path.ends_with("/confirm") => r#"{"code":"123456"}"#,
        path if path.ends_with("/rename") => r#"{"name":"Telephone"}"#,
        _ => "{}",
    }
}

// ASVS 8.2.2: on every route with an id, another's is one that does not exist.
/// Not yours is not there: a stranger's id and an unknown one get the same status and body.
#[tokio::test]
async fn anothers_ids_are_unknown_ids() {
    let p = Pair::new().await;
    let hold = p.asha.client.post("/v1/holds", &p.order(10)).await.expect(201).text("/id");
    let sent = p.asha.client.post("/v1/transfers", &p.order(10)).await.expect(201).text("/id");
    let sessions = p.asha.client.get("/v1/sessions").await.expect(200);
    let session = sessions.text("/data/0/id");
    let payee = json!({ "account": p.to, "name": "Bela" });
    let payee = p.asha.client.post("/v1/beneficiaries", &payee).await.expect(201).text("/id");
    let factor = p.asha.client.post("/v1/factors/totp", &json!({})).await.expect(201).text("/id");
    let mallory = p.bank.customer("Mallory").await;
    let stripped = |reply: Reply| {
        let mut json = reply.json();
        json.as_object_mut().expect("an object").remove("request_id");
        (reply.status, json)
    };
    for line in lines().iter().filter(|l| l.access == Access::Customer && l.path.contains('{')) {
        let theirs = match line.path {
            path if path.contains("/accounts/") => &p.from,
            path if path.contains("/transfers/") => &sent,
            path if path.contains("/holds/") => &hold,
            path if path.contains("/sessions/") => &session,
            path if path.contains("/factors/") => &factor,
            path if path.contains("/beneficiaries/") => &payee,
            path if path.contains("{currency}") => continue, // nobody's in particular
            path => panic!("teach the test the ids of {path}"),
        };
        let body = anything(line.path);
        let theirs = line.path.replace("{id}", theirs);
        let strange = call_with(&mallory.client, line, &theirs, (&[], body)).await;
        let unknown = concrete(&p.bank, line.path);
        let unknown = call_with(&mallory.client, line, &unknown, (&[], body)).await;
        assert_eq!(strange.status.as_u16(), 404, "{} {}", line.method, line.path);
        assert_eq!(stripped(strange), stripped(unknown), "{} {}", line.method, line.path);
    }
    // And nothing of it had an effect.
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_990, 10, 9_980]);
    let _alive = p.asha.client.get("/v1/accounts").await.expect(200);
    let order = json!({ "from": p.from, "to": p.to, "amount": 1, "currency": "INR" });
    mallory.client.post("/v1/transfers", &order).await.refused(422, "account_not_found");
}
