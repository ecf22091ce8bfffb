//! The health of what the bank stands on, for the operator who is woken: each part with a state and a sentence of
//! advice.
//!
//! One bounded look at each: nothing here walks a table that grows. Parts that are asked through the database are
//! `down` where it does not answer, since nothing is known of them. One row is written, since a disk that is full takes
//! empty commits. What it never does: repair, or decide; `/readyz` is what a balancer asks.

pub mod api;
mod log;
pub mod look;
pub mod model;
mod secrets;
mod store;
mod tls;
