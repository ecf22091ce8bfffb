//! The look itself: what the parts answer now, and what the database knows of them.

use std::time::Duration;

use ::store::cache;
use ::store::{DbError, Kind, Tx};
use money::Timestamp;
use tokio::time::Instant;
use vault::KeyState;

use super::model::{
    self, Check, GatewayFacts, KeyFacts, NOTHING, OutboxFacts, State, WebhookFacts, fact,
};
use super::store;
use crate::bank::Bank;
use crate::http::system;
use crate::jobs::{self, Job};
use crate::keys;
use crate::merchants::keys::Mode;

/// What was found.
pub struct Look {
    pub checks: Vec<Check>,
    /// None where the database did not say.
    pub known: Option<Known>,
}

/// What the database knows of the parts.
pub struct Known {
    pub keys: Vec<KeyFacts>,
    pub outbox: OutboxFacts,
    pub webhooks: WebhookFacts,
    /// By the name of their check.
    pub gateways: Vec<(&'static str, String, GatewayFacts)>,
}
/// Longer than this a database that is well does not take.
const SLOW: Duration = Duration::from_secs(1);
/// Longer than this nobody waits for it.
const LIMIT: Duration = Duration::from_secs(3);
/// The verb, and the row that it changes.
const WRITE: &str = "health.write";

/// Looks at every part, in the order in which an operator is told of them; takes [`LIMIT`] at most for each.
pub async fn look(bank: &Bank) -> Look {
    let now = bank.tools().now();
    let mut checks = vec![database(bank).await, cache(bank).await];
    let known = tokio::time::timeout(LIMIT, known(bank)).await.ok().and_then(Result::ok);
    if let Some(known) = &known {
        parts(&mut checks, bank, known, now);
    } else {
        let parts = ["keys", "gateway.test", "gateway.live", "outbox", "webhooks"];
        checks.extend(parts.map(Check::unknown));
    }
    checks.push(super::log::check(&bank.sequencer().status().clone(), now));
    if let Some(server) = &bank.config().tls {
        let in_force = server.in_force();
        checks.push(super::tls::certificate(&in_force, now));
        let refused = in_force.callers_refused.as_ref();
        let lists = in_force.lists.map(|lists| super::tls::client_lists(lists, refused, now));
        checks.extend(lists);
    }
    if let Some(peer) = bank.config().cards.vault.as_ref().and_then(|vault| vault.place.tls()) {
        let in_force = peer.files().in_force();
        checks.push(super::tls::vault_certificate(&in_force, now));
        let refused = in_force.callers_refused.as_ref();
        checks.extend(in_force.lists.map(|lists| super::tls::vault_lists(lists, refused, now)));
    }
    let configured = bank.config().secrets.given.len();
    checks.extend(super::secrets::check(configured, bank.secrets(), now));
    checks.push(jobs(bank));
    checks.push(version(bank));
    Look { checks, known }
}

fn parts(checks: &mut Vec<Check>, bank: &Bank, known: &Known, now: Timestamp) {
    let opens = system::keys_answer(bank.tools()).is_ok();
    checks.push(model::keys(&known.keys, opens, now));
    for mode in [Mode::Test, Mode::Live] {
        let name = check_of(mode);
        let found = known.gateways.iter().find(|(of, _, _)| *of == name);
        checks.push(if let Some((_, gateway, facts)) = found {
            model::gateway(name, gateway, *facts, now)
        } else {
            let facts = vec![fact("gateway", "none")];
            Check { name, state: State::Ok, advice: "None is configured.", facts }
        });
    }
    checks.push(model::outbox(known.outbox, now));
    checks.push(model::webhooks(known.webhooks, now));
}

const fn check_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "gateway.test",
        Mode::Live => "gateway.live",
    }
}

/// Changes a row: an empty commit goes through on a disk that is full.
fn write(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    let place = jobs::lock_place(tx, WRITE, now)?;
    jobs::keep_place(tx, WRITE, (&place, now))
}

/// The way of a real request through both doors.
async fn database(bank: &Bank) -> Check {
    let began = Instant::now();
    let both = async {
        let read = bank.db().read("health.read", system::schema_version);
        let now = bank.tools().now();
        let written = bank.db().write(WRITE, move |tx| write(tx, now));
        tokio::try_join!(read, written)
    };
    let result = tokio::time::timeout(LIMIT, both).await;
    let took = began.elapsed();
    let kind = match bank.db().kind() {
        Kind::Sqlite => "SQLite",
        Kind::Postgres => "PostgreSQL",
    };
    let mut facts = vec![fact("kind", kind), fact("round trip, ms", took.as_millis().to_string())];
    let (state, advice) = match result {
        Ok(Ok((version, ()))) => {
            facts.push(fact("schema", version.to_string()));
            if version != ::store::latest_version() {
                (
                    State::Down,
                    "The schema is not the one this version knows. Run `exchequer migrate`.",
                )
            } else if took > SLOW {
                (State::Degraded, "It is slow. Look at its disk, its locks and its load.")
            } else {
                (State::Ok, NOTHING)
            }
        }
        Ok(Err(_)) | Err(_) => {
            (State::Down, "It does not read and write. Look at the database server or the disk.")
        }
    };
    Check { name: "database", state, advice, facts }
}

async fn cache(bank: &Bank) -> Check {
    let (state, advice, kind) = match bank.cache().state().await {
        cache::State::Memory => {
            (State::Ok, "This node's own; with several nodes, use Redis.", "memory")
        }
        cache::State::Redis => (State::Ok, NOTHING, "Redis"),
        cache::State::RedisGone => (
            State::Down,
            "Redis does not answer: signing in and moving money are refused until it does.",
            "Redis",
        ),
    };
    Check { name: "cache", state, advice, facts: vec![fact("kind", kind)] }
}

async fn known(bank: &Bank) -> Result<Known, DbError> {
    let modes = [Mode::Test, Mode::Live];
    let named = modes.map(|mode| (mode, bank.card_gateways().of(mode).map(|g| g.name())));
    bank.db()
        .read("health.parts", move |tx| {
            let unfinished = keys::unfinished(tx)?;
            let active = keys::list(tx)?.into_iter().filter(|key| key.state == KeyState::Active);
            let keys = active.map(|key| KeyFacts {
                purpose: key.purpose.as_str(),
                version: key.version,
                created_at: key.created_at,
                unfinished: unfinished
                    .iter()
                    .filter(|(purpose, _, _)| *purpose == key.purpose)
                    .map(|(_, version, since)| (*version, *since))
                    .collect(),
            });
            let keys = keys.collect();
            let mut gateways = Vec::new();
            for (mode, name) in named {
                if let Some(name) = name {
                    gateways.push((
                        check_of(mode),
                        name.to_owned(),
                        store::gateway(tx, mode, name)?,
                    ));
                }
            }
            let (outbox, webhooks) = (store::outbox(tx)?, store::webhooks(tx)?);
            Ok(Known { keys, outbox, webhooks, gateways })
        })
        .await
}

fn jobs(bank: &Bank) -> Check {
    let has_failed = |job: &Job| {
        let last = bank.journal().of(job.name()).last;
        last.is_some_and(|run| run.result.is_err())
    };
    let failing: Vec<_> = Job::ALL.into_iter().filter(has_failed).map(Job::name).collect();
    model::jobs(&failing)
}

fn version(bank: &Bank) -> Check {
    let facts = vec![
        fact("program", env!("CARGO_PKG_VERSION")),
        fact("serves since", bank.opened_at().to_string()),
        fact("schema known", ::store::latest_version().to_string()),
    ];
    Check { name: "version", state: State::Ok, advice: NOTHING, facts }
}
