//! The reference is true: the routes table, the OpenAPI document, the committed snapshots and
//! `docs/api.md` say the same.
//!
//! `EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference` writes the files anew, but for
//! `public-routes.txt`: a route that anybody may call is added to that list by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use exchequer::http::docs::{
    codes_table, codes_text, permissions_text, public_text, routes_table, routes_text,
};
use exchequer::http::openapi::{TAGS, document, example_of, tag_of, text};
use exchequer::http::routes::{Access, Routes};
use exchequer::http::{Code, routes};
use exchequer::staff::model::{Permission, Role};
use serde_json::Value;

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
    "GET /",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn snapshot(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name)
}

fn writes() -> bool {
    std::env::var_os("EXCHEQUER_TEST_WRITE").is_some()
}

fn compare(path: &PathBuf, expected: &str) {
    if writes() {
        fs::write(path, expected).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(expected.lines().count()));
    assert!(
        committed == expected,
        "{} is not what the program says, from line {}:\n- {}\n+ {}\n\
         EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference writes it anew",
        path.display(),
        line + 1,
        committed.lines().nth(line).unwrap_or_default(),
        expected.lines().nth(line).unwrap_or_default(),
    );
}

fn value() -> Value {
    serde_json::to_value(document(&routes())).unwrap()
}

/// Every value of a document with its place.
fn walk<'v>(value: &'v Value, place: &str, visit: &mut dyn FnMut(&str, &'v Value)) {
    visit(place, value);
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                walk(inner, &format!("{place}/{}", name.replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                walk(inner, &format!("{place}/{i}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    found
}

/// A schema behind its reference.
fn resolve<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    match schema["$ref"].as_str() {
        Some(place) => resolve(document, document.pointer(&place[1..]).unwrap()),
        None => schema,
    }
}

#[test]
fn the_committed_document_is_the_program_s() {
    compare(&snapshot("openapi.json"), &text(&document(&routes())));
}

#[test]
fn the_committed_tables_are_the_program_s() {
    let routes = routes();
    compare(&snapshot("routes.txt"), &routes_text(&routes));
    compare(&snapshot("role-permissions.txt"), &permissions_text(&routes));
    compare(&snapshot("codes.txt"), &codes_text());
}

#[test]
fn the_list_of_public_routes_only_shrinks() {
    let said = public_text(&routes());
    let committed = fs::read_to_string(snapshot("public-routes.txt")).unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let listed: BTreeSet<_> = committed.lines().map(words).collect();
    let actual: BTreeSet<_> = said.lines().map(words).collect();
    let new: Vec<_> = actual.difference(&listed).collect();
    assert!(
        new.is_empty(),
        "anybody may call these, and tests/snapshots/public-routes.txt does not say so; if that is \
         meant, add them by hand: {new:#?}"
    );
    let gone: Vec<_> = listed.difference(&actual).collect();
    assert!(gone.is_empty(), "take these out of tests/snapshots/public-routes.txt: {gone:#?}");
}

#[test]
fn the_paper_s_tables_are_the_program_s() {
    let path = root().join("docs/api.md");
    let mut paper = fs::read_to_string(&path).unwrap();
    for (name, table) in [("codes", codes_table()), ("routes", routes_table(&routes()))] {
        let (begin, end) = (format!("<!-- generated:{name} -->\n"), format!("<!-- /generated:{name} -->"));
        let (before, rest) = paper.split_once(begin.as_str()).expect("the mark is there");
        let (_, after) = rest.split_once(end.as_str()).expect("and its end");
        paper = format!("{before}{begin}{table}{end}{after}");
    }
    compare(&path, &paper);
}

#[test]
fn the_paper_keeps_to_the_markdown_that_the_page_knows() {
    let paper = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let prose = paper.split("<!-- generated:").next().unwrap();
    let mut fenced = false;
    for (i, line) in prose.lines().enumerate().skip(1) {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let unknown = ["# ", "#### ", "* ", "+ ", "> ", "|", "    ", "<", "---", "!["];
            assert!(!unknown.iter().any(|mark| line.starts_with(mark)), "line {}: {line}", i + 1);
            assert_eq!(line.matches('`').count() % 2, 0, "line {}: code ends on its line", i + 1);
            assert_eq!(line.matches("**").count() % 2, 0, "line {}: strong ends on its line", i + 1);
        }
    }
    assert!(!fenced);
}

#[test]
fn every_reference_of_the_document_resolves() {
    let document = value();
    let mut references = 0;
    walk(&document, "#", &mut |place, value| {
        if let Some(target) = value.get("$ref") {
            let target = target.as_str().unwrap();
            let found = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(found.is_some(), "{place}: {target} is not there");
            references += 1;
        }
    });
    assert!(references > 100, "{references}");
}

#[test]
fn every_schema_is_used() {
    let document = value();
    let mut used = BTreeSet::new();
    walk(&document, "#", &mut |_, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            used.insert(target.rsplit('/').next().unwrap());
        }
    });
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(used.contains(name.as_str()), "{name} is described and nothing refers to it");
    }
}

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
        let camel = first.is_ascii_lowercase() && route.name.chars().all(|c| c.is_ascii_alphanumeric());
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
        assert!(
            !system || !route.path.starts_with("/v1/"),
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
            Access::Public(_) => serde_json::json!([]),
            Access::Customer => serde_json::json!([{ "customerToken": [] }]),
            Access::Staff(permission) => serde_json::json!([{ "staffToken": [permission.as_str()] }]),
        };
        assert_eq!(operation["security"], expected, "{}", route.name);
        let key = serde_json::json!({ "$ref": "#/components/parameters/IdempotencyKey" });
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        assert_eq!(parameters.contains(&key), route.once, "{}", route.name);
    }
}

#[test]
fn changing_posts_demand_a_key_and_sign_in_does_not() {
    for route in routes().table() {
        let family = ["/v1/auth/", "/v1/staff/login", "/v1/staff/auth/", "/v1/staff/logout"];
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

/// Codes that are no route's own answer. The list only shrinks.
const OF_NO_ROUTE: &[Code] = &[
    Code::MethodNotAllowed, // the router's
    Code::LockedOut,        // lockouts come with the second factors
    Code::LinkedRefused,    // inside the results of a batch
];

#[test]
fn request_bodies_refuse_unknown_fields() {
    let document = value();
    for (call, operation) in operations(&document) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
            continue;
        };
        each_object(&document, schema, 0, &mut |object| {
            let closed = object["additionalProperties"] == Value::Bool(false);
            assert!(closed, "{call}: deny_unknown_fields is missing: {object}");
        });
    }
}

/// The objects with fields in a schema, whatever stands between.
fn each_object<'v>(
    document: &'v Value,
    schema: &'v Value,
    depth: usize,
    visit: &mut dyn FnMut(&'v Value),
) {
    assert!(depth < 20, "a schema that contains itself");
    let schema = resolve(document, schema);
    if schema.get("properties").is_some() {
        visit(schema);
    }
    let inner = schema["properties"].as_object().into_iter().flat_map(|all| all.values());
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    for inner in inner.chain(parts).chain(schema.get("items")) {
        each_object(document, inner, depth + 1, visit);
    }
}

/// Integers that are money; the description of each, or of the object it stands in, names the unit.
const AMOUNTS: &[&str] = &[
    "amount", "captured", "remaining", "refunded", "posted", "held", "available", "balance",
    "balance_after", "overdraft_limit", "per_transfer", "per_day", "limit_transfer", "limit_day",
];

#[test]
fn integers_say_their_unit() {
    let document = value();
    let mut amounts = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let around = schema["description"].as_str().unwrap_or_default();
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let inner = resolve(&document, property);
            let kind = &inner["type"];
            let integer = *kind == "integer" || kind.as_array().is_some_and(|k| k.contains(&"integer".into()));
            if !integer {
                assert!(*kind != "number", "{name}.{field} is a floating-point number");
                continue;
            }
            let own = property["description"].as_str().or(inner["description"].as_str());
            let own = own.unwrap_or_default();
            if AMOUNTS.contains(&field.as_str()) {
                amounts += 1;
                let said = [own, around].iter().any(|text| text.to_lowercase().contains("minor unit"));
                assert!(said, "{name}.{field} does not say that it is in minor units");
            } else if field.ends_with("_in") || field.contains("second") {
                assert!(own.to_lowercase().contains("second"), "{name}.{field} says no unit");
            } else {
                assert!(!own.is_empty() || field == "status", "{name}.{field} says no unit");
            }
        }
    }
    assert!(amounts > 5, "{amounts}");
}

#[test]
fn required_fields_of_bodies_have_an_example_of_their_own() {
    use utoipa::openapi::schema::Type;
    let document = value();
    for (call, operation) in operations(&document) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
            continue;
        };
        each_object(&document, schema, 0, &mut |object| {
            let required = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for field in required {
                let property = resolve(&document, &object["properties"][field]);
                let kind = match property["type"].as_str() {
                    Some("string") => Type::String,
                    Some("integer") => Type::Integer,
                    _ => continue,
                };
                let given = ["example", "examples", "enum"].iter().any(|name| property.get(name).is_some());
                assert!(
                    given || example_of(field, "", &kind).is_some(),
                    "{call}: give `{field}` a #[schema(example = …)] or a row in openapi/samples.rs"
                );
            }
        });
    }
}

#[test]
fn descriptions_are_for_those_who_call() {
    let document = value();
    walk(&document, "#", &mut |place, value| {
        let Some(text) = value.get("description").and_then(Value::as_str) else { return };
        for inside in ["[`", "::", "TODO", "crate", "struct "] {
            assert!(!text.contains(inside), "{place}: {inside:?} is for readers of the code: {text}");
        }
    });
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
