//! The client's address, through proxies that are counted.
//!
//! `http_trusted_proxies` says how many proxies of ours stand before the bank. Each appends the address
//! that it was called from, so the n-th entry from the right was written by the outermost of them, and
//! all further left is whatever the client sent. With 0 no header is looked at. What cannot be read, is
//! missing, or differs between `X-Forwarded-For` and `Forwarded` (RFC 7239) names nobody: then the
//! peer's own address counts, so a forged header can only make its sender share the proxy's limits.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderValue};

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The address to count and to record, in its canonical spelling.
pub(in crate::http) fn client<'p>(peer: &'p str, headers: &HeaderMap, proxies: u8) -> Cow<'p, str> {
    if proxies == 0 {
        return Cow::Borrowed(peer);
    }
    let from_right = usize::from(proxies) - 1;
    let listed = named(headers, X_FORWARDED_FOR, from_right, address);
    let forwarded = named(headers, http::header::FORWARDED.as_str(), from_right, forwarded_for);
    let named = match (listed, forwarded) {
        (Ok(Some(one)), Ok(None)) | (Ok(None), Ok(Some(one))) => Some(one),
        (Ok(Some(one)), Ok(Some(other))) if one == other => Some(one),
        _ => None,
    };
    named.map_or(Cow::Borrowed(peer), |address| Cow::Owned(address.to_string()))
}

/// Whether the caller has TLS to the outermost proxy that is trusted: `X-Forwarded-Proto`, of which each of
/// them appends or sets one word. Whoever is not trusted is not asked; any word of theirs that is not `https` says no.
pub(in crate::http) fn is_https(headers: &HeaderMap, proxies: u8) -> bool {
    if proxies == 0 {
        return false;
    }
    let lines = headers.get_all(X_FORWARDED_PROTO).iter().rev();
    let words = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut ours = words.take(usize::from(proxies)).peekable();
    ours.peek().is_some() && ours.all(|word| word.trim().eq_ignore_ascii_case("https"))
}

/// What a limit counts an address as: IPv4 whole, IPv6 by its first 64 bits.
pub(super) fn subject(address: &str) -> [u8; 16] {
    let mut id = [0; 16];
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            id[0] = 4;
            id[1..5].copy_from_slice(&v4.octets());
        }
        Ok(IpAddr::V6(v6)) => {
            id[0] = 6;
            id[1..9].copy_from_slice(&v6.octets()[..8]);
        }
        // A request without a peer: in-process tests only. All of them are one.
        Err(_) => {}
    }
    id
}

/// A header that is there and names nobody.
struct Unreadable;

/// Whom the n-th entry from the right of a header names; none where the header is absent.
fn named(
    headers: &HeaderMap,
    name: &str,
    from_right: usize,
    read: fn(&str) -> Option<IpAddr>,
) -> Result<Option<IpAddr>, Unreadable> {
    nth(headers, name, from_right)?.map(|entry| read(entry).ok_or(Unreadable)).transpose()
}

/// The n-th entry from the right of a header that may come in several lines. Too few entries, and what is
/// not text, cannot be read.
fn nth<'h>(
    headers: &'h HeaderMap,
    name: &str,
    from_right: usize,
) -> Result<Option<&'h str>, Unreadable> {
    let mut lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    if lines.is_empty() {
        return Ok(None);
    }
    lines.reverse();
    let mut left = from_right;
    for line in lines {
        let text = line.to_str().map_err(|_| Unreadable)?;
        for entry in text.rsplit(',') {
            if left == 0 {
                return Ok(Some(entry.trim()));
            }
            left -= 1;
        }
    }
    Err(Unreadable)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().ok();
    parsed
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

/// The `for` of one element of `Forwarded`; an obfuscated one names nobody.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if !name.eq_ignore_ascii_case("for") {
            continue;
        }
        if found.is_some() {
            return None;
        }
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        found = Some(address(value)?);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.9";

    fn seen(proxies: u8, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        client(PEER, &headers, proxies).into_owned()
    }

    // ASVS 4.1.3, 15.3.4: without a trusted proxy the address is the connection's.
    #[test]
    fn nobody_s_headers_count_unless_a_proxy_is_trusted() {
        assert_eq!(seen(0, &[(X_FORWARDED_FOR, "192.0.2.1")]), PEER);
        assert_eq!(seen(0, &[("forwarded", "for=192.0.2.1")]), PEER);
        assert_eq!(seen(1, &[]), PEER);
    }

    #[test]
    fn the_nth_from_the_right_counts() {
        let line = [(X_FORWARDED_FOR, "6.6.6.6, 192.0.2.1 ,198.51.100.2")];
        assert_eq!(seen(1, &line), "198.51.100.2");
        assert_eq!(seen(2, &line), "192.0.2.1");
        assert_eq!(seen(3, &line), "6.6.6.6");
        assert_eq!(seen(4, &line), PEER);
        let lines = [(X_FORWARDED_FOR, "6.6.6.6"), (X_FORWARDED_FOR, "192.0.2.1")];
        assert_eq!(seen(1, &lines), "192.0.2.1");
        assert_eq!(seen(2, &lines), "6.6.6.6");
    }

    #[test]
    fn addresses_are_read_in_all_their_spellings() {
        for (text, address) in [
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(seen(1, &[(X_FORWARDED_FOR, text)]), address);
        }
        let forwarded = r#"for=6.6.6.6, proto=https;For="[2001:db8::1]:4711";by=10.0.0.1"#;
        assert_eq!(seen(1, &[("forwarded", forwarded)]), "2001:db8::1");
        assert_eq!(seen(2, &[("forwarded", forwarded)]), "6.6.6.6");
    }

    #[test]
    fn what_cannot_be_read_is_the_peer_s() {
        for hostile in [
            "unknown",
            "",
            ",",
            "192.0.2.1 6.6.6.6",
            "192.0.2.1/24",
            "0x7f000001",
            "192.0.2.01",
            "fe80::1%eth0",
            "localhost",
            "[192.0.2.1",
            "192.0.2.1,",
            "\u{ff11}.1.1.1",
        ] {
            assert_eq!(seen(1, &[(X_FORWARDED_FOR, hostile)]), PEER, "{hostile:?}");
        }
        for hostile in
            ["for=_hidden", "for=unknown", "by=192.0.2.1", "for", "for=1.1.1.1;for=2.2.2.2"]
        {
            assert_eq!(seen(1, &[("forwarded", hostile)]), PEER, "{hostile:?}");
        }
        let two = [(X_FORWARDED_FOR, "192.0.2.1"), ("forwarded", "for=6.6.6.6")];
        assert_eq!(seen(1, &two), PEER, "the two must agree");
        let two = [(X_FORWARDED_FOR, "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen(1, &two), "192.0.2.1");
    }

    #[test]
    fn tls_before_the_proxies_is_theirs_to_say() {
        let says = |proxies, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
                headers.append(X_FORWARDED_PROTO, value);
            }
            is_https(&headers, proxies)
        };
        assert!(!says(0, &["https"]), "nobody is trusted");
        assert!(!says(1, &[]));
        assert!(says(1, &["https"]));
        assert!(says(1, &["http, HTTPS"]), "what stands before our proxy's word is the caller's");
        assert!(says(1, &["http", "https"]));
        assert!(!says(1, &["https, http"]));
        assert!(!says(1, &["https", "http"]));
        assert!(says(2, &["https"]), "both set it");
        assert!(!says(2, &["http, https"]));
        for garbage in ["", ",", "https;", "\u{ff48}ttps", "on"] {
            assert!(!says(1, &[garbage]), "{garbage:?}");
        }
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        assert_eq!(subject("2001:db8:1:2::1"), subject("2001:db8:1:2:ffff::9"));
        assert_ne!(subject("2001:db8:1:2::1"), subject("2001:db8:1:3::1"));
        assert_ne!(subject("192.0.2.1"), subject("192.0.2.2"));
        assert_eq!(subject("::ffff:192.0.2.1"), subject("192.0.2.1"));
        assert_ne!(subject("0.0.0.0"), subject(""));
    }
}
