//! The Redis of a run, and one of a test's own that it may kill.
//!
//! Tests share the run's Redis under prefixes of their own; what they leave there expires within minutes.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

const START_LIMIT: u32 = 500;
const POLL: Duration = Duration::from_millis(20);

impl PrivateRedis {
    /// None where this run has no Redis, and so perhaps no server program either.
    pub fn start() -> Option<Self> {
        address()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut redis = Self { port, child: None };
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
        for _ in 0..START_LIMIT {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("redis-server does not listen on port {port}");
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
