//! A master key in shares: split by the command, served from, taken away while it serves, and never again whole in a file.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use exchequer::cli::{self, Failure, Place};
use testkit::process::Server;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

/// A new bank, whose master key is in a file at first.
struct Bank {
    folder: tempfile::TempDir,
}

impl Bank {
    fn new() -> Self {
        let bank = Self { folder: tempfile::tempdir().expect("a folder") };
        cli::init(&bank.at("bank"), false).expect("made");
        cli::migrate(&bank.place()).expect("migrated");
        bank
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self) -> Place {
        Place { config: Some(self.at("bank/exchequer.toml")), data: None }
    }

    /// Files in a folder for each custodian.
    fn files(&self, count: usize) -> Vec<PathBuf> {
        let files = (1..=count).map(|number| {
            let folder = self.at(&format!("custodian-{number}"));
            fs::create_dir_all(&folder).expect("a folder");
            folder.join("key.share")
        });
        files.collect()
    }

    /// The configuration names these shares in the place of what it named.
    fn name(&self, shares: &[PathBuf]) {
        let file = self.at("bank/exchequer.toml");
        let text = fs::read_to_string(&file).expect("the configuration");
        let kept = text.lines().filter(|line| {
            !line.starts_with("master_key_file") && !line.starts_with("master_key_share_files")
        });
        let shares: Vec<_> =
            shares.iter().map(|path| format!("{:?}", path.display().to_string())).collect();
        let first = format!("master_key_share_files = [{}]\n", shares.join(", "));
        fs::write(file, [&*first, &*kept.collect::<Vec<_>>().join("\n")].concat())
            .expect("written");
    }

    fn serve(&self) -> Server {
        let config = self.at("bank/exchequer.toml").display().to_string();
        let listen = [("EXCHEQUER_LISTEN", "127.0.0.1:0")];
        Server::start(BINARY.as_ref(), &["serve", "--config", &config], &listen)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        let config = self.at("bank/exchequer.toml");
        command.args(arguments).arg("--config").arg(config).env_clear();
        command.current_dir(self.folder.path()).output().expect("the binary runs")
    }
}

fn is_ready(server: &Server) -> bool {
    server.client().get("/readyz", None).expect("an answer").status == 200
}

fn said<T>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Said(text)) => text,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

// PCI DSS 3.7.6: the bank serves from shares of as many custodians, opens again with all of them, and with all but one does
// not; once it serves they may be taken away.
#[test]
fn a_bank_serves_from_shares_and_opens_again_with_all_of_them_only() {
    let bank = Bank::new();
    let whole = bank.at("bank/master.key");
    let shares = bank.files(3);
    let names: Vec<_> = shares.iter().map(|path| path.display().to_string()).collect();
    let into = ["keys", "split", "--into"].into_iter().chain(names.iter().map(|name| &**name));
    let split = bank.run(&into.collect::<Vec<_>>());
    assert!(split.status.success(), "{split:?}");
    let told = String::from_utf8_lossy(&split.stdout).into_owned();
    let listed: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    let setting = format!("master_key_share_files = [{}]", listed.join(", "));
    assert!(told.contains(&setting) && told.contains("destroy"), "{told}");
    assert!(told.contains(&whole.display().to_string()), "{told}");
    bank.name(&shares);
    fs::remove_file(&whole).expect("removed");

    let server = bank.serve();
    assert!(is_ready(&server));
    let kept = fs::read(&shares[1]).expect("a share");
    fs::remove_file(&shares[1]).expect("taken away");
    assert!(is_ready(&server), "a process that has the key needs no files");
    assert!(server.terminate().success());
    for command in ["serve", "migrate", "verify"] {
        let refused = bank.run(&[command]);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{command}");
        assert!(text.contains(&format!("{}: it does not exist", names[1])), "{command}: {text}");
    }
    fs::write(&shares[1], kept).expect("brought back");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&shares[1], mode).expect("a mode");
    let server = bank.serve();
    assert!(is_ready(&server));
    assert!(server.terminate().success());
}

// PCI DSS 3.7.5, 3.7.6: when a custodian leaves the shares are made anew: of the same key, of which theirs is none any more,
// or of a new one, to which the data keys move.
#[test]
fn shares_are_replaced_by_others_of_the_same_key_and_by_those_of_a_new_one() {
    let bank = Bank::new();
    let first = bank.files(2);
    cli::split_key(&bank.place(), &first).expect("split");
    bank.name(&first);
    let second: Vec<_> = (1..=3).map(|number| bank.at(&format!("second-{number}"))).collect();
    cli::split_key(&bank.place(), &second).expect("split again, from shares");
    bank.name(&second);
    cli::verify(&bank.place(), &cli::Witnesses::default(), true).expect("the same key");
    bank.name(&[&first[..1], &second[1..]].concat());
    assert!(said(cli::migrate(&bank.place())).contains("of another splitting than"));

    // A new key, made elsewhere and split there.
    bank.name(&second);
    let old = bank.at("old.toml");
    fs::copy(bank.at("bank/exchequer.toml"), &old).expect("a copy");
    cli::init(&bank.at("new"), false).expect("made");
    let new = Place { config: Some(bank.at("new/exchequer.toml")), data: None };
    let third: Vec<_> = (1..=2).map(|number| bank.at(&format!("third-{number}"))).collect();
    cli::split_key(&new, &third).expect("split");
    fs::remove_dir_all(bank.at("new")).expect("removed");
    bank.name(&third);
    cli::rewrap_keys(&bank.place(), Some(old)).expect("moved, from shares to shares");
    let server = bank.serve();
    assert!(is_ready(&server));
    assert!(server.terminate().success());
    bank.name(&second);
    let text = String::from_utf8_lossy(&bank.run(&["serve"]).stderr).into_owned();
    assert!(text.contains("another master key"), "{text}");
}

#[test]
fn a_split_overwrites_nothing_and_needs_two_files() {
    let bank = Bank::new();
    let files = bank.files(2);
    fs::write(&files[1], "mine").expect("written");
    assert!(said(cli::split_key(&bank.place(), &files)).contains("is there already"));
    assert!(!files[0].exists() && fs::read(&files[1]).expect("it") == b"mine");
    let one = said(cli::split_key(&bank.place(), &files[..1]));
    assert!(one.contains("2 to 8 shares"), "{one}");
    let name = files[0].display().to_string();
    assert_eq!(bank.run(&["keys", "split", "--into", &name]).status.code(), Some(2));
    let twice = said(cli::split_key(&bank.place(), &[files[0].clone(), files[0].clone()]));
    assert!(twice.contains("named twice"), "{twice}");
    assert!(!files[0].exists());
    // Of a key in one folder it is said that nothing is split yet.
    let together = ["a", "b"].map(|name| bank.at(name).display().to_string());
    let made = bank.run(&["keys", "split", "--into", &together[0], &together[1]]);
    assert!(String::from_utf8_lossy(&made.stdout).contains("all in one folder"), "{made:?}");
}
