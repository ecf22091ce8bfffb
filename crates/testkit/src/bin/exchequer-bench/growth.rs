//! Growth: the engine on PostgreSQL, several nodes on one database, and a bank in a file that moves there.
//!
//! Nodes are banks with connections and a batcher of their own, in this process: what they share is the server alone,
//! as processes would, and what HTTP costs is left out.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::bank::{Opened, database_on, replace_database};
use crate::load::Keys;
use crate::{ACCOUNTS, Result, door, engine, now, served};

/// Transfers a second of one caller's batches.
pub fn engine(server: &str, batch: u32, total: u32) -> Result<Value> {
    let opened = Opened::fresh_on(server, ACCOUNTS)?;
    let rate = engine::run(&opened, Keys::Ordered, batch, total)?;
    opened.finish()?;
    Ok(json!({ "rate": rate }))
}

/// Transfers a second of all nodes together, and their books afterwards.
pub fn nodes(server: &str, count: u32, (callers, total): (u32, u32)) -> Result<Value> {
    let mut nodes = vec![Opened::fresh_on(server, ACCOUNTS)?];
    for _ in 1..count {
        nodes.push(Opened::node_on(server)?);
    }
    let share = total.div_ceil(count);
    let start = now();
    thread::scope(|scope| {
        let running: Vec<_> = (0..)
            .zip(&nodes)
            .map(|(number, node)| {
                scope.spawn(move || door::run(node, number * callers, (callers, share)))
            })
            .collect();
        for node in running {
            node.join().map_err(|_| "a node panicked")??;
        }
        Result::<()>::Ok(())
    })?;
    let rate = f64::from(share * count) / start.elapsed().as_secs_f64();
    for node in nodes {
        node.finish()?;
    }
    Ok(json!({ "rate": rate }))
}

/// Seconds of `exchequer move`, with all that it compares.
pub fn moved(server: &str, total: u32, folder: &Path) -> Result<Value> {
    served::fill(total, folder)?;
    replace_database(server)?;
    let mut command = Command::new(served::binary()?);
    command.args(["move", "--data"]).arg(folder).args(["--to", &database_on(server)?]);
    let start = now();
    let output = command.env_clear().stdin(Stdio::null()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("move: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(json!({ "seconds": seconds, "rate": f64::from(total) / seconds }))
}
