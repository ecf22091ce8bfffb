//! What this crate promises, seen from outside. One binary; a file per subject.

mod allocation;
mod amount;
mod currency;
mod id;
mod mint;
mod money;
mod rng;
mod rounding;
mod time;
