//! Bounded waits for the state of something that we only look at.

use std::thread;
use std::time::Duration;

use crate::Result;
use crate::process::now;

const POLL: Duration = Duration::from_millis(50);

/// Asks every 50 ms until it holds, gives up after `limit`.
pub fn wait_for(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let start = now();
    let mut last = String::new();
    while start.elapsed() < limit {
        match holds() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last = error,
        }
        thread::sleep(POLL);
    }
    Err(format!("no {what} within {} s {last}", limit.as_secs()).trim_end().to_owned())
}

/// Lets the load run for so long.
pub fn let_pass(time: Duration) {
    thread::sleep(time);
}
