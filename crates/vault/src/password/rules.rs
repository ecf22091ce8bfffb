//! What a new password must be. Not asked at sign-in, where only the stored hash counts.
//!
//! The block list follows NIST SP 800-63B-4 §3.1.1.2: what is commonly used, expected or known
//! about the customer is refused as a whole password, not as a word inside a longer one.
//! Words of the context (the bank's name, its product, what everybody there says) are given by the caller and count
//! like a common word, also where the list has none of them.
//! Composition rules are off unless a profile's rule book wants them (PCI DSS 8.3.6).
//!
//! Cost: well below a millisecond for usual passwords, below hashing for the longest.

use super::MAX_PASSWORD_BYTES;
use super::guessing::{ENOUGH_CHARS, effective_chars};

/// The rules of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRules {
    /// In characters (Unicode scalar values), as a person counts them.
    pub min_chars: usize,
    /// In bytes; never more than [`MAX_PASSWORD_BYTES`], whatever stands here.
    pub max_bytes: usize,
    /// PCI DSS 8.3.6: both letters and digits.
    pub needs_letters_and_digits: bool,
    /// Context-specific words (NIST SP 800-63B-4 §3.1.1.2), in any case; at most [`MAX_CONTEXT_WORDS`] are looked at.
    /// A password that is little more than some of them is refused.
    pub context_words: Vec<String>,
}

/// Why a password was refused, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    #[error("the password must have at least {min_chars} characters")]
    TooShort { min_chars: usize },
    #[error("the password must have at most {max_bytes} bytes")]
    TooLong { max_bytes: usize },
    #[error("the password must have both letters and digits")]
    NeedsLettersAndDigits,
    #[error("the password is one of those that are tried first; choose another")]
    TooCommon,
    #[error("the password is little more than your name or address; choose another")]
    ContainsIdentity,
}

/// More context-specific words than this are not looked at: each is compared at every character of a password.
pub const MAX_CONTEXT_WORDS: usize = 64;

/// Parts of a name or an address shorter than this are found in too many good passwords.
const SHORTEST_IDENTITY: usize = 3;

/// More parts of names and addresses than this are not looked at.
const MAX_IDENTITY_PARTS: usize = 16;

/// Whether `password` may be chosen by the customer whom `context` (e-mail, name) describes.
pub fn check_password(
    password: &str,
    rules: &PasswordRules,
    context: &[&str],
) -> Result<(), PasswordRefusal> {
    let max_bytes = rules.max_bytes.min(MAX_PASSWORD_BYTES);
    if password.chars().take(rules.min_chars).count() < rules.min_chars {
        return Err(PasswordRefusal::TooShort { min_chars: rules.min_chars });
    }
    if password.len() > max_bytes {
        return Err(PasswordRefusal::TooLong { max_bytes });
    }
    let has_letter = password.chars().any(char::is_alphabetic);
    let has_digit = password.chars().any(char::is_numeric);
    if rules.needs_letters_and_digits && !(has_letter && has_digit) {
        return Err(PasswordRefusal::NeedsLettersAndDigits);
    }
    let words = rules.context_words.iter().take(MAX_CONTEXT_WORDS);
    let mut known: Vec<Vec<char>> = words.map(|word| in_lower_case(word)).collect();
    known.retain(|word| word.len() >= SHORTEST_IDENTITY);
    if effective_chars(password, &known) < ENOUGH_CHARS {
        return Err(PasswordRefusal::TooCommon);
    }
    known.extend(identity_parts(context));
    if effective_chars(password, &known) < ENOUGH_CHARS {
        return Err(PasswordRefusal::ContainsIdentity);
    }
    Ok(())
}

/// `asha.rao@example.com` gives `asha`, `rao`, `example` and `com`, in lower case.
fn identity_parts(context: &[&str]) -> Vec<Vec<char>> {
    context
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .map(in_lower_case)
        .filter(|part| part.len() >= SHORTEST_IDENTITY)
        .take(MAX_IDENTITY_PARTS)
        .collect()
}

fn in_lower_case(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
