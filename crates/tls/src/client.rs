//! TLS for a connection that the bank opens: to a server that proves its name by an authority that is believed.
//!
//! Order of an opening ([`Client::open`]): the authorities' file, or those of the system; the bank's own certificate and
//! key, where it has to show one. Order of a handshake ([`Client::connect`]): TLS 1.3 or 1.2, chain, time, name
//! (RFC 5280 §6, RFC 9525). Cost of an opening: reading some KiB; the system's authorities are read once. Bound: a
//! handshake has [`HANDSHAKE_LIMIT`], a file 1 MiB.
//!
//! What it never does: take a certificate without looking at it, or go on without TLS.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
pub use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use crate::der::{OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::files::{Refusal, certified, provider, read, refuse_open, roots};

/// Whom to believe and what to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientSettings {
    /// In PEM; absent: the authorities of the system.
    pub authority_file: Option<PathBuf>,
    /// The bank's own certificate and its key, in PEM, for a server that asks who calls.
    pub own: Option<(PathBuf, PathBuf)>,
    /// What is spoken inside, as ALPN names it (RFC 7301 §6). A server that does not know ALPN is not refused.
    pub protocol: &'static [u8],
}

/// Opens connections.
pub struct Client {
    connector: TlsConnector,
}

/// Why a server, or a caller that is to be a [peer](crate::peer), is not spoken to, in the order in which it is found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error("its name cannot stand in a certificate")]
    NoName,
    #[error("it was silent in the handshake")]
    Silent,
    #[error("it does not speak TLS")]
    NotTls,
    #[error("it shows no certificate")]
    NoCertificate,
    #[error("its certificate is of no authority that is believed")]
    Authority,
    #[error("its certificate has ended or does not hold yet")]
    Time,
    #[error("its certificate was taken back")]
    Revoked,
    #[error("its certificate is for another name")]
    Name,
    #[error("it speaks another protocol inside of TLS")]
    Protocol,
    #[error("{0}")]
    Other(String),
    /// Without a word of why.
    #[error("{0}")]
    Broken(String),
}

/// From the first byte of the handshake to the last; servers take milliseconds.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// Where systems keep the authorities that they believe: Debian and Alpine, Fedora, SUSE, BSD and macOS.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const NO_SYSTEM_FILE: &str = "the system has none";

impl Client {
    /// Reads the files.
    pub fn open(settings: &ClientSettings) -> Result<Self, Refusal> {
        let provider = provider();
        let roots = match &settings.authority_file {
            Some(path) => Arc::new(roots(&read(path).map_err(Refusal::AuthorityFile)?)?),
            None => system_roots()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Refusal::Unusable(error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match &settings.own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = read(certificate).map_err(Refusal::CertificateFile)?;
                let bytes = read(key).map(Zeroizing::new).map_err(Refusal::KeyFile)?;
                refuse_open(key).map_err(Refusal::KeyFile)?;
                let (pair, _) = certified(&chain, &bytes, &provider)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
        };
        config.alpn_protocols = vec![settings.protocol.to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Shakes hands over a stream with a server that must have a certificate for `host`, a name or an address.
    pub async fn connect<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, Unproven>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Unproven::NoName)?;
        let handshake = self.connector.connect(name, stream);
        match tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await {
            Ok(made) => made.map_err(|error| judge(&error)),
            Err(_) => Err(Unproven::Silent),
        }
    }
}

/// `tls-server-end-point` of a connection, which a password can be bound to (RFC 5929 §4.1): the hash of the server's
/// certificate by the hash of its signature, SHA-256 in the place of MD5 and SHA-1. `None` where its signature has no
/// hash of its own (Ed25519) or names it elsewhere (RSASSA-PSS).
pub fn server_end_point<S>(stream: &TlsStream<S>) -> Option<Vec<u8>> {
    let (_, session) = stream.get_ref();
    end_point(session.peer_certificates()?.first()?)
}

fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let mut certificate = Reader::new(Reader::new(der).expect(SEQUENCE)?);
    certificate.expect(SEQUENCE)?; // what is signed
    let mut algorithm = Reader::new(certificate.expect(SEQUENCE)?);
    let hash = hash_of(algorithm.expect(OBJECT_IDENTIFIER)?)?;
    Some(digest(hash, der).as_ref().to_vec())
}

/// Signatures of RSA with PKCS #1 (RFC 8017, appendix A.2.4) and of ECDSA (RFC 5758 §3.2).
fn hash_of(signature: &[u8]) -> Option<&'static Algorithm> {
    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let kind = signature.strip_prefix(&RSA).or_else(|| signature.strip_prefix(&ECDSA))?;
    match (signature.starts_with(&RSA), kind) {
        // md5, sha1 and sha256 of RSA; sha1 and sha256 of ECDSA.
        (true, [4 | 5 | 11]) | (false, [1] | [3, 2]) => Some(&SHA256),
        (true, [12]) | (false, [3, 3]) => Some(&SHA384),
        (true, [13]) | (false, [3, 4]) => Some(&SHA512),
        _ => None,
    }
}

pub(crate) fn judge(error: &std::io::Error) -> Unproven {
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match found {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            // Another authority may have the name of one that is believed.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Unproven::Authority,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Unproven::Time,
            CertificateError::Revoked => Unproven::Revoked,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Unproven::Name
            }
            other => Unproven::Other(format!("its certificate cannot be used: {other}")),
        },
        Some(rustls::Error::InvalidMessage(_)) => Unproven::NotTls,
        Some(rustls::Error::NoCertificatesPresented) => Unproven::NoCertificate,
        Some(rustls::Error::NoApplicationProtocol) => Unproven::Protocol,
        Some(other) => Unproven::Other(other.to_string()),
        None => Unproven::Broken(error.to_string()),
    }
}

/// Those of the first file that is there; single ones that are not understood are left out.
fn system_roots() -> Result<Arc<RootCertStore>, Refusal> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = SYSTEM.get() {
        return Ok(Arc::clone(roots));
    }
    let file = SYSTEM_FILES.iter().map(Path::new).find(|path| path.is_file());
    let file = file.ok_or_else(|| Refusal::AuthorityFile(NO_SYSTEM_FILE.to_owned()))?;
    let pem = read(file).map_err(Refusal::AuthorityFile)?;
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots
        .add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok));
    if taken == 0 {
        return Err(Refusal::NoAuthority);
    }
    Ok(Arc::clone(SYSTEM.get_or_init(|| Arc::new(roots))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Authority;
    use money::Timestamp;

    #[test]
    fn a_certificate_of_ours_is_bound_by_sha_256() {
        let from: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let authority = Authority::new(from, from.plus_seconds(60)).unwrap();
        let pair = authority.issue("db", &["db.example"]).unwrap();
        let expected = digest(&SHA256, pair.der()).as_ref().to_vec();
        assert_eq!(end_point(pair.der()), Some(expected));
        assert_eq!(end_point(b""), None);
    }

    // RFC 5929 §4.1: MD5 and SHA-1 become SHA-256, others stay; what has no hash binds nothing.
    #[test]
    fn the_hash_is_that_of_the_signature() {
        let rsa = |last| [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01][..], &[last]].concat();
        let ecdsa = |last: &[u8]| [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04][..], last].concat();
        for (signature, hash) in [
            (rsa(4), Some(&SHA256)),
            (rsa(5), Some(&SHA256)),
            (rsa(11), Some(&SHA256)),
            (rsa(12), Some(&SHA384)),
            (rsa(13), Some(&SHA512)),
            (rsa(10), None), // RSASSA-PSS
            (ecdsa(&[1]), Some(&SHA256)),
            (ecdsa(&[3, 2]), Some(&SHA256)),
            (ecdsa(&[3, 3]), Some(&SHA384)),
            (ecdsa(&[3, 4]), Some(&SHA512)),
            (ecdsa(&[3, 9]), None),
            (vec![0x2b, 0x65, 0x70], None), // Ed25519
        ] {
            assert_eq!(hash_of(&signature), hash, "{signature:02x?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up() {
        let authority = Authority::new(Timestamp::EPOCH, Timestamp::MAX).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.pem");
        std::fs::write(&path, authority.certificate_pem()).unwrap();
        let settings = ClientSettings { authority_file: Some(path), own: None, protocol: b"x" };
        let client = Client::open(&settings).unwrap();
        let (near, _far) = tokio::io::duplex(65_536);
        assert_eq!(client.connect("db.example", near).await.err(), Some(Unproven::Silent));
        let (near, _far) = tokio::io::duplex(65_536);
        assert_eq!(client.connect("no name", near).await.err(), Some(Unproven::NoName));
    }
}
