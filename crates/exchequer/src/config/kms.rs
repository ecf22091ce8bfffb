//! The master key in AWS KMS: which, in which region, and who asks.

use std::sync::Arc;

use super::address::check_origin;
use super::reading::{Reading, quoted};
use crate::keys::kms::KmsAddress;

/// AWS's own limit for the ARN of a key is 2,048; ids, aliases and ARNs in use are far shorter.
const MAX_NAME_CHARACTERS: usize = 256;

pub(super) fn read(reading: &mut Reading) -> Option<KmsAddress> {
    let key = reading.text("master_key_kms_key");
    let region = reading.text("master_key_kms_region");
    let url = reading.text("master_key_kms_url");
    let access_key_id = reading.text("master_key_kms_access_key_id");
    let secret = reading.secret("master_key_kms_secret_access_key");
    let session_token = reading.secret("master_key_kms_session_token");
    let key = key?;
    if reading.demo {
        let wrong = "a demo bank has a key of its own";
        reading.fault("master_key_kms_key", wrong, "unset, for a demo bank");
        return None;
    }
    check_name(reading, "master_key_kms_key", Some(&key));
    check_name(reading, "master_key_kms_region", region.as_deref());
    check_name(reading, "master_key_kms_access_key_id", access_key_id.as_deref());
    for (name, secret, is_needed) in [
        ("master_key_kms_secret_access_key", secret.as_ref(), true),
        ("master_key_kms_session_token", session_token.as_ref(), false),
    ] {
        let is_plain = |secret: &vault::SecretString| {
            secret.expose().bytes().all(|byte| byte.is_ascii_graphic())
        };
        if secret.is_none() && is_needed {
            reading.fault(name, "not given", "what AWS gave you with the access key");
        } else if secret.is_some_and(|secret| !is_plain(secret)) {
            let wrong = "the value (not shown) has characters that no secret of AWS has";
            reading.fault(name, wrong, "what AWS gave you with the access key");
        }
    }
    let region = region?;
    let url = url.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com"));
    if let Err(wrong) = check_origin(&url) {
        let allowed = "https://host or https://host:port, no path; http for this machine only";
        reading.fault("master_key_kms_url", format!("{} {wrong}", quoted(&url)), allowed);
    }
    Some(KmsAddress {
        url,
        region,
        key,
        access_key_id: access_key_id?,
        secret_access_key: Arc::new(secret?),
        session_token: session_token.map(Arc::new),
    })
}

fn check_name(reading: &mut Reading, setting: &str, name: Option<&str>) {
    let Some(name) = name else {
        reading.fault(setting, "not given", "as AWS names it");
        return;
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    if name.len() > MAX_NAME_CHARACTERS || !name.bytes().all(is_plain) {
        reading.fault(setting, format!("{} is no name", quoted(name)), "as AWS names it");
    }
}
