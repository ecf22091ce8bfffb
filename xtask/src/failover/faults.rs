//! What is broken, one after another, while the load runs.
//!
//! Each phase: break, wait until somebody else has taken over, wait until a write is acknowledged again, let the load
//! run on, mend, wait until all is whole. Bound: 60 seconds for each wait for a successor, 90 until whole. A run may
//! choose some of them, and go through those several times.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::bank::Bank;
use super::database::Cluster;
use super::load::Load;
use super::redis::Replicated;
use super::redis_cluster::Clustered;
use super::wait::{let_pass, wait_for};
use crate::Result;
use crate::guard::Guard;
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
/// Long enough for some commits, shorter than a silent standby is kept for (`wal_sender_timeout`).
const BEHIND: Duration = Duration::from_secs(2);

/// Everything that can be broken.
pub struct Scene<'a, 'guard> {
    pub database: Cluster<'guard>,
    pub redis: Replicated<'guard>,
    /// Of which the bank is a user once it was moved there.
    pub cluster: Option<Clustered<'guard>>,
    pub guard: &'guard Guard,
    pub bank: Bank<'guard>,
    pub load: &'a Load<'a>,
    /// How long the load runs on after each fault.
    pub settle: Duration,
    /// Whether nodes are in namespaces of their own.
    pub linked: bool,
    /// Writes that were acknowledged while only the primary had them.
    pub lonely_writes: usize,
}

type Fault<S> = fn(&mut S) -> Result<Option<Duration>>;

/// In their order.
pub const NAMES: [&str; 15] = [
    "nothing, for comparison",
    "primary's postmaster killed",
    "primary's node without power",
    "standby's node without power",
    "Redis master killed",
    "one bank node killed, started again",
    "rolling restart of both bank nodes",
    "both standbys' databases killed",
    "primary cut off from its peers",
    "primary cut off from all",
    "primary lost while one standby has more",
    "moved to a Redis Cluster, node by node",
    "master of the Redis Cluster killed",
    "master of the Redis Cluster cut off from its peers",
    "master of the Redis Cluster cut off from all",
];
/// Where one of these words stands in a name, the network is cut.
const OF_THE_NETWORK: [&str; 2] = ["cut off", "has more"];

impl<'guard> Scene<'_, 'guard> {
    /// The phases whose names have `only` in them, in order, `rounds` times. They are kept in `phases`, also where one of
    /// them fails.
    pub fn run(&mut self, only: &str, rounds: u64, phases: &mut Vec<Phase>) -> Result<()> {
        let faults: [Fault<Self>; NAMES.len()] = [
            |_| Ok(None),
            Self::postmaster,
            Self::power,
            Self::standby,
            Self::redis,
            Self::bank_killed,
            Self::rolling,
            Self::lonely,
            Self::split,
            Self::silence,
            Self::ahead,
            Self::move_to_cluster,
            Self::cluster_killed,
            Self::cluster_split,
            Self::cluster_silence,
        ];
        self.wait_for_everybody()?;
        for _ in 0..rounds {
            for (name, fault) in NAMES.into_iter().zip(faults) {
                if !name.contains(only) {
                    continue;
                }
                if !self.linked && OF_THE_NETWORK.iter().any(|words| name.contains(words)) {
                    eprintln!("xtask: no namespaces here, so not: {name}");
                    continue;
                }
                phases.push(self.phase(name, fault)?);
            }
        }
        Ok(())
    }

    fn phase(&mut self, name: &'static str, fault: Fault<Self>) -> Result<Phase> {
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

    /// What the synchronous standby has not, and so was never acknowledged, is on another one when the primary goes. That
    /// one may have to give it up before it can follow the new primary.
    fn ahead(&mut self) -> Result<Option<Duration>> {
        let old = self.primary()?;
        let behind = self.database.synchronous_standby()?;
        let behind = [self.database.node(behind).place.address];
        self.database.node(old).place.cut_from(&behind)?;
        let_pass(BEHIND);
        let began = now();
        self.database.node(old).place.unplug()?;
        let successor = self.succeeded(old, began)?;
        self.database.node(old).place.join()?;
        self.database.node(old).place.plug_in()?;
        Ok(successor)
    }

    fn move_to_cluster(&mut self) -> Result<Option<Duration>> {
        if self.cluster.is_none() {
            let cluster = Clustered::start(self.guard)?;
            self.bank.set_redis(cluster.url());
            self.cluster = Some(cluster);
            self.rolling()?;
        }
        Ok(None)
    }

    fn cluster_killed(&mut self) -> Result<Option<Duration>> {
        self.cluster_without(Clustered::kill, Clustered::start_again)
    }

    /// The bank still reaches it, and it answers for as long as it does not know.
    fn cluster_split(&mut self) -> Result<Option<Duration>> {
        self.cluster_without(|it, master| it.cut_from_peers(master), |it, _| it.join())
    }

    fn cluster_silence(&mut self) -> Result<Option<Duration>> {
        self.cluster_without(|it, master| it.cut_from_all(master), |it, _| it.join())
    }

    fn cluster_without(
        &mut self,
        lose: fn(&mut Clustered<'guard>, usize) -> Result<()>,
        mend: fn(&mut Clustered<'guard>, usize) -> Result<()>,
    ) -> Result<Option<Duration>> {
        self.move_to_cluster()?;
        let cluster = self.cluster.as_mut().ok_or("there is no cluster")?;
        let (master, replica) = cluster.pair()?;
        let began = now();
        lose(cluster, master)?;
        wait_for("new master of the cluster", SUCCESSOR_LIMIT, || Ok(cluster.is_master(replica)))?;
        let successor = began.elapsed();
        self.wait_for_a_write(now())?;
        let_pass(self.settle);
        mend(self.cluster.as_mut().ok_or("there is no cluster")?, master)?;
        Ok(Some(successor))
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

    /// Who has not signed in when the database goes tries so often that the limit of signing in holds them up afterwards.
    fn wait_for_everybody(&self) -> Result<()> {
        wait_for("transfer of each customer", SUCCESSOR_LIMIT, || {
            let record = self.load.record();
            let payers: HashSet<usize> =
                record.acknowledged.iter().map(|known| known.from).collect();
            Ok(payers.len() == self.load.people.len())
        })
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
