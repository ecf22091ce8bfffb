//! `POST /v1/transfers` over 64 connections, by wrk: the bare route, then a demo with its customers
//! signed in.
//!
//! The same script sends the same requests to both. Any answer but 201's kind, and any lost
//! connection, fails the measurement; the demo's books are verified after it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Result;
use crate::bare::BareRoute;
use crate::served::{Demo, SignedIn};

const CONNECTIONS: u32 = 64;

/// Rates of both, and the bank's 99th percentile.
pub fn run(seconds: u32, folder: &Path) -> Result<Value> {
    let demo = Demo::fresh(folder)?;
    let script = folder.with_extension("lua");
    fs::write(&script, lua(&demo.sign_in()?))?;
    let bare = BareRoute::serve()?;
    let of_bare = wrk(&script, &bare.address(), seconds)?;
    drop(bare);
    let of_bank = wrk(&script, demo.address(), seconds)?;
    demo.stop_and_verify()?;
    fs::remove_file(&script)?;
    Ok(json!({ "bare": of_bare.rate, "bank": of_bank.rate, "p99_ms": of_bank.p99_ms }))
}

struct Outcome {
    rate: f64,
    p99_ms: f64,
}

fn wrk(script: &Path, address: &str, seconds: u32) -> Result<Outcome> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "--latency", "-s"])
        .arg(script)
        .arg(format!("http://{address}/v1/transfers"))
        .output()
        .map_err(|error| format!("wrk does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rfind(|line| line.starts_with('{'));
    let line = line.ok_or_else(|| {
        format!("wrk gave no result: {text}{}", String::from_utf8_lossy(&output.stderr))
    })?;
    let result: Value = serde_json::from_str(line)?;
    let number = |name: &str| {
        result.get(name).and_then(Value::as_f64).ok_or_else(|| format!("wrk gave no {name}"))
    };
    let failed = number("failed")?;
    if failed > 0.0 {
        return Err(
            format!("{failed} of {} requests failed at {address}", number("requests")?).into()
        );
    }
    Ok(Outcome { rate: number("requests")? / number("seconds")?, p99_ms: number("p99_ms")? })
}

/// Keys are UUIDs of version 7 by the script's own clock: it starts at the real time, advances a
/// millisecond each 20 requests, and the count makes each one unique.
fn lua(people: &[SignedIn]) -> String {
    let list = |items: Vec<&str>| format!("{{\"{}\"}}", items.join("\",\""));
    let tokens = list(people.iter().map(|person| person.token.as_str()).collect());
    let accounts = list(people.iter().map(|person| person.account.as_str()).collect());
    format!("local tokens = {tokens}\nlocal accounts = {accounts}\n{SCRIPT}")
}

const SCRIPT: &str = r#"
local count = 0
local millis = 0

function init()
  math.randomseed(os.time())
  millis = os.time() * 1000
end

function request()
  count = count + 1
  if count % 20 == 0 then millis = millis + 1 end
  local from = count % #accounts + 1
  local to = from % #accounts + 1
  local key = string.format("%08x-%04x-7%03x-8%03x-%012x", math.floor(millis / 65536),
    millis % 65536, math.random(4095), math.random(4095), count)
  local headers = {
    ["authorization"] = "Bearer " .. tokens[from],
    ["idempotency-key"] = key,
    ["content-type"] = "application/json",
  }
  local body = '{"from":"' .. accounts[from] .. '","to":"' .. accounts[to] ..
    '","amount":1,"currency":"INR"}'
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p99_ms":%.3f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e3, failed))
end
"#;
