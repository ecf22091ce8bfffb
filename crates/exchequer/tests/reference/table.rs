//! The routes table against the document and the contract.

use std::collections::{BTreeMap, BTreeSet};

use exchequer::http::openapi::{TAGS, tag_of};
use exchequer::http::routes::{Access, Routes};
use exchequer::http::{Code, routes};
use exchequer::staff::model::{Permission, Role};
use serde_json::json;

use super::{operations, value};

/// Routes of the contract that stand; the paths outside programs are written against.
const CONTRACT: &[&str] = &[
    "POST /v1/customers",
    "GET /v1/me",
    "POST /v1/auth/login",
    "POST /v1/auth/refresh",
    "POST /v1/auth/logout",
    "GET /v1/sessions",
    "DELETE /v1/sessions",
    "DELETE /v1/sessions/{id}",
    "GET /.well-known/jwks.json",
    "POST /v1/accounts",
    "GET /v1/accounts",
    "GET /v1/accounts/{id}",
    "GET /v1/accounts/{id}/entries",
    "POST /v1/transfers",
    "POST /v1/transfers/batch",
    "GET /v1/transfers/{id}",
    "POST /v1/holds",
    "POST /v1/holds/{id}/capture",
    "POST /v1/holds/{id}/void",
    "POST /v1/staff/login",
    "POST /v1/staff/deposits",
    "POST /v1/staff/withdrawals",
    "POST /v1/staff/accounts/{id}/freeze",
    "POST /v1/staff/accounts/{id}/unfreeze",
    "POST /v1/staff/accounts/{id}/close",
    "GET /v1/staff/customers",
    "GET /v1/staff/events",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
    "GET /docs",
];

/// Codes that are no route's own answer. The list only shrinks.
const OF_NO_ROUTE: &[Code] = &[
    Code::MethodNotAllowed, // the router's
];

#[test]
fn names_are_unique() {
    let routes = routes();
    let mut names = BTreeSet::new();
    let mut calls = BTreeSet::new();
    for route in routes.table() {
        assert!(names.insert(route.name), "operationId {} stands twice", route.name);
        let call = (route.method.as_str(), route.path);
        assert!(calls.insert(call), "{} {} stands twice", call.0, call.1);
        let first = route.name.chars().next().unwrap();
        let camel =
            first.is_ascii_lowercase() && route.name.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(camel, "{} is not in camel case", route.name);
    }
}

#[test]
fn a_name_stands_for_one_schema() {
    let routes = routes();
    let mut seen = BTreeMap::new();
    for route in routes.table() {
        for body in route.input.body.iter().chain(&route.output) {
            for (name, schema) in &body.schemas {
                let schema = serde_json::to_value(schema).unwrap();
                let before = seen.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*before, schema, "{name} is two schemas; {} has the second", route.name);
            }
        }
    }
}

#[test]
fn the_document_and_the_table_have_the_same_routes() {
    let document = value();
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(call, _)| call).collect();
    let table: BTreeSet<_> =
        routes().table().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(described, table);
    for call in CONTRACT {
        assert!(table.contains(*call), "{call} is in the contract and not in the table");
    }
}

#[test]
fn every_part_of_the_reference_is_chosen() {
    for route in routes().table() {
        let system = tag_of(route) == &TAGS[TAGS.len() - 1];
        // What browsers tell of pages is nobody's business, and so the system's.
        let is_report = route.path == exchequer::http::violations::PATH;
        assert!(
            !system || is_report || !route.path.starts_with("/v1/"),
            "{}: no part of the reference has this path",
            route.path
        );
    }
}

#[test]
fn who_may_call_is_what_the_document_says() {
    let document = value();
    let routes = routes();
    for route in routes.table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let expected = match route.access {
            Access::Public(_) => json!([]),
            Access::Customer => json!([{ "customerToken": [] }]),
            Access::Merchant => json!([{ "merchantSignature": [] }]),
            Access::Staff(permission) => {
                json!([{ "staffToken": [permission.as_str()] }])
            }
        };
        assert_eq!(operation["security"], expected, "{}", route.name);
        let key = json!({ "$ref": "#/components/parameters/IdempotencyKey" });
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        assert_eq!(parameters.contains(&key), route.once, "{}", route.name);
    }
}

#[test]
fn changing_posts_demand_a_key_and_sign_in_does_not() {
    for route in routes().table() {
        let family = [
            "/v1/auth/",
            "/v1/password",
            "/v1/web/session",
            "/v1/staff/login",
            "/v1/staff/auth/",
            "/v1/staff/logout",
            // What reads, and what is personal in its answer is not kept with a key.
            "/v1/staff/customers/{id}/reveal",
            // What shows a secret, or takes a code that serves once.
            "/v1/staff/password",
            "/v1/staff/authenticator",
            // What tells nothing and only asks to be asked back.
            "/v1/gateways/",
            // What changes nothing, and is said by a browser, which knows no key.
            exchequer::http::violations::PATH,
            // What compares and changes nothing.
            "/v1/payees/check",
        ];
        let signs_in = family.iter().any(|path| route.path.starts_with(path));
        let expected = route.method == http::Method::POST && !signs_in;
        assert_eq!(route.once, expected, "{} {}", route.method, route.path);
    }
}

#[test]
fn every_answer_says_its_codes_and_carries_the_request_id() {
    let document = value();
    let routes = routes();
    let mut told = BTreeSet::new();
    for route in routes.table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_lowercase()];
        let mut codes = Vec::new();
        for (status, response) in operation["responses"].as_object().unwrap() {
            let id = &response["headers"]["X-Request-Id"]["$ref"];
            assert_eq!(id, "#/components/headers/RequestId", "{} {status}", route.name);
            for code in response["x-codes"].as_array().into_iter().flatten() {
                codes.push((status.clone(), code.as_str().unwrap().to_owned()));
            }
        }
        let mut expected: Vec<_> = route
            .all_codes()
            .iter()
            .map(|code| (code.status().to_string(), code.as_str().to_owned()))
            .collect();
        codes.sort();
        expected.sort();
        assert_eq!(codes, expected, "{}", route.name);
        told.extend(route.all_codes());
    }
    let untold: Vec<_> = Code::ALL.iter().filter(|code| !told.contains(code)).copied().collect();
    assert_eq!(untold, OF_NO_ROUTE, "codes that no route says it answers");
}

#[test]
fn every_permission_is_used_and_somebody_has_it() {
    let routes: Routes = routes();
    for permission in Permission::ALL {
        let used = routes.table().any(|route| route.access == Access::Staff(permission));
        assert!(used, "no route needs {}", permission.as_str());
        let had = Role::ALL.iter().any(|role| role.permits(permission));
        assert!(had, "nobody has {}", permission.as_str());
    }
}
