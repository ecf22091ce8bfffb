//! The store: the one crate that knows the two databases.
//!
//! * [`Db`] opens a bank on SQLite or PostgreSQL and runs closures in transactions; [`Tx`] is the
//!   handle inside one. Same SQL, same four value types, same behaviour.
//! * [`rows`] and the set-based methods of `Tx` read and write what a batch of the ledger touches.
//! * [`posting`] is the exactly-once core: keys, planner and rows in one transaction.
//! * [`migrate()`]; [`backup`], which also restores; [`moving`], from a file to PostgreSQL or to another file.
//! * [`DatabaseFile`]: the one way to open a file of SQLite, plain or encrypted.
//! * [`stepped`]: a bank in memory whose transactions run when a simulation says so.
//!
//! What it never does: decide a business rule, wait for anything but its database, or build SQL
//! from a caller's text.

pub mod backup;
pub mod cache;
mod db;
mod error;
mod fault;
mod integrity;
mod job;
mod migrate;
pub mod moving;
mod postgres;
pub mod posting;
mod queue;
pub mod rows;
#[cfg(test)]
mod scratch;
mod sets;
mod sqlite;
pub mod stepped;
mod tx;
mod value;

pub use db::{Db, Kind, Location, Options};
pub use error::DbError;
pub use fault::Faults;
pub use integrity::{BrokenGuard, BrokenRun};
pub use job::MAX_TRANSACTION_SECONDS;
pub use migrate::{latest_version, migrate, migrate_noted};
pub use postgres::PostgresAddress;
pub use sets::{LoadedAccount, NumberedAccount, Outflow, ReplaceSql, Replacement};
pub use sqlite::{CAN_ENCRYPT, DatabaseFile, FileKey};
pub use tx::Tx;
pub use value::{Param, Row, Value};
