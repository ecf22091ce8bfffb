//! Redis is killed, and started again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::bank::{Bank, LIMIT, PACE, QUICK};
use super::disk::expect;
use super::watch::{after, state};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::guard::Guard;
use crate::postgres::{free_port, random_password};
use crate::redis::find_or_install;
use crate::running::Running;

/// That it stays away.
const AWAY: Duration = Duration::from_secs(5);

pub fn run(scene: &Scene<'_>) -> Result<Found> {
    find_or_install()?;
    let mut bank = Bank::seeded(scene)?;
    let (before, _) = bank.verified()?;
    let (port, password) = (free_port()?, random_password()?);
    let settings = scene.guard.folder().join("redis.conf");
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&settings)
        .and_then(|mut file| {
            write!(file, "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\n")
        })
        .map_err(|error| format!("{}: {error}", settings.display()))?;
    let mut redis = start(scene.guard, &settings)?;
    bank.set("EXCHEQUER_REDIS_URL", format!("redis://:{password}@127.0.0.1:{port}"));
    // Two processes and more must agree on it, so a bank with Redis does not start without.
    bank.set("EXCHEQUER_HTTP_PUBLIC_URL", format!("http://{}", bank.at));
    bank.serve()?;
    after("a bank with Redis", (LIMIT, QUICK), || Ok(state(bank.metrics, "cache")? == 0))?;
    bank.sign_in()?;
    expect(bank.transfer()?, 201, "a transfer before")?;

    redis.kill()?;
    let told =
        after(
            "health that tells of it",
            (LIMIT, QUICK),
            || Ok(state(bank.metrics, "cache")? == 2),
        )?;
    expect(bank.transfer()?, 503, "a transfer without Redis")?;
    let (read, ready) = (bank.read()?, bank.ready()?);
    let signing_in = if bank.sign_in().is_ok() { "is taken" } else { "is refused" };
    let seen = vec![
        format!("ExchequerRedisGone's condition after {}", seconds(told)),
        format!("transfers 503 at once, reads {read}, `/readyz` {ready}, signing in {signing_in}"),
    ];
    std::thread::sleep(AWAY);
    let _redis = start(scene.guard, &settings)?;
    let back = after("a transfer", (LIMIT, PACE), || Ok(bank.transfer()? == 201))?;
    bank.sign_in()?;
    let (lost, acknowledged) = (bank.lost()?, bank.acknowledged());
    bank.stop()?;
    let (now, _) = bank.verified()?;
    let (broken, done) = ("Redis killed, for five seconds", "started it again, empty");
    Ok(Found { broken, seen, done, back, before, acknowledged, after: now, lost })
}

fn start<'guard>(guard: &'guard Guard, settings: &Path) -> Result<Running<'guard>> {
    let folder = guard.folder().join("redis");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new("redis-server");
    command.arg(settings).current_dir(&folder).stdout(Stdio::null());
    Running::start(&mut command, "redis", guard, &folder.join("log"))
}
