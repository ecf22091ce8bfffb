//! A JSON object, and nothing that merely can be read as one.
//!
//! What serde derives for a struct also takes an array, of the fields' values in the order in which the program happens to
//! have them: an order of payment without names, which no document describes.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Reads as `T`, from an object alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<T>(pub T);

struct Whole<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Whole<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Whole(PhantomData))
    }
}

/// Objects, for `#[serde(deserialize_with)]`.
pub fn objects<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let all = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|Object(one)| one).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        to: String,
        #[serde(default)]
        memo: Option<String>,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Orders {
        #[serde(deserialize_with = "objects")]
        orders: Vec<Order>,
    }

    fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
        let read = serde_json::from_str::<Object<T>>(text);
        read.map(|Object(value)| value).map_err(|error| error.to_string())
    }

    #[test]
    fn values_without_names_are_no_order() {
        let order = Order { to: "a".to_owned(), memo: None };
        assert_eq!(read::<Order>(r#" {"to":"a"} "#), Ok(order));
        for text in [r#"["a"]"#, r#"["a","b"]"#, "[]", r#""a""#, "null", "1", ""] {
            assert!(read::<Order>(text).is_err(), "{text}");
        }
        let nested = read::<Orders>(r#"{"orders":[{"to":"a"},{"to":"b"}]}"#).unwrap();
        assert_eq!(nested.orders.len(), 2);
        let refused = read::<Orders>(r#"{"orders":[{"to":"a"},["b"]]}"#).unwrap_err();
        assert!(refused.contains("expected an object at line 1 column"), "{refused}");
    }

    #[test]
    fn what_the_type_refuses_is_refused_with_its_place() {
        for (text, why) in [
            (r#"{"to":"a","to":"b"}"#, "duplicate field `to` at line 1"),
            (r#"{"to":"a","x":1}"#, "unknown field `x`, expected `to` or `memo` at line 1"),
            (r#"{"to":1}"#, "invalid type: integer `1`, expected a string at line 1"),
            ("{}", "missing field `to` at line 1"),
        ] {
            let error = read::<Order>(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }
}
