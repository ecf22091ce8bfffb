//! A Transit engine of OpenBao or Vault for tests: speaks the JSON of its documents, keeps its keys to itself,
//! and can be sealed, forget a token and upgrade its key. What it encrypts it keeps; a ciphertext names it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use bytes::Bytes;
use exchequer::keys::transit::TransitAddress;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use vault::SecretString;

use crate::listener::serve;

/// A running engine with one key; it ends with the runtime.
#[derive(Clone)]
pub struct Transit {
    url: String,
    state: Arc<Mutex<Engine>>,
}

struct Engine {
    is_sealed: bool,
    /// The version of the key that encrypts.
    version: u32,
    /// By ciphertext: the plaintext and what was authenticated with it, both as they came.
    kept: HashMap<String, (String, String)>,
    requests: usize,
}

const TOKEN: &str = "hvs.of-a-test-bank";
const MOUNT: &str = "transit";
const KEY: &str = "exchequer";

impl Transit {
    pub async fn start() -> Self {
        let engine = Engine { is_sealed: false, version: 1, kept: HashMap::new(), requests: 0 };
        let state = Arc::new(Mutex::new(engine));
        let router = Router::new()
            .route("/v1/{mount}/{verb}/{key}", post(answer))
            .with_state(Arc::clone(&state));
        let url = format!("http://{}", serve(router).await);
        Self { url, state }
    }

    /// How the bank reaches it, with its token or another.
    pub fn address(&self, token: Option<&str>) -> TransitAddress {
        TransitAddress {
            url: self.url.clone(),
            mount: MOUNT.to_owned(),
            key: KEY.to_owned(),
            token: Arc::new(SecretString::new(token.unwrap_or(TOKEN).to_owned())),
            namespace: None,
            authorities: None,
            own: None,
        }
    }

    pub fn seal(&self, is_sealed: bool) {
        self.engine().is_sealed = is_sealed;
    }

    /// The next version of its key encrypts from now on; the older ones decrypt.
    pub fn upgrade(&self) {
        self.engine().version += 1;
    }

    pub fn requests(&self) -> usize {
        self.engine().requests
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.state.lock().expect("the engine")
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Engine>>>,
    Path((mount, verb, key)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let mut engine = state.lock().expect("the engine");
    engine.requests += 1;
    let refused =
        |status: StatusCode, error: &str| (status, json!({ "errors": [error] }).to_string());
    if engine.is_sealed {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed");
    }
    if headers.get("x-vault-token").is_none_or(|token| token != TOKEN) {
        return refused(StatusCode::FORBIDDEN, "permission denied");
    }
    if (&*mount, &*key) != (MOUNT, KEY) {
        return refused(StatusCode::NOT_FOUND, "no handler for route");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "failed to parse JSON input");
    };
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let associated = text("associated_data");
    let data = match &*verb {
        "encrypt" => {
            let count = engine.kept.len();
            let ciphertext = format!("vault:v{}:{count:032}", engine.version);
            engine.kept.insert(ciphertext.clone(), (text("plaintext"), associated));
            json!({ "ciphertext": ciphertext, "key_version": engine.version })
        }
        "decrypt" => match engine.kept.get(&text("ciphertext")) {
            Some((plaintext, with)) if *with == associated => json!({ "plaintext": plaintext }),
            Some(_) | None => {
                return refused(StatusCode::BAD_REQUEST, "cipher: message authentication failed");
            }
        },
        _ => return refused(StatusCode::NOT_FOUND, "no handler for route"),
    };
    (StatusCode::OK, json!({ "request_id": "r", "lease_id": "", "data": data }).to_string())
}
