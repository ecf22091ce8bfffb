//! From spans that ended to the collector: a bounded queue, and a task that empties it in batches (OTLP/HTTP).
//!
//! Order: the first span of a batch waits [`GATHERING`] for others, or until there are [`BATCH`]; then one POST. A
//! collector that is silent, gone or too busy (429, 502, 503, 504, as OTLP has it) is asked again after each of
//! [`PAUSES`]; what it still does not take, or refuses, is counted and forgotten. Cost: nothing for requests but a place
//! in the queue. Bound: [`WAITING`] spans (some two MiB), [`LIMITS`] for a try. The task ends with the last handle.
//!
//! Never: a wait of whoever tells a span; a log line for each batch (one when it begins to fail, one when it ends); a
//! word of what the collector answers in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use data_encoding::HEXLOWER;
use http::{Method, header};
use money::Rng;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Fates;
use super::otlp::{self, MEDIA_TYPE, PATH};
use super::span::Record;
use crate::gateways::client::{Client, exchange};
use crate::gateways::{Limits, SettingsError};

/// Spans that may wait; more are dropped.
pub(super) const WAITING: usize = 8_192;
const BATCH: usize = 512;
const GATHERING: Duration = Duration::from_secs(1);
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), whole: Duration::from_secs(5) };
const MAX_ANSWER_BYTES: usize = 64 * 1024;

pub(super) struct Queue {
    sender: mpsc::Sender<Told>,
    counts: Arc<Counts>,
}

#[derive(Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    /// The process ends: nothing is tried twice.
    is_last: AtomicBool,
}

enum Told {
    Span(Box<Record>),
    /// Answered when all before it was sent or given up.
    Flush(oneshot::Sender<()>),
}

struct Exporter {
    client: Client,
    /// Tells this process from others of the same bank; drawn, so that it says nothing of the machine.
    instance: String,
    counts: Arc<Counts>,
    /// Whether the log says at the moment that the collector takes nothing.
    is_failing: bool,
}

/// What became of a try.
enum Tried {
    /// It took all but so many.
    Taken(u64),
    /// It may take them later.
    Later(String),
    Never(String),
}

/// Why a batch ends.
enum Ends {
    Here,
    Flush(oneshot::Sender<()>),
    Closed,
}

impl Queue {
    pub fn open(url: &str, rng: &Rng) -> Result<Self, SettingsError> {
        let (client, counts) = (Client::new(url, LIMITS)?, Arc::<Counts>::default());
        let instance = HEXLOWER.encode(&rng.bytes::<8>());
        let (sender, receiver) = mpsc::channel(WAITING);
        let exporter =
            Exporter { client, instance, counts: Arc::clone(&counts), is_failing: false };
        tokio::spawn(exporter.run(receiver));
        Ok(Self { sender, counts })
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Never waits.
    pub fn put(&self, record: Record) {
        if self.sender.try_send(Told::Span(Box::new(record))).is_err() {
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }

    pub async fn flush(&self, limit: Duration) {
        self.counts.is_last.store(true, Relaxed);
        let (done, is_done) = oneshot::channel();
        let flushed = async {
            if self.sender.send(Told::Flush(done)).await.is_ok() {
                // An exporter that is gone has nothing left to send.
                is_done.await.ok();
            }
        };
        if timeout(limit, flushed).await.is_err() {
            tracing::warn!("traces were left: the collector took too long");
        }
    }
}

impl Counts {
    pub fn fates(&self) -> Fates {
        [
            ("sent", self.sent.load(Relaxed)),
            ("refused", self.refused.load(Relaxed)),
            ("lost", self.lost.load(Relaxed)),
            ("dropped", self.dropped.load(Relaxed)),
        ]
    }
}

impl Exporter {
    async fn run(mut self, mut queue: mpsc::Receiver<Told>) {
        let mut batch = Vec::new();
        loop {
            let ends = gather(&mut queue, &mut batch).await;
            if !batch.is_empty() {
                self.deliver(&batch).await;
                batch.clear();
            }
            match ends {
                Ends::Here => {}
                // Whoever waited for it may have given up.
                Ends::Flush(done) => done.send(()).unwrap_or_default(),
                Ends::Closed => return,
            }
        }
    }

    async fn deliver(&mut self, spans: &[Record]) {
        let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        let body = otlp::request(&self.instance, spans);
        let mut why = String::new();
        for (place, pause) in PAUSES.into_iter().enumerate() {
            if place > 0 && self.counts.is_last.load(Relaxed) {
                break;
            }
            sleep(pause).await;
            match self.post(body.clone()).await {
                Tried::Taken(refused) => {
                    let refused = refused.min(count);
                    self.counts.refused.fetch_add(refused, Relaxed);
                    self.counts.sent.fetch_add(count - refused, Relaxed);
                    return self.recovered();
                }
                Tried::Later(reason) => why = reason,
                Tried::Never(reason) => {
                    why = reason;
                    break;
                }
            }
        }
        self.counts.lost.fetch_add(count, Relaxed);
        if !self.is_failing {
            self.is_failing = true;
            tracing::warn!(reason = why, "the collector takes no traces; the bank goes on without");
        }
    }

    async fn post(&self, body: String) -> Tried {
        let request = self.client.request(Method::POST, PATH);
        let request = request.header(header::CONTENT_TYPE, MEDIA_TYPE).body(body);
        match exchange(request, MAX_ANSWER_BYTES).await {
            Ok(answer) => match answer.status {
                200..=299 => Tried::Taken(otlp::refused(&answer.body)),
                status @ (429 | 502 | 503 | 504) => Tried::Later(format!("it answered {status}")),
                status => Tried::Never(format!("it answered {status}")),
            },
            Err(silence) => Tried::Later(silence.to_string()),
        }
    }

    fn recovered(&mut self) {
        if self.is_failing {
            self.is_failing = false;
            tracing::info!("the collector takes traces again");
        }
    }
}

/// Fills a batch, and says why it ends there.
async fn gather(queue: &mut mpsc::Receiver<Told>, batch: &mut Vec<Record>) -> Ends {
    let mut deadline: Option<Instant> = None;
    while batch.len() < BATCH {
        let next = match deadline {
            None => queue.recv().await,
            Some(at) => match timeout_at(at, queue.recv()).await {
                Ok(next) => next,
                Err(_) => return Ends::Here,
            },
        };
        match next {
            Some(Told::Span(record)) => batch.push(*record),
            Some(Told::Flush(done)) => return Ends::Flush(done),
            None => return Ends::Closed,
        }
        deadline.get_or_insert_with(|| Instant::now() + GATHERING);
    }
    Ends::Here
}
