//! What every program asks of a server: is it alive, is it ready, what can it do.
//!
//! `/healthz` touches nothing; `/readyz` goes the way of a real request through both doors of the
//! database and opens a sealed value, within [`PROBE_LIMIT`]. The reference is made once per process,
//! since it is a function of the program alone. What it never does: tell a probe more than which
//! check failed; the log has the cause.

mod store;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;
use std::time::Duration;

use ::store::cache::State;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use vault::Place;

pub(crate) use self::store::schema_version;
use super::input::BodySchema;
use super::reply::JSON;
use super::routes::Output;
use super::{Answer, Code, Nothing, Problem, Public, Reply, Route, Routes, docs, openapi};
use crate::bank::Tools;

/// Longer than this a bank that can serve does not need, and a balancer does not wait.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

pub fn routes(routes: Routes) -> Routes {
    let probe = "a probe has no token, and learns only whether this process can serve";
    let reference = "the reference says nothing of any customer";
    routes
        .public(probe, Route::get("/healthz", "getHealth", "Whether the process is alive"), health)
        .public(
            probe,
            Route::get("/readyz", "getReadiness", "Whether database and keys answer"),
            readiness,
        )
        .public(
            reference,
            Route::get("/openapi.json", "getOpenApi", "This document"),
            |_: Public, _: Nothing| async { Ok(Reply::<Document>::json_bytes(pages().openapi)) },
        )
        .public(
            reference,
            Route::get("/docs", "getReference", "This document as a page"),
            |_: Public, _: Nothing| async { Ok(Reply::html(pages().reference)) },
        )
        .public(
            reference,
            Route::get("/docs/errors", "getErrorCodes", "All error codes as a page"),
            |_: Public, _: Nothing| async { Ok(Reply::html(pages().errors)) },
        )
        .public(
            reference,
            Route::get("/docs/style.css", "getStyleSheet", "How the pages look"),
            |_: Public, _: Nothing| async {
                Ok(Reply::css(Bytes::from_static(docs::STYLE.as_bytes())))
            },
        )
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    status: &'static str,
}

/// The bank can serve. When it cannot, the answer is a problem that names the check.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReadinessChecks)]
struct Checks {
    /// `ok`: the database reads and writes, and its schema is the one this version knows.
    database: &'static str,
    /// `ok`: a sealed value opens again.
    keys: &'static str,
    /// `memory`: fast state is this process's own. `redis`: Redis answers. `redis_gone`: it does not;
    /// signing in and moving money are refused, the rest goes on, so a balancer should not turn away.
    cache: &'static str,
}

/// The OpenAPI document itself.
struct Document;

impl Output for Document {
    fn describe() -> Option<BodySchema> {
        let name = "OpenApiDocument".to_owned();
        let schema = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An OpenAPI 3.1 document."));
        Some(BodySchema { media_type: JSON, schemas: vec![(name.clone(), schema.into())], name })
    }
}

#[derive(Clone)]
struct Pages {
    openapi: Bytes,
    reference: Bytes,
    errors: Bytes,
}

fn pages() -> Pages {
    static PAGES: LazyLock<Pages> = LazyLock::new(|| {
        let routes = super::routes();
        let document = openapi::document(&routes);
        Pages {
            openapi: openapi::text(&document).into(),
            reference: docs::reference_page(&routes, &document).into(),
            errors: docs::errors_page().into(),
        }
    });
    PAGES.clone()
}

async fn health(_: Public, _: Nothing) -> Answer<Health> {
    Ok(Reply::ok(&Health { status: "ok" }))
}

async fn readiness(caller: Public, _: Nothing) -> Answer<Readiness> {
    let version = caller.read("system.ready", |tx| Ok(store::schema_version(tx)?));
    // Nothing is written: what is asked is whether the writer begins and commits.
    let written = caller.write("system.ready", |_, _| Ok(()));
    let both = async { tokio::try_join!(version, written) };
    match tokio::time::timeout(PROBE_LIMIT, both).await {
        Ok(Ok((version, ()))) if version == ::store::latest_version() => {}
        Ok(Ok((version, ()))) => {
            let cause = format!("the schema has version {version}, this program another");
            return Err(not_ready("database", cause));
        }
        Ok(Err(problem)) => {
            return Err(not_ready("database", problem.cause.unwrap_or_default()));
        }
        Err(_) => return Err(not_ready("database", "no answer in time")),
    }
    if let Err(cause) = keys_answer(caller.bank().tools()) {
        return Err(not_ready("keys", cause));
    }
    let cache = match caller.bank().cache().state().await {
        State::Memory => "memory",
        State::Redis => "redis",
        State::RedisGone => "redis_gone",
    };
    let checks = Checks { database: "ok", keys: "ok", cache };
    Ok(Reply::ok(&Readiness { status: "ready", checks }))
}

fn not_ready(check: &str, cause: impl ToString) -> Problem {
    Problem::new(Code::Unavailable).detail(format!("the check `{check}` failed")).cause(cause)
}

/// Seals a value and opens it again, as every row with a personal field needs it.
pub(crate) fn keys_answer(tools: &Tools) -> Result<(), String> {
    const PROBE: &str = "ready";
    let place = Place { table: "readiness", column: "probe", row: b"probe" };
    let opened = tools.seal(&place, PROBE).and_then(|sealed| tools.unseal(&place, &sealed));
    match opened {
        Ok(text) if text.expose() == PROBE => Ok(()),
        Ok(_) => Err("a sealed value came back changed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
