//! A card gateway for demos and tests: a separate HTTP service with test cards for each outcome, and knobs
//! for everything that goes wrong between a bank and a gateway.
//!
//! [`Server::start`] runs it in the process, `exchequer sandbox-gateway` by itself. `book` decides (pure),
//! `journal` remembers, `desk` puts both behind one lock, `chaos` says what goes wrong, `api` and `server`
//! speak HTTP, `notices` tells the bank. It is the other side of [`crate::gateways::sandbox`] and shares
//! only `wire` with it. Bound: [`MAX_OPERATIONS`], 64 KiB a request, 4,096 connections. Never here: real
//! cards (any number but a test card's is refused), the bank's database, a card number in a log, in the
//! journal or in an answer.

mod api;
mod book;
mod cards;
mod chaos;
mod command;
mod delivery;
mod desk;
mod journal;
mod notices;
mod refusal;
mod report;
mod server;
pub mod wire;

pub use self::book::{Charge, MAX_OPERATIONS, Total};
pub use self::cards::{CardRefusal, Fate, TEST_CARDS, TestCard};
pub use self::chaos::{Chaos, ChaosError, NoticeChaos};
pub use self::command::{Wish, run};
pub use self::desk::Desk;
pub use self::journal::JournalError;
pub use self::report::FEE_PER_MILLE;
pub use self::server::{MIN_SECRET_BYTES, SandboxError, Server, Settings};

#[cfg(test)]
mod tests;
