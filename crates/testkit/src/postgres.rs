//! A PostgreSQL of one test's own, to be stopped and started: cluster, port and password, gone when it
//! is dropped.
//!
//! Order: find the programs, `initdb`, start, wait for `ready`. Under root it runs as an unprivileged
//! account, which PostgreSQL demands. Cost: some two seconds. Durable as shipped: a crash must lose
//! nothing. It never installs anything, and ends only the process that it started.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use money::Rng;
use tempfile::TempDir;

use crate::database::{postgres_address, required};

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are cut, a checkpoint is written.
    Fast,
    /// As a crash: everything ends at once, and the next start recovers from the log.
    Immediate,
}

pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
    password: String,
    has_tls: bool,
    child: Option<Child>,
}

const READY_POLLS: u32 = 1500;
const POLL: Duration = Duration::from_millis(20);
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// Certificate, key, and whose certificates callers may show.
const TLS_FILES: [&str; 3] = ["server.crt", "server.key", "callers.crt"];

impl PostgresServer {
    /// `None` where this run is not on PostgreSQL, or its programs are not on this machine; where
    /// `EXCHEQUER_TEST_REQUIRE` demands PostgreSQL, that fails.
    pub fn start_own() -> Option<Self> {
        postgres_address()?;
        let programs = programs();
        assert!(programs.is_some() || !required("postgres"), "no PostgreSQL programs are here");
        let folder = TempDir::new().expect("a temporary folder");
        // Who owns a new folder is who we are.
        let is_root = fs::metadata(folder.path()).expect("the folder").uid() == 0;
        let [high, low]: [u64; 2] =
            [Rng::System.bytes(), Rng::System.bytes()].map(u64::from_le_bytes);
        let mut server = Self {
            folder,
            programs: programs?,
            account: is_root.then(unprivileged),
            port: free_port(),
            password: format!("{high:016x}{low:016x}"),
            has_tls: false,
            child: None,
        };
        server.give_away(server.folder.path());
        server.initdb();
        server.start();
        Some(server)
    }

    /// A superuser's address.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// The same by another name, at the same place, with further options.
    pub fn url_as(&self, host: &str, options: &str) -> String {
        let Self { password, port, .. } = self;
        format!(
            "postgres://postgres:{password}@{host}:{port}/postgres?hostaddr=127.0.0.1&{options}"
        )
    }

    /// From its next start on it speaks TLS with this certificate and key, and asks callers for certificates of the
    /// authority; all in PEM. `None`: no TLS.
    pub fn set_tls(&mut self, files: Option<[&str; 3]>) {
        self.has_tls = files.is_some();
        for (name, text) in TLS_FILES.iter().zip(files.into_iter().flatten()) {
            let path = self.folder.path().join(name);
            let mut options = fs::OpenOptions::new();
            let file = options.create(true).truncate(true).write(true).mode(0o600).open(&path);
            file.expect("a file").write_all(text.as_bytes()).expect("a written file");
            self.give_away(&path);
        }
    }

    /// From its next start on it lets nobody in without TLS, a certificate and a password.
    pub fn demand_certificates(&self) {
        let rules = "hostssl all all all scram-sha-256 clientcert=verify-ca\n";
        fs::write(self.data().join("pg_hba.conf"), rules).expect("its own file");
    }

    /// From its next start on it knows callers by the common names of their certificates, and asks for no password.
    pub fn know_by_certificates(&self) {
        let rules = "hostssl all all all cert\n";
        fs::write(self.data().join("pg_hba.conf"), rules).expect("its own file");
    }

    /// Starts the stopped server at the same address, and waits until it takes connections.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let log = self.folder.path().join("server.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", &format!("unix_socket_directories={}", self.folder.path().display())])
            .args(self.tls_settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let id = child.id();
        self.child = Some(child);
        self.wait_until_ready(id);
    }

    /// Ends the server and waits until all of it is gone.
    pub fn stop(&mut self, how: Stop) {
        let mut child = self.child.take().expect("it runs");
        let signal = match how {
            Stop::Fast => "-INT",
            Stop::Immediate => "-QUIT",
        };
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(told.expect("kill(1)").success());
        let _status = child.wait().expect("our own process");
    }

    fn tls_settings(&self) -> Vec<String> {
        if !self.has_tls {
            return Vec::new();
        }
        let folder = self.folder.path().display();
        let [certificate, key, authority] = TLS_FILES;
        vec![
            "-cssl=on".to_owned(),
            format!("-cssl_cert_file={folder}/{certificate}"),
            format!("-cssl_key_file={folder}/{key}"),
            format!("-cssl_ca_file={folder}/{authority}"),
        ]
    }

    fn initdb(&self) {
        let password_file = self.folder.path().join("password");
        let mut options = fs::OpenOptions::new();
        let file = options.create_new(true).write(true).mode(0o600).open(&password_file);
        writeln!(file.expect("a file"), "{}", self.password).expect("a written file");
        self.give_away(&password_file);
        let output = self
            .command("initdb")
            .args(["--username=postgres", "--auth=scram-sha-256", "--data-checksums"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(self.data())
            .output()
            .expect("initdb starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::remove_file(&password_file).expect("our own file");
    }

    /// PostgreSQL writes its state into the eighth line of `postmaster.pid`, behind its own id in the
    /// first: what a crash left there is another's.
    fn wait_until_ready(&mut self, id: u32) {
        let state = self.data().join("postmaster.pid");
        for _ in 0..READY_POLLS {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("our own"));
            let log = || fs::read_to_string(self.folder.path().join("server.log"));
            assert!(ended.is_none(), "PostgreSQL ended at once ({ended:?}): {:?}", log());
            // Absent until the server has written it, so not readable means not ready.
            let text = fs::read_to_string(&state).unwrap_or_default();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            if lines.first() == Some(&&*id.to_string()) && lines.get(7) == Some(&"ready") {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("PostgreSQL was not ready in time");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of the server's programs, as the unprivileged account, with nothing of our environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn give_away(&self, path: &Path) {
        if let Some((user, group)) = self.account {
            chown(path, Some(user), Some(group)).expect("an own file");
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop(Stop::Immediate);
        }
    }
}

/// The folder with `initdb` and `postgres`: of the PATH, Debian's (the highest version), or usual ones.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    std::env::split_paths(&path)
        .chain(debian.into_iter().rev())
        .chain([PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/local/pgsql/bin")])
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// The numbers of an account that owns little, and of its group.
fn unprivileged() -> (u32, u32) {
    let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let numbers = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ACCOUNTS.into_iter().find_map(numbers).expect("an account to run PostgreSQL")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
