//! The configuration in force, and how another takes its place.
//!
//! A connection keeps the configuration that it began with. Session tickets are sealed with keys of the
//! configuration, which rustls changes every six hours; a new configuration takes no older ones, so that nobody whose
//! authority was taken away comes in by a ticket.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use money::Timestamp;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::files::{Files, Lists, Parsed, Refusal, provider};
use crate::list::ListTimes;

/// Where the files are and what is spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The chain, its own certificate first, in PEM.
    pub certificate_file: PathBuf,
    /// In PEM; not readable by everybody.
    pub key_file: PathBuf,
    /// Whose certificates callers may show; absent: none is asked for.
    pub client_ca_file: Option<PathBuf>,
    /// What those authorities took back, in PEM: one list at least of each. Absent: nothing is looked up.
    pub client_crl_file: Option<PathBuf>,
    pub min_version: Version,
}

/// The oldest protocol that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// What a listener speaks TLS with.
pub struct Server {
    settings: Settings,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Current>,
    refused: ArcSwapOption<Refused>,
}

struct Current {
    acceptor: TlsAcceptor,
    leaf: Certificate,
    lists: Option<ListTimes>,
    digest: [u8; 32],
}

/// What was not taken. One that is looked at again is told once.
struct Refused {
    refusal: Refusal,
    digest: Option<[u8; 32]>,
}

/// The certificate in force, and why the files that are there now are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    pub certificate: Certificate,
    /// Of the revocation lists, where there are any.
    pub lists: Option<ListTimes>,
    pub refused: Option<Refusal>,
}

/// What a look at the files found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nothing, or nothing that was not told before.
    Same,
    Renewed(Certificate),
    /// The old one stays in force.
    Refused(Refusal),
}

impl Version {
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

impl Server {
    /// Opens the files. A certificate that has ended is taken here, since callers are told more by it than by a bank
    /// that is not there.
    pub fn open(settings: Settings) -> Result<Self, Refusal> {
        let provider = provider();
        let files = Files::read(&settings)?;
        let parsed = files.parse(&provider)?;
        let current = ArcSwap::from_pointee(current(&settings, &provider, parsed, files.digest)?);
        Ok(Self { settings, provider, current, refused: ArcSwapOption::empty() })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.load().acceptor.clone()
    }

    pub fn in_force(&self) -> InForce {
        let refused = self.refused.load();
        let refused = refused.as_ref().map(|refused| refused.refusal.clone());
        let current = self.current.load();
        InForce { certificate: current.leaf.clone(), lists: current.lists, refused }
    }

    /// Reads the files and takes up a new pair, or keeps the old one. While one of two files is written the pair does
    /// not fit; the next look finds it whole.
    pub fn look(&self, now: Timestamp) -> Look {
        let (digest, found) = match Files::read(&self.settings) {
            Err(refusal) => (None, Err(refusal)),
            Ok(files) if files.digest == self.current.load().digest => {
                self.refused.store(None);
                return Look::Same;
            }
            Ok(files) => (Some(files.digest), self.next(&files, now)),
        };
        match found {
            Ok(next) => {
                let leaf = next.leaf.clone();
                self.current.store(Arc::new(next));
                self.refused.store(None);
                Look::Renewed(leaf)
            }
            Err(refusal) => {
                let before = self.refused.load_full();
                let is_told =
                    before.is_some_and(|old| old.digest == digest && old.refusal == refusal);
                if is_told {
                    return Look::Same;
                }
                let refused = Refused { refusal: refusal.clone(), digest };
                self.refused.store(Some(Arc::new(refused)));
                Look::Refused(refusal)
            }
        }
    }

    fn next(&self, files: &Files, now: Timestamp) -> Result<Current, Refusal> {
        let parsed = files.parse(&self.provider)?;
        if parsed.leaf.not_after <= now {
            return Err(Refusal::Ended(parsed.leaf.not_after));
        }
        if let Some((_, times)) = &parsed.lists
            && times.ends <= now
        {
            return Err(Refusal::ListEnded(times.ends));
        }
        current(&self.settings, &self.provider, parsed, files.digest)
    }
}

fn current(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
    parsed: Parsed,
    digest: [u8; 32],
) -> Result<Current, Refusal> {
    let versions: &[_] = match settings.min_version {
        Version::Tls12 => &[&TLS13, &TLS12],
        Version::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let lists = parsed.lists.as_ref().map(|(_, times)| *times);
    let builder = match parsed.authorities {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(verifier(provider, roots, parsed.lists)?),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(parsed.key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = Ticketer::new().map_err(unusable)?;
    config.max_early_data_size = 0;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(Current { acceptor, leaf: parsed.leaf, lists, digest })
}

/// Who shows no certificate is let in, since browsers have none: who needs one is asked behind the handshake, by the route.
/// With lists every certificate of a chain must be on none of them, and have one that holds now (RFC 5280 §6.3.3): an
/// authority that says nothing vouches for nothing.
fn verifier(
    provider: &Arc<CryptoProvider>,
    roots: RootCertStore,
    lists: Option<Lists>,
) -> Result<Arc<dyn ClientCertVerifier>, Refusal> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(lists.into_iter().flat_map(|(lists, _)| lists))
        .enforce_revocation_expiration()
        .allow_unauthenticated()
        .build()
        .map_err(unusable)
}

fn unusable<E: std::fmt::Display>(error: E) -> Refusal {
    Refusal::Unusable(error.to_string())
}
