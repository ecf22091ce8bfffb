//! The limiter: decisions a second of one core in memory, and decisions a second on Redis against a bare
//! `EVAL` of the same size.
//!
//! Redis is the one that `EXCHEQUER_BENCH_REDIS` names, or one of this measurement's own. Both sides of
//! the comparison have the same connection, the same callers that wait, the same number of keys and
//! arguments and an answer of four numbers; the bare script only gives that answer. They take turns.

use std::process::Child;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, cmd};
use serde_json::{Value, json};
use store::cache::{Ask, Cache, Limit, RedisAddress, RedisOptions, Space, Subject};
use tokio::runtime::Runtime;

use crate::{Result, now};

/// Customers who read, each within the limit of a thousand a minute.
const CALLERS: u32 = 10_000;
/// Callers of Redis that wait at once.
const WAITING: u32 = 64;
const ROUNDS: u32 = 5;

/// One thread, one limit a decision, `total` decisions of which most are accepted.
pub fn memory(total: u32) -> Result<Value> {
    let cache = Cache::memory();
    let asks: Vec<[Ask; 1]> = (0..CALLERS).map(ask).collect();
    let before = now();
    let mut accepted = 0_u32;
    for n in 0..total {
        let ask = &asks[(n % CALLERS) as usize];
        // A decision each microsecond: each caller comes a hundred times a second.
        accepted += u32::from(cache.decide_here(ask, i64::from(n)).refused.is_none());
    }
    let rate = f64::from(total) / before.elapsed().as_secs_f64();
    if accepted < total.min(CALLERS * 1_000) / 2 {
        return Err(format!("{accepted} of {total} were accepted").into());
    }
    Ok(json!({ "rate": rate }))
}

/// `total` decisions of each kind in each of [`ROUNDS`] turns.
pub fn redis(total: u32) -> Result<Value> {
    let server = Server::find_or_start()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let address = RedisAddress::parse(&server.url)?;
        let prefix = format!("bench{}:", std::process::id());
        let cache = Cache::redis(RedisOptions { address, authorities: None, own: None, prefix });
        if !cache.connected(Duration::from_secs(5)).await {
            return Err("Redis does not answer".into());
        }
        let config = AsyncConnectionConfig::new().set_pipeline_buffer_size(1_024);
        let client = Client::open(server.url.as_str())?;
        let bare = client.get_multiplexed_async_connection_with_config(&config).await?;
        let (mut limiter, mut evals) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            limiter.push(limited(&cache, total).await?);
            evals.push(evaluated(&bare, total).await?);
        }
        Ok(json!({ "rate": middle(limiter), "eval": middle(evals) }))
    })
}

async fn limited(cache: &Cache, total: u32) -> Result<f64> {
    let before = now();
    let mut tasks = Vec::new();
    for task in 0..WAITING {
        let cache = cache.clone();
        tasks.push(tokio::spawn(async move {
            for n in (task..total).step_by(WAITING as usize) {
                cache.decide(&ask(n % CALLERS), 0).await?;
            }
            Ok::<_, store::cache::Gone>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(f64::from(total) / before.elapsed().as_secs_f64())
}

async fn evaluated(connection: &MultiplexedConnection, total: u32) -> Result<f64> {
    // As many bytes as a decision sends, by hash once Redis knows the text.
    const BARE: &str = "return {-1, 0, 999, 60000000}";
    let mut known = connection.clone();
    let hash: String = cmd("SCRIPT").arg("LOAD").arg(BARE).query_async(&mut known).await?;
    let hash: Arc<str> = Arc::from(hash);
    let before = now();
    let mut tasks = Vec::new();
    for task in 0..WAITING {
        let (mut connection, hash) = (connection.clone(), Arc::clone(&hash));
        tasks.push(tokio::spawn(async move {
            for n in (task..total).step_by(WAITING as usize) {
                let key = format!("bench{}:l:8:4:{{{:032x}}}", std::process::id(), n % CALLERS);
                let mut command = cmd("EVALSHA");
                command.arg(&*hash).arg(1).arg(key).arg(1_000).arg(60_000_000);
                let _: (i64, i64, i64, i64) = command.query_async(&mut connection).await?;
            }
            redis::RedisResult::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(f64::from(total) / before.elapsed().as_secs_f64())
}

fn ask(caller: u32) -> [Ask; 1] {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&caller.to_be_bytes());
    let subject = Subject { space: Space::Callers, rule: 8, kind: 4, id };
    [Ask { subject, limit: Limit::new(1_000, 60) }]
}

pub fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A Redis without a disk; killed by its own id.
pub struct Server {
    url: String,
    child: Option<Child>,
}

impl Server {
    /// `redis://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn find_or_start() -> Result<Self> {
        if let Ok(url) = std::env::var("EXCHEQUER_BENCH_REDIS") {
            return Ok(Self { url, child: None });
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        Ok(Self { url: format!("redis://127.0.0.1:{port}"), child: Some(child) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && let Err(error) = child.kill().and_then(|()| child.wait())
        {
            eprintln!("exchequer-bench: redis-server: {error}");
        }
    }
}
