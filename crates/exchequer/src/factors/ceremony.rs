//! WebAuthn ceremonies (W3C WebAuthn Level 3 §7): what a security key or passkey is asked in a browser, and
//! whether its answer is right.
//!
//! Pure: no rows, no sessions; the challenge comes from outside. The caller keeps each challenge for one
//! ceremony of one session and gives it back once. The bytes are judged by [`vault::webauthn`]; here stand
//! the options and the client's JSON: type, challenge, origin, and that the page was not inside another's.
//!
//! User verification is always required, so that a credential is two factors by itself. What it never
//! does: believe an origin that is not configured, or a credential that is not in the list it was given.

use std::collections::HashSet;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Value, json};
use vault::webauthn::{self, Algorithm, Credential, WebauthnError};

/// The bank as authenticators know it.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// The domain that credentials are made for; it can never change without losing all of them.
    pub id: String,
    pub name: String,
    /// Pages that may ask, as browsers write them: `https://bank.example`.
    pub origins: HashSet<String>,
}

/// What is wanted of a new credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A key that is carried along, beside a password.
    SecurityKey,
    /// A discoverable credential of a device, which signs in without a password.
    Passkey,
}

/// Who enrols: what the authenticator shows beside the credential.
pub struct Holder<'h> {
    /// Comes back with every passkey, as `userHandle`.
    pub id: &'h [u8],
    pub email: &'h str,
    pub full_name: &'h str,
}

/// A right answer: which credential, and how it is from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The credential's place in the list that was given.
    pub place: usize,
    pub credential: Credential,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not the JSON of a credential (§5.1.8, §5.1.9).
    #[error("the credential cannot be read")]
    Malformed,
    /// Type, challenge or origin are not those of this ceremony.
    #[error("the credential answers another challenge or another page")]
    OtherCeremony,
    /// Not one of the credentials that were asked for.
    #[error("the credential is not known")]
    Unknown,
    #[error(transparent)]
    Bytes(#[from] WebauthnError),
}

/// Milliseconds that a browser waits for the person.
const TIMEOUT_MS: u32 = 300_000;
/// A challenge's bytes (§13.4.3 wants 16 at least).
pub const CHALLENGE_LEN: usize = 32;

/// `PublicKeyCredential.toJSON()` of a creation.
#[derive(Deserialize)]
struct Created {
    response: Attestation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

/// The same of a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Got {
    raw_id: String,
    response: Assertion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// What the browser signed (§5.8.1). Other members may be there and mean nothing to us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

impl RelyingParty {
    /// Options for `navigator.credentials.create`. `known` are the holder's credentials: no authenticator
    /// is enrolled twice.
    pub fn creation_options(
        &self,
        form: Form,
        holder: &Holder<'_>,
        known: &[Credential],
        challenge: &[u8; CHALLENGE_LEN],
    ) -> Value {
        let algorithms: Vec<Value> = Algorithm::ALL
            .iter()
            .map(|algorithm| json!({ "type": "public-key", "alg": algorithm.number() }))
            .collect();
        let (selection, hint) = match form {
            Form::Passkey => (
                json!({
                    "residentKey": "required", "requireResidentKey": true,
                    "userVerification": "required",
                }),
                "client-device",
            ),
            Form::SecurityKey => (
                json!({
                    "authenticatorAttachment": "cross-platform", "residentKey": "discouraged",
                    "requireResidentKey": false, "userVerification": "required",
                }),
                "security-key",
            ),
        };
        json!({ "publicKey": {
            "rp": { "id": self.id, "name": self.name },
            "user": {
                "id": encode(holder.id), "name": holder.email, "displayName": holder.full_name,
            },
            "challenge": encode(challenge),
            "pubKeyCredParams": algorithms,
            "timeout": TIMEOUT_MS,
            "excludeCredentials": descriptors(known),
            "authenticatorSelection": selection,
            "hints": [hint],
            "attestation": "none",
            "extensions": { "credProps": true },
        }})
    }

    /// The credential that was made (§7.1).
    pub fn finish_creation(
        &self,
        challenge: &[u8; CHALLENGE_LEN],
        answer: &Value,
    ) -> Result<Credential, Refused> {
        let created = Created::deserialize(answer).map_err(|_| Refused::Malformed)?;
        let client_data = decode(&created.response.client_data)?;
        self.check_client("webauthn.create", challenge, &client_data)?;
        let attestation = decode(&created.response.attestation_object)?;
        Ok(webauthn::read_creation(&self.id, &attestation)?)
    }

    /// Options for `navigator.credentials.get`: one of these credentials, or, where there are none, any
    /// passkey of this bank, which says itself whose it is.
    pub fn request_options(&self, known: &[Credential], challenge: &[u8; CHALLENGE_LEN]) -> Value {
        json!({ "publicKey": {
            "rpId": self.id,
            "challenge": encode(challenge),
            "timeout": TIMEOUT_MS,
            "allowCredentials": descriptors(known),
            "userVerification": "required",
        }})
    }

    /// Judges that one of the credentials was shown (§7.2).
    pub fn finish_request(
        &self,
        challenge: &[u8; CHALLENGE_LEN],
        known: &[Credential],
        answer: &Value,
    ) -> Result<Shown, Refused> {
        let got = Got::deserialize(answer).map_err(|_| Refused::Malformed)?;
        let id = decode(&got.raw_id)?;
        let place = known.iter().position(|c| c.id == id).ok_or(Refused::Unknown)?;
        let mut credential = known.get(place).ok_or(Refused::Unknown)?.clone();
        let client_data = decode(&got.response.client_data)?;
        self.check_client("webauthn.get", challenge, &client_data)?;
        let data = decode(&got.response.authenticator_data)?;
        let signature = decode(&got.response.signature)?;
        let shown =
            webauthn::verify_assertion(&self.id, &credential, &client_data, &data, &signature)?;
        credential.counter = shown.counter;
        credential.backed_up = shown.backed_up;
        Ok(Shown { place, credential })
    }

    /// §7.1 steps 7 to 12, §7.2 steps 10 to 15. A page inside another site's is refused, on whatever
    /// grounds it was let in.
    fn check_client(&self, kind: &str, challenge: &[u8], bytes: &[u8]) -> Result<(), Refused> {
        let data: ClientData = serde_json::from_slice(bytes).map_err(|_| Refused::Malformed)?;
        let is_ours = data.r#type == kind
            && vault::same_bytes(data.challenge.as_bytes(), encode(challenge).as_bytes())
            && self.origins.contains(&data.origin)
            && !data.cross_origin
            && data.top_origin.is_none();
        if is_ours { Ok(()) } else { Err(Refused::OtherCeremony) }
    }
}

/// Whose passkey an answer claims to be, and which: the holder's id and the credential's. Nothing is
/// proved yet.
pub fn claimed(answer: &Value) -> Result<(Vec<u8>, Vec<u8>), Refused> {
    let got = Got::deserialize(answer).map_err(|_| Refused::Malformed)?;
    let holder = got.response.user_handle.as_deref().ok_or(Refused::Unknown)?;
    Ok((decode(holder)?, decode(&got.raw_id)?))
}

fn descriptors(known: &[Credential]) -> Vec<Value> {
    known.iter().map(|c| json!({ "type": "public-key", "id": encode(&c.id) })).collect()
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Refused::Malformed)
}

#[cfg(test)]
mod tests;
