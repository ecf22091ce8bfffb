//! pgbench's TPC-B on the server that the PostgreSQL engine is measured on.
//!
//! Scale 10, prepared statements, the best of 8, 16 and 32 clients. The server is durable and ours; its
//! password goes to pgbench in the environment, not among the arguments, which anybody can read.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use super::probes::Runner;
use crate::Result;
use crate::postgres::Server;
use crate::process::tail;

const CLIENTS: [&str; 3] = ["8", "16", "32"];
const SCALE: &str = "10";
/// Beyond the seconds it is told to run.
const LIMIT: Duration = Duration::from_mins(3);

pub struct Target {
    url: String,
    search_path: OsString,
    /// `PGHOST` and its like.
    environment: Vec<(&'static str, String)>,
}

/// Starts a durable server and fills pgbench's tables. `Err` inside: why it cannot be.
pub fn prepare<'guard>(
    runner: &mut Runner<'guard>,
) -> Result<std::result::Result<Server<'guard>, String>> {
    let server = match Server::start(runner.guard, true) {
        Ok(server) => server,
        Err(why) => return Ok(Err(why)),
    };
    let target = Target::of(&server)?;
    if target.command().arg("--version").output().is_err() {
        return Ok(Err("pgbench is not installed".to_owned()));
    }
    let mut fill = target.command();
    fill.args(["-i", "-q", "-s", SCALE]);
    runner.succeed("pgbench-fill", &mut fill, LIMIT)?;
    runner.postgres = Some(target);
    Ok(Ok(server))
}

impl Target {
    fn of(server: &Server<'_>) -> Result<Self> {
        let environment = environment(server.url())
            .ok_or("the server's address is not postgres://USER:PASSWORD@HOST:PORT/DATABASE")?;
        Ok(Self { url: server.url().to_owned(), search_path: server.search_path(), environment })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Transactions per second of the best number of clients.
    pub fn best_rate(&self, runner: &Runner<'_>) -> Result<f64> {
        let mut best: f64 = 0.0;
        for clients in CLIENTS {
            let mut command = self.command();
            command.args(["-n", "-M", "prepared", "-c", clients, "-j", "2"]);
            command.args(["-T", &runner.sizes.seconds.to_string()]);
            let log = runner.succeed_logged("pgbench", &mut command, LIMIT)?;
            let rate = rate(&tail(&log, 3)).ok_or("pgbench does not say its rate")?;
            best = best.max(rate);
        }
        Ok(best)
    }

    fn command(&self) -> Command {
        // A relative program is searched in this process's PATH, so the shell does it in the child's.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec pgbench "$@""#, "pgbench"]).env("PATH", &self.search_path);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn environment(url: &str) -> Option<Vec<(&'static str, String)>> {
    let (person, place) = url.strip_prefix("postgres://")?.rsplit_once('@')?;
    let (user, password) = person.split_once(':')?;
    let (server, database) = place.split_once('/')?;
    let (host, port) = server.rsplit_once(':')?;
    let parts = [
        ("PGUSER", user),
        ("PGPASSWORD", password),
        ("PGHOST", host),
        ("PGPORT", port),
        ("PGDATABASE", database),
    ];
    Some(parts.map(|(name, value)| (name, value.to_owned())).to_vec())
}

/// `tps = 4901.12 (without initial connection time)`
fn rate(said: &str) -> Option<f64> {
    said.lines()
        .rev()
        .find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_last_run() {
        let said = "tps = 1.0 (x)\nlatency average = 3 ms\ntps = 4901.12 (without initial)\n";
        assert_eq!(rate(said), Some(4901.12));
        assert_eq!(rate("latency average = 3 ms"), None);
    }

    #[test]
    fn the_address_is_taken_apart() {
        let parts = environment("postgres://me:secret@127.0.0.1:5433/postgres").unwrap();
        let values: Vec<&str> = parts.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["me", "secret", "127.0.0.1", "5433", "postgres"]);
        assert!(environment("host=localhost").is_none());
    }
}
