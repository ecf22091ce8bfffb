//! The hashing pool: argon2 on threads of its own, a few at a time.
//!
//! One hash takes some 30 ms of a core and megabytes of memory, and anybody may ask for one by
//! signing in. So at most `hashing_threads` run at once and at most [`MAX_WAITING`] callers wait for
//! their turn; more are told `overloaded` at once, and the rest of the bank does not feel it. A caller
//! that hangs up keeps its place until a hash that has begun is done, so that hanging up buys no second
//! one.

use std::sync::Arc;

use money::Rng;
use tokio::sync::Semaphore;
use vault::{
    MAX_PASSWORD_BYTES, PasswordError, PasswordHasher, PasswordParams, PasswordRefusal,
    PasswordRules, SecretString, Verdict, check_password,
};

use crate::bank::Tools;
use crate::config;
use crate::http::{Code, Problem};

/// With two threads the last of them waits about a second.
const MAX_WAITING: usize = 64;

/// What a password at sign-in turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Wrong,
    Right {
        /// A new hash of the same password, where the stored one is bcrypt or has other costs.
        upgraded: Option<String>,
    },
}

pub struct HashingPool(Arc<Shared>);

struct Shared {
    hasher: PasswordHasher,
    rules: PasswordRules,
    rng: Rng,
    /// Callers inside, waiting or not.
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

impl HashingPool {
    pub fn new(config: &config::Passwords, tools: &Tools) -> Self {
        let rules = PasswordRules {
            min_chars: config.min_characters,
            max_bytes: MAX_PASSWORD_BYTES,
            needs_letters_and_digits: config.letters_and_digits,
            context_words: config.context_words.clone(),
        };
        Self::with(config.cost, rules, tools.rng().clone(), config.hashing_threads)
    }

    /// Hashes a new password when the rules allow it to the person whom `context` (e-mail, name)
    /// describes.
    ///
    /// Errors: `overloaded`, `unavailable`.
    pub async fn choose(
        &self,
        password: String,
        context: Vec<String>,
    ) -> Result<Result<String, PasswordRefusal>, Problem> {
        let password = SecretString::new(password);
        self.run(move |shared| {
            let context: Vec<&str> = context.iter().map(String::as_str).collect();
            match check_password(password.expose(), &shared.rules, &context) {
                Ok(()) => {
                    shared.hasher.hash(password.expose(), &shared.rng).map(Ok).map_err(problem)
                }
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await
    }

    /// Hashes a password whatever it is: the upgrade of one that was just verified, and passwords that
    /// the bank itself drew.
    ///
    /// Errors: `invalid_fields` (over 1,024 bytes), `overloaded`, `unavailable`.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let password = SecretString::new(password);
        self.run(move |shared| shared.hasher.hash(password.expose(), &shared.rng).map_err(problem))
            .await
    }

    /// Compares a password with what is stored. Nothing stored costs the same and is wrong.
    ///
    /// Errors: `overloaded`, `unavailable`, `internal_error` (a damaged stored hash).
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, Problem> {
        let password = SecretString::new(password);
        self.run(move |shared| {
            let stored = stored.as_deref().unwrap_or(shared.hasher.dummy());
            shared.hasher.verify(password.expose(), stored).map_err(problem)
        })
        .await
    }

    /// Verifies a password at sign-in and hashes it anew where the stored hash is no longer what new
    /// ones are. Errors as those two.
    pub async fn check(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Checked, Problem> {
        let kept = SecretString::new(password.clone());
        match self.verify(password, stored).await? {
            Verdict::Wrong => Ok(Checked::Wrong),
            Verdict::Right { needs_upgrade: false } => Ok(Checked::Right { upgraded: None }),
            Verdict::Right { needs_upgrade: true } => {
                let upgraded = Some(self.hash(kept.expose().to_owned()).await?);
                Ok(Checked::Right { upgraded })
            }
        }
    }

    fn with(params: PasswordParams, rules: PasswordRules, rng: Rng, threads: usize) -> Self {
        let threads = threads.max(1);
        Self(Arc::new(Shared {
            hasher: PasswordHasher::new(params),
            rules,
            rng,
            places: Arc::new(Semaphore::new(threads.saturating_add(MAX_WAITING))),
            threads: Arc::new(Semaphore::new(threads)),
        }))
    }

    async fn run<T, F>(&self, call: F) -> Result<T, Problem>
    where
        F: FnOnce(&Shared) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        let place = Arc::clone(&self.0.places)
            .try_acquire_owned()
            .map_err(|_| Problem::new(Code::Overloaded).cause("the hashing pool is full"))?;
        let thread = Arc::clone(&self.0.threads)
            .acquire_owned()
            .await
            .map_err(|closed| Problem::new(Code::Unavailable).cause(closed))?;
        let shared = Arc::clone(&self.0);
        let work = tokio::task::spawn_blocking(move || {
            let result = call(&shared);
            drop((place, thread));
            result
        });
        work.await.map_err(|panicked| Problem::new(Code::Internal).cause(panicked))?
    }
}

fn problem(error: PasswordError) -> Problem {
    match error {
        PasswordError::TooLong => Problem::field("password", "too_long", error.to_string()),
        PasswordError::UnknownScheme | PasswordError::Unreadable | PasswordError::TooCostly => {
            Problem::new(Code::Internal).cause(error)
        }
        PasswordError::Failed => Problem::new(Code::Unavailable).cause(error),
    }
}

#[cfg(test)]
mod tests;
