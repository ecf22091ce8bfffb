//! The embedded engine: batches through the exactly-once core, one after another.
//!
//! A second thread makes the orders while the first waits, as a caller's thread would; the clock runs
//! from the first batch to the last answer, so the engine's own pauses and checkpoints count.

use std::sync::mpsc::sync_channel;
use std::thread;

use money::Clock;
use store::posting::{self, PostOrder};
use store::{Db, DbError};

use crate::bank::{Opened, all_done, no_refusal};
use crate::load::{Keys, Load};
use crate::{Result, now};

/// Orders that are made ahead.
const ORDERS_AHEAD: u32 = 32_000;

/// Transfers per second.
pub fn run(opened: &Opened, keys: Keys, batch: u32, total: u32) -> Result<f64> {
    let load = Load::new(opened, keys, 0)?;
    let ahead = usize::try_from(ORDERS_AHEAD / batch.max(1))?;
    let (sender, receiver) = sync_channel(ahead);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut left = total;
            while left > 0 {
                let count = batch.clamp(1, left);
                // Nobody takes them once a batch has failed.
                if sender.send(load.orders(count)).is_err() {
                    return;
                }
                left -= count;
            }
        });
        // Dropped with this closure: after a failure nobody waits for a place in the channel.
        let receiver = receiver;
        let mut next = receiver.recv().ok();
        let start = now();
        while let Some(orders) = next {
            opened.runtime.block_on(post(opened.bank.db(), orders))?;
            next = receiver.recv().ok();
        }
        Ok(f64::from(total) / start.elapsed().as_secs_f64())
    })
}

async fn post(db: &Db, orders: Vec<PostOrder>) -> Result<(), DbError> {
    let now = Clock::System.now();
    let results =
        db.write("transfers.post", move |tx| posting::post(tx, &orders, now, &no_refusal)).await?;
    all_done(&results)
}
