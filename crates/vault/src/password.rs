//! Passwords: what a new one must be ([`rules`]), and hashing and verifying (here).
//!
//! New hashes are argon2id (RFC 9106) in PHC form; bcrypt hashes that were brought along verify and
//! ask to be upgraded. Passwords are taken as they came: not cut, not normalised, `\0` included.
//!
//! Cost: one hash takes some 20 to 40 ms and [`PasswordParams::memory_kib`] of memory, so callers
//! bound how many run at once. Never here: a password in an error or a return value.

pub mod rules;

mod guessing;

pub use rules::{MAX_CONTEXT_WORDS, PasswordRefusal, PasswordRules, check_password};

use crate::token::sha256;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use bcrypt::HashParts;
use data_encoding::BASE64_NOPAD;
use money::Rng;
use subtle::ConstantTimeEq;

/// The work of one argon2id hash. Made only by its constructors, which hold the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParams {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Hashes and verifies with one set of parameters.
pub struct PasswordHasher {
    params: PasswordParams,
    dummy: String,
}

/// What verifying found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Right {
        /// The stored hash is bcrypt, or argon2id with other parameters: hash the password that was
        /// just given and store that instead.
        needs_upgrade: bool,
    },
    Wrong,
}

/// Why hashing or verifying could not be done, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    #[error("the stored password hash is neither argon2id nor bcrypt")]
    UnknownScheme,
    #[error("the stored password hash is damaged")]
    Unreadable,
    #[error("the stored password hash asks for more work than is allowed")]
    TooCostly,
    #[error("the password could not be hashed: no memory")]
    Failed,
}

/// Parameters that configuration may not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    #[error(
        "argon2id with {memory_kib} KiB and {iterations} iterations is too weak; at least: 47104 KiB \
         × 1, 19456 × 2, 12288 × 3, 9216 × 4 or 7168 × 5"
    )]
    TooWeak { memory_kib: u32, iterations: u32 },
    #[error("argon2id takes at most 1048576 KiB, 16 iterations and parallelism 1 to 8")]
    TooCostly,
}

/// No password is longer; none is cut.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The most work that configuration or a stored hash may ask for: 1 GiB, 16 passes, 8 lanes. A row
/// that somebody wrote into the table cannot stop the bank.
const CEILING: PasswordParams =
    PasswordParams { memory_kib: 1_048_576, iterations: 16, parallelism: 8 };

/// About three seconds; each step doubles it.
const MAX_BCRYPT_COST: u32 = 15;

/// bcrypt looks at no more of a password.
const BCRYPT_BYTES: usize = 72;

const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
/// A shorter stored hash could be met by chance.
const MIN_HASH_LEN: usize = 16;
const MAX_HASH_LEN: usize = 64;

impl Default for PasswordParams {
    /// 19 MiB, 2 iterations, 1 lane: what the OWASP Password Storage Cheat Sheet recommends.
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

impl PasswordParams {
    /// The equivalent minimums of the OWASP Password Storage Cheat Sheet (argon2id): configuration
    /// must reach both numbers of at least one row.
    pub const FLOOR: [Self; 5] = [
        Self { memory_kib: 47_104, iterations: 1, parallelism: 1 },
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 },
        Self { memory_kib: 12_288, iterations: 3, parallelism: 1 },
        Self { memory_kib: 9_216, iterations: 4, parallelism: 1 },
        Self { memory_kib: 7_168, iterations: 5, parallelism: 1 },
    ];

    /// Parameters from configuration.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, ParamsError> {
        let params = Self { memory_kib, iterations, parallelism };
        let reaches =
            |least: &Self| memory_kib >= least.memory_kib && iterations >= least.iterations;
        if !Self::FLOOR.iter().any(reaches) {
            return Err(ParamsError::TooWeak { memory_kib, iterations });
        }
        if parallelism == 0 || !params.within_ceiling() {
            return Err(ParamsError::TooCostly);
        }
        Ok(params)
    }

    /// **Tests only**: the least work argon2 accepts, which keeps no password safe. It is a
    /// function of its own so that a search for its name shows every use; no configuration leads
    /// here.
    pub fn for_tests() -> Self {
        Self { memory_kib: 8, iterations: 1, parallelism: 1 }
    }

    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    pub fn parallelism(&self) -> u32 {
        self.parallelism
    }

    fn within_ceiling(&self) -> bool {
        self.memory_kib <= CEILING.memory_kib
            && self.iterations <= CEILING.iterations
            && self.parallelism <= CEILING.parallelism
    }
}

impl PasswordHasher {
    pub fn new(params: PasswordParams) -> Self {
        // Built, not hashed: nobody knows a password for it, and it costs nothing at start-up.
        let filler = sha256(b"exchequer: the hash of nobody's password");
        let salt = filler.get(..SALT_LEN).unwrap_or_default();
        let dummy = format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.memory_kib,
            params.iterations,
            params.parallelism,
            BASE64_NOPAD.encode(salt),
            BASE64_NOPAD.encode(&sha256(&filler)),
        );
        Self { params, dummy }
    }

    pub fn params(&self) -> PasswordParams {
        self.params
    }

    /// A PHC string with a fresh salt. Fails with [`PasswordError::TooLong`] or
    /// [`PasswordError::Failed`].
    pub fn hash(&self, password: &str, rng: &Rng) -> Result<String, PasswordError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::TooLong);
        }
        let PasswordParams { memory_kib, iterations, parallelism } = self.params;
        let params = Params::new(memory_kib, iterations, parallelism, Some(HASH_LEN))
            .map_err(|_impossible| PasswordError::Failed)?;
        let salt: [u8; SALT_LEN] = rng.bytes();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|_no_memory| PasswordError::Failed)
    }

    /// Compares `password` with a stored hash, in the time that the stored hash asks for.
    ///
    /// A bcrypt hash takes more time than [`PasswordHasher::dummy`], or less, until its owner's
    /// first sign-in upgrades it; callers who must not show that an address is known pad the
    /// answer's time.
    pub fn verify(&self, password: &str, stored: &str) -> Result<Verdict, PasswordError> {
        if password.len() > MAX_PASSWORD_BYTES {
            // None was ever stored, and the answer is as quick for an unknown address.
            return Ok(Verdict::Wrong);
        }
        if stored.starts_with("$argon2id$") {
            self.verify_argon2id(password, stored)
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix)) {
            verify_bcrypt(password, stored)
        } else {
            Err(PasswordError::UnknownScheme)
        }
    }

    /// A stored hash that no password matches, to verify against when an address is unknown, so
    /// that the answer takes as long as for a known one.
    pub fn dummy(&self) -> &str {
        &self.dummy
    }

    fn verify_argon2id(&self, password: &str, stored: &str) -> Result<Verdict, PasswordError> {
        let parsed = PasswordHash::new(stored).map_err(|_malformed| PasswordError::Unreadable)?;
        let params = Params::try_from(&parsed).map_err(|_malformed| PasswordError::Unreadable)?;
        let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
            return Err(PasswordError::Unreadable);
        };
        let current = u32::from(Version::V0x13);
        if parsed.version != Some(current) || expected.len() < MIN_HASH_LEN {
            return Err(PasswordError::Unreadable);
        }
        let asked = PasswordParams {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
        };
        if !asked.within_ceiling() {
            return Err(PasswordError::TooCostly);
        }
        let mut buffer = [0; MAX_HASH_LEN];
        let computed = buffer.get_mut(..expected.len()).ok_or(PasswordError::Unreadable)?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), salt, computed)
            .map_err(|_no_memory| PasswordError::Failed)?;
        if !bool::from((*computed).ct_eq(expected.as_bytes())) {
            return Ok(Verdict::Wrong);
        }
        let needs_upgrade =
            asked != self.params || expected.len() != HASH_LEN || salt.len() < SALT_LEN;
        Ok(Verdict::Right { needs_upgrade })
    }
}

/// bcrypt sees 72 bytes of a password and, in most of the systems that such hashes come from,
/// nothing after a `\0`; it also takes `a` and `a\0a` for one password, since it repeats what it is
/// given with a `\0` between. Which password was meant cannot be known from such a hash. So a
/// password of more than 72 bytes, or with a `\0`, is wrong here, whatever bcrypt says of its
/// beginning: what is typed after the cut would otherwise sign in unseen, and then be stored by the
/// upgrade as part of the password. Its owner sets a new password; no two different passwords ever
/// open one account.
fn verify_bcrypt(password: &str, stored: &str) -> Result<Verdict, PasswordError> {
    let parts: HashParts = stored.parse().map_err(|_malformed| PasswordError::Unreadable)?;
    if parts.get_cost() > MAX_BCRYPT_COST {
        return Err(PasswordError::TooCostly);
    }
    // Before the rule on length, so that both kinds of wrong take the same time.
    let matches =
        bcrypt::verify(password, stored).map_err(|_cost_too_low| PasswordError::Unreadable)?;
    let whole = password.len() <= BCRYPT_BYTES && !password.contains('\0');
    if matches && whole { Ok(Verdict::Right { needs_upgrade: true }) } else { Ok(Verdict::Wrong) }
}

#[cfg(test)]
mod tests;
