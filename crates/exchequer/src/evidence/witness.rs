//! The witness: somebody else who is shown each checkpoint, keeps the newest, and signs that the log only grew
//! (C2SP `tlog-witness`).
//!
//! Order, each second on the node that writes the log: the newest checkpoint that has no signature of the witness goes to
//! `POST …/add-checkpoint` with the proof from the size that the witness knows; where it knows another it says so (409), and is asked
//! once more. Its signature is verified and put beside the bank's own in the kept checkpoint, so that receipts have
//! it from then on. A witness that is silent, refuses, or knows a longer log blocks no money: health, log and one event tell, and it is tried
//! again. Cost: a request a second of a busy bank, none of an idle one. Bound: [`LIMITS`], [`MAX_ANSWER_BYTES`].
//! Never: a checkpoint kept whose signatures were not verified, or a row shown to the witness: it sees hashes.

use ::store::DbError;
use data_encoding::BASE64;
use http::{Method, header};
use merkle::{Hash, Note, WitnessKey};

use super::outside::{self, Keeper};
use super::proofs::growth_in;
use super::store::{self as log, KeptCheckpoint};
use crate::bank::Bank;
use crate::config::WitnessAddress;
use crate::gateways::Limits;
use crate::gateways::client::{Answer, Client, Silence, exchange};

/// The job, and what it writes.
pub(crate) const NAME: &str = "log.witness";

const LIMITS: Limits =
    Limits { connect: std::time::Duration::from_secs(2), whole: std::time::Duration::from_secs(5) };
/// A few lines.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// Once with what is known, once with what it says.
const TRIES: usize = 2;

/// What a node knows of the witness.
#[derive(Default)]
pub struct Witness {
    client: Option<Client>,
    /// Leaves of the newest checkpoint that it has seen; none before it was asked.
    known: Option<u64>,
}

/// Why the witness has not signed, in the order in which it is found out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unsigned {
    #[error("its settings cannot be used: {0}")]
    Settings(String),
    #[error(transparent)]
    Silence(#[from] Silence),
    #[error("it knows a log of {0}, and the database has one of {1}: it was rolled back")]
    RolledBack(u64, u64),
    #[error("it answered 422: what it has seen is no beginning of this log")]
    AnotherHistory,
    #[error("it answered 403 or 404: it does not know this log, or its key")]
    Unknown,
    #[error("it answered {0}")]
    Status(u16),
    #[error("its answer is no signature of its key")]
    Signature,
}

/// Has the newest checkpoint signed; gives whether one was.
pub(crate) async fn run(bank: &Bank) -> Result<u64, DbError> {
    let Some(address) = &bank.config().evidence.witness else { return Ok(0) };
    if !bank.sequencer().status().is_leader {
        return Ok(0);
    }
    let Some(newest) = bank.db().read("log.checkpoint", log::checkpoint).await? else {
        return Ok(0);
    };
    let mut witness = bank.sequencer().witness.lock().await;
    if seen(&newest.note, &address.key) {
        witness.known = Some(newest.size);
        bank.sequencer().status().witnessed = newest.size;
        outside::recover(bank, Keeper::Witness).await?;
        return Ok(0);
    }
    match witness.sign(bank, address, &newest).await? {
        Ok(note) => {
            let size = newest.size;
            bank.db().write(NAME, move |tx| log::save_note(tx, size, &note)).await?;
            bank.sequencer().status().witnessed = size;
            outside::recover(bank, Keeper::Witness).await?;
            Ok(1)
        }
        Err(why) => {
            // What it knows is asked for anew.
            witness.known = None;
            outside::fail(bank, Keeper::Witness, format!("the witness: {why}")).await?;
            Ok(0)
        }
    }
}

impl Witness {
    async fn sign(
        &mut self,
        bank: &Bank,
        address: &WitnessAddress,
        newest: &KeptCheckpoint,
    ) -> Result<Result<String, Unsigned>, DbError> {
        for _ in 0..TRIES {
            let old = self.known.unwrap_or(0);
            if old > newest.size {
                return Ok(Err(Unsigned::RolledBack(old, newest.size)));
            }
            let proof = proof(bank, (old, newest.size)).await?;
            let answer = match self.ask(address, request(old, &proof, &newest.note)).await {
                Ok(answer) => answer,
                Err(why) => return Ok(Err(why)),
            };
            match read(&answer, &newest.note, &address.key) {
                Ok(Said::Signed(note)) => {
                    self.known = Some(newest.size);
                    return Ok(Ok(note));
                }
                Ok(Said::Knows(size)) => self.known = Some(size),
                Err(why) => return Ok(Err(why)),
            }
        }
        // It said another size each time: somebody else shows it checkpoints, too.
        Ok(Err(Unsigned::Status(409)))
    }

    async fn ask(&mut self, address: &WitnessAddress, body: String) -> Result<Answer, Unsigned> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::new(&address.url, LIMITS)
                .map_err(|error| Unsigned::Settings(error.to_string()))?,
        };
        let request = client
            .request(Method::POST, "/add-checkpoint")
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(body);
        let answer = exchange(request, MAX_ANSWER_BYTES).await;
        self.client = Some(client);
        Ok(answer?)
    }
}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// The note with its signature.
    Signed(String),
    /// It has seen a checkpoint of so many leaves.
    Knows(u64),
}

async fn proof(bank: &Bank, (old, size): (u64, u64)) -> Result<Vec<Hash>, DbError> {
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let proof = bank.db().read("log.consistency", move |tx| growth_in(tx, (old, size))).await?;
    proof.ok_or_else(|| DbError::Corrupt("a checkpoint is longer than the log".to_owned()))
}

fn request(old: u64, proof: &[Hash], note: &str) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        body.push_str(&BASE64.encode(hash));
        body.push('\n');
    }
    body.push('\n');
    body.push_str(note);
    body
}

fn read(answer: &Answer, note: &str, key: &WitnessKey) -> Result<Said, Unsigned> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    match answer.status {
        200 => {
            let note = Note::parse(note).and_then(|note| note.with_signatures(text));
            let note = note.map_err(|_| Unsigned::Signature)?;
            key.seen_at(&note).map_err(|_| Unsigned::Signature)?;
            Ok(Said::Signed(note.to_string()))
        }
        409 => {
            let size = text.strip_suffix('\n').unwrap_or(text).parse();
            size.map(Said::Knows).map_err(|_| Unsigned::Status(409))
        }
        422 => Err(Unsigned::AnotherHistory),
        403 | 404 => Err(Unsigned::Unknown),
        status => Err(Unsigned::Status(status)),
    }
}

fn seen(note: &str, key: &WitnessKey) -> bool {
    Note::parse(note).is_ok_and(|note| key.seen_at(&note).is_ok())
}
