//! What a bank says of itself at `/metrics`, and waits for it.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::process::now;
use crate::smoke::ask;

/// A whole number by its name with labels, as the text has it.
pub fn metric(at: SocketAddr, name: &str) -> Result<u64> {
    let text = ask(at, "/metrics")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.ok_or_else(|| format!("no {name} at /metrics"))?;
    value.parse().map_err(|error| format!("{name}: {error}"))
}

/// 0 ok, 1 degraded, 2 down.
pub fn state(at: SocketAddr, check: &str) -> Result<u64> {
    metric(at, &format!("exchequer_check_state{{check=\"{check}\"}}"))
}

/// Asks again with a pause, until it holds or `limit` is over; gives how long it took.
pub fn after(
    what: &str,
    (limit, pause): (Duration, Duration),
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<Duration> {
    let start = now();
    let mut last = String::new();
    while start.elapsed() < limit {
        match holds() {
            Ok(true) => return Ok(start.elapsed()),
            Ok(false) => {}
            Err(error) => last = error,
        }
        thread::sleep(pause);
    }
    Err(format!("not within {} s: {what} {last}", limit.as_secs()))
}
