//! One life of the bank: a runtime of one thread, the whole service on it, and the database in the scheduler's hand.
//!
//! Nothing moves but in [`Node::turn`], which lets every task go on a few times, and in the steps of the database.
//! A crash is to drop it: tasks end where they wait, and what was not committed never was.

use std::sync::Arc;

use axum::extract::Request;
use exchequer::bank::Bank;
use exchequer::http as edge;
use exchequer::jobs::Job;
use exchequer::keys::holder::KeyHolder;
use exchequer::payments::CardGateways;
use money::{Clock, Rng};
use store::DbError;
use store::stepped::{Disk, Stepper, open};
use testkit::bank::master_key;
use testkit::{Client, Reply};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::gateway::SimGateway;
use crate::world::World;

/// Keys of a run of `idempotency`: few, so that a seed closes some.
const RUN_ROWS: u32 = 20;

pub struct Node {
    /// First, since what is dropped first is what the others are used by.
    runtime: Runtime,
    pub client: Client,
    pub bank: Bank,
    pub disk: Stepper,
    jobs: Vec<(Job, JoinHandle<Result<u64, DbError>>)>,
    stop: (watch::Sender<bool>, watch::Receiver<bool>),
}

impl Node {
    pub fn start(
        world: &World,
        (disk, rng): (&Disk, Rng),
        clock: &Clock,
        gateway: &SimGateway,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let (db, stepper) = open(disk, RUN_ROWS).expect("the disk is there");
        let keys = KeyHolder::open_here(master_key(), world.keys.clone(), clock.now());
        let keys = keys.unwrap_or_else(|error| panic!("the keys open: {error}"));
        let bank = {
            let _inside = runtime.enter();
            let gateways = CardGateways::of_test(Arc::new(gateway.clone()));
            let time_and_chance = (clock.clone(), rng);
            Bank::with_gateways((db, keys), world.config.clone(), time_and_chance, gateways)
        };
        let client = Client::new(edge::service(&bank));
        let (jobs, stop) = (Vec::new(), watch::channel(false));
        Self { runtime, client, bank, disk: stepper, jobs, stop }
    }

    /// Lets all tasks go on so many times.
    pub fn turn(&self, times: usize) {
        self.runtime.block_on(async {
            for _ in 0..times {
                tokio::task::yield_now().await;
            }
        });
    }

    pub fn send(&self, client: Client, request: Request) -> JoinHandle<Reply> {
        self.runtime.spawn(async move { client.send(request).await })
    }

    /// Runs a job, unless it is running; as its own loop does.
    pub fn run_job(&mut self, job: Job) {
        if self.has_jobs() && self.jobs.iter().any(|(running, _)| *running == job) {
            return;
        }
        let (bank, stop) = (self.bank.clone(), self.stop.1.clone());
        let handle = self.runtime.spawn(async move { job.run(&bank, &stop).await });
        self.jobs.push((job, handle));
    }

    /// Whether one is running. A job may fail and runs again; none may panic.
    pub fn has_jobs(&mut self) -> bool {
        for (job, handle) in std::mem::take(&mut self.jobs) {
            if handle.is_finished() {
                let ended = self.runtime.block_on(handle);
                assert!(ended.is_ok(), "{} panicked", job.name());
            } else {
                self.jobs.push((job, handle));
            }
        }
        !self.jobs.is_empty()
    }

    /// Runs a future to its end, with a database that works.
    pub fn finish<T: Send + 'static>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let handle = self.runtime.spawn(future);
        for _ in 0..10_000 {
            if handle.is_finished() {
                return self.runtime.block_on(handle).ok();
            }
            self.serve_all();
        }
        None
    }

    /// Everything that waits for the database is done, in order.
    pub fn serve_all(&mut self) {
        self.turn(2);
        while self.disk.reads() > 0 {
            self.disk.read(0);
        }
        if self.disk.writes() > 0 {
            self.disk.write(usize::MAX, store::stepped::Fate::Commits, |_| 0);
        }
    }

    /// What a request that has ended was answered.
    pub fn outcome(&self, handle: JoinHandle<Reply>) -> Option<Reply> {
        self.runtime.block_on(handle).ok()
    }
}
