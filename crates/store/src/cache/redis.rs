//! Fast state on Redis: what several nodes have in common.
//!
//! Every operation is one command, the limiter's a script that Redis knows by its hash (sent whole once
//! per server). Beside it stands this process's own memory: what this node itself ended, and the limits
//! it keeps alone while Redis is gone. Keys: `PREFIXe:…` entries, `PREFIXl:…` limits; every key has
//! an end of its own, so nothing piles up.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Script, Value, cmd};

use super::limiter::{Ask, Decision, REDIS_TIME, RULE, Refused};
use super::link::{Answered, Link};
use super::memory::Memory;
use super::{Gone, RedisOptions};

pub struct Redis {
    link: Arc<Link>,
    near: Memory,
    limiter: Program,
}

/// A script's text, and the hash that Redis knows it by.
struct Program {
    text: String,
    hash: String,
}

impl Redis {
    pub(super) fn open(options: RedisOptions) -> Self {
        let limiter = Program::new([REDIS_TIME, RULE].concat());
        Self { link: Link::open(options), near: Memory::default(), limiter }
    }

    /// With the time as the last argument of the limiter.
    #[cfg(test)]
    pub(super) fn open_with_given_time(options: RedisOptions) -> Self {
        let limiter = Program::new([super::limiter::GIVEN_TIME, RULE].concat());
        Self { link: Link::open(options), near: Memory::default(), limiter }
    }

    /// This process's own memory.
    pub(super) fn near(&self) -> &Memory {
        &self.near
    }

    pub(super) async fn get(&self, key: &[u8; 17]) -> Result<Option<i64>, Gone> {
        self.ask(cmd("GET").arg(self.entry(key))).await
    }

    /// False where `only_new` and there was a value.
    pub(super) async fn put(
        &self,
        key: &[u8; 17],
        value: i64,
        seconds: i64,
        only_new: bool,
    ) -> Result<bool, Gone> {
        let mut command = cmd("SET");
        command.arg(self.entry(key)).arg(value).arg("EX").arg(seconds.max(1));
        if only_new {
            command.arg("NX");
        }
        let set: Option<String> = self.ask(&command).await?;
        Ok(set.is_some())
    }

    pub(super) async fn decide(&self, asks: &[Ask]) -> Result<Decision, Gone> {
        self.run(asks, None).await
    }

    #[cfg(test)]
    pub(super) async fn decide_at(&self, asks: &[Ask], now: i64) -> Result<Decision, Gone> {
        self.run(asks, Some(now)).await
    }

    async fn run(&self, asks: &[Ask], now: Option<i64>) -> Result<Decision, Gone> {
        let by_hash = self.command(("EVALSHA", &self.limiter.hash), asks, now);
        let value = match self.link.ask(&by_hash).await? {
            Answered::Value(value) => value,
            Answered::NoScript => {
                let whole = self.command(("EVAL", &self.limiter.text), asks, now);
                match self.link.ask(&whole).await? {
                    Answered::Value(value) => value,
                    Answered::NoScript => return Err(Gone),
                }
            }
        };
        let (which, wait_micros, remaining, reset_micros): (i64, i64, i64, i64) = read(value)?;
        let refused = usize::try_from(which).ok().map(|which| Refused { which, wait_micros });
        // `most` is a u32 and nothing exceeds it.
        let remaining = u32::try_from(remaining).unwrap_or_default();
        Ok(Decision { refused, remaining, reset_micros })
    }

    fn command(&self, (verb, script): (&str, &str), asks: &[Ask], now: Option<i64>) -> Cmd {
        let mut command = cmd(verb);
        command.arg(script).arg(asks.len());
        for ask in asks {
            command.arg([self.link.prefix(), &ask.subject.redis_key()].concat());
        }
        for ask in asks {
            command.arg(ask.limit.most).arg(ask.limit.window_micros());
        }
        command.arg(now);
        command
    }

    pub(super) async fn ping(&self) -> Result<(), Gone> {
        let _pong: String = self.ask(&cmd("PING")).await?;
        Ok(())
    }

    pub(super) async fn connected(&self, limit: Duration) -> bool {
        self.link.connected(limit).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Gone> {
        match self.link.ask(command).await? {
            Answered::Value(value) => read(value),
            Answered::NoScript => Err(Gone),
        }
    }

    fn entry(&self, key: &[u8; 17]) -> String {
        let prefix = self.link.prefix();
        let mut name = String::with_capacity(prefix.len() + 36);
        name.push_str(prefix);
        name.push_str("e:");
        for byte in key {
            // Writing to a string cannot fail.
            let written = write!(name, "{byte:02x}");
            debug_assert!(written.is_ok());
        }
        name
    }
}

impl Program {
    fn new(text: String) -> Self {
        let hash = Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }
}

/// A value of another shape than ours is of somebody else's making: nothing is known.
fn read<T: FromRedisValue>(value: Value) -> Result<T, Gone> {
    redis::from_redis_value(value).map_err(|error| {
        tracing::warn!(cause = %error, "Redis gave something unexpected");
        Gone
    })
}
