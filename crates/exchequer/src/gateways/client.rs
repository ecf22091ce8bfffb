//! The one HTTP client behind every gateway: bounded in time and in bytes, and silent about what it carries.
//!
//! Follows no redirect (it would carry a card elsewhere), takes no proxy from the environment, sends nothing
//! twice: what was written to a connection that then broke is an error and for the caller to ask about.
//! Connections are kept. Cost: 19 us of one core for a payment on loopback with 64 in flight, of which a bare hyper
//! client would save a third and want TLS put together by hand. The error of a request is one of a few
//! fixed sentences, so that neither an address nor a header nor a body can stand in it.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reqwest::redirect::Policy;
use reqwest::{Identity, RequestBuilder, Response};
use tls::OwnPem;
use zeroize::Zeroizing;

use super::Limits;

#[derive(Clone)]
pub(crate) struct Client {
    inner: reqwest::Client,
    base: String,
}

/// A whole answer; nothing is said of what it means.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    #[error("no connection")]
    NoConnection,
    #[error("no answer in time")]
    TooSlow,
    #[error("the connection broke")]
    Broken,
    #[error("the answer is too long")]
    TooLong,
    #[error("no connection: {0}")]
    Refused(&'static str),
}

/// Why a gateway cannot be made from its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("the gateway's address begins with https://, or with http:// on this machine")]
    Address,
    #[error("the gateway's secret is empty or has characters that no header takes")]
    Secret,
    #[error("the client cannot be made: {0}")]
    Client(String),
}

/// Kept while nobody uses them; above the requests that are in flight in a busy second.
const MAX_IDLE_CONNECTIONS: usize = 256;
/// Below what gateways and what stands before them keep a silent connection.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

impl Client {
    /// `base` without a slash at its end; `https`, or `http` to this machine.
    pub fn new(base: &str, limits: Limits) -> Result<Self, SettingsError> {
        Self::trusting(base, limits, None, None)
    }

    /// The same, with authorities (PEM) to trust besides those that browsers do, and what is shown to a server that asks
    /// who calls.
    pub fn trusting(
        base: &str,
        limits: Limits,
        authorities: Option<&str>,
        own: Option<&OwnPem>,
    ) -> Result<Self, SettingsError> {
        let base = base.trim_end_matches('/');
        let is_secure = base.starts_with("https://");
        if !is_secure && !is_local(base) {
            return Err(SettingsError::Address);
        }
        crate::outbox::install_cryptography();
        let failed = |error: reqwest::Error| SettingsError::Client(error.to_string());
        let pem = authorities.unwrap_or_default().as_bytes();
        let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(failed)?;
        let mut builder = reqwest::Client::builder();
        if let Some(own) = own {
            let pem =
                Zeroizing::new([own.certificate.as_slice(), b"\n", own.key.as_slice()].concat());
            builder = builder.identity(Identity::from_pem(&pem).map_err(failed)?);
        }
        let inner = builder
            .tls_certs_merge(authorities)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .https_only(is_secure)
            .http1_only()
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_LIMIT)
            .build()
            .map_err(failed)?;
        Ok(Self { inner, base: base.to_owned() })
    }

    /// A request to a path that begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.inner.request(method, format!("{}{path}", self.base))
    }
}

/// Sends it and reads the answer, to its end or to `most` bytes.
pub(crate) async fn exchange(request: RequestBuilder, most: usize) -> Result<Answer, Silence> {
    let mut response = request.send().await.map_err(|error| silence(&error))?;
    let status = response.status().as_u16();
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|length| length > most) {
        return Err(Silence::TooLong);
    }
    let body = read(&mut response, most).await?;
    Ok(Answer { status, body })
}

async fn read(response: &mut Response, most: usize) -> Result<Bytes, Silence> {
    let first = next(response).await?.unwrap_or_default();
    if first.len() > most {
        return Err(Silence::TooLong);
    }
    let Some(second) = next(response).await? else { return Ok(first) };
    let mut body = Vec::from(first);
    let mut chunk = second;
    loop {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(Silence::TooLong);
        }
        body.extend_from_slice(&chunk);
        match next(response).await? {
            Some(more) => chunk = more,
            None => return Ok(Bytes::from(body)),
        }
    }
}

async fn next(response: &mut Response) -> Result<Option<Bytes>, Silence> {
    response.chunk().await.map_err(|error| silence(&error))
}

fn silence(error: &reqwest::Error) -> Silence {
    if let Some(words) = tls::refused_by_server(error) {
        Silence::Refused(words)
    } else if error.is_connect() {
        Silence::NoConnection
    } else if error.is_timeout() {
        Silence::TooSlow
    } else {
        Silence::Broken
    }
}

/// Plain HTTP is for a gateway beside the bank: the sandbox, or a tunnel's end.
fn is_local(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    // PCI DSS 4.2.1: a number leaves for a gateway by TLS; plain HTTP is for this machine alone.
    // ASVS 12.3.3: a gateway on another machine is called by https only.
    #[test]
    fn plain_http_is_for_this_machine() {
        for base in ["http://127.0.0.1:9", "http://localhost", "http://[::1]:80/x", "https://a.b"] {
            assert!(Client::new(base, Limits::default()).is_ok(), "{base}");
        }
        for base in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "ftp://127.0.0.1",
            "",
        ] {
            let refused = Client::new(base, Limits::default()).err();
            assert_eq!(refused, Some(SettingsError::Address), "{base}");
        }
    }
}
