//! One seed: the scheduler draws what happens next, and after each step the rules are asked.
//!
//! Order: some hundred steps of requests, repetitions, transactions, calls at the gateway, jobs, faults, crashes and
//! jumps of the clock; then calm, in which everything must come to its end; then the last comparison.

use std::fmt::Write as _;

use exchequer::jobs::Job;
use exchequer::verify;
use money::{Clock, Rng, Timestamp};
use store::stepped::{Disk, Fate};
use testkit::Reply;
use tokio::task::JoinHandle;

use crate::dice::Dice;
use crate::gateway::{Manners, SimGateway};
use crate::node::Node;
use crate::rules;
use crate::wishes::{Things, Wish, is_final};
use crate::world::{World, fresh};

/// Steps before the calm.
const STEPS: usize = 400;
/// Wishes of one seed.
const WISHES: usize = 48;
/// Turns of the calm until everything must be known: seven seconds of the bank's time each.
const CALM_TURNS: usize = 300;
/// Turns after which what was begun waits for time, or for ever.
const SETTLED_AFTER: usize = 60;
/// Statements of the longest transaction that a fault is drawn in.
const STATEMENTS: i64 = 14;

/// What a seed did, for whoever looks at coverage.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    pub transactions: u64,
    pub faults: u64,
    pub crashes: u64,
    pub jumps: u64,
    pub hang_ups: u64,
    /// Steps of payments that were done, that were refused, and whose answer was unknown for a while.
    pub steps: [u64; 3],
    /// A hash over everything that anybody was told, in its order.
    pub trace: u64,
}

pub struct Run {
    world: World,
    disk: Disk,
    node: Node,
    clock: Clock,
    gateway: SimGateway,
    dice: Dice,
    wishes: Vec<Wish>,
    things: Things,
    /// Requests under way, with the place of their wish; `true` for one that was altered.
    flights: Vec<(usize, bool, JoinHandle<Reply>)>,
    tally: Tally,
    nonces: usize,
    /// The latest time that a clock of the bank has shown.
    latest: Timestamp,
}

/// How often each thing happens, in this seed.
struct Weather {
    weights: [usize; 12],
    faults: usize,
}

impl Weather {
    /// Some seeds have no crash, some no fault, some little of anything.
    fn draw(dice: &Dice) -> Self {
        let some = |most: usize| if dice.per_mille(300) { 0 } else { dice.below(most + 1) };
        let weights = [
            10 + dice.below(12), // a new wish
            4 + dice.below(8),   // the same once more
            some(3),             // another body under the same key
            14 + dice.below(20), // a reader
            10 + dice.below(20), // a group of writers
            8 + dice.below(20),  // the gateway
            4 + dice.below(8),   // a job
            some(5),             // a client hangs up
            some(2),             // a crash
            3 + dice.below(8),   // time goes on
            some(2),             // time jumps
            some(5),             // a notice
        ];
        Self { weights, faults: some(120) }
    }
}

impl Run {
    pub fn new(seed: u64) -> Self {
        let (world, disk) = fresh();
        let dice = Dice::new(seed);
        let clock = Clock::manual(world.start);
        let bad = |most: usize| if dice.per_mille(250) { 0 } else { dice.below(most) };
        let manners = Manners {
            prepares: dice.per_mille(300),
            closes_all: dice.per_mille(700),
            loses: bad(350),
            misstates: bad(150),
            declines: bad(200),
        };
        let gateway = SimGateway::new(clock.clone(), manners);
        let rng = Rng::seeded(dice.between(0, i64::from(u32::MAX) - 1).unsigned_abs());
        let node = Node::start(&world, (&disk, rng), &clock, &gateway);
        let latest = world.start;
        Self {
            world,
            disk,
            node,
            clock,
            gateway,
            dice,
            wishes: Vec::new(),
            things: Things::default(),
            flights: Vec::new(),
            tally: Tally::default(),
            nonces: 0,
            latest,
        }
    }

    /// The whole seed. An error says which promise was broken.
    pub fn play(mut self) -> Result<Tally, String> {
        let weather = Weather::draw(&self.dice);
        for step in 0..STEPS {
            self.step(&weather).map_err(|broken| format!("step {step}: {broken}"))?;
        }
        self.calm()?;
        self.ask_again()?;
        self.end()?;
        Ok(self.tally)
    }

    fn step(&mut self, weather: &Weather) -> Result<(), String> {
        match self.dice.weighted(&weather.weights) {
            0 if self.wishes.len() < WISHES => self.wish(),
            0 | 1 => self.repeat(false),
            2 => self.repeat(true),
            3 => {
                let waiting = self.node.disk.reads();
                self.node.disk.read(self.dice.below(waiting));
            }
            4 => self.write(weather.faults)?,
            5 => {
                if !self.gateway.step(&self.dice) || self.dice.per_mille(60) {
                    self.gateway.arrive_late(&self.dice);
                }
            }
            6 => self.job(),
            7 => self.hang_up(),
            8 => self.crash()?,
            9 => {
                let pause = self.dice.between(1, 9_000_000);
                self.advance(pause);
            }
            10 => {
                self.tally.jumps += 1;
                let jump = self.dice.between(-90, 120);
                self.advance(1_000_000 * jump);
            }
            _ => self.notice(),
        }
        self.node.turn(1 + self.dice.below(4));
        self.land()
    }

    fn wish(&mut self) {
        let serial = self.wishes.len();
        self.wishes.push(Wish::draw(&self.world, &self.things, (&self.dice, serial)));
        self.ask(serial);
    }

    fn ask(&mut self, place: usize) {
        self.nonces += 1;
        let at = (self.clock.now(), self.nonces);
        let request = self.wishes[place].request(&self.world, at);
        self.fly((place, false), request);
    }

    fn repeat(&mut self, altered: bool) {
        let place = self.dice.below(self.wishes.len());
        let Some(wish) = self.wishes.get(place) else { return };
        if !altered {
            return self.ask(place);
        }
        // Only where the key has its answer: otherwise the other request could be the first.
        self.nonces += 1;
        let at = (self.clock.now(), self.nonces);
        if wish.answer.is_some()
            && let Some(request) = wish.altered(&self.world, at)
        {
            self.fly((place, true), request);
        }
    }

    fn fly(&mut self, (place, altered): (usize, bool), request: axum::extract::Request) {
        self.tally.requests += 1;
        let handle = self.node.send(self.node.client.clone(), request);
        self.flights.push((place, altered, handle));
    }

    fn write(&mut self, faults: usize) -> Result<(), String> {
        let waiting = self.node.disk.writes();
        if waiting == 0 {
            return Ok(());
        }
        let armed = self.dice.per_mille(faults);
        if armed && let Some(verb) = self.node.disk.verb(self.dice.below(waiting)) {
            let statement = self.dice.between(1, STATEMENTS).unsigned_abs();
            self.node.bank.db().faults().fail_at(verb, statement);
        }
        let fate = match self.dice.below(1_000) {
            n if n < faults / 2 => Fate::Fails,
            n if n < faults => Fate::CommitsUntold,
            _ => Fate::Commits,
        };
        let count = 1 + self.dice.below(waiting);
        let dice = self.dice.clone();
        let verbs = self.node.disk.write(count, fate, |among| dice.below(among));
        self.tally.transactions += verbs.len() as u64;
        let fired = armed && !self.node.bank.db().faults().disarm();
        self.tally.faults += u64::from(fired || fate != Fate::Commits);
        rules::always(&self.node.disk).map_err(|broken| format!("{verbs:?} {fate:?}: {broken}"))?;
        self.gateway.state().wrong.take().map_or(Ok(()), Err)
    }

    fn job(&mut self) {
        const JOBS: [Job; 5] = [
            Job::AskGateways,
            Job::ExpireHolds,
            Job::ReverseCharges,
            Job::RefreshKeys,
            Job::SumFigures,
        ];
        let place = self.dice.weighted(&[12, 4, 1, 1, 2]);
        self.node.run_job(JOBS[place]);
    }

    fn hang_up(&mut self) {
        if self.flights.is_empty() {
            return;
        }
        self.tally.hang_ups += 1;
        let (_, _, handle) = self.flights.swap_remove(self.dice.below(self.flights.len()));
        handle.abort();
    }

    /// The process is gone, and another begins with what is on the disk.
    fn crash(&mut self) -> Result<(), String> {
        self.tally.crashes += 1;
        self.flights.clear();
        if self.dice.per_mille(300) {
            // Committed, and nobody lives to hear of it.
            let dice = self.dice.clone();
            self.node.disk.write(3, Fate::Commits, |among| dice.below(among));
        }
        let rng = Rng::seeded(self.dice.between(0, i64::from(u32::MAX) - 1).unsigned_abs());
        self.node = Node::start(&self.world, (&self.disk, rng), &self.clock, &self.gateway);
        rules::always(&self.node.disk)?;
        rules::durable(&self.node.disk, &self.wishes)
    }

    fn advance(&mut self, micros: i64) {
        self.clock.advance_micros(micros).expect("a clock in hand");
        self.latest = self.latest.max(self.clock.now());
    }

    /// The gateway tells that something has news: true, late, twice or about nothing.
    fn notice(&mut self) {
        let Some(operation) = self.gateway.any_operation(&self.dice) else { return };
        let request = http::Request::post("/v1/gateways/sandbox/notices")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(operation))
            .expect("a request");
        // Nobody waits for its answer.
        drop(self.node.send(self.node.client.clone(), request));
    }

    /// Takes in what was answered.
    fn land(&mut self) -> Result<(), String> {
        let mut left = Vec::new();
        for (place, altered, handle) in std::mem::take(&mut self.flights) {
            if !handle.is_finished() {
                left.push((place, altered, handle));
                continue;
            }
            let Some(reply) = self.node.outcome(handle) else {
                return Err(format!("{} panicked", self.wishes[place].key));
            };
            self.note(place, &reply);
            if !altered {
                self.wishes[place].told(&reply, &mut self.things)?;
            } else if is_final(&reply) && reply.code() != "idempotency_key_reused" {
                return Err(format!("another request had its answer: {reply:?}"));
            }
        }
        self.flights = left;
        Ok(())
    }

    /// FNV-1a over what was told.
    fn note(&mut self, place: usize, reply: &Reply) {
        let mut text = format!("{place} {} ", reply.status);
        text.push_str(&String::from_utf8_lossy(&reply.body));
        for byte in text.bytes() {
            self.tally.trace = (self.tally.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The gateway is well, the disk has room, nobody crashes: everything becomes known.
    fn calm(&mut self) -> Result<(), String> {
        self.gateway.be_honest();
        // A clock that went back is right again: sessions used in its future are not served before.
        self.clock.set(self.latest).expect("a clock in hand");
        for _ in 0..CALM_TURNS {
            self.settle()?;
            let open = rules::open_things(&self.node.disk)?;
            if open == 0 && self.flights.is_empty() && !self.node.has_jobs() {
                // What was given up may arrive now, and changes nothing any more.
                while self.gateway.arrive_late(&self.dice) {}
                return rules::always(&self.node.disk);
            }
            self.advance(7_000_000);
            self.node.run_job(Job::AskGateways);
            self.node.run_job(Job::ExpireHolds);
        }
        let open = rules::open_things(&self.node.disk)?;
        Err(format!("{open} steps are unknown for ever; {} requests", self.flights.len()))
    }

    /// Whatever was begun goes on until it waits for time alone.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..SETTLED_AFTER {
            self.node.serve_all();
            while self.gateway.step(&self.dice) {
                self.node.serve_all();
            }
            self.land()?;
            if self.flights.is_empty() && !self.node.has_jobs() {
                break;
            }
        }
        Ok(())
    }

    /// Every wish once more: what has an answer keeps it, and what has none gets one.
    fn ask_again(&mut self) -> Result<(), String> {
        let mut places: Vec<usize> = (0..self.wishes.len()).collect();
        for _ in 0..3 {
            for place in std::mem::take(&mut places) {
                self.ask(place);
            }
            self.calm()?;
            let silent = |place: &usize| self.wishes[*place].answer.is_none();
            places.extend((0..self.wishes.len()).filter(silent));
        }
        let mut silent = String::new();
        for wish in self.wishes.iter().filter(|wish| wish.answer.is_none()) {
            let said = &wish.not_yet;
            write!(silent, " {} {} {said:?}", wish.key, wish.path)
                .map_err(|error| error.to_string())?;
        }
        if silent.is_empty() { Ok(()) } else { Err(format!("never answered:{silent}")) }
    }

    fn end(&mut self) -> Result<(), String> {
        rules::durable(&self.node.disk, &self.wishes)?;
        rules::at_rest(&self.node.disk, &self.gateway)?;
        self.tally.steps = rules::steps(&self.node.disk)?;
        self.gateway.state().wrong.take().map_or(Ok(()), Err)?;
        // The gateway's reports of these days show nothing that the books have not.
        self.advance(2 * 86_400_000_000);
        self.node.run_job(Job::Reconcile);
        self.settle()?;
        self.settle()?;
        if self.node.has_jobs() {
            return Err("the reports are not read to their end".to_owned());
        }
        let differences = rules::differences(&self.node.disk)?;
        if differences > 0 {
            return Err(format!("{differences} differences in the gateway's reports"));
        }
        let db = self.node.bank.db().clone();
        let report = self.node.finish(async move { verify::run(&db).await });
        match report {
            Some(Ok(verify::Report::Right(_))) => Ok(()),
            other => Err(format!("verify: {other:?}")),
        }
    }
}
