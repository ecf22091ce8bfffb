//! One question to a server of this machine that speaks TLS with a pair whose files are at hand.
//!
//! The server's certificate must be the very one of the file: names and authorities say nothing about a process
//! that is asked by its address. Bound: every read and write has the caller's limit. For health checks; nothing that is
//! secret goes this way.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
};

use crate::files::{PairFiles, provider};
use crate::server::Settings;

/// What is read of an answer: its first line is all that is wanted.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// Sends the bytes and reads until the server closes. Over TLS where there are files, else plainly.
pub fn ask(
    address: SocketAddr,
    tls: Option<&Settings>,
    question: &[u8],
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let Some(settings) = tls else {
        stream.write_all(question)?;
        return read(&mut stream);
    };
    let name = ServerName::from(address.ip());
    let mut connection =
        ClientConnection::new(config(settings)?, name).map_err(io::Error::other)?;
    let mut stream = rustls::Stream::new(&mut connection, &mut stream);
    stream.write_all(question)?;
    read(&mut stream)
}

fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    match stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer) {
        Ok(_) => Ok(answer),
        // A server that closes without a word of TLS has said all it will.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !answer.is_empty() => {
            Ok(answer)
        }
        Err(error) => Err(error),
    }
}

fn config(settings: &Settings) -> io::Result<Arc<ClientConfig>> {
    let provider = provider();
    let files = PairFiles::read(settings).map_err(io::Error::other)?;
    let parsed = files.parse(&provider).map_err(io::Error::other)?;
    let leaf = parsed.key.end_entity_cert().map_err(io::Error::other)?.clone().into_owned();
    let verifier = Arc::new(ThisOne { leaf, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// Takes one certificate and no other.
#[derive(Debug)]
struct ThisOne {
    leaf: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ThisOne {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.leaf {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
