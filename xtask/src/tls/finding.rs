//! What the scanners find that is as it should be, each with its reason. It is the one place: whatever is not here fails.

use std::fmt;

use super::bank::Oldest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanner {
    Sslyze,
    Testssl,
}

/// Something that a scanner calls worse than it should be, or could not look at.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub scanner: Scanner,
    /// Where it was found.
    pub bank: Oldest,
    /// The scanner's own name for it.
    pub id: String,
    pub text: String,
}

struct Known {
    scanner: Scanner,
    /// Absent: with both.
    bank: Option<Oldest>,
    id: &'static str,
    /// How its text begins.
    text: &'static str,
    reason: &'static str,
}

const KNOWN: [Known; 5] = [
    Known {
        scanner: Scanner::Testssl,
        bank: Some(Oldest::Tls12),
        id: "cipher_order",
        text: "NOT a cipher order configured",
        reason: "each of the suites is good, so the caller chooses, as Mozilla's configurations have it: \
                 who has no AES in hardware is quicker with ChaCha20",
    },
    Known {
        scanner: Scanner::Testssl,
        bank: None,
        id: "cert_revocation",
        text: "Neither CRL nor OCSP URI provided",
        reason: "the authority of this trial keeps no list; naming one is the work of whoever issues the certificate",
    },
    Known {
        scanner: Scanner::Testssl,
        bank: None,
        id: "engine_problem",
        text: "No engine or GOST support via engine",
        reason: "said of this machine's openssl, before the bank is asked anything",
    },
    Known {
        scanner: Scanner::Testssl,
        bank: Some(Oldest::Tls13),
        id: "NPN",
        text: "not possible for TLS 1.3-only hosts",
        reason: "testssl.sh 3.2 could not ask for it, and there is nothing to be found: TLS 1.3 never had it",
    },
    Known {
        scanner: Scanner::Testssl,
        bank: None,
        id: "sessionresumption_ticket",
        text: "check failed because of connect problem",
        reason: "in TLS 1.3 a ticket comes after the handshake; the openssl that testssl.sh asks has often hung up \
                 by then, and the session that it was to show again is an empty file",
    },
];

/// Why it may be so; `None`: nobody has explained it.
pub fn reason(finding: &Finding) -> Option<&'static str> {
    let is_known = |known: &&Known| {
        known.scanner == finding.scanner
            && known.id == finding.id
            && known.bank.is_none_or(|bank| bank == finding.bank)
            && finding.text.starts_with(known.text)
    };
    KNOWN.iter().find(is_known).map(|known| known.reason)
}

impl Scanner {
    const fn name(self) -> &'static str {
        match self {
            Self::Sslyze => "sslyze",
            Self::Testssl => "testssl.sh",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scanner, bank, id, text } = self;
        write!(out, "{} of {}: {id}: {text}", scanner.name(), bank.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bank: Oldest, id: &str, text: &str) -> Finding {
        Finding { scanner: Scanner::Testssl, bank, id: id.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_finding_is_known_by_scanner_bank_name_and_text_together() {
        let order = "NOT a cipher order configured";
        let known = found(Oldest::Tls12, "cipher_order", order);
        assert!(reason(&known).is_some());
        assert_eq!(reason(&Finding { scanner: Scanner::Sslyze, ..known }), None);
        for (bank, id, text) in [
            (Oldest::Tls13, "cipher_order", order),
            (Oldest::Tls12, "cipher_order", "server prefers RC4"),
            (Oldest::Tls12, "cipher_order_TLSv1.2", order),
            (Oldest::Tls12, "sessionresumption_ticket", "supported, keys never change"),
            (Oldest::Tls13, "cert_expirationStatus", "expires < 30 days (1)"),
        ] {
            assert_eq!(reason(&found(bank, id, text)), None, "{id}: {text}");
        }
    }
}
