//! Two nodes of one bank, and the people who have money in it.
//!
//! Order: `init`, `migrate`, `staff create`, both nodes, then customers, accounts and deposits through the API.
//! Bound: 40 seconds for a node to be ready, 60 for a command. Each customer has an address of their own, told by
//! `X-Forwarded-For` as of one trusted proxy, since limits are for each address.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Request;
use super::wait::wait_for;
use crate::Result;
use crate::guard::Guard;
use crate::postgres::free_port;
use crate::process::{append, run_logged, tail};
use crate::running::Running;
use crate::smoke::succeed;
use crate::workspace::clean_environment;

pub const NODES: usize = 2;
/// Minor units that each account begins with.
pub const DEPOSIT: i64 = 10_000_000;
const READY_LIMIT: Duration = Duration::from_secs(40);
const COMMAND_LIMIT: Duration = Duration::from_mins(2);
const OUTPUT_BYTES: u64 = 64 * 1024;
const PUBLIC_URL: &str = "http://localhost:8080";
const TELLER: &str = "teller@failover.test";

pub struct Bank<'guard> {
    pub nodes: Vec<Node<'guard>>,
    guard: &'guard Guard,
    binary: PathBuf,
    folder: PathBuf,
    surroundings: [(&'static str, String); 2],
}

pub struct Node<'guard> {
    pub at: SocketAddr,
    running: Option<Running<'guard>>,
}

/// Somebody with an account in INR.
pub struct Customer {
    pub email: String,
    pub password: String,
    pub address: String,
    pub account: String,
    pub number: String,
}

impl<'guard> Bank<'guard> {
    pub fn open(
        guard: &'guard Guard,
        binary: &Path,
        database: String,
        redis: String,
    ) -> Result<Self> {
        let folder = guard.folder().join("bank");
        let surroundings = [("EXCHEQUER_DATABASE_URL", database), ("EXCHEQUER_REDIS_URL", redis)];
        let mut bank =
            Self { nodes: Vec::new(), guard, binary: binary.to_owned(), folder, surroundings };
        let log = bank.guard.folder().join("commands.log");
        bank.run(Command::new(&bank.binary).arg("init").arg(&bank.folder), &log)?;
        bank.run(&mut bank.command("migrate", &bank.guard.folder().join("migrate")), &log)?;
        for _ in 0..NODES {
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
            bank.nodes.push(Node { at, running: None });
        }
        for number in 0..NODES {
            bank.start(number)?;
        }
        Ok(bank)
    }

    pub fn start(&mut self, number: usize) -> Result<()> {
        let at = self.nodes[number].at;
        let data = self.folder.join(format!("node{number}"));
        let log = self.log(number);
        let mut command = self.command("serve", &data);
        command.env("EXCHEQUER_LISTEN", at.to_string()).stdout(append(&log)?);
        let name = format!("bank{number}");
        let mut running = Running::start(&mut command, &name, self.guard, &log)?;
        wait_for(&format!("answer of {name}"), READY_LIMIT, || {
            if !running.runs()? {
                return Ok(false);
            }
            // Not connected means not ready.
            Ok(Request::get("/readyz").send(at).is_ok_and(|reply| reply.status == 200))
        })
        .map_err(|error| format!("{error}\n{}", tail(&log, 8)))?;
        self.nodes[number].running = Some(running);
        Ok(())
    }

    /// From its next start on each node uses this Redis.
    pub fn set_redis(&mut self, url: String) {
        self.surroundings[1].1 = url;
    }

    pub fn kill(&mut self, number: usize) -> Result<()> {
        let running = self.nodes[number].running.take();
        running.ok_or("the node does not run")?.kill()
    }

    /// SIGTERM; the node must end with 0.
    pub fn terminate(&mut self, number: usize) -> Result<()> {
        let running = self.nodes[number].running.take();
        let ended = running.ok_or("the node does not run")?.terminate()?;
        succeed("exchequer serve after SIGTERM", ended)
    }

    /// `exchequer verify`: what it said, and whether it exited with 0.
    pub fn verify(&self) -> Result<(String, bool)> {
        let log = self.guard.folder().join("verify.log");
        let mut command = self.command("verify", &self.folder.join("node0"));
        let status = run_logged(&mut command, &log, COMMAND_LIMIT, self.guard)?;
        Ok((tail(&log, 40), status.success()))
    }

    /// The end of each node's log.
    pub fn last_words(&self) -> String {
        let words = |number| tail(&self.log(number), 6);
        (0..NODES).map(words).collect::<Vec<_>>().join("\n--\n")
    }

    /// Lines of the nodes' logs at WARN and ERROR, counted by message, most first.
    pub fn complaints(&self) -> Result<Vec<(String, usize)>> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for number in 0..NODES {
            let log = self.log(number);
            let text =
                fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
            for line in text.lines().filter_map(complaint) {
                match counts.iter_mut().find(|(known, _)| *known == line) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((line, 1)),
                }
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(counts)
    }

    /// `count` customers with an account each and [`DEPOSIT`] in it.
    pub fn people(&self, count: usize) -> Result<Vec<Customer>> {
        let at = self.nodes[0].at;
        let teller = self.teller()?;
        let mut people = Vec::new();
        for number in 0..count {
            let mut person = register(at, number)?;
            open_account(at, &mut person)?;
            let slip = json!({"account": person.account, "amount": DEPOSIT, "currency": "INR",
                "reference": "Opening"});
            let key = format!("deposit-{number}");
            let mut request = Request::post("/v1/staff/deposits", slip);
            (request.token, request.key) = (Some(teller.as_str()), Some(key.as_str()));
            expect(at, &request, 201)?;
            people.push(person);
        }
        Ok(people)
    }

    fn teller(&self) -> Result<String> {
        let password = crate::postgres::random_password()?;
        let file = self.folder.join("teller.password");
        super::write_private(&file, &password)?;
        let printed = self.guard.folder().join("teller.made");
        super::write_private(&printed, "")?;
        let mut command = self.command("staff", &self.folder.join("node0"));
        command.args(["--email", TELLER, "--role", "teller", "--password-file"]).arg(&file);
        self.run(&mut command, &printed)?;
        let made = read(&printed)?;
        let secret = made.lines().find_map(|line| line.trim().strip_prefix("second factor"));
        let secret = secret.ok_or("staff create prints no second factor")?.trim();
        super::write_private(&file, secret)?;
        let mut totp = Command::new(&self.binary);
        let output = clean_environment(totp.args(["totp", "--secret-file"]).arg(&file))
            .current_dir(&self.folder)
            .output()
            .map_err(|error| format!("exchequer totp: {error}"))?;
        let code = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let at = self.nodes[0].at;
        let body = json!({"email": TELLER, "password": password});
        let first = expect(at, &Request::post("/v1/staff/login", body), 200)?;
        let challenge = text(&first, "/challenge/id")?;
        let path = format!("/v1/auth/challenges/{challenge}/verify");
        let body = json!({"method": "totp", "code": code});
        text(&expect(at, &Request::post(&path, body), 200)?, "/access_token")
    }

    fn log(&self, number: usize) -> PathBuf {
        self.guard.folder().join(format!("bank{number}.log"))
    }

    /// A subcommand with the bank's configuration, in the bank's folder.
    fn command(&self, name: &str, data: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        clean_environment(&mut command).arg(name);
        if name == "staff" {
            command.arg("create");
        }
        command.arg("--config").arg(self.folder.join("exchequer.toml")).current_dir(&self.folder);
        for (name, value) in &self.surroundings {
            command.env(name, value);
        }
        command.env("EXCHEQUER_DATA_DIR", data).env("EXCHEQUER_HTTP_TRUSTED_PROXIES", "1");
        // Tokens name it: with an address of its own a node would refuse those of the other.
        command.env("EXCHEQUER_HTTP_PUBLIC_URL", PUBLIC_URL);
        command
    }

    fn run(&self, command: &mut Command, log: &Path) -> Result<()> {
        let status = run_logged(command, log, COMMAND_LIMIT, self.guard)?;
        succeed(&format!("{command:?}"), status)
            .map_err(|error| format!("{error}\n{}", tail(log, 8)))
    }
}

impl Customer {
    /// A new access token from the node at `at`.
    pub fn sign_in(&self, at: SocketAddr) -> Result<String> {
        text(&expect(at, &self.sign_in_request(), 200)?, "/access_token")
    }

    pub fn sign_in_request(&self) -> Request<'_> {
        let body = json!({"email": self.email, "password": self.password});
        let mut request = Request::post("/v1/auth/login", body);
        request.from = &self.address;
        request
    }
}

fn register(at: SocketAddr, number: usize) -> Result<Customer> {
    let person = Customer {
        email: format!("customer{number}@failover.test"),
        password: format!("{} lanterns", crate::postgres::random_password()?),
        address: format!("198.51.100.{}", number + 1),
        account: String::new(),
        number: String::new(),
    };
    let body = json!({"email": person.email, "password": person.password,
        "full_name": "Customer of a failover"});
    let key = format!("register-{number}");
    let mut request = Request::post("/v1/customers", body);
    (request.from, request.key) = (&person.address, Some(key.as_str()));
    expect(at, &request, 201)?;
    Ok(person)
}

fn open_account(at: SocketAddr, person: &mut Customer) -> Result<()> {
    let token = person.sign_in(at)?;
    let mut request = Request::post("/v1/accounts", json!({"currency": "INR", "name": "Everyday"}));
    (request.from, request.token, request.key) =
        (&person.address, Some(token.as_str()), Some("account"));
    let made = expect(at, &request, 201)?;
    person.account = text(&made, "/id")?;
    person.number = text(&made, "/number")?;
    Ok(())
}

/// The body of an answer with this status.
pub fn expect(at: SocketAddr, request: &Request<'_>, status: u16) -> Result<Value> {
    let what = format!("{} {}", request.method, request.path);
    let reply = request.send(at).map_err(|error| format!("{what}: {error}"))?;
    if reply.status == status {
        return Ok(reply.body);
    }
    Err(format!("{what} answers {} {}", reply.status, reply.body))
}

pub fn text(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("no text at {pointer}"))
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(file)
        .and_then(|file| file.take(OUTPUT_BYTES).read_to_string(&mut text))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text)
}

/// Level, message and code of a log line that complains.
fn complaint(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let level = line["level"].as_str()?;
    if level != "WARN" && level != "ERROR" {
        return None;
    }
    let field = |name: &str| {
        let value = line.get(name).or_else(|| line.pointer(&format!("/fields/{name}")));
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    Some([level, &field("message"), &field("code"), &field("cause"), &field("error")].join(" "))
}
