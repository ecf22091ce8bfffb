//! The address of Redis: whether the way there is safe, and the cache that it becomes.
//!
//! [`store::cache::RedisAddress`] reads the address; here only what decides safety is looked at. What
//! passes there are limits, ids of ended sessions and hashes; but who could write there could lift the
//! limits, so any other host needs TLS, and a password or a certificate of the bank's. No error holds any part of an
//! address.

use super::address::is_this_machine;
use super::certificates;
use super::database::WELL_KNOWN;
use super::reading::Reading;
use super::sources::read_text;
use std::path::PathBuf;
use std::sync::Arc;
use store::cache::{Cache, RedisAddress, RedisOptions};
use tls::OwnFiles;
use vault::SecretString;

/// Where fast state is, for all nodes.
#[derive(Clone)]
pub struct Redis {
    /// Checked; it may hold a password.
    url: Arc<SecretString>,
    pub ca_file: Option<PathBuf>,
    authorities: Option<Arc<str>>,
    /// What the bank shows to a server that asks who calls.
    pub own: Option<OwnFiles>,
    /// Before every key, instead of the bank's own: tests.
    pub prefix: Option<String>,
}

const FORMS: &str = "redis://host:port/database, redis+sentinel://host:port,host:port/service or \
                     redis+cluster://host:port,host:port; with TLS (rediss) to another machine";

impl Redis {
    /// For tests: a Redis of this machine, under a prefix of the test's own.
    pub fn of_test(url: &str, prefix: &str) -> Result<Self, String> {
        check(url, false)?;
        let url = Arc::new(SecretString::new(url.to_owned()));
        let prefix = Some(prefix.to_owned());
        Ok(Self { url, ca_file: None, authorities: None, own: None, prefix })
    }

    /// Inside a tokio runtime: the cache begins to connect.
    pub(crate) fn cache(&self, prefix: String) -> Cache {
        let authorities = self.authorities.as_ref().map(|text| text.as_bytes().to_vec());
        let address = RedisAddress::parse(self.url.expose())
            .unwrap_or_else(|_| unreachable!("the address was checked when it was read"));
        Cache::redis(RedisOptions { address, authorities, own: self.own.clone(), prefix })
    }
}

/// With the address that was made of `listen` where none is given; empty where that is a fault already.
pub(super) fn read(reading: &mut Reading, public_url: &str) -> Option<Redis> {
    let ca_file = reading.path("redis_ca_file");
    let authorities = ca_file.as_ref().and_then(|path| match read_text(path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Some(Arc::from(text)),
        Ok(_) => {
            let wrong = format!("{}: it holds no certificate", path.display());
            reading.fault("redis_ca_file", wrong, "a file of certificates in PEM");
            None
        }
        Err(wrong) => {
            let wrong = format!("{}: {wrong}", path.display());
            reading.fault("redis_ca_file", wrong, "a file of certificates in PEM");
            None
        }
    });
    let own = certificates::read_own(reading, ("redis_certificate_file", "redis_key_file"));
    let shows_certificate = reading.is_given("redis_certificate_file");
    let Some(url) = reading.secret("redis_url") else {
        if own.is_some() {
            let wrong = "given without redis_url, so that nobody is shown it";
            reading.fault("redis_certificate_file", wrong, "with redis_url, or unset");
        }
        return None;
    };
    if let Err(wrong) = check(url.expose(), shows_certificate) {
        reading.fault("redis_url", format!("the value (not shown): {wrong}"), FORMS);
        return None;
    }
    // A Redis is for several nodes. A demo is one process.
    if !reading.is_given("http_public_url") && !public_url.is_empty() && !reading.demo {
        let wrong = "not given, and redis_url says that there are several nodes: each would sign \
                     tokens with the address that it listens on as issuer, and refuse the others'";
        let allowed = "https://host or https://host:port, as callers name the bank, the same on \
                       all nodes; http for this machine only";
        reading.fault("http_public_url", wrong, allowed);
    }
    Some(Redis { url: Arc::new(url), ca_file, authorities, own, prefix: None })
}

/// The servers that Sentinels name are looked at when they do (`store::cache`).
fn check(url: &str, shows_certificate: bool) -> Result<(), String> {
    let address = RedisAddress::parse(url)?;
    if shows_certificate && !address.tls {
        return Err("without TLS (rediss) nobody is shown redis_certificate_file".to_owned());
    }
    if address.hosts.iter().all(|(host, _)| is_this_machine(host)) {
        return Ok(());
    }
    if !address.tls {
        return Err("a server on another machine needs TLS (rediss)".to_owned());
    }
    let password = address.servers.password.expose();
    if password.is_empty() && !shows_certificate {
        let wrong = "a server on another machine needs a password, or redis_certificate_file";
        return Err(wrong.to_owned());
    }
    let is_tried_first = password == address.servers.user || WELL_KNOWN.contains(&password);
    if !password.is_empty() && is_tried_first {
        return Err("a server on another machine has a password that everybody tries first".into());
    }
    Ok(())
}
