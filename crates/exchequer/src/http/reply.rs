//! A successful answer: status, bytes, and the type they are made from (for the OpenAPI document).

use std::borrow::Cow;
use std::marker::PhantomData;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::input::BodySchema;
use super::problem::Problem;
use super::routes::Output;

/// What a handler gives.
pub type Answer<T> = Result<Reply<T>, Problem>;

/// The bytes of an answer whose body is a `T`.
pub struct Reply<T> {
    pub(crate) raw: RawReply,
    body: PhantomData<fn() -> T>,
}

/// An answer without its type.
#[derive(Debug, Clone)]
pub(crate) struct RawReply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
    /// The answer of an earlier request with the same key.
    pub replayed: bool,
    /// What the request made: kept with its key for ever, longer than the answer.
    pub resource: Option<[u8; 16]>,
    /// `Set-Cookie`; never part of a stored answer.
    pub cookie: Option<HeaderValue>,
    /// `Content-Disposition` of a file; never part of a stored answer.
    pub disposition: Option<HeaderValue>,
}

impl RawReply {
    pub fn new(status: u16, content_type: &'static str, body: Bytes) -> Self {
        let (resource, cookie, disposition) = (None, None, None);
        Self { status, content_type, body, replayed: false, resource, cookie, disposition }
    }
}

/// The body of an answer without one.
#[derive(Debug, Serialize)]
pub struct Empty;

/// The body of a page. All pages get the policy that `dispatch` has for them.
#[derive(Debug)]
pub struct Html;

/// The body of a style sheet.
#[derive(Debug)]
pub struct Css;

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";

impl<T: Serialize> Reply<T> {
    pub fn ok(body: &T) -> Self {
        Self::json(200, body)
    }

    pub fn created(body: &T) -> Self {
        Self::json(201, body)
    }

    /// What was asked for happens later, or not at all.
    pub fn accepted(body: &T) -> Self {
        Self::json(202, body)
    }

    fn json(status: u16, body: &T) -> Self {
        // Our own types of strings, integers and lists: serialising them cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::raw(RawReply::new(status, JSON, body.into()))
    }
}

impl Reply<Empty> {
    pub fn no_content() -> Self {
        Self::raw(RawReply::new(204, JSON, Bytes::new()))
    }
}

impl Reply<Html> {
    pub fn html(page: Bytes) -> Self {
        Self::bytes(HTML, page)
    }
}

impl Reply<Css> {
    pub fn css(sheet: Bytes) -> Self {
        Self::bytes(CSS, sheet)
    }
}

impl Output for Html {
    fn describe() -> Option<BodySchema> {
        Some(text_body(HTML, "HtmlPage", "A page of HTML."))
    }
}

impl Output for Css {
    fn describe() -> Option<BodySchema> {
        Some(text_body(CSS, "StyleSheet", "A style sheet."))
    }
}

impl<T> Reply<T> {
    /// 200 with JSON that was made before.
    pub fn json_bytes(body: Bytes) -> Self {
        Self::bytes(JSON, body)
    }

    /// 200 with a file to be kept under a name, which is one of ours: letters, digits, `-`, `_` and `.`.
    pub fn file(content_type: &'static str, name: &str, body: Bytes) -> Self {
        let mut reply = Self::bytes(content_type, body);
        let disposition = format!("attachment; filename=\"{name}\"");
        reply.raw.disposition = HeaderValue::try_from(disposition).ok();
        reply
    }

    /// 201 with JSON that was made before.
    pub fn created_bytes(body: Bytes) -> Self {
        let reply = Self::bytes(JSON, body);
        Self::raw(RawReply { status: 201, ..reply.raw })
    }

    fn bytes(content_type: &'static str, body: Bytes) -> Self {
        Self::raw(RawReply::new(200, content_type, body))
    }

    pub(crate) fn raw(raw: RawReply) -> Self {
        Self { raw, body: PhantomData }
    }

    /// Names what the request made.
    #[must_use]
    pub fn about<K: money::IdKind>(mut self, id: &money::Id<K>) -> Self {
        self.raw.resource = Some(*id.bytes());
        self
    }

    /// Sets or clears a cookie of the browser.
    #[must_use]
    pub fn with_cookie(mut self, cookie: HeaderValue) -> Self {
        self.raw.cookie = Some(cookie);
        self
    }

    pub(crate) fn replayed(mut self) -> Self {
        self.raw.replayed = true;
        self
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// For `cursor` of the next request; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page of at most `limit` items, from a list that was asked for one more: whether that is there
    /// tells whether there is a next page. `cursor` names an item for the request after it.
    pub fn cut(mut data: Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> String) -> Self {
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = data.len() > shown;
        data.truncate(shown);
        let next_cursor = data.last().filter(|_| more).map(cursor);
        Self { data, next_cursor }
    }
}

// By hand: a derived schema has one name, `Page`, for the pages of all lists.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("For `cursor` of the next request; null on the last page."));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("One page of a list."))
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("data")
            .property("next_cursor", cursor)
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

fn text_body(media_type: &'static str, name: &str, description: &str) -> BodySchema {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    BodySchema {
        media_type,
        name: name.to_owned(),
        schemas: vec![(name.to_owned(), schema.into())],
    }
}
