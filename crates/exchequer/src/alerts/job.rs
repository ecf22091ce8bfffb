//! The job that tells: it follows the log, gathers what customers want to know, and writes their messages.
//!
//! Order: transfers behind the job's place in the log are looked at by a reader; what is wanted of them is added to what
//! waits for its customers, and the place moved on, in one short write; then those who are due are told, each in the
//! transaction that empties what waited. Both writes hold the place's row, so of several nodes one goes on, and one that
//! dies leaves all or nothing of a step. Where nobody wants to be told, or no mail goes anywhere, the place moves on and
//! nothing is looked at.
//!
//! Bound: 256 leaves a step, [`STEPS`] before what is due is told, [`BATCH`] customers a transaction; while [`MOST_WAITING`] mails
//! wait for the mail server, those who are due wait, too: codes and notices go before them. Cost to who moves money: none in
//! their transactions, and on SQLite a turn of the one writer each step. What it never does: tell of what was posted before
//! [`begin`], or write a second message while one is not delivered.

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use tokio::sync::watch;

use super::model::{Choice, Direction, Gathered, Gatherings, HOUR_SECONDS, Listed, Told, Waiting};
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

/// Bundles of the log in one step, which is one short write: 256 leaves, of which the transfers are read.
const BUNDLES: i64 = 1;
/// Steps before those who are due are told.
const STEPS: u32 = 16;
/// Customers told in one transaction.
const BATCH: i64 = 32;
/// Currencies and directions in one message; all there are.
const MOST_GATHERED: i64 = 1_000;
/// Mails that may wait for the mail server. They leave in the order in which they were written, and a code that somebody waits for
/// is of use for five minutes.
const MOST_WAITING: i64 = 256;
/// Seconds until it is seen again whether the last message was delivered.
const AGAIN_SECONDS: i64 = 60;

/// Notes since when the bank tells of payments, and from where in the log, once: at the first start of a version that does.
pub(crate) async fn begin(bank: &Bank) -> Result<(), DbError> {
    let now = bank.tools().now();
    if bank.db().read(NAME, |tx| reached(tx, BEGAN)).await?.is_some() {
        return Ok(());
    }
    bank.db().write(NAME, move |tx| begin_in(tx, now)).await
}

/// A bank that was there before has a long log: nothing of it is read.
fn begin_in(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    lock_place(tx, BEGAN, now)?;
    if reached(tx, NAME)?.is_some() {
        return Ok(()); // another node was faster
    }
    let size = follow::size(tx)?;
    lock_place(tx, NAME, now)?;
    keep_place(tx, NAME, (&u128::from(size).to_be_bytes(), now))
}

/// Runs once; gives how many payments were gathered and messages written.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    begin(bank).await?;
    let mut done = 0_u64;
    loop {
        let (gathered, is_last) = gather(bank, stop).await?;
        done = done.saturating_add(gathered).saturating_add(tell(bank, stop).await?);
        if is_last {
            return Ok(done);
        }
    }
}

/// What one step came to.
struct Step {
    from: u64,
    to: u64,
    is_last: bool,
    payments: u64,
    gathered: Gatherings,
}

/// At most [`STEPS`]; gives how many payments were gathered, and whether the end of the log was reached.
async fn gather(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<(u64, bool), DbError> {
    let mut payments = 0_u64;
    for _ in 0..STEPS {
        if *stop.borrow() {
            break;
        }
        let now = bank.tools().now();
        let messages = &bank.config().messages;
        let by_profile = Choice { enabled: messages.payment_alerts, at_least: None };
        let is_offered = outbox::is_offered(bank.config(), Channel::Email);
        let step =
            bank.db().read(GATHER, move |tx| look(tx, (by_profile, is_offered), now)).await?;
        if step.to == step.from {
            return Ok((payments, true));
        }
        let (more, is_last) = (step.payments, step.is_last);
        if !bank.db().write(GATHER, move |tx| keep(tx, &step, now)).await? {
            continue;
        }
        payments = payments.saturating_add(more);
        if is_last {
            return Ok((payments, true));
        }
    }
    let is_stopped = *stop.borrow();
    Ok((payments, is_stopped))
}

/// The next step behind the job's place.
fn look(
    tx: &mut Tx<'_>,
    (by_profile, is_offered): (Choice, bool),
    now: Timestamp,
) -> Result<Step, DbError> {
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
    // Written by a clock that was ahead, it must not keep what comes from being told.
    let began = if began > now { Timestamp::EPOCH } else { began };
    let followed = follow::transfers(tx, from, BUNDLES)?;
    (step.to, step.is_last) = (followed.to, followed.to >= size);
    // What was posted before and became a leaf later.
    let first = first_id_at(u64::try_from(began.millis()).unwrap_or(0));
    let new: Vec<_> = followed.transfers.into_iter().filter(|id| *id.bytes() >= first).collect();
    for ids in new.chunks(LOOKED_AT) {
        for moved in store::moved(tx, ids)? {
            if moved.posted_at >= began {
                step.add(&moved, by_profile, now);
            }
        }
    }
    Ok(step)
}

impl Step {
    /// A movement between accounts of one customer is told once, as what left.
    fn add(&mut self, moved: &Moved, by_profile: Choice, now: Timestamp) {
        let payer = moved.payer.as_ref();
        let is_payer = |side: &&Side| payer.is_some_and(|payer| payer.customer == side.customer);
        let payee = moved.payee.as_ref().filter(|side| !is_payer(side));
        for (side, direction) in [(payer, Direction::Out), (payee, Direction::In)] {
            let Some(side) = side.filter(|side| side.wants(moved, by_profile, now)) else {
                continue;
            };
            let Moved { id, amount, .. } = *moved;
            let one = Gathered { payments: 1, amount, listed: vec![Listed { amount, id }] };
            let key = (side.customer, moved.currency, direction);
            self.gathered.entry(key).or_default().add(&one);
            self.payments = self.payments.saturating_add(1);
        }
    }
}

impl Side {
    fn wants(&self, moved: &Moved, by_profile: Choice, now: Timestamp) -> bool {
        self.chosen.as_ref().map_or(by_profile.enabled, |chosen| {
            // A choice of the future was made by a clock that was ahead, and counts.
            let is_since = moved.posted_at >= chosen.enabled_at || chosen.enabled_at > now;
            chosen.choice.takes(moved.amount) && is_since
        })
    }
}

/// Adds what a step found and moves the place on; false where another node has gone on from there meanwhile.
fn keep(tx: &mut Tx<'_>, step: &Step, now: Timestamp) -> Result<bool, DbError> {
    if number(lock_place(tx, NAME, now)?) != step.from {
        return Ok(false);
    }
    for (key, gathered) in &step.gathered {
        store::gather(tx, key, gathered)?;
        wait_in(tx, (&key.0, key.2), now)?;
    }
    keep_place(tx, NAME, (&u128::from(step.to).to_be_bytes(), now))?;
    Ok(true)
}

/// Notes that something waits for a customer, if nothing did that is told as soon.
fn wait_in(
    tx: &mut Tx<'_>,
    (customer, direction): (&CustomerId, Direction),
    now: Timestamp,
) -> Result<(), DbError> {
    let mut told = store::told(tx, customer)?;
    let next_at = told.next_at(now, direction);
    if told.due_at.is_some_and(|due_at| due_at <= next_at) {
        return Ok(());
    }
    told.due_at = Some(next_at);
    store::save_told(tx, customer, &told)
}

async fn tell(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut told = 0_u64;
    while !*stop.borrow() {
        let act = bank.system_act(NAME);
        // An idle bank writes nothing.
        if !bank.db().read(NAME, move |tx| is_time(tx, act.now)).await? {
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

/// Whether somebody is due, and not too many mails wait already.
fn is_time(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let room = outbox::has_room(tx, Channel::Email, MOST_WAITING)?;
    Ok(room && !due(tx, now)?.is_empty())
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
    let gathered = match store::gathered(tx, customer, MOST_GATHERED) {
        Err(DbError::Corrupt(why)) => return put_off(tx, act, (customer, told), &why),
        gathered => gathered?,
    };
    let has_left = gathered.iter().any(|((_, direction), _)| *direction == Direction::Out);
    let of = if has_left { Direction::Out } else { Direction::In };
    let next_at =
        if is_waiting { act.now.plus_seconds(AGAIN_SECONDS) } else { told.next_at(act.now, of) };
    if next_at > act.now {
        told.due_at = Some(next_at);
        store::save_told(tx, customer, &told)?;
        return Ok(false);
    }
    let found = match customers::get(tx, &act.tools, customer) {
        Ok(Some(found)) => found,
        // Erased while something waited.
        Ok(None) => return store::erase_in(tx, customer).map(|()| false),
        Err(DbError::Corrupt(why)) => return put_off(tx, act, (customer, told), &why),
        Err(error) => return Err(error),
    };
    let notice = match named(tx, customer, &gathered) {
        Err(DbError::Corrupt(why)) => return put_off(tx, act, (customer, told), &why),
        notice => notice?,
    };
    store::clear(tx, customer)?;
    // To an address that nobody has shown to read, somebody's payments would be told to whoever does.
    let Some(notice) = notice.filter(|_| found.email_verified) else {
        told.due_at = None;
        return store::save_told(tx, customer, &told).map(|()| false);
    };
    let message = outbox::inform_once_in(tx, act, found.email.as_str(), &notice)?;
    store::save_told(tx, customer, &told.after(message, act.now, of))?;
    Ok(true)
}

/// A row that does not open keeps nobody else waiting.
fn put_off(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, mut told): (&CustomerId, Told),
    why: &str,
) -> Result<bool, DbError> {
    tracing::warn!(resource_id = %customer, reason = why, "a customer cannot be told of payments");
    told.due_at = Some(act.now.plus_seconds(HOUR_SECONDS));
    store::save_told(tx, customer, &told).map(|()| false)
}

/// What waits for a customer, as a message.
fn named(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    gathered: &[Waiting],
) -> Result<Option<Notice>, DbError> {
    let mut lines = Vec::new();
    for ((_, direction), all) in gathered {
        for one in &all.listed {
            lines.extend(store::named(tx, (customer, *direction), &one.id)?);
        }
    }
    Ok(words::message(gathered, lines))
}

fn number(place: [u8; 16]) -> u64 {
    u64::try_from(u128::from_be_bytes(place)).unwrap_or(u64::MAX)
}
