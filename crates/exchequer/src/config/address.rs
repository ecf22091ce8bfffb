//! Web origins and hosts: what is exact enough to compare, and what stays on this machine.

use std::net::IpAddr;

/// Checks `https://host[:port]`, or `http` for this machine, as a browser spells an origin (RFC
/// 6454 §6.1): lower case, no default port, nothing after. The error is a clause, without the value.
pub(super) fn check_origin(text: &str) -> Result<(), String> {
    if text == "*" || text == "null" {
        return Err("names every page there is".to_owned());
    }
    let (secure, authority) = if let Some(rest) = text.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix("http://") {
        (false, rest)
    } else {
        return Err("does not begin with https://".to_owned());
    };
    let (host, port) = split_port(authority).ok_or("has no proper port")?;
    if !is_host(host) {
        return Err("is not host or host:port after the scheme, in lower case".to_owned());
    }
    if !secure && !is_this_machine(host) {
        return Err("is http, which anybody on the way can read".to_owned());
    }
    if port == Some(if secure { 443 } else { 80 }) {
        return Err("names the default port, which browsers leave out".to_owned());
    }
    Ok(())
}

/// Whether a host, with or without brackets, is this machine: `localhost` or a loopback address.
pub(super) fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `host:port`, `[v6]:port` or a host alone; `None` when what follows the colon is no port.
pub(super) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority.get(end_of_host..)?.find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(end_of_host + colon);
            let digits = port.get(1..)?;
            let plain =
                digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
            plain.then(|| digits.parse().ok().map(|port| (host, Some(port))))?
        }
    }
}

pub(super) fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[') {
        return v6.strip_suffix(']').is_some_and(|v6| {
            v6.parse::<std::net::Ipv6Addr>().is_ok() && v6 == v6.to_ascii_lowercase()
        });
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    host.len() <= 253
        && host
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(allowed))
}
