//! What an encrypted file costs: the engine on one and on a plain one, in turns, so that both see the same machine.
//!
//! Both are in the build with SQLCipher, whose SQLite is an older one: the plain rate is not that of other rows.

use std::path::Path;

use serde_json::{Value, json};

use crate::bank::Opened;
use crate::load::Keys;
use crate::{ACCOUNTS, Result, engine};

/// A pair each.
const TURNS: u32 = 4;

/// `rate` in the encrypted file and `plain`, transfers per second over all turns.
pub fn run(batch: u32, total: u32, folder: &Path) -> Result<Value> {
    let plain = Opened::fresh_in(&folder.join("plain"), ACCOUNTS)?;
    let encrypted = Opened::fresh_encrypted_in(&folder.join("encrypted"), ACCOUNTS)?;
    let part = (total / TURNS).max(1);
    let mut seconds = [0.0, 0.0];
    for _ in 0..TURNS {
        for (bank, seconds) in [&encrypted, &plain].into_iter().zip(&mut seconds) {
            *seconds += f64::from(part) / engine::run(bank, Keys::Ordered, batch, part)?;
        }
    }
    encrypted.finish()?;
    plain.finish()?;
    let [rate, plain] = seconds.map(|seconds| f64::from(part * TURNS) / seconds);
    Ok(json!({ "rate": rate, "plain": plain }))
}
