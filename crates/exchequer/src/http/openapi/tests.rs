//! Pure rules of the document; what it says of the real table is tested in `tests/reference.rs`.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{HttpMethod, Ref, RefOr, Schema};

use super::*;
use crate::http::routes::Route;

fn text_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

#[test]
fn conventions_are_the_hand_written_part_of_the_paper() {
    let prose = conventions();
    assert!(prose.starts_with("## Requests and answers\n"), "{prose:.60}");
    assert!(prose.contains("\n## Lists\n"));
    assert!(!prose.contains("## Error codes"));
    assert!(!prose.contains("generated:"));
}

#[test]
fn methods_are_the_table_s() {
    let cases = [
        (Route::get("/a", "a", ""), HttpMethod::Get),
        (Route::post("/a", "a", ""), HttpMethod::Post),
        (Route::delete("/a", "a", ""), HttpMethod::Delete),
    ];
    for (route, expected) in cases {
        assert!(http_method(&route) == expected, "{}", route.method);
    }
}

#[test]
fn the_first_part_with_the_path_s_beginning_has_it() {
    for (path, anchor) in [
        ("/v1/accounts/{id}/entries", "accounts"),
        ("/v1/staff/accounts/{id}/freeze", "operators"),
        ("/v1/me", "customers"),
        ("/v1/me/activity", "customers"),
        ("/v1/merchant/statement", "merchants"),
        ("/.well-known/jwks.json", "sign-in"),
        ("/healthz", "system"),
        ("/", "system"),
    ] {
        assert_eq!(tag_of(&Route::get(path, "a", "")).anchor, anchor, "{path}");
    }
}

#[test]
fn samples_follow_names_examples_and_types() {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("to", text_schema())
        .property("amount", ObjectBuilder::new().schema_type(Type::Integer))
        .property("format", text_schema().enum_values(Some(["json", "csv"])))
        .property("pet", text_schema().examples([json!("cat")]))
        .property(
            "memo",
            text_schema().schema_type(SchemaType::from_iter([Type::Null, Type::String])),
        )
        .property("list", ArrayBuilder::new().items(Ref::from_schema_name("Hold")));
    let schemas = Schemas::from([(
        "Hold".to_owned(),
        RefOr::from(ObjectBuilder::new().property("id", text_schema()).build()),
    )]);
    let made = sample(&RefOr::T(Schema::Object(object.build())), &schemas);
    let expected = r#"{
  "to": "acc_01jz7m5v3k8e9q2r4s6t8w0xyz",
  "amount": 125000,
  "format": "json",
  "pet": "cat",
  "memo": "Rent for May",
  "list": [{
    "id": "hld_01jz7m5v3k8e9q2r4s6t8w0xyz"
  }]
}"#;
    assert_eq!(made.to_string(), expected);
    let parsed: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(made.to_value(), parsed);
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let inner = Ref::from_schema_name("Loop");
    let object = ObjectBuilder::new().property("next", inner.clone()).build();
    let schemas = Schemas::from([("Loop".to_owned(), RefOr::from(object))]);
    let made = sample(&RefOr::Ref(inner), &schemas).to_string();
    assert!(made.len() < 1000, "{made}");
    assert!(made.contains("null"), "{made}");
}

#[test]
fn ids_of_samples_are_ids() {
    let value = example_of("transfer_id", "Capture", &Type::String).unwrap();
    assert!(value.as_str().unwrap().parse::<money::TransferId>().is_ok());
    let value = example_of("number", "Account", &Type::String).unwrap();
    assert!(value.as_str().unwrap().parse::<crate::accounts::number::AccountNumber>().is_ok());
}
