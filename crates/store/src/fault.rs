//! Faults on purpose: "the transaction of this verb fails at its statement *n*".
//!
//! Tests arm it to prove that no verb leaves anything half-done. It lives in the shipped code, so
//! that what is tested is what is shipped; nothing outside a test can reach it, and unarmed it
//! costs one relaxed load per statement.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::DbError;

#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    armed: AtomicBool,
    plan: Mutex<Option<Plan>>,
}

struct Plan {
    verb: &'static str,
    statement: u64,
}

impl Faults {
    /// The next write under `verb` fails at its statement number `statement` (from 1), once.
    pub fn fail_at(&self, verb: &'static str, statement: u64) {
        *self.0.plan.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Plan { verb, statement });
        self.0.armed.store(true, Ordering::Release);
    }

    /// Takes the plan away; true when it had not fired.
    pub fn disarm(&self) -> bool {
        self.0.armed.store(false, Ordering::Release);
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    pub(crate) fn check(&self, verb: &'static str, statement: u64) -> Result<(), DbError> {
        if !self.0.armed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut plan = self.0.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match plan.as_ref() {
            Some(p) if p.verb == verb && p.statement == statement => {
                *plan = None;
                self.0.armed.store(false, Ordering::Release);
                Err(DbError::Unavailable(format!("a test failed {verb} at statement {statement}")))
            }
            _ => Ok(()),
        }
    }
}
