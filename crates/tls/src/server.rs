//! The configuration in force, and how another takes its place.
//!
//! A connection keeps the configuration that it began with. Session tickets are sealed with keys of the
//! configuration, which rustls changes every six hours; a new configuration takes no older ones. Where callers may show
//! certificates there are no tickets at all (RFC 8446 §2.2): a session that is taken up again asks nobody whether the
//! certificate of its first handshake still holds.
//!
//! The pair that the bank shows and what it holds callers' certificates against are taken up apart: a list that ended keeps
//! no new certificate out, and a broken pair no list.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use money::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certificate::Certificate;
use crate::files::{CallerFiles, Callers, OwnPair, PairFiles, Refusal, provider};
use crate::list::ListTimes;
use crate::peer;

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
    pub inside: Inside,
}

/// What is spoken inside, and who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// HTTP, with anybody.
    Http,
    /// A protocol between two processes of ours, as ALPN names it (RFC 7301 §6). Both show a certificate.
    Peers(&'static [u8]),
}

/// The oldest protocol that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// What a listener speaks TLS with, and a process that is a [peer](crate::peer) of another calls with.
pub struct Server {
    settings: Settings,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Current>,
    refused: ArcSwap<Refusals>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// Between peers only.
    connector: Option<TlsConnector>,
    pair: Taken<OwnPair>,
    callers: Taken<Callers>,
}

/// What files held when they were taken.
#[derive(Clone)]
struct Taken<T> {
    what: T,
    digest: [u8; 32],
}

/// What was not taken, of either.
#[derive(Clone, Default)]
struct Refusals {
    pair: Option<Refused>,
    callers: Option<Refused>,
}

/// One that is looked at again is told once.
#[derive(Clone, PartialEq, Eq)]
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
    /// Why the authorities and lists that are there now are not.
    pub callers_refused: Option<Refusal>,
}

/// What a look at some files found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Nothing, or nothing that was not told before.
    Same,
    Renewed,
    /// The old ones stay in force.
    Refused(Refusal),
}

/// What a look found: of the pair, and of callers' authorities and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    pub pair: Look,
    pub callers: Look,
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
        let files = PairFiles::read(&settings)?;
        let pair = Taken { what: files.parse(&provider)?, digest: files.digest };
        let files = CallerFiles::read(&settings)?;
        let callers = files.parse(&provider, settings.inside)?;
        let callers = Taken { what: callers, digest: files.digest };
        let current = ArcSwap::from_pointee(current(&settings, &provider, (pair, callers))?);
        Ok(Self { settings, provider, current, refused: ArcSwap::default() })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.load().acceptor.clone()
    }

    /// The same to call with.
    pub(crate) fn connector(&self) -> Option<TlsConnector> {
        self.current.load().connector.clone()
    }

    pub fn in_force(&self) -> InForce {
        let (refused, current) = (self.refused.load(), self.current.load());
        let told = |refused: &Option<Refused>| refused.as_ref().map(|found| found.refusal.clone());
        InForce {
            certificate: current.pair.what.leaf.clone(),
            lists: current.callers.what.lists,
            refused: told(&refused.pair),
            callers_refused: told(&refused.callers),
        }
    }

    /// Reads the files and takes up what is new, or keeps the old. While one of two files is written a pair does not fit;
    /// the next look finds it whole.
    pub fn look(&self, now: Timestamp) -> Looks {
        let (before, current) = (self.refused.load_full(), self.current.load_full());
        let pair = PairFiles::read(&self.settings).map(|files| (files.digest, files));
        let pair = found(pair, current.pair.digest, |files| self.pair(&files, now));
        let callers = CallerFiles::read(&self.settings).map(|files| (files.digest, files));
        let callers = found(callers, current.callers.digest, |files| self.callers(&files, now));
        let pair = self.take(&pair, |pair| (pair.clone(), current.callers.clone()));
        // With the pair that is in force now.
        let current = self.current.load_full();
        let callers = self.take(&callers, |callers| (current.pair.clone(), callers.clone()));
        let (pair, pair_refused) = told(pair, before.pair.as_ref());
        let (callers, callers_refused) = told(callers, before.callers.as_ref());
        self.refused.store(Arc::new(Refusals { pair: pair_refused, callers: callers_refused }));
        Looks { pair, callers }
    }

    /// Puts what was found in force.
    fn take<T>(
        &self,
        found: &Result<Option<Taken<T>>, Refused>,
        both: impl FnOnce(&Taken<T>) -> (Taken<OwnPair>, Taken<Callers>),
    ) -> Result<bool, Refused> {
        let Some(new) = found.as_ref().map_err(Refused::clone)? else { return Ok(false) };
        match current(&self.settings, &self.provider, both(new)) {
            Ok(next) => {
                self.current.store(Arc::new(next));
                Ok(true)
            }
            Err(refusal) => Err(Refused { refusal, digest: Some(new.digest) }),
        }
    }

    fn pair(&self, files: &PairFiles, now: Timestamp) -> Result<OwnPair, Refusal> {
        let pair = files.parse(&self.provider)?;
        let ends = pair.leaf.not_after;
        if ends <= now { Err(Refusal::Ended(ends)) } else { Ok(pair) }
    }

    fn callers(&self, files: &CallerFiles, now: Timestamp) -> Result<Callers, Refusal> {
        let callers = files.parse(&self.provider, self.settings.inside)?;
        match callers.lists {
            Some(times) if times.ends <= now => Err(Refusal::ListEnded(times.ends)),
            Some(_) | None => Ok(callers),
        }
    }
}

/// What files hold where they are others than those that were taken.
fn found<F, T>(
    files: Result<([u8; 32], F), Refusal>,
    taken: [u8; 32],
    parse: impl FnOnce(F) -> Result<T, Refusal>,
) -> Result<Option<Taken<T>>, Refused> {
    let (digest, files) = files.map_err(|refusal| Refused { refusal, digest: None })?;
    if digest == taken {
        return Ok(None);
    }
    let what = parse(files).map_err(|refusal| Refused { refusal, digest: Some(digest) })?;
    Ok(Some(Taken { what, digest }))
}

/// What is said of a half, and what of it is remembered.
fn told(taken: Result<bool, Refused>, before: Option<&Refused>) -> (Look, Option<Refused>) {
    match taken {
        Ok(true) => (Look::Renewed, None),
        Ok(false) => (Look::Same, None),
        Err(refused) if before == Some(&refused) => (Look::Same, Some(refused)),
        Err(refused) => (Look::Refused(refused.refusal.clone()), Some(refused)),
    }
}

fn current(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
    (pair, callers): (Taken<OwnPair>, Taken<Callers>),
) -> Result<Current, Refusal> {
    let versions: &[_] = match settings.min_version {
        Version::Tls12 => &[&TLS13, &TLS12],
        Version::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let builder = match &callers.what.verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
    };
    let key = SingleCertAndKey::from(Arc::clone(&pair.what.key));
    let mut config = builder.with_cert_resolver(Arc::new(key));
    config.alpn_protocols = match settings.inside {
        Inside::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Inside::Peers(protocol) => vec![protocol.to_vec()],
    };
    if callers.what.verifier.is_some() {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = Ticketer::new().map_err(unusable)?;
    }
    config.max_early_data_size = 0;
    let connector = match (settings.inside, &callers.what.servers) {
        (Inside::Peers(protocol), Some(servers)) => {
            Some(peer::connector(provider, (&pair.what.key, servers), protocol)?)
        }
        (Inside::Peers(_), None) | (Inside::Http, _) => None,
    };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(Current { acceptor, connector, pair, callers })
}

pub(crate) fn unusable<E: std::fmt::Display>(error: E) -> Refusal {
    Refusal::Unusable(error.to_string())
}
