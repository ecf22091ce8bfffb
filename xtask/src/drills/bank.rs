//! A bank with a demo's people in it, served as a configured one, and a customer who moves money there.
//!
//! What is acknowledged is noted, and looked for at the end. Bound: 40 seconds for a start, five minutes for a command.

use std::cell::{Cell, RefCell};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::Scene;
use super::watch::after;
use crate::Result;
use crate::failover::http::{Reply, Request};
use crate::postgres::free_port;
use crate::process::{append, tail};
use crate::running::Running;
use crate::smoke::{ask, succeed};
use crate::workspace::clean_environment;

pub const PACE: Duration = Duration::from_millis(500);
pub const QUICK: Duration = Duration::from_millis(100);
pub const LIMIT: Duration = Duration::from_secs(40);

pub struct Bank<'guard> {
    scene: &'guard Scene<'guard>,
    pub folder: PathBuf,
    pub at: SocketAddr,
    pub metrics: SocketAddr,
    /// What the demo told of its people.
    pub told: Value,
    settings: Vec<(&'static str, String)>,
    running: Option<Running<'guard>>,
    token: RefCell<String>,
    acknowledged: RefCell<Vec<String>>,
    count: Cell<u32>,
}

impl<'guard> Bank<'guard> {
    /// Makes people and money, and serves nothing yet.
    pub fn seeded(scene: &'guard Scene<'guard>) -> Result<Self> {
        let folder = scene.guard.folder().join("bank");
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let printed = scene.guard.folder().join("demo.json");
        let mut command = Command::new(&scene.binary);
        clean_environment(&mut command).args(["demo", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(&folder).current_dir(scene.guard.folder());
        command.stdout(append(&printed)?);
        let log = scene.guard.folder().join("demo.log");
        let mut demo = Running::start(&mut command, "demo", scene.guard, &log)?;
        let read = || fs::read_to_string(&printed).map_err(|error| error.to_string());
        after("a demo that listens", (LIMIT, QUICK), || Ok(read()?.contains("listening on ")))
            .map_err(|error| format!("{error}\n{}", tail(&log, 8)))?;
        succeed("exchequer demo", demo.terminate()?)?;
        let text = read()?;
        let object = text.lines().next().unwrap_or_default();
        let told = serde_json::from_str(object).map_err(|error| format!("demo --json: {error}"))?;
        let settings = vec![("EXCHEQUER_TOKEN_ACCESS_SECONDS", "300".to_owned())];
        Ok(Self {
            scene,
            folder,
            at,
            metrics,
            told,
            settings,
            running: None,
            token: RefCell::default(),
            acknowledged: RefCell::default(),
            count: Cell::new(0),
        })
    }

    /// Another setting, by its name in the environment.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
    }

    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Serves until it answers at `/metrics`, which it does without a certificate.
    pub fn serve(&mut self) -> Result<()> {
        let command = self.command(&["serve"]);
        self.serve_as(command)
    }

    /// The same by a command of another shape.
    pub fn serve_as(&mut self, mut command: Command) -> Result<()> {
        let log = self.log();
        command.stdout(append(&log)?);
        let mut running = Running::start(&mut command, "bank", self.scene.guard, &log)?;
        let metrics = self.metrics;
        after("a bank that serves", (LIMIT, QUICK), || {
            Ok(!running.runs()?
                || ask(metrics, "/metrics").is_ok_and(|text| text.contains("200 OK")))
        })
        .map_err(|error| format!("{error}\n{}", tail(&log, 8)))?;
        if !running.runs()? {
            return Err(format!("the bank ended at once\n{}", tail(&log, 8)));
        }
        self.running = Some(running);
        Ok(())
    }

    pub fn id(&self) -> Result<u32> {
        self.running.as_ref().map(Running::id).ok_or_else(|| "the bank does not run".to_owned())
    }

    /// SIGTERM; it must end with 0.
    pub fn stop(&mut self) -> Result<()> {
        let mut running = self.running.take().ok_or("the bank does not run")?;
        succeed("exchequer serve after SIGTERM", running.terminate()?)
    }

    pub fn kill(&mut self) -> Result<()> {
        self.running.take().ok_or("the bank does not run")?.kill()
    }

    pub fn log(&self) -> PathBuf {
        self.scene.guard.folder().join("bank.log")
    }

    /// A subcommand of the bank with this bank's settings.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.scene.binary);
        clean_environment(&mut command).args(words).current_dir(self.scene.guard.folder());
        let folder = self.folder.display();
        command
            .env("EXCHEQUER_DATA_DIR", &self.folder)
            .env("EXCHEQUER_MASTER_KEY_FILE", self.folder.join("master.key"))
            .env("EXCHEQUER_DATABASE_URL", format!("sqlite://{folder}/bank.db"))
            .env("EXCHEQUER_LISTEN", self.at.to_string())
            .env("EXCHEQUER_METRICS_LISTEN", self.metrics.to_string());
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }

    /// Runs a subcommand to its end.
    pub fn output(&self, words: &[&str]) -> Result<Output> {
        output(&mut self.command(words))
    }

    /// Transfers and payments, as `exchequer verify` counts them; an error where the books are wrong.
    pub fn verified(&self) -> Result<(u64, u64)> {
        counted(&self.output(&["verify", "--json"])?)
    }

    /// Signs the customer in anew.
    pub fn sign_in(&self) -> Result<()> {
        let person = &self.told["customers"][0];
        let body = json!({"email": person["email"], "password": person["password"]});
        let reply = self.send(&Request::post("/v1/auth/login", body))?;
        let token = reply.body["access_token"].as_str();
        let token = token.ok_or_else(|| format!("signing in answers {}", reply.status))?;
        token.clone_into(&mut self.token.borrow_mut());
        Ok(())
    }

    /// Something of the customer's, with a key of its own.
    pub fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.count.set(self.count.get() + 1);
        let key = format!("drill-{}", self.count.get());
        let token = self.token.borrow().clone();
        let mut request = Request::post(path, body);
        (request.token, request.key) = (Some(token.as_str()), Some(key.as_str()));
        self.send(&request)
    }

    /// One transfer with a key of its own: the status. What is a success is noted.
    pub fn transfer(&self) -> Result<u16> {
        let reply = self.post("/v1/transfers", self.order())?;
        if let (201, Some(id)) = (reply.status, reply.body["id"].as_str()) {
            self.acknowledged.borrow_mut().push(id.to_owned());
        }
        Ok(reply.status)
    }

    /// So many in one request.
    pub fn batch(&self, size: u64) -> Result<u64> {
        let orders: Vec<Value> = (0..size).map(|_| self.order()).collect();
        let body = json!({"transfers": orders, "atomic": true});
        let reply = self.post("/v1/transfers/batch", body)?;
        let results = reply.body["results"].as_array();
        let results = results.ok_or_else(|| format!("a batch answers {}", reply.status))?;
        let done = results.iter().filter(|result| result.get("transfer").is_some()).count();
        u64::try_from(done).map_err(|error| error.to_string())
    }

    /// Between the customer's own accounts.
    pub fn order(&self) -> Value {
        let accounts = &self.told["customers"][0]["accounts"];
        json!({"from": accounts[0]["id"], "to": accounts[1]["id"], "amount": 1, "currency": "INR"})
    }

    /// The status of a read.
    pub fn read(&self) -> Result<u16> {
        let token = self.token.borrow().clone();
        let mut request = Request::get("/v1/accounts");
        request.token = Some(&token);
        Ok(self.send(&request)?.status)
    }

    /// The status of `/readyz`.
    pub fn ready(&self) -> Result<u16> {
        Ok(self.send(&Request::get("/readyz"))?.status)
    }

    pub fn acknowledged(&self) -> u64 {
        u64::try_from(self.acknowledged.borrow().len()).unwrap_or(u64::MAX)
    }

    /// Forgets what was noted, which is counted elsewhere.
    pub fn forget(&self) {
        self.acknowledged.borrow_mut().clear();
    }

    /// The ids of what was noted.
    pub fn noted(&self) -> Vec<String> {
        self.acknowledged.borrow().clone()
    }

    /// Notes what a [`Writer`] has done.
    pub fn note(&self, ids: Vec<String>) {
        self.acknowledged.borrow_mut().extend(ids);
    }

    /// The same customer, for another thread.
    pub fn writer(&self) -> Writer {
        Writer { at: self.at, token: self.token.borrow().clone(), order: self.order() }
    }

    /// How many of the noted transfers are not there.
    pub fn lost(&self) -> Result<u64> {
        self.missing(&self.noted())
    }

    /// How many of these.
    pub fn missing(&self, ids: &[String]) -> Result<u64> {
        let mut lost = 0;
        for id in ids {
            let (token, path) = (self.token.borrow().clone(), format!("/v1/transfers/{id}"));
            let mut request = Request::get(&path);
            request.token = Some(&token);
            match self.send(&request)?.status {
                200 => {}
                404 => lost += 1,
                status => return Err(format!("a transfer answers {status}")),
            }
        }
        Ok(lost)
    }

    pub fn send(&self, request: &Request<'_>) -> Result<Reply> {
        let what = format!("{} {}", request.method, request.path);
        request.send(self.at).map_err(|error| format!("{what}: {error}"))
    }
}

/// A customer who sends transfers from another thread.
pub struct Writer {
    at: SocketAddr,
    token: String,
    order: Value,
}

impl Writer {
    /// So many in one request: the ids of what is acknowledged; anything else is an error.
    pub fn send(&self, number: u32, size: usize) -> Result<Vec<String>> {
        let key = format!("drill-writer-{number}");
        let body = json!({"transfers": vec![self.order.clone(); size], "atomic": true});
        let mut request = Request::post("/v1/transfers/batch", body);
        (request.token, request.key) = (Some(self.token.as_str()), Some(key.as_str()));
        let reply = request.send(self.at).map_err(|error| format!("a batch: {error}"))?;
        let results = reply.body["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<String> = results
            .iter()
            .filter_map(|result| result["transfer"]["id"].as_str().map(ToOwned::to_owned))
            .collect();
        if ids.len() == size { Ok(ids) } else { Err(format!("a batch answers {}", reply.status)) }
    }
}

pub fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| format!("{command:?}: {error}"))
}

/// What a `verify --json` counted.
pub fn counted(output: &Output) -> Result<(u64, u64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Value = serde_json::from_str(text.trim())
        .map_err(|error| format!("verify: {error}: {}", said(output)))?;
    if !output.status.success() {
        return Err(format!("verify: {text}"));
    }
    let count = |name: &str| found["summary"][name].as_u64().ok_or("verify does not count");
    Ok((count("transfers")?, count("payments")?))
}

/// The last line of standard error.
pub fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().last().unwrap_or_default().trim().to_owned()
}

pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", to.display()))
}

pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| format!("{}: {error}", to.display()))
}
