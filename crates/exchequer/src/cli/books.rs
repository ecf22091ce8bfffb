//! `verify`, `backup`, `restore`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use merkle::VerifierKey;
use money::{Clock, Timestamp};
use serde_json::json;
use store::backup::{self, BackupError, Counts};
use store::{Db, DbError, Tx};
use tokio::runtime::Runtime;

use super::setup::{make_key_file, make_room};
use super::{Failure, Place, columns, runtime, say, seconds};
use crate::config::{Config, DatabaseUrl};
use crate::events::commands::Command;
use crate::evidence::outside::notes;
use crate::evidence::receipt::Receipt;
use crate::keys::{self, database};
use crate::serve::{StartError, database_options, encrypted_file, master_key, open_database};
use crate::verify::{self, Report, Trust};
use vault::Keyring;
use vault::redaction::redact;

/// What a bank is verified with besides its own database.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    /// A file of checkpoints, instead of the configured one.
    pub checkpoints: Option<PathBuf>,
    /// The key that they are signed with, where the bank's own keys are not at hand.
    pub key: Option<VerifierKey>,
}

/// `exchequer verify`: the books, the events and the log of a bank, serving or not.
pub fn verify(place: &Place, witnesses: &Witnesses, json: bool) -> Result<(), Failure> {
    let undecided = |failure| match failure {
        Failure::Said(text) => Failure::Undecided(format!("not verified: {text}")),
        other => other,
    };
    let config = place.load().map_err(undecided)?;
    let started = now();
    let report = look(&config, witnesses).map_err(undecided)?;
    let elapsed_us = now().micros_since(started);
    let text = if json {
        let elapsed_ms = elapsed_us / 1_000;
        let outcome = match &report {
            Report::Right(summary) => {
                json!({ "ok": true, "summary": summary, "elapsed_ms": elapsed_ms })
            }
            Report::Wrong(finding) => {
                json!({ "ok": false, "finding": finding, "elapsed_ms": elapsed_ms })
            }
        };
        format!("{outcome}\n")
    } else {
        format!("{report}Verified in {}: {}\n", seconds(elapsed_us), named(&config))
    };
    say(&text)?;
    judged(&report)
}

/// `exchequer backup FILE`.
pub fn backup(place: &Place, file: &Path) -> Result<(), Failure> {
    let config = place.load()?;
    let started = now();
    let options = runtime()?.block_on(database_options(&config))?;
    if let Some(bank) = encrypted_file(&config) {
        database::copy(bank, file)?;
    }
    let counts = backup::backup(&options, file, started).inspect_err(|_| {
        if options.file_key.is_some()
            && let Err(error) = std::fs::remove_file(database::path_of(file))
        {
            tracing::warn!(%error, "the key file of a backup that was not made is left");
        }
    })?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let noted = note_backup(&config, file, (&counts, size));
    let elapsed = seconds(now().micros_since(started));
    say(&format!(
        "Backed up {} to {}: {} rows, {} KiB, {elapsed}\n{}",
        named(&config),
        file.display(),
        counts.total(),
        size / 1_024,
        listed(&counts)
    ))?;
    let trust = Trust::nothing(now());
    let copy = (file, options.file_key.as_ref());
    let report: Report = backup::read_file(copy, "verify", |tx| verify::everything_in(tx, &trust))
        .map_err(|error: DbError| {
            Failure::Said(format!("the copy is there and was not verified: {error}"))
        })?;
    say(&format!(
        "The copy was read back and counted, and its books replayed. {report}{KEY_HINT}{}",
        if options.file_key.is_some() { KEY_FILE_HINT } else { "" }
    ))?;
    // The copy is good all the same: on a full disk it may be the last one.
    if let Err(failure) = noted {
        say(&format!("That it was made does NOT stand in the bank's trail: {failure}\n"))?;
    }
    judged(&report)
}

/// Records in the bank that a copy of it was made; the copy itself does not have this event.
fn note_backup(
    config: &Config,
    file: &Path,
    (counts, bytes): (&Counts, u64),
) -> Result<(), StartError> {
    let after = json!({
        "file": name_of(file), "rows": counts.total(), "bytes": bytes,
        "encrypted": encrypted_file(config).is_some(),
    });
    let runtime = Runtime::new().map_err(StartError::Threads)?;
    let db = runtime.block_on(open_database(config))?;
    let command = Command::of_process("exchequer backup");
    let record = move |tx: &mut Tx<'_>| command.record(tx, ("backup.made", "backup"), &after);
    let written: Result<(), DbError> = runtime.block_on(db.write("backup.note", record));
    db.close();
    Ok(written?)
}

/// Without its folder, and without what looks like a secret.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    redact(&name).into_owned()
}

/// `exchequer restore FILE`, into an absent or empty database.
pub fn restore(place: &Place, file: &Path) -> Result<(), Failure> {
    let config = place.load()?;
    let started = now();
    let (options, key) = runtime()?.block_on(async {
        let key = if database::is_there(file) {
            Some(database::open(&master_key(&config)?, file).await?)
        } else {
            None
        };
        make_room(&config)?;
        if encrypted_file(&config).is_some() {
            make_key_file(&config, &master_key(&config)?).await?;
        }
        Ok::<_, StartError>((database_options(&config).await?, key))
    })?;
    let command = Command::of_process("exchequer restore");
    let name = name_of(file);
    let note = move |tx: &mut Tx<'_>, counts: &Counts| {
        let after = json!({ "file": name, "rows": counts.total() });
        command.record(tx, ("backup.restored", "backup"), &after)
    };
    let restored = backup::restore_noted(&options, (file, key.as_ref()), started, note);
    let counts = restored.map_err(|error| {
        let advice = match &error {
            BackupError::NotEmpty { .. } => EMPTY_HINT,
            BackupError::NoBank { .. }
            | BackupError::Exists { .. }
            | BackupError::File { .. }
            | BackupError::NotABackup { .. }
            | BackupError::Differs { .. }
            | BackupError::Db(_) => "",
        };
        Failure::Said(format!("{error}{advice}"))
    })?;
    let elapsed = seconds(now().micros_since(started));
    say(&format!(
        "Restored {} into {}: {} rows, {elapsed}\n{}",
        file.display(),
        named(&config),
        counts.total(),
        listed(&counts)
    ))?;
    // What was kept outside knows what happened after the backup, and would call this a rollback, which it is.
    let report = look_without(&config)?;
    say(&format!("{report}{KEY_HINT}"))?;
    judged(&report)
}

const KEY_HINT: &str = "The master key is not part of it: keep the key file in another safe place. \
     Without that very key nobody opens the sealed values again.\n";

const KEY_FILE_HINT: &str = "It is encrypted as the bank is, and the key of the file, wrapped by the master key, is \
     beside it (FILE.key): keep both.\n";

const EMPTY_HINT: &str = ".\nA bank that `exchequer migrate` or `serve` has touched is not empty. \
     Move its database away, or name a new one (EXCHEQUER_DATABASE_URL), and restore before migrating";

fn look(config: &Config, witnesses: &Witnesses) -> Result<Report, Failure> {
    let outside = outside(config, witnesses)?;
    let runtime = runtime()?;
    let db = runtime.block_on(open_database(config))?;
    let report = runtime.block_on(async {
        let keys = open_keys(config, &db).await;
        let verifier = witnesses.key.clone();
        let trust = Trust { keys: keys.map(Arc::new), verifier, outside, now: now() };
        Ok::<_, Failure>(verify::run_with(&db, trust).await?)
    });
    db.close();
    report
}

fn look_without(config: &Config) -> Result<Report, Failure> {
    let runtime = runtime()?;
    let db = runtime.block_on(open_database(config))?;
    let report = runtime.block_on(verify::run(&db));
    db.close();
    Ok(report?)
}

/// Checkpoints that were kept outside the database: all of the file that was named, or of the configured one, if it is
/// there.
fn outside(config: &Config, witnesses: &Witnesses) -> Result<Vec<String>, Failure> {
    let named = witnesses.checkpoints.as_ref();
    let file = named.or(config.evidence.checkpoint_file.as_ref());
    let Some(file) = file.filter(|file| named.is_some() || file.exists()) else {
        return Ok(Vec::new());
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Said(format!("{}: {error}", file.display())))?;
    let (notes, _) = notes(&text);
    if notes.is_empty() && named.is_some() {
        return Err(Failure::Said(format!("{} has no checkpoint in it", file.display())));
    }
    Ok(notes)
}

/// The bank's keys; none where they do not open, as for somebody who has a copy only. How much was checked with them is
/// told by the report.
async fn open_keys(config: &Config, db: &Db) -> Option<Keyring> {
    let master = master_key(config).ok()?;
    let rows = db.read("keys.list", keys::list).await.ok()?;
    master.keyring(&rows, now()).await.ok()
}

fn judged(report: &Report) -> Result<(), Failure> {
    match report {
        Report::Right(_) => Ok(()),
        Report::Wrong(_) => Err(Failure::Shown),
    }
}

/// The database, without any password.
fn named(config: &Config) -> String {
    match &config.database.url {
        DatabaseUrl::Sqlite { path } => path.display().to_string(),
        DatabaseUrl::Postgres { .. } => "the PostgreSQL database".to_owned(),
    }
}

fn listed(counts: &Counts) -> String {
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|(table, rows)| vec![String::new(), table.to_owned(), format!("{rows:>12}")])
        .collect();
    columns(&rows)
}

fn now() -> Timestamp {
    Clock::System.now()
}

/// A key as it is handed out: `name+hash+key`.
pub fn verifier_key(text: &str) -> Result<VerifierKey, Failure> {
    text.parse().map_err(|error| Failure::Said(format!("--key: {error}")))
}

/// `exchequer receipt verify FILE --key KEY`: without a bank.
pub fn verify_receipt(file: &Path, key: &str) -> Result<(), Failure> {
    let key = verifier_key(key)?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Said(format!("{}: {error}", file.display())))?;
    let receipt = Receipt::verify(&text, &key)
        .map_err(|error| Failure::Said(format!("{}: {error}", file.display())))?;
    say(&receipt.to_string())?;
    Ok(())
}
