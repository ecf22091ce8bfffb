//! A demo's bank that has moved to a PostgreSQL of its own, and nodes of `exchequer serve` on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use money::Clock;
use serde_json::{Value, json};
use testkit::postgres::{PostgresServer, Stop};
use testkit::process::{HttpClient, HttpReply, Server};
use tls::trial::Authority;

pub const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
/// What tokens of the demo and of all nodes name.
const PUBLIC_URL: &str = "http://localhost:8080";

pub struct Scene {
    folder: tempfile::TempDir,
    server: PostgresServer,
    address: String,
    pub payers: Vec<Payer>,
}

/// A customer without a second factor, signed in, and an account in rupees.
#[derive(Clone)]
pub struct Payer {
    pub token: String,
    pub account: String,
    pub balance: i64,
}

impl Scene {
    /// A bank in a file, stopped, and an empty server. None where this run has no PostgreSQL.
    pub fn new() -> Option<Self> {
        let server = PostgresServer::start_own()?;
        let folder = tempfile::tempdir().expect("a folder");
        let address = server.url();
        let mut scene = Self { folder, server, address, payers: Vec::new() };
        let demo = scene.demo();
        scene.payers = payers(&demo);
        assert!(scene.payers.len() >= 2, "the demo has customers without a factor");
        assert!(demo.terminate().success());
        Some(scene)
    }

    /// The same, moved.
    pub fn moved() -> Option<Self> {
        let scene = Self::new()?;
        let moved = scene.move_bank(&[]);
        assert!(moved.status.success(), "{moved:?}");
        Some(scene)
    }

    /// From now on the server lets nobody in without TLS and a certificate; the bank's address has both.
    pub fn encrypt(&mut self) {
        let now = Clock::System.now();
        let authority = Authority::new(now.plus_seconds(-3_600), now.plus_seconds(3_600));
        let authority = authority.expect("an authority");
        let server = authority.issue("database", &["db.example"]).expect("a pair");
        let own = authority.issue("bank", &[]).expect("a pair");
        let trust = authority.certificate_pem();
        self.server.demand_certificates();
        self.server.stop(Stop::Fast);
        self.server.set_tls(Some([&server.certificate_pem(), &server.key_pem(), &trust]));
        self.server.start();
        let ca = self.put("ca.pem", &trust);
        let certificate = self.put("own.pem", &own.certificate_pem());
        let key = self.put("own.key", &own.key_pem());
        let options = format!("sslrootcert={ca}&sslcert={certificate}&sslkey={key}");
        self.address = self.server.url_as("db.example", &options);
    }

    /// A file of the bank's alone; its path.
    pub fn put(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        path.to_string_lossy().into_owned()
    }

    pub fn demo(&self) -> Server {
        let data = self.data().to_string_lossy().into_owned();
        let arguments = ["demo", "--json", "--data", &data, "--listen", "127.0.0.1:0"];
        let settings =
            [("EXCHEQUER_RATE_LIMITS", "off"), ("EXCHEQUER_HTTP_PUBLIC_URL", PUBLIC_URL)];
        Server::start(BINARY.as_ref(), &arguments, &settings)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("bank")
    }

    /// The server's address.
    pub fn url(&self) -> String {
        self.address.clone()
    }

    pub fn move_bank(&self, environment: &[(&str, &str)]) -> Output {
        let data = self.data().to_string_lossy().into_owned();
        self.run(&["move", "--data", &data, "--to", &self.url()], environment)
    }

    /// A command to its end.
    pub fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().envs(environment.iter().copied());
        command.current_dir(self.folder.path()).output().expect("the binary runs")
    }

    /// Settings of the bank at the server.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let data = self.data();
        let checkpoints = data.join("checkpoints.txt");
        vec![
            ("EXCHEQUER_DATA_DIR", data.to_string_lossy().into_owned()),
            ("EXCHEQUER_MASTER_KEY_FILE", data.join("master.key").to_string_lossy().into_owned()),
            ("EXCHEQUER_LISTEN", "127.0.0.1:0".to_owned()),
            // The demo's own: what it has said outside goes along.
            ("EXCHEQUER_EVIDENCE_CHECKPOINT_FILE", checkpoints.to_string_lossy().into_owned()),
            ("EXCHEQUER_HTTP_PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("EXCHEQUER_DATABASE_URL", self.url()),
        ]
    }

    /// One more node of the bank at the server.
    pub fn node(&self, redis: &str) -> Server {
        self.node_with(redis, &[])
    }

    /// The same with further settings.
    pub fn node_with(&self, redis: &str, more: &[(&str, &str)]) -> Server {
        let settings = self.settings();
        let mut environment: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, &**value)).collect();
        environment.push(("EXCHEQUER_REDIS_URL", redis));
        environment.extend(more);
        Server::start(BINARY.as_ref(), &["serve"], &environment)
    }

    /// What `verify` says of the bank at the server.
    pub fn verified(&self) -> Value {
        let settings = self.settings();
        let environment: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, &**value)).collect();
        summary(&self.run(&["verify", "--json"], &environment))
    }
}

/// The summary of `verify --json`.
pub fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text).expect("JSON of verify");
    report["summary"].clone()
}

pub fn parse(reply: &HttpReply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

fn payers(demo: &Server) -> Vec<Payer> {
    let mut client = demo.client();
    let customers = demo.json()["customers"].as_array().cloned().expect("customers");
    let plain = customers.iter().filter(|customer| customer.get("totp_secret").is_none());
    plain.filter_map(|customer| payer(&mut client, customer)).collect()
}

fn payer(client: &mut HttpClient, customer: &Value) -> Option<Payer> {
    let body = json!({ "email": customer["email"], "password": customer["password"] });
    let reply = client.post("/v1/auth/login", None, None, &body).expect("an answer");
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let token = parse(&reply)["access_token"].as_str().expect("a token").to_owned();
    let accounts = parse(&client.get("/v1/accounts", Some(&token)).expect("an answer"));
    let accounts = accounts["data"].as_array().cloned().expect("accounts");
    let account = accounts.iter().find(|account| account["currency"] == "INR")?;
    let balance = account["balance"]["available"].as_i64().expect("a balance");
    Some(Payer { token, account: account["id"].as_str()?.to_owned(), balance })
}
