//! Where a webhook may go: rules of addresses in both meanings of the word. Pure.
//!
//! A merchant chooses the address, so it could point the bank at what stands inside (SSRF). An URL is `https`,
//! without user, password or fragment; its host, and after resolution *every* address of its name, is a global
//! unicast one (IANA special-purpose registries, RFC 6890). Who resolves has to connect to what was checked. A
//! bank that allows private targets takes any unicast address, and plain `http` to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Why an URL is not taken, in the order in which it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("an URL of at most {MAX_URL_BYTES} bytes, such as https://example.com/webhooks")]
    Malformed,
    #[error("https only")]
    Scheme,
    #[error("without user and password")]
    Credentials,
    #[error("without a fragment")]
    Fragment,
    #[error("a public host: no address that is private, local or reserved")]
    Host,
    #[error("without anything that looks like a card number, a code, a key or a token")]
    Secret,
}

/// Of an URL as it is kept.
pub const MAX_URL_BYTES: usize = 500;

/// The URL that a merchant's text means.
pub fn parse(text: &str, allow_private: bool) -> Result<Url, TargetError> {
    if text.len() > MAX_URL_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(TargetError::Malformed);
    }
    let url = Url::parse(text).map_err(|_| TargetError::Malformed)?;
    let host = url.host_str().ok_or(TargetError::Malformed)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let literal: Option<IpAddr> = host.parse().ok();
    let is_here = is_localhost(host) || literal.is_some_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if allow_private && is_here => {}
        _ => return Err(TargetError::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(TargetError::Fragment);
    }
    let is_refused = literal.map_or(is_localhost(host) && !allow_private, |address| {
        !is_allowed(address, allow_private)
    });
    if is_refused {
        return Err(TargetError::Host);
    }
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(TargetError::Malformed);
    }
    if vault::redaction::redact(url.as_str()) != url.as_str() {
        return Err(TargetError::Secret);
    }
    Ok(url)
}

/// RFC 6761 §6.3: this machine, whatever a resolver says.
pub fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Whether the bank connects to an address.
pub fn is_allowed(address: IpAddr, allow_private: bool) -> bool {
    if allow_private {
        !address.is_unspecified() && !address.is_multicast() && !is_broadcast(address)
    } else {
        is_global_unicast(address)
    }
}

/// Whether an address is one of the public internet's, for one receiver.
pub fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => embedded(v6).map_or_else(|| is_global_v6(v6), is_global_v4),
    }
}

fn is_broadcast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_broadcast(),
        IpAddr::V6(_) => false,
    }
}

/// RFC 6052 §2.1: behind 64:ff9b::/96 stands an IPv4 address, and whoever translates connects to it.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match a {
        // This network; private; loopback; multicast, reserved and broadcast.
        0 | 10 | 127 | 224..=255 => true,
        100 => (64..=127).contains(&b), // shared by carriers (RFC 6598)
        169 => b == 254,                // link-local: what clouds tell their machines
        172 => (16..=31).contains(&b),
        // Protocol assignments, documentation, the old 6to4 relays, private.
        192 => (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99) || b == 168,
        198 => b == 18 || b == 19 || (b == 51 && c == 100), // benchmarks, documentation
        203 => b == 0 && c == 113,                          // documentation
        _ => false,
    };
    !is_special
}

/// 2000::/3 is all that was ever given out; of it go protocol assignments with Teredo (2001::/23),
/// documentation (2001:db8::/32, 3fff::/20) and 6to4 (2002::/16), behind which stands any IPv4 address. What is
/// mapped, unique local, link-local, site-local, loopback or multicast is outside of it.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_special = match a {
        0x2001 => b < 0x200 || b == 0xdb8,
        0x2002 => true,
        0x3fff => b < 0x1000,
        _ => false,
    };
    a & 0xe000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests;
