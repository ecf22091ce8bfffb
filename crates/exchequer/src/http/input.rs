//! What a handler is given of the request: path ids, query and body, each parsed strictly.
//!
//! JSON: one UTF-8 object ([`super::object`]); unknown and duplicate fields are refused by the types themselves
//! (`deny_unknown_fields`; serde refuses duplicates), depth by serde_json's limit of 128, size before
//! it is read. Nothing is coerced.

use std::str::FromStr;

use axum::extract::Query as AxumQuery;
use bytes::Bytes;
use http::request::Parts;
use http::{Uri, header};
use money::{Currency, CurrencyError, Id, IdKind};
use serde::de::DeserializeOwned;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::codes::Code;
use super::object::Object;
use super::problem::Problem;
use super::reply::JSON;

/// A request as the dispatcher hands it over, the body read whole.
pub struct Raw<'r> {
    pub parts: &'r Parts,
    /// Values of the route's `{name}` segments, in order.
    pub segments: &'r [String],
    pub body: Bytes,
}

/// Something a handler takes besides its caller.
pub trait Input: Sized {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem>;
    /// Adds itself to the route's description.
    fn describe(description: &mut Description);
}

/// What inputs say of themselves, for the OpenAPI document.
#[derive(Default)]
pub struct Description {
    pub body: Option<BodySchema>,
    /// No byte of body is as good as `{}`.
    pub is_body_optional: bool,
    /// The body is signed as it comes, by who is not a caller: anything may stand in it.
    pub is_raw: bool,
    pub query: Vec<utoipa::openapi::path::Parameter>,
    pub headers: Vec<utoipa::openapi::path::Parameter>,
    /// The value of the first `{name}` segment.
    pub segment: Option<Schema>,
}

/// What a body is: its media type, the name of its schema, and that schema with all it refers to.
pub struct BodySchema {
    pub media_type: &'static str,
    pub name: String,
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// Nothing but the caller.
pub struct Nothing;

/// The JSON body.
pub struct Json<T>(pub T);

/// A body that may be left out where every field of it may.
pub struct Optional<T>(pub T);

/// The query string; unknown names are refused.
pub struct Query<T>(pub T);

/// What may stand in a path, and what it looks like there.
pub trait Segment: FromStr {
    fn describe() -> Schema;
}

impl<K: IdKind> Segment for Id<K> {
    fn describe() -> Schema {
        let prefix = K::PREFIX;
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
            .description(Some(format!("`{prefix}_` and 26 characters")))
            .into()
    }
}

/// A currency in a path, as `INR`; an unknown one names nothing.
pub struct CurrencyCode(pub Currency);

impl FromStr for CurrencyCode {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        Currency::from_code(text).map(Self)
    }
}

impl Segment for CurrencyCode {
    fn describe() -> Schema {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217, upper case"))
            .into()
    }
}

/// The first `{id}` of the path. What does not parse names nothing: 404, like an unknown id.
pub struct Path<T>(pub T);

impl Input for Nothing {
    fn read(_: &Raw<'_>) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn describe(_: &mut Description) {}
}

impl<T: DeserializeOwned + ToSchema + Default> Input for Optional<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        if raw.body.is_empty() {
            return Ok(Self(T::default()));
        }
        Json::read(raw).map(|Json(body)| Self(body))
    }

    fn describe(description: &mut Description) {
        Json::<T>::describe(description);
        description.is_body_optional = true;
    }
}

impl<T: DeserializeOwned + ToSchema> Input for Json<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        check_content_type(raw.parts)?;
        let read = serde_json::from_slice(&raw.body);
        read.map(|Object(body)| Self(body)).map_err(|error| {
            // serde's text names fields and positions, and quotes at most a field name of the
            // caller's own; values are not repeated.
            Problem::new(Code::MalformedJson).detail(describe_json_error(&error))
        })
    }

    fn describe(description: &mut Description) {
        description.body = Some(body_schema::<T>());
    }
}

impl<T: DeserializeOwned + IntoParams> Input for Query<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        parse_query(&raw.parts.uri).map(Self)
    }

    fn describe(description: &mut Description) {
        description.query = T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query));
    }
}

impl<T: Segment> Input for Path<T> {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        raw.segments
            .first()
            .and_then(|text| text.parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn describe(description: &mut Description) {
        description.segment = Some(T::describe());
    }
}

impl<A: Input, B: Input> Input for (A, B) {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        Ok((A::read(raw)?, B::read(raw)?))
    }

    fn describe(description: &mut Description) {
        A::describe(description);
        B::describe(description);
    }
}

impl<A: Input, B: Input, C: Input> Input for (A, B, C) {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        Ok((A::read(raw)?, B::read(raw)?, C::read(raw)?))
    }

    fn describe(description: &mut Description) {
        A::describe(description);
        B::describe(description);
        C::describe(description);
    }
}

pub(crate) fn body_schema<T: ToSchema>() -> BodySchema {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    BodySchema { media_type: JSON, name: T::name().into_owned(), schemas }
}

pub(super) fn check_content_type(parts: &Parts) -> Result<(), Problem> {
    let value = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media = value.and_then(|v| v.split(';').next()).unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType))
    }
}

fn parse_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    AxumQuery::<T>::try_from_uri(uri).map(|AxumQuery(query)| query).map_err(|error| {
        let said = without_strange_name(error.to_string());
        Problem::new(Code::MalformedRequest).detail(format!("query string: {said}"))
    })
}

/// The category, field and position of a JSON error, without the offending value.
fn describe_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let safe = if text.starts_with("invalid type") || text.starts_with("invalid value") {
        // "invalid type: string \"secret\", expected i64 at line 1 column 9": drop the value.
        // The last one: the value itself may say ", expected ".
        match text.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => "a value of another type was expected".to_owned(),
        }
    } else {
        without_strange_name(text)
    };
    safe.chars().take(200).collect()
}

/// The longest name that is repeated; those of the API are shorter.
const MAX_NAME_CHARS: usize = 32;

/// An unknown field's name is the caller's own text: it is repeated where it is a word, and not where it may be
/// a value that slipped, a card number say.
fn without_strange_name(text: String) -> String {
    const BEFORE: &str = "unknown field `";
    let Some((head, rest)) = text.split_once(BEFORE) else { return text };
    // The last one: the name itself may have a backtick in it, and those that are expected follow.
    let end = rest.find("`, expected ").or_else(|| rest.rfind("`, there are no fields"));
    let Some((name, tail)) = end.and_then(|end| rest.split_at_checked(end)) else {
        return format!("{head}unknown field");
    };
    let is_word = name.len() <= MAX_NAME_CHARS
        && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'));
    if is_word {
        return text;
    }
    format!("{head}unknown field{}", tail.trim_start_matches('`'))
}
