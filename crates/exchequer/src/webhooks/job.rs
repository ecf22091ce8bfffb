//! The delivery: endpoints with something to send get a turn each, side by side.
//!
//! A turn: a lease on the endpoint, by compare-and-set, so that of several nodes one has it; what is due; the
//! tries, [`WIDTH`] at once and without a transaction open; then, in one write, the position and a row for what
//! failed. Whoever dies in between has changed nothing: the lease runs out and the tries are made again, under the
//! same ids. Each try is signed at its own time, so that none arrives older than receivers allow.
//!
//! An endpoint that takes nothing is asked for one event only, after longer and longer pauses; the others wait
//! behind its position, where they cost nothing. So it holds up nobody: of [`TURNS`] at once, at most
//! [`FAILING_TURNS`] are of such. Bound of a turn: [`MAX_EVENTS`] events, fewer once a round of them all failed.

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use money::{Timestamp, WebhookId};
use serde_json::json;
use store::{DbError, Tx};
use tokio::sync::watch;
use vault::{WebhookKey, WebhookMessage};

use super::model::{
    DeliveryRow, DeliveryStatus, EndpointRow, EndpointStatus, FAILING_SECONDS, MAX_ATTEMPTS,
    MerchantEvent, endpoint_pause_seconds, pause_seconds,
};
use super::sender::{Failure, Post};
use super::store::turns::{self, Turn};
use super::{store as rows, view};
use crate::bank::{Act, Bank};
use crate::events;
use crate::traces;

/// Endpoints in hand at once.
const TURNS: usize = 256;
/// Of them, endpoints that take nothing.
const FAILING_TURNS: usize = 64;
/// Events of one endpoint on their way at once.
const WIDTH: usize = 8;
/// Events of one turn, those that wait for another try among them.
const MAX_EVENTS: usize = 64;
/// Events looked at for one turn: most of them may be none of the endpoint's.
const MAX_LOOKED_AT: i64 = 256;
/// Longer than a turn of events that are all slow, but for the last round.
const LEASE_SECONDS: i64 = 300;
/// While turns are under way, how long until others are looked for.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(250);

const DUE: &str = "webhooks.due";
const LEASE: &str = "webhooks.lease";
const MARK: &str = "webhooks.mark";

/// An endpoint in this node's hands.
struct Leased {
    endpoint: EndpointRow,
    until: Timestamp,
    keys: Vec<WebhookKey>,
    items: Vec<Item>,
    /// Where the position is once all items were tried.
    end: i64,
}

/// An event to be sent; with its row, where it was tried before.
#[derive(Clone)]
struct Item {
    event: MerchantEvent,
    retry: Option<DeliveryRow>,
}

type Tried = (Item, Result<(), Failure>);

/// Gives every endpoint that has something to send its turns; gives how many events were taken. Ends when nothing
/// is due, or after the rounds under way when `stop` turns true.
pub(crate) async fn deliver(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut in_hand = FuturesUnordered::new();
    let (mut taken, mut failing, mut trouble) = (0_u64, 0_usize, None);
    loop {
        let room = TURNS.saturating_sub(in_hand.len());
        if room > 0 && trouble.is_none() && !*stop.borrow() {
            match lease(bank, room, FAILING_TURNS.saturating_sub(failing)).await {
                Ok(leased) => {
                    for id in leased {
                        failing += usize::from(id.2);
                        in_hand.push(turn(bank, stop, id));
                    }
                }
                Err(error) => trouble = Some(error),
            }
        }
        if in_hand.is_empty() {
            return trouble.map_or(Ok(taken), Err);
        }
        tokio::select! {
            Some((was_failing, ended)) = in_hand.next() => {
                failing = failing.saturating_sub(usize::from(was_failing));
                match ended {
                    Ok(events) => taken = taken.saturating_add(events),
                    Err(error) => trouble = Some(error),
                }
            }
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Endpoint, end of the lease, and whether it is one that takes nothing.
type Lease = (WebhookId, Timestamp, bool);

async fn lease(bank: &Bank, room: usize, for_failing: usize) -> Result<Vec<Lease>, DbError> {
    let now = bank.tools().now();
    let (room, for_failing) = (limit(room), limit(for_failing));
    let look = move |tx: &mut Tx<'_>| {
        let well = turns::due(tx, now, (0, room))?;
        let mut all = if for_failing > 0 {
            turns::due(tx, now, (i64::MAX, room.min(for_failing)))?
        } else {
            Vec::new()
        };
        all.retain(|found| !well.contains(found));
        let failing = all.into_iter().map(|(id, seen)| (id, seen, true));
        Ok(well.into_iter().map(|(id, seen)| (id, seen, false)).chain(failing).collect::<Vec<_>>())
    };
    // Most of the time nothing is due, and then nothing is written.
    let due: Vec<Lease> = bank.db().read(DUE, look).await?;
    if due.is_empty() {
        return Ok(due);
    }
    let until = now.plus_seconds(LEASE_SECONDS);
    let take = move |tx: &mut Tx<'_>| {
        let mut leased = Vec::new();
        for (id, seen, is_failing) in &due {
            if turns::lease(tx, id, (*seen, until))? {
                leased.push((*id, until, *is_failing));
            }
        }
        Ok(leased)
    };
    bank.db().write(LEASE, take).await
}

/// One turn of a leased endpoint; how many events it took.
async fn turn(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
    (id, until, is_failing): Lease,
) -> (bool, Result<u64, DbError>) {
    let ended = async {
        let tools = bank.tools().clone();
        let load = move |tx: &mut Tx<'_>| {
            let Some(endpoint) = rows::any(tx, &id)? else { return Ok(None) };
            let now = tools.now();
            let keys = rows::keys(tx, &tools, &endpoint, now)?;
            let (items, end) = items(tx, &endpoint, now)?;
            Ok::<_, DbError>(Some(Leased { endpoint, until, keys, items, end }))
        };
        // Deleted since, and with it everything that waited.
        let Some(mut leased) = bank.db().read(DUE, load).await? else { return Ok(0) };
        let tried = tries(bank, stop, &mut leased).await?;
        let taken = tried.iter().filter(|(_, result)| result.is_ok()).count();
        mark(bank, leased, tried).await?;
        Ok(u64::try_from(taken).unwrap_or(u64::MAX))
    };
    (is_failing, ended.await)
}

/// What an endpoint is sent in this turn: what waits for another try, then new events; and the position then.
fn items(
    tx: &mut Tx<'_>,
    endpoint: &EndpointRow,
    now: Timestamp,
) -> Result<(Vec<Item>, i64), DbError> {
    let of = (&endpoint.merchant, endpoint.mode);
    let most = if endpoint.streak > 0 { 1 } else { MAX_EVENTS };
    // In turns, where there is room for one: neither keeps the other waiting for ever.
    let is_for_new = endpoint.streak % 2 == 0;
    let retries = turns::retries(tx, endpoint, now, limit(most.div_ceil(2)))?;
    let found = rows::events_after(tx, of, (endpoint.position, MAX_LOOKED_AT))?;
    let (mut end, mut items) = (endpoint.position, Vec::new());
    let has_new = found.iter().any(|event| endpoint.wants(&event.topic));
    if most > 1 || !(is_for_new && has_new) {
        items.extend(retries.into_iter().map(|(row, event)| Item { event, retry: Some(row) }));
    }
    for event in found {
        let is_wanted = endpoint.wants(&event.topic);
        if is_wanted && items.len() >= most {
            break;
        }
        end = event.sequence;
        if is_wanted {
            items.push(Item { event, retry: None });
        }
    }
    Ok((items, end))
}

/// Sends what is to be sent, in rounds, until a round of which nothing was taken.
async fn tries(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
    leased: &mut Leased,
) -> Result<Vec<Tried>, DbError> {
    let mut tried: Vec<Tried> = Vec::new();
    let mut left = leased.items.as_slice();
    while !left.is_empty() && !*stop.borrow() {
        let (round, rest) = left.split_at(left.len().min(WIDTH));
        let results = join_all(round.iter().map(|item| post(bank, leased, item))).await;
        let mut was_taken = false;
        for (item, result) in round.iter().zip(results) {
            let result = result?;
            was_taken |= result.is_ok();
            tried.push((item.clone(), result));
        }
        left = rest;
        if !was_taken {
            break;
        }
    }
    // What was not tried stays behind the position.
    if let Some(first) = left.iter().find(|item| item.retry.is_none()) {
        leased.end = first.event.sequence.saturating_sub(1);
    }
    Ok(tried)
}

async fn post(bank: &Bank, leased: &Leased, item: &Item) -> Result<Result<(), Failure>, DbError> {
    let view = view(item.event.clone())?;
    let body = serde_json::to_vec(&view)
        .map_err(|error| DbError::Corrupt(format!("{}: {error}", view.id)))?;
    let timestamp = bank.tools().now().seconds();
    let message = WebhookMessage { id: &view.id, timestamp, body: &body };
    let signatures: Result<Vec<String>, _> =
        leased.keys.iter().map(|key| key.sign(&message)).collect();
    let Ok(signatures) = signatures else { return Ok(Err(Failure::NotSent)) };
    let signatures = signatures.join(" ");
    let post = Post { id: view.id, timestamp, signatures, body };
    let sent = bank.webhooks().send(&leased.endpoint.url, post);
    let failed = |sent: &Result<(), Failure>| sent.is_err().then_some("not_taken");
    Ok(traces::call(("webhook.send", "receiver"), sent, failed).await)
}

/// Writes what became of a turn. Where the lease is another's by now, nothing: what was taken here is sent again.
async fn mark(bank: &Bank, leased: Leased, tried: Vec<Tried>) -> Result<(), DbError> {
    let act = bank.system_act(MARK);
    let endpoint = leased.endpoint;
    let turn = outcome(&act, &endpoint, (&tried, leased.until, leased.end));
    let chance: Vec<i64> = tried.iter().map(|_| i64::from(act.tools.rng().below(101))).collect();
    bank.db()
        .write(MARK, move |tx| {
            if !turns::finish(tx, &endpoint.id, &turn)? {
                return Ok(());
            }
            for ((item, result), chance) in tried.iter().zip(&chance) {
                keep(tx, &act, &endpoint, (item, result, *chance))?;
            }
            let is_gone = tried.iter().any(|(_, result)| result.is_err_and(Failure::is_gone));
            let is_failing = turn
                .failing_since
                .is_some_and(|since| act.now >= since.plus_seconds(FAILING_SECONDS));
            if is_gone {
                stop(tx, &act, &endpoint, EndpointStatus::Gone)?;
            } else if is_failing {
                stop(tx, &act, &endpoint, EndpointStatus::Failing)?;
            }
            Ok(())
        })
        .await
}

fn outcome(
    act: &Act,
    endpoint: &EndpointRow,
    (tried, leased_until, position): (&[Tried], Timestamp, i64),
) -> Turn {
    let was_taken = tried.iter().any(|(_, result)| result.is_ok());
    let error = tried.iter().rev().find_map(|(_, result)| result.err());
    let mut turn = Turn {
        leased_until,
        position,
        next_at: act.now,
        streak: endpoint.streak,
        failing_since: endpoint.failing_since,
        last_error: endpoint.last_error.clone(),
        last_delivered_at: endpoint.last_delivered_at,
    };
    if was_taken {
        (turn.streak, turn.failing_since) = (0, None);
        turn.last_delivered_at = Some(act.now);
        turn.last_error = None;
    } else if let Some(error) = error {
        turn.streak = endpoint.streak.saturating_add(1);
        turn.failing_since = endpoint.failing_since.or(Some(act.now));
        turn.last_error = Some(error.to_string());
        turn.next_at = act.now.plus_seconds(endpoint_pause_seconds(turn.streak));
    }
    turn
}

/// Keeps what is to be kept of one try: of an event that was taken at once, nothing.
fn keep(
    tx: &mut Tx<'_>,
    act: &Act,
    endpoint: &EndpointRow,
    (item, result, chance): (&Item, &Result<(), Failure>, i64),
) -> Result<(), DbError> {
    let seen = item.retry.as_ref().and_then(|row| row.next_at);
    let attempts = item.retry.as_ref().map_or(0, |row| row.attempts).saturating_add(1);
    let (status, error) = match result {
        Ok(()) if item.retry.is_none() => return Ok(()),
        Ok(()) => (DeliveryStatus::Delivered, None),
        Err(error) if attempts < MAX_ATTEMPTS => (DeliveryStatus::Waiting, Some(*error)),
        Err(error) => (DeliveryStatus::Dead, Some(*error)),
    };
    let is_waiting = status == DeliveryStatus::Waiting;
    let next_at = act.now.plus_seconds(pause_seconds(attempts, chance));
    let before = item.retry.as_ref();
    let row = DeliveryRow {
        sequence: item.event.sequence,
        event: item.event.id,
        status,
        attempts,
        last_error: error
            .map(|error| error.to_string())
            .or_else(|| before.and_then(|row| row.last_error.clone())),
        next_at: Some(next_at).filter(|_| is_waiting),
        created_at: before.map_or(act.now, |row| row.created_at),
        ended_at: Some(act.now).filter(|_| !is_waiting),
    };
    if before.is_none() {
        turns::insert_failed(tx, &endpoint.id, &row)?;
    } else if !turns::update(tx, &endpoint.id, seen, &row)? {
        return Ok(());
    }
    if status == DeliveryStatus::Dead {
        let after = json!({ "event": row.event.to_string(), "error": row.last_error });
        let resource = endpoint.id.to_string();
        events::record(tx, act, "webhook.given_up", &resource, "failed", Some(&after))?;
    }
    Ok(())
}

fn stop(
    tx: &mut Tx<'_>,
    act: &Act,
    endpoint: &EndpointRow,
    status: EndpointStatus,
) -> Result<(), DbError> {
    if turns::stop(tx, &endpoint.id, status)? {
        let after = json!({ "merchant": endpoint.merchant.to_string(), "status": status.as_str() });
        let resource = endpoint.id.to_string();
        events::record(tx, act, "webhook_endpoint.stopped", &resource, "done", Some(&after))?;
    }
    Ok(())
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
