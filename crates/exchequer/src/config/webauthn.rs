//! Security keys and passkeys: which bank browsers take this one for, and on which pages.

use std::net::IpAddr;

use super::address;
use super::reading::{Reading, quoted};

/// What authenticators know the bank by (W3C WebAuthn Level 3 §5.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webauthn {
    /// A domain. All credentials are made for it; another one loses them.
    pub rp_id: String,
    /// Pages that may ask, byte by byte as browsers write them.
    pub origins: Vec<String>,
}

/// Both follow from the public address where they are not given. A browser takes no address of numbers for
/// a domain, so a bank that is called by one of this machine goes by `localhost`.
pub(super) fn read(reading: &mut Reading, public_url: &str) -> Webauthn {
    let given = reading.text("webauthn_rp_id");
    let mut origins = reading.list("webauthn_origins");
    // What is wrong with the public address is said of that one.
    let checks = !origins.is_empty() || given.is_some();
    if origins.is_empty() {
        origins.push(by_name(public_url));
    }
    let first = origins.first().map(|origin| host(origin).to_owned());
    let rp_id = given.or(first).unwrap_or_default();
    for origin in origins.iter().filter(|_| checks) {
        let allowed =
            "origins such as https://bank.example, of webauthn_rp_id or a domain below it";
        if let Err(wrong) = address::check_origin(origin) {
            reading.fault("webauthn_origins", format!("{} {wrong}", quoted(origin)), allowed);
        } else if !is_of(host(origin), &rp_id) {
            let wrong = format!("{} is not of {}", quoted(origin), quoted(&rp_id));
            reading.fault("webauthn_origins", wrong, allowed);
        }
    }
    Webauthn { rp_id, origins }
}

/// `http://127.0.0.1:8080` as `http://localhost:8080`; others as they are.
fn by_name(public_url: &str) -> String {
    let numbers = host(public_url);
    let bare = numbers.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(numbers);
    if bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        public_url.replacen(numbers, "localhost", 1)
    } else {
        public_url.to_owned()
    }
}

/// Of an origin: without scheme and port.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        Some(_) | None => authority,
    }
}

/// The domain itself, or one below it.
fn is_of(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
