//! What a merchant gives with a payment and gets back as it came: an object, kept in the clear.
//!
//! Pure. So it may hold nothing that looks like a card or a secret, nothing twice under one name, and no
//! number that would come back as another. Bound: [`MAX_BYTES`].

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::{RawValue, Value};

use crate::http::fields::Fields;

/// Bytes of a payment's metadata.
pub const MAX_BYTES: usize = 4 * 1024;

/// The object as it is kept; a fault of it is told of the field `metadata`.
pub fn read(fields: &mut Fields, raw: &RawValue) -> Option<String> {
    let text = raw.get();
    if text.len() > MAX_BYTES {
        fields.refuse("metadata", "too_long", format!("at most {MAX_BYTES} bytes"));
        return None;
    }
    if let Err(error) = serde_json::from_str::<Whole>(text) {
        let detail = if text.starts_with('{') { plain_words(&error) } else { "a JSON object" };
        fields.refuse("metadata", "invalid", detail);
        return None;
    }
    let Ok(object @ Value::Object(_)) = serde_json::from_str::<Value>(text) else {
        fields.refuse("metadata", "invalid", "a JSON object");
        return None;
    };
    if !is_exact(&object, text) {
        fields.refuse("metadata", "invalid", INEXACT);
        return None;
    }
    let plain = object.to_string();
    if plain.contains("\\u0000") || vault::redaction::redact(&plain) != plain {
        fields.refuse("metadata", "secret", "no card numbers, codes, keys or tokens");
        return None;
    }
    Some(plain)
}

const TWICE: &str = "a name stands twice in one object";
const INEXACT: &str = "a number that does not come back as it came; write it as a text";

/// A sentence of our own; never the caller's words.
fn plain_words(error: &serde_json::Error) -> &'static str {
    if error.to_string().starts_with(TWICE) { TWICE } else { "a JSON object" }
}

/// Whether every number of a value is written as it was in the text that it was read from: not so one that
/// is too long, or has an exponent (RFC 8259 §6).
fn is_exact(value: &Value, text: &str) -> bool {
    match value {
        Value::Number(number) => {
            number.is_i64() || number.is_u64() || text.contains(&number.to_string())
        }
        Value::Array(list) => list.iter().all(|value| is_exact(value, text)),
        Value::Object(object) => object.values().all(|value| is_exact(value, text)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Any JSON without a name twice in one object, of which JSON readers keep this or that (RFC 8259 §4).
struct Whole;

struct Look;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look).map(|()| Self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<Whole>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom(TWICE));
            }
            object.next_value::<Whole>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<String> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        read(&mut Fields::default(), &raw)
    }

    #[test]
    fn what_comes_back_is_what_came() {
        for text in [
            r"{}",
            r#"{"lines":[1,-2,{"a":null,"b":true}],"order":"A-17"}"#,
            r#"{"a":{"x":1},"b":{"x":1}}"#,
            r#"{"m":18446744073709551615,"n":9223372036854775807,"price":1.5}"#,
        ] {
            assert_eq!(taken(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_would_come_back_otherwise_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":1}]}"#,
            r#"{"n":18446744073709551616}"#,
            r#"{"n":1e3}"#,
            r#"{"n":12345678901234567890123}"#,
            r#"["a"]"#,
            r#""a""#,
            "null",
            r#"{"note":"\u0000"}"#,
            r#"{"note":"4111 1111 1111 1111"}"#,
            r#"{"note":4111111111111111}"#,
        ] {
            assert_eq!(taken(text), None, "{text}");
        }
    }
}
