//! The card gateway hangs with a payment under way, and answers again.
//!
//! The gateway is the sandbox as a process of its own, stopped (SIGSTOP) and let go on.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::bank::{Bank, LIMIT, PACE, QUICK, output};
use super::disk::expect;
use super::watch::{after, metric};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::failover::http::{Reply, Request};
use crate::postgres::{free_port, random_password};
use crate::process::{append, send};
use crate::running::Running;
use crate::smoke::{ask, succeed};
use crate::workspace::clean_environment;

const UNKNOWN: &str =
    "exchequer_gateway_unknown_outcomes{check=\"gateway.test\",gateway=\"sandbox\"}";
/// That the bank waits for the gateway.
const PATIENCE_SECONDS: &str = "2";
/// What never arrived is closed at the gateway 45 seconds after it was begun.
const OUTCOME_LIMIT: Duration = Duration::from_mins(2);
const PAYMENTS: &str = "/v1/payments";

/// A process that is stopped; it goes on when this is dropped, since no other signal reaches it.
struct Stopped(i64);

pub fn run(scene: &Scene<'_>) -> Result<Found> {
    let mut bank = Bank::seeded(scene)?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let gateway = start(scene, at, &mut bank)?;
    bank.serve()?;
    bank.sign_in()?;
    let card = json!({"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2035});
    let card = signed(&bank, "POST", "/v1/cards", Some(card))?.body["id"].clone();
    let pay = json!({"amount": 700, "currency": "INR", "card": card, "capture": "manual"});
    let paid = signed(&bank, "POST", PAYMENTS, Some(pay.clone()))?;
    expect(paid.status, 201, "a payment before")?;
    let (_, before) = bank.verified()?;

    let stopped = Stopped::stop(gateway.id())?;
    let waits = signed(&bank, "POST", PAYMENTS, Some(pay))?;
    let told =
        after(
            "metrics that tell of it",
            (LIMIT, QUICK),
            || Ok(metric(bank.metrics, UNKNOWN)? > 0),
        )?;
    let path = format!("{PAYMENTS}/{}", waits.body["id"].as_str().unwrap_or_default());
    let status = waits.body["status"].as_str().unwrap_or("nothing").to_owned();
    expect(bank.transfer()?, 201, "a transfer beside it")?;
    let mut seen = vec![
        format!("the merchant is told `{status}` ({}) after {PATIENCE_SECONDS} s", waits.status),
        format!("an unknown outcome in the metrics {} later", seconds(told)),
        "ExchequerGatewaySilent comes after five minutes of it".to_owned(),
        "transfers go on".to_owned(),
    ];
    drop(stopped);
    let mut outcome = String::new();
    let back = after("an outcome", (OUTCOME_LIMIT, PACE), || {
        let found = signed(&bank, "GET", &path, None)?;
        found.body["status"].as_str().unwrap_or_default().clone_into(&mut outcome);
        Ok(outcome != status && metric(bank.metrics, UNKNOWN)? == 0)
    })?;
    seen.push(format!("in the end it is `{outcome}`, and the gateway has no other charge"));
    let charged = charges(&bank, at)?;
    bank.stop()?;
    let (_, now) = bank.verified()?;
    let is_charged = paid.body["status"].as_str() == Some(outcome.as_str());
    if charged != before + u64::from(is_charged) {
        return Err(format!("{charged} charges, and a payment that is {outcome}"));
    }
    Ok(Found {
        broken: "the gateway hangs with a payment under way",
        seen,
        done: "the gateway went on, and nobody did anything (counted here: payments)",
        back,
        before,
        acknowledged: 1,
        after: now,
        lost: (before + 1).saturating_sub(now),
    })
}

fn start<'guard>(
    scene: &Scene<'guard>,
    at: SocketAddr,
    bank: &mut Bank<'_>,
) -> Result<Running<'guard>> {
    let secret = random_password()?;
    let log = scene.guard.folder().join("gateway.log");
    let mut command = Command::new(&scene.binary);
    clean_environment(&mut command).args(["sandbox-gateway", "--listen", &at.to_string()]);
    command.env("EXCHEQUER_SANDBOX_SECRET", &secret).current_dir(scene.guard.folder());
    command.stdout(append(&log)?);
    let gateway = Running::start(&mut command, "gateway", scene.guard, &log)?;
    after("a gateway", (LIMIT, QUICK), || {
        Ok(ask(at, "/healthz").is_ok_and(|answer| answer.contains(" 204 ")))
    })?;
    bank.set("EXCHEQUER_SANDBOX_URL", format!("http://{at}"));
    bank.set("EXCHEQUER_SANDBOX_SECRET", secret);
    bank.set("EXCHEQUER_CARD_GATEWAY_SECONDS", PATIENCE_SECONDS);
    Ok(gateway)
}

impl Stopped {
    fn stop(process: u32) -> Result<Self> {
        send("STOP", i64::from(process)).map(|()| Self(i64::from(process)))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Err(error) = send("CONT", self.0) {
            eprintln!("xtask: the gateway stays stopped: {error}");
        }
    }
}

/// How many charges the gateway has.
fn charges(bank: &Bank<'_>, at: SocketAddr) -> Result<u64> {
    let secret = bank.setting("EXCHEQUER_SANDBOX_SECRET").unwrap_or_default();
    let mut request = Request::get("/v1/totals");
    request.token = Some(secret);
    let totals = request.send(at).map_err(|error| format!("/v1/totals: {error}"))?;
    totals.body["INR"]["charges"].as_u64().ok_or_else(|| format!("totals: {}", totals.body))
}

/// A request of the demo's shop, signed as docs/api.md says.
fn signed(bank: &Bank<'_>, method: &str, path: &str, body: Option<Value>) -> Result<Reply> {
    let shop = &bank.told["merchants"][0];
    let (key, secret) = (shop["key_id"].as_str(), shop["secret"].as_str());
    let (key, secret) = key.zip(secret).ok_or("the demo tells of no shop")?;
    let nonce = random_password()?;
    let text = body.as_ref().map(Value::to_string).unwrap_or_default();
    let at = seconds_now()?;
    let message = format!("{method}\n{path}\n{at}\n{nonce}\n{}", digest(&[], &text)?);
    let mut request = Request::get(path);
    (request.method, request.body) = (method, body);
    request.headers = vec![
        ("Authorization", format!("Exchequer {key}")),
        ("X-Timestamp", at.to_string()),
        ("X-Signature", digest(&["-hmac", secret], &message)?),
        ("X-Nonce", nonce.clone()),
    ];
    request.key = (method != "GET").then_some(nonce.as_str());
    bank.send(&request)
}

/// SHA-256 in hexadecimal, as openssl prints it. The secret of a drill's shop may stand in its arguments.
fn digest(words: &[&str], text: &str) -> Result<String> {
    let file = std::env::temp_dir().join(format!("exchequer-drill-{}", random_password()?));
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-r"]).args(words).arg(&file).stdin(Stdio::null());
    let printed = output(&mut command);
    fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let printed = printed?;
    succeed("openssl dgst", printed.status)?;
    let text = String::from_utf8_lossy(&printed.stdout);
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the time of a signature, by the machine's clock")]
fn seconds_now() -> Result<u64> {
    let now: Duration =
        SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    Ok(now.as_secs())
}
