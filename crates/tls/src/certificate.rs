//! What of a certificate is shown or compared: until when it holds, whom it names, its fingerprint (RFC 5280 §4.1).
//!
//! Nothing is verified here: of ours nothing needs to be, and of a caller's rustls has verified it before.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use money::Timestamp;

use crate::der::{
    CONTEXT_0, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, UTC_TIME,
};

/// Facts of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// The last common name of the subject, where it is text.
    pub common_name: Option<String>,
    /// SHA-256 of the whole, in hexadecimal.
    pub fingerprint: String,
}

/// Whom a caller's verified certificate names; empty where it names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub name: String,
}

/// id-at-commonName, 2.5.4.3 (RFC 5280, appendix A.1).
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

impl Certificate {
    /// Reads one in DER; `None` where it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Reader::new(Reader::new(der).expect(SEQUENCE)?);
        let mut body = Reader::new(certificate.expect(SEQUENCE)?);
        body.skip(CONTEXT_0);
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?; // algorithm
        body.expect(SEQUENCE)?; // issuer
        let mut validity = Reader::new(body.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let common_name = common_name(body.expect(SEQUENCE)?);
        let fingerprint = HEXLOWER.encode(digest(&SHA256, der).as_ref());
        Some(Self { not_before, not_after, common_name, fingerprint })
    }
}

impl ClientCertificate {
    /// Of a certificate that was verified.
    pub fn read(der: &[u8]) -> Self {
        let name = Certificate::read(der).and_then(|certificate| certificate.common_name);
        Self { name: name.unwrap_or_default() }
    }
}

fn common_name(subject: &[u8]) -> Option<String> {
    let (mut sets, mut found) = (Reader::new(subject), None);
    while let Some(set) = sets.expect(SET) {
        let mut pairs = Reader::new(set);
        while let Some(pair) = pairs.expect(SEQUENCE) {
            let mut pair = Reader::new(pair);
            if pair.expect(OBJECT_IDENTIFIER)? == COMMON_NAME {
                let (_, text) = pair.next()?;
                found = std::str::from_utf8(text).ok().map(str::to_owned);
            }
        }
    }
    found
}

/// RFC 5280 §4.1.2.5: years of two digits are those from 1950 to 2049; always to the second and in UTC.
pub(crate) fn time(reader: &mut Reader<'_>) -> Option<Timestamp> {
    let (tag, text) = reader.next()?;
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10)?;
    let part = |from: usize| digits.get(from..from + 2);
    let (month, day) = (part(0)?, part(2)?);
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::trial::Authority;

    fn element(tag: u8, text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        [&[tag, length], text.as_bytes()].concat()
    }

    #[test]
    fn times_are_read_in_both_forms_and_no_other() {
        let read = |tag, text: &str| {
            time(&mut Reader::new(&element(tag, text))).map(|time| time.to_string())
        };
        let text = read(UTC_TIME, "491231235959Z").unwrap();
        assert!(text.starts_with("2049-12-31T23:59:59"), "{text}");
        assert!(read(UTC_TIME, "700101000000Z").unwrap().starts_with("1970-01-01"));
        assert!(read(GENERALIZED_TIME, "20500101000000Z").unwrap().starts_with("2050-01-01"));
        for wrong in ["", "4912312359Z", "491231235959", "491331235959Z", "4912312359+0100"] {
            assert_eq!(read(UTC_TIME, wrong), None, "{wrong}");
        }
        assert_eq!(read(GENERALIZED_TIME, "20500101000000.5Z"), None);
        assert_eq!(read(INTEGER, "491231235959Z"), None);
    }

    #[test]
    fn a_certificate_says_until_when_it_holds_and_whom_it_names() {
        let from: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        let until = from.plus_seconds(86_400);
        let leaf = Authority::new(from, until).unwrap().issue("mer_1", &["bank.example"]).unwrap();
        let read = Certificate::read(leaf.der()).unwrap();
        assert_eq!((read.not_before, read.not_after), (from, until));
        assert_eq!(read.common_name.as_deref(), Some("mer_1"));
        assert_eq!(read.fingerprint.len(), 64);
        assert_eq!(ClientCertificate::read(leaf.der()).name, "mer_1");
        assert_eq!(ClientCertificate::read(b"").name, "");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in any::<usize>(), flip in any::<u8>()) {
            let _none = Certificate::read(&bytes);
            let now = Timestamp::EPOCH;
            let authority = Authority::new(now, now.plus_seconds(9)).unwrap();
            let mut der = authority.issue("a", &[]).unwrap().der().to_vec();
            let at = at % der.len();
            der[at] ^= flip;
            let _any = Certificate::read(&der);
            let _any = Certificate::read(&der[..at]);
        }
    }
}
