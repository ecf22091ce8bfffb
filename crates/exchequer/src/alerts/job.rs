//! The job that tells: it follows the log, gathers what customers want to know, and writes their messages.
//!
//! Order: transfers behind the job's place in the log are looked at by a reader; what is wanted of them is added to what
//! waits for its customers, and the place moved on, in one short write; then those who are due are told, each in the
//! transaction that empties what waited. Both writes hold the place's row, so of several nodes one goes on, and one that
//! dies leaves all or nothing of a step. Where nobody wants to be told, or no mail goes anywhere, the place moves on and
//! nothing is looked at.
//!
//! Bound: [`BUNDLES`] of 256 leaves a step, [`BATCH`] customers a transaction. Cost: nothing to who moves money. What it
//! never does: tell of what was posted before [`begin`], or write a second message while one is not delivered.

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use tokio::sync::watch;

use super::model::{Choice, Direction, Gathered, Gatherings, HOUR_SECONDS};
use super::store::{self, LOOKED_AT, Moved, Side};
use super::words;
use crate::bank::{Act, Bank};
use crate::customers;
use crate::evidence::follow;
use crate::evidence::model::first_id_at;
use crate::jobs::{keep_place, lock_place, place, reached};
use crate::outbox::{self, Channel, Notice};

/// The job, and under which name its place in the log is kept.
pub(crate) const NAME: &str = "payments.tell";
/// Under which name it is kept when the bank began to tell.
const BEGAN: &str = "payments.tell_since";
const GATHER: &str = "payments.gather";

/// Bundles of the log in one step: 4,096 leaves, of which the transfers are read.
const BUNDLES: i64 = 16;
/// Customers told in one transaction.
const BATCH: i64 = 32;
/// Currencies and directions in one message; all there are.
const MOST_GATHERED: i64 = 1_000;
/// Seconds until it is seen again whether the last message was delivered.
const AGAIN_SECONDS: i64 = 60;

/// Notes since when the bank tells of payments, once: at the first start of a version that does.
pub(crate) async fn begin(bank: &Bank) -> Result<(), DbError> {
    let now = bank.tools().now();
    if bank.db().read(NAME, |tx| reached(tx, BEGAN)).await?.is_some() {
        return Ok(());
    }
    bank.db().write(NAME, move |tx| lock_place(tx, BEGAN, now).map(|_| ())).await
}

/// Runs once; gives how many payments were gathered and messages written.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    begin(bank).await?;
    let gathered = gather(bank, stop).await?;
    Ok(gathered.saturating_add(tell(bank, stop).await?))
}

/// What one step came to.
struct Step {
    from: u64,
    to: u64,
    is_last: bool,
    payments: u64,
    gathered: Gatherings,
}

async fn gather(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut payments = 0_u64;
    while !*stop.borrow() {
        let messages = &bank.config().messages;
        let by_profile = Choice { enabled: messages.payment_alerts, at_least: None };
        let is_offered = outbox::is_offered(bank.config(), Channel::Email);
        let step = bank.db().read(GATHER, move |tx| look(tx, by_profile, is_offered)).await?;
        if step.to == step.from {
            break;
        }
        let (more, is_last, now) = (step.payments, step.is_last, bank.tools().now());
        if !bank.db().write(GATHER, move |tx| keep(tx, &step, now)).await? {
            continue;
        }
        payments = payments.saturating_add(more);
        if is_last {
            break;
        }
    }
    Ok(payments)
}

/// The next step behind the job's place.
fn look(tx: &mut Tx<'_>, by_profile: Choice, is_offered: bool) -> Result<Step, DbError> {
    let from = number(place(tx, NAME)?);
    let size = follow::size(tx)?;
    let mut step =
        Step { from, to: size.max(from), is_last: true, payments: 0, gathered: Gatherings::new() };
    let is_wanted = is_offered && (by_profile.enabled || store::is_wanted(tx)?);
    if step.to == from || !is_wanted {
        return Ok(step);
    }
    let Some(began) = reached(tx, BEGAN)? else {
        return Err(DbError::Corrupt("it is not known since when payments are told".to_owned()));
    };
    let followed = follow::transfers(tx, from, BUNDLES)?;
    (step.to, step.is_last) = (followed.to, followed.to >= size);
    // A bank that was there before has a long log: nothing of it is read.
    let first = first_id_at(u64::try_from(began.millis()).unwrap_or(0));
    let new: Vec<_> = followed.transfers.into_iter().filter(|id| *id.bytes() >= first).collect();
    for ids in new.chunks(LOOKED_AT) {
        for moved in store::moved(tx, ids)? {
            if moved.posted_at >= began {
                step.add(&moved, by_profile);
            }
        }
    }
    Ok(step)
}

impl Step {
    /// A movement between accounts of one customer is told once, as what left.
    fn add(&mut self, moved: &Moved, by_profile: Choice) {
        let payer = moved.payer.as_ref();
        let is_payer = |side: &&Side| payer.is_some_and(|payer| payer.customer == side.customer);
        let payee = moved.payee.as_ref().filter(|side| !is_payer(side));
        for (side, direction) in [(payer, Direction::Out), (payee, Direction::In)] {
            let Some(side) = side.filter(|side| side.wants(moved, by_profile)) else { continue };
            let one = Gathered { payments: 1, amount: moved.amount, listed: vec![moved.id] };
            let key = (side.customer, moved.currency, direction);
            self.gathered.entry(key).or_default().add(&one);
            self.payments = self.payments.saturating_add(1);
        }
    }
}

impl Side {
    fn wants(&self, moved: &Moved, by_profile: Choice) -> bool {
        self.chosen.as_ref().map_or(by_profile.enabled, |chosen| {
            chosen.choice.takes(moved.amount) && moved.posted_at >= chosen.enabled_at
        })
    }
}

/// Adds what a step found and moves the place on; false where another node has gone on from there meanwhile.
fn keep(tx: &mut Tx<'_>, step: &Step, now: Timestamp) -> Result<bool, DbError> {
    if number(lock_place(tx, NAME, now)?) != step.from {
        return Ok(false);
    }
    let mut last = None;
    for (key, gathered) in &step.gathered {
        store::gather(tx, key, gathered)?;
        if last.replace(key.0) != Some(key.0) {
            wait_in(tx, &key.0, now)?;
        }
    }
    keep_place(tx, NAME, (&u128::from(step.to).to_be_bytes(), now))?;
    Ok(true)
}

/// Notes that something waits for a customer, if nothing did.
fn wait_in(tx: &mut Tx<'_>, customer: &CustomerId, now: Timestamp) -> Result<(), DbError> {
    let mut told = store::told(tx, customer)?;
    if told.due_at.is_some() {
        return Ok(());
    }
    told.due_at = Some(told.next_at(now));
    store::save_told(tx, customer, &told)
}

async fn tell(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut told = 0_u64;
    while !*stop.borrow() {
        let act = bank.system_act(NAME);
        // An idle bank writes nothing.
        if bank.db().read(NAME, move |tx| due(tx, act.now)).await?.is_empty() {
            break;
        }
        let act = bank.system_act(NAME);
        let (seen, messages) = bank.db().write(NAME, move |tx| tell_some(tx, &act)).await?;
        told = told.saturating_add(messages);
        if seen < BATCH {
            break;
        }
    }
    Ok(told)
}

/// Those who are due, and those who are due so much later that a clock which was wrong has said so.
fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<CustomerId>, DbError> {
    let mut due = store::due(tx, (Timestamp::MIN, now), BATCH)?;
    if due.is_empty() {
        let farthest = now.plus_seconds(HOUR_SECONDS.max(AGAIN_SECONDS));
        due = store::due(tx, (farthest, Timestamp::MAX), BATCH)?;
    }
    Ok(due)
}

/// Gives how many were due, and how many messages were written.
fn tell_some(tx: &mut Tx<'_>, act: &Act) -> Result<(i64, u64), DbError> {
    lock_place(tx, NAME, act.now)?;
    let due = due(tx, act.now)?;
    let mut messages = 0_u64;
    for customer in &due {
        messages = messages.saturating_add(u64::from(tell_in(tx, act, customer)?));
    }
    Ok((i64::try_from(due.len()).unwrap_or(i64::MAX), messages))
}

/// Tells one customer what waits for them, unless they have to wait; true where a message was written.
fn tell_in(tx: &mut Tx<'_>, act: &Act, customer: &CustomerId) -> Result<bool, DbError> {
    let mut told = store::told(tx, customer)?;
    let is_waiting = match &told.message {
        Some(message) => outbox::is_waiting(tx, message)?,
        None => false,
    };
    let next_at =
        if is_waiting { act.now.plus_seconds(AGAIN_SECONDS) } else { told.next_at(act.now) };
    if next_at > act.now {
        told.due_at = Some(next_at);
        store::save_told(tx, customer, &told)?;
        return Ok(false);
    }
    let found = match customers::get(tx, &act.tools, customer) {
        Ok(Some(found)) => found,
        // Erased while something waited.
        Ok(None) => return store::erase_in(tx, customer).map(|()| false),
        // A row that does not open keeps nobody else waiting.
        Err(DbError::Corrupt(why)) => {
            tracing::warn!(resource_id = %customer, reason = why, "a customer cannot be told of payments");
            told.due_at = Some(act.now.plus_seconds(HOUR_SECONDS));
            return store::save_told(tx, customer, &told).map(|()| false);
        }
        Err(error) => return Err(error),
    };
    let notice = take_in(tx, customer)?;
    // To an address that nobody has shown to read, somebody's payments would be told to whoever does.
    let Some(notice) = notice.filter(|_| found.email_verified) else {
        told.due_at = None;
        return store::save_told(tx, customer, &told).map(|()| false);
    };
    let message = outbox::inform_once_in(tx, act, found.email.as_str(), &notice)?;
    store::save_told(tx, customer, &told.after(message, act.now))?;
    Ok(true)
}

/// What waits for a customer, as a message, and does not wait any more.
fn take_in(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Option<Notice>, DbError> {
    let gathered = store::gathered(tx, customer, MOST_GATHERED)?;
    let mut lines = Vec::new();
    for ((_, direction), all) in &gathered {
        for id in &all.listed {
            lines.extend(store::named(tx, (customer, *direction), id)?);
        }
    }
    store::clear(tx, customer)?;
    Ok(words::message(&gathered, &lines))
}

fn number(place: [u8; 16]) -> u64 {
    u64::try_from(u128::from_be_bytes(place)).unwrap_or(u64::MAX)
}
