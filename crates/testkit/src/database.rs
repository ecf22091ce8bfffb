//! An empty, migrated database for one test: SQLite in a temporary folder, or, where
//! `EXCHEQUER_TEST_POSTGRES` gives an address, a PostgreSQL database copied from a template.
//!
//! PostgreSQL databases are not dropped one by one (a checkpoint each); they go with the test cluster.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use money::Timestamp;
use store::{FileKey, Location, Options};
use tempfile::TempDir;
use tokio_postgres::NoTls;

pub struct TestDatabase {
    options: Options,
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// On the database of this run.
    pub fn new() -> Self {
        match postgres_address() {
            Some(address) => Self::postgres(&address),
            None => Self::sqlite(),
        }
    }

    pub fn sqlite() -> Self {
        Self::in_folder(None)
    }

    /// In an encrypted file, in a build that can.
    pub fn encrypted(key: FileKey) -> Self {
        Self::in_folder(Some(key))
    }

    fn in_folder(file_key: Option<FileKey>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let location = Location::Sqlite { path: folder.path().join("bank.db") };
        let options = Options { file_key, ..options(location) };
        store::migrate(&options, Timestamp::from_seconds(0)).expect("migrations run on SQLite");
        Self { options, folder: Some(folder) }
    }

    fn postgres(address: &str) -> Self {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let name = fresh_name("template");
            administer(address, &format!("CREATE DATABASE {name}"));
            let options = options(Location::Postgres { url: with_database(address, &name) });
            store::migrate(&options, Timestamp::from_seconds(0))
                .expect("migrations run on PostgreSQL");
            name
        });
        let name = fresh_name("test");
        administer(address, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let url = with_database(address, &name);
        Self { options: options(Location::Postgres { url }), folder: None }
    }

    /// Reached as a role that owns nothing of it (`deploy/postgres/serving.sql`); `None` where this run is not on
    /// PostgreSQL.
    pub fn serving() -> Option<Self> {
        const GRANTS: &str = include_str!("../../../deploy/postgres/serving.sql");
        let address = postgres_address()?;
        let mut database = Self::postgres(&address);
        let Location::Postgres { url } = database.options.location.clone() else { return None };
        // Roles are the server's: another test may be making it at this moment.
        administer(
            &url,
            "DO $$ BEGIN CREATE ROLE bank_serve LOGIN PASSWORD 'bank_serve'; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        );
        administer(&url, GRANTS);
        let (scheme, rest) = url.split_once("://").expect("an address with a scheme");
        let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
        let url = format!("{scheme}://bank_serve:bank_serve@{server}");
        database.options.location = Location::Postgres { url };
        Some(database)
    }

    /// On another server than this run's.
    pub fn on_server(address: &str) -> Self {
        let name = fresh_name("own");
        administer(address, &format!("CREATE DATABASE {name}"));
        let options = options(Location::Postgres { url: with_database(address, &name) });
        store::migrate(&options, Timestamp::from_seconds(0)).expect("migrations run on PostgreSQL");
        Self { options: Options { require_durable: true, ..options }, folder: None }
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Reaches the same database another way.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    /// The folder of a SQLite database.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self::new()
    }
}

/// The PostgreSQL of this run. Where `EXCHEQUER_TEST_REQUIRE=postgres` demands one, its absence fails.
pub fn postgres_address() -> Option<String> {
    let address = std::env::var("EXCHEQUER_TEST_POSTGRES").ok().filter(|a| !a.is_empty());
    assert!(
        address.is_some() || !required("postgres"),
        "EXCHEQUER_TEST_REQUIRE demands PostgreSQL, and EXCHEQUER_TEST_POSTGRES gives no address"
    );
    address
}

/// Whether `EXCHEQUER_TEST_REQUIRE` names it: then its absence is a failure and no reason to skip.
pub(crate) fn required(name: &str) -> bool {
    std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default().contains(name)
}

fn options(location: Location) -> Options {
    Options {
        cache_mib: 4,
        readers: 1,
        writers: 3,
        require_durable: false,
        // So few that every test of keys goes over more than one.
        run_rows: 20,
        ..Options::new(location)
    }
}

fn fresh_name(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("exq_{kind}_{}_{count}", std::process::id())
}

/// The address with another database name.
fn with_database(address: &str, name: &str) -> String {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    let server = match base.rsplit_once('/') {
        Some((server, _)) if server.contains("://") && !server.ends_with('/') => server,
        _ => base,
    };
    if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") }
}

/// Runs one statement on the server's own database, on a thread of its own.
fn administer(address: &str, sql: &str) {
    let (address, sql) = (address.to_owned(), sql.to_owned());
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&address, NoTls).await.expect("the test server answers");
            let driver = tokio::spawn(connection);
            client.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            drop(client);
            driver.await.expect("the connection's task").expect("the connection closes");
        });
    })
    .join()
    .expect("the test server does as told");
}
