//! What the fields of requests look like, said in the document so that a program can make an acceptable one.
//!
//! [`rows`] names each field with its [`Shape`]; bounds are the constants that the parsers themselves use, lists of words
//! are those of the enums where there is one. What a schema cannot say (check digits, one field against another, words
//! that are refused as secrets) is left to the parsers: a document that accepts a little more than the bank is true, one
//! that accepts less would stop clients from sending what is taken. `cargo xtask outside` sends what fits and what does
//! not, of every row. Order: bodies and queries are given their shapes while the document is made. A row that fits no
//! field is refused by a test.

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{
    ArrayItems, KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::Schemas;
use crate::http::routes::Route;

mod rows;

#[cfg(test)]
mod tests;

/// The schema of [`Shape::Currency`].
pub(super) const CURRENCY: &str = "Currency";

/// What a value has to look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// An integer, both ends included.
    Range(i64, i64),
    /// A text for people, in characters; see `Fields::text`.
    Text(usize, usize),
    /// A text that fits a pattern (ECMA-262) as a whole.
    Pattern(String),
    /// The same, and no longer than so many characters.
    Bounded(String, usize),
    /// Any text of at most so many characters.
    Longest(usize),
    Words(Vec<&'static str>),
    Currency,
    /// RFC 3339 §5.6 `full-date`.
    Day,
    /// RFC 3339 §5.6 `date-time`, in UTC.
    Time,
    /// A list of so many.
    List(usize, usize, Option<Box<Shape>>),
}

/// Where a shape belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A schema of bodies and its field.
    Body(&'static str, &'static str),
    /// Names of routes, every one where there are none, and a name of the query.
    Query(&'static [&'static str], &'static str),
}

static ROWS: LazyLock<Vec<(Place, Shape)>> = LazyLock::new(rows::rows);

/// One character that is no control character (`char::is_control`).
const PLAIN: &str = r"[^\x00-\x1F\x7F-\x9F]";
/// The same, and no white space.
const VISIBLE: &str = r"[^\s\x00-\x1F\x7F-\x9F]";

/// Gives the schemas of bodies their shapes.
pub(super) fn shape_bodies(schemas: &mut Schemas) {
    schemas.insert(CURRENCY.to_owned(), currencies());
    for (place, shape) in ROWS.iter() {
        let Place::Body(schema, field) = place else { continue };
        if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(*schema)
            && let Some(found) = object.properties.get_mut(*field)
        {
            shape.apply(found);
        }
    }
}

/// Gives a parameter of a route's query its shape.
pub(super) fn shape_parameter(route: &Route, mut parameter: Parameter) -> Parameter {
    let is_it = |place: &Place| match place {
        Place::Query(routes, name) => {
            *name == parameter.name && (routes.is_empty() || routes.contains(&route.name))
        }
        Place::Body(..) => false,
    };
    let found = ROWS.iter().find(|(place, _)| is_it(place));
    if let (Some((_, shape)), Some(schema)) = (found, &mut parameter.schema) {
        shape.apply(schema);
    }
    parameter
}

impl Shape {
    fn apply(&self, schema: &mut RefOr<Schema>) {
        match schema {
            RefOr::T(Schema::Object(object)) if *self == Self::Currency => {
                let named = Ref::builder().ref_location_from_schema_name(CURRENCY);
                *schema = RefOr::Ref(named.description(object.description.take()).build());
            }
            RefOr::T(Schema::Object(object)) => self.apply_to(object),
            RefOr::T(Schema::Array(array)) => {
                let Self::List(least, most, item) = self else { return };
                array.min_items = Some(*least);
                array.max_items = Some(*most);
                if let (Some(item), ArrayItems::RefOrSchema(items)) = (item, &mut array.items) {
                    item.apply(items);
                }
            }
            RefOr::T(_) | RefOr::Ref(_) => {}
        }
    }

    fn apply_to(&self, object: &mut Object) {
        match self {
            Self::Range(least, most) => {
                object.minimum = Some(Number::from(*least));
                object.maximum = Some(Number::from(*most));
            }
            Self::Text(least, most) => {
                object.min_length = (*least > 0).then_some(*least);
                object.max_length = Some(*most);
                object.pattern = Some(if *least > 0 {
                    format!("^{PLAIN}*{VISIBLE}{PLAIN}*$")
                } else {
                    format!("^{PLAIN}*$")
                });
            }
            Self::Pattern(pattern) => object.pattern = Some(pattern.clone()),
            Self::Bounded(pattern, most) => {
                object.pattern = Some(pattern.clone());
                object.max_length = Some(*most);
            }
            Self::Longest(most) => object.max_length = Some(*most),
            Self::Words(words) => {
                let mut values: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
                // A list of values is all that there may be, of a field that may be null as well.
                if matches!(&object.schema_type, SchemaType::Array(kinds) if kinds.contains(&Type::Null))
                {
                    values.push(Value::Null);
                }
                object.enum_values = Some(values);
            }
            Self::Day => {
                object.format = Some(SchemaFormat::KnownFormat(KnownFormat::Date));
                object.pattern = Some(DAY.to_owned());
            }
            Self::Time => {
                object.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
                object.pattern = Some(TIME.to_owned());
            }
            Self::Currency | Self::List(..) => {}
        }
    }
}

const DAY: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";
const TIME: &str = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$";

/// All that the bank knows.
fn currencies() -> RefOr<Schema> {
    let codes = money::Currency::all().map(money::Currency::code);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes))
        .examples([Value::from("INR")])
        .description(Some("ISO 4217, upper case: every currency that has a minor unit."))
        .into()
}
