//! TLS between two processes of ours: each shows the other a certificate, and takes one name alone.
//!
//! Order of a handshake, for both: TLS 1.3 and the protocol inside (RFC 7301), the other's chain, its time and where
//! there are lists that it was not taken back (RFC 5280 §6), for who is called its host (RFC 9525); then the
//! common name that was configured, since an authority signs for others, too. Cost of an opening: that of a
//! [`Server`]; files that change are taken up by [`Server::look`], for the next connection of either direction. Bound:
//! a handshake has [`HANDSHAKE_LIMIT`].
//!
//! What it never does: speak without a certificate of both, take another version, or go on without TLS.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client, server};

use crate::certificate::ClientCertificate;
use crate::client::{HANDSHAKE_LIMIT, Unproven, judge};
use crate::files::Refusal;
use crate::server::{Inside, Server, Settings, Version, unusable};

/// Where the files are, and who the other is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSettings {
    /// The chain, its own certificate first, in PEM.
    pub certificate_file: PathBuf,
    /// In PEM; not readable by everybody.
    pub key_file: PathBuf,
    /// Who signs the other's certificate.
    pub ca_file: PathBuf,
    /// What those authorities took back, in PEM.
    pub crl_file: Option<PathBuf>,
    /// The common name in the other's certificate; not empty.
    pub peer_name: String,
    /// What is spoken inside, as ALPN names it.
    pub protocol: &'static [u8],
}

/// One of two processes, to call the other with and to be called by it.
pub struct Peer {
    files: Arc<Server>,
    settings: PeerSettings,
}

/// Whose certificate it is, of those that were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    ThePeers,
    /// Of another name; empty where it names nobody.
    Anothers(String),
}

impl Peer {
    /// Opens the files.
    pub fn open(settings: PeerSettings) -> Result<Self, Refusal> {
        let server = Settings {
            certificate_file: settings.certificate_file.clone(),
            key_file: settings.key_file.clone(),
            client_ca_file: Some(settings.ca_file.clone()),
            client_crl_file: settings.crl_file.clone(),
            min_version: Version::Tls13,
            inside: Inside::Peers(settings.protocol),
        };
        Ok(Self { files: Arc::new(Server::open(server)?), settings })
    }

    pub fn settings(&self) -> &PeerSettings {
        &self.settings
    }

    /// What is in force, and is to be looked at for what is new.
    pub fn files(&self) -> &Arc<Server> {
        &self.files
    }

    /// Shakes hands with a caller. Who has another name is handed out, too, to be told so and nothing else.
    pub async fn accept<S>(&self, stream: S) -> Result<(server::TlsStream<S>, Whose), Unproven>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = in_time(self.files.acceptor().accept(stream)).await?;
        let (_, session) = stream.get_ref();
        let whose = self.whose(session.alpn_protocol(), session.peer_certificates())?;
        Ok((stream, whose))
    }

    /// Calls the other, which must have a certificate for `host`, a name or an address, and its own name.
    pub async fn connect<S>(&self, host: &str, stream: S) -> Result<client::TlsStream<S>, Unproven>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Unproven::NoName)?;
        let connector = self.files.connector().ok_or(Unproven::NoCertificate)?;
        let stream = in_time(connector.connect(name, stream)).await?;
        let (_, session) = stream.get_ref();
        match self.whose(session.alpn_protocol(), session.peer_certificates())? {
            Whose::ThePeers => Ok(stream),
            Whose::Anothers(_) => Err(Unproven::Name),
        }
    }

    /// Who knows no ALPN at all is let through by the handshake, and may speak anything.
    fn whose(
        &self,
        protocol: Option<&[u8]>,
        chain: Option<&[CertificateDer<'_>]>,
    ) -> Result<Whose, Unproven> {
        if protocol != Some(self.settings.protocol) {
            return Err(Unproven::Protocol);
        }
        let leaf = chain.and_then(|chain| chain.first()).ok_or(Unproven::NoCertificate)?;
        let ClientCertificate { name } = ClientCertificate::read(leaf);
        let is_peers = !name.is_empty() && name == self.settings.peer_name;
        Ok(if is_peers { Whose::ThePeers } else { Whose::Anothers(name) })
    }
}

/// Whether the other side has ended a conversation because of what it was shown. In TLS 1.3 a caller's handshake is over before
/// its certificate was looked at (RFC 8446 §2), so it is told with the first answer.
pub fn is_refusal(error: &io::Error) -> bool {
    let found = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(found, Some(rustls::Error::AlertReceived(_)))
}

async fn in_time<T>(handshake: impl Future<Output = io::Result<T>>) -> Result<T, Unproven> {
    match tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await {
        Ok(made) => made.map_err(|error| judge(&error)),
        Err(_) => Err(Unproven::Silent),
    }
}

/// To call with what is in force. No session is taken up again: that asks nobody whether a certificate still holds.
pub(crate) fn connector(
    provider: &Arc<CryptoProvider>,
    (own, servers): (&Arc<CertifiedKey>, &Arc<WebPkiServerVerifier>),
    protocol: &[u8],
) -> Result<TlsConnector, Refusal> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(unusable)?
        .with_webpki_verifier(Arc::clone(servers));
    let own = SingleCertAndKey::from(Arc::clone(own));
    let mut config = builder.with_client_cert_resolver(Arc::new(own));
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
