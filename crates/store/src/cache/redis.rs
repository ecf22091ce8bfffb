//! Fast state on Redis: what several nodes have in common.
//!
//! Every operation is one command, the limiter's a script that Redis knows by its hash (sent whole once
//! per server), for all decisions that wait ([`super::groups`]). Beside it stands this process's own memory: what this node itself ended, and the limits
//! it keeps alone while Redis is gone. Keys: `PREFIXe:…` entries, `PREFIXl:…` limits; every key has
//! an end of its own, so nothing piles up.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value, cmd};

use super::groups::Groups;
use super::limiter::{Ask, Decision, REDIS_TIME};
use super::link::{Answered, Link};
use super::memory::Memory;
use super::{Gone, RedisOptions};

pub struct Redis {
    link: Arc<Link>,
    near: Memory,
    limiter: Arc<Groups>,
}

impl Redis {
    pub(super) fn open(options: RedisOptions) -> Self {
        Self::with_time(options, REDIS_TIME)
    }

    /// With the time as the last argument of the limiter.
    #[cfg(test)]
    pub(super) fn open_with_given_time(options: RedisOptions) -> Self {
        Self::with_time(options, super::limiter::GIVEN_TIME)
    }

    fn with_time(options: RedisOptions, time: &str) -> Self {
        let link = Link::open(options);
        let limiter = Groups::new(Arc::clone(&link), time);
        Self { link, near: Memory::default(), limiter }
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
        self.limiter.decide(asks).await
    }

    /// A group of decisions as one call, at a given time.
    #[cfg(test)]
    pub(super) async fn decide_at(
        &self,
        group: &[&[Ask]],
        now: i64,
    ) -> Result<Vec<Decision>, Gone> {
        self.limiter.run(group, Some(now)).await
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

/// A value of another shape than ours is of somebody else's making: nothing is known.
pub(super) fn read<T: FromRedisValue>(value: Value) -> Result<T, Gone> {
    redis::from_redis_value(value).map_err(|error| {
        tracing::warn!(cause = %error, "Redis gave something unexpected");
        Gone
    })
}
