//! The files of a pair: read, bounded, parsed and held against each other.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::list::{self, ListTimes};
use crate::server::{Inside, Settings};

/// Chains have a few KiB; the certificates of all public authorities together some 200.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// A key that everybody on the machine can read is nobody's.
const OTHERS: u32 = 0o007;

/// Why a pair is not taken, in the order in which it is found out. No text holds anything of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the certificate's file: {0}")]
    CertificateFile(String),
    #[error("the key's file: {0}")]
    KeyFile(String),
    #[error("the authorities' file: {0}")]
    AuthorityFile(String),
    #[error("the revocation lists' file: {0}")]
    ListFile(String),
    #[error("the certificate's file holds no certificate in PEM")]
    NoCertificate,
    #[error("the key's file holds no private key in PEM that is understood")]
    NoKey,
    #[error("the authorities' file holds no certificate in PEM")]
    NoAuthority,
    #[error(
        "the revocation lists' file holds none in PEM that says when it ends, or something else"
    )]
    NoList,
    #[error("the key is not that of the first certificate")]
    Mismatch,
    #[error("the certificate ended at {0}")]
    Ended(money::Timestamp),
    #[error("a revocation list ended at {0}")]
    ListEnded(money::Timestamp),
    #[error("a revocation list cannot be used: {0}")]
    ListUnusable(String),
    #[error("it cannot be used for TLS: {0}")]
    Unusable(String),
}

/// The bytes of some files, and what tells whether they have changed.
pub(crate) struct Files<B> {
    bytes: B,
    pub digest: [u8; 32],
}

/// Of the bank's own pair: certificate and key.
pub(crate) type PairFiles = Files<(Vec<u8>, Zeroizing<Vec<u8>>)>;
/// Of callers: their authorities, and what those took back.
pub(crate) type CallerFiles = Files<(Option<Vec<u8>>, Option<Vec<u8>>)>;

/// What the bank shows.
#[derive(Clone)]
pub(crate) struct OwnPair {
    pub key: Arc<CertifiedKey>,
    pub leaf: Certificate,
}

/// Whom the bank lets show something.
#[derive(Clone)]
pub(crate) struct Callers {
    /// None: nobody is asked for a certificate.
    pub verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// Between peers: the same authorities and lists, for whom is called.
    pub servers: Option<Arc<WebPkiServerVerifier>>,
    pub lists: Option<ListTimes>,
}

impl PairFiles {
    pub fn read(settings: &Settings) -> Result<Self, Refusal> {
        let certificate = read(&settings.certificate_file).map_err(Refusal::CertificateFile)?;
        let key = read(&settings.key_file).map(Zeroizing::new).map_err(Refusal::KeyFile)?;
        refuse_open(&settings.key_file).map_err(Refusal::KeyFile)?;
        let digest = digest(&[&certificate, &key]);
        Ok(Self { bytes: (certificate, key), digest })
    }

    pub fn parse(&self, provider: &CryptoProvider) -> Result<OwnPair, Refusal> {
        let (certificate, key) = &self.bytes;
        let (key, leaf) = certified(certificate, key, provider)?;
        Ok(OwnPair { key: Arc::new(key), leaf })
    }
}

impl CallerFiles {
    pub fn read(settings: &Settings) -> Result<Self, Refusal> {
        let authorities = settings.client_ca_file.as_deref().map(read).transpose();
        let authorities = authorities.map_err(Refusal::AuthorityFile)?;
        let lists = settings.client_crl_file.as_deref().map(read).transpose();
        let lists = lists.map_err(Refusal::ListFile)?;
        let all = [authorities.as_deref(), lists.as_deref()].map(Option::unwrap_or_default);
        let digest = digest(&all);
        Ok(Self { bytes: (authorities, lists), digest })
    }

    /// Inside of HTTP who shows no certificate is let in, since browsers have none: who needs one is asked behind the
    /// handshake, by the route. Between peers nobody is. With lists every certificate of a chain must be on none of them,
    /// and have one that holds now (RFC 5280 §6.3.3): an authority that says nothing vouches for nothing.
    pub fn parse(
        &self,
        provider: &Arc<CryptoProvider>,
        inside: Inside,
    ) -> Result<Callers, Refusal> {
        let (authorities, lists) = &self.bytes;
        let Some(authorities) = authorities else {
            return Ok(Callers { verifier: None, servers: None, lists: None });
        };
        let roots = Arc::new(roots(authorities)?);
        let lists = lists.as_deref().map(|pem| list::read(pem).ok_or(Refusal::NoList));
        let (lists, times) = lists.transpose()?.unzip();
        let lists = lists.unwrap_or_default();
        let unusable = |error: VerifierBuilderError| Refusal::ListUnusable(error.to_string());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider))
                .with_crls(lists.clone())
                .enforce_revocation_expiration();
        let (verifier, servers) = match inside {
            Inside::Http => (verifier.allow_unauthenticated(), None),
            Inside::Peers(_) => {
                let servers =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
                        .with_crls(lists)
                        .enforce_revocation_expiration()
                        .build();
                (verifier, Some(servers.map_err(unusable)?))
            }
        };
        let verifier = Some(verifier.build().map_err(unusable)?);
        Ok(Callers { verifier, servers, lists: times })
    }
}

fn digest(all: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for bytes in all {
        context.update(&bytes.len().to_be_bytes());
        context.update(bytes);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// The chain with its key, which must be that of the first certificate.
pub(crate) fn certified(
    certificate: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Certificate), Refusal> {
    let chain = certificates(certificate).ok_or(Refusal::NoCertificate)?;
    let leaf = chain.first().and_then(|leaf| Certificate::read(leaf));
    let leaf = leaf.ok_or(Refusal::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Refusal::NoKey)?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| Refusal::NoKey)?;
    let key = CertifiedKey::new(chain, key);
    key.keys_match().map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Refusal::Mismatch,
        other => Refusal::Unusable(other.to_string()),
    })?;
    Ok((key, leaf))
}

pub(crate) fn roots(pem: &[u8]) -> Result<RootCertStore, Refusal> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).ok_or(Refusal::NoAuthority)? {
        roots.add(certificate).map_err(|_| Refusal::NoAuthority)?;
    }
    Ok(roots)
}

/// One at least, and all of them in order.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    (!all.is_empty()).then_some(all)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => {
            Err(format!("{} is longer than 1 MiB", path.display()))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("{} does not exist", path.display()))
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

pub(crate) fn refuse_open(path: &Path) -> Result<(), String> {
    let metadata = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(format!("{path} has mode {mode:04o}; only its owner and group may read it: chmod 640"))
}

/// The provider of cryptography, for all that is made here.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(cryptography())
}

/// What all TLS of the bank is spoken with: aws-lc, and the hybrid of X25519 and ML-KEM first among the groups, since what
/// is recorded today can be opened by whoever has a quantum computer one day. Who does not know it gets X25519.
pub fn cryptography() -> CryptoProvider {
    let known = rustls::crypto::aws_lc_rs::default_provider();
    let hybrid = kx_group::X25519MLKEM768;
    let others = known.kx_groups.into_iter().filter(|group| group.name() != hybrid.name());
    let kx_groups = std::iter::once(hybrid).chain(others).collect();
    CryptoProvider { kx_groups, ..known }
}
