//! Transfers: a customer sends money, alone or many at once; an operator reverses.
//!
//! Stand-alone transfers go through [`door`]; a list of them is one transaction of its own, and so is a
//! transfer that the rules or its payer want looked at ([`guarded`]).

pub mod api;
pub mod batch;
pub mod door;
pub mod guarded;
pub mod model;
pub mod receipt;
mod store;

pub use store::{find_visible, reversed};
