//! Recovery codes: ten of them, for the day on which the telephone is gone.
//!
//! 120 random bits each, in groups that can be read aloud; kept as keyed hashes over customer and code, which needs
//! 112 bits to be as good as a slow hash (ASVS 5.0, 6.5.2). Sets of before had 80, and serve until they are replaced. One
//! serves once; a new set replaces the old one whole. They stand in at sign-in and at a password reset.

use ::store::{DbError, Tx};
use money::{CustomerId, Rng};
use serde_json::json;
use vault::Indexes;

use super::{model, store};
use crate::bank::{Act, Tools};
use crate::{events, keys};

/// Codes of a set.
pub const CODES: usize = 10;
/// Characters of a code without its dashes: five bits each.
const CHARACTERS: usize = 24;
/// Of codes that were made before.
const FEWER_CHARACTERS: usize = 16;
const GROUP: usize = 4;
/// Crockford's base 32: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes a new set in place of the old one; gives the codes, once.
pub fn replace_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
) -> Result<Vec<String>, DbError> {
    store::delete_recovery_codes(tx, customer)?;
    let mut codes = Vec::with_capacity(CODES);
    for _ in 0..CODES {
        let code = draw(act.tools.rng());
        let hash = *hashes(&act.tools, customer, &normalised(&code)).active();
        store::insert_recovery_code(tx, customer, &hash, act.now)?;
        codes.push(code);
    }
    let after = json!({ "codes": CODES });
    let resource = customer.to_string();
    events::record(tx, act, "factor.recovery_codes_replaced", &resource, "done", Some(&after))?;
    Ok(codes)
}

/// Takes a code once. Its holder is told, since it may have been found in a drawer.
pub fn take_recovery_code_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    code: &str,
) -> Result<bool, DbError> {
    if !use_in(tx, act, customer, &normalised(code))? {
        return Ok(false);
    }
    let left = store::recovery_codes_left(tx, customer)?;
    super::tell_in(tx, act, customer, &model::code_used(left))?;
    Ok(true)
}

/// Codes that were not used.
pub(super) fn left(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<i64, DbError> {
    store::recovery_codes_left(tx, customer)
}

pub(super) fn delete_all(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    store::delete_recovery_codes(tx, customer)
}

/// Whether a text has the form of a code, dashes and case aside.
pub fn has_form(text: &str) -> bool {
    let code = normalised(text);
    [CHARACTERS, FEWER_CHARACTERS].contains(&code.len())
        && code.bytes().all(|b| ALPHABET.contains(&b))
}

/// `k3v9-x0tm-7q2d-h5ea-p8rw-2c6n`.
fn draw(rng: &Rng) -> String {
    let mut code = String::with_capacity(29);
    let mut rest = u128::from_be_bytes(rng.bytes());
    for place in 0..CHARACTERS {
        if place > 0 && place.is_multiple_of(GROUP) {
            code.push('-');
        }
        let character = usize::try_from(rest & 31).ok().and_then(|five| ALPHABET.get(five));
        code.extend(character.copied().map(char::from));
        rest >>= 5;
    }
    code
}

/// What people mistype: case, dashes, blanks, o for 0, i and l for 1 (as Crockford reads them).
fn normalised(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// Codes are not stored, so their hashes stay those of the version that made them: those that there are, and those
/// that are gone but for the key of this column.
fn use_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    normalised: &str,
) -> Result<bool, DbError> {
    for hash in hashes(&act.tools, customer, normalised).iter() {
        if store::use_recovery_code(tx, customer, hash, act.now)? {
            return Ok(true);
        }
    }
    for index in keys::kept_in(tx, &act.tools)? {
        let hash = index.of(&input(customer, normalised));
        if store::use_recovery_code(tx, customer, &hash, act.now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn hashes(tools: &Tools, customer: &CustomerId, normalised: &str) -> Indexes {
    tools.keyring().blind_indexes(keys::KEPT_COLUMN, &input(customer, normalised))
}

fn input(customer: &CustomerId, normalised: &str) -> Vec<u8> {
    [&customer.bytes()[..], normalised.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
