//! A PostgreSQL's address: who is meant, and whether the way there is encrypted.
//!
//! `postgres://user:password@host:port/database?options`, libpq's URI (PostgreSQL 15 documentation, 34.1.1.2). What
//! decides about TLS is read here and nowhere else; the driver reads the rest.
//!
//! | option | |
//! |--|--|
//! | `sslmode` | `verify-full`: TLS, or no connection, with a certificate for this host by an authority that is believed. `disable`: none. Left out: `verify-full`, but `disable` to this machine and over a socket. libpq's other modes take any certificate, or none, and are refused |
//! | `sslrootcert` | the authorities' file; left out, or `system`: those of the system |
//! | `sslcert`, `sslkey` | what the bank shows of itself |
//!
//! The driver reads the same text by rules of its own. What the two could read differently is refused here: an `@` behind
//! the host, an option whose name is percent-encoded; and the driver's hosts are compared with the ones judged here.
//! No error of the reading holds any part of an address.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tls::client::ClientSettings;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use vault::SecretString;

use crate::cache::decode;

/// An address, taken apart as far as safety goes.
pub struct PostgresAddress {
    pub user: String,
    pub password: SecretString,
    /// Sockets and addresses of this machine alone.
    pub is_near: bool,
    /// How TLS is spoken; absent: not at all.
    pub tls: Option<ClientSettings>,
    /// For the driver, without the options of TLS.
    rest: SecretString,
    /// Whom the judgement is about.
    hosts: Vec<String>,
    addresses: Vec<String>,
}

/// As it is read. Where a thing is named twice, both count or the second does, as in the driver.
#[derive(Default)]
struct Found {
    user: String,
    password: String,
    /// Names, addresses and folders of sockets.
    hosts: Vec<String>,
    addresses: Vec<String>,
    mode: Option<Mode>,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    VerifyFull,
    Disable,
}

/// What ALPN calls PostgreSQL (IANA, TLS Application-Layer Protocol Negotiation Protocol IDs).
const PROTOCOL: &[u8] = b"postgresql";

impl PostgresAddress {
    /// The error is a clause without any part of the address. In order: form, an option of TLS, hosts, files, then what
    /// does not go together.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or("it is no address of PostgreSQL")?;
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        // The driver takes what stands before the first `@` anywhere for a name and a password.
        let authority = place.split('/').next().unwrap_or_default();
        if rest.matches('@').count() > usize::from(authority.contains('@')) {
            return Err("it has an @ too many: in a name, a password or an option it is %40");
        }
        let mut found = Found::default();
        found.read_place(authority)?;
        let mut others = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            if !found.take(option)? {
                others.push(option);
            }
        }
        if found.hosts.iter().chain(&found.addresses).all(String::is_empty) {
            return Err("it names no host and no folder of a socket");
        }
        let is_near = found.hosts.iter().chain(&found.addresses).all(|host| is_near(host));
        let tls = found.tls(is_near)?;
        let rest = format!("postgres://{place}?{}", others.join("&"));
        Ok(Self {
            user: found.user,
            password: SecretString::new(found.password),
            is_near,
            tls,
            rest: SecretString::new(rest),
            hosts: found.hosts,
            addresses: found.addresses,
        })
    }

    /// For the driver, which neither falls back to plain text nor goes on to TLS by itself.
    pub(crate) fn config(&self) -> Result<Config, &'static str> {
        // The driver's message can repeat the address, and with it the password.
        let config = self.rest.expose().parse::<Config>();
        let mut config = config.map_err(|_| "it has an option or a value that is not known")?;
        if !self.is_about(&config) {
            return Err("its host can be read in two ways");
        }
        config.ssl_mode(if self.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(config)
    }

    /// Whether the driver would speak to nobody but those who were judged.
    fn is_about(&self, config: &Config) -> bool {
        let is_known = |host: &Host| match host {
            Host::Tcp(name) => self.hosts.contains(name),
            Host::Unix(folder) => self.hosts.iter().any(|host| Path::new(host) == folder),
        };
        let mut addresses = config.get_hostaddrs().iter();
        config.get_hosts().iter().all(is_known)
            && addresses
                .all(|address| self.addresses.iter().any(|text| text.parse() == Ok(*address)))
    }
}

impl Found {
    /// `user:password@host:port,host:port`.
    fn read_place(&mut self, authority: &str) -> Result<(), &'static str> {
        let (person, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = person.split_once(':').unwrap_or((person, ""));
        (self.user, self.password) = (decode(user)?, decode(password)?);
        for text in hosts.split(',').filter(|text| !text.is_empty()) {
            self.hosts.push(host(text)?);
        }
        Ok(())
    }

    /// Whether the option is one that the driver does not get.
    fn take(&mut self, option: &str) -> Result<bool, &'static str> {
        let (name, value) = option.split_once('=').ok_or("an option of it is not name=value")?;
        if name.contains('%') {
            return Err("the name of an option is percent-encoded");
        }
        let value = decode(value)?;
        match name {
            "host" => self.hosts.extend(value.split(',').map(str::to_owned)),
            "hostaddr" => self.addresses.extend(value.split(',').map(str::to_owned)),
            "user" => self.user = value,
            "password" => self.password = value,
            "sslmode" => self.mode = Some(mode(&value)?),
            "sslrootcert" => self.authorities = Some(value),
            "sslcert" => self.certificate = Some(value),
            "sslkey" => self.key = Some(value),
            _ => return Ok(false), // a matter of the driver, which refuses what it does not know
        }
        Ok(name.starts_with("ssl"))
    }

    fn tls(&self, is_near: bool) -> Result<Option<ClientSettings>, &'static str> {
        let authorities = self.authorities.as_deref().filter(|file| *file != "system");
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((absolute(certificate)?, absolute(key)?)),
            (None, None) => None,
            _ => return Err("it has one of sslcert and sslkey, which belong together"),
        };
        let authority_file = authorities.map(absolute).transpose()?;
        let has_files = self.authorities.is_some() || own.is_some();
        let default = if is_near && !has_files { Mode::Disable } else { Mode::VerifyFull };
        if self.mode.unwrap_or(default) == Mode::Disable {
            let wrong = "it has files for TLS, and sslmode=disable";
            return if has_files { Err(wrong) } else { Ok(None) };
        }
        if self.hosts.iter().any(|host| is_socket(host)) {
            return Err("a socket has no TLS: leave sslmode out, or the socket");
        }
        if self.hosts.is_empty() {
            return Err("hostaddr gives no name that a certificate could be for: give host, too");
        }
        Ok(Some(ClientSettings { authority_file, own, protocol: PROTOCOL }))
    }
}

fn mode(word: &str) -> Result<Mode, &'static str> {
    match word {
        "verify-full" => Ok(Mode::VerifyFull),
        "disable" => Ok(Mode::Disable),
        "verify-ca" => {
            Err("sslmode=verify-ca takes the certificate of any host: use verify-full, with the \
                 name in the certificate as host and the address as hostaddr")
        }
        "require" => Err("sslmode=require takes any certificate: use verify-full, with the \
                          certificate of its authority as sslrootcert"),
        "allow" | "prefer" => {
            Err("this sslmode falls back to plain text: use verify-full or disable")
        }
        _ => Err("its sslmode is neither verify-full nor disable"),
    }
}

/// Of the program that is started somewhere else tomorrow.
fn absolute(file: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(file);
    if path.is_absolute() { Ok(path) } else { Err("a file in it is not named by its whole path") }
}

fn is_near(host: &str) -> bool {
    is_socket(host)
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An empty host is libpq's own folder of sockets.
fn is_socket(host: &str) -> bool {
    host.is_empty() || host.starts_with('/')
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`; of a socket's folder the slashes are percent-encoded.
fn host(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "a port in it is no port";
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("a bracket in it is not closed")?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if !port.is_empty() {
        let digits = port.strip_prefix(':').ok_or(WRONG)?;
        let number = digits.parse().ok().filter(|number: &u16| *number != 0);
        number.filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit())).ok_or(WRONG)?;
    }
    decode(host)
}

#[cfg(test)]
mod tests;
