//! Hostile input everywhere: naughty strings, odd paths, headers and methods.

use http::Method;
use serde_json::{Value, json};
use testkit::TestBank;

use crate::transfers::Pair;

/// Some that every run has; with `EXCHEQUER_REFS` the whole list of naughty strings besides.
fn naughty() -> Vec<String> {
    let mut strings: Vec<String> = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "\t",
        "\u{200b}",
        "\u{202e}txt",
        "'; DROP TABLE accounts; --",
        "<script>alert(1)</script>",
        "=cmd()",
        "%00",
        "%s%n",
        "\u{feff}",
        "\u{1F468}\u{200D}\u{1F469}",
        "ﷺ",
        "null",
        "undefined",
        "../../etc/passwd",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "\\u0000",
        "\u{7f}",
    ]
    .map(str::to_owned)
    .to_vec();
    strings.push("x".repeat(10_000));
    if let Ok(refs) = std::env::var("EXCHEQUER_REFS") {
        let file = std::path::Path::new(&refs).join("blns.json");
        let text = std::fs::read_to_string(file).expect("the naughty strings");
        strings.extend(serde_json::from_str::<Vec<String>>(&text).expect("a list of strings"));
    }
    strings
}

// ASVS 1.2.3, 1.3.7: whatever stands in a text, it comes back in JSON as that text: no quote ends it, no template is
// filled in.
#[tokio::test]
async fn a_text_is_refused_or_given_back_unchanged() {
    let p = Pair::new().await;
    for text in naughty() {
        let mut order = p.order(1);
        order["memo"] = json!(text);
        let reply = p.asha.client.post("/v1/transfers", &order).await;
        if reply.status == 201 {
            assert_eq!(reply.text("/memo"), text);
            let path = format!("/v1/accounts/{}/entries?limit=1", p.from);
            let entries = p.asha.client.get(&path).await.expect(200);
            assert_eq!(entries.text("/data/0/memo"), text);
        } else {
            reply.refused(422, "invalid_fields");
        }
        let account = json!({ "currency": "INR", "name": text });
        let reply = p.bela.client.post("/v1/accounts", &account).await;
        if reply.status == 201 {
            assert_eq!(reply.text("/name"), text);
        } else if reply.code() != "too_many_accounts" {
            reply.refused(422, "invalid_fields");
        }
    }
}

#[tokio::test]
async fn every_field_of_registration_and_sign_in_takes_any_string() {
    let bank = TestBank::new().await;
    for (n, text) in naughty().into_iter().enumerate().step_by(7) {
        for field in ["email", "password", "full_name", "phone", "government_id"] {
            let mut body = json!({
                "email": format!("n{n}@example.test"), "full_name": "N",
                "password": "a passphrase that is long enough",
            });
            body[field] = json!(text);
            let reply = bank.client().post("/v1/customers", &body).await;
            assert!(reply.status == 201 || reply.status == 422, "{field} {text:?}: {reply:?}");
            if reply.status == 201 && field == "full_name" {
                assert_eq!(reply.text("/full_name"), text);
            }
        }
        let body = json!({ "email": text, "password": text }).to_string().into_bytes();
        let reply = bank.client().post_raw("/v1/auth/login", None, body).await;
        assert!(reply.status.is_client_error(), "{reply:?}");
    }
}

// ASVS 1.1.1, 1.2.4: a path is decoded once and is then an id or nothing; SQL and dots in it are no id.
#[tokio::test]
async fn ids_and_paths_of_any_shape_name_nothing() {
    let p = Pair::new().await;
    let ids = [
        "x",
        "acc_",
        "acc_0",
        "ACC_01",
        "trf_00000000000000000000000000",
        "%00",
        "%ff",
        "..",
        "%2e%2e",
        "acc_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "'",
        "1%20OR%201=1",
    ];
    for id in ids {
        for path in ["accounts", "transfers", "holds"] {
            let reply = p.asha.client.get(&format!("/v1/{path}/{id}")).await;
            assert_eq!(reply.status.as_u16(), 404, "{path}/{id}");
            reply.refused(404, "not_found");
        }
    }
    for path in
        ["/nothing", "/v1", "/v1/", "//", "/v1/accounts/", "/V1/accounts", "/v1/transfers/a/b/c"]
    {
        p.asha.client.get(path).await.refused(404, "not_found");
    }
}

// ASVS 4.1.4, 13.4.4: a path takes its own methods, and TRACE is none of any.
#[tokio::test]
async fn another_method_is_told_which_are_taken() {
    let p = Pair::new().await;
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE, Method::OPTIONS] {
        let request = p.asha.client.request(method.clone(), "/v1/transfers");
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let reply = p.asha.client.send(request).await;
        reply.refused(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some("POST"), "{method}");
    }
}

#[tokio::test]
async fn odd_authorization_headers_are_not_signed_in() {
    let p = Pair::new().await;
    let token = p.asha.client.token().expect("signed in").to_owned();
    let cut = &token[..token.len() - 2];
    let none = format!("{}.", token.rsplit_once('.').expect("three parts").0);
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.";
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        &token,
        &format!("Bearer {cut}"),
        &format!("Bearer {none}"),
        &format!("Bearer {unsigned}"),
        &format!("Bearer {}", "x".repeat(5_000)),
        "Bearer a.b.c",
    ] {
        let request = p
            .bank
            .client()
            .request(Method::GET, "/v1/accounts")
            .header("authorization", value)
            .body(axum::body::Body::empty())
            .expect("a request");
        p.bank.client().send(request).await.refused(401, "unauthenticated");
    }
}

// ASVS 3.4.2, 3.4.4: answers of the API, refusals too, are read as what they say they are, and by no other origin.
#[tokio::test]
async fn every_answer_carries_its_id_and_the_security_headers() {
    let p = Pair::new().await;
    let replies = [
        p.asha.client.get("/v1/accounts").await,
        p.asha.client.get("/nothing").await,
        p.bank.client().get("/v1/accounts").await,
        p.bank.client().get("/healthz").await,
        p.asha.client.post("/v1/transfers", &Value::Null).await,
    ];
    let mut ids = std::collections::HashSet::new();
    for reply in replies {
        assert!(ids.insert(reply.header("x-request-id").expect("an id").to_owned()));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").is_some());
        assert_eq!(reply.header("access-control-allow-origin"), None);
        if let Ok(body) = serde_json::from_slice::<Value>(&reply.body)
            && let Some(id) = body.get("request_id")
        {
            assert_eq!(id.as_str(), reply.header("x-request-id"));
        }
    }
}

// RFC 9110 §9.3.2: HEAD is answered as GET is, without the body. A path that no id stands in is found in another way than
// one with an id; nobody can tell.
#[tokio::test]
async fn a_route_answers_alike_with_an_id_in_its_path_and_without() {
    let p = Pair::new().await;
    for path in ["/v1/accounts".to_owned(), format!("/v1/accounts/{}", p.from)] {
        let get = p.asha.client.get(&path).await;
        assert_eq!(get.status.as_u16(), 200, "{path}");
        let length = get.body.len().to_string();
        assert_eq!(get.header("content-length"), Some(length.as_str()), "{path}");
        let request = p.asha.client.request(Method::HEAD, &path);
        let head =
            p.asha.client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        let names = |reply: &testkit::Reply| {
            let mut names: Vec<_> =
                reply.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(&head), names(&get), "{path}");
        let request = p.asha.client.request(Method::PATCH, &path);
        let other =
            p.asha.client.send(request.body(axum::body::Body::empty()).expect("a request")).await;
        other.refused(405, "method_not_allowed");
    }
}
