//! Authorisation, enumerated: every route that is not public refuses everybody it should.

use exchequer::http::routes::Access;
use exchequer::http::{self as edge};
use exchequer::staff::model::{Permission, Role};
use http::Method;
use money::kind::{Account, Challenge, Hold, Session, Transfer};
use serde_json::json;
use testkit::{Client, Person, Reply, TestBank};

use crate::transfers::Pair;

struct Line {
    method: Method,
    path: &'static str,
    access: Access,
    once: bool,
}

fn lines() -> Vec<Line> {
    edge::routes()
        .table()
        .map(|r| Line { method: r.method.clone(), path: r.path, access: r.access, once: r.once })
        .collect()
}

/// The route's path with an id that nobody has.
fn concrete(bank: &TestBank, path: &str) -> String {
    let id = match path {
        p if p.contains("/accounts/") => bank.unknown_id::<Account>(),
        p if p.contains("/transfers/") => bank.unknown_id::<Transfer>(),
        p if p.contains("/holds/") => bank.unknown_id::<Hold>(),
        p if p.contains("/sessions/") => bank.unknown_id::<Session>(),
        p if p.contains("/challenges/") => bank.unknown_id::<Challenge>(),
        p => {
            assert!(!p.contains('{'), "teach the test the ids of {p}");
            String::new()
        }
    };
    path.replace("{id}", &id)
}

async fn call(client: &Client, line: &Line, path: &str) -> Reply {
    let mut request = client.request(line.method.clone(), path);
    if line.once {
        request = request.header("idempotency-key", testkit::key());
    }
    if line.method == Method::POST {
        request = request.header("content-type", "application/json");
    }
    let body = if line.method == Method::POST { "{}" } else { "" };
    client.send(request.body(axum::body::Body::from(body)).expect("a request")).await
}

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

#[tokio::test]
async fn no_route_serves_a_session_that_has_ended() {
    let p = Pair::new().await;
    let logout = |person: &Person, path: &'static str| {
        let client = person.client.clone();
        async move { client.post_raw(path, None, Vec::new()).await.expect(204) }
    };
    let _asha = logout(&p.asha, "/v1/auth/logout").await;
    let _teller = logout(&p.teller, "/v1/staff/logout").await;
    for line in &lines() {
        let client = match line.access {
            Access::Public(_) => continue,
            Access::Customer => &p.asha.client,
            Access::Staff(_) => &p.teller.client,
        };
        let path = concrete(&p.bank, line.path);
        call(client, line, &path).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn customers_and_operators_do_not_take_each_others_routes() {
    let p = Pair::new().await;
    for line in &lines() {
        let client = match line.access {
            Access::Public(_) => continue,
            Access::Customer => &p.teller.client,
            Access::Staff(_) => &p.asha.client,
        };
        let path = concrete(&p.bank, line.path);
        call(client, line, &path).await.refused(403, "wrong_caller");
    }
}

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

/// Not yours is not there: a stranger's id and an unknown one get the same status and body.
#[tokio::test]
async fn anothers_ids_are_unknown_ids() {
    let p = Pair::new().await;
    let hold = p.asha.client.post("/v1/holds", &p.order(10)).await.expect(201).text("/id");
    let sent = p.asha.client.post("/v1/transfers", &p.order(10)).await.expect(201).text("/id");
    let sessions = p.asha.client.get("/v1/sessions").await.expect(200);
    let session = sessions.text("/data/0/id");
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
            path => panic!("teach the test the ids of {path}"),
        };
        let strange = call(&mallory.client, line, &line.path.replace("{id}", theirs)).await;
        let unknown = call(&mallory.client, line, &concrete(&p.bank, line.path)).await;
        assert_eq!(strange.status.as_u16(), 404, "{} {}", line.method, line.path);
        assert_eq!(stripped(strange), stripped(unknown), "{} {}", line.method, line.path);
    }
    // And nothing of it had an effect.
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [9_990, 10, 9_980]);
    let _alive = p.asha.client.get("/v1/accounts").await.expect(200);
    let order = json!({ "from": p.from, "to": p.to, "amount": 1, "currency": "INR" });
    mallory.client.post("/v1/transfers", &order).await.refused(422, "account_not_found");
}
