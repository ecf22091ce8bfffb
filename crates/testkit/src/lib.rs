//! What tests stand on: a bank in the process, typed clients, and the databases to run on.
//!
//! Dev only. Everything panics with a clear text where a test cannot go on.
#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on fails by panicking")]

pub mod answers;
pub mod authenticator;
pub mod bank;
pub mod browser;
pub mod card_vault;
pub mod client;
pub mod collector;
pub mod database;
pub mod device;
pub mod factors;
pub mod fuzzing;
mod listener;
pub mod logs;
pub mod mail;
pub mod merchant;
pub mod postgres;
pub mod process;
pub mod receiver;
pub mod redis;
pub mod sandbox;
pub mod signer;
pub mod texts;
pub mod transit;
pub mod witness;

pub use bank::{Person, TestBank};
pub use browser::Browser;
pub use card_vault::{TestVault, VaultProcess};
pub use client::{Client, Reply, key};
pub use collector::Collector;
pub use database::TestDatabase;
pub use device::Device;
pub use logs::LogServer;
pub use merchant::{Shop, Signed};
pub use receiver::Receiver;
pub use sandbox::Till;
pub use signer::Signer;
pub use transit::Transit;
pub use witness::Witness;
