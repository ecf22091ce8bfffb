//! Merchants' requests: signed over their raw bytes, so that the caller is known only after the body.
//!
//! Order: one signature; its key, alive, within its routes and addresses; then the body; the signature;
//! its nonce, once on all nodes; the rate limits of the merchant. Whoever fails counts against their address, and reads one
//! answer for an unknown key and a wrong signature. Cost: 5 µs with HMAC, 35 µs with Ed25519, and one round trip where the
//! cache is on Redis. Never here: a caller made of anything but a verified signature.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use http::request::Parts;
use money::{KeyId, MerchantId, Timestamp};
use store::DbError;
use store::rows::{OTHER_HASHES, OnceKey, Origin};
use tls::ClientCertificate;
use vault::signature::{self, Header, Request, Scheme};

use super::callers::{Carried, Context, Incoming, agent, caller};
use super::codes::Code;
use super::once;
use super::problem::Problem;
use crate::bank::Bank;
use crate::merchants::keys::{Mode, UsableKey};
use crate::sessions::web;

/// A merchant, by a request that one of its keys has signed.
#[derive(Clone)]
pub struct Merchant {
    context: Context,
    id: MerchantId,
    key: KeyId,
    mode: Mode,
}

/// A request that names a key; nothing of it is proven.
pub struct Unproven {
    key: Arc<UsableKey>,
    scheme: Scheme,
}

impl Merchant {
    pub fn id(&self) -> MerchantId {
        self.id
    }

    /// The key that signed.
    pub fn key_id(&self) -> KeyId {
        self.key
    }

    /// Test and live things do not see each other.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

caller!(Merchant, |m: &Merchant| (*m.mode.scope(), *m.id.bytes()), context);

impl Unproven {
    /// The key that a request names. Errors, in order: `unauthenticated`, `invalid_signature`,
    /// `key_not_allowed`, `unavailable`.
    pub(super) async fn read(incoming: &Incoming<'_>) -> Result<Self, Problem> {
        let (bank, parts) = (incoming.bank, incoming.parts);
        let headers = lines(parts);
        let scheme = signature::scheme(&headers).map_err(|refusal| match refusal {
            signature::SchemeRefusal::Unsigned => Problem::new(Code::Unauthenticated)
                .detail("sign the request: Authorization: Exchequer KEY, or RFC 9421"),
            signature::SchemeRefusal::Both => wrong(refusal),
        })?;
        let origin = web::own_origin(bank.config(), parts);
        let request = request(parts, &headers, &origin, &[])?;
        let id: Option<KeyId> = match scheme {
            Scheme::Hmac => signature::hmac::read(&request).map_err(wrong)?.key_id().parse().ok(),
            Scheme::Message => {
                signature::message::read(&request).map_err(wrong)?.key_id().parse().ok()
            }
        };
        // An unknown key and a wrong signature are one answer.
        let unknown = || wrong(signature::hmac::Refusal::Signature);
        let key = bank.merchant_keys().find(bank, &id.ok_or_else(unknown)?).await?;
        let key = key.ok_or_else(unknown)?;
        Ok(Self { key, scheme })
    }

    /// Errors, in order: `invalid_signature`, `unavailable` where nobody knows whether the nonce was
    /// used, `key_not_allowed`, `rate_limited`.
    pub(super) async fn prove(
        self,
        incoming: &Incoming<'_>,
        body: &Bytes,
    ) -> Result<Merchant, Problem> {
        let (bank, parts, key) = (incoming.bank, incoming.parts, &*self.key);
        let once = self.verify(bank, parts, body)?;
        take(bank, &once).await?;
        // Only who has signed learns what the key may do.
        key.check_use(&parts.method, parts.uri.path(), incoming.gate.address())?;
        check_certificate(bank, parts, key.merchant)?;
        incoming.gate.caller(*key.merchant.bytes()).await?;
        let by = format!("{} {}", key.id, agent(parts));
        let address = incoming.gate.address().to_owned();
        let origin = Origin::new("merchant", Some(*key.merchant.bytes()), None, address, by);
        let context = Context::new(incoming, origin, Carried::default());
        Ok(Merchant { context, id: key.merchant, key: key.id, mode: key.mode })
    }

    fn verify(&self, bank: &Bank, parts: &Parts, body: &Bytes) -> Result<Once, Problem> {
        let headers = lines(parts);
        let origin = web::own_origin(bank.config(), parts);
        let request = request(parts, &headers, &origin, body)?;
        let (now, key) = (bank.tools().now(), &*self.key);
        match self.scheme {
            Scheme::Hmac => {
                let claim = signature::hmac::read(&request).map_err(wrong)?;
                let secret = key.secret().ok_or_else(|| {
                    wrong("this key signs by RFC 9421, with Signature and Signature-Input")
                })?;
                let accepted = claim.verify(secret, now).map_err(wrong)?;
                Ok(Once::of(&accepted))
            }
            Scheme::Message => {
                let claim = signature::message::read(&request).map_err(wrong)?;
                let policy = &signature::message::Policy::BANK;
                let accepted = claim.verify(policy, &key.verifying(), now).map_err(wrong)?;
                Ok(Once::of(&accepted))
            }
        }
    }
}

/// Where callers' authorities are configured, a signature alone is not enough: the connection belongs to the
/// same merchant (RFC 8446 §4.4.2; the name is the authority's word).
///
/// Errors: `key_not_allowed`.
fn check_certificate(bank: &Bank, parts: &Parts, merchant: MerchantId) -> Result<(), Problem> {
    let tls = bank.config().tls.as_ref();
    if tls.is_none_or(|tls| tls.settings().client_ca_file.is_none()) {
        return Ok(());
    }
    let refused = |why: &str| Err(Problem::new(Code::KeyNotAllowed).detail(why));
    match parts.extensions.get::<Arc<ClientCertificate>>() {
        None => refused("the connection showed no certificate; this bank asks merchants for one"),
        Some(shown) if shown.name == merchant.to_string() => Ok(()),
        Some(_) => refused("the connection's certificate is another merchant's"),
    }
}

/// What must not be shown again.
struct Once {
    hash: [u8; 16],
    created: Timestamp,
    remember_until: Timestamp,
}

impl Once {
    fn of(accepted: &signature::Accepted<'_>) -> Self {
        // A key's id has no zero byte.
        let text = [b"nonce\0", accepted.key_id().as_bytes(), b"\0", accepted.nonce().as_bytes()];
        let mut hash = [0; 16];
        hash.copy_from_slice(&vault::sha256(&text.concat())[..16]);
        let (created, remember_until) = (accepted.created(), accepted.remember_until());
        Self { hash, created, remember_until }
    }
}

/// Takes a nonce. A process that remembers by itself knows nothing of what was shown before it started,
/// so it takes no signature that is older; and one from the future, of a client whose clock is ahead, it
/// writes down, since to the next process that one is not older.
async fn take(bank: &Bank, once: &Once) -> Result<(), Problem> {
    if bank.cache().is_own() && once.created.seconds() < bank.opened_at().seconds() {
        return Err(wrong("the signature is older than this process, sign again"));
    }
    let now = bank.tools().now();
    let seconds = once.remember_until.micros_since(now).max(0) / 1_000_000 + 1;
    let is_first = match bank.sessions().first_use(once.hash, seconds, now).await {
        Ok(true) if bank.cache().is_own() && once.created.seconds() > now.seconds() => {
            write_down(bank, once).await?
        }
        Ok(is_first) => is_first,
        Err(gone) => return Err(Problem::new(Code::Unavailable).cause(gone)),
    };
    if is_first { Ok(()) } else { Err(wrong("the nonce was used before")) }
}

/// False where it stands there already. It is kept as an idempotency key is, whose scope no caller has.
async fn write_down(bank: &Bank, once: &Once) -> Result<bool, Problem> {
    let (tools, now) = (bank.tools().clone(), bank.tools().now());
    let key = OnceKey {
        scope: once.hash,
        request_hash: once.hash,
        other_hashes: [[0; 16]; OTHER_HASHES],
    };
    let written: Result<bool, DbError> = bank
        .db()
        .write("merchants.nonce", move |tx| {
            if tx.claim_key(&key, now)?.is_some() {
                return Ok(false);
            }
            let nothing = once::seal(&tools, &key.scope, b"")?;
            let status = Code::InvalidSignature.status();
            tx.settle_key(&key.scope, status.into(), None, Some(&nothing))?;
            Ok(true)
        })
        .await;
    written.map_err(Problem::from)
}

fn lines(parts: &Parts) -> Vec<Header<'_>> {
    parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// The request as its sender saw it. One that was sent to another name than the bank's is not for it.
fn request<'r>(
    parts: &'r Parts,
    headers: &'r [Header<'r>],
    origin: &'r str,
    body: &'r [u8],
) -> Result<Request<'r>, Problem> {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("https", origin));
    let sent = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let sent = sent.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
    if sent.is_some_and(|sent| !sent.eq_ignore_ascii_case(authority)) {
        return Err(wrong("Host is not the bank's own name"));
    }
    let (path, query) = (parts.uri.path(), parts.uri.query());
    Ok(Request { method: parts.method.as_str(), scheme, authority, path, query, headers, body })
}

/// Why a signature is not taken, in words that say nothing of a key.
struct Why(String);

impl From<&str> for Why {
    fn from(refusal: &str) -> Self {
        Self(refusal.to_string())
    }
}

impl From<signature::SchemeRefusal> for Why {
    fn from(refusal: signature::SchemeRefusal) -> Self {
        Self(refusal.to_string())
    }
}

impl From<signature::hmac::Refusal> for Why {
    fn from(refusal: signature::hmac::Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl From<signature::message::Refusal> for Why {
    fn from(refusal: signature::message::Refusal) -> Self {
        Self(refusal.to_string())
    }
}

fn wrong<W: Into<Why>>(why: W) -> Problem {
    Problem::new(Code::InvalidSignature).detail(why.into().0)
}
