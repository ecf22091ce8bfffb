//! The card gateway of the simulation: a book, and calls that wait until the scheduler lets them go on.
//!
//! A call is asked for, arrives, is decided, and is answered; between any two of them others happen, the bank may
//! crash, and time may jump. A request may be lost, arrive late or twice; an answer may be lost, or tell of a wrong
//! amount. Each id is decided once. What a gateway must never be asked for is kept in [`State::wrong`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use exchequer::gateways::{
    Act, Asked, Day, Done, Gateway, GatewayFault, Kind, Notice, NoticeRefusal, Operation, Outcome,
    Pending, Prepared, Question, ReportLine,
};
use http::HeaderMap;
use money::{Clock, Money, PaymentId, Timestamp};
use tokio::sync::oneshot;

use crate::dice::Dice;

/// A handle; the bank has one and the scheduler another.
#[derive(Clone)]
pub struct SimGateway {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

pub struct State {
    pub charges: BTreeMap<PaymentId, Charge>,
    /// A demand that no right bank makes.
    pub wrong: Option<String>,
    records: BTreeMap<String, Record>,
    calls: Vec<Call>,
    /// Requests that everybody gave up and that may still arrive.
    late: Vec<Request>,
    manners: Manners,
}

/// One payment, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    pub is_open: bool,
}

/// What this gateway is like.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Gives a reference before it is asked for an authorisation, as Stripe does.
    pub prepares: bool,
    /// Can close acts besides authorisations that never arrived.
    pub closes_all: bool,
    /// Of a thousand requests and answers each: how many are lost.
    pub loses: usize,
    /// Of a thousand answers: how many tell of one unit more.
    pub misstates: usize,
    /// Of a thousand cards: how many are declined.
    pub declines: usize,
}

impl Manners {
    pub const HONEST: Self =
        Self { prepares: false, closes_all: true, loses: 0, misstates: 0, declines: 0 };
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    id: String,
    payment: PaymentId,
    demand: Demand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    Authorize { amount: i64, capture: bool, declined: bool },
    Capture { amount: i64, is_final: bool },
    Cancel,
    Refund { amount: i64 },
}

#[derive(Debug, Clone)]
struct Record {
    request: Option<Request>,
    outcome: Outcome,
    at: Timestamp,
}

enum Call {
    Prepare(String, oneshot::Sender<Prepared>),
    /// The outcome is there once the request has arrived.
    Submit(Request, Option<Outcome>, oneshot::Sender<Outcome>),
    Ask(Query, Option<Asked>, oneshot::Sender<Asked>),
}

struct Query {
    id: String,
    kind: Kind,
    give_up: bool,
    /// Asked with the reference that was given to it.
    is_referred: bool,
}

impl SimGateway {
    pub fn new(clock: Clock, manners: Manners) -> Self {
        let state = State {
            charges: BTreeMap::new(),
            wrong: None,
            records: BTreeMap::new(),
            calls: Vec::new(),
            late: Vec::new(),
            manners,
        };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody spoils the gateway")
    }

    /// One thing happens to one call; false where none waits.
    pub fn step(&self, dice: &Dice) -> bool {
        let now = self.clock.now();
        self.state().step(dice, now)
    }

    /// A request that everybody gave up arrives after all; false where there is none.
    pub fn arrive_late(&self, dice: &Dice) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        if state.late.is_empty() {
            return false;
        }
        let place = dice.below(state.late.len());
        let request = state.late.swap_remove(place);
        state.decide(request, now);
        true
    }

    /// From now on it loses nothing and lies no more.
    pub fn be_honest(&self) {
        let mut state = self.state();
        let Manners { prepares, closes_all, .. } = state.manners;
        state.manners = Manners { prepares, closes_all, ..Manners::HONEST };
    }

    /// What it was asked for by name, to be told of.
    pub fn any_operation(&self, dice: &Dice) -> Option<String> {
        let state = self.state();
        let place = dice.below(state.records.len().max(1));
        state.records.keys().nth(place).cloned()
    }

    fn push(&self, call: Call) {
        self.state().calls.push(call);
    }
}

impl State {
    fn step(&mut self, dice: &Dice, now: Timestamp) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        match self.calls.remove(dice.below(self.calls.len())) {
            Call::Prepare(id, reply) => {
                let lost = dice.per_mille(self.manners.loses);
                let answer = if lost {
                    Prepared::Unknown("lost".to_owned())
                } else {
                    Prepared::Reference(format!("ref_{id}"))
                };
                // Whoever asked may be gone.
                reply.send(answer).ok();
            }
            Call::Submit(request, None, reply) => self.arrive(request, reply, (dice, now)),
            Call::Submit(_, Some(outcome), reply) => {
                reply.send(self.told(outcome, dice)).ok();
            }
            Call::Ask(query, None, reply) => {
                let answer = self.answer(&query, now);
                self.calls.push(Call::Ask(query, Some(answer), reply));
            }
            Call::Ask(_, Some(answer), reply) => {
                let answer = match answer {
                    _ if dice.per_mille(self.manners.loses) => {
                        Asked::Unreachable("lost".to_owned())
                    }
                    Asked::Known(outcome) => Asked::Known(self.misstated(outcome, dice)),
                    other => other,
                };
                reply.send(answer).ok();
            }
        }
        true
    }

    /// A request at the door: through it, lost, or delayed until everybody has given it up.
    fn arrive(
        &mut self,
        request: Request,
        reply: oneshot::Sender<Outcome>,
        (dice, now): (&Dice, Timestamp),
    ) {
        let is_late = reply.is_closed() && dice.per_mille(500);
        if is_late || dice.per_mille(self.manners.loses) {
            reply.send(unknown()).ok();
            if is_late || dice.per_mille(500) {
                self.late.push(request);
            }
            return;
        }
        if dice.per_mille(50) {
            self.decide(request.clone(), now);
        }
        let outcome = self.decide(request.clone(), now);
        self.calls.push(Call::Submit(request, Some(outcome), reply));
    }

    fn told(&self, outcome: Outcome, dice: &Dice) -> Outcome {
        if dice.per_mille(self.manners.loses) {
            return unknown();
        }
        self.misstated(outcome, dice)
    }

    fn misstated(&self, outcome: Outcome, dice: &Dice) -> Outcome {
        match outcome {
            Outcome::Done(done) if dice.per_mille(self.manners.misstates) => {
                Outcome::Done(Done { amount: done.amount + 1, ..done })
            }
            other => other,
        }
    }

    fn answer(&mut self, query: &Query, now: Timestamp) -> Asked {
        if self.manners.prepares && query.kind == Kind::Authorize && !query.is_referred {
            // What was never prepared was never submitted, as far as this gateway can be asked.
            return if query.give_up { Asked::Closed } else { Asked::NeverSeen };
        }
        if let Some(record) = self.records.get(&query.id) {
            return match &record.request {
                Some(_) => Asked::Known(record.outcome.clone()),
                None => Asked::Closed,
            };
        }
        if query.give_up && (self.manners.closes_all || query.kind == Kind::Authorize) {
            let closed = Record { request: None, outcome: refused("closed"), at: now };
            self.records.insert(query.id.clone(), closed);
            return Asked::Closed;
        }
        Asked::NeverSeen
    }

    /// Once for each id.
    fn decide(&mut self, request: Request, now: Timestamp) -> Outcome {
        if let Some(record) = self.records.get(&request.id) {
            if record.request.as_ref().is_some_and(|before| *before != request) {
                let text = format!("{} was asked for in two ways", request.id);
                self.wrong.get_or_insert(text);
            }
            return record.outcome.clone();
        }
        let outcome = self.enter(&request);
        let record = Record { request: Some(request.clone()), outcome: outcome.clone(), at: now };
        self.records.insert(request.id, record);
        outcome
    }

    fn enter(&mut self, request: &Request) -> Outcome {
        let charge = self.charges.get_mut(&request.payment);
        let (amount, is_captured) = match (request.demand, charge) {
            (Demand::Authorize { declined: true, .. }, None) => return refused("card_declined"),
            (Demand::Authorize { amount, capture, .. }, None) => {
                let captured = if capture { amount } else { 0 };
                let charge =
                    Charge { authorized: amount, captured, refunded: 0, is_open: !capture };
                self.charges.insert(request.payment, charge);
                (amount, capture)
            }
            (Demand::Capture { amount, is_final }, Some(charge))
                if charge.is_open && amount <= charge.authorized - charge.captured =>
            {
                charge.captured += amount;
                charge.is_open = !is_final && charge.captured < charge.authorized;
                (amount, true)
            }
            (Demand::Cancel, Some(charge)) if charge.is_open => {
                charge.is_open = false;
                (charge.authorized - charge.captured, false)
            }
            (Demand::Refund { amount }, Some(charge))
                if amount <= charge.captured - charge.refunded =>
            {
                charge.refunded += amount;
                (amount, false)
            }
            (demand, charge) => {
                let text = format!("{}: {demand:?} of {charge:?}", request.id);
                self.wrong.get_or_insert(text);
                return refused("not_possible");
            }
        };
        let reference = format!("ref_{}", request.payment);
        Outcome::Done(Done { reference, amount, is_captured })
    }

    fn movements(&self, day: Day) -> Vec<ReportLine> {
        let of_day = self.records.values().filter(|record| Day::of(record.at) == day);
        let line = |record: &Record| {
            let request = record.request.as_ref()?;
            let Outcome::Done(done) = &record.outcome else { return None };
            let kind = match request.demand {
                Demand::Authorize { capture: true, .. } | Demand::Capture { .. } => Kind::Capture,
                Demand::Refund { .. } => Kind::Refund,
                Demand::Authorize { .. } | Demand::Cancel => return None,
            };
            Some(ReportLine {
                operation: request.id.clone(),
                kind,
                payment: request.payment.to_string(),
                reference: done.reference.clone(),
                money: Money::new(done.amount, money::Currency::INR),
                fee: 0,
                at: record.at,
            })
        };
        of_day.filter_map(line).collect()
    }
}

impl Gateway for SimGateway {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn prepare<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Prepared> {
        let (reply, answer) = oneshot::channel();
        Box::pin(async move {
            if !self.state().manners.prepares {
                return Prepared::Nothing;
            }
            self.push(Call::Prepare(operation.id.to_owned(), reply));
            answer.await.unwrap_or_else(|_| Prepared::Unknown("gone".to_owned()))
        })
    }

    fn submit<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Outcome> {
        let (reply, answer) = oneshot::channel();
        let declines = self.state().manners.declines;
        let demand = match operation.act {
            Act::Authorize { money, capture, .. } => {
                // What becomes of a card follows from the sum, so that a repetition is the same request.
                let declined = (money.minor().unsigned_abs() % 1_000) < declines as u64;
                Demand::Authorize { amount: money.minor(), capture, declined }
            }
            Act::Capture { money, is_final } => Demand::Capture { amount: money.minor(), is_final },
            Act::Cancel => Demand::Cancel,
            Act::Refund { money } => Demand::Refund { amount: money.minor() },
        };
        let request = Request { id: operation.id.to_owned(), payment: operation.payment, demand };
        self.push(Call::Submit(request, None, reply));
        Box::pin(async move { answer.await.unwrap_or_else(|_| unknown()) })
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pending<'a, Asked> {
        let (reply, answer) = oneshot::channel();
        let query = Query {
            id: question.id.to_owned(),
            kind: question.kind,
            give_up: question.give_up,
            is_referred: question.reference.is_some(),
        };
        self.push(Call::Ask(query, None, reply));
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Asked::Unreachable("gone".to_owned())) },
        )
    }

    fn report(&self, day: Day) -> Pending<'_, Result<Vec<ReportLine>, GatewayFault>> {
        Box::pin(async move { Ok(self.state().movements(day)) })
    }

    fn read_notice(
        &self,
        _: &HeaderMap,
        body: &[u8],
        _: Timestamp,
    ) -> Result<Notice, NoticeRefusal> {
        let operation = String::from_utf8(body.to_vec()).map_err(|_| NoticeRefusal::Malformed)?;
        Ok(Notice { operation })
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "no answer".to_owned() }
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), reference: None }
}
