//! The files of the bank's own TLS, and of what it shows to servers that ask who calls: opened here, so that a pair that
//! does not fit stops the start with all other faults.

use std::sync::Arc;

use tls::{Inside, OwnFiles, Refusal, Server, Settings, Version};

use super::reading::Reading;

pub(super) fn read(reading: &mut Reading) -> Option<Arc<Server>> {
    let certificate_file = reading.path("tls_certificate_file");
    let key_file = reading.path("tls_key_file");
    let client_ca_file = reading.path("tls_client_ca_file");
    let client_crl_file = reading.path("tls_client_crl_file");
    if client_crl_file.is_some() && client_ca_file.is_none() {
        let wrong = "given without tls_client_ca_file, so that nobody is looked up in it";
        reading.fault("tls_client_crl_file", wrong, "with tls_client_ca_file, or unset");
    }
    let word = reading.choice("tls_min_version");
    let min_version = Version::from_name(word)
        .unwrap_or_else(|| unreachable!("the table's versions are those of the enum"));
    let (certificate_file, key_file) = match (certificate_file, key_file) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            reading.fault("tls_key_file", "not given", "the private key of tls_certificate_file");
            return None;
        }
        (None, given) => {
            let alone = given.map(|_| "tls_key_file");
            let alone = alone.or(client_ca_file.as_ref().map(|_| "tls_client_ca_file"));
            if let Some(name) = alone {
                let wrong = "given without tls_certificate_file, so that nothing speaks TLS";
                reading.fault(name, wrong, "with tls_certificate_file and tls_key_file, or unset");
            }
            return None;
        }
    };
    if reading.demo {
        let wrong = "a demo bank serves this machine, without TLS";
        reading.fault("tls_certificate_file", wrong, "unset, for a demo bank");
        return None;
    }
    let settings = Settings {
        certificate_file,
        key_file,
        client_ca_file,
        client_crl_file,
        min_version,
        inside: Inside::Http,
    };
    match Server::open(settings) {
        Ok(server) => Some(Arc::new(server)),
        Err(refusal) => {
            let (name, allowed) = blamed(&refusal);
            reading.fault(name, refusal.to_string(), allowed);
            None
        }
    }
}

/// What the bank shows to a server, by the names of the settings of its certificate and of the key: both or neither.
pub(super) fn read_own(
    reading: &mut Reading,
    (certificate, key): (&str, &str),
) -> Option<OwnFiles> {
    let files = match (reading.path(certificate), reading.path(key)) {
        (None, None) => return None,
        (Some(certificate_file), Some(key_file)) => OwnFiles { certificate_file, key_file },
        (Some(_), None) => {
            reading.fault(key, "not given", format!("the private key of {certificate}"));
            return None;
        }
        (None, Some(_)) => {
            reading.fault(key, format!("given without {certificate}"), "both, or neither");
            return None;
        }
    };
    let Err(refusal) = files.read() else { return Some(files) };
    let (name, allowed) = match blamed(&refusal) {
        ("tls_key_file", allowed) => (key, allowed.replace("tls_certificate_file", certificate)),
        (_, allowed) => (certificate, allowed.to_owned()),
    };
    reading.fault(name, refusal.to_string(), allowed);
    None
}

fn blamed(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::CertificateFile(_)
        | Refusal::NoCertificate
        | Refusal::Ended(_)
        | Refusal::Unusable(_) => {
            ("tls_certificate_file", "a file of certificates in PEM, the bank's own first")
        }
        Refusal::KeyFile(_) | Refusal::NoKey | Refusal::Mismatch => (
            "tls_key_file",
            "the private key of tls_certificate_file in PEM, with mode 0640 or stricter",
        ),
        Refusal::AuthorityFile(_) | Refusal::NoAuthority => {
            ("tls_client_ca_file", "a file of certificates in PEM")
        }
        Refusal::ListFile(_)
        | Refusal::NoList
        | Refusal::ListEnded(_)
        | Refusal::ListUnusable(_) => {
            ("tls_client_crl_file", "a file of revocation lists in PEM, each with nextUpdate")
        }
    }
}
