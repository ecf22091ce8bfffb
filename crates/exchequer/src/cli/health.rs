//! `healthcheck`: what a container without a shell asks the process beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{Failure, Place, say};
use crate::config::Config;

/// `/readyz` looks at the database for two seconds at most.
const LIMIT: Duration = Duration::from_secs(4);

/// `exchequer healthcheck`: exit 0 where the process answers `/healthz`, or with `ready` `/readyz`, with 200.
pub fn healthcheck(place: &Place, ready: bool) -> Result<(), Failure> {
    let config = place.load()?;
    let path = if ready { "/readyz" } else { "/healthz" };
    let address = address(&config)?;
    let question = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let tls = config.tls.as_ref().map(|server| server.settings());
    let answer = tls::probe::ask(address, tls, question.as_bytes(), LIMIT);
    let answer =
        answer.map_err(|error| Failure::Said(format!("{address} does not answer: {error}")))?;
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
    match status {
        Some("200") => Ok(say(&format!("{path} answers 200\n"))?),
        Some(status) => Err(Failure::Said(format!("{path} answers {status}"))),
        None => Err(Failure::Said(format!("{address} answers, and not as a bank does"))),
    }
}

/// Where the process of this configuration is reached from this machine.
fn address(config: &Config) -> Result<SocketAddr, Failure> {
    let listen = config.listen;
    if listen.port() == 0 {
        return Err(Failure::Said(
            "listen has port 0, so nobody knows where the bank is".to_owned(),
        ));
    }
    let ip = match listen.ip() {
        IpAddr::V4(any) if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(any) if any.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}
