//! The master key in OpenBao's or Vault's Transit engine: where, which, and who asks.

use std::sync::Arc;

use super::address::check_origin;
use super::certificates;
use super::reading::{Reading, quoted};
use super::sources::read_text;
use crate::keys::transit::TransitAddress;

/// Parts of a path and headers are made of these values.
const MAX_NAME_CHARACTERS: usize = 128;
/// `master_key_transit_key` is a name in Transit, hence the longer one of the key's file.
const OWN: (&str, &str) =
    ("master_key_transit_certificate_file", "master_key_transit_certificate_key_file");

pub(super) fn read(reading: &mut Reading) -> Option<TransitAddress> {
    let url = reading.text("master_key_transit_url");
    let mount = reading.text("master_key_transit_mount").unwrap_or_default();
    let key = reading.text("master_key_transit_key");
    let token = reading.secret("master_key_transit_token");
    let namespace = reading.text("master_key_transit_namespace");
    let authorities = read_authorities(reading);
    let own = certificates::read_own(reading, OWN);
    let url = url?;
    if reading.demo {
        let wrong = "a demo bank has a key of its own";
        reading.fault("master_key_transit_url", wrong, "unset, for a demo bank");
        return None;
    }
    if let Err(wrong) = check_origin(&url) {
        let allowed = "https://host or https://host:port, no path; http for this machine only";
        reading.fault("master_key_transit_url", format!("{} {wrong}", quoted(&url)), allowed);
    }
    if own.is_some() && !url.starts_with("https://") {
        let wrong = "given for an address without TLS, so that nobody is shown it";
        reading.fault(OWN.0, wrong, "with https://, or unset");
    }
    check_name(reading, "master_key_transit_mount", &mount);
    if let Some(key) = &key {
        check_name(reading, "master_key_transit_key", key);
    } else {
        reading.fault("master_key_transit_key", "not given", "the name of a key in Transit");
    }
    if let Some(namespace) = &namespace {
        check_name(reading, "master_key_transit_namespace", namespace);
    }
    match &token {
        None => {
            reading.fault("master_key_transit_token", "not given", "a token that may use the key");
        }
        Some(token) if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
            let wrong = "the value (not shown) has characters that no header takes";
            reading.fault("master_key_transit_token", wrong, "a token that may use the key");
        }
        Some(_) => {}
    }
    let (key, token) = (key?, Arc::new(token?));
    Some(TransitAddress { url, mount, key, token, namespace, authorities, own })
}

fn check_name(reading: &mut Reading, setting: &str, name: &str) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let parts_are_whole = name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if name.len() > MAX_NAME_CHARACTERS || !name.bytes().all(is_plain) || !parts_are_whole {
        let allowed = "letters, digits, - _ . and / between parts";
        reading.fault(setting, format!("{} is no name", quoted(name)), allowed);
    }
}

fn read_authorities(reading: &mut Reading) -> Option<Arc<str>> {
    let path = reading.path("master_key_transit_ca_file")?;
    let wrong = match read_text(&path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => return Some(Arc::from(text)),
        Ok(_) => "it holds no certificate".to_owned(),
        Err(wrong) => wrong,
    };
    let wrong = format!("{}: {wrong}", path.display());
    reading.fault("master_key_transit_ca_file", wrong, "a file of certificates in PEM");
    None
}
