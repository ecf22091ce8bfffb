//! What is broken, one after another, while the load runs.
//!
//! Each phase: break, wait until somebody else has taken over, wait until a write is acknowledged again, let the load
//! run on, mend, wait until all is whole. Bound: 60 seconds for each wait for a successor, 90 until whole.

use std::time::{Duration, Instant};

use super::bank::Bank;
use super::database::Cluster;
use super::load::Load;
use super::redis::Replicated;
use super::wait::{let_pass, wait_for};
use crate::Result;
use crate::process::now;

/// Patroni's smallest TTL is 20 seconds, and a loaded machine gets more.
const SUCCESSOR_LIMIT: Duration = Duration::from_mins(1);

pub struct Phase {
    pub name: &'static str,
    pub began: Instant,
    pub ended: Instant,
    /// From the fault until another primary or master was named; `None` where nobody has to be.
    pub successor: Option<Duration>,
}

/// Longer than the bank lets a statement run: a commit that waits for a standby must not become an answer then.
const LONELY: Duration = Duration::from_secs(75);
/// What was under way when the last standby went.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Everything that can be broken.
pub struct Scene<'a, 'guard> {
    pub database: Cluster<'guard>,
    pub redis: Replicated<'guard>,
    pub bank: Bank<'guard>,
    pub load: &'a Load<'a>,
    /// How long the load runs on after each fault.
    pub settle: Duration,
    /// Whether nodes are in namespaces of their own.
    pub linked: bool,
    /// Writes that were acknowledged while only the primary had them.
    pub lonely_writes: usize,
}

impl Scene<'_, '_> {
    /// All phases in order.
    pub fn run(&mut self) -> Result<Vec<Phase>> {
        let mut phases = vec![self.phase("nothing, for comparison", |_| Ok(None))?];
        phases.push(self.phase("primary's postmaster killed", Self::postmaster)?);
        phases.push(self.phase("primary's node without power", Self::power)?);
        phases.push(self.phase("standby's node without power", Self::standby)?);
        phases.push(self.phase("Redis master killed", Self::redis)?);
        phases.push(self.phase("one bank node killed, started again", Self::bank_killed)?);
        phases.push(self.phase("rolling restart of both bank nodes", Self::rolling)?);
        phases.push(self.phase("both standbys' databases killed", Self::lonely)?);
        if self.linked {
            phases.push(self.phase("primary cut off from its peers", Self::split)?);
            phases.push(self.phase("primary cut off from all", Self::silence)?);
        } else {
            eprintln!("xtask: no namespaces here: the network between nodes is not cut");
        }
        Ok(phases)
    }

    fn phase(
        &mut self,
        name: &'static str,
        fault: impl FnOnce(&mut Self) -> Result<Option<Duration>>,
    ) -> Result<Phase> {
        println!("… {name}");
        let began = now();
        let successor = fault(self).map_err(|error| format!("{name}: {error}"))?;
        self.database.wait_until_whole().map_err(|error| format!("{name}: {error}"))?;
        self.wait_for_a_write(now())?;
        let_pass(self.settle);
        Ok(Phase { name, began, ended: now(), successor })
    }

    fn postmaster(&mut self) -> Result<Option<Duration>> {
        let old = self.primary()?;
        let began = now();
        self.database.kill_postmaster(old)?;
        self.succeeded(old, began)
    }

    fn power(&mut self) -> Result<Option<Duration>> {
        let old = self.primary()?;
        let began = now();
        self.database.power_off(old)?;
        let successor = self.succeeded(old, began)?;
        self.database.power_on(old)?;
        Ok(successor)
    }

    /// Of the two standbys the synchronous one holds commits up, so each is taken in turn.
    fn standby(&mut self) -> Result<Option<Duration>> {
        let primary = self.primary()?;
        for standby in (0..super::database::NODES).filter(|number| *number != primary) {
            let began = now();
            self.database.power_off(standby)?;
            self.wait_for_a_write(began)?;
            let_pass(self.settle);
            self.database.power_on(standby)?;
            self.database.wait_until_whole()?;
        }
        Ok(None)
    }

    /// With no standby nothing may be acknowledged: it would be lost with the primary.
    fn lonely(&mut self) -> Result<Option<Duration>> {
        let primary = self.primary()?;
        let standbys = (0..super::database::NODES).filter(|number| *number != primary);
        let standbys: Vec<usize> = standbys.collect();
        for standby in &standbys {
            self.database.kill_database(*standby)?;
        }
        let alone = now() + UNDER_WAY;
        let_pass(LONELY);
        let record = self.load.record();
        let lonely = record.acknowledged.iter().filter(|known| known.at > alone);
        self.lonely_writes += lonely.count();
        drop(record);
        println!("  acknowledged while there was no standby: {}", self.lonely_writes);
        for standby in &standbys {
            self.database.start_database(*standby)?;
        }
        Ok(None)
    }

    fn redis(&mut self) -> Result<Option<Duration>> {
        let began = now();
        let old = self.redis.kill_master()?;
        wait_for("new master", SUCCESSOR_LIMIT, || {
            Ok(self.redis.master().is_some_and(|new| new != old))
        })?;
        let successor = began.elapsed();
        self.wait_for_a_write(now())?;
        let_pass(self.settle);
        self.redis.restart(old)?;
        Ok(Some(successor))
    }

    fn bank_killed(&mut self) -> Result<Option<Duration>> {
        self.bank.kill(0)?;
        let_pass(self.settle);
        self.bank.start(0)?;
        Ok(None)
    }

    fn rolling(&mut self) -> Result<Option<Duration>> {
        for number in 0..super::bank::NODES {
            self.bank.terminate(number)?;
            self.bank.start(number)?;
        }
        Ok(None)
    }

    /// The hub, where the bank and HAProxy are, still reaches the old primary; the standbys and two etcd do not.
    fn split(&mut self) -> Result<Option<Duration>> {
        let old = self.primary()?;
        let peers = self.database.peers(old);
        let began = now();
        self.database.node(old).place.cut_from(&peers)?;
        let successor = self.succeeded(old, began)?;
        self.database.node(old).place.join()?;
        Ok(successor)
    }

    fn silence(&mut self) -> Result<Option<Duration>> {
        let old = self.primary()?;
        let began = now();
        self.database.node(old).place.unplug()?;
        let successor = self.succeeded(old, began)?;
        self.database.node(old).place.plug_in()?;
        Ok(successor)
    }

    fn primary(&self) -> Result<usize> {
        self.database.primary().ok_or_else(|| "there is no primary".to_owned())
    }

    /// Another primary than `old`, then a write that it acknowledged, then the time to settle.
    fn succeeded(&self, old: usize, began: Instant) -> Result<Option<Duration>> {
        let named = || Ok(self.database.primary_but(old).is_some());
        wait_for("new primary", SUCCESSOR_LIMIT, named)
            .map_err(|error| format!("{error}\n{}", self.database.last_words()))?;
        let successor = began.elapsed();
        self.wait_for_a_write(now())?;
        let_pass(self.settle);
        Ok(Some(successor))
    }

    fn wait_for_a_write(&self, since: Instant) -> Result<()> {
        wait_for("acknowledged write", SUCCESSOR_LIMIT, || {
            let record = self.load.record();
            Ok(record.acknowledged.last().is_some_and(|last| last.at > since))
        })
        .map_err(|error| self.circumstances(&error))
    }

    /// What the nodes and the last clients said, for who looks for the reason.
    fn circumstances(&self, error: &str) -> String {
        let record = self.load.record();
        let last = record.refused.iter().rev().take(24).map(|(_, why)| format!("{why:?}"));
        let told = last.collect::<Vec<_>>().join(", ");
        let (bank, database) = (self.bank.last_words(), self.database.last_words());
        format!("{error}\nclients: {told}\n{bank}\n{database}")
    }
}
