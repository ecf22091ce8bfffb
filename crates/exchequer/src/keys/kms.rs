//! AWS KMS: encrypts and decrypts under a symmetric key that never leaves it.
//!
//! Two requests, `TrentService.Encrypt` and `.Decrypt` (AWS KMS API Reference, 2014-11-01), JSON over HTTPS, signed with
//! Signature Version 4 ([`sign`]). Purpose and version of a data key go with it as encryption context, which KMS
//! authenticates and writes into CloudTrail, and stand in the plaintext besides. Decrypt names the key, so that a
//! ciphertext of another one is refused. Bound: one answer of 64 KiB within ten seconds. Never here: a retry
//! (what throttles is said and asked again at the next start or turn of the job), a secret or a key in an error, the
//! machine's own credentials (instance profile, web identity): the two that are configured, and no others.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use http::{Method, header};
use money::Clock;
use serde::Deserialize;
use serde_json::json;
use vault::{MASTER_KEY_ID_LEN, SecretBytes, SecretString};
use zeroize::Zeroizing;

use self::sign::Signed;
use crate::gateways::Limits;
use crate::gateways::client::{Client, Silence, exchange};

mod sign;

/// Which key, where, and who asks for it; checked when it was read.
#[derive(Clone)]
pub struct KmsAddress {
    /// `https://kms.ap-south-1.amazonaws.com`, no path.
    pub url: String,
    /// `ap-south-1`.
    pub region: String,
    /// Its ARN, id or alias.
    pub key: String,
    pub access_key_id: String,
    pub secret_access_key: Arc<SecretString>,
    /// Of temporary credentials.
    pub session_token: Option<Arc<SecretString>>,
}

pub struct Kms {
    address: KmsAddress,
    client: Client,
    clock: Clock,
}

/// Why KMS gave nothing, in the order in which it is found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    #[error("its settings cannot be used: {0}")]
    Settings(String),
    #[error(transparent)]
    Silence(#[from] Silence),
    #[error("it does not take the credentials: {0}")]
    Credentials(&'static str),
    #[error("these credentials may not use this key (AccessDenied)")]
    Forbidden,
    #[error("there is no such key")]
    NotFound,
    #[error("the key is disabled")]
    Disabled,
    #[error("the key is being deleted, or waits for its material")]
    InvalidState,
    #[error("it is asked too often (throttled)")]
    Throttled,
    #[error("what was wrapped is damaged, or was wrapped under another key")]
    Ciphertext,
    #[error("it answered {0}")]
    Status(u16),
    #[error("its answer is not what its documents say")]
    Form,
}

#[derive(Deserialize)]
struct Encrypted {
    #[serde(rename = "CiphertextBlob")]
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    #[serde(rename = "Plaintext")]
    plaintext: String,
}

#[derive(Deserialize)]
struct Refusal {
    /// `DisabledException`, or with a prefix and a `#` before it.
    #[serde(rename = "__type")]
    name: String,
}

const TIMEOUTS: Limits = Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(10) };
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The name of the encryption context's one pair.
const CONTEXT: &str = "exchequer";

impl Kms {
    pub fn new(address: KmsAddress, clock: Clock) -> Result<Self, KmsError> {
        let client = Client::new(&address.url, TIMEOUTS)
            .map_err(|error| KmsError::Settings(error.to_string()))?;
        Ok(Self { address, client, clock })
    }

    pub fn address(&self) -> &str {
        &self.address.url
    }

    pub fn key_name(&self) -> &str {
        &self.address.key
    }

    /// Names the key in the rows it wrapped: another is told from damage.
    pub fn id(&self) -> [u8; MASTER_KEY_ID_LEN] {
        let name = format!("exchequer.v1.aws-kms:{}:{}", self.address.region, self.address.key);
        let hash = vault::sha256(name.as_bytes());
        let mut id = [0; MASTER_KEY_ID_LEN];
        id.copy_from_slice(&hash[..MASTER_KEY_ID_LEN]);
        id
    }

    pub async fn encrypt(&self, plaintext: &SecretBytes, label: &str) -> Result<String, KmsError> {
        let encoded = Zeroizing::new(BASE64.encode(plaintext.expose()));
        let body = json!({
            "KeyId": self.address.key,
            "Plaintext": *encoded,
            "EncryptionContext": { CONTEXT: label },
        });
        let answer: Encrypted = self.ask("Encrypt", &body).await?;
        if answer.ciphertext.is_empty() { Err(KmsError::Form) } else { Ok(answer.ciphertext) }
    }

    pub async fn decrypt(&self, ciphertext: &str, label: &str) -> Result<SecretBytes, KmsError> {
        let body = json!({
            "KeyId": self.address.key,
            "CiphertextBlob": ciphertext,
            "EncryptionContext": { CONTEXT: label },
        });
        let answer: Decrypted = self.ask("Decrypt", &body).await?;
        let encoded = Zeroizing::new(answer.plaintext);
        let plaintext = BASE64.decode(encoded.as_bytes());
        plaintext.map(SecretBytes::new).map_err(|_not_base64| KmsError::Form)
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        verb: &str,
        body: &serde_json::Value,
    ) -> Result<T, KmsError> {
        let KmsAddress { url, region, access_key_id, secret_access_key, session_token, .. } =
            &self.address;
        let body = Zeroizing::new(body.to_string());
        let target = format!("TrentService.{verb}");
        let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
        let mut headers = vec![("content-type", CONTENT_TYPE), ("host", host)];
        let date = sign::date(self.clock.now());
        headers.push(("x-amz-date", &date));
        if let Some(token) = session_token {
            headers.push(("x-amz-security-token", token.expose()));
        }
        headers.push(("x-amz-target", &target));
        let signed = Signed {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        let scope = (date.as_str(), region.as_str(), "kms");
        let authorization = signed.authorization(scope, (access_key_id, secret_access_key));
        let mut request = self
            .client
            .request(Method::POST, "/")
            .header(header::AUTHORIZATION, authorization)
            .body(body.as_bytes().to_vec());
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, *value);
        }
        let answer = exchange(request, MAX_ANSWER_BYTES).await?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(|_| KmsError::Form),
            status => Err(refusal(status, &answer.body)),
        }
    }
}

/// By the error's name, which stands in the body (AWS KMS API Reference, "Common Errors", Encrypt, Decrypt).
fn refusal(status: u16, body: &[u8]) -> KmsError {
    let Ok(Refusal { name }) = serde_json::from_slice::<Refusal>(body) else {
        return KmsError::Status(status);
    };
    match name.rsplit('#').next().unwrap_or_default() {
        "AccessDeniedException" => KmsError::Forbidden,
        "NotFoundException" => KmsError::NotFound,
        "DisabledException" => KmsError::Disabled,
        "KMSInvalidStateException" => KmsError::InvalidState,
        "ThrottlingException" | "LimitExceededException" => KmsError::Throttled,
        "InvalidCiphertextException" | "IncorrectKeyException" => KmsError::Ciphertext,
        "UnrecognizedClientException" | "InvalidClientTokenId" => {
            KmsError::Credentials("the access key is unknown")
        }
        "IncompleteSignature" | "IncompleteSignatureException" | "InvalidSignatureException" => {
            KmsError::Credentials("the secret is another one, or a clock is wrong")
        }
        "ExpiredTokenException" => KmsError::Credentials("the session has expired"),
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => {
            KmsError::Credentials("it wants a session token")
        }
        _ => KmsError::Status(status),
    }
}

#[cfg(test)]
mod tests;
