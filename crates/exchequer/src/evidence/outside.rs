//! The second place: checkpoints outside the database, so that a database that was put back as a whole is noticed.
//!
//! A file, one note after the other with an empty line between them, synced before the next one. Before a node first
//! writes it holds the file's last note against its own log: a log that is shorter, or has another root at that size,
//! is not the one that was written there, and then nothing is added to it until an operator has looked. A note that
//! was torn by a crash is cut off. Failing is told (health, log, one event), blocks no money, and is tried again each
//! second. Past [`ROTATED_AT`] bytes the file is put aside under the size of its last note. Never: a note removed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ::store::DbError;
use merkle::{Checkpoint, Note, VerifierKey, root_of};
use money::Timestamp;
use vault::Keyring;

use super::status::Status;
use super::store as log;
use crate::bank::Bank;
use crate::events;

/// Some 20,000 notes.
const ROTATED_AT: u64 = 4 << 20;

/// What a node has written there.
#[derive(Debug, Default)]
pub struct Outside {
    /// The size of the last note, once the file was held against the log.
    written: Option<u64>,
}

/// Who keeps checkpoints, or the trail, besides the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    File,
    Witness,
    Trail,
}

impl Keeper {
    /// As events call it.
    const fn name(self) -> &'static str {
        match self {
            Self::File => "checkpoint_file",
            Self::Witness => "witness",
            Self::Trail => "trail",
        }
    }

    fn fails(self, status: &mut Status) -> &mut Option<(Timestamp, String)> {
        match self {
            Self::File => &mut status.outside_fails,
            Self::Witness => &mut status.witness_fails,
            Self::Trail => &mut status.trail_fails,
        }
    }
}

/// Keeps the newest checkpoint there, if it is not there yet.
pub async fn keep(bank: &Bank, outside: &mut Outside) -> Result<(), DbError> {
    let Some(path) = bank.config().evidence.checkpoint_file.clone() else { return Ok(()) };
    let Some(newest) = bank.db().read("log.checkpoint", log::checkpoint).await? else {
        return Ok(());
    };
    if outside.written == Some(newest.size) {
        return Ok(());
    }
    if outside.written.is_none() {
        match check(bank, &path, newest.size).await? {
            Ok(None) => {}
            Ok(Some(size)) => outside.written = Some(size),
            Err(why) => return fail(bank, Keeper::File, why).await,
        }
    }
    if outside.written == Some(newest.size) {
        return recover(bank, Keeper::File).await;
    }
    let note = newest.note.clone();
    let appended = tokio::task::spawn_blocking(move || append(&path, &note, newest.size)).await;
    match appended {
        Ok(Ok(())) => {
            outside.written = Some(newest.size);
            recover(bank, Keeper::File).await
        }
        Ok(Err(error)) => {
            // What is in the file is looked at anew.
            outside.written = None;
            let why = format!("the file of checkpoints cannot be written: {error}");
            fail(bank, Keeper::File, why).await
        }
        Err(error) => Err(DbError::Panicked(error.to_string())),
    }
}

/// All whole notes of a file's text, and where the last one ends.
pub fn notes(text: &str) -> (Vec<String>, usize) {
    let (mut notes, mut end, mut from) = (Vec::new(), 0, 0);
    while let Some(rest) = text.get(from..) {
        let Some(head) = rest.find("\n\n") else { break };
        let Some(tail) = rest.get(head.saturating_add(2)..) else { break };
        let Some(signatures) = tail.find("\n\n") else { break };
        let length = head.saturating_add(signatures).saturating_add(3);
        let Some(note) = rest.get(..length) else { break };
        notes.push(note.to_owned());
        from = from.saturating_add(length).saturating_add(1);
        end = from;
    }
    (notes, end)
}

/// The keys that sign for a log of a name: all versions.
pub fn keys_for(origin: &str, keys: &Keyring) -> Vec<VerifierKey> {
    let each = keys.log_keys().iter();
    each.filter_map(|key| VerifierKey::new(origin, *key.public_key())).collect()
}

/// What a note says, if the bank has signed it, whatever the log was called then.
pub fn own_checkpoint(note: &str, keys: &Keyring) -> Result<Checkpoint, String> {
    let origin = Note::parse(note)
        .ok()
        .and_then(|note| Checkpoint::parse(note.unverified_text()).ok())
        .map(|checkpoint| checkpoint.origin)
        .ok_or("it is not a checkpoint")?;
    Checkpoint::verified(note, &keys_for(&origin, keys)).map_err(|error| error.to_string())
}

/// Holds the last note of the file against the log: its size, none for a new file, or what is wrong.
async fn check(
    bank: &Bank,
    path: &Path,
    size: u64,
) -> Result<Result<Option<u64>, String>, DbError> {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || last_note(&file)).await;
    let last = match read {
        Ok(Ok(last)) => last,
        Ok(Err(error)) => {
            return Ok(Err(format!("the file of checkpoints cannot be read: {error}")));
        }
        Err(error) => return Err(DbError::Panicked(error.to_string())),
    };
    let Some(last) = last else { return Ok(Ok(None)) };
    let kept = match own_checkpoint(&last, &bank.tools().keyring()) {
        Ok(kept) => kept,
        Err(why) => return Ok(Err(format!("the last note of the file of checkpoints: {why}"))),
    };
    if kept.size > size {
        return Ok(Err(format!(
            "the file of checkpoints knows a log of {}, and the database has one of {size}: it was rolled back",
            kept.size
        )));
    }
    let of = kept.size;
    let root =
        bank.db().read("log.root", move |tx| Ok(root_of(of, |id| log::tile(tx, id)))).await?;
    let root = root.map_err(|error: merkle::ProofError<DbError>| match error {
        merkle::ProofError::Read(error) => error,
        other => DbError::Corrupt(format!("the log: {other}")),
    })?;
    if root != kept.root {
        return Ok(Err(format!(
            "the file of checkpoints knows another root of the first {of} leaves: this is another history"
        )));
    }
    Ok(Ok(Some(of)))
}

/// The last whole note; what is torn behind it is cut off.
fn last_note(path: &Path) -> io::Result<Option<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut notes, end) = notes(&text);
    if end < text.len() {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(u64::try_from(end).map_err(io::Error::other)?)?;
        file.sync_all()?;
    }
    Ok(notes.pop())
}

fn append(path: &Path, note: &str, size: u64) -> io::Result<()> {
    let is_long = fs::metadata(path).is_ok_and(|file| file.len() > ROTATED_AT);
    if is_long {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{size}"));
        fs::rename(path, PathBuf::from(aside))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{note}\n").as_bytes())?;
    file.sync_all()
}

/// Tells, once until it recovers, that somebody has not kept what is newest.
pub(super) async fn fail(bank: &Bank, keeper: Keeper, why: String) -> Result<(), DbError> {
    let now = bank.tools().now();
    let is_new = {
        let mut status = bank.sequencer().status();
        let fails = keeper.fails(&mut status);
        // The event is a row of the log, too: telling it each time would never end.
        let is_new = fails.is_none();
        fails.get_or_insert_with(|| (now, why.clone()));
        is_new
    };
    if !is_new {
        return Ok(());
    }
    tracing::error!(
        why,
        keeper = keeper.name(),
        "what is newest of the log is not kept outside the database"
    );
    note(bank, keeper, "failed").await
}

pub(super) async fn recover(bank: &Bank, keeper: Keeper) -> Result<(), DbError> {
    let failed = keeper.fails(&mut bank.sequencer().status()).take();
    if failed.is_none() {
        return Ok(());
    }
    tracing::info!(
        keeper = keeper.name(),
        "what is newest of the log is kept outside the database again"
    );
    note(bank, keeper, "done").await
}

async fn note(bank: &Bank, keeper: Keeper, outcome: &'static str) -> Result<(), DbError> {
    let act = bank.system_act(super::NAME);
    let record = move |tx: &mut ::store::Tx<'_>| {
        events::record(tx, &act, "log.kept_outside", keeper.name(), outcome, None)
    };
    bank.db().write("log.outside", record).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_notes_are_found_and_a_torn_one_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoints.txt");
        assert_eq!(last_note(&path).expect("no file"), None);
        let (first, second) =
            ("a\n1\nx\n\n\u{2014} a b\n", "a\n2\ny\n\n\u{2014} a c\n\u{2014} w d\n");
        append(&path, first, 1).expect("appends");
        append(&path, second, 2).expect("appends");
        let whole = fs::read_to_string(&path).expect("reads");
        let (found, end) = notes(&whole);
        assert_eq!((found, end), (vec![first.to_owned(), second.to_owned()], whole.len()));
        for cut in 0..whole.len() {
            let Some(torn) = whole.get(..cut) else { continue };
            fs::write(&path, torn).expect("writes");
            let last = last_note(&path).expect("reads");
            let expected = if cut > first.len() { Some(first.to_owned()) } else { None };
            assert_eq!(last, expected, "{cut}");
            append(&path, second, 2).expect("appends");
            let (found, _) = notes(&fs::read_to_string(&path).expect("reads"));
            assert_eq!(found.last().map(String::as_str), Some(second), "{cut}");
        }
    }

    #[test]
    fn a_long_file_is_put_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoints.txt");
        fs::write(&path, vec![b'\n'; (4 << 20) + 1]).expect("writes");
        append(&path, "a\n1\nx\n\n\u{2014} a b\n", 7).expect("appends");
        assert!(folder.path().join("checkpoints.txt.7").exists());
        assert!(fs::metadata(&path).expect("is there").len() < 100);
    }
}
