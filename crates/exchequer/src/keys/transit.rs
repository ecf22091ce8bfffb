//! The Transit engine of OpenBao or Vault: encrypts and decrypts under a key that never leaves it.
//!
//! Two requests, `POST /v1/MOUNT/encrypt/KEY` and `…/decrypt/KEY`, with the token in `X-Vault-Token`.
//! The key must be of a kind that authenticates further data (`aes256-gcm96`, `chacha20-poly1305`): purpose
//! and version of a data key go with it as `associated_data`, and stand in the plaintext besides, so that a
//! server which ignores the former changes nothing. Where the bank shows a certificate, its files are looked at before each
//! request: renewed ones are shown from then on, broken ones not. Bound: one answer of 64 KiB within ten seconds. Never
//! here: a retry, a token or a key in an error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64;
use http::{Method, header};
use serde::Deserialize;
use serde_json::json;
use tls::{OwnFiles, OwnPem};
use vault::{MASTER_KEY_ID_LEN, SecretBytes, SecretString};
use zeroize::Zeroizing;

use crate::gateways::Limits;
use crate::gateways::client::{Client, Silence, exchange};

/// Where a Transit key is and who asks for it; checked when it was read.
#[derive(Clone)]
pub struct TransitAddress {
    /// `https://host:port`, no path.
    pub url: String,
    /// Where the engine is mounted, without slashes at its ends.
    pub mount: String,
    pub key: String,
    pub token: Arc<SecretString>,
    pub namespace: Option<String>,
    /// PEM of authorities to trust besides those that browsers do.
    pub authorities: Option<Arc<str>>,
    /// What the bank shows to a server that asks who calls.
    pub own: Option<OwnFiles>,
}

pub struct Transit {
    address: TransitAddress,
    made: Mutex<Made>,
}

/// A client, and what it shows.
struct Made {
    own: Option<OwnPem>,
    client: Client,
}

/// Why Transit gave nothing, in the order in which it is found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitError {
    #[error("its settings cannot be used: {0}")]
    Settings(String),
    #[error(transparent)]
    Silence(#[from] Silence),
    #[error("it answered 403: the token is wrong, expired, or not allowed to use this key")]
    Forbidden,
    #[error("it answered 404: there is no such key or engine")]
    NotFound,
    #[error("it answered 503: it is sealed or starting")]
    Sealed,
    #[error("it answered {0}")]
    Status(u16),
    #[error("its answer is not what Transit's documents say")]
    Form,
}

#[derive(Deserialize)]
struct Answered<T> {
    data: T,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Plaintext {
    plaintext: String,
}

const TIMEOUTS: Limits = Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(10) };
const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl Transit {
    pub fn new(address: TransitAddress) -> Result<Self, TransitError> {
        let own = address.own.as_ref().map(OwnFiles::read).transpose();
        let own = own.map_err(|refusal| TransitError::Settings(refusal.to_string()))?;
        let client = client(&address, own.as_ref())?;
        Ok(Self { address, made: Mutex::new(Made { own, client }) })
    }

    pub fn address(&self) -> &str {
        &self.address.url
    }

    pub fn key_name(&self) -> &str {
        &self.address.key
    }

    /// Names the key in the rows it wrapped: another is told from damage. The address is left out, for
    /// servers move.
    pub fn id(&self) -> [u8; MASTER_KEY_ID_LEN] {
        let namespace = self.address.namespace.as_deref().unwrap_or_default();
        let name =
            format!("exchequer.v1.transit:{namespace}:{}:{}", self.address.mount, self.address.key);
        let hash = vault::sha256(name.as_bytes());
        let mut id = [0; MASTER_KEY_ID_LEN];
        id.copy_from_slice(&hash[..MASTER_KEY_ID_LEN]);
        id
    }

    pub async fn encrypt(
        &self,
        plaintext: &SecretBytes,
        label: &str,
    ) -> Result<String, TransitError> {
        let encoded = Zeroizing::new(BASE64.encode(plaintext.expose()));
        let body =
            json!({ "plaintext": *encoded, "associated_data": BASE64.encode(label.as_bytes()) });
        let answer: Ciphertext = self.ask("encrypt", &body).await?;
        if answer.ciphertext.is_empty() {
            return Err(TransitError::Form);
        }
        Ok(answer.ciphertext)
    }

    pub async fn decrypt(
        &self,
        ciphertext: &str,
        label: &str,
    ) -> Result<SecretBytes, TransitError> {
        let body =
            json!({ "ciphertext": ciphertext, "associated_data": BASE64.encode(label.as_bytes()) });
        let answer: Plaintext = self.ask("decrypt", &body).await?;
        let encoded = Zeroizing::new(answer.plaintext);
        let plaintext = BASE64.decode(encoded.as_bytes());
        plaintext.map(SecretBytes::new).map_err(|_not_base64| TransitError::Form)
    }

    /// With what stands in the files now, where that is a pair.
    fn client(&self) -> Result<Client, TransitError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &self.address.own {
            match files.read() {
                Ok(own) if made.own.as_ref() != Some(&own) => {
                    let client = client(&self.address, Some(&own))?;
                    *made = Made { own: Some(own), client };
                }
                Ok(_) => {}
                Err(refusal) => {
                    tracing::warn!(cause = %refusal, "Transit is shown the certificate of before");
                }
            }
        }
        Ok(made.client.clone())
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<T, TransitError> {
        let TransitAddress { mount, key, token, namespace, .. } = &self.address;
        let body = Zeroizing::new(body.to_string());
        let mut request = self
            .client()?
            .request(Method::POST, &format!("/v1/{mount}/{verb}/{key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Vault-Token", token.expose())
            .header("X-Vault-Request", "true")
            .body(body.as_bytes().to_vec());
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let answer = exchange(request, MAX_ANSWER_BYTES).await?;
        match answer.status {
            200 => serde_json::from_slice::<Answered<T>>(&answer.body)
                .map(|answered| answered.data)
                .map_err(|_| TransitError::Form),
            403 => Err(TransitError::Forbidden),
            404 => Err(TransitError::NotFound),
            503 => Err(TransitError::Sealed),
            other => Err(TransitError::Status(other)),
        }
    }
}

fn client(address: &TransitAddress, own: Option<&OwnPem>) -> Result<Client, TransitError> {
    let authorities = address.authorities.as_deref();
    Client::trusting(&address.url, TIMEOUTS, authorities, own)
        .map_err(|error| TransitError::Settings(error.to_string()))
}
