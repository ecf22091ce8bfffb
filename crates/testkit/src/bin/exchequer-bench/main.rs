//! `exchequer-bench`: one measurement per call, for `cargo xtask bench`, which repeats and compares.
//!
//! Order: a bank, the load, the clock, and then the books: a bank that does not verify has no rate.
//! The last line on standard output is one JSON object of numbers. Cost and bound: the counts and
//! seconds of the arguments. Everything is durable as shipped and stays on this machine: folders that
//! are named here, a PostgreSQL database of the given server, and the loopback address. It never
//! retries and never leaves a process behind.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring tool: rates are quotients, and they are printed"
)]

mod bank;
mod bare;
mod cards;
mod door;
mod encrypted;
mod engine;
mod growth;
mod http;
mod keys;
mod limits;
mod load;
mod served;
mod sessions;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use crate::bank::Opened;
use crate::load::Keys;

/// What went wrong, for the person who measures.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The shipped binary's allocator, so that the engine and the bare route have what the bank has.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "\
engine KEYS BATCH ACCOUNTS TOTAL FOLDER   a fresh bank; KEYS is `ordered` or `random`
more KEYS BATCH TOTAL FOLDER              the bank that `engine` left in FOLDER
encrypted BATCH TOTAL FOLDER              an encrypted file and a plain one, in turns
door CALLERS TOTAL FOLDER                 the batcher, with callers that wait
postgres BATCH TOTAL                      a fresh database; EXCHEQUER_BENCH_POSTGRES is the server
nodes NODES CALLERS TOTAL                 so many nodes on a fresh database there, with callers each
move TOTAL FOLDER                         a demo that holds TOTAL transfers, moved to a fresh database there
http SECONDS FOLDER                       wrk against the bare route, then against a demo
limits TOTAL                              the limiter in memory, on one core
limits-redis TOTAL                        the limiter on Redis, and a bare EVAL of its size
session TOTAL FOLDER                      the check of a token that is known
session-redis TOTAL FOLDER                the same with a Redis: what it is asked
sessions TOTAL FOLDER                     what so many remembered sessions hold in memory
sign-in TOTAL FOLDER                      sign-ins, and hashes alone
tokenize TOTAL FOLDER                     numbers into the card vault
signature TOTAL                           the check of a signed request of 1 KiB
redaction TOTAL                           log lines through the scanner
payments TOTAL FOLDER                     card payments over HTTP, through the sandbox gateway
keys TOTAL FOLDER                         a field sealed and opened; so many sealed anew while serving
memory TOTAL FOLDER                       a demo after TOTAL transfers over HTTP
fill TOTAL FOLDER                         a demo that holds TOTAL transfers and is stopped
start FOLDER                              the demo that `fill` left, from start to listening";

/// Accounts of the banks that are not asked for another number.
const ACCOUNTS: u32 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match measure(&words) {
        Ok(numbers) => {
            println!("{numbers}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("exchequer-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[&str]) -> Result<Value> {
    match words {
        ["engine", keys, batch, accounts, total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), accounts.parse()?)?;
            let rate = engine::run(&opened, Keys::named(keys)?, batch.parse()?, total.parse()?)?;
            opened.finish()?;
            Ok(json!({ "rate": rate }))
        }
        ["more", keys, batch, total, folder] => {
            let opened = Opened::left_in(Path::new(folder))?;
            let rate = engine::run(&opened, Keys::named(keys)?, batch.parse()?, total.parse()?)?;
            opened.finish()?;
            Ok(json!({ "rate": rate }))
        }
        ["encrypted", batch, total, folder] => {
            encrypted::run(batch.parse()?, total.parse()?, Path::new(folder))
        }
        ["door", callers, total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), ACCOUNTS)?;
            let rate = door::run(&opened, 0, (callers.parse()?, total.parse()?))?;
            opened.finish()?;
            Ok(json!({ "rate": rate }))
        }
        ["postgres", batch, total] => {
            growth::engine(&postgres_server()?, batch.parse()?, total.parse()?)
        }
        ["nodes", nodes, callers, total] => {
            growth::nodes(&postgres_server()?, nodes.parse()?, (callers.parse()?, total.parse()?))
        }
        ["move", total, folder] => {
            growth::moved(&postgres_server()?, total.parse()?, Path::new(folder))
        }
        ["http", seconds, folder] => http::run(seconds.parse()?, Path::new(folder)),
        ["limits", total] => limits::memory(total.parse()?),
        ["limits-redis", total] => limits::redis(total.parse()?),
        ["session", total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), ACCOUNTS)?;
            let micros = sessions::check(total.parse()?, &opened)?;
            opened.finish()?;
            Ok(micros)
        }
        ["session-redis", total, folder] => {
            let server = limits::Server::find_or_start()?;
            let opened = Opened::fresh_beside(Path::new(folder), ACCOUNTS, server.url())?;
            let trips = sessions::round_trips(total.parse()?, &opened, &server)?;
            opened.finish()?;
            Ok(trips)
        }
        ["sessions", total, folder] => {
            // A hundred accounts each: as many customers as sessions have to be shared out to.
            let opened = Opened::fresh_in(Path::new(folder), 4 * ACCOUNTS)?;
            let megabytes = sessions::held(total.parse()?, &opened)?;
            opened.finish()?;
            Ok(megabytes)
        }
        ["sign-in", total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), ACCOUNTS)?;
            let rates = sessions::sign_in(total.parse()?, &opened)?;
            opened.finish()?;
            Ok(rates)
        }
        ["tokenize" | "signature" | "redaction" | "payments" | "keys", ..] => cards::measure(words),
        ["memory", total, folder] => served::memory(total.parse()?, Path::new(folder)),
        ["fill", total, folder] => served::fill(total.parse()?, Path::new(folder)),
        ["start", folder] => served::start(Path::new(folder)),
        _ => Err(format!("usage:\n{USAGE}").into()),
    }
}

fn postgres_server() -> Result<String> {
    let server = std::env::var("EXCHEQUER_BENCH_POSTGRES");
    server.map_err(|error| format!("EXCHEQUER_BENCH_POSTGRES: {error}").into())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time, not bank time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Resident memory of a process in megabytes of a million bytes, as the kernel counts it.
pub fn resident_megabytes(process: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u32 = kibibytes.ok_or("the kernel gives no VmRSS")?.parse()?;
    Ok(f64::from(kibibytes) * 1024.0 / 1e6)
}
