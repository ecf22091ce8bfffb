//! The store on a real database: SQLite, or PostgreSQL where `EXCHEQUER_TEST_POSTGRES` is given.

mod ledger_bank;
mod origins;
mod postgres_tls;
mod posting;
mod remembered;
mod runs;
mod schema;
mod sql;
mod transactions;
