//! What the bank shows to a server that asks who calls: a certificate and its key, in files that are renewed under it; and
//! what such a server says where it does not take them.
//!
//! Order of a reading ([`OwnFiles::read`]): files, bounded; the key is not everybody's; both are understood; the key is that
//! of the first certificate. When a certificate ends is not asked: the server says so. Cost: some KiB.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::AlertDescription;
use zeroize::Zeroizing;

use crate::files::{Refusal, certified, provider, read, refuse_open};

/// Where the bank's certificate and its key are, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFiles {
    /// The chain, its own certificate first.
    pub certificate_file: PathBuf,
    /// Not readable by everybody.
    pub key_file: PathBuf,
}

/// What stands in them, in PEM: a pair.
#[derive(PartialEq, Eq)]
pub struct OwnPem {
    pub certificate: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
}

impl OwnFiles {
    pub fn read(&self) -> Result<OwnPem, Refusal> {
        let certificate = read(&self.certificate_file).map_err(Refusal::CertificateFile)?;
        let key = read(&self.key_file).map(Zeroizing::new).map_err(Refusal::KeyFile)?;
        refuse_open(&self.key_file).map_err(Refusal::KeyFile)?;
        certified(&certificate, &key, &provider())?;
        Ok(OwnPem { certificate, key })
    }
}

/// What a server says of the certificate that it was shown, or of none, where that is why a connection broke. It comes
/// as an alert, in TLS 1.3 behind the handshake (RFC 8446 §4.4.2.4, §6.2), and so with the first answer.
pub fn refused_by_server(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(words) = alert_of(error).and_then(words_of) {
            return Some(words);
        }
        next = error.source();
    }
    None
}

fn alert_of(error: &(dyn Error + 'static)) -> Option<AlertDescription> {
    if let Some(rustls::Error::AlertReceived(alert)) = error.downcast_ref() {
        return Some(*alert);
    }
    // Neither shows what it holds as its source.
    if let Some(error) = error.downcast_ref::<io::Error>() {
        let inner = error.get_ref()?;
        return alert_of(inner);
    }
    let shared = error.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    alert_of(shared.as_ref())
}

fn words_of(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            Some("it wants a certificate of the bank's")
        }
        // TLS 1.2 has no word of its own for it.
        AlertDescription::HandshakeFailure => {
            Some("it broke the handshake off; it may want a certificate of the bank's")
        }
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            Some("the bank's certificate is of no authority that it believes")
        }
        AlertDescription::CertificateExpired => Some("the bank's certificate has ended"),
        AlertDescription::CertificateRevoked => Some("the bank's certificate was taken back"),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => Some("it does not take the bank's certificate"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
