//! The reference for people: pages made once from the OpenAPI document and the table of codes.
//!
//! They are HTML and one style sheet: no script, nothing from another address (an embedded Swagger UI
//! is 1.5 MB of script for what HTML does), so that they read the same under the strictest policy, on a
//! phone, on paper and with a screen reader. Every text goes through `markup::escape`. The plain-text
//! tables of the command line and of `docs/api.md` stand in `tables`.

mod errors;
mod markdown;
mod markup;
mod operation;
mod reference;
mod schema;
mod tables;
#[cfg(test)]
mod tests;

pub use tables::{
    codes_table, codes_text, permissions_text, public_text, routes_table, routes_text,
};

use utoipa::openapi::OpenApi;

use super::routes::Routes;

/// `GET /docs/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// `GET /docs`.
pub fn reference_page(routes: &Routes, document: &OpenApi) -> String {
    reference::Reference::new(routes, document).to_string()
}

/// `GET /docs/errors`.
pub fn errors_page() -> String {
    errors::Errors.to_string()
}
