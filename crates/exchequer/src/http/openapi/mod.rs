//! The OpenAPI 3.1 document: a pure function of the routes table.
//!
//! Order: schemas are gathered first, since the examples of bodies need all of them; then one operation
//! per route. Paths and schemas stand in alphabetical order and fields in the order of their types, so
//! the text is the same on every machine and is kept as a snapshot. The prose is the first part of
//! `docs/api.md`. What it never does: say something of a route that the table does not say.

mod answers;
mod operations;
mod samples;
mod shapes;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use utoipa::openapi::info::{InfoBuilder, License};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Schema, ServerBuilder,
};

use super::input::body_schema;
use super::problem::{FieldProblem, ProblemBody};
use super::routes::Routes;

pub use operations::http_method;
pub use samples::{Sample, example_of, sample};
pub use tags::{TAGS, Tag, tag_of};

/// Schemas by name.
pub type Schemas = BTreeMap<String, RefOr<Schema>>;

pub const CUSTOMER_TOKEN: &str = "customerToken";
pub const STAFF_TOKEN: &str = "staffToken";
pub const MERCHANT_SIGNATURE: &str = "merchantSignature";
/// On a response: the codes it can carry, in the order in which they are decided.
pub const CODES_EXTENSION: &str = "x-codes";

/// `docs/api.md`; what follows its first generated part is made from the same table as this document.
const PAPER: &str = include_str!("../../../../../docs/api.md");
const GENERATED: &str = "<!-- generated:";

/// Describes every route of the table.
pub fn document(routes: &Routes) -> OpenApi {
    let schemas = schemas(routes);
    let mut paths = Paths::new();
    for route in routes.table() {
        let operation = operations::operation(route, &schemas);
        paths.add_path_operation(route.path, vec![http_method(route)], operation);
    }
    let components = ComponentsBuilder::new()
        .security_scheme(CUSTOMER_TOKEN, bearer("A customer's access token."))
        .security_scheme(
            STAFF_TOKEN,
            bearer("An operator's access token; each route names the permission it needs."),
        )
        .security_scheme(MERCHANT_SIGNATURE, signature())
        .parameter(operations::IDEMPOTENCY_KEY, operations::idempotency_key())
        .schemas_from_iter(schemas);
    let components = answers::headers()
        .into_iter()
        .fold(components, |components, (name, header)| components.header(name, header));
    let license = License::builder()
        .name(env!("CARGO_PKG_LICENSE"))
        .identifier(Some(env!("CARGO_PKG_LICENSE")));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Exchequer")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(conventions()))
                .license(Some(license.build())),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(TAGS.iter().filter(|tag| tag.is_used(routes)).map(Tag::described)))
        .build()
}

/// The document as committed, printed and served: indented JSON and a last line end.
pub fn text(document: &OpenApi) -> String {
    // Maps with text keys, texts and integers: serialising them cannot fail.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// What every engineer reads first, as Markdown.
fn conventions() -> &'static str {
    let prose = PAPER.split(GENERATED).next().unwrap_or_default();
    // The document has a title of its own, and the last heading belongs to the generated part.
    let prose = prose.split_once("\n## ").map_or("", |(title, _)| &prose[title.len()..]);
    prose.rsplit_once("\n## ").map_or("", |(before, _)| before).trim()
}

/// Every schema that a body, an answer or a problem refers to. A name stands for one schema only; a
/// test refuses two.
fn schemas(routes: &Routes) -> Schemas {
    let mut schemas = Schemas::new();
    for body in [body_schema::<ProblemBody<'static>>(), body_schema::<FieldProblem>()] {
        schemas.extend(body.schemas);
    }
    for route in routes.table() {
        for body in route.input.body.iter().chain(&route.output).chain(&route.waiting) {
            schemas.extend(body.schemas.iter().cloned());
        }
    }
    shapes::shape_bodies(&mut schemas);
    schemas
}

fn signature() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        "X-Signature",
        "A request signed by a merchant's key: `Authorization: Exchequer key_…`, `X-Timestamp`, `X-Nonce` \
         and `X-Signature`; or RFC 9421 with Content-Digest.",
    )))
}

fn bearer(description: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(description)).build())
}

/// The name at the end of a reference to a schema.
pub(super) fn schema_name(reference: &utoipa::openapi::Ref) -> &str {
    reference.ref_location.rsplit('/').next().unwrap_or_default()
}
