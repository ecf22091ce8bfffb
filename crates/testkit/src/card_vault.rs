//! The card vault of a bank as it is beside it: in the process of the test, or the shipped binary.
//!
//! Where `EXCHEQUER_TEST_VAULT` is `process`, every bank of a test that names none gets one of its own, with another
//! database and another master key; it is served by a task, over a real socket.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use exchequer::bank::Bank;
use exchequer::cards::keeper::server::Server;
use exchequer::config::{CardVault, Config, VaultPlace};
use exchequer::keys::adopt_in;
use exchequer::keys::holder::KeyHolder;
use money::{Clock, Rng};
use store::{Db, DbError};
use tempfile::TempDir;
use tokio::sync::watch;
use vault::{Keyring, MasterKey};

use crate::database::TestDatabase;

/// A vault in the process.
pub struct TestVault {
    settings: CardVault,
    bank: Bank,
    _stop: watch::Sender<bool>,
    _database: TestDatabase,
}

/// A vault that is a process of its own, of which only the place is known.
pub struct VaultProcess {
    folder: TempDir,
    binary: PathBuf,
    /// Its settings, as names and values of the environment.
    settings: Vec<(&'static str, String)>,
    /// Where it said that it listens.
    place: String,
    child: Option<Child>,
}

const SOCKET: &str = "EXCHEQUER_CARD_VAULT_SOCKET";
const ADDRESS: &str = "EXCHEQUER_CARD_VAULT_ADDRESS";

/// Whether this run's banks have a vault beside them.
pub fn is_wanted() -> bool {
    match std::env::var("EXCHEQUER_TEST_VAULT").unwrap_or_default().as_str() {
        "" => false,
        "process" => true,
        other => panic!("EXCHEQUER_TEST_VAULT is {other:?}, not process"),
    }
}

impl TestVault {
    pub async fn start(clock: Clock) -> Self {
        let database = TestDatabase::sqlite();
        let db = Db::open(database.options()).expect("the vault's database opens");
        let rng = Rng::seeded(23);
        let master = MasterKey::generate(&rng).expect("a master key");
        let rows = Keyring::first_data_keys(&master, &rng, clock.now()).expect("data keys");
        let adopted = rows.clone();
        let adopt = db.write("keys.adopt", move |tx| adopt_in(tx, &adopted)).await;
        adopt.unwrap_or_else(|error: DbError| panic!("{error}"));
        let keys = KeyHolder::open_here(master, rows, clock.now()).expect("a keyring");
        let folder = database.folder().expect("the folder of a SQLite database");
        let settings = settings(folder);
        let config = Config::demo(folder.into(), "127.0.0.1:0".parse().expect("an address"));
        let bank = Bank::new(db, keys, config, clock, rng);
        let server = Server::bind(bank.clone(), settings.clone()).await.expect("the socket");
        let (stop, told) = watch::channel(false);
        // It ends with the sender.
        drop(tokio::spawn(server.serve(told)));
        Self { settings, bank, _stop: stop, _database: database }
    }

    /// For the bank's configuration.
    pub fn settings(&self) -> CardVault {
        self.settings.clone()
    }

    /// The vault's own keys and events.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }
}

impl VaultProcess {
    /// Makes a vault in a folder of its own and starts it at a socket there.
    pub fn start(binary: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let socket = folder.path().join("vault.sock").display().to_string();
        Self::start_in(folder, binary, vec![(SOCKET, socket)])
    }

    /// The same at any free port of this machine, in TLS by the files that these settings name.
    pub fn start_in_tls(binary: &Path, mut settings: Vec<(&'static str, String)>) -> Self {
        settings.push((ADDRESS, "127.0.0.1:0".to_owned()));
        Self::start_in(TempDir::new().expect("a temporary folder"), binary, settings)
    }

    fn start_in(folder: TempDir, binary: &Path, settings: Vec<(&'static str, String)>) -> Self {
        let (binary, place) = (binary.to_owned(), String::new());
        let mut vault = Self { folder, binary, settings, place, child: None };
        vault.finish(&["init", &vault.path("bank")]);
        vault.finish(&["migrate", "--config", &vault.path("bank/exchequer.toml")]);
        vault.start_again();
        vault
    }

    pub fn start_again(&mut self) {
        let child = self
            .command(&["vault", "--config", &self.path("bank/exchequer.toml")])
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("the binary starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its standard output");
        let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line);
        read.expect("a line of it");
        self.child = Some(child);
        let place = line.trim_end().strip_prefix("listening at ");
        place.expect("a line that says where the vault listens").clone_into(&mut self.place);
        // The next one listens there again.
        for (_, value) in self.settings.iter_mut().filter(|(name, _)| *name == ADDRESS) {
            self.place.clone_into(value);
        }
    }

    /// A path, or an address with its port.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a running vault");
        child.kill().expect("our own process");
        let _status = child.wait().expect("our own process");
    }

    /// For a bank beside its socket.
    pub fn settings(&self) -> CardVault {
        settings(self.folder.path())
    }

    /// Has the vault's own books replayed; gives whether they are right.
    pub fn verifies(&self) -> bool {
        let config = self.path("bank/exchequer.toml");
        let status = self.command(&["verify", "--config", &config]).status();
        status.expect("the binary starts").success()
    }

    fn finish(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for VaultProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let killed = child.kill().and_then(|()| child.wait());
            assert!(killed.is_ok() || std::thread::panicking(), "{killed:?}");
        }
    }
}

fn settings(folder: &Path) -> CardVault {
    let peer_uid = std::fs::metadata(folder).expect("the folder").uid();
    let place = VaultPlace::Socket { path: folder.join("vault.sock"), peer_uid };
    CardVault { place, reveals_per_hour: 1_000_000 }
}
