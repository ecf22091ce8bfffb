//! A private Redis: its own port, password and folder, nothing on disk, gone when it is dropped.
//!
//! Order: find or install the program, start, wait until it says PONG. Cost: some tens of milliseconds.
//! Bound: 10 seconds to be ready, three ports to try. It never listens beyond 127.0.0.1, and never
//! signals or asks a Redis that it did not start.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{apt_get, in_path, is_root};
use crate::postgres::{free_port, random_password};
use crate::process::{append, now, stop, tail};

pub struct Server<'guard> {
    child: Child,
    guard: &'guard Guard,
    url: String,
}

const PROGRAM: &str = "redis-server";
const NOTE: &str = "redis";
const READY_LIMIT: Duration = Duration::from_secs(10);
const STOP_GRACE: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);
/// A free port may be taken by somebody else between the look and the start.
const PORT_TRIES: u32 = 3;
const ADVICE: &str = "no redis-server here: install it (Debian: apt-get install redis-server) or give \
    EXCHEQUER_TEST_REDIS_URL=redis://:PASSWORD@127.0.0.1:PORT";

impl<'guard> Server<'guard> {
    pub fn start(guard: &'guard Guard) -> Result<Self> {
        find_or_install()?;
        let folder = guard.folder().join("redis");
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let password = random_password()?;
        let mut complaint = String::new();
        for _ in 0..PORT_TRIES {
            match Self::on_a_free_port(guard, &folder, &password) {
                Ok(server) => return Ok(server),
                Err(error) => complaint = error,
            }
        }
        Err(complaint)
    }

    /// `redis://:PASSWORD@127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    fn on_a_free_port(guard: &'guard Guard, folder: &Path, password: &str) -> Result<Self> {
        let port = free_port()?;
        let log = folder.join("server.log");
        // From standard input, since anybody can read a command's arguments.
        let mut child = Command::new(PROGRAM)
            .arg("-")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(append(&log)?)
            .stderr(append(&log)?)
            .process_group(0) // Ctrl-C at the terminal is ours to pass on, in order
            .spawn()
            .map_err(|error| format!("{PROGRAM} does not start: {error}"))?;
        guard.note(NOTE, "TERM", i64::from(child.id()))?;
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\n"
        );
        let mut input = child.stdin.take().ok_or("redis-server has no standard input")?;
        input.write_all(settings.as_bytes()).map_err(|error| format!("{PROGRAM}: {error}"))?;
        drop(input);
        let url = format!("redis://:{password}@127.0.0.1:{port}");
        let mut server = Self { child, guard, url };
        server
            .wait_until_ready(port, password)
            .map_err(|error| format!("{error}\n{}", tail(&log, 20)))?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, port: u16, password: &str) -> Result<()> {
        let start = now();
        while start.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("Redis ended at once ({status})"));
            }
            // Not connected means not ready.
            if pings(port, password).unwrap_or(false) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(format!("Redis was not ready after {} s", READY_LIMIT.as_secs()))
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let process = i64::from(self.child.id());
        match stop(&mut self.child, "TERM", process, STOP_GRACE) {
            Ok(_) => self.guard.forget(NOTE),
            Err(error) => eprintln!("xtask: Redis: {error}"),
        }
    }
}

/// Whether this password opens it and it answers a PING (inline commands of its protocol).
fn pings(port: u16, password: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(format!("AUTH {password}\r\nPING\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(256).read_to_string(&mut answer)?;
    Ok(answer.contains("+PONG"))
}

/// Debian's package would start a server of the whole machine; at runlevel 1 it starts none.
pub fn find_or_install() -> Result<()> {
    if in_path(PROGRAM) {
        return Ok(());
    }
    if !is_root()? || !in_path("apt-get") {
        return Err(ADVICE.to_owned());
    }
    apt_get(&["update"], &[])?;
    let install = ["install", "-y", "--no-install-recommends", PROGRAM];
    apt_get(&install, &[("RUNLEVEL", "1")]).map_err(|error| format!("{error}\n{ADVICE}"))?;
    if in_path(PROGRAM) { Ok(()) } else { Err(ADVICE.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_redis_answers_its_password_only_and_ends() {
        if !in_path(PROGRAM) {
            println!("no {PROGRAM} here");
            return;
        }
        let guard = Guard::new("redis-test").unwrap();
        let server = Server::start(&guard).unwrap();
        let (person, place) = server.url().rsplit_once('@').unwrap();
        let port: u16 = place.rsplit_once(':').unwrap().1.parse().unwrap();
        let password = person.strip_prefix("redis://:").unwrap().to_owned();
        assert!(pings(port, &password).unwrap());
        assert!(!pings(port, "another").unwrap());
        drop(server);
        assert!(pings(port, &password).is_err());
    }
}
