//! A witness for tests (C2SP `tlog-witness`): one log, held to its last checkpoint; signs what only grew. It can be
//! silenced, forget what it saw, or sign wrongly.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use data_encoding::{BASE64, HEXLOWER};
use http::StatusCode;
use merkle::{Checkpoint, Hash, Note, WitnessKey, check_consistency};

use crate::listener::serve;

/// A running witness; it ends with the runtime.
#[derive(Clone)]
pub struct Witness {
    url: String,
    state: Arc<Mutex<Known>>,
}

struct Known {
    key: Ed25519KeyPair,
    size: u64,
    root: Hash,
    requests: usize,
    signed: usize,
    /// What it answers in place of looking.
    answers: Option<StatusCode>,
    signs_wrongly: bool,
}

const NAME: &str = "witness.example";

impl Witness {
    pub async fn start() -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
        let state = Arc::new(Mutex::new(Known {
            key,
            size: 0,
            root: [0; 32],
            requests: 0,
            signed: 0,
            answers: None,
            signs_wrongly: false,
        }));
        let router =
            Router::new().route("/w/add-checkpoint", post(add)).with_state(Arc::clone(&state));
        let url = format!("http://{}/w", serve(router).await);
        Self { url, state }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn key(&self) -> WitnessKey {
        let known = self.known();
        let public = [&[4], known.key.public_key().as_ref()].concat();
        let text = format!("{NAME}+{}+{}", HEXLOWER.encode(&hash(&known)), BASE64.encode(&public));
        text.parse().expect("a key of a witness")
    }

    /// Answers so, until it is none.
    pub fn answers(&self, status: Option<StatusCode>) {
        self.known().answers = status;
    }

    pub fn signs_wrongly(&self, is_wrong: bool) {
        self.known().signs_wrongly = is_wrong;
    }

    /// Has seen another log.
    pub fn saw(&self, size: u64, root: Hash) {
        let mut known = self.known();
        (known.size, known.root) = (size, root);
    }

    /// Leaves of the last checkpoint that it signed, and its root.
    pub fn seen(&self) -> (u64, Hash) {
        let known = self.known();
        (known.size, known.root)
    }

    pub fn requests(&self) -> usize {
        self.known().requests
    }

    pub fn signed(&self) -> usize {
        self.known().signed
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().expect("the witness")
    }
}

async fn add(State(state): State<Arc<Mutex<Known>>>, body: String) -> (StatusCode, String) {
    let mut known = state.lock().expect("the witness");
    known.requests += 1;
    if let Some(status) = known.answers {
        return (status, "7 or so\n".to_owned());
    }
    let Some((head, note)) = body.split_once("\n\n") else {
        return (StatusCode::BAD_REQUEST, String::new());
    };
    let mut lines = head.lines();
    let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(|n| n.parse().ok());
    let proof: Option<Vec<Hash>> =
        lines.map(|line| BASE64.decode(line.as_bytes()).ok()?.try_into().ok()).collect();
    let text = Note::parse(note).map(|note| note.unverified_text().to_owned());
    let checkpoint = text.as_deref().ok().and_then(|text| Checkpoint::parse(text).ok());
    let (Some(old), Some(proof), Ok(text), Some(checkpoint)) = (old, proof, &text, checkpoint)
    else {
        return (StatusCode::BAD_REQUEST, String::new());
    };
    if old != known.size {
        return (StatusCode::CONFLICT, format!("{}\n", known.size));
    }
    let sizes = (old, checkpoint.size);
    let only_grew = (old == 0 && proof.is_empty())
        || check_consistency(sizes, (&known.root, &checkpoint.root), &proof).is_ok();
    if !only_grew {
        return (StatusCode::UNPROCESSABLE_ENTITY, String::new());
    }
    (known.size, known.root) = (checkpoint.size, checkpoint.root);
    known.signed += 1;
    (StatusCode::OK, cosigned(&known, text))
}

fn cosigned(known: &Known, text: &str) -> String {
    // The request's number serves for the time: who verifies does not compare it with a clock.
    let now = u64::try_from(known.requests).expect("few requests");
    let said = if known.signs_wrongly { now + 1 } else { now };
    let message = format!("cosignature/v1\ntime {now}\n{text}");
    let signature = known.key.sign(message.as_bytes());
    let bytes = [&hash(known)[..], &said.to_be_bytes(), signature.as_ref()].concat();
    format!("\u{2014} {NAME} {}\n", BASE64.encode(&bytes))
}

/// C2SP `signed-note`: of name, line break, type and key.
fn hash(known: &Known) -> [u8; 4] {
    let all =
        vault::sha256(&[NAME.as_bytes(), b"\n\x04", known.key.public_key().as_ref()].concat());
    [all[0], all[1], all[2], all[3]]
}
