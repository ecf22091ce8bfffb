//! The bank: what every handler, verb and job stands on, and nothing of the network.
//!
//! Cheap to clone. It is opened once at start-up; tests open many in one process.

mod own;

pub use own::{Own, cash_account, own_account};

use std::sync::{Arc, OnceLock};

use arc_swap::Guard;
use money::{Clock, IdKind, IdMint, RequestId, Rng, Timestamp};
use store::cache::Cache;
use store::rows::Origin;
use store::{Db, DbError};
use vault::{Keyring, SecretString};

use crate::cards::keeper::Keeper;
use crate::config::Config;
use crate::customers::hashing::HashingPool;
use crate::events::readers::Readers;
use crate::evidence::sequencer::Sequencer;
use crate::figures::latency::Latency;
use crate::jobs::journal::Journal;
use crate::keys::holder::KeyHolder;
use crate::merchants::keys::KeyCache;
use crate::metrics::Metrics;
use crate::outbox::Gateways;
use crate::payments::CardGateways;
use crate::protections::watch::Watch;
use crate::secrets::SecretAge;
use crate::sessions::cache::SessionCache;
use crate::traces::Traces;
use crate::transfers::door::Door;
use crate::webhooks::sender::Sender;

#[derive(Clone)]
pub struct Bank(Arc<Parts>);

struct Parts {
    db: Db,
    tools: Tools,
    sessions: SessionCache,
    hashing: HashingPool,
    door: Door,
    gateways: Gateways,
    cache: Cache,
    watch: Watch,
    merchant_keys: KeyCache,
    card_gateways: CardGateways,
    card_keeper: Keeper,
    webhooks: Sender,
    journal: Journal,
    readers: Readers,
    sequencer: Sequencer,
    latency: Latency,
    metrics: Metrics,
    traces: Traces,
    opened_at: Timestamp,
    secrets: OnceLock<Vec<SecretAge>>,
}

/// Time, chance, keys and the rules of this bank: what a verb takes as an argument.
#[derive(Clone)]
pub struct Tools(Arc<ToolParts>);

struct ToolParts {
    clock: Clock,
    rng: Rng,
    mint: IdMint,
    keys: KeyHolder,
    config: Config,
}

impl Bank {
    /// Puts an opened database and its keys together. Must be called inside a tokio runtime: the
    /// batcher of transfers is a task of it, and so is what watches over Redis.
    pub fn new(db: Db, keys: KeyHolder, config: Config, clock: Clock, rng: Rng) -> Self {
        let card_gateways = CardGateways::new(&config.cards);
        Self::with_gateways((db, keys), config, (clock, rng), card_gateways)
    }

    /// The same with other card gateways than those of the configuration, as a simulation has them.
    pub fn with_gateways(
        (db, keys): (Db, KeyHolder),
        config: Config,
        (clock, rng): (Clock, Rng),
        card_gateways: CardGateways,
    ) -> Self {
        let keys = keys.sealing_with(config.cipher);
        let mint = IdMint::new(rng.clone());
        let traces = Traces::new(&config.traces, clock.clone(), rng.clone());
        let tools = Tools(Arc::new(ToolParts { clock, rng, mint, keys, config }));
        let hashing = HashingPool::new(&tools.config().passwords, &tools);
        let door = Door::open(&db, &tools);
        let cache = cache_of(&tools);
        let sessions = SessionCache::new(cache.clone());
        let gateways = Gateways::new(&tools.config().messages);
        let watch = Watch::default();
        let merchant_keys = KeyCache::default();
        let card_keeper = Keeper::new(&tools.config().cards);
        let webhooks = Sender::new(tools.config().webhooks.terms());
        let opened_at = tools.now();
        Self(Arc::new(Parts {
            db,
            tools,
            sessions,
            hashing,
            door,
            gateways,
            cache,
            watch,
            merchant_keys,
            card_gateways,
            card_keeper,
            webhooks,
            journal: Journal::default(),
            readers: Readers::default(),
            sequencer: Sequencer::default(),
            latency: Latency::default(),
            metrics: Metrics::default(),
            traces,
            opened_at,
            secrets: OnceLock::new(),
        }))
    }

    /// Transactions that no caller asked for: jobs, start-up and the command line. Handlers go through
    /// their caller.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    pub fn tools(&self) -> &Tools {
        &self.0.tools
    }

    pub fn config(&self) -> &Config {
        self.0.tools.config()
    }

    pub fn sessions(&self) -> &SessionCache {
        &self.0.sessions
    }

    pub fn hashing(&self) -> &HashingPool {
        &self.0.hashing
    }

    pub fn door(&self) -> &Door {
        &self.0.door
    }

    /// Whose payments are looked at one by one.
    pub fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// Keys of merchants that were asked for lately.
    pub fn merchant_keys(&self) -> &KeyCache {
        &self.0.merchant_keys
    }

    /// Who takes card payments for the bank.
    pub fn card_gateways(&self) -> &CardGateways {
        &self.0.card_gateways
    }

    /// Who has the keys of card numbers.
    pub fn card_keeper(&self) -> &Keeper {
        &self.0.card_keeper
    }

    /// The way out for webhooks.
    pub fn webhooks(&self) -> &Sender {
        &self.0.webhooks
    }

    /// When this node's jobs last ran.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Who has read the trail lately.
    pub fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// This node's part in writing the log.
    pub fn sequencer(&self) -> &Sequencer {
        &self.0.sequencer
    }

    /// How long this node's requests take.
    pub fn latency(&self) -> &Latency {
        &self.0.latency
    }

    /// What this node tells Prometheus.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Where this node's requests spend their time; off as a rule.
    pub fn traces(&self) -> &Traces {
        &self.0.traces
    }

    /// When this process began to serve the bank.
    pub fn opened_at(&self) -> Timestamp {
        self.0.opened_at
    }

    /// How old the secrets of other services are, once they were looked at.
    pub fn secrets(&self) -> &[SecretAge] {
        self.0.secrets.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// To be called once, at the start: what was configured stays the same.
    pub(crate) fn learn_secrets(&self, ages: Vec<SecretAge>) {
        if self.0.secrets.set(ages).is_err() {
            tracing::warn!("the ages of secrets were looked at twice");
        }
    }

    /// The ways out for messages.
    pub fn gateways(&self) -> &Gateways {
        &self.0.gateways
    }

    /// Fast state that may be lost: what all nodes have in common, where there is a Redis.
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// An act of the bank itself, under the name of the job or command that does it.
    pub fn system_act(&self, name: &str) -> Act {
        Act::new(self.tools(), Origin::system(name), self.tools().id())
    }
}

impl Tools {
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn rng(&self) -> &Rng {
        &self.0.rng
    }

    /// The keys of this moment: taken without a lock, and replaced by others when the table of keys
    /// changes. Not to be held across a wait.
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.0.keys.ring()
    }

    pub fn keys(&self) -> &KeyHolder {
        &self.0.keys
    }

    /// What this bank was configured to be: profile, limits, caps.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// A fresh id; ids of one process ascend.
    pub fn id<K: IdKind>(&self) -> money::Id<K> {
        self.id_at(self.now())
    }

    /// The same for a moment that was asked for already.
    pub fn id_at<K: IdKind>(&self, now: Timestamp) -> money::Id<K> {
        self.0.mint.mint(now)
    }

    /// A sealed text column of a row.
    pub fn seal(&self, place: &vault::Place<'_>, plaintext: &str) -> Result<Vec<u8>, DbError> {
        self.keyring().seal(self.rng(), place, plaintext.as_bytes()).map_err(sealing)
    }

    /// Opens a sealed text column. A value that does not open is [`DbError::Corrupt`]: it was changed,
    /// moved, or sealed under a key that is gone.
    pub fn unseal(&self, place: &vault::Place<'_>, sealed: &[u8]) -> Result<SecretString, DbError> {
        let bytes = self.keyring().open_sealed(place, sealed).map_err(sealing)?;
        String::from_utf8(bytes.expose().to_vec())
            .map(SecretString::new)
            .map_err(|_| DbError::Corrupt("a sealed text is not UTF-8".to_owned()))
    }
}

fn sealing(error: vault::SealError) -> DbError {
    DbError::Corrupt(format!("sealing: {error}"))
}

/// The cache that the configuration names. Keys begin with a name that follows from the bank's own data
/// keys: all nodes of a bank have the same, and banks that share a Redis do not meet. It is made of the key that is
/// never destroyed, so that a node that starts after a rotation has the name that the others have.
fn cache_of(tools: &Tools) -> Cache {
    let Some(redis) = &tools.config().redis else { return Cache::memory() };
    let prefix = redis.prefix.clone().unwrap_or_else(|| {
        let ring = tools.keyring();
        let first = ring.log_keys().iter().min_by_key(|key| key.version());
        let first = first.map_or(&[][..], |key| &key.public_key()[..]);
        let hash = vault::sha256(&[b"exchequer.v1.cache-prefix:", first].concat());
        format!("exq.{}:", data_encoding::HEXLOWER.encode(&hash[..4]))
    });
    redis.cache(prefix)
}

/// One act: who does it, when, in answer to which request. Verbs take it, so that a closure that
/// runs twice does the same thing twice.
#[derive(Clone)]
pub struct Act {
    pub now: Timestamp,
    pub origin: Arc<Origin>,
    pub request: RequestId,
    pub tools: Tools,
}

impl Act {
    pub fn new(tools: &Tools, origin: Arc<Origin>, request: RequestId) -> Self {
        Self { now: tools.now(), origin, request, tools: tools.clone() }
    }

    /// A fresh id, of this moment and not of `now`: between an id and its commit lies one transaction at most, however
    /// long the act has been going on. The log counts on it (`evidence/window.rs`).
    pub fn id<K: IdKind>(&self) -> money::Id<K> {
        self.tools.id()
    }
}
