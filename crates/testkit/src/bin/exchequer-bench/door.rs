//! The batcher of stand-alone transfers: callers that each wait for their answer before they ask again.

use store::posting::Posted;
use tokio::task::JoinSet;

use crate::bank::Opened;
use crate::load::{Keys, Load};
use crate::{Result, now};

/// Transfers per second over all callers, who are told apart by numbers from `first` on.
pub fn run(opened: &Opened, first: u32, (callers, total): (u32, u32)) -> Result<f64> {
    let share = total / callers.max(1);
    let loads: Vec<Load> = (first..first + callers)
        .map(|number| Load::new(opened, Keys::Ordered, number))
        .collect::<Result<_>>()?;
    opened.runtime.block_on(async {
        let start = now();
        let mut tasks = JoinSet::new();
        for load in loads {
            let bank = opened.bank.clone();
            tasks.spawn(async move {
                for _ in 0..share {
                    match bank.door().send(load.wanted()).await? {
                        Posted::Done(_) => {}
                        other => return Err(format!("a transfer was not done: {other:?}").into()),
                    }
                }
                Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            let done: Result<()> = ended?;
            done?;
        }
        Ok(f64::from(share * callers) / start.elapsed().as_secs_f64())
    })
}
