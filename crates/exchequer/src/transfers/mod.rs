//! Transfers: a customer sends money, alone or many at once; an operator reverses.
//!
//! Stand-alone transfers go through [`door`]; a list of them is one transaction of its own.

pub mod api;
pub mod door;
pub mod model;
mod store;

pub use store::find_visible;
