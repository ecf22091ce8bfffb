//! The way out: one POST to an address that a merchant chose, which may be anybody's.
//!
//! The name is resolved here, every address of it is checked ([`target`]), and the connection goes to what was
//! checked: nobody resolves a second time, so a name that changes its mind (DNS rebinding) gains nothing. An
//! address written as such is checked with the URL. No redirect is followed, no proxy taken from the environment,
//! TLS is verified for the name. Bounds: `connect` and `whole` for each try, [`MAX_IN_FLIGHT`] tries at once;
//! the head of an answer is read and nothing of its body. Never: an error with a byte that came from outside.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use tokio::sync::Semaphore;

use super::target;

/// What gives the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// How webhooks are sent by this bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether addresses that are not public may be connected to, and this machine without TLS.
    pub allow_private: bool,
    pub connect: Duration,
    pub whole: Duration,
}

/// One try: what stands in its headers, and its body.
pub struct Post {
    pub id: String,
    pub timestamp: i64,
    /// Of all keys, with a blank between them.
    pub signatures: String,
    pub body: Vec<u8>,
}

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The URL is one that this bank no longer takes.
    #[error("refused_url")]
    Url,
    /// The name has none, or one that is not public. Which of the two is not told, or merchants could ask the
    /// bank for names that only its own network knows.
    #[error("no_public_address")]
    Address,
    #[error("no_connection")]
    NoConnection,
    #[error("timeout")]
    Timeout,
    #[error("broken")]
    Broken,
    #[error("redirect")]
    Redirect,
    #[error("status_{0}")]
    Status(u16),
    /// The bank's own fault: its client or its key does not work.
    #[error("not_sent")]
    NotSent,
}

/// The one client.
pub struct Sender {
    terms: Terms,
    lookup: Lookup,
    client: OnceLock<Option<Client>>,
    places: Semaphore,
}

/// Tries at once, over all endpoints.
const MAX_IN_FLIGHT: usize = 512;
/// Addresses of one name that are connected to, one after the other.
const MAX_ADDRESSES: usize = 8;
const IDLE_LIMIT: Duration = Duration::from_secs(15);
const MAX_IDLE_PER_HOST: usize = 16;

impl Sender {
    /// With the resolver of this machine.
    pub fn new(terms: Terms) -> Self {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        });
        Self::with_lookup(terms, lookup)
    }

    pub fn with_lookup(terms: Terms, lookup: Lookup) -> Self {
        let (client, places) = (OnceLock::new(), Semaphore::new(MAX_IN_FLIGHT));
        Self { terms, lookup, client, places }
    }

    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// Sends it once; `Ok` where the answer is a 2xx.
    pub async fn send(&self, url: &str, post: Post) -> Result<(), Failure> {
        // What was taken once may not be any more: the setting changed.
        let url = target::parse(url, self.terms.allow_private).map_err(|_| Failure::Url)?;
        let client = self.client().ok_or(Failure::NotSent)?;
        let _place = self.places.acquire().await.map_err(|_| Failure::NotSent)?;
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", post.id)
            .header("webhook-timestamp", post.timestamp)
            .header("webhook-signature", post.signatures)
            .body(post.body);
        let status = request.send().await.map_err(|error| failure(&error))?.status();
        match status {
            status if status.is_success() => Ok(()),
            status if status.is_redirection() => Err(Failure::Redirect),
            status => Err(Failure::Status(status.as_u16())),
        }
    }

    fn client(&self) -> Option<&Client> {
        let make = || {
            crate::outbox::install_cryptography();
            let resolver = Checked {
                lookup: Arc::clone(&self.lookup),
                allow_private: self.terms.allow_private,
            };
            Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .https_only(!self.terms.allow_private)
                .http1_only()
                .user_agent("Exchequer-Webhooks/1")
                .dns_resolver(Arc::new(resolver))
                .retry(reqwest::retry::never())
                .connect_timeout(self.terms.connect)
                .timeout(self.terms.whole)
                .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
                .pool_idle_timeout(IDLE_LIMIT)
                .build()
                .inspect_err(|error| tracing::error!(%error, "webhooks cannot be sent"))
                .ok()
        };
        self.client.get_or_init(make).as_ref()
    }
}

impl Failure {
    /// 410: the receiver wants no more of them.
    pub fn is_gone(self) -> bool {
        self == Self::Status(StatusCode::GONE.as_u16())
    }
}

/// Gives addresses that were checked, or none.
struct Checked {
    lookup: Lookup,
    allow_private: bool,
}

/// Of a name with an address that the bank does not connect to.
#[derive(Debug, thiserror::Error)]
#[error("a name leads to an address that is not public")]
struct Refused;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, allow_private) = (name.as_str().to_owned(), self.allow_private);
        if target::is_localhost(&name) {
            // Nobody is asked: whoever answers could send plain text elsewhere.
            let here = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])];
            return Box::pin(async move { checked(here.to_vec(), allow_private) });
        }
        let found = (self.lookup)(name);
        Box::pin(async move { checked(found.await?, allow_private) })
    }
}

/// One address that is not public refuses the name: who mixes them tries something.
fn checked(found: Vec<IpAddr>, allow_private: bool) -> Result<Addrs, Box<dyn Error + Send + Sync>> {
    if found.iter().any(|address| !target::is_allowed(*address, allow_private)) {
        return Err(Box::new(Refused));
    }
    // Port 0 is the URL's.
    let addresses = found.into_iter().take(MAX_ADDRESSES).map(|ip| SocketAddr::new(ip, 0));
    Ok(Box::new(addresses))
}

fn failure(error: &reqwest::Error) -> Failure {
    if error.is_dns() {
        Failure::Address
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::NoConnection
    } else {
        Failure::Broken
    }
}
