//! A private PostgreSQL: its own cluster, port, password and folder, gone when it is dropped.
//!
//! Order: find or install the programs, `initdb`, start, wait for `ready`. Under root everything of
//! the server runs as an unprivileged account, which PostgreSQL demands. Cost: about one second.
//! Bound: 30 seconds to be ready, three ports to try. It never listens beyond 127.0.0.1, never
//! signals a process that it did not start, and never touches a cluster that is already there.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use crate::Result;
use crate::guard::Guard;
use crate::process::{append, now, send, stop, tail};

pub mod programs;

use programs::Account;

pub struct Server<'guard> {
    child: Child,
    guard: &'guard Guard,
    programs: PathBuf,
    url: String,
}

const NOTE: &str = "postgres";
const READY_LIMIT: Duration = Duration::from_secs(30);
const STOP_GRACE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
/// A free port may be taken by somebody else between the look and the start.
const PORT_TRIES: u32 = 3;
/// Tests run on every core and each bank has a pool of its own.
const MAX_CONNECTIONS: &str = "max_connections=400";

impl<'guard> Server<'guard> {
    /// `durable` keeps `fsync` on; without it a crash of the machine loses the cluster, which a test
    /// does not mind and which makes `CREATE DATABASE` several times faster.
    pub fn start(guard: &'guard Guard, durable: bool) -> Result<Self> {
        Cluster::create(guard.folder().join("postgres"), durable)?.start(guard)
    }

    /// SIGKILL to the server alone: its children see that it is gone and end by themselves.
    pub fn kill(mut self) -> Result<()> {
        send("KILL", i64::from(self.child.id()))?;
        self.child.wait().map(drop).map_err(|error| format!("PostgreSQL: {error}"))
    }

    /// `postgres://USER:PASSWORD@127.0.0.1:PORT/postgres`, a superuser who may create databases.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `PATH` with the server's own `psql` and `pgbench` first.
    pub fn search_path(&self) -> std::ffi::OsString {
        let given = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.programs.clone()).chain(env::split_paths(&given));
        // Only a folder whose name holds the separator cannot be joined; then the given one serves.
        env::join_paths(folders).unwrap_or(given)
    }
}

impl Drop for Server<'_> {
    /// SIGINT is PostgreSQL's fast shutdown: it ends the sessions and writes a checkpoint.
    fn drop(&mut self) {
        let process = i64::from(self.child.id());
        match stop(&mut self.child, "INT", process, STOP_GRACE) {
            Ok(_) => self.guard.forget(NOTE),
            Err(error) => eprintln!("xtask: PostgreSQL: {error}"),
        }
    }
}

/// The files of a server, which can be started again.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    account: Option<Account>,
    password: String,
    durable: bool,
}

impl Cluster {
    /// In a folder that is not there yet.
    pub fn create(folder: PathBuf, durable: bool) -> Result<Self> {
        let programs = programs::find_or_install()?;
        let account = programs::service_account()?;
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let cluster = Self { folder, programs, account, password: random_password()?, durable };
        cluster.give_away(&cluster.folder)?;
        cluster.initdb()?;
        Ok(cluster)
    }

    /// The same files, which somebody has copied to another folder.
    pub fn copied_to(&self, folder: PathBuf) -> Result<Self> {
        let account = programs::service_account()?;
        let (programs, password) = (self.programs.clone(), self.password.clone());
        Ok(Self { folder, programs, account, password, durable: self.durable })
    }

    /// Starts it, and waits until it is ready.
    pub fn start<'guard>(&self, guard: &'guard Guard) -> Result<Server<'guard>> {
        let mut complaint = String::new();
        for _ in 0..PORT_TRIES {
            match self.start_once(guard) {
                Ok(server) => return Ok(server),
                Err(error) => complaint = error,
            }
        }
        Err(complaint)
    }

    fn initdb(&self) -> Result<()> {
        let password_file = self.folder.join("password");
        let failed = |error| format!("{}: {error}", password_file.display());
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&password_file)
            .map_err(failed)?;
        writeln!(file, "{}", self.password).map_err(failed)?;
        self.give_away(&password_file)?;
        let mut initdb = self.command("initdb");
        initdb
            .args(["--username=postgres", "--auth=scram-sha-256", "--data-checksums"])
            .args(["--encoding=UTF8", "--locale=C", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(self.data());
        if !self.durable {
            initdb.arg("--no-sync");
        }
        let output = initdb.output().map_err(|error| format!("initdb does not start: {error}"))?;
        fs::remove_file(&password_file).map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("initdb failed: {}", complaint.trim()))
    }

    fn start_once<'guard>(&self, guard: &'guard Guard) -> Result<Server<'guard>> {
        let port = free_port()?;
        let log = self.folder.join("server.log");
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", &format!("unix_socket_directories={}", self.folder.display())])
            .args(["-c", MAX_CONNECTIONS])
            .stdin(Stdio::null())
            .stdout(append(&log)?)
            .stderr(append(&log)?)
            .process_group(0); // Ctrl-C at the terminal is ours to pass on, in order
        if !self.durable {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
            // Each test has a database of its own, of which none lives long enough to want it.
            command.args(["-c", "autovacuum=off", "-c", "max_wal_size=8GB"]);
        }
        let child = command.spawn().map_err(|error| format!("postgres does not start: {error}"))?;
        guard.note(NOTE, "INT", i64::from(child.id()))?;
        let url = format!("postgres://postgres:{}@127.0.0.1:{port}/postgres", self.password);
        let mut server = Server { child, guard, programs: self.programs.clone(), url };
        self.wait_until_ready(&mut server.child)
            .map_err(|error| format!("{error}\n{}", tail(&log, 20)))?;
        Ok(server)
    }

    /// PostgreSQL writes its id into the first line of `postmaster.pid`, its state into the eighth; a killed one leaves it.
    fn wait_until_ready(&self, child: &mut Child) -> Result<()> {
        let state = self.data().join("postmaster.pid");
        let (start, own) = (now(), child.id().to_string());
        while start.elapsed() < READY_LIMIT {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("PostgreSQL ended at once ({status})"));
            }
            // Absent until the server has written it, so not readable means not ready.
            let ready = fs::read_to_string(&state).is_ok_and(|text| {
                let lines: Vec<&str> = text.lines().map(str::trim).collect();
                lines.first() == Some(&own.as_str()) && lines.get(7) == Some(&"ready")
            });
            if ready {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(format!("PostgreSQL was not ready after {} s", READY_LIMIT.as_secs()))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of the server's programs, as the service account, with nothing of our environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(&self.folder).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        if let Some(account) = &self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }

    fn give_away(&self, path: &Path) -> Result<()> {
        let Some(account) = &self.account else { return Ok(()) };
        chown(path, Some(account.user), Some(account.group))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

pub fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port: {error}"))
}

/// 128 bits from the system, in hexadecimal, so that it needs no escaping in an address.
pub fn random_password() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
