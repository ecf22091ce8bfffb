//! The vault as a process: the keys of card numbers, a place to be asked at, and a database of its own for both.
//!
//! Its database is a bank's, with a master key that the bank does not have; of it only the data keys, the counts of
//! opened numbers and the event log are used. Order of an opening: who asks ([`super::way`]), the frame, the caps of
//! the merchant and of all, the sealed value; then count and event are committed, and only then is the number sent.
//! Bound: [`MOST_HANDSHAKES`] who have not proven who they are, and [`MOST_CONNECTIONS`] of the bank, each with [`FRAME`] for
//! the rest of a frame that has begun and [`IDLE`] between two, none for longer than [`LIFE`]. Never here: a list of what
//! there is, a number in the log, a way to open one without an event.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::store::{DbError, Tx};
use money::{CardId, MerchantId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use vault::card::Number;
use vault::{Place, Sealing, sealed_with};
use zeroize::Zeroizing;

use super::Taken;
use super::client::rest_of_frame;
use super::frames::{Ask, Reason, Reply, Resealed};
use super::refusals::Refusals;
use super::way::{Caller, LIFE, Listener, Met, Stream};
use crate::bank::Bank;
use crate::cards::{RevealPurpose, store};
use crate::config::CardVault;
use crate::events;
use crate::jobs::Job;

/// A vault that listens.
pub struct Server {
    desk: Desk,
    listener: Listener,
    /// Places of those of whom it is not known yet who they are.
    handshakes: Arc<Semaphore>,
}

/// What each connection needs.
#[derive(Clone)]
struct Desk {
    bank: Bank,
    vault: CardVault,
    /// Places of those who have proven that they are the bank.
    conversations: Arc<Semaphore>,
    refusals: Arc<Mutex<Refusals>>,
}

/// Of 64 nodes, each with as many as it keeps.
const MOST_CONNECTIONS: usize = 1_024;
/// Apart from those, so that who proves nothing takes no place of the bank's.
const MOST_HANDSHAKES: usize = 256;
const FRAME: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_mins(10);
/// For what it was asked to be answered, when it is told to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// Bytes of what an opening is said to be about: an id.
const MOST_ABOUT: usize = 64;
/// Counts of all merchants together stand under this name; a merchant's stand under its id.
const EVERYBODY: &str = "everybody";

impl Server {
    /// Takes the place of the configuration.
    pub async fn bind(bank: Bank, vault: CardVault) -> io::Result<Self> {
        let listener = Listener::bind(&vault.place).await?;
        let (conversations, refusals) =
            (Arc::new(Semaphore::new(MOST_CONNECTIONS)), Arc::default());
        let desk = Desk { bank, vault, conversations, refusals };
        Ok(Self { desk, listener, handshakes: Arc::new(Semaphore::new(MOST_HANDSHAKES)) })
    }

    /// With as many places for connections of the bank.
    #[cfg(test)]
    pub(super) fn with_connections(mut self, most: usize) -> Self {
        self.desk.conversations = Arc::new(Semaphore::new(most));
        self
    }

    /// Where it listens in fact.
    pub fn address(&self) -> io::Result<String> {
        self.listener.address()
    }

    /// Serves until `stop` turns true or its sender is gone, then finishes what it was asked.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        for job in [Job::RefreshKeys, Job::DeleteReveals] {
            connections.spawn(repeat(job, self.desk.bank.clone(), stop.clone()));
        }
        loop {
            let place = Arc::clone(&self.handshakes).acquire_owned();
            let accepted = tokio::select! {
                () = stopped(&mut stop) => break,
                accepted = async { (place.await, self.listener.accept().await) } => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                (Ok(place), Ok(caller)) => {
                    let desk = self.desk.clone();
                    connections.spawn(desk.receive(caller, place, stop.clone()));
                }
                (_, Err(error)) => {
                    tracing::warn!(%error, "a connection was not taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                (Err(_closed), _) => break,
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("connections were cut: they took longer than the drain");
        }
        self.listener.close();
    }
}

async fn repeat(job: Job, bank: Bank, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(job.every()) => {}
            () = stopped(&mut stop) => return,
        }
        if let Err(error) = job.run(&bank, &stop).await {
            tracing::warn!(job = job.name(), %error, "a job failed; it runs again");
        }
    }
}

/// Waits for the order to stop, or for nobody to be left who could give it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}

impl Desk {
    /// Finds out who has come, and answers it, or says that it is a stranger.
    async fn receive(
        self,
        caller: Caller,
        handshake: OwnedSemaphorePermit,
        mut stop: watch::Receiver<bool>,
    ) {
        let met = tokio::select! {
            () = stopped(&mut stop) => return,
            met = caller.meet() => met,
        };
        match met {
            Met::ThePeer(stream) => {
                let place = tokio::time::timeout(FRAME, self.conversations.acquire()).await;
                let Ok(Ok(_place)) = place else {
                    tracing::warn!("the bank has all connections that there are");
                    return;
                };
                drop(handshake);
                converse(&self.bank, &self.vault, stream, stop).await;
            }
            Met::Stranger { mut stream, name, who } => {
                self.refuse(&name, who).await;
                say(&mut stream, &refused(Reason::Stranger)).await;
            }
            Met::Nobody { whence, cause } => self.tell_unproven(&whence, &cause),
        }
    }

    /// Records a stranger, where it is one that was not recorded lately.
    async fn refuse(&self, name: &str, who: Value) {
        if self.refusals().stranger(name, self.bank.tools().now()) {
            tracing::warn!(%who, "a stranger asked the card vault");
            record_refusal(&self.bank, "card_vault.stranger", who).await;
        }
    }

    fn tell_unproven(&self, address: &str, cause: &str) {
        if let Some(before) = self.refusals().unproven(self.bank.tools().now()) {
            tracing::warn!(address, cause, before, "who called the card vault proved nothing");
        }
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        // Counts and names are whole whenever the lock is given back.
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers the questions of one connection in turn.
async fn converse(
    bank: &Bank,
    vault: &CardVault,
    mut stream: Stream,
    mut stop: watch::Receiver<bool>,
) {
    let mut life = std::pin::pin!(tokio::time::sleep(LIFE));
    loop {
        let first = tokio::select! {
            () = stopped(&mut stop) => return,
            () = &mut life => return,
            first = tokio::time::timeout(IDLE, stream.read_u8()) => match first {
                Ok(Ok(first)) => first,
                Ok(Err(_)) | Err(_) => return,
            },
        };
        let rest = tokio::time::timeout(FRAME, rest_of_frame(first, &mut stream)).await;
        let Ok(Ok(frame)) = rest else {
            tracing::warn!("a frame that has no end or is too long");
            say(&mut stream, &refused(Reason::Malformed)).await;
            return;
        };
        let reply = match Ask::read(&frame) {
            Ok(ask) => answer(bank, vault, ask).await,
            Err(error) => {
                tracing::warn!(%error, "a question that cannot be read");
                say(&mut stream, &refused(error.into())).await;
                return;
            }
        };
        if !say(&mut stream, &reply).await {
            return;
        }
    }
}

/// False where the other side is gone.
async fn say(stream: &mut Stream, reply: &Reply) -> bool {
    let frame = reply.frame();
    let send = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    match tokio::time::timeout(FRAME, send).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::info!(%error, "an answer was not taken");
            false
        }
        Err(_elapsed) => {
            tracing::info!("an answer was not taken in time");
            false
        }
    }
}

const fn refused(reason: Reason) -> Reply {
    Reply::Refused { reason, retry_seconds: 0 }
}

async fn answer(bank: &Bank, vault: &CardVault, ask: Ask) -> Reply {
    match ask {
        Ask::Status => {
            Reply::Status { version: bank.tools().keyring().active_version(Sealing::CardData) }
        }
        Ask::Take { merchant, card, wants_token, number } => {
            let number = std::str::from_utf8(&number).ok().and_then(|n| Number::parse(n).ok());
            let Some(number) = number else { return refused(Reason::Malformed) };
            match Taken::here(bank.tools(), (&merchant, card), &number, wants_token) {
                Ok(Taken { sealed, marks, .. }) => Reply::Taken { sealed, marks },
                Err(error) => unavailable(&error),
            }
        }
        Ask::Open { merchant, card, purpose, about, sealed } => {
            let known = RevealPurpose::of(purpose).filter(|_| about.len() <= MOST_ABOUT);
            let Some(purpose) = known else { return refused(Reason::Malformed) };
            let opening = Opening { merchant, card, purpose, about, sealed };
            open(bank, vault, opening).await
        }
        Ask::Reseal { values } => reseal(bank, &values),
    }
}

struct Opening {
    merchant: MerchantId,
    card: CardId,
    purpose: RevealPurpose,
    about: String,
    sealed: Vec<u8>,
}

/// Why a number stays closed.
enum Closed {
    Capped { retry_seconds: u32 },
    Damaged,
}

async fn open(bank: &Bank, vault: &CardVault, opening: Opening) -> Reply {
    let caps = (bank.config().cards.reveals_per_hour, vault.reveals_per_hour);
    let act = bank.system_act("card vault");
    let write = move |tx: &mut Tx<'_>| open_in(tx, &act, &opening, caps);
    match bank.db().write("cards.open", write).await {
        Ok(Ok(number)) => Reply::Number(Zeroizing::new(number.expose().to_vec())),
        Ok(Err(Closed::Capped { retry_seconds })) => {
            Reply::Refused { reason: Reason::Capped, retry_seconds }
        }
        Ok(Err(Closed::Damaged)) => refused(Reason::Damaged),
        Err(error) => unavailable(&error),
    }
}

/// Counts, opens and records. A refusal is recorded, too.
fn open_in(
    tx: &mut Tx<'_>,
    act: &crate::bank::Act,
    opening: &Opening,
    (of_merchant, of_all): (u32, u32),
) -> Result<Result<Number, Closed>, DbError> {
    let Opening { merchant, card, purpose, about, sealed } = opening;
    let merchant = merchant.to_string();
    let resource = card.to_string();
    let after = json!({ "purpose": purpose.as_str(), "about": about, "merchant": merchant });
    let counts = [(merchant.as_str(), of_merchant), (EVERYBODY, of_all)];
    for (name, most) in counts {
        if store::count_reveal(tx, name, act.now)? > i64::from(most) {
            let left = 3_600 - act.now.seconds().rem_euclid(3_600);
            events::record(
                tx,
                act,
                "card.reveal_refused",
                &resource,
                "rate_limited",
                Some(&after),
            )?;
            return Ok(Err(Closed::Capped { retry_seconds: u32::try_from(left).unwrap_or(3_600) }));
        }
    }
    let place = Place { table: "cards", column: "number", row: card.bytes() };
    let opened = act.tools.keyring().open_for(Sealing::CardData, &place, sealed);
    let number = opened.ok().and_then(|plain| {
        std::str::from_utf8(plain.expose()).ok().and_then(|text| Number::parse(text).ok())
    });
    let Some(number) = number else {
        events::record(tx, act, "card.reveal_refused", &resource, "damaged", Some(&after))?;
        return Ok(Err(Closed::Damaged));
    };
    events::record(tx, act, "card.revealed", &resource, "done", Some(&after))?;
    Ok(Ok(number))
}

fn reseal(bank: &Bank, values: &[(CardId, Vec<u8>)]) -> Reply {
    let (tools, ring) = (bank.tools(), bank.tools().keyring());
    let active = ring.active_version(Sealing::CardData);
    let mut resealed = Vec::with_capacity(values.len());
    for (card, old) in values {
        let place = Place { table: "cards", column: "number", row: card.bytes() };
        let Ok(plain) = ring.open_for(Sealing::CardData, &place, old) else {
            resealed.push(Resealed::Damaged);
            continue;
        };
        if sealed_with(old).is_ok_and(|version| version >= active) {
            resealed.push(Resealed::Current);
            continue;
        }
        match ring.seal_for(Sealing::CardData, tools.rng(), &place, plain.expose()) {
            Ok(new) => resealed.push(Resealed::New(new)),
            Err(error) => return unavailable(&DbError::Corrupt(format!("sealing: {error}"))),
        }
    }
    Reply::Resealed(resealed)
}

fn unavailable(error: &DbError) -> Reply {
    tracing::error!(%error, "the card vault cannot answer");
    refused(Reason::Unavailable)
}

async fn record_refusal(bank: &Bank, action: &'static str, after: Value) {
    let act = bank.system_act("card vault");
    let write = move |tx: &mut Tx<'_>| {
        events::record(tx, &act, action, "card_vault", "forbidden", Some(&after))
    };
    if let Err(error) = bank.db().write(action, write).await {
        tracing::error!(%error, "a refusal of the card vault was not recorded");
    }
}
