//! The database is lost, and a backup restored: a bank with [`Scene::transfers`] in it, and some that came after. Once in
//! a file, once on a PostgreSQL of the drill's own.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::bank::{Bank, LIMIT, PACE, QUICK, output};
use super::disk::expect;
use super::watch::{after, metric, state};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::postgres::Server;
use crate::process::now;
use crate::smoke::succeed;

/// Of one request.
const BATCH: u64 = 5_000;
/// Acknowledged after the backup, and so not in it.
const LATER: u64 = 5;
/// A hundred thousand leaves, by a debug build.
const LOG_LIMIT: Duration = Duration::from_mins(3);
pub const DATABASE: &str = "EXCHEQUER_DATABASE_URL";
const DONE: &str =
    "`restore` with the old key, a start; then the old file of checkpoints moved away, and a start";

pub fn in_a_file(scene: &Scene<'_>) -> Result<Found> {
    let mut bank = Bank::seeded(scene)?;
    let found = lost_and_restored(&mut bank, scene, |bank| {
        for name in ["bank.db", "bank.db-wal", "bank.db-shm"] {
            let path = bank.folder.join(name);
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    })?;
    Ok(Found { broken: "SQLite: SIGKILL, and the database's files deleted", ..found })
}

/// Its people come from the file by a backup, as a bank that goes back would.
pub fn on_postgres(scene: &Scene<'_>) -> Result<Found> {
    let mut bank = Bank::seeded(scene)?;
    let server = Server::start(scene.guard, true)?;
    let people = scene.guard.folder().join("people.bank").display().to_string();
    succeed("exchequer backup", bank.output(&["backup", &people])?.status)?;
    brought(&mut bank, &people, &server)?;
    query(&server, "CREATE DATABASE second")?;
    let found = lost_and_restored(&mut bank, scene, |bank| {
        bank.set(DATABASE, address(&server, "second"));
        Ok(())
    })?;
    Ok(Found { broken: "PostgreSQL: SIGKILL, and an empty database in its place", ..found })
}

/// Into a database of its own on the server, from a backup.
pub fn brought(bank: &mut Bank<'_>, people: &str, server: &Server<'_>) -> Result<()> {
    query(server, "CREATE DATABASE first")?;
    bank.set(DATABASE, address(server, "first"));
    succeed("exchequer restore", bank.output(&["restore", people])?.status)
}

fn lost_and_restored(
    bank: &mut Bank<'_>,
    scene: &Scene<'_>,
    lose: impl FnOnce(&mut Bank<'_>) -> Result<()>,
) -> Result<Found> {
    let checkpoints = scene.guard.folder().join("checkpoints.txt");
    bank.set("EXCHEQUER_EVIDENCE_CHECKPOINT_FILE", checkpoints.display().to_string());
    let (before, mut seen) = backed_up(bank, scene)?;
    bank.kill()?;
    lose(bank)?;
    let start = bank.output(&["serve"])?;
    seen.push(format!("a start without it ends with {}", start.status));

    bank.forget();
    let began = now();
    succeed("exchequer restore", bank.output(&["restore", &night(scene)])?.status)?;
    let read = seconds(began.elapsed());
    bank.serve()?;
    after("a customer who signs in", (LIMIT, QUICK), || bank.sign_in().map(|()| true))?;
    after("a transfer", (LIMIT, PACE), || Ok(bank.transfer()? == 201))?;
    let back = began.elapsed();
    let told =
        after("health that tells of it", (LIMIT, QUICK), || Ok(state(bank.metrics, "log")? == 1))?;
    seen.push(format!("`restore` took {read}, its look at all books with it"));
    seen.push(format!("ExchequerLogBehind's condition {} later", seconds(told)));
    seen.push(format!("the {LATER} transfers from after the backup are gone"));
    let (missing, acknowledged) = (bank.lost()?, bank.acknowledged());
    bank.stop()?;
    super::bank::rename(&checkpoints, &scene.guard.folder().join("checkpoints.before"))?;
    bank.serve()?;
    after("a log that is well", (LIMIT, QUICK), || Ok(state(bank.metrics, "log")? == 0))?;
    bank.stop()?;
    let (now, _) = bank.verified()?;
    let lost = missing + before.saturating_sub(now.saturating_sub(acknowledged));
    Ok(Found { broken: "", seen, done: DONE, back, before, acknowledged, after: now, lost })
}

/// Makes the transfers, a backup while it serves, and some more; how many the backup has, and what was seen.
fn backed_up(bank: &mut Bank<'_>, scene: &Scene<'_>) -> Result<(u64, Vec<String>)> {
    bank.serve()?;
    bank.sign_in()?;
    let mut left = scene.transfers;
    while left > 0 {
        left = left.saturating_sub(bank.batch(left.min(BATCH))?.max(1));
    }
    let (count, _) = bank.verified()?;
    logged(bank, count)?;
    let began = now();
    let made = bank.output(&["backup", &night(scene)])?;
    succeed("exchequer backup", made.status)?;
    let took = seconds(began.elapsed());
    let size = fs::metadata(night(scene)).map_err(|error| error.to_string())?.len() >> 20;
    for _ in 0..LATER {
        expect(bank.transfer()?, 201, "a transfer after the backup")?;
    }
    // Checkpoints outside then know more than the backup.
    logged(bank, count + LATER)?;
    Ok((count, vec![format!("a backup of {size} MiB took {took} while it served")]))
}

/// Waits until the log has a leaf for so many transfers, and for the events beside them.
fn logged(bank: &Bank<'_>, transfers: u64) -> Result<()> {
    let mut last = 0;
    after("all transfers in the log", (LOG_LIMIT, Duration::from_secs(2)), || {
        let leaves = metric(bank.metrics, "exchequer_log_leaves")?;
        let stands = leaves == last;
        last = leaves;
        Ok(stands && leaves > transfers)
    })
    .map(drop)
}

fn night(scene: &Scene<'_>) -> String {
    scene.guard.folder().join("night.bank").display().to_string()
}

/// Of a database of the server.
pub fn address(server: &Server<'_>, name: &str) -> String {
    let url = server.url();
    let stem = url.rsplit_once('/').map_or(url, |(stem, _)| stem);
    format!("{stem}/{name}")
}

/// A statement of a superuser; the password goes by the environment, which others cannot read.
pub fn query(server: &Server<'_>, statement: &str) -> Result<()> {
    let parts = || {
        let (_, rest) = server.url().split_once("://")?;
        let (person, place) = rest.split_once('@')?;
        let ((user, password), (host, port)) = (person.split_once(':')?, place.split_once(':')?);
        Some([
            ("PGUSER", user),
            ("PGPASSWORD", password),
            ("PGHOST", host),
            ("PGPORT", port.split('/').next()?),
        ])
    };
    let mut command = Command::new("psql");
    command.env("PATH", server.search_path()).envs(parts().ok_or("an odd address")?);
    command.args(["-d", "postgres", "-c", statement]);
    succeed("psql", output(&mut command)?.status)
}
