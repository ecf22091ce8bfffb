//! What a route answers: its one success, and one response per status of its refusals.

use std::collections::BTreeMap;

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::Header;
use utoipa::openapi::response::{Response, ResponseBuilder, Responses};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, Ref, RefOr};

use super::operations::{content, header};
use super::{CODES_EXTENSION, Schemas};
use crate::http::codes::Code;
use crate::http::input::BodySchema;
use crate::http::limits::rules::Class;
use crate::http::once::PROBLEM_JSON;
use crate::http::routes::Route;

const REQUEST_ID: (&str, &str) = ("X-Request-Id", "RequestId");
const REPLAYED: (&str, &str) = ("Idempotent-Replayed", "IdempotentReplayed");
const RETRY_AFTER: (&str, &str) = ("Retry-After", "RetryAfter");
const RATE_LIMIT: (&str, &str) = ("RateLimit", "RateLimit");
const RATE_LIMIT_POLICY: (&str, &str) = ("RateLimit-Policy", "RateLimitPolicy");
const AUTHENTICATE: (&str, &str) = ("WWW-Authenticate", "WwwAuthenticate");

pub(super) fn responses(route: &Route, schemas: &Schemas) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in route.all_codes() {
        by_status.entry(code.status()).or_default().push(code);
    }
    let refusals =
        by_status.into_iter().map(|(status, codes)| (status, refusal(route, status, &codes)));
    let waiting = route.waiting.as_ref().map(|body| (202, accepted(route, (body, schemas))));
    std::iter::once((route.success, success(route, schemas)))
        .chain(waiting)
        .chain(refusals)
        .map(|(status, response)| (status.to_string(), response))
        .collect()
}

/// The headers that responses refer to.
pub(super) fn headers() -> Vec<(&'static str, Header)> {
    vec![
        (REQUEST_ID.1, header(Type::String, "Id of this request, as in the bank's log.")),
        (
            REPLAYED.1,
            header(
                Type::String,
                "`true` on the answer of an earlier request with the same key, given again.",
            ),
        ),
        (RETRY_AFTER.1, header(Type::Integer, "Seconds to wait before the same request again.")),
        (
            RATE_LIMIT.1,
            header(
                Type::String,
                "What is left of the first policy: `r` requests now, more in `t` seconds \
                 (draft-ietf-httpapi-ratelimit-headers).",
            ),
        ),
        (
            RATE_LIMIT_POLICY.1,
            header(
                Type::String,
                "The limits of this route: at most `q` requests in any `w` seconds, each policy \
                 counted for whom its name says.",
            ),
        ),
        (AUTHENTICATE.1, header(Type::String, "`Bearer`")),
    ]
}

/// Nothing is done yet.
fn accepted(route: &Route, (body, schemas): (&BodySchema, &Schemas)) -> Response {
    let text = "It waits for a second operator: `POST /v1/staff/approvals/{id}/approve`.";
    answered(route, text).content(body.media_type, content(body, schemas)).build()
}

fn success(route: &Route, schemas: &Schemas) -> Response {
    let response = answered(route, "Done.");
    let response = match &route.output {
        Some(body) => response.content(body.media_type, content(body, schemas)),
        None => response,
    };
    let files = route.files.iter().fold(response, |response, media_type| {
        response.content(*media_type, ContentBuilder::new().build())
    });
    files.build()
}

/// With the headers that every answer but a refusal has.
fn answered(route: &Route, text: &str) -> ResponseBuilder {
    let response = with_headers(ResponseBuilder::new().description(text), &[REQUEST_ID]);
    let response = if route.once { with_headers(response, &[REPLAYED]) } else { response };
    if route.class == Class::Probe {
        response
    } else {
        with_headers(response, &[RATE_LIMIT, RATE_LIMIT_POLICY])
    }
}

fn refusal(route: &Route, status: u16, codes: &[Code]) -> Response {
    let lines: Vec<_> =
        codes.iter().map(|code| format!("- `{}`: {}.", code.as_str(), code.title())).collect();
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(Some::<RefOr<_>>(schema)).build();
    let response = ResponseBuilder::new()
        .description(lines.join("\n"))
        .content(PROBLEM_JSON, content)
        .extensions(Some(Extensions::from_iter([(CODES_EXTENSION, names)])));
    let mut response = with_headers(response, &[REQUEST_ID]);
    // Refusals of the act itself are stored with its key; what is refused before the act is not.
    let of_the_act = |code: &Code| *code == Code::NotFound || route.codes.contains(code);
    if route.once && codes.iter().any(of_the_act) {
        response = with_headers(response, &[REPLAYED]);
    }
    if codes.iter().any(|code| code.retry_after_seconds().is_some()) || status == 429 {
        response = with_headers(response, &[RETRY_AFTER]);
    }
    if codes.contains(&Code::RateLimited) {
        response = with_headers(response, &[RATE_LIMIT, RATE_LIMIT_POLICY]);
    }
    if status == 401 {
        response = with_headers(response, &[AUTHENTICATE]);
    }
    response.build()
}

fn with_headers(response: ResponseBuilder, headers: &[(&str, &str)]) -> ResponseBuilder {
    headers.iter().fold(response, |response, (name, component)| {
        response.header_ref(*name, Ref::new(format!("#/components/headers/{component}")))
    })
}
