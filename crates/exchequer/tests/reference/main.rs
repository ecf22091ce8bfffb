//! The reference is true: the routes table, the OpenAPI document, the committed snapshots and
//! `docs/api.md` say the same; and what the papers say of signing in is so.
//!
//! `EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test reference` writes the files anew, but for
//! `public-routes.txt`: a route that anybody may call is added to that list by hand.

mod controls;
mod document;
mod paper;
mod served;
mod snapshots;
mod table;

use exchequer::http::openapi::document;
use exchequer::http::routes;
use serde_json::Value;

fn value() -> Value {
    serde_json::to_value(document(&routes())).expect("the document is JSON")
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
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            found.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    found
}

/// A schema behind its reference.
fn resolve<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    match schema["$ref"].as_str() {
        Some(place) => resolve(document, document.pointer(&place[1..]).expect("it resolves")),
        None => schema,
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
    let parts =
        ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    for inner in inner.chain(parts).chain(schema.get("items")) {
        each_object(document, inner, depth + 1, visit);
    }
}
