//! The disk under the bank is full, and has room again.
//!
//! The bank runs in a mount namespace of its own, where its folder is a small disk in memory: nobody else sees it, and it
//! is gone with the process. It is filled through `/proc/PID/root`, which asks for root.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use super::bank::{Bank, LIMIT, PACE, QUICK, counted, output};
use super::watch::{after, metric, state};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::postgres::programs::is_root;
use crate::workspace::clean_environment;

/// `$1` is the folder, `$2` a copy of what is to be in it, then the bank.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=16m,mode=700 tmpfs \"$1\" && \
    cp -a \"$2\"/. \"$1\" && shift 2 && exec \"$@\"";
/// Longer than the log's append, each second, takes to need room.
const FILLED: Duration = Duration::from_mins(1);

pub fn run(scene: &Scene<'_>) -> Result<Found> {
    if !is_root()? {
        return Err("a disk of its own asks for root".to_owned());
    }
    let mut bank = Bank::seeded(scene)?;
    let (before, _) = bank.verified()?;
    let seed = scene.guard.folder().join("seed");
    super::bank::rename(&bank.folder, &seed)?;
    fs::create_dir(&bank.folder).map_err(|error| error.to_string())?;
    let plain = bank.command(&["serve"]);
    let mut command = std::process::Command::new("unshare");
    clean_environment(&mut command).args(["-m", "sh", "-c", ON_A_SMALL_DISK, "sh"]);
    command.arg(&bank.folder).arg(&seed).arg(plain.get_program()).arg("serve");
    command.current_dir(scene.guard.folder());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bank.serve_as(command)?;
    bank.sign_in()?;
    expect(bank.transfer()?, 201, "a transfer before")?;

    let inside = format!("/proc/{}/root{}", bank.id()?, bank.folder.display());
    let ballast = Path::new(&inside).join("ballast");
    fill(&ballast)?;
    let told = after("metrics that tell of it", (LIMIT, QUICK), || {
        let free = metric(bank.metrics, "exchequer_data_free_bytes")?;
        Ok(free * 50 < metric(bank.metrics, "exchequer_data_size_bytes")?)
    })?;
    let mut refused = 0;
    let stopped = after("a write that is refused", (FILLED, PACE), || {
        refused = bank.transfer()?;
        Ok(refused != 201)
    })?;
    expect(refused, 503, "a transfer on a full disk")?;
    let read = bank.read()?;
    let down = after("health that tells of it", (LIMIT, QUICK), || {
        Ok(state(bank.metrics, "database")? == 2)
    })?;
    let ready = bank.ready()?;
    let seen = vec![
        format!("ExchequerDiskFull's condition after {}", seconds(told)),
        format!("the first 503 after {}", seconds(told + stopped)),
        format!("ExchequerDatabaseDown's condition {} later", seconds(down)),
        format!("meanwhile reads {read}, `/readyz` {ready}"),
    ];
    fs::remove_file(&ballast).map_err(|error| format!("{}: {error}", ballast.display()))?;
    let back = after("a transfer", (LIMIT, PACE), || Ok(bank.transfer()? == 201))?;
    let lost = bank.lost()?;
    let mut verify = std::process::Command::new("nsenter");
    let plain = bank.command(&["verify", "--json"]);
    clean_environment(&mut verify).args(["-m", "-t", &bank.id()?.to_string()]);
    verify.arg(plain.get_program()).args(plain.get_args()).current_dir("/");
    verify.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (now, _) = counted(&output(&mut verify)?)?;
    let acknowledged = bank.acknowledged();
    bank.stop()?;
    Ok(Found {
        broken: "no byte left on the disk of `data_dir`",
        seen,
        done: "made room",
        back,
        before,
        acknowledged,
        after: now,
        lost,
    })
}

pub fn expect(found: u16, wanted: u16, what: &str) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(format!("{what} answers {found}")) }
}

/// Writes until nothing fits any more.
fn fill(ballast: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", ballast.display());
    let mut file = File::create_new(ballast).map_err(failed)?;
    for size in [65_536, 4_096, 1] {
        let block = vec![0; size];
        loop {
            match file.write(&block) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(failed(error)),
            }
        }
    }
    Ok(())
}
