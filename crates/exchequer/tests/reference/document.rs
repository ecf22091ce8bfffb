//! The document by itself: references, descriptions, units, examples.

use std::collections::BTreeSet;

use exchequer::http::openapi::example_of;
use serde_json::Value;
use utoipa::openapi::schema::Type;

use super::{each_object, operations, resolve, value, walk};

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

// PCI DSS 3.3.1.1, 3.3.1.3: what a body has no field for, as a track or a PIN, is refused before anything is kept.
// ASVS 1.5.2, 15.3.3: every body of every route is a closed type.
#[test]
fn request_bodies_refuse_unknown_fields() {
    let document = value();
    for (call, operation) in operations(&document) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema")
        else {
            continue;
        };
        each_object(&document, schema, 0, &mut |object| {
            let closed = object["additionalProperties"] == Value::Bool(false);
            assert!(closed, "{call}: deny_unknown_fields is missing: {object}");
        });
    }
}

/// Integers that are money; the description of each, or of the object it stands in, names the unit.
const AMOUNTS: &[&str] = &[
    "amount",
    "captured",
    "remaining",
    "refunded",
    "posted",
    "held",
    "available",
    "balance",
    "balance_after",
    "overdraft_limit",
    "per_transfer",
    "per_day",
    "limit_transfer",
    "limit_day",
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
            let integer = *kind == "integer"
                || kind.as_array().is_some_and(|k| k.contains(&"integer".into()));
            if !integer {
                assert!(*kind != "number", "{name}.{field} is a floating-point number");
                continue;
            }
            let own = property["description"].as_str().or(inner["description"].as_str());
            let own = own.unwrap_or_default();
            if AMOUNTS.contains(&field.as_str()) {
                amounts += 1;
                let said =
                    [own, around].iter().any(|text| text.to_lowercase().contains("minor unit"));
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
    let document = value();
    for (call, operation) in operations(&document) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema")
        else {
            continue;
        };
        each_object(&document, schema, 0, &mut |object| {
            let required =
                object["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for field in required {
                let property = resolve(&document, &object["properties"][field]);
                let kind = match property["type"].as_str() {
                    Some("string") => Type::String,
                    Some("integer") => Type::Integer,
                    _ => continue,
                };
                let given =
                    ["example", "examples", "enum"].iter().any(|name| property.get(name).is_some());
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
            assert!(
                !text.contains(inside),
                "{place}: {inside:?} is for readers of the code: {text}"
            );
        }
    });
}

#[test]
fn examples_can_be_copied_into_a_shell() {
    let document = value();
    walk(&document, "#", &mut |place, value| {
        if let Some(example) = value.get("example") {
            // The page puts them between single quotes.
            assert!(!example.to_string().contains('\''), "{place}: {example}");
        }
    });
}
