//! Keys: what sealing and opening one field costs, and how fast a rotation seals anew while the bank serves.
//!
//! The values are card numbers, one a row, of a bank that nobody else measures. Callers send transfers through
//! the door, each waiting for its answer and then a little, before the walk and during it; what they wait for is
//! compared. The walk is the job's own, rests included.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exchequer::bank::Bank;
use exchequer::jobs::Job;
use exchequer::keys::{self, KeyAct, SETTLED_SECONDS};
use money::{CardId, Clock, Rng};
use serde_json::{Value, json};
use store::posting::Posted;
use store::rows::Origin;
use store::{DbError, Tx, params};
use tokio::sync::watch;
use tokio::task::JoinSet;
use vault::{Place, Purpose, Sealing};

use crate::bank::Opened;
use crate::load::{Keys, Load};
use crate::{Result, now};

const FIELD: &[u8] = b"+919876543210";
/// Rows written in one transaction.
const AT_ONCE: u32 = 2_000;
const CALLERS: u32 = 64;
/// Between two transfers of a caller: a busy bank, not one that is at its limit.
const PAUSE: Duration = Duration::from_millis(5);
const BEFORE: Duration = Duration::from_secs(3);

/// Microseconds to seal and to open a field; rows sealed anew a second while serving, and the 99th
/// percentile of a transfer meanwhile, as a multiple of what it was before.
pub fn run(total: u32, opened: &Opened) -> Result<Value> {
    let (seal, open) = field(&opened.bank, 1_000_000)?;
    opened.runtime.block_on(async {
        fill(&opened.bank, total).await?;
        let idle = serve(opened, 0, async || {
            tokio::time::sleep(BEFORE).await;
            Ok(())
        })
        .await?;
        retire(&opened.bank).await?;
        let mut rate = 0.0;
        let busy = serve(opened, CALLERS, async || {
            let (_running, stop) = watch::channel(false);
            let began = now();
            let rows = Job::ResealValues.run(&opened.bank, &stop).await?;
            rate = f64::from(u32::try_from(rows)?) / began.elapsed().as_secs_f64();
            if rows == u64::from(total) { Ok(()) } else { Err(format!("{rows} rows").into()) }
        })
        .await?;
        Ok(json!({
            "seal_micros": seal, "open_micros": open, "rate": rate,
            "p99_ms": busy, "p99_idle_ms": idle, "p99_times": busy / idle,
        }))
    })
}

fn field(bank: &Bank, turns: u32) -> Result<(f64, f64)> {
    let (tools, rng) = (bank.tools(), Rng::System);
    let place = Place { table: "customers", column: "phone_sealed", row: &[7; 16] };
    let began = now();
    for _ in 0..turns {
        black_box(tools.keyring().seal(&rng, &place, black_box(FIELD))?);
    }
    let sealing = began.elapsed();
    let sealed = tools.keyring().seal(&rng, &place, FIELD)?;
    let began = now();
    for _ in 0..turns {
        let opened = tools.keyring().open_sealed(&place, black_box(&sealed))?;
        black_box(opened.expose());
    }
    let each = |whole: Duration| whole.as_secs_f64() * 1e6 / f64::from(turns);
    Ok((each(sealing), each(began.elapsed())))
}

async fn fill(bank: &Bank, total: u32) -> Result<()> {
    for first in (0..total).step_by(AT_ONCE as usize) {
        let tools = bank.tools().clone();
        let rows = AT_ONCE.min(total - first);
        let write = move |tx: &mut Tx<'_>| {
            for _ in 0..rows {
                let id: CardId = tools.id();
                let place = Place { table: "cards", column: "number", row: id.bytes() };
                let number = b"4242424242424242";
                let sealed = tools
                    .keyring()
                    .seal_for(Sealing::CardData, tools.rng(), &place, number)
                    .map_err(|error| DbError::Corrupt(error.to_string()))?;
                tx.execute(INSERT, params![&id, &sealed, tools.now(), &[0_u8; 32]])?;
            }
            Ok::<_, DbError>(())
        };
        bank.db().write("bench.cards", write).await?;
    }
    Ok(())
}

const INSERT: &str = "INSERT INTO cards (id, merchant, mode, customer, brand, last4, exp_month, \
     exp_year, fingerprint, token, key_version, number, created_at, deleted_at) \
     VALUES ($1, $1, 0, NULL, 'visa', '4242', 12, 2030, $4, NULL, 1, $2, $3, NULL)";

/// A rotation that every node has had the time to learn of.
async fn retire(bank: &Bank) -> Result<()> {
    let act = KeyAct {
        master: Arc::clone(bank.tools().keys().master()),
        rng: Rng::System,
        now: Clock::System.now().plus_seconds(-SETTLED_SECONDS),
        origin: Origin::system("bench"),
    };
    keys::rotate(bank.db(), &act, Purpose::CardData).await??;
    let (_running, stop) = watch::channel(false);
    Job::RefreshKeys.run(bank, &stop).await?;
    Ok(())
}

/// The 99th percentile in milliseconds of transfers that are sent while `call` runs.
async fn serve(
    opened: &Opened,
    offset: u32,
    call: impl AsyncFnOnce() -> Result<()>,
) -> Result<f64> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..CALLERS {
        let load = Load::new(opened, Keys::Ordered, offset + number)?;
        let (bank, is_over) = (opened.bank.clone(), Arc::clone(&is_over));
        tasks.spawn(async move {
            let mut millis = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let began = now();
                match bank.door().send(load.wanted()).await? {
                    Posted::Done(_) => millis.push(began.elapsed().as_secs_f64() * 1e3),
                    other => return Err(format!("a transfer was not done: {other:?}").into()),
                }
                tokio::time::sleep(PAUSE).await;
            }
            Ok(millis)
        });
    }
    let called = call().await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let millis: Result<Vec<f64>> = ended?;
        all.extend(millis?);
    }
    called?;
    all.sort_by(f64::total_cmp);
    all.get(all.len() * 99 / 100).copied().ok_or_else(|| "no transfer was sent".into())
}
