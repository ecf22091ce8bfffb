//! What every answer says of itself. `testkit::answers` looks at each answer of every test over HTTP and fails the test;
//! here every route is asked by everybody, so that none is forgotten.

use exchequer::staff::model::Role;
use http::Method;

use crate::authorisation::{call, concrete, lines};
use crate::transfers::Pair;

// ASVS 4.2.2: an answer is as long as it says, and one without a body says no length. ASVS 13.4.6: no answer names what
// the bank is made of with a version.
#[tokio::test]
async fn every_route_answers_as_long_as_it_says_and_names_no_version() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let (mut asked, mut served) = (0, 0);
    for line in &lines() {
        if line.path.ends_with("/logout") {
            continue; // asked below: the others need the session
        }
        let path = concrete(&p.bank, line.path);
        for client in [&p.bank.client(), &p.asha.client, &admin.client] {
            let reply = call(client, line, &path).await;
            asked += 1;
            served += u32::from(reply.status.is_success());
        }
    }
    assert!(asked > 300 && served > 40, "{served} of {asked} were answered with success");
    // An operator may end all sessions, and just did.
    let dan = p.bank.customer("Dan").await;
    let out = dan.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    assert!(out.body.is_empty() && out.header("content-length").is_none_or(|said| said == "0"));
}

#[tokio::test]
async fn the_answer_to_head_says_what_get_would_bring_and_brings_nothing() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let mut compared = 0;
    for line in lines().iter().filter(|line| line.method == Method::GET) {
        let path = concrete(&p.bank, line.path);
        for client in [&p.bank.client(), &p.asha.client, &admin.client] {
            let got = call(client, line, &path).await;
            let request = client.request(Method::HEAD, &path);
            let head =
                client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
            assert_eq!(head.status, got.status, "{path}");
            assert!(head.body.is_empty(), "{path}: {} bytes", head.body.len());
            // Of an answer that changes from one moment to the next the two cannot be compared.
            let again = call(client, line, &path).await;
            if again.body.len() == got.body.len() {
                assert_eq!(head.header("content-length"), got.header("content-length"), "{path}");
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "only {compared} were compared");
}

// ASVS 13.4.6: nor does an answer to what failed here.
#[tokio::test]
async fn a_failure_names_no_version() {
    let p = Pair::new().await;
    p.bank.bank().db().faults().fail_at("system.ready", 1);
    let reply = p.bank.client().get("/readyz").await;
    assert_eq!(reply.code(), "unavailable");
    p.bank.bank().db().faults().fail_at("transfers.post", 1);
    let reply = p.asha.client.post("/v1/transfers", &p.order(1)).await;
    assert!(reply.status.is_server_error(), "{reply:?}");
}
