//! What is done to a bank from outside of it stands in its trail, and in the log over it: the schema, copies, processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use exchequer::presence::Presence;
use serde_json::{Value, json};
use store::{Db, DbError, Location, Options, Tx};
use testkit::TestBank;
use testkit::postgres::PostgresServer;
use testkit::process::Server;
use tokio::sync::watch;

use crate::Town;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

/// A bank that was made by the program, and its settings.
struct Made {
    folder: tempfile::TempDir,
    database: String,
    location: Location,
    /// What the database stands on.
    _server: Option<PostgresServer>,
}

/// An event: action, resource, `after`, request.
type Told = (String, String, Value, Vec<u8>);

impl Made {
    fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bank.db");
        let database = format!("sqlite://{}", path.display());
        Self::with(folder, (database, Location::Sqlite { path }), None)
    }

    /// None where this run has no PostgreSQL.
    fn on_postgres() -> Option<Self> {
        let server = PostgresServer::start_own()?;
        let (folder, url) = (tempfile::tempdir().expect("a folder"), server.url());
        let location = Location::Postgres { url: url.clone() };
        Some(Self::with(folder, (url, location), Some(server)))
    }

    fn with(
        folder: tempfile::TempDir,
        (database, location): (String, Location),
        server: Option<PostgresServer>,
    ) -> Self {
        let made = Self { folder, database, location, _server: server };
        made.done(&["init", &made.at("made").to_string_lossy()]);
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let text = |name: &str| self.at(name).to_string_lossy().into_owned();
        vec![
            ("EXCHEQUER_DATA_DIR", text("data")),
            ("EXCHEQUER_MASTER_KEY_FILE", text("made/master.key")),
            ("EXCHEQUER_LISTEN", "127.0.0.1:0".to_owned()),
            ("EXCHEQUER_HTTP_PUBLIC_URL", "http://localhost:8080".to_owned()),
            ("EXCHEQUER_DATABASE_URL", self.database.clone()),
            ("EXCHEQUER_DATABASE_LOCK_TIMEOUT_MS", "300".to_owned()),
        ]
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().envs(self.settings());
        command.current_dir(self.folder.path()).output().expect("the binary runs")
    }

    /// What a command that succeeds says.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{complaint}");
        said
    }

    fn serve(&self) -> Server {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        Server::start(BINARY.as_ref(), &["serve"], &settings)
    }

    /// The same bank at another database.
    fn elsewhere(self, name: &str) -> Self {
        let path = self.at(name);
        let database = format!("sqlite://{}", path.display());
        Self { database, location: Location::Sqlite { path }, ..self }
    }

    /// All events but those of keys, oldest first.
    fn told(&self) -> Vec<Told> {
        let sql = "SELECT action, resource, after, request FROM events \
                   WHERE action <> 'data_key.created' ORDER BY id";
        let read = |tx: &mut Tx<'_>| -> Result<Vec<Told>, DbError> {
            let told = |row: &store::Row| {
                let after = serde_json::from_str(row.text(2)?).expect("JSON");
                let (action, resource) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
                Ok((action, resource, after, row.blob(3)?.to_vec()))
            };
            tx.query(sql, &[])?.iter().map(told).collect()
        };
        let db = Db::open(&Options::new(self.location.clone())).expect("it opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let told = runtime.block_on(db.read("told", read)).expect("events");
        db.close();
        told
    }

    fn actions(&self) -> Vec<String> {
        self.told().into_iter().map(|(action, ..)| action).collect()
    }

    /// Leaves of the log, and rows that are none yet.
    fn verified(&self) -> (i64, i64) {
        let said: Value = serde_json::from_str(&self.done(&["verify", "--json"])).expect("JSON");
        let count = |path: &str| said.pointer(path).and_then(Value::as_i64).expect("a number");
        (count("/summary/log/leaves"), count("/summary/log/pending"))
    }
}

fn file(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A schema, a start, a stop and a copy, each in the trail and, after a stop, in the log.
fn live(bank: &Made) {
    bank.done(&["migrate"]);
    bank.done(&["migrate"]);
    let told = bank.told();
    assert_eq!(told.len(), 1, "nothing was migrated the second time: {told:?}");
    let (action, resource, after, _) = &told[0];
    assert_eq!((action.as_str(), resource.as_str()), ("schema.migrated", "schema"));
    let ran = after["ran"].as_array().expect("names");
    assert_eq!(i64::try_from(ran.len()), Ok(store::latest_version()));
    assert_eq!(after["schema"], json!(store::latest_version()));
    assert_eq!(bank.verified().0, 0, "nobody has served it");

    assert!(bank.serve().terminate().success());
    let told = bank.told();
    let [_, (started, name, _, one), (stopped, _, said, other)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((&started[..], &name[..]), ("process.started", "serve"));
    assert_eq!((&stopped[..], &said["cut"]), ("process.stopped", &json!(0)));
    assert_eq!(one, other, "a process is one request");
    let (leaves, pending) = bank.verified();
    assert!(leaves > 3 && pending == 0, "the log ends with the end: {leaves}, {pending}");

    // While it is served and while it is not; the log ends with each end, whoever had it before.
    let serving = bank.serve();
    copied(bank, "copy");
    assert!(serving.terminate().success());
    assert_eq!(bank.verified().1, 0);
    copied(bank, "later");

    // Killed: a start without an end, if the start was written by then.
    bank.serve().kill();
    assert!(bank.serve().terminate().success());
    let actions = bank.actions();
    let count = |name: &str| actions.iter().filter(|action| *action == name).count();
    assert_eq!(count("process.stopped"), 3);
    assert!((3..=4).contains(&count("process.started")), "{actions:?}");
}

fn copied(bank: &Made, name: &str) {
    let said = bank.done(&["backup", &file(&bank.at(name))]);
    assert!(!said.contains("NOT"), "{said}");
    let made = |(action, _, after, _): &Told| action == "backup.made" && after["file"] == *name;
    let told = bank.told();
    let (_, resource, after, _) = told.iter().find(|told| made(told)).expect("an event");
    assert_eq!(resource, "backup");
    assert!(after["rows"].as_i64() > Some(10) && after["bytes"].as_i64() > Some(10_000));
    assert_eq!(after["encrypted"], json!(false));
}

/// The copy is right by itself, and comes back with the event of its coming.
fn come_back(bank: Made) {
    let copy = file(&bank.at("later"));
    let bank = bank.elsewhere("new.db");
    bank.done(&["restore", &copy]);
    let (action, resource, after, _) = bank.told().pop().expect("an event");
    assert_eq!((action.as_str(), resource.as_str()), ("backup.restored", "backup"));
    assert_eq!(after["file"], json!("later"));
    let made = bank.actions().into_iter().filter(|action| action == "backup.made").count();
    assert_eq!(made, 1, "of its own making a copy does not have the event");
    assert!(bank.serve().terminate().success());
    let (leaves, pending) = bank.verified();
    assert!(leaves > 0 && pending == 0, "{leaves}, {pending}");
    let bank = bank.elsewhere("copy");
    bank.done(&["verify"]);
}

// PCI DSS 10.2.1.6: each process that serves the bank leaves its start and its end, and the log ends with the end.
// PCI DSS 10.2.1.7: a migration, a copy and its return are events, as keys and people that come or go are.
#[test]
fn what_commands_do_to_a_bank_stands_in_its_trail_on_sqlite() {
    let bank = Made::on_sqlite();
    live(&bank);
    come_back(bank);
}

#[test]
fn what_commands_do_to_a_bank_stands_in_its_trail_on_postgres() {
    let Some(bank) = Made::on_postgres() else { return };
    live(&bank);
    come_back(bank);
}

/// As on a full disk: a copy that cannot be recorded is made all the same, and says so.
#[test]
fn a_copy_of_a_bank_that_cannot_write_is_made_and_says_what_is_missing() {
    let bank = Made::on_sqlite();
    bank.done(&["migrate"]);
    let db = Db::open(&Options::new(bank.location.clone())).expect("it opens");
    let (begun, is_begun) = std::sync::mpsc::channel();
    let (end, is_over) = std::sync::mpsc::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    std::thread::scope(|scope| {
        let hold = move |tx: &mut Tx<'_>| -> Result<(), DbError> {
            tx.execute("UPDATE data_keys SET sealings = sealings", &[])?;
            begun.send(()).expect("somebody waits");
            is_over.recv().map_err(|error| DbError::Panicked(error.to_string()))
        };
        let writing = scope.spawn(|| runtime.block_on(db.write("hold", hold)));
        is_begun.recv().expect("the database is held");
        let said = bank.done(&["backup", &file(&bank.at("copy"))]);
        assert!(said.contains("NOT stand in the bank's trail"), "{said}");
        end.send(()).expect("somebody waits");
        writing.join().expect("a thread").expect("it was held");
    });
    db.close();
    assert!(bank.at("copy").exists());
    assert_eq!(bank.actions(), ["schema.migrated"]);
}

#[tokio::test]
async fn a_start_that_could_not_be_written_is_written_before_the_end() {
    let town = Town::of(TestBank::new().await).await;
    let bank = town.bank.bank();
    let presence = Presence::begin(bank, "serve");
    bank.db().faults().fail_at("process.started", 1);
    let (_tell, told) = watch::channel(true);
    presence.clone().record_start(told).await;
    assert!(!bank.db().faults().disarm(), "it was tried");
    assert_eq!(presences(&town).await, [] as [String; 0]);
    let (_tell, told) = watch::channel(false);
    presence.record_end(7, &told).await;
    assert_eq!(presences(&town).await, ["process.started", "process.stopped"]);
    let proven = town.proven().await;
    assert!(proven.leaves > 2 && proven.pending == 0, "{proven:?}");

    // An end that cannot be written holds nothing up.
    bank.db().faults().fail_at("process.stopped", 1);
    Presence::begin(bank, "serve").record_end(0, &told).await;
    assert_eq!(presences(&town).await.len(), 3);
}

async fn presences(town: &Town) -> Vec<String> {
    let sql = "SELECT action FROM events WHERE action LIKE 'process.%' ORDER BY id";
    let read = town.bank.bank().db().read("presences", move |tx| {
        let rows = tx.query(sql, &[])?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<Vec<_>, DbError>>()
    });
    read.await.expect("events")
}
