//! Faults on purpose: "the transaction of this verb fails at its statement *n*".
//!
//! Tests arm it to prove that no verb leaves anything half-done. It lives in the shipped code, so
//! that what is tested is what is shipped; nothing outside a test can reach it, and unarmed it
//! costs one relaxed load per statement.
//!
//! A process of a debug build can also be told where to die, which is what a crash looks like from outside; a
//! release build cannot.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::DbError;

#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    armed: AtomicBool,
    plan: Mutex<Option<Plan>>,
    death: Option<Death>,
}

/// `payments.create@3`: at the third statement of that verb's transaction; `payments.create@end`: when it is
/// committed, and nobody was told.
struct Death {
    verb: String,
    /// `None`: at the end.
    statement: Option<u64>,
}

/// Names the [`Death`] of this process.
const DIE_AT: &str = "EXCHEQUER_TEST_DIE_AT";

struct Plan {
    verb: &'static str,
    statement: u64,
}

impl Faults {
    /// Those of this process: none but for a debug build whose environment says where it dies.
    pub(crate) fn of_process() -> Self {
        let named = if cfg!(debug_assertions) { std::env::var(DIE_AT).ok() } else { None };
        let death = named.as_deref().and_then(Death::read);
        Self(Arc::new(Inner { death, ..Inner::default() }))
    }

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

    /// A transaction of this verb is durable.
    pub(crate) fn committed(&self, verb: &'static str) {
        self.die_at(verb, None);
    }

    fn die_at(&self, verb: &'static str, statement: Option<u64>) {
        if let Some(death) = &self.0.death
            && death.verb == verb
            && death.statement == statement
        {
            // As by kill -9: nothing is flushed, nobody is answered.
            std::process::abort();
        }
    }

    pub(crate) fn check(&self, verb: &'static str, statement: u64) -> Result<(), DbError> {
        self.die_at(verb, Some(statement));
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

impl Death {
    fn read(text: &str) -> Option<Self> {
        let (verb, at) = text.split_once('@')?;
        let statement = if at == "end" { None } else { Some(at.parse().ok()?) };
        Some(Self { verb: verb.to_owned(), statement })
    }
}
