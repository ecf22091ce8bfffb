//! Figures for operators: what was moved and paid each day, and how long requests take.
//!
//! Days' sums are kept in a small table that a job adds to ([`job`]); a view reads that alone, so it costs the same
//! however many transfers there are. Today's part is some two minutes old, and the answer says until when it counts.
//! Latency is of the node that answers ([`latency`]). What they are not: books; `verify` knows nothing of them.

pub mod api;
pub(crate) mod job;
pub mod latency;
pub mod model;
mod store;
