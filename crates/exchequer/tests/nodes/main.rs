//! The shipped binary on a server: a bank that moves there and is killed on the way, and several nodes that are
//! one bank.
//!
//! Everything here needs a PostgreSQL of its own, and the nodes a Redis; where a run has none nothing is tried.
//! Every process is stopped by its own id, and traffic goes to loopback only.

mod encrypted_way;
mod jobs;
mod moving;
mod scene;
mod together;
