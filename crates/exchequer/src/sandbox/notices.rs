//! Notices to the bank: a signed POST for each decided operation, which may come late, twice, in another
//! order, with a wrong amount, or not at all.
//!
//! Bound: [`QUEUE`] wait and what is beyond is lost, as it is with any gateway that is not asked; at most
//! [`IN_FLIGHT`] are under way. A notice that is not answered with success is tried [`TRIES`] times.

use std::sync::Arc;
use std::time::Duration;

use money::Clock;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use vault::SecretString;

use super::chaos::{Chaos, NoticeChaos};
use super::wire::{Answer, SIGNATURE_HEADER};
use crate::gateways::client::{Client, SettingsError, exchange};
use crate::gateways::{Limits, MAX_ANSWER_BYTES, signature};

/// The end at which decisions are told.
pub struct Notices {
    queue: mpsc::Sender<Told>,
}

/// The other end.
pub struct Sending {
    queue: mpsc::Receiver<Told>,
    courier: Arc<Courier>,
}

struct Told {
    answer: Answer,
    chaos: Arc<Chaos>,
}

struct Courier {
    client: Client,
    secret: Arc<SecretString>,
    clock: Clock,
}

const QUEUE: usize = 10_000;
const IN_FLIGHT: usize = 64;
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a notice that is to be overtaken waits for another.
const HELD: Duration = Duration::from_secs(1);

impl Notices {
    /// `url` is where notices are posted, path and all.
    pub fn new(
        url: &str,
        secret: Arc<SecretString>,
        clock: Clock,
    ) -> Result<(Self, Sending), SettingsError> {
        let client = Client::new(url, Limits::default())?;
        let (queue, received) = mpsc::channel(QUEUE);
        let courier = Arc::new(Courier { client, secret, clock });
        Ok((Self { queue }, Sending { queue: received, courier }))
    }

    pub fn tell(&self, answer: Answer, chaos: Arc<Chaos>) {
        if self.queue.try_send(Told { answer, chaos }).is_err() {
            tracing::warn!("too many notices wait; one was lost");
        }
    }
}

impl Sending {
    /// Until nobody tells any more; dropped, it stops at once.
    pub async fn run(mut self) {
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut under_way = JoinSet::new();
        let mut held: Option<Told> = None;
        loop {
            let next = match &held {
                Some(_) => match tokio::time::timeout(HELD, self.queue.recv()).await {
                    Ok(told) => told,
                    Err(_) => held.take(),
                },
                None => self.queue.recv().await,
            };
            let Some(told) = next else { break };
            if held.is_none() && told.strikes("out_of_order", |knobs| knobs.out_of_order_per_mille)
            {
                held = Some(told);
                continue;
            }
            let batch = std::iter::once(told).chain(held.take()).collect::<Vec<_>>();
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let courier = Arc::clone(&self.courier);
            under_way.spawn(async move {
                for told in batch {
                    courier.bring(told).await;
                }
                drop(place);
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }
}

impl Told {
    fn strikes(&self, knob: &str, per_mille: impl Fn(&NoticeChaos) -> u16) -> bool {
        let name = format!("notice_{knob}");
        self.chaos.strikes(&name, per_mille(&self.chaos.notices), (&self.answer.operation, 1))
    }
}

impl Courier {
    async fn bring(&self, mut told: Told) {
        tokio::time::sleep(Duration::from_millis(u64::from(told.chaos.notices.late_ms))).await;
        if told.strikes("lose", |knobs| knobs.lose_per_mille) {
            return;
        }
        if told.strikes("wrong_amount", |knobs| knobs.wrong_amount_per_mille) {
            told.answer.amount = told.answer.amount.map(|amount| amount.saturating_add(1));
        }
        let times = if told.strikes("twice", |knobs| knobs.twice_per_mille) { 2 } else { 1 };
        let Ok(body) = serde_json::to_vec(&told.answer) else { return };
        for _ in 0..times {
            self.post(&body).await;
        }
    }

    async fn post(&self, body: &[u8]) {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let signed = signature::sign(self.secret.expose().as_bytes(), self.clock.now(), body);
            let request = self
                .client
                .request(http::Method::POST, "")
                .header("content-type", "application/json")
                .header(SIGNATURE_HEADER, signed)
                .body(body.to_vec());
            match exchange(request, MAX_ANSWER_BYTES).await {
                Ok(answer) if (200..300).contains(&answer.status) => return,
                Ok(answer) => tracing::debug!(status = answer.status, "a notice was not taken"),
                Err(silence) => tracing::debug!(error = %silence, "a notice was not taken"),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(4);
        }
        tracing::warn!("a notice was not taken at all");
    }
}
