//! Exchequer: the service as a library; `main.rs` holds only arguments.
//!
//! `bank` is what everything stands on; `http` the edge; then one folder per domain with the same
//! file names in each: `mod.rs` (the verbs), `model.rs` (state and its rules), `store.rs` (all its
//! SQL), `api.rs` (JSON).

pub mod accounts;
pub mod alerts;
pub mod approvals;
pub mod attempts;
pub mod bank;
pub mod beneficiaries;
pub mod cards;
pub mod challenges;
pub mod cli;
pub mod config;
pub mod confirmations;
pub mod controls;
pub mod customers;
pub mod demo;
pub mod events;
pub mod evidence;
pub mod factors;
pub mod figures;
pub mod gateways;
pub mod health;
pub mod history;
pub mod holds;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod logging;
pub mod merchants;
pub mod metrics;
pub mod outbox;
pub mod pages;
pub mod passwords;
pub mod payments;
pub mod presence;
pub mod protections;
pub mod reconciliation;
pub mod renewals;
pub mod reversals;
pub mod sandbox;
pub mod secrets;
pub mod serve;
pub mod sessions;
pub mod staff;
pub mod statements;
pub mod stepup;
pub mod traces;
pub mod transfers;
pub mod verify;
pub mod webhooks;
