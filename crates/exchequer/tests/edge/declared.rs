//! The positive rule, enumerated: every route refuses what the OpenAPI document does not describe, before its handler,
//! of the very caller that it is for.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use exchequer::http::routes::{Access, Route};
use exchequer::http::{self as edge};
use exchequer::staff::model::Role;
use http::{HeaderValue, Method, header};
use testkit::{Client, Person, Reply, Shop, TestBank};

/// One caller of each kind.
struct Callers {
    bank: TestBank,
    customer: Client,
    operators: Vec<(Role, Person)>,
    shop: Shop,
}

/// What is sent, by whoever may.
struct Said<'a> {
    path: &'a str,
    media_type: Option<&'static str>,
    body: &'static str,
}

impl Callers {
    async fn new() -> Self {
        let bank = TestBank::new().await;
        let customer = bank.customer("Asha").await.client;
        let mut operators = Vec::new();
        for role in Role::ALL {
            operators.push((role, bank.operator(role).await));
        }
        let admin = operators.iter().find(|(role, _)| *role == Role::Admin).expect("a role");
        let shop = Shop::new(&bank, &admin.1, "test").await;
        Self { bank, customer, operators, shop }
    }

    async fn send(&self, route: &Route, said: &Said<'_>) -> Reply {
        let client = match route.access {
            Access::Public(_) => self.bank.client(),
            Access::Customer => self.customer.clone(),
            Access::Staff(permission) => {
                let may = self.operators.iter().find(|(role, _)| role.permits(permission));
                may.expect("a permission of some role").1.client.clone()
            }
            Access::Merchant => return self.send_signed(route, said).await,
        };
        let mut request = client.request(route.method.clone(), said.path);
        if let Some(media_type) = said.media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        if route.once {
            request = request.header("idempotency-key", testkit::key());
        }
        client.send(request.body(Body::from(said.body)).expect("a request")).await
    }

    async fn send_signed(&self, route: &Route, said: &Said<'_>) -> Reply {
        let signed = self.shop.sign(route.method.clone(), said.path, said.body.as_bytes());
        let mut request = signed.request();
        request.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(media_type) = said.media_type {
            let value = HeaderValue::from_static(media_type);
            request.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        self.bank.client().send(request).await
    }
}

/// The route's path with ids of the right kind that nobody has.
pub fn concrete(route: &Route) -> String {
    let Some(segment) = &route.input.segment else { return route.path.to_owned() };
    let schema = serde_json::to_value(segment).expect("a schema");
    let pattern = schema["pattern"].as_str().expect("a pattern of each segment");
    let value = match pattern.strip_prefix('^').and_then(|p| p.split_once('[')) {
        Some(("", _)) => "INR".to_owned(),
        Some((prefix, _)) => format!("{prefix}{:0>26}", 1),
        None => panic!("{}: {pattern}", route.path),
    };
    let start = route.path.find('{').expect("a place for it");
    let end = route.path.find('}').expect("its end");
    [&route.path[..start], &value, &route.path[end + 1..]].concat()
}

#[tokio::test]
async fn a_query_that_is_not_described_is_refused_everywhere() {
    let callers = Callers::new().await;
    let routes = edge::routes();
    let mut seen = 0;
    for route in routes.table() {
        let path = format!("{}?undeclared=1", concrete(route));
        let has_body = route.input.body.is_some();
        let media_type = has_body.then_some("application/json");
        let said = Said { path: &path, media_type, body: if has_body { "{}" } else { "" } };
        let reply = callers.send(route, &said).await;
        assert_eq!(
            (reply.status.as_u16(), &*reply.code()),
            (400, "malformed_request"),
            "{}",
            route.name
        );
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test]
async fn a_body_that_is_not_described_is_refused_everywhere() {
    let callers = Callers::new().await;
    let json = Some("application/json");
    for route in edge::routes().table().filter(|route| !route.input.is_raw) {
        let path = concrete(route);
        let undeclared = Said { path: &path, media_type: json, body: r#"{"undeclared":1}"# };
        // What a parser could take for the fields' values, in whatever order it has them.
        let nameless_values = Said { path: &path, media_type: json, body: "[]" };
        let strange = Said { path: &path, media_type: Some("text/xml"), body: "<a/>" };
        let nameless = Said { path: &path, media_type: None, body: "{}" };
        let form = Some("application/x-www-form-urlencoded");
        let fields = Said { path: &path, media_type: form, body: "undeclared=1" };
        let (is_read, has_body) = (route.method == Method::GET, route.input.body.is_some());
        let malformed = (400, if has_body { "malformed_json" } else { "malformed_request" });
        let unsupported =
            if is_read { (400, "malformed_request") } else { (415, "unsupported_media_type") };
        for (said, expected) in [
            (undeclared, malformed),
            (nameless_values, malformed),
            (strange, unsupported),
            (nameless, unsupported),
            (fields, if has_body { unsupported } else { malformed }),
        ] {
            let reply = callers.send(route, &said).await;
            let found = (reply.status.as_u16(), &*reply.code());
            assert_eq!(found, expected, "{} {:?} {}", route.name, said.media_type, said.body);
        }
    }
}

#[tokio::test]
async fn a_body_may_be_left_out_where_the_document_says_so_and_nowhere_else() {
    let callers = Callers::new().await;
    let has_body = |route: &&Route| route.input.body.is_some() && !route.input.is_raw;
    let mut optional = 0;
    for route in edge::routes().table().filter(has_body) {
        let path = concrete(route);
        let is_optional = route.input.is_body_optional;
        optional += usize::from(is_optional);
        let json = Some("application/json");
        let reply = callers.send(route, &Said { path: &path, media_type: json, body: "" }).await;
        assert_eq!(reply.code() != "malformed_json", is_optional, "{}", route.name);
    }
    assert!(optional > 0, "no route takes its body or none");
}

#[tokio::test]
async fn an_empty_object_is_no_body() {
    let callers = Callers::new().await;
    for route in edge::routes().table() {
        let takes_nothing = route.input.body.is_none() && !route.input.is_raw;
        // Public routes would act, and signing out would end what the rest of the loop needs.
        let acts = matches!(route.access, Access::Public(_)) || route.path.ends_with("logout");
        if route.method != Method::POST || !takes_nothing || acts {
            continue;
        }
        let path = concrete(route);
        let said = Said { path: &path, media_type: Some("application/json"), body: " { }\n" };
        let reply = callers.send(route, &said).await;
        assert_ne!(reply.code(), "malformed_request", "{}", route.name);
    }
}

#[tokio::test]
async fn a_method_that_is_not_described_is_refused_with_those_that_are() {
    let bank = TestBank::new().await;
    let mut paths: BTreeMap<String, BTreeSet<Method>> = BTreeMap::new();
    for route in edge::routes().table() {
        let methods = paths.entry(concrete(route)).or_default();
        methods.insert(route.method.clone());
    }
    let tried = ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND", "get"];
    for (path, methods) in &paths {
        for name in tried {
            let method = Method::from_bytes(name.as_bytes()).expect("a method");
            if methods.contains(&method) {
                continue;
            }
            let request = bank.client().request(method, path);
            let request = request.body(Body::empty()).expect("a request");
            let reply = bank.client().send(request).await;
            reply.refused(405, "method_not_allowed");
            let allowed = reply.header("allow").expect("what is allowed");
            let allowed: BTreeSet<&str> = allowed.split(", ").collect();
            let expected: BTreeSet<&str> = methods.iter().map(Method::as_str).collect();
            assert_eq!(allowed, expected, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_in_no_line_is_not_there() {
    let callers = Callers::new().await;
    let (_, admin) = callers.operators.iter().find(|(r, _)| *r == Role::Admin).expect("a role");
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/accounts/",
        "/v1/accounts/x/y/z",
        "/v1/staff",
        "/v2/accounts",
        "/v1/Accounts",
        "/v1/accounts%2f",
        "/v1/./accounts",
        "/v1/staff/../accounts",
        "/openapi.yaml",
        "/.git/config",
        "/.env",
    ] {
        for client in [&callers.customer, &admin.client] {
            let status = client.get(path).await.status.as_u16();
            assert_eq!(status, 404, "{path}");
        }
    }
}
