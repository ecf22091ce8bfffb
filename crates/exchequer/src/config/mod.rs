//! Configuration: one value, read once, checked as a whole, before anything is opened.
//!
//! The file, then `.env`, then the environment (`sources.rs`), by the names of one table
//! (`settings.rs`, of `setting.rs`), into one struct per concern. All faults are reported together, and a
//! configuration with a fault is not handed out. The reference of all settings is the embedded,
//! commented [`REFERENCE`], which a test compares with the table.
//!
//! Never here: a secret that can be printed; a write to the process environment; a setting that
//! makes the bank laxer than its profile. Later changes of the sources are not seen: restart.

mod address;
mod approvals;
mod assemble;
mod card_vault;
mod cards;
mod certificates;
mod console;
mod database;
mod dotenv;
mod evidence;
mod factors;
mod fault;
mod file;
mod init;
mod kms;
mod master_key;
mod messages;
mod metrics;
mod profile;
mod reading;
mod redis;
mod render;
mod sealing;
mod secrets;
mod setting;
mod settings;
mod sources;
mod step_up;
mod traces;
mod transit;
mod webauthn;
mod webhooks;
mod words;

pub use approvals::Approvals;
pub use card_vault::{CardVault, VAULT_PROTOCOL, VaultPlace};
pub use cards::{Cards, SandboxGateway, StripeGateway};
pub use console::{Console, Network};
pub use database::DatabaseUrl;
pub use evidence::{Evidence, TrailAddress, WitnessAddress};
pub use factors::Factors;
pub use fault::{Fault, Faults, Origin};
pub use init::{Created, InitError, init_files, write_shares};
pub use master_key::{read_key_shares, read_master_key};
pub use messages::{Caps, MailServer, MailTls, Messages, SmsGateway};
pub use profile::{Lockout, Profile};
pub use redis::Redis;
pub use secrets::{Secrets, ServiceSecret};
pub use setting::{Kind, Setting};
pub use settings::SETTINGS;
pub use sources::Sources;
pub use step_up::{EveryPayment, StepUp};
pub use traces::Traces;
pub use webauthn::Webauthn;
pub use webhooks::Webhooks;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use vault::{Cipher, PasswordParams};

use crate::keys::kms::KmsAddress;
use crate::keys::transit::TransitAddress;

/// Every setting with its default and what it does, as a file to start from.
pub const REFERENCE: &str = include_str!("exchequer.toml");

/// The whole configuration. No `Debug`, since it may hold a password: see [`Config::render`].
#[derive(Clone)]
pub struct Config {
    pub database: Database,
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// Empty where the master key is elsewhere.
    pub master_key_file: PathBuf,
    /// The same in shares; empty where it is not.
    pub master_key_share_files: Vec<PathBuf>,
    pub transit: Option<TransitAddress>,
    /// The same in AWS KMS.
    pub kms: Option<KmsAddress>,
    /// What seals from now on; what was sealed opens whichever it was.
    pub cipher: Cipher,
    pub profile: Profile,
    pub log: Log,
    /// Absent: fast state is this process's own.
    pub redis: Option<Redis>,
    pub rate_limits_on: bool,
    /// Where Prometheus may ask; absent: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether that may be an address that other machines reach.
    pub metrics_plaintext: bool,
    pub console: Console,
    pub traces: Traces,
    pub http: Http,
    /// Absent: the bank speaks plain HTTP. Opened and checked, so that what was checked is what is served.
    pub tls: Option<Arc<tls::Server>>,
    pub tokens: Tokens,
    pub sessions: Sessions,
    pub passwords: Passwords,
    pub factors: Factors,
    pub messages: Messages,
    pub step_up: StepUp,
    pub webauthn: Webauthn,
    pub cards: Cards,
    pub webhooks: Webhooks,
    pub approvals: Approvals,
    pub staff: Staff,
    pub evidence: Evidence,
    /// What the bank shows to other services and that does not end by itself.
    pub secrets: Secrets,
    /// A demo bank: seeded, in a folder of its own, with rules relaxed for tests.
    pub demo: bool,
}

#[derive(Clone)]
pub struct Database {
    pub url: DatabaseUrl,
    /// Per connection.
    pub sqlite_cache_mib: u32,
    pub read_connections: usize,
    /// On PostgreSQL; SQLite has one writer whatever this says.
    pub write_connections: usize,
    pub lock_timeout_ms: u64,
    /// Refuse a server that loses acknowledged commits at a power cut.
    pub require_durable: bool,
    /// Whether a PostgreSQL on another host was allowed without TLS.
    pub plaintext: bool,
    /// Whether the file of an embedded database is an encrypted one.
    pub is_encrypted: bool,
}

/// How operators come in, beyond what everybody's sign-in has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staff {
    /// Who has not signed in for so long is shut out.
    pub absence_days: u32,
}

/// What to log and in which form; see `logging`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// In the syntax of tracing's `EnvFilter`; checked.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    pub header_timeout_seconds: u64,
    pub body_timeout_seconds: u64,
    pub idle_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub drain_seconds: u64,
    pub max_connections: usize,
    pub max_body_bytes: usize,
    pub max_bulk_body_bytes: usize,
    /// As browsers send them in `Origin`, to be compared byte by byte.
    pub cors_origins: Vec<String>,
    /// Without a slash at the end. With port 0 and no value given it ends in `:0`: good as a name,
    /// not as an address.
    pub public_url: String,
    pub behind_proxy: bool,
    /// Proxies of ours before the bank, whose forwarded addresses are believed.
    pub trusted_proxies: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    pub issuer: String,
    pub audience: String,
    pub access_seconds: u64,
    pub refresh_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    pub idle_seconds: u64,
    pub absolute_seconds: u64,
    /// Live at once, for one customer or operator.
    pub max: u32,
    pub at_cap: AtCap,
    pub on_move: OnMove,
    pub lockout: Lockout,
}

/// What happens when somebody with as many sessions as are allowed signs in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCap {
    EndOldest,
    Refuse,
}

/// What happens when a session that is bound to no key comes from another network or agent.
/// The laxest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnMove {
    Log,
    StepUp,
    End,
}

/// What a hash costs and what a new password must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passwords {
    /// Argon2id's costs (RFC 9106 §3.1), at or above the floor where they were configured.
    pub cost: PasswordParams,
    pub hashing_threads: usize,
    pub min_characters: usize,
    pub letters_and_digits: bool,
    /// Words of the context that do not make a password (ASVS 5.0, 6.1.2).
    pub context_words: Vec<String>,
}

impl Sessions {
    /// For arithmetic with times.
    pub fn idle_limit_seconds(&self) -> i64 {
        i64::try_from(self.idle_seconds).unwrap_or(i64::MAX)
    }

    /// For arithmetic with times.
    pub fn absolute_limit_seconds(&self) -> i64 {
        i64::try_from(self.absolute_seconds).unwrap_or(i64::MAX)
    }
}

impl AtCap {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::EndOldest => "end_oldest",
            Self::Refuse => "refuse",
        }
    }
}

impl OnMove {
    pub const ALL: [Self; 3] = [Self::Log, Self::StepUp, Self::End];

    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::StepUp => "step_up",
            Self::End => "end",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl Config {
    /// The configuration of a real bank. The error holds every fault there is, or, when a file
    /// cannot be read, the faults of the files alone.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        assemble::bank(sources)
    }

    /// The configuration of a demo bank from `.env` and the environment; what is given here wins.
    /// The folder is `demo-data` and the address `127.0.0.1:8080` when nobody says otherwise.
    pub fn load_demo(
        data_dir: Option<PathBuf>,
        listen: Option<SocketAddr>,
        sources: &Sources,
    ) -> Result<Self, Faults> {
        assemble::demo(data_dir, listen, sources)
    }

    /// A demo bank with all defaults, for tests: no source is read and nothing is refused.
    pub fn demo(data_dir: PathBuf, listen: SocketAddr) -> Self {
        assemble::demo_by_default(data_dir, listen)
    }

    /// Every setting with the value in force, as a configuration file; secrets as `(set)`.
    pub fn render(&self) -> String {
        render::render(self)
    }

    /// Makes the data folder with mode 0700, and those above it, when it is missing.
    pub fn make_data_dir(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir)
    }
}

#[cfg(test)]
mod tests;
