//! Clients that move money through both nodes, and what each was told.
//!
//! Each client is one customer and has one transfer under way: a new key for each, the same key until there is an
//! answer, the other node after each failure. Bound: under the limit of 100 payments a minute for a customer; whoever
//! has had no answer 60 seconds after the end gives up, which is counted.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::bank::Customer;
use super::http::{Reply, Request};
use crate::process::now;

/// 100 a minute are allowed; refused ones count too once there is a Redis again.
const PAUSE: Duration = Duration::from_millis(650);
const GIVE_UP: Duration = Duration::from_mins(1);
/// An access token lives five minutes.
const TOKEN_LIFE: Duration = Duration::from_mins(3);
/// Ten sign-ins a minute are allowed, refused ones included.
const RENEWAL_PAUSE: Duration = Duration::from_secs(10);

/// What a key was answered with 201.
pub struct Acknowledged {
    pub at: Instant,
    pub key: String,
    pub transfer: String,
    pub from: usize,
    pub to: usize,
    pub amount: i64,
}

/// Why a try was no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Unavailable,
    RateLimited,
    /// 409 `idempotency_key_in_flight`: the first try of this key has not ended.
    InFlight,
    /// No connection, or one that ended before the answer.
    Connection,
    /// No answer within the client's patience.
    Silence,
    /// Neither success nor a clear refusal: a fault.
    Other(String),
}

#[derive(Default)]
pub struct Record {
    pub acknowledged: Vec<Acknowledged>,
    pub refused: Vec<(Instant, Refusal)>,
    /// Keys that were never answered.
    pub unanswered: usize,
}

pub struct Load<'a> {
    pub people: &'a [Customer],
    pub nodes: Vec<SocketAddr>,
    pub stop: AtomicBool,
    record: Mutex<Record>,
}

impl<'a> Load<'a> {
    pub fn new(people: &'a [Customer], nodes: Vec<SocketAddr>) -> Self {
        Self { people, nodes, stop: AtomicBool::new(false), record: Mutex::default() }
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// One customer's transfers until the load is stopped.
    pub fn client(&self, me: usize) {
        let mut session = Session { load: self, me, node: me % self.nodes.len(), token: None };
        // Spread over the pause, so that acknowledgements come evenly.
        let share = u32::try_from(me).unwrap_or(0);
        thread::sleep(PAUSE * share / u32::try_from(self.people.len()).unwrap_or(1).max(1));
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let began = now();
            session.transfer(number);
            number += 1;
            thread::sleep(PAUSE.saturating_sub(began.elapsed()));
        }
    }
}

struct Session<'a> {
    load: &'a Load<'a>,
    me: usize,
    node: usize,
    token: Option<(String, Instant)>,
}

impl Session<'_> {
    /// The same key until it is acknowledged, refused for good, or the time is over.
    fn transfer(&mut self, number: usize) {
        let people = self.load.people;
        let to = (self.me + 1 + number % (people.len() - 1)) % people.len();
        let amount = 1 + i64::try_from(number % 5).unwrap_or(0);
        let key = format!("failover-{}-{number}", self.me);
        let mut stopped: Option<Instant> = None;
        loop {
            let began = now();
            match self.attempt(&key, to, amount) {
                Ok(transfer) => {
                    let from = self.me;
                    let at = now();
                    let known = Acknowledged { at, key, transfer, from, to, amount };
                    self.load.record().acknowledged.push(known);
                    return;
                }
                Err(refusal) => self.load.record().refused.push((now(), refusal)),
            }
            self.node = (self.node + 1) % self.load.nodes.len();
            if self.load.stop.load(Ordering::Relaxed) {
                let since = *stopped.get_or_insert_with(now);
                if since.elapsed() > GIVE_UP {
                    self.load.record().unanswered += 1;
                    return;
                }
            }
            thread::sleep(PAUSE.saturating_sub(began.elapsed()));
        }
    }

    /// The transfer's id.
    fn attempt(&mut self, key: &str, to: usize, amount: i64) -> Result<String, Refusal> {
        let people = self.load.people;
        let at = self.load.nodes[self.node];
        self.renew(at)?;
        let body = json!({"from": people[self.me].account, "to": people[to].account,
            "amount": amount, "currency": "INR", "memo": key});
        let mut request = Request::post("/v1/transfers", body);
        (request.from, request.key) = (&people[self.me].address, Some(key));
        request.token = self.token.as_ref().map(|(token, _)| token.as_str());
        judge(&request.send(at).map_err(|error| lost(&error))?)
    }

    /// A sign-in that fails is tried again with the next try; where there is a token it still serves.
    fn renew(&mut self, at: SocketAddr) -> Result<(), Refusal> {
        if self.token.as_ref().is_some_and(|(_, since)| since.elapsed() < TOKEN_LIFE) {
            return Ok(());
        }
        let made = self.load.people[self.me].sign_in_request().send(at);
        let made = match made.map_err(|error| lost(&error)) {
            Ok(reply) if reply.status == 200 => token_of(&reply),
            Ok(reply) => judge(&reply),
            Err(refusal) => Err(refusal),
        };
        match (made, &self.token) {
            (Ok(token), _) => self.token = Some((token, now())),
            (Err(refusal), None) => return Err(refusal),
            (Err(refusal), Some((old, since))) => {
                self.load.record().refused.push((now(), refusal));
                self.token = Some((old.clone(), *since + RENEWAL_PAUSE));
            }
        }
        Ok(())
    }
}

fn token_of(reply: &Reply) -> Result<String, Refusal> {
    let token = reply.body["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| Refusal::Other("a sign-in without a token".to_owned()))
}

fn lost(error: &std::io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Refusal::Silence,
        _ => Refusal::Connection,
    }
}

fn judge(reply: &Reply) -> Result<String, Refusal> {
    let code = reply.body["code"].as_str().unwrap_or_default();
    match (reply.status, code) {
        (201, _) => {
            let id = reply.body["id"].as_str().map(str::to_owned);
            id.ok_or_else(|| Refusal::Other("201 without an id".to_owned()))
        }
        (503, "unavailable" | "overloaded") => Err(Refusal::Unavailable),
        (429, _) => Err(Refusal::RateLimited),
        (409, "idempotency_key_in_flight") => Err(Refusal::InFlight),
        (status, code) => Err(Refusal::Other(format!("{status} {code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_success_is_one() {
        let reply = |status, body| Reply { status, body };
        assert_eq!(judge(&reply(201, json!({"id": "trf_1"}))), Ok("trf_1".to_owned()));
        assert_eq!(judge(&reply(503, json!({"code": "unavailable"}))), Err(Refusal::Unavailable));
        let in_flight = json!({"code": "idempotency_key_in_flight"});
        assert_eq!(judge(&reply(409, in_flight)), Err(Refusal::InFlight));
        for strange in [reply(503, json!(null)), reply(500, json!({})), reply(201, json!({}))] {
            assert!(matches!(judge(&strange), Err(Refusal::Other(_))));
        }
    }
}
