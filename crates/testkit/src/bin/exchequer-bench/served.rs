//! The shipped binary with a demo bank: what it holds in memory, and how soon it listens.
//!
//! The binary is the one that was built beside this one. A demo is stopped by its own process id and
//! its books are verified by `exchequer verify`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use money::{IdMint, Rng};
use serde_json::{Value, json};
use store::posting::MAX_BATCH;
use testkit::process::Server;

use crate::bank::Opened;
use crate::load::{Keys, time_ordered_uuid};
use crate::{Result, engine, now};

/// Connections that ask at once while a demo is filled over HTTP.
const CONNECTIONS: u32 = 64;
const CREATED: u16 = 201;

pub struct Demo {
    server: Server,
    folder: PathBuf,
}

/// A customer of a demo.
pub struct SignedIn {
    pub token: String,
    /// In rupees.
    pub account: String,
}

impl Demo {
    /// A new demo in the folder; what was there is removed.
    pub fn fresh(folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        Self::start(folder)
    }

    fn start(folder: &Path) -> Result<Self> {
        let data = folder.to_str().ok_or("the folder's name is not UTF-8")?;
        let arguments = ["demo", "--json", "--data", data, "--listen", "127.0.0.1:0"];
        let unlimited = [("EXCHEQUER_RATE_LIMITS", "off")];
        let server = Server::start(&binary()?, &arguments, &unlimited);
        Ok(Self { server, folder: folder.to_owned() })
    }

    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// The object of `demo --json`.
    pub fn introduction(&self) -> Value {
        self.server.json()
    }

    /// Signs in every customer without a second factor and finds an account in rupees of each.
    pub fn sign_in(&self) -> Result<Vec<SignedIn>> {
        let introduction = self.server.json();
        let customers = introduction["customers"].as_array().ok_or("a demo without customers")?;
        let mut client = self.server.client();
        let mut people = Vec::new();
        // Who has a second factor shows it with each payment; the load is of those who have none.
        for customer in customers.iter().filter(|customer| customer.get("totp_secret").is_none()) {
            let body = json!({ "email": customer["email"], "password": customer["password"] });
            let reply = client.post("/v1/auth/login", None, None, &body)?;
            let answer: Value = serde_json::from_slice(&reply.body)?;
            let token = answer["access_token"].as_str().ok_or("a sign-in gave no token")?;
            let accounts = customer["accounts"].as_array().ok_or("a customer without accounts")?;
            let account = accounts
                .iter()
                .find(|account| account["currency"] == "INR")
                .and_then(|account| account["id"].as_str())
                .ok_or("a customer without an account in rupees")?;
            people.push(SignedIn { token: token.to_owned(), account: account.to_owned() });
        }
        Ok(people)
    }

    fn resident_megabytes(&self) -> Result<f64> {
        crate::resident_megabytes(&self.server.id().to_string())
    }

    pub fn stop_and_verify(self) -> Result<()> {
        let status = self.server.terminate();
        if !status.success() {
            return Err(format!("the demo ended with {status}").into());
        }
        let output = Command::new(binary()?)
            .args(["verify", "--data"])
            .arg(&self.folder)
            .env_clear()
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("the demo's books: {}", String::from_utf8_lossy(&output.stdout)).into())
    }
}

/// `VmRSS` of a served demo after `total` transfers.
pub fn memory(total: u32, folder: &Path) -> Result<Value> {
    let demo = Demo::fresh(folder)?;
    let people = demo.sign_in()?;
    let mint = IdMint::new(Rng::System);
    let share = total.div_ceil(CONNECTIONS);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS as usize)
            .map(|number| {
                let payer = &people[number % people.len()];
                let payee = &people[(number + 1) % people.len()];
                let (demo, mint) = (&demo, &mint);
                scope.spawn(move || send(demo, [payer, payee], share, mint))
            })
            .collect();
        for caller in callers {
            caller.join().map_err(|_| "a caller panicked")??;
        }
        Result::<()>::Ok(())
    })?;
    let megabytes = demo.resident_megabytes()?;
    demo.stop_and_verify()?;
    Ok(json!({ "megabytes": megabytes }))
}

fn send(demo: &Demo, [payer, payee]: [&SignedIn; 2], count: u32, mint: &IdMint) -> Result<()> {
    let mut client = demo.server.client();
    let body =
        json!({ "from": payer.account, "to": payee.account, "amount": 1, "currency": "INR" });
    for _ in 0..count {
        let key = time_ordered_uuid(mint);
        let reply = client.post("/v1/transfers", Some(&payer.token), Some(&key), &body)?;
        if reply.status != CREATED {
            return Err(String::from_utf8_lossy(&reply.body).into_owned().into());
        }
    }
    Ok(())
}

/// A demo with `total` transfers, made through the engine, stopped and verified.
pub fn fill(total: u32, folder: &Path) -> Result<Value> {
    Demo::fresh(folder)?.stop_and_verify()?;
    let opened = Opened::left_in(folder)?;
    let rate = engine::run(&opened, Keys::Ordered, u32::try_from(MAX_BATCH)?, total)?;
    opened.finish()?;
    Ok(json!({ "rate": rate }))
}

/// Seconds from the process's start to the listening line.
pub fn start(folder: &Path) -> Result<Value> {
    let before = now();
    let demo = Demo::start(folder)?;
    let seconds = before.elapsed().as_secs_f64();
    let status = demo.server.terminate();
    if status.success() {
        Ok(json!({ "seconds": seconds }))
    } else {
        Err(format!("the demo ended with {status}").into())
    }
}

pub fn binary() -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("exchequer"))
}
