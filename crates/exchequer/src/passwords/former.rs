//! The passwords that somebody had before, as hashes: a new one is none of the last four (PCI DSS 4.0.1, 8.3.7).
//!
//! Order: the hash that is replaced is kept in the transaction that replaces it, and the oldest go. Comparing is for whoever
//! chooses a password and costs a hash for each ([`is_one_of`]). Bound: [`KEPT`] rows of each customer and operator. What
//! this never does: keep a password, or tell which of them a new one was.

use ::store::{DbError, Tx};
use vault::{SecretString, Verdict};

use super::store;
use crate::bank::{Act, Bank};
use crate::http::Problem;
use crate::sessions::model::PrincipalRef;

/// Besides the one in use, so that the last four are refused whichever way they are counted.
pub const KEPT: i64 = 4;

/// Hashes of the passwords before the one in use, newest first.
pub fn of(tx: &mut Tx<'_>, who: &PrincipalRef) -> Result<Vec<String>, DbError> {
    store::former(tx, who, KEPT)
}

/// Keeps the hash of a password that was just replaced. The row of whose it was is locked by the caller.
pub fn keep_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &PrincipalRef,
    replaced: &str,
) -> Result<(), DbError> {
    store::keep_former(tx, who, (replaced, KEPT), act.now)
}

/// Whether a password is one that these hashes are of. All are compared only where none is.
///
/// Errors: `overloaded`, `unavailable`.
pub async fn is_one_of(
    bank: &Bank,
    new: &SecretString,
    hashes: &[String],
) -> Result<bool, Problem> {
    for hash in hashes {
        let stored = Some(hash.clone());
        if bank.hashing().verify(new.expose().to_owned(), stored).await? != Verdict::Wrong {
            return Ok(true);
        }
    }
    Ok(false)
}
