//! For tests of this crate: a database of its own on the PostgreSQL that `EXCHEQUER_TEST_POSTGRES` names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::db::on_own_thread;
use crate::postgres::{PgOptions, PgSession};

/// Unlike `testkit`'s it is empty, without any schema. Dropped with its test.
pub(crate) struct ScratchDatabase {
    server: String,
    name: String,
    url: String,
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl ScratchDatabase {
    /// `None` where no server is named; where one is demanded, that fails.
    pub fn create() -> Option<Self> {
        let server = testkit::database::postgres_address()?;
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("store_{}_{count}", std::process::id());
        let (address, _) = server.rsplit_once('/').expect("an address with a database");
        let url = format!("{address}/{name}");
        run(&server, format!("CREATE DATABASE {name}"));
        Some(Self { server, name, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection; not from inside a runtime.
    pub fn session(&self) -> PgSession {
        PgSession::connect(&options(&self.url)).unwrap()
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        run(&self.server, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn run(server: &str, sql: String) {
    let options = options(server);
    on_own_thread(move || PgSession::connect(&options)?.batch(&sql)).unwrap();
}

fn options(url: &str) -> PgOptions {
    let config = url.parse().expect("an address of PostgreSQL");
    PgOptions {
        config,
        tls: None,
        lock_timeout_ms: 1_000,
        require_durable: false,
        remembered: Arc::default(),
    }
}
