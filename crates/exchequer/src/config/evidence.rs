//! The log: under which name it is known, and where its checkpoints are kept besides the database.

use std::path::PathBuf;

use merkle::note::is_name;

use super::reading::{Reading, quoted};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The log's name, in checkpoints and in front of their key.
    pub origin: String,
    /// Where checkpoints are appended; none: nowhere, and a database that was rolled back as a whole is not noticed.
    pub checkpoint_file: Option<PathBuf>,
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
    }
}

/// The address without its scheme, as C2SP `tlog-checkpoint` advises.
pub(super) fn origin_of(public_url: &str) -> String {
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    format!("{host}/v1/log")
}
