//! Three Redis servers with three Sentinels on 127.0.0.1, as docs/operating.md says.
//!
//! Bound: 20 seconds to be ready; nothing is written to disk but the Sentinels' own notes.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::wait::wait_for;
use crate::Result;
use crate::guard::Guard;
use crate::postgres::{free_port, random_password};
use crate::process::append;
use crate::running::Running;

const SERVICE: &str = "bank";
const DOWN_AFTER_MS: u32 = 2_000;
const READY_LIMIT: Duration = Duration::from_secs(20);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
const ANSWER_BYTES: u64 = 64 * 1024;
const SENTINELS_TO_AGREE: u32 = 2;

pub struct Replicated<'guard> {
    servers: Vec<Server<'guard>>,
    sentinels: Vec<(u16, Running<'guard>)>,
    guard: &'guard Guard,
    folder: PathBuf,
    password: String,
}

struct Server<'guard> {
    port: u16,
    running: Running<'guard>,
}

impl<'guard> Replicated<'guard> {
    pub fn start(guard: &'guard Guard) -> Result<Self> {
        let folder = guard.folder().join("redis");
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut scene = Self {
            servers: Vec::new(),
            sentinels: Vec::new(),
            guard,
            folder,
            password: random_password()?,
        };
        let first = free_port()?;
        scene.start_server(0, first, None)?;
        scene.start_server(1, free_port()?, Some(first))?;
        scene.start_server(2, free_port()?, Some(first))?;
        for number in 0..3 {
            scene.start_sentinel(number, first)?;
        }
        wait_for("three Redis and three Sentinels", READY_LIMIT, || Ok(scene.is_whole()))?;
        Ok(scene)
    }

    /// `redis+sentinel://:PASSWORD@HOST:PORT,…/SERVICE`
    pub fn url(&self) -> String {
        let places: Vec<String> =
            self.sentinels.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://:{}@{}/{SERVICE}", self.password, places.join(","))
    }

    /// The port of the master that most Sentinels name.
    pub fn master(&self) -> Option<u16> {
        let named: Vec<u16> =
            self.sentinels.iter().filter_map(|(port, _)| master_by(*port)).collect();
        let most = |port: &u16| named.iter().filter(|other| *other == port).count() >= 2;
        named.iter().copied().find(most)
    }

    /// SIGKILL to the master; gives its port.
    pub fn kill_master(&mut self) -> Result<u16> {
        let port = self.master().ok_or("the Sentinels name no master")?;
        let server = self.servers.iter_mut().find(|server| server.port == port);
        server.ok_or("the master is none of ours")?.running.kill()?;
        Ok(port)
    }

    /// Starts the server on `port` again, as a replica of the master of now.
    pub fn restart(&mut self, port: u16) -> Result<()> {
        let place = self.servers.iter().position(|server| server.port == port);
        let place = place.ok_or("no such server")?;
        let master = self.master().ok_or("the Sentinels name no master")?;
        self.servers.remove(place);
        self.start_server(place, port, Some(master))?;
        wait_for("three Redis again", READY_LIMIT, || Ok(self.is_whole()))
    }

    fn is_whole(&self) -> bool {
        let Some(master) = self.master() else { return false };
        let command = format!("AUTH {}\r\nINFO replication\r\n", self.password);
        // Not reached is as good as not whole.
        let replicas = ask(here(master), &command).unwrap_or_default();
        let known = self.sentinels.iter().all(|(port, _)| {
            let asked = ask(here(*port), &format!("SENTINEL CKQUORUM {SERVICE}\r\n"));
            asked.is_ok_and(|answer| answer.contains("OK 3 usable"))
        });
        known && replicas.matches("state=online").count() == 2
    }

    fn start_server(&mut self, number: usize, port: u16, master: Option<u16>) -> Result<()> {
        let password = &self.password;
        let mut settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nmasterauth {password}\n\
             save \"\"\nappendonly no\nmaxmemory-policy noeviction\nrepl-diskless-sync-delay 0\n"
        );
        if let Some(master) = master {
            settings.extend(["replicaof 127.0.0.1 ", &master.to_string(), "\n"]);
        }
        let name = format!("redis{number}");
        let running = self.start_program("redis-server", &name, &settings)?;
        self.servers.insert(number, Server { port, running });
        Ok(())
    }

    fn start_sentinel(&mut self, number: usize, master: u16) -> Result<()> {
        let port = free_port()?;
        let password = &self.password;
        let settings = format!(
            "bind 127.0.0.1\nport {port}\n\
             sentinel monitor {SERVICE} 127.0.0.1 {master} {SENTINELS_TO_AGREE}\n\
             sentinel auth-pass {SERVICE} {password}\n\
             sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n\
             sentinel failover-timeout {SERVICE} 10000\n"
        );
        let name = format!("sentinel{number}");
        let running = self.start_program("redis-sentinel", &name, &settings)?;
        self.sentinels.push((port, running));
        Ok(())
    }

    /// With its settings in a file, which Sentinels rewrite.
    fn start_program(&self, program: &str, name: &str, settings: &str) -> Result<Running<'guard>> {
        let file = self.folder.join(format!("{name}.conf"));
        let log = self.folder.join(format!("{name}.log"));
        super::write_private(&file, settings)?;
        let mut command = Command::new(program);
        command.arg(&file).current_dir(&self.folder).stdout(append(&log)?);
        Running::start(&mut command, name, self.guard, &log)
    }
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn master_by(sentinel: u16) -> Option<u16> {
    let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}\r\n");
    let answer = ask(here(sentinel), &command).ok()?;
    answer.lines().rev().find_map(|line| line.trim().parse().ok())
}

/// Inline commands of the protocol of Redis, and what is answered. Sentinels know no QUIT, so that our end of the
/// connection is closed instead.
pub fn ask(at: SocketAddr, commands: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(commands.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
