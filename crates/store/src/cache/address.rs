//! A Redis' address: one server, Sentinels that know which server it is, or a cluster.
//!
//! | form | |
//! |--|--|
//! | `redis://[user:password@]host[:port][/database]` | one server |
//! | `redis+sentinel://[user:password@]host[:port],…/service[/database]` | Sentinels; port 26379 |
//! | `redis+cluster://[user:password@]host[:port],…` | some nodes of a cluster |
//!
//! `rediss`, `rediss+sentinel` and `rediss+cluster` are the same with TLS, to Sentinels too. User and
//! password are for the servers; what Sentinels want stands in `?sentinel_user=` and
//! `?sentinel_password=`. Both are percent-encoded. No error holds any part of an address.

use vault::SecretString;

pub struct RedisAddress {
    pub form: Form,
    pub tls: bool,
    /// Without brackets, and port. At least one.
    pub hosts: Vec<(String, u16)>,
    pub servers: Credentials,
    pub sentinels: Credentials,
    pub database: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Single,
    Sentinel { service: String },
    Cluster,
}

/// Empty where there are none.
pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;
/// Redis has 16 unless it is told otherwise.
const MAX_DATABASE: i64 = 1_023;
const MAX_HOSTS: usize = 32;

impl RedisAddress {
    /// The error is a clause without any part of the address.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        let (tls, kind) = match scheme.strip_prefix("rediss") {
            Some(kind) => (true, kind),
            None => (false, scheme.strip_prefix("redis").ok_or("its scheme is another")?),
        };
        if rest.contains('#') {
            return Err("it has a fragment");
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (person, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (form, database, port) = match kind {
            "" => (Form::Single, path, PORT),
            "+sentinel" => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err("it names no service after its Sentinels");
                }
                (Form::Sentinel { service: decode(service)? }, database, SENTINEL_PORT)
            }
            "+cluster" => (Form::Cluster, path, PORT),
            _ => return Err("its scheme is another"),
        };
        let hosts = hosts.split(',').map(|host| self::host(host, port));
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        if form == Form::Single && hosts.len() > 1 {
            return Err("it names several servers, and is neither of Sentinels nor of a cluster");
        }
        if hosts.len() > MAX_HOSTS {
            return Err("it names too many servers");
        }
        let database = read_database(database)?;
        if form == Form::Cluster && database != 0 {
            return Err("a cluster has one database");
        }
        let (user, password) = person.split_once(':').unwrap_or((person, ""));
        if password.is_empty() && !user.is_empty() {
            return Err("it has a user and no password");
        }
        let servers =
            Credentials { user: decode(user)?, password: SecretString::new(decode(password)?) };
        let sentinels = read_options(options, &form)?;
        Ok(Self { form, tls, hosts, servers, sentinels, database })
    }
}

fn read_options(options: &str, form: &Form) -> Result<Credentials, &'static str> {
    let (mut user, mut password) = (String::new(), String::new());
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match (option.split_once('='), form) {
            (Some(("sentinel_user", value)), Form::Sentinel { .. }) => user = decode(value)?,
            (Some(("sentinel_password", value)), Form::Sentinel { .. }) => {
                password = decode(value)?;
            }
            _ => return Err("it has an option that is not known"),
        }
    }
    Ok(Credentials { user, password: SecretString::new(password) })
}

fn read_database(text: &str) -> Result<i64, &'static str> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = text.parse().ok().filter(|number| (0..=MAX_DATABASE).contains(number));
    number.ok_or("its database is no number")
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host(text: &str, default_port: u16) -> Result<(String, u16), &'static str> {
    const WRONG: &str = "a host or a port in it cannot be read";
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(WRONG)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or(WRONG)?,
        None if port.is_empty() => default_port,
        None => return Err(WRONG),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(WRONG);
    }
    Ok((host.to_owned(), port))
}

/// Undoes percent-encoding.
pub(crate) fn decode(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "a % in it is not followed by two hexadecimal digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit().ok_or(WRONG)?, digit().ok_or(WRONG)?);
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| WRONG)?);
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}
