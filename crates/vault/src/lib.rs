//! Keys, sealing, hashing, tokens, masking: everything that must not leak, and the rules for it.
//!
//! Pure: no IO, no async, no clock; randomness is an argument ([`money::Rng`]). All cryptography is
//! that of aws-lc-rs, argon2 and bcrypt; this crate only decides what is keyed with what, and binds
//! it to its place.
//!
//! * [`secret`]: types that cannot be printed, copied or compared in variable time, wiped on drop;
//! * [`master`]: the one key that is kept outside the database, its file and its shares;
//! * [`keyring`]: the data keys, one list per purpose, wrapped under the master key;
//! * [`sealing`]: a value encrypted and bound to its table, column and row;
//! * [`signing`]: Ed25519 keys for tokens, the newest signs, all verify;
//! * [`device_key`]: public keys that clients prove to hold, ES256 and EdDSA;
//! * [`password`]: hashing, verifying, and what a new password must be;
//! * [`card`]: card numbers, brands and expiry dates, and what may stand for a number;
//! * [`webauthn`]: security keys and passkeys, the bytes they send and their signatures;
//! * [`signature`]: signed requests, the bank's HMAC scheme and RFC 9421;
//! * [`webhook`]: what webhooks are signed with (Standard Webhooks);
//! * [`token`]: random bearer tokens and what is stored of them;
//! * [`redaction`], [`checkdigit`]: what logs may show, and the check digits it is found by.
//!
//! Never here: a key or a password in an error; a panic on a damaged value, since that value came
//! from a database which somebody else may have written to.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

pub mod card;
pub mod checkdigit;
pub mod device_key;
pub mod keyring;
pub mod master;
pub mod password;
pub mod redaction;
pub mod sealing;
pub mod secret;
pub mod signature;
pub mod signing;
pub mod token;
pub mod webauthn;
pub mod webhook;

mod aead;
mod mac;
#[cfg(test)]
mod vectors;

pub use aead::Cipher;
pub use device_key::DeviceKey;
pub use keyring::{
    BlindIndex, CardTokenKeys, DataKey, Indexes, KeyError, KeyState, Keyring, MAX_INDEX_VERSIONS,
    Purpose, REFUSED_AFTER, ROTATED_AFTER, Sealing, USED_AFTER_SECONDS, WrappedKey,
};
pub use master::shares::{JoinError, KeyShare, MAX_SHARES, MIN_SHARES, ShareError, SplitError};
pub use master::{MASTER_KEY_ID_LEN, MasterKey, MasterKeyError};
pub use password::{
    MAX_CONTEXT_WORDS, MAX_PASSWORD_BYTES, PasswordError, PasswordHasher, PasswordParams,
    PasswordRefusal, PasswordRules, Verdict, check_password,
};
pub use sealing::{Place, SealError, sealed_with};
pub use secret::{SecretBytes, SecretString};
pub use signing::{SignError, SigningKey, SigningKeys};
pub use token::{random_token, same_bytes, sha256, token_hash};
pub use webhook::{WEBHOOK_KEY_BYTES, WebhookAlgorithm, WebhookKey, WebhookMessage};
