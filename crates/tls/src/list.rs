//! What authorities took back of the certificates of callers: revocation lists (RFC 5280 §5).
//!
//! Signatures, issuers and serials are rustls's to look at, with each handshake. Here only their times are read, since an
//! ended list refuses everybody whom it is asked about, and somebody should hear of it before.

use money::Timestamp;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use crate::certificate::time;
use crate::der::{INTEGER, Reader, SEQUENCE};

/// The times of the list that ends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListTimes {
    /// `thisUpdate`
    pub made: Timestamp,
    /// `nextUpdate`
    pub ends: Timestamp,
}

/// The lists of a file, one at least, the newest first, since of two lists of one authority rustls looks into the first; `None` where one of them is none, or has no end (RFC 5280 §5.1.2.5 wants one).
pub(crate) fn read(pem: &[u8]) -> Option<(Vec<CertificateRevocationListDer<'static>>, ListTimes)> {
    let lists = CertificateRevocationListDer::pem_slice_iter(pem);
    let lists = lists.collect::<Result<Vec<_>, _>>().ok()?;
    let dated = lists.into_iter().map(|list| Some((times(&list)?, list)));
    let mut dated = dated.collect::<Option<Vec<_>>>()?;
    let first = dated.iter().map(|(times, _)| *times).min_by_key(|times| times.ends)?;
    dated.sort_by_key(|(times, _)| std::cmp::Reverse(times.made));
    Some((dated.into_iter().map(|(_, list)| list).collect(), first))
}

fn times(der: &[u8]) -> Option<ListTimes> {
    let mut list = Reader::new(Reader::new(der).expect(SEQUENCE)?);
    let mut body = Reader::new(list.expect(SEQUENCE)?);
    body.skip(INTEGER); // version
    body.expect(SEQUENCE)?; // algorithm
    body.expect(SEQUENCE)?; // issuer
    Some(ListTimes { made: time(&mut body)?, ends: time(&mut body)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::trial::Authority;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_767_607_200 + seconds)
    }

    #[test]
    fn the_times_are_those_of_the_list_that_ends_first() {
        let authority = Authority::new(at(0), at(9_000)).unwrap();
        let long = authority.list(&[], (at(10), at(900))).unwrap();
        let short = authority.list(&[], (at(20), at(800))).unwrap();
        let (lists, times) = read(format!("{long}{short}").as_bytes()).unwrap();
        assert_eq!(lists.len(), 2);
        assert_eq!(times, ListTimes { made: at(20), ends: at(800) });
    }

    #[test]
    fn what_is_no_list_is_none() {
        let authority = Authority::new(at(0), at(9_000)).unwrap();
        let list = authority.list(&[], (at(10), at(900))).unwrap();
        assert!(read(b"").is_none());
        assert!(read(authority.certificate_pem().as_bytes()).is_none(), "a certificate");
        let empty = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
        assert!(read(empty.as_bytes()).is_none());
        assert!(read(format!("{list}{empty}").as_bytes()).is_none(), "one of two is none");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in any::<usize>()) {
            let _none = read(&bytes);
            let _none = times(&bytes);
            let authority = Authority::new(Timestamp::EPOCH, Timestamp::EPOCH).unwrap();
            let pem = authority.list(&[], (Timestamp::EPOCH, Timestamp::EPOCH)).unwrap();
            let list = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
            let _any = times(&list[..at % list.len()]);
        }
    }
}
