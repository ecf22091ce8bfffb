//! The Redis of a run, one of a test's own that it may kill, several that replace one another, and a cluster.
//!
//! Tests share the run's Redis under prefixes of their own; what they leave there expires within minutes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

mod clustered;

pub use self::clustered::Clustered;

/// The Redis of this run. Where `EXCHEQUER_TEST_REQUIRE` demands one (`redis`), its absence fails.
pub fn address() -> Option<String> {
    let address = std::env::var("EXCHEQUER_TEST_REDIS_URL").ok().filter(|a| !a.is_empty());
    let required = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
    assert!(
        address.is_some() || !required.contains("redis"),
        "EXCHEQUER_TEST_REQUIRE demands Redis, and EXCHEQUER_TEST_REDIS_URL gives no address"
    );
    address
}

/// A prefix that no other test has, in this run or another.
pub fn prefix() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let chance = u32::from_le_bytes(money::Rng::System.bytes());
    format!("t{:x}.{chance:x}.{count}:", std::process::id())
}

/// All that the Redis of this run holds, names and values as it dumps them; nothing where there is none.
pub fn everything() -> Vec<u8> {
    let Some(url) = address() else { return Vec::new() };
    let client = redis::Client::open(url).expect("an address");
    let mut connection = client.get_connection().expect("the Redis of this run answers");
    let names: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).expect("names");
    let mut all = Vec::new();
    for name in names {
        // None where it has expired since.
        let value: Option<Vec<u8>> =
            redis::cmd("DUMP").arg(&name).query(&mut connection).expect("a value");
        all.extend(name);
        all.extend(value.unwrap_or_default());
        all.push(b'\n');
    }
    all
}

/// A Redis of one test, without a disk; killed by its own process id when it is dropped.
pub struct PrivateRedis {
    port: u16,
    child: Option<Child>,
}

/// A loaded machine gets a while.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A server of any kind, with arguments and a folder of its own; killed by its own process id when it is dropped.
pub struct Program {
    command: Command,
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// A master, two replicas and three Sentinels, of which two have to agree. The service is called `bank`.
pub struct Replicated {
    servers: Vec<Program>,
    sentinels: Vec<Program>,
}

impl Program {
    /// `arguments` without the port, which comes after them as `option`.
    pub fn start(folder: TempDir, option: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new("redis-server");
        command
            .args(arguments)
            .args([option, &port.to_string(), "--bind", "127.0.0.1"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = command.spawn().expect("redis-server starts");
        let program = Self { command, child, port, _folder: folder };
        program.wait_until_it_listens();
        program
    }

    /// After its death: the same arguments, port and folder.
    pub fn start_again(&mut self) {
        self.kill();
        self.child = self.command.spawn().expect("redis-server starts");
        self.wait_until_it_listens();
    }

    fn wait_until_it_listens(&self) {
        wait_until(&format!("redis-server listens on port {}", self.port), || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// An inline command; gives the first bytes of the answer, nothing where nobody answers.
    pub fn say(&self, command: &str) -> String {
        let say = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(ANSWER_LIMIT))?;
            stream.write_all(format!("{command}\r\n").as_bytes())?;
            let mut answer = [0; 4_096];
            let length = stream.read(&mut answer)?;
            Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
        };
        say().unwrap_or_default()
    }

    /// `STOP` makes it as silent as a machine that was cut off, `CONT` lets it go on as if nothing had been.
    pub fn signal(&self, signal: &str) {
        let told = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(told.expect("kill(1)").success(), "our own process");
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Once more does nothing: the process is reaped, and its id is nobody's.
        if self.child.try_wait().expect("our own process").is_none() {
            self.child.kill().expect("our own process");
            self.child.wait().expect("our own process");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Replicated {
    /// How long a Sentinel waits before it takes a server for dead.
    pub const DOWN_AFTER: Duration = Duration::from_secs(3);

    /// All six, knowing one another. None where this run has no Redis.
    pub fn start() -> Option<Self> {
        address()?;
        let folder = || tempfile::tempdir().expect("a folder");
        let plain = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"];
        let master = Program::start(folder(), "--port", &plain);
        let place = format!("127.0.0.1 {}", master.port);
        let mut servers = vec![master];
        for _ in 0..2 {
            let replica = [&plain[..], &["--replicaof", &place]].concat();
            servers.push(Program::start(folder(), "--port", &replica));
        }
        let master = &servers[0];
        wait_until("the replicas are there", || {
            master.say("INFO replication").matches("state=online").count() == 2
        });
        let sentinels = (0..3).map(|_| sentinel(folder(), &place)).collect();
        let replicated = Self { servers, sentinels };
        wait_until("the Sentinels know one another", || {
            let knows = |sentinel: &Program| {
                let told = sentinel.say("SENTINEL MASTER bank");
                let two = |what: &str| told.contains(&format!("{what}\r\n$1\r\n2\r\n"));
                two("num-slaves") && two("num-other-sentinels")
            };
            replicated.sentinels.iter().all(knows)
        });
        Some(replicated)
    }

    pub fn url(&self) -> String {
        let places = self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port));
        format!("redis+sentinel://{}/bank/0", places.collect::<Vec<_>>().join(","))
    }

    /// SIGKILL to the first master.
    pub fn kill_master(&mut self) {
        self.servers[0].kill();
    }

    /// Waits until the Sentinels have made a replica the master.
    pub fn wait_for_another_master(&self) {
        wait_until("another server is the master", || {
            self.servers[1..].iter().any(|server| server.say("ROLE").contains("master"))
        });
    }
}

fn sentinel(folder: TempDir, place: &str) -> Program {
    let file = folder.path().join("sentinel.conf");
    let text = format!(
        "sentinel monitor bank {place} 2\n\
         sentinel down-after-milliseconds bank {}\n\
         sentinel failover-timeout bank 10000\n",
        Replicated::DOWN_AFTER.as_millis()
    );
    std::fs::write(&file, text).expect("a file");
    let file: &Path = &file;
    Program::start(folder, "--port", &[&*file.to_string_lossy(), "--sentinel"])
}

/// A port of this machine that nobody had a moment ago.
pub fn free_port() -> u16 {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
    free().expect("a free port").port()
}

/// Looks again and again, within bounds.
///
/// # Panics
///
/// Where it is not so within half a minute.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = tokio::time::Instant::now();
    while started.elapsed() < PATIENCE {
        if is_so() {
            return;
        }
        std::thread::sleep(POLL);
    }
    panic!("{what}: not within {} s", PATIENCE.as_secs());
}

impl PrivateRedis {
    /// None where this run has no Redis, and so perhaps no server program either.
    pub fn start() -> Option<Self> {
        address()?;
        let mut redis = Self { port: free_port(), child: None };
        redis.start_again();
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own process");
            child.wait().expect("our own process");
        }
    }

    /// On the same port, empty, as a Redis without a disk is.
    pub fn start_again(&mut self) {
        self.kill();
        let port = self.port.to_string();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        self.child = Some(child);
        wait_until(&format!("redis-server listens on port {port}"), || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
