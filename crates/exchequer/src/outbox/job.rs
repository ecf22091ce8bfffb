//! The delivery: leases what is due, sends it without a transaction open, and marks it.
//!
//! A lease is a compare-and-set on `next_at`, so of several nodes one has a message; when that node dies,
//! the lease runs out and the next takes over: at least once. What is over its time is ended unsent.
//! What is written for nobody is emptied on the way, by the job of mails, and is no message that was given up.
//! A channel without a server keeps its messages and looks again every [`IDLE_SECONDS`].
//!
//! Bound: [`BATCH`] messages of a channel at a time, each at most `message_send_seconds`. Each channel is a job of its
//! own ([`crate::jobs::Job`]), so that a mail server that hangs stops no text message. What may pass is tried again
//! until its time is over, and nothing but that ends it: failures of one message never keep the others waiting.

use futures_util::future::join_all;
use money::Timestamp;
use serde_json::json;
use store::{DbError, Tx};
use tokio::sync::watch;

use super::model::{Channel, Status, Tried, pause_seconds};
use super::store::{self as rows, Due};
use crate::bank::{Act, Bank};
use crate::events;

/// Messages of a channel sent at once.
const BATCH: i64 = 32;
/// How long a message is in one node's hands: more than the longest try and its goodbye.
const LEASE_SECONDS: i64 = 90;
/// The pause of messages that nothing can deliver at present.
const IDLE_SECONDS: i64 = 600;

/// The transactions before and after the network.
const LEASE: &str = "outbox.lease";
const MARK: &str = "outbox.mark";

/// Delivers what is due on a channel; gives how many messages left or were given up. Ends early when
/// `stop` turns true.
pub(crate) async fn deliver(
    bank: &Bank,
    channel: Channel,
    stop: &watch::Receiver<bool>,
) -> Result<u64, DbError> {
    let mut ended = 0_u64;
    while !*stop.borrow() {
        let leased = lease(bank, channel).await?;
        ended = ended.saturating_add(leased.too_late);
        let results = join_all(leased.messages.iter().map(|due| one(bank, channel, due))).await;
        for result in results {
            if result? {
                ended = ended.saturating_add(1);
            }
        }
        if leased.seen < BATCH {
            break;
        }
    }
    Ok(ended)
}

/// What this node now has in its hands.
struct Leased {
    messages: Vec<(Due, Timestamp)>,
    too_late: u64,
    seen: i64,
}

async fn lease(bank: &Bank, channel: Channel) -> Result<Leased, DbError> {
    let is_sendable = bank.gateways().has(channel);
    let act = bank.system_act(LEASE);
    bank.db()
        .write(LEASE, move |tx| {
            let mut due = rows::due(tx, channel, act.now, BATCH)?;
            let mut seen = due.len();
            if channel == Channel::Email {
                let pretended = rows::due_pretended(tx, act.now, BATCH)?;
                seen = seen.max(pretended.len());
                due.extend(pretended);
            }
            let seen = i64::try_from(seen).unwrap_or(i64::MAX);
            let mut leased = Leased { messages: Vec::new(), too_late: 0, seen };
            for message in due {
                if message.is_pretended {
                    let ended = (Status::TooLate, act.now);
                    rows::finish(tx, &message.id, message.seen(), ended)?;
                } else if message.expires_at <= act.now {
                    leased.too_late += u64::from(give_up(
                        tx,
                        &act,
                        (&message, message.seen()),
                        (Status::TooLate, "too_late"),
                    )?);
                } else if is_sendable {
                    let until = act.now.plus_seconds(LEASE_SECONDS);
                    let attempts = message.attempts.saturating_add(1);
                    if rows::lease(tx, &message, until, attempts)? {
                        leased.messages.push((message, until));
                    }
                } else {
                    let later = act.now.plus_seconds(IDLE_SECONDS).min(message.expires_at);
                    rows::postpone(tx, &message.id, message.seen(), later)?;
                }
            }
            Ok(leased)
        })
        .await
}

/// Sends one leased message and marks it; true when it needs no other try.
async fn one(
    bank: &Bank,
    channel: Channel,
    (due, until): &(Due, Timestamp),
) -> Result<bool, DbError> {
    let tools = bank.tools();
    let tried = match due.open(tools) {
        Ok((destination, content)) => {
            let to = (&due.id, destination.as_str());
            bank.gateways().send(channel, to, &content, tools.now()).await
        }
        // Sealed under a key that is gone, or changed: no later try opens it.
        Err(error) => Tried::Never(error.to_string()),
    };
    let attempt = due.attempts.saturating_add(1);
    match tried {
        Tried::Sent => mark_sent(bank, due, *until).await,
        Tried::Later(reason) => {
            let pause = pause_seconds(attempt, due.lives_seconds());
            let next_at = tools.now().plus_seconds(pause).min(due.expires_at);
            let (purpose, id) = (due.purpose.as_str(), due.id);
            tracing::warn!(resource_id = %id, purpose, attempt, reason, "a message was not delivered");
            let until = *until;
            bank.db()
                .write(MARK, move |tx| rows::postpone(tx, &id, until, next_at).map(|_| false))
                .await
        }
        Tried::Never(reason) => {
            let (purpose, id) = (due.purpose.as_str(), due.id);
            tracing::warn!(resource_id = %id, purpose, attempt, reason, "a message is given up");
            mark_failed(bank, due, *until).await
        }
    }
}

async fn mark_sent(bank: &Bank, due: &Due, until: Timestamp) -> Result<bool, DbError> {
    let (id, now) = (due.id, bank.tools().now());
    bank.db().write(MARK, move |tx| rows::finish(tx, &id, until, (Status::Sent, now))).await
}

async fn mark_failed(bank: &Bank, due: &Due, until: Timestamp) -> Result<bool, DbError> {
    let act = bank.system_act(MARK);
    let due = due.clone();
    bank.db()
        .write(MARK, move |tx| give_up(tx, &act, (&due, until), (Status::Failed, "failed")))
        .await
}

/// Ends a message unsent, with an event; false where another node has it.
fn give_up(
    tx: &mut Tx<'_>,
    act: &Act,
    (due, seen): (&Due, Timestamp),
    (status, outcome): (Status, &'static str),
) -> Result<bool, DbError> {
    let ended = rows::finish(tx, &due.id, seen, (status, act.now))?;
    if ended {
        let after = json!({ "purpose": due.purpose });
        events::record(tx, act, "message.given_up", &due.id.to_string(), outcome, Some(&after))?;
    }
    Ok(ended)
}
