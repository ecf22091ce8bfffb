//! Presence: that a process begins and ends to serve the bank stands in the trail, since it is the process that writes it.
//!
//! Order: the start is written when the process listens, by a task of its own, so that no start waits for it or fails by
//! it; where it cannot be written (a full disk, a database that went away) it is tried again until it is, or the process
//! ends. The end is written when the last request is answered, behind the start; then the log is written once more, so
//! that it ends with the end, and left to other nodes. Both have one request's id. Bound: [`END_LIMIT`]. A process that is killed leaves no end: its
//! start is followed by another one.

use std::sync::Arc;
use std::time::Duration;

use ::store::DbError;
use money::{RequestId, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use crate::bank::{Act, Bank};
use crate::{events, evidence, jobs};

/// The pause before a start is written again.
const RETRY: Duration = Duration::from_secs(10);
/// How long a stop may be held up by it.
const END_LIMIT: Duration = Duration::from_secs(3);

/// One process of the bank, from its start on.
#[derive(Clone)]
pub struct Presence {
    bank: Bank,
    /// The command, as events call it.
    name: &'static str,
    request: RequestId,
    began_at: Timestamp,
    /// Whether the start is written.
    is_known: Arc<Mutex<bool>>,
}

impl Presence {
    /// `name` is the command: `serve`, `vault`.
    pub fn begin(bank: &Bank, name: &'static str) -> Self {
        let tools = bank.tools();
        let is_known = Arc::new(Mutex::new(false));
        Self { bank: bank.clone(), name, request: tools.id(), began_at: tools.now(), is_known }
    }

    /// Writes that the process serves.
    pub async fn record_start(self, mut stop: watch::Receiver<bool>) {
        while let Err(error) = self.make_known().await {
            tracing::warn!(%error, "the start of this process is not in the trail; it is tried again");
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = jobs::stopped(&mut stop) => return,
            }
        }
    }

    /// Writes that the process ends, and the log up to there. `cut` connections took longer than they were given.
    pub async fn record_end(&self, cut: usize, stop: &watch::Receiver<bool>) {
        let mut said = self.said();
        said["cut"] = cut.into();
        let last = async {
            self.make_known().await?;
            self.record("process.stopped", &said).await?;
            evidence::sequencer::run(&self.bank, stop).await?;
            evidence::sequencer::give_up(&self.bank).await
        };
        match tokio::time::timeout(END_LIMIT, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the end of this process is not in the trail, or not in the log");
            }
            Err(_) => {
                tracing::warn!("the end of this process may not be in the trail: it took too long");
            }
        }
    }

    /// Once, whoever comes first.
    async fn make_known(&self) -> Result<(), DbError> {
        let mut is_known = self.is_known.lock().await;
        if !*is_known {
            self.record("process.started", &self.said()).await?;
            *is_known = true;
        }
        Ok(())
    }

    async fn record(&self, action: &'static str, said: &Value) -> Result<(), DbError> {
        let act = self.bank.system_act(&format!("exchequer {}", self.name));
        let act = Act { request: self.request, ..act };
        let (name, said) = (self.name, said.clone());
        let write = move |tx: &mut ::store::Tx<'_>| {
            events::record(tx, &act, action, name, "done", Some(&said))
        };
        self.bank.db().write(action, write).await
    }

    fn said(&self) -> Value {
        json!({ "version": env!("CARGO_PKG_VERSION"), "began_at": self.began_at.to_string() })
    }
}
