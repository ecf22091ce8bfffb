//! The file of the master key is lost while the bank serves; then it is another bank's; then it comes from the safe.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::bank::{Bank, LIMIT, PACE, QUICK, copy, output, rename, said};
use super::disk::expect;
use super::watch::{after, state};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::process::now;
use crate::smoke::succeed;
use crate::workspace::clean_environment;

pub fn run(scene: &Scene<'_>) -> Result<Found> {
    let mut bank = Bank::seeded(scene)?;
    let (before, _) = bank.verified()?;
    let key = bank.folder.join("master.key");
    let safe = scene.guard.folder().join("safe.key");
    bank.serve()?;
    bank.sign_in()?;
    expect(bank.transfer()?, 201, "a transfer before")?;

    rename(&key, &safe)?;
    bank.sign_in()?;
    expect(bank.transfer()?, 201, "a transfer of a bank that has its keys in memory")?;
    expect(bank.ready()?, 200, "/readyz of a bank that has its keys in memory")?;
    let health = state(bank.metrics, "keys")?;
    bank.stop()?;
    let gone = refusal(&bank)?;

    let other = scene.guard.folder().join("other");
    let mut init = Command::new(&scene.binary);
    clean_environment(&mut init).arg("init").arg(&other);
    succeed("exchequer init", output(&mut init)?.status)?;
    copy(&other.join("master.key"), &key)?;
    let wrong = refusal(&bank)?;
    let (books, _) = bank.verified()?;
    let file = scene.guard.folder().join("without.bank");
    let backup = bank.output(&["backup", &file.display().to_string()])?;
    succeed("a backup without the right key", backup.status)?;
    let seen = vec![
        format!("while it serves nothing is refused, health of the keys {health}"),
        format!("at the next start, exit 1: {gone}"),
        format!("with another bank's key, exit 1: {wrong}"),
        format!("`verify` ({books} transfers) and `backup` work without the right key"),
    ];
    let began = now();
    copy(&safe, &key)?;
    fs::set_permissions(&key, Permissions::from_mode(0o600))
        .map_err(|error| format!("{}: {error}", key.display()))?;
    bank.serve()?;
    after("a customer who signs in", (LIMIT, QUICK), || bank.sign_in().map(|()| true))?;
    after("a transfer", (LIMIT, PACE), || Ok(bank.transfer()? == 201))?;
    let back = began.elapsed();
    let (lost, acknowledged) = (bank.lost()?, bank.acknowledged());
    bank.stop()?;
    let (after, _) = bank.verified()?;
    let (broken, done) = ("`master.key` lost, then replaced", "the key from the safe, and a start");
    Ok(Found { broken, seen, done, back, before, acknowledged, after, lost })
}

/// What a start says that is refused.
fn refusal(bank: &Bank<'_>) -> Result<String> {
    let began = now();
    let ended = bank.output(&["serve"])?;
    if ended.status.code() != Some(1) {
        return Err(format!("serve without its key ends with {}", ended.status));
    }
    let text = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
    let line =
        lines.iter().find(|line| line.contains("does not exist") || line.contains("another"));
    let line = line.map_or_else(|| said(&ended), |line| (*line).to_owned());
    let sentence = line.rsplit(": ").next().unwrap_or_default().trim().trim_end_matches('.');
    Ok(format!("“{sentence}” after {}", seconds(began.elapsed())))
}
