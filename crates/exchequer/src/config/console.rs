//! Where operators come in: a host of their own, and the networks that they come from.

use std::fmt;
use std::net::IpAddr;

use super::reading::{Reading, quoted};
use super::{Http, address};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console {
    /// Without a slash at the end; absent: operators and customers share one host.
    pub public_url: Option<String>,
    /// Empty: from anywhere.
    pub networks: Vec<Network>,
}

/// Addresses that begin alike: `10.8.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// Each request for the console is compared with all of them.
const MAX_NETWORKS: usize = 64;

impl Console {
    /// `host` or `host:port`, as browsers write it.
    pub fn authority(&self) -> Option<&str> {
        self.public_url.as_deref()?.split_once("://").map(|(_, authority)| authority)
    }
}

impl Network {
    /// An address, or an address and the number of its bits that count; the others are zero, so that what was meant is
    /// what is written.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let width = width(address);
        let is_plain = bits.bytes().all(|byte| byte.is_ascii_digit()) && bits.len() <= 3;
        let bits = match bits {
            "" if !text.contains('/') => width,
            bits if is_plain => bits.parse().ok().filter(|bits| *bits <= width)?,
            _ => return None,
        };
        let network = Self { address, bits };
        // An IPv4 address in IPv6's clothes is never compared as one.
        let is_canonical = address.to_canonical() == address;
        (is_canonical && network.kept(address) == number(address)).then_some(network)
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.kept(address) == number(self.address)
    }

    /// The bits of an address that count here.
    fn kept(&self, address: IpAddr) -> u128 {
        let dropped = width(address).saturating_sub(self.bits);
        number(address).checked_shr(dropped).and_then(|kept| kept.checked_shl(dropped)).unwrap_or(0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.bits)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { u32::BITS } else { u128::BITS }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

pub(super) fn read(reading: &mut Reading, http: &Http) -> Console {
    let public_url = reading.text("console_public_url");
    if let Some(url) = &public_url
        && let Err(wrong) = check_url(url, &http.public_url)
    {
        let allowed =
            "https://host or https://host:port, another host than that of http_public_url";
        reading.fault("console_public_url", format!("{} {wrong}", quoted(url)), allowed);
    }
    let given = reading.list("console_networks");
    if given.len() > MAX_NETWORKS {
        let allowed = format!("at most {MAX_NETWORKS} networks");
        reading.fault("console_networks", format!("{} networks", given.len()), allowed);
    }
    let mut networks = Vec::new();
    for text in &given {
        if let Some(network) = Network::parse(text) {
            networks.push(network);
        } else {
            let wrong = format!("{} is no network", quoted(text));
            let allowed =
                "networks such as 10.8.0.0/16, with zeros behind the bits that count, or addresses";
            reading.fault("console_networks", wrong, allowed);
        }
    }
    if !networks.is_empty() && http.behind_proxy && http.trusted_proxies == 0 {
        let wrong = "given, and every request has the proxy's address";
        reading.fault(
            "console_networks",
            wrong,
            "with http_trusted_proxies, the number of your proxies",
        );
    }
    Console { public_url, networks }
}

/// The error is a clause, without the value.
fn check_url(url: &str, bank: &str) -> Result<(), String> {
    address::check_origin(url)?;
    let (Some((scheme, own)), Some((bank_scheme, bank))) =
        (url.split_once("://"), bank.split_once("://"))
    else {
        return Ok(()); // the bank's own has a fault of its own
    };
    if scheme != bank_scheme {
        return Err("has another scheme than http_public_url".to_owned());
    }
    let host = |authority| address::split_port(authority).map(|(host, _)| host);
    if host(own) == host(bank) {
        return Err(
            "is the host of http_public_url: browsers share cookies between ports".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_as_it_does() {
        for (network, inside, outside) in [
            ("10.8.0.0/16", "10.8.255.1", "10.9.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("10.8.0.0/16", "::ffff:10.8.0.1", "::10.8.0.1"),
        ] {
            let found = Network::parse(network).unwrap_or_else(|| panic!("{network}"));
            assert!(found.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!found.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        for wrong in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/ 8",
            "10.0.0.1/8",
            "10.0.0.0/8/8",
            "::/129",
            "2001:db8::1/32",
            "::ffff:10.0.0.0/104",
            "bank.example",
            "10.0.0.0/4294967296",
        ] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
