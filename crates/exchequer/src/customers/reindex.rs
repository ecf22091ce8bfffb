//! What customers' indexes become when their key is rotated: all of a row's at once, the words of the name included.

use std::collections::BTreeSet;

use ::store::{DbError, Tx};
use money::CustomerId;

use super::names::WordIndex;
use super::{names, store};
use crate::bank::Tools;
use crate::keys::reindex::{Behind, Slice};

/// A customer's indexes under the version in use, and what of the older one is to go.
pub struct Moved {
    pub(super) id: CustomerId,
    pub(super) from_version: u32,
    pub(super) to_version: u32,
    pub(super) email: [u8; 32],
    pub(super) phone: Option<[u8; 32]>,
    pub(super) government_id: Option<[u8; 32]>,
    pub(super) words: Vec<WordIndex>,
    pub(super) old_words: Vec<WordIndex>,
}

/// Customers behind a key whose indexes are of an older version.
pub fn indexes_behind(
    tx: &mut Tx<'_>,
    tools: &Tools,
    behind: Behind,
) -> Result<Slice<Moved>, DbError> {
    let active = tools.keyring().index_version();
    let rows = store::under_version(tx, tools, (active, behind))?;
    let to = rows.last().map(|row| *row.id.bytes());
    let mut slice = Slice { to, moves: Vec::new(), damaged: 0 };
    for row in rows {
        match row.customer {
            None => {}
            Some(Ok(customer)) => {
                let words = names::words(&customer.full_name);
                let (words, old_words) = split(tools, &words);
                let [email, phone, government_id] = store::indexes_of(tools, &customer);
                let (id, from_version, to_version) = (row.id, row.version, active);
                let email = email
                    .ok_or_else(|| DbError::Corrupt("a customer without an e-mail".to_owned()))?;
                slice.moves.push(Moved {
                    id,
                    from_version,
                    to_version,
                    email,
                    phone,
                    government_id,
                    words,
                    old_words,
                });
            }
            Some(Err(error)) => {
                tracing::error!(resource_id = %row.id, %error, "a customer does not open");
                slice.damaged = slice.damaged.saturating_add(1);
            }
        }
    }
    Ok(slice)
}

/// Puts them in place; gives how many rows were still under the older version. `moves` ascend by id, so that two
/// who do this lock in one order.
pub fn move_indexes_in(tx: &mut Tx<'_>, moves: &[Moved]) -> Result<u64, DbError> {
    let mut moved = 0_u64;
    for one in moves {
        if store::move_indexes(tx, one)? {
            store::remove_words(tx, &one.id, &one.old_words)?;
            store::insert_words(tx, &one.id, &one.words)?;
            moved = moved.saturating_add(1);
        }
    }
    Ok(moved)
}

/// Hashes of words under the version in use, and under the others.
fn split(tools: &Tools, words: &BTreeSet<String>) -> (Vec<WordIndex>, Vec<WordIndex>) {
    let all = names::all_indexes(tools, words);
    let first = |one: &Vec<WordIndex>| one.first().copied();
    let rest = |one: &Vec<WordIndex>| one.iter().skip(1).copied().collect::<Vec<_>>();
    (all.iter().filter_map(first).collect(), all.iter().flat_map(rest).collect())
}
