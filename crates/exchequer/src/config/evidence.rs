//! The log: under which name it is known, and where its checkpoints and its leaves are kept besides the database.

use std::path::PathBuf;
use std::sync::Arc;

use merkle::WitnessKey;
use merkle::note::is_name;
use vault::SecretString;

use super::address::check_origin;
use super::reading::{Reading, quoted};

#[derive(Clone)]
pub struct Evidence {
    /// The log's name, in checkpoints and in front of their key.
    pub origin: String,
    /// Where checkpoints are appended; none: nowhere, and a database that was rolled back as a whole is not noticed.
    pub checkpoint_file: Option<PathBuf>,
    /// Who else keeps the newest one, and signs it.
    pub witness: Option<WitnessAddress>,
    /// Who else is sent the trail while it is written.
    pub trail: Option<TrailAddress>,
    /// Days after which a closed customer is erased and their salt destroyed; 0: never.
    pub salt_days: u32,
}

/// A witness (C2SP `tlog-witness`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessAddress {
    /// In front of `/add-checkpoint`.
    pub url: String,
    pub key: WitnessKey,
}

/// A collector of leaves.
#[derive(Clone)]
pub struct TrailAddress {
    pub url: String,
    /// What it knows the bank by.
    pub token: Option<Arc<SecretString>>,
}

const MAX_ORIGIN_CHARACTERS: usize = 255;

pub(super) fn read(reading: &mut Reading, public_url: &str) -> Evidence {
    let given = reading.text("evidence_origin").filter(|origin| !origin.is_empty());
    if let Some(origin) = &given
        && (!is_name(origin) || origin.chars().count() > MAX_ORIGIN_CHARACTERS)
    {
        let wrong = format!("no name that a checkpoint can have: {}", quoted(origin));
        let allowed = "up to 255 characters without blanks and plus, such as bank.example/log";
        reading.fault("evidence_origin", wrong, allowed);
    }
    Evidence {
        origin: given.unwrap_or_else(|| origin_of(public_url)),
        checkpoint_file: reading.path("evidence_checkpoint_file"),
        witness: witness(reading),
        trail: trail(reading),
        salt_days: reading.integer("evidence_salt_days"),
    }
}

fn witness(reading: &mut Reading) -> Option<WitnessAddress> {
    let url = reading.text("evidence_witness_url").filter(|url| !url.is_empty());
    let key = reading.text("evidence_witness_key").filter(|key| !key.is_empty());
    let (url, key) = match (url, key) {
        (None, None) => return None,
        (Some(url), Some(key)) => (url, key),
        (Some(_), None) => {
            let allowed = "name+hash+key, as the witness publishes it";
            reading.fault("evidence_witness_key", "not given, and there is a witness", allowed);
            return None;
        }
        (None, Some(_)) => {
            let allowed = "an address such as https://witness.example";
            reading.fault("evidence_witness_url", "not given, and there is a key", allowed);
            return None;
        }
    };
    if let Err(wrong) = check_prefix(&url) {
        let wrong = format!("{} {wrong}", quoted(&url));
        reading.fault("evidence_witness_url", wrong, "an address such as https://witness.example");
    }
    let Ok(key) = key.parse() else {
        let wrong = format!("no key of a witness: {}", quoted(&key));
        let allowed =
            "name+hash+key, as the witness publishes it; the key is of type 4 (cosignature/v1)";
        reading.fault("evidence_witness_key", wrong, allowed);
        return None;
    };
    Some(WitnessAddress { url, key })
}

fn trail(reading: &mut Reading) -> Option<TrailAddress> {
    let url = reading.text("evidence_trail_url").filter(|url| !url.is_empty());
    let token = reading.secret("evidence_trail_token").filter(|token| !token.expose().is_empty());
    let allowed = "an address such as https://logs.example/bank";
    let Some(url) = url else {
        if token.is_some() {
            let wrong = "given without evidence_trail_url";
            reading.fault("evidence_trail_token", wrong, "a token beside an address");
        }
        return None;
    };
    let is_visible = |token: &SecretString| token.expose().bytes().all(|b| b.is_ascii_graphic());
    if token.as_ref().is_some_and(|token| !is_visible(token)) {
        let wrong = "has characters that no header takes";
        reading.fault("evidence_trail_token", wrong, "visible ASCII characters without blanks");
    }
    if let Err(wrong) = check_prefix(&url) {
        reading.fault("evidence_trail_url", format!("{} {wrong}", quoted(&url)), allowed);
    }
    Some(TrailAddress { url, token: token.map(Arc::new) })
}

/// An origin, and a path behind it where the witness has one.
pub(super) fn check_prefix(url: &str) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    check_origin(&format!("{scheme}://{authority}"))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !path.chars().all(is_plain) || url.ends_with('/') {
        return Err("has more than a plain path, or ends with a slash".to_owned());
    }
    Ok(())
}

/// The address without its scheme, as C2SP `tlog-checkpoint` advises.
pub(super) fn origin_of(public_url: &str) -> String {
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    format!("{host}/v1/log")
}
