//! Every row has its field, every field that needs one has its row, and patterns agree with parsers.

use money::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::accounts::number::AccountNumber;
use crate::customers::model::{Email, GovernmentId, Phone};
use crate::http::{openapi, routes};
use crate::merchants::keys::RouteRule;
use crate::statements::period::Day;
use crate::webhooks::model::is_pattern;

fn document() -> Value {
    serde_json::to_value(openapi::document(&routes())).unwrap()
}

/// The schema of a name in some route's query, with the route.
fn parameters(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let route = operation["operationId"].as_str().unwrap();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let name = parameter["name"].as_str().unwrap();
                    found.push((route.to_owned(), name.to_owned(), parameter["schema"].clone()));
                }
            }
        }
    }
    found
}

fn is_shaped(schema: &Value) -> bool {
    let said = ["enum", "pattern", "minimum", "maximum", "maxLength", "maxItems", "$ref"];
    said.iter().any(|word| schema.get(word).is_some())
}

#[test]
fn every_row_has_shaped_its_field() {
    let document = document();
    let parameters = parameters(&document);
    for (place, _) in ROWS.iter() {
        match place {
            Place::Body(schema, field) => {
                let found = &document["components"]["schemas"][schema]["properties"][field];
                assert!(is_shaped(found), "{schema}.{field}: {found}");
            }
            Place::Query(names, field) => {
                let mine = |(route, name, _): &&(String, String, Value)| {
                    name == field && (names.is_empty() || names.contains(&route.as_str()))
                };
                let found: Vec<_> = parameters.iter().filter(mine).collect();
                assert!(!found.is_empty() && found.len() >= names.len(), "{names:?} {field}");
                for (route, _, schema) in found {
                    assert!(is_shaped(schema), "{route} {field}: {schema}");
                }
            }
        }
    }
}

/// Who looks for a customer may say anything; a boolean says all by itself.
#[test]
fn every_name_of_a_query_says_what_it_takes() {
    for (route, name, schema) in parameters(&document()) {
        let is_free = route == "searchCustomers" && name == "query";
        assert!(
            is_free || schema["type"] == "boolean" || is_shaped(&schema),
            "{route} {name}: {schema}"
        );
    }
}

#[test]
fn a_list_of_words_takes_null_where_its_field_does() {
    let document = document();
    let kind = &document["components"]["schemas"]["BeginWebauthn"]["properties"]["kind"];
    assert_eq!(kind["enum"], json!(["passkey", "security_key", null]));
    let capture = &document["components"]["schemas"]["CreatePayment"]["properties"]["capture"];
    assert_eq!(capture["enum"], json!(["automatic", "manual"]));
}

#[test]
fn currencies_are_those_that_the_bank_takes() {
    let document = document();
    let codes = document["components"]["schemas"][CURRENCY]["enum"].as_array().unwrap().clone();
    assert!(codes.len() > 100, "{}", codes.len());
    for code in codes {
        assert!(money::Currency::from_code(code.as_str().unwrap()).is_ok(), "{code}");
    }
}

/// What fits a pattern, and what no pattern may let through.
#[test]
fn what_parsers_take_is_what_patterns_say() {
    let number = "EX3456789012345676";
    assert!(number.parse::<AccountNumber>().is_ok());
    assert_eq!(crate::accounts::number::pattern(), "EX[0-9]{16}");
    for good in ["+1234567", "+123456789012345"] {
        assert!(good.parse::<Phone>().is_ok(), "{good}");
    }
    for bad in ["+0234567", "+123456", "+1234567890123456", "1234567"] {
        assert!(bad.parse::<Phone>().is_err(), "{bad}");
    }
    for good in ["ABC123", "abcdefghij0123456789"] {
        assert!(good.parse::<GovernmentId>().is_ok(), "{good}");
    }
    for bad in ["ABC12", "abcdefghij01234567890", "ABC_123"] {
        assert!(bad.parse::<GovernmentId>().is_err(), "{bad}");
    }
    for bad in ["a", "a@@b.c", "a b@c.d"] {
        assert!(bad.parse::<Email>().is_err(), "{bad}");
    }
    for (day, is_day) in [("2026-01-31", true), ("2026-13-01", false), ("2026-00-10", false)] {
        assert_eq!(day.parse::<Day>().is_ok(), is_day, "{day}");
    }
    for (time, is_time) in [
        ("2026-01-31T23:59:59Z", true),
        ("2026-01-31T23:59:59.123456Z", true),
        ("2026-01-31T23:59:59.1234567Z", false),
        ("2026-01-31T24:00:00Z", false),
        ("2026-01-31T23:59:59+00:00", false),
    ] {
        assert_eq!(time.parse::<Timestamp>().is_ok(), is_time, "{time}");
    }
    for (rule, is_rule) in
        [("GET /v1/*", true), ("* /v1/", true), ("PATCH /v1/a", false), ("GET /v2", false)]
    {
        assert_eq!(rule.parse::<RouteRule>().is_ok(), is_rule, "{rule}");
    }
}

#[test]
fn every_topic_that_the_document_lists_is_one() {
    let document = document();
    let events =
        &document["components"]["schemas"]["ChangeWebhookEndpoint"]["properties"]["events"];
    let pattern = events["items"]["pattern"].as_str().unwrap();
    let names = pattern.trim_start_matches("^(").trim_end_matches(")$").replace('\\', "");
    let mut count = 0;
    for name in names.split('|') {
        assert!(is_pattern(name), "{name}");
        count += 1;
    }
    assert!(count > 10, "{names}");
}
