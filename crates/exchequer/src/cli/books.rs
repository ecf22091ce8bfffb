//! `verify`, `backup`, `restore`.

use std::path::Path;

use money::{Clock, Timestamp};
use serde_json::json;
use store::DbError;
use store::backup::{self, BackupError, Counts};

use super::setup::make_room;
use super::{Failure, Place, columns, runtime, say, seconds};
use crate::config::{Config, DatabaseUrl};
use crate::serve::{open_database, store_options};
use crate::verify::{self, Report};

/// `exchequer verify`: the books and the event log of a bank, serving or not.
pub fn verify(place: &Place, json: bool) -> Result<(), Failure> {
    let undecided = |failure| match failure {
        Failure::Said(text) => Failure::Undecided(format!("not verified: {text}")),
        other => other,
    };
    let config = place.load().map_err(undecided)?;
    let started = now();
    let report = look(&config).map_err(undecided)?;
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
    let counts = backup::backup(&store_options(&config), file, started)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let elapsed = seconds(now().micros_since(started));
    say(&format!(
        "Backed up {} to {}: {} rows, {} KiB, {elapsed}\n{}",
        named(&config),
        file.display(),
        counts.total(),
        size / 1_024,
        listed(&counts)
    ))?;
    let report: Report =
        backup::read_file(file, "verify", verify::everything_in).map_err(|error: DbError| {
            Failure::Said(format!("the copy is there and was not verified: {error}"))
        })?;
    say(&format!(
        "The copy was read back and counted, and its books replayed. {report}{KEY_HINT}"
    ))?;
    judged(&report)
}

/// `exchequer restore FILE`, into an absent or empty database.
pub fn restore(place: &Place, file: &Path) -> Result<(), Failure> {
    let config = place.load()?;
    let started = now();
    make_room(&config)?;
    let counts = backup::restore(&store_options(&config), file, started).map_err(|error| {
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
    let report = look(&config)?;
    say(&format!("{report}{KEY_HINT}"))?;
    judged(&report)
}

const KEY_HINT: &str = "The master key is not part of it: keep the key file in another safe place. \
     Without that very key nobody opens the sealed values again.\n";

const EMPTY_HINT: &str = ".\nA bank that `exchequer migrate` or `serve` has touched is not empty. \
     Move its database away, or name a new one (EXCHEQUER_DATABASE_URL), and restore before migrating";

fn look(config: &Config) -> Result<Report, Failure> {
    let db = open_database(config)?;
    let report = runtime()?.block_on(verify::run(&db));
    db.close();
    Ok(report?)
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
