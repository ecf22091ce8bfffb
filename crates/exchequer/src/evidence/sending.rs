//! The trail elsewhere: every leaf of the log goes to a collector of the bank's own while the log is written.
//!
//! Order, each second on the node that writes the log: the leaves behind the last one that the collector took, as far as a
//! signed checkpoint covers them, go to it as lines of JSON with that checkpoint behind them; where it takes them (2xx)
//! the place is kept and the next ones go. So each is sent at least once, in the order of the log, and none is left out;
//! whoever takes them knows a leaf by its number. A collector that is gone, slow or refuses blocks nothing: health, log and
//! one event tell, and the same leaves are sent again. A row that is not as its leaf has it is sent as the leaf's hash.
//! Cost: of each leaf its row once more, in a reader; a write for each batch. Bound: [`BATCH`], [`BATCHES`], [`LIMITS`].
//! Never here: what was before and after, a balance, a memo, an address or an agent.

use ::store::{DbError, Tx};
use data_encoding::BASE64;
use http::{Method, header};
use money::{
    CustomerId, EventId, MerchantId, RequestId, SessionId, StaffId, Timestamp, TransferId,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::bundle::BUNDLE_LEAVES;
use super::model::{Facts, OriginRow};
use super::outside::{self, Keeper};
use super::prove::{Made, made_in};
use super::store as log;
use crate::bank::Bank;
use crate::config::TrailAddress;
use crate::events::model::TRANSFER_POSTED;
use crate::gateways::Limits;
use crate::gateways::client::{Client, Silence, exchange};
use crate::jobs::{keep_place, lock_place, place};

/// The job, and under which name its place is kept.
pub(crate) const NAME: &str = "log.send";

const LIMITS: Limits =
    Limits { connect: std::time::Duration::from_secs(2), whole: std::time::Duration::from_secs(5) };
/// Leaves of one request: some 600 KB.
const BATCH: u64 = 4 * BUNDLE_LEAVES;
/// Requests of one run.
const BATCHES: usize = 64;
/// Nothing of an answer is read but that it ends.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Why the collector has not taken what it was sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Untaken {
    #[error("its address cannot be used: {0}")]
    Settings(String),
    #[error(transparent)]
    Silence(#[from] Silence),
    #[error("it answered {0}")]
    Status(u16),
}

/// Leaves from one number to another, as lines.
struct Batch {
    from: u64,
    to: u64,
    body: String,
}

/// Sends what is not sent yet; gives how many leaves were taken.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let Some(address) = &bank.config().evidence.trail else { return Ok(0) };
    let mut taken = 0_u64;
    let mut client = bank.sequencer().trail.lock().await;
    for _ in 0..BATCHES {
        if *stop.borrow() || !bank.sequencer().status().is_leader {
            break;
        }
        let Some(batch) = bank.db().read(NAME, next).await? else { break };
        match send(&mut client, address, batch.body).await {
            Ok(()) => {
                let (from, to, now) = (batch.from, batch.to, bank.tools().now());
                bank.db().write("log.sent", move |tx| keep(tx, (from, to), now)).await?;
                bank.sequencer().status().sent = to;
                outside::recover(bank, Keeper::Trail).await?;
                taken = taken.saturating_add(to.saturating_sub(from));
            }
            Err(why) => {
                outside::fail(bank, Keeper::Trail, format!("the trail's collector: {why}")).await?;
                break;
            }
        }
    }
    Ok(taken)
}

/// The leaves behind the place that is kept; none where all were taken.
fn next(tx: &mut Tx<'_>) -> Result<Option<Batch>, DbError> {
    let from = number(place(tx, NAME)?);
    let Some(kept) = log::checkpoint(tx)? else { return Ok(None) };
    let to = kept.size.min(from.saturating_add(BATCH));
    if to <= from {
        return Ok(None);
    }
    let (first, last) = (from / BUNDLE_LEAVES, to.saturating_sub(1) / BUNDLE_LEAVES);
    let most = i64::try_from(last.saturating_sub(first)).unwrap_or(i64::MAX).saturating_add(1);
    let (mut body, mut reached) = (String::new(), from);
    for bundle in log::bundles_from(tx, first, most)? {
        for made in made_in(tx, &bundle)? {
            if made.index == reached && reached < to {
                line(&mut body, &said(&made));
                reached = reached.saturating_add(1);
            }
        }
    }
    if reached != to {
        return Err(DbError::Corrupt(format!("leaf {reached} of the log is in no bundle")));
    }
    line(&mut body, &json!({ "size": kept.size, "checkpoint": kept.note }));
    Ok(Some(Batch { from, to, body }))
}

fn line(body: &mut String, value: &Value) {
    body.push_str(&value.to_string());
    body.push('\n');
}

/// A leaf as a line: what it says in the open, who acted, and its bytes.
fn said(made: &Made) -> Value {
    let Some((row, leaf)) = &made.row else {
        return json!({ "index": made.index, "lost": true, "hash": BASE64.encode(&made.hash) });
    };
    let (at, action, resource, outcome) = match &row.facts {
        Facts::Event(event) => {
            (event.at, &event.action[..], event.resource.clone(), &event.outcome[..])
        }
        Facts::Transfer(transfer) => {
            let id = TransferId::from_bytes(row.id).to_string();
            (transfer.posted_at, TRANSFER_POSTED, id, "done")
        }
    };
    json!({
        "index": made.index,
        "id": EventId::from_bytes(row.id).to_string(),
        "at": Timestamp::from_micros(at).to_string(),
        "action": action,
        "resource": resource,
        "outcome": outcome,
        "actor": actor(&row.origin),
        "request": RequestId::from_bytes(row.request).to_string(),
        "leaf": BASE64.encode(leaf),
    })
}

fn actor(origin: &OriginRow) -> Value {
    let id = origin.actor.and_then(|id| match origin.actor_kind.as_str() {
        "customer" => Some(CustomerId::from_bytes(id).to_string()),
        "staff" => Some(StaffId::from_bytes(id).to_string()),
        "merchant" => Some(MerchantId::from_bytes(id).to_string()),
        _ => None,
    });
    let session = origin.session.map(|id| SessionId::from_bytes(id).to_string());
    json!({ "kind": origin.actor_kind, "id": id, "session": session })
}

async fn send(
    kept: &mut Option<Client>,
    address: &TrailAddress,
    body: String,
) -> Result<(), Untaken> {
    let client = match kept.take() {
        Some(client) => client,
        None => Client::new(&address.url, LIMITS)
            .map_err(|error| Untaken::Settings(error.to_string()))?,
    };
    let mut request = client
        .request(Method::POST, "")
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(body);
    if let Some(token) = &address.token {
        request = request.bearer_auth(token.expose());
    }
    let answer = exchange(request, MAX_ANSWER_BYTES).await;
    *kept = Some(client);
    match answer?.status {
        200..=299 => Ok(()),
        status => Err(Untaken::Status(status)),
    }
}

/// Keeps how far it is, unless somebody else has come farther meanwhile: then some are sent twice.
fn keep(tx: &mut Tx<'_>, (from, to): (u64, u64), now: Timestamp) -> Result<(), DbError> {
    if number(lock_place(tx, NAME, now)?) == from {
        keep_place(tx, NAME, (&u128::from(to).to_be_bytes(), now))?;
    }
    Ok(())
}

fn number(place: [u8; 16]) -> u64 {
    u64::try_from(u128::from_be_bytes(place)).unwrap_or(u64::MAX)
}
