//! A bank of nobody's, served with TLS on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Scene;
use crate::Result;
use crate::failover::wait::wait_for;
use crate::postgres::free_port;
use crate::process::{append, run_logged, tail};
use crate::running::Running;
use crate::smoke::{ask, succeed};
use crate::workspace::clean_environment;

const COMMAND_LIMIT: Duration = Duration::from_mins(2);
const START_LIMIT: Duration = Duration::from_secs(40);

/// The oldest TLS that a bank takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oldest {
    /// Without a word in the settings.
    Tls13,
    Tls12,
}

/// What it shows, and proves to have.
pub struct Pair<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

pub struct Bank<'guard> {
    pub oldest: Oldest,
    pub port: u16,
    running: Running<'guard>,
}

impl Oldest {
    pub const BOTH: [Self; 2] = [Self::Tls13, Self::Tls12];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls13 => "TLS 1.3",
            Self::Tls12 => "TLS 1.2",
        }
    }

    /// A name for files and processes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tls13 => "tls13",
            Self::Tls12 => "tls12",
        }
    }
}

impl<'guard> Bank<'guard> {
    /// Makes it, and serves until it answers.
    pub fn serve(
        scene: &Scene<'guard>,
        binary: &Path,
        pair: &Pair<'_>,
        oldest: Oldest,
    ) -> Result<Self> {
        let folder = scene.folder.join(oldest.word());
        let (port, metrics) = (free_port()?, free_port()?);
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let made = Made { binary, folder: &folder };
        let mut init = Command::new(binary);
        clean_environment(&mut init).arg("init").arg(&folder).current_dir(&scene.folder);
        for (what, mut command) in [("init", init), ("migrate", made.command("migrate"))] {
            let status = run_logged(&mut command, scene.log, COMMAND_LIMIT, scene.guard)?;
            succeed(&format!("exchequer {what}"), status)?;
        }
        let mut command = made.command("serve");
        command
            .env("EXCHEQUER_LISTEN", at(port).to_string())
            .env("EXCHEQUER_METRICS_LISTEN", at(metrics).to_string())
            .env("EXCHEQUER_TLS_CERTIFICATE_FILE", pair.certificate)
            .env("EXCHEQUER_TLS_KEY_FILE", pair.key)
            .stdout(append(scene.log)?);
        match oldest {
            Oldest::Tls13 => {}
            Oldest::Tls12 => drop(command.env("EXCHEQUER_TLS_MIN_VERSION", "1.2")),
        }
        let mut running = Running::start(&mut command, oldest.word(), scene.guard, scene.log)?;
        // Figures are told without a certificate.
        wait_for("bank that serves", START_LIMIT, || {
            let answers = ask(at(metrics), "/metrics").is_ok_and(|text| text.contains("200 OK"));
            Ok(answers || !running.runs()?)
        })?;
        if !running.runs()? {
            return Err(format!("the bank ended at once\n{}", tail(scene.log, 8)));
        }
        Ok(Self { oldest, port, running })
    }

    /// As its certificate calls it.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// SIGTERM; it must end with 0.
    pub fn stop(mut self) -> Result<()> {
        succeed("exchequer serve after SIGTERM", self.running.terminate()?)
    }
}

struct Made<'a> {
    binary: &'a Path,
    folder: &'a Path,
}

impl Made<'_> {
    /// In the bank's own folder, so that no `.env` of the checkout is read.
    fn command(&self, word: &str) -> Command {
        let mut command = Command::new(self.binary);
        clean_environment(&mut command).arg(word).current_dir(self.folder);
        command.arg("--config").arg(self.folder.join("exchequer.toml"));
        command
    }
}
