//! Traces: where the time of a request went, told to a collector of OpenTelemetry; off unless one is configured.
//!
//! Order: a request gets a [`Span`] when its route is known, or nothing where it is not sampled; while it is handled, the
//! transactions, Redis, gateways and webhooks that it waits for are children of it ([`child`]), and its log lines carry
//! its trace. What ended goes into a bounded queue ([`export`]); a task of its own sends it.
//!
//! Cost: off, a branch; on and not sampled, a hash of the request's id, and no allocation; a child looks for its parent
//! in a variable of the task. Bound: [`export::WAITING`] spans wait, more are dropped and counted.
//!
//! Never: a text that came from outside. A name or value is a word of the program, a number or the request's id: no
//! other type fits, so no path, query, address, amount or person can be told. No request waits for the collector.
//! Nothing goes along to gateways or receivers of webhooks: `traceparent` would tell strangers which of our calls to
//! them belong together, and they are to know each by its own id only.

mod export;
mod otlp;
mod parent;
mod span;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use data_encoding::HEXLOWER;
use http::{HeaderMap, Method};
use money::{Clock, RequestId, Rng, Timestamp};
use tracing::Instrument;

use self::export::Queue;
pub use self::parent::Parent;
pub use self::span::Kind;
use self::span::{Name, Record, Value};
use crate::config;
use crate::gateways::SettingsError;

/// The traces of one node; clones share them.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Recorder>>);

/// A span that is open, or nothing where nobody wants it. It is told when it ends; dropped before, as `cancelled`.
#[must_use = "a span that is dropped at once has no length"]
#[derive(Default)]
pub struct Span(Option<Box<Open>>);

struct Recorder {
    clock: Clock,
    rng: Rng,
    per_million: u32,
    follow_callers: bool,
    queue: Queue,
}

struct Open {
    here: Here,
    /// What the log's lines carry; none of a child, whose lines are in its parent's.
    log: tracing::Span,
    record: Record,
}

/// The span that a task is in.
#[derive(Clone)]
struct Here(Arc<Place>);

struct Place {
    recorder: Arc<Recorder>,
    trace: [u8; 16],
    span: [u8; 8],
    has_children: AtomicBool,
}

tokio::task_local! {
    static HERE: Here;
}

/// The spans of one kind of fate, since the process began.
pub type Fates = [(&'static str, u64); 4];

const MILLION: u32 = 1_000_000;

impl Traces {
    /// As the configuration says. Inside a tokio runtime: what sends is a task of it.
    pub fn new(settings: &config::Traces, clock: Clock, rng: Rng) -> Self {
        let Some(url) = &settings.url else { return Self(None) };
        match Queue::open(url, &rng) {
            Ok(queue) => Self(Some(Arc::new(Recorder {
                clock,
                rng,
                per_million: settings.per_million,
                follow_callers: settings.follow_callers,
                queue,
            }))),
            // The configuration was checked, so this does not happen; the bank serves all the same.
            Err(error) => {
                let error: SettingsError = error;
                tracing::error!(%error, "traces are not told");
                Self(None)
            }
        }
    }

    /// The span of a request of this route, where it is sampled. A caller's trace goes on in it.
    pub fn request(
        &self,
        headers: &HeaderMap,
        (request, started): (RequestId, Timestamp),
        (method, route): (&Method, &'static str),
    ) -> Span {
        let Some(recorder) = &self.0 else { return Span(None) };
        let parent = Parent::of(headers);
        let is_wanted = match &parent {
            Some(parent) if recorder.follow_callers => parent.is_sampled,
            // Not by the caller's trace id: whoever picks it would be sampled each time.
            Some(_) | None => recorder.draws(request.bytes()),
        };
        if !is_wanted {
            return Span(None);
        }
        let method = word_of(method);
        let trace = parent.as_ref().map_or_else(|| recorder.trace_id(), |parent| parent.trace);
        let mut record = recorder.record(Kind::Server, Name::Route(method, route), trace);
        record.started = started;
        record.parent = parent.map(|parent| parent.span);
        record.attributes.extend([
            ("http.request.method", Value::Word(method)),
            ("http.route", Value::Word(route)),
            ("exchequer.request_id", Value::Request(request)),
        ]);
        let trace_id = HEXLOWER.encode(&trace);
        let log = tracing::error_span!("request", request_id = %request, trace_id);
        Span(Some(Box::new(Open { here: Here::new(recorder, &record), log, record })))
    }

    /// The span of a run of a job, where it is sampled.
    pub fn job(&self, name: &'static str) -> Span {
        let Some(recorder) = &self.0 else { return Span(None) };
        if !recorder.draws(&recorder.rng.bytes()) {
            return Span(None);
        }
        let trace = recorder.trace_id();
        let mut record = recorder.record(Kind::Internal, Name::Word(name), trace);
        record.attributes.push(("exchequer.job", Value::Word(name)));
        let log = tracing::error_span!("job", trace_id = HEXLOWER.encode(&trace));
        Span(Some(Box::new(Open { here: Here::new(recorder, &record), log, record })))
    }

    /// How many spans the collector took (`sent`) and refused, how many it could not be given (`lost`), and how
    /// many found the queue full (`dropped`).
    pub fn fates(&self) -> Fates {
        let counts = self.0.as_ref().map(|recorder| recorder.queue.counts());
        counts.map_or([("sent", 0), ("refused", 0), ("lost", 0), ("dropped", 0)], |counts| {
            counts.fates()
        })
    }

    /// Waits until what has ended so far was sent or given up, at most for so long. From then on no batch is
    /// tried twice: it is for the end of the process.
    pub async fn flush(&self, limit: Duration) {
        if let Some(recorder) = &self.0 {
            recorder.queue.flush(limit).await;
        }
    }
}

impl Span {
    /// Does work as a part of this span.
    pub async fn around<F: Future>(&self, work: Pin<&mut F>) -> F::Output {
        match &self.0 {
            None => work.await,
            Some(open) => HERE.scope(open.here.clone(), work.instrument(open.log.clone())).await,
        }
    }

    /// Does something at once whose log lines carry the trace.
    pub fn logged<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => act(),
            Some(open) => open.log.in_scope(act),
        }
    }

    /// A request's answer, and the code of its problem: a failure where the status is a 5xx (HTTP semantic
    /// conventions of OpenTelemetry, "Status").
    pub fn answered(mut self, status: u16, code: Option<&'static str>, ended: Timestamp) {
        let Some(mut open) = self.0.take() else { return };
        let number = Value::Number(i64::from(status));
        open.record.attributes.push(("http.response.status_code", number));
        if let Some(code) = code {
            open.record.attributes.push(("exchequer.code", Value::Word(code)));
        }
        open.tell(code.filter(|_| status >= 500), ended);
    }

    /// The end, with a word for what failed.
    pub fn ended(mut self, failed: Option<&'static str>) {
        if let Some(open) = self.0.take() {
            let now = open.here.0.recorder.clock.now();
            open.tell(failed, now);
        }
    }

    /// The end of what did nothing worth telling; with children it is told, or they would have no parent.
    pub fn idle(mut self) {
        if let Some(open) = self.0.take_if(|open| open.here.0.has_children.load(Relaxed)) {
            let now = open.here.0.recorder.clock.now();
            open.tell(None, now);
        }
        self.0 = None;
    }

    /// A word about it.
    fn with(mut self, name: &'static str, word: &'static str) -> Self {
        if let Some(open) = &mut self.0 {
            open.record.attributes.push((name, Value::Word(word)));
        }
        self
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let now = open.here.0.recorder.clock.now();
            open.tell(Some("cancelled"), now);
        }
    }
}

/// A child of the span that this task is in; nothing where it is in none.
pub fn child(kind: Kind, name: &'static str) -> Span {
    let Ok(here) = HERE.try_with(Here::clone) else { return Span(None) };
    here.0.has_children.store(true, Relaxed);
    let mut record = here.0.recorder.record(kind, Name::Word(name), here.0.trace);
    record.parent = Some(here.0.span);
    Span(Some(Box::new(Open { here, log: tracing::Span::none(), record })))
}

/// A transaction and the wait for it, under its verb; `code` says what failed.
pub async fn transaction<T, E>(
    verb: &'static str,
    work: impl Future<Output = Result<T, E>>,
    code: impl FnOnce(&E) -> Option<&'static str>,
) -> Result<T, E> {
    let span = child(Kind::Internal, verb).with("exchequer.part", "database");
    let result = work.await;
    span.ended(result.as_ref().err().and_then(code));
    result
}

/// A call of somebody outside, whom `peer` names; `failed` says why the answer is none.
pub async fn call<T>(
    (name, peer): (&'static str, &'static str),
    work: impl Future<Output = T>,
    failed: impl FnOnce(&T) -> Option<&'static str>,
) -> T {
    let span = child(Kind::Client, name).with("exchequer.peer", peer);
    let answer = work.await;
    span.ended(failed(&answer));
    answer
}

/// For a task of its own that goes on with what this one does: its waits are children of the same span.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let (here, work) = (HERE.try_with(Here::clone).ok(), Box::pin(work));
    let log = tracing::Span::current();
    async move {
        match here {
            None => work.await,
            Some(here) => HERE.scope(here, work.instrument(log)).await,
        }
    }
}

impl Recorder {
    /// Whether the one with this id is sampled: a hash of it falls below the wanted share.
    fn draws(&self, id: &[u8; 16]) -> bool {
        let drawn = u128::from(hash(id)).saturating_mul(u128::from(MILLION)) >> 64;
        drawn < u128::from(self.per_million)
    }

    fn trace_id(&self) -> [u8; 16] {
        loop {
            let id = self.rng.bytes();
            // W3C Trace Context §3.2.2.3: all zeros is no id.
            if id != [0; 16] {
                return id;
            }
        }
    }

    fn record(&self, kind: Kind, name: Name, trace: [u8; 16]) -> Record {
        let mut span = [0; 8];
        while span == [0; 8] {
            span = self.rng.bytes();
        }
        let now = self.clock.now();
        let (parent, failed, attributes) = (None, None, Vec::new());
        Record { trace, span, parent, name, kind, started: now, ended: now, failed, attributes }
    }
}

impl Here {
    fn new(recorder: &Arc<Recorder>, record: &Record) -> Self {
        let (recorder, has_children) = (Arc::clone(recorder), AtomicBool::new(false));
        let (trace, span) = (record.trace, record.span);
        Self(Arc::new(Place { recorder, trace, span, has_children }))
    }
}

impl Open {
    fn tell(mut self, failed: Option<&'static str>, ended: Timestamp) {
        self.record.failed = failed;
        self.record.ended = ended;
        self.here.0.recorder.queue.put(self.record);
    }
}

/// SplitMix64's mixing over both halves (Steele, Lea and Flood, 2014): ids of one moment differ in a few bits only.
fn hash(id: &[u8; 16]) -> u64 {
    let mix = |number: u64| {
        let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    };
    let id = u128::from_be_bytes(*id);
    let (high, low) = (id >> 64, id & u128::from(u64::MAX));
    let half = |part: u128| u64::try_from(part).unwrap_or(u64::MAX);
    mix(mix(half(high)).wrapping_add(0x9e37_79b9_7f4a_7c15) ^ half(low))
}

/// The routes' methods; what is none of them reaches no route (semantic conventions: `_OTHER`).
fn word_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "_OTHER",
    }
}
