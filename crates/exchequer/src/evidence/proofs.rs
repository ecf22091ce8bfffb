//! What the log can show: that a row is in it, and that it only grew. Made from tiles, against the newest checkpoint.

use ::store::{DbError, Tx};
use merkle::{Hash, Note, ProofError, consistency_proof, inclusion_proof, leaf_hash, root_of};
use vault::Keyring;

use super::append;
use super::bundle::Bundle;
use super::leaf::{BundleKey, encode};
use super::model::{CoveredRow, RowId, RowKey};
use super::outside::own_checkpoint;
use super::store::{self as log, KeptCheckpoint, Read};
use crate::bank::Tools;

/// A row's leaf and the way from it to a signed root.
pub struct Shown {
    pub index: u64,
    pub size: u64,
    pub leaf: Vec<u8>,
    pub hash: Hash,
    pub proof: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
    pub row: CoveredRow,
    /// As it stands in the leaf.
    pub personal: Hash,
}

/// Bundles looked at at once for one id.
const BUNDLES: i64 = 8;
/// Bundles looked at for one id: clocks that were far apart make more of them possible than two or three.
const MOST_BUNDLES: usize = 4_096;

/// The newest signed checkpoint.
pub fn checkpoint_in(tx: &mut Tx<'_>) -> Result<Option<KeptCheckpoint>, DbError> {
    log::checkpoint(tx)
}

/// Size and root of the log, as the bank itself has signed them; none of a log without a leaf.
///
/// Whoever has the database alone cannot have the bank sign for another root: what is kept is believed by its signature.
pub fn root_in(tx: &mut Tx<'_>, keys: &Keyring) -> Result<Option<(u64, Hash)>, DbError> {
    let Some(kept) = log::checkpoint(tx)? else { return Ok(None) };
    let said = own_checkpoint(&kept.note, keys)
        .map_err(|why| DbError::Corrupt(format!("the newest checkpoint: {why}")))?;
    let root = root_of(kept.size, |id| log::tile(tx, id)).map_err(unshown)?;
    if said.size != kept.size || said.root != root {
        return Err(DbError::Corrupt("the newest checkpoint is of another log".to_owned()));
    }
    Ok(Some((said.size, root)))
}

/// Signs a checkpoint's text, with whatever lines it has behind its third.
pub fn sign(tools: &Tools, text: &str) -> Result<Note, DbError> {
    append::sign_text(tools, text)
}

/// A row in the log: none while it is no leaf, or where there is no such row.
pub fn shown_in(tx: &mut Tx<'_>, key: &RowKey) -> Result<Option<Shown>, DbError> {
    let Some(checkpoint) = log::checkpoint(tx)? else { return Ok(None) };
    let Some((index, bundle)) = find(tx, key)? else { return Ok(None) };
    let Some(Read::Whole(row)) = log::rows(tx, key.table, (&key.id, &key.id), 1)?.pop() else {
        return Ok(None);
    };
    let entry = bundle.find(key).map(|(_, entry)| entry.personal);
    let personal = entry.ok_or_else(|| DbError::Corrupt("a leaf without an entry".to_owned()))?;
    let bank = BundleKey::new(&bundle.secret).commitment(index, &row);
    let leaf = encode(&row, &bank, &personal);
    let size = checkpoint.size;
    let proof = inclusion_proof(index, size, |id| log::tile(tx, id)).map_err(unshown)?;
    let hash = leaf_hash(&leaf);
    let row = *row;
    Ok(Some(Shown { index, size, leaf, hash, proof, checkpoint: checkpoint.note, row, personal }))
}

/// That the log of one size begins with that of another; none where the log is not that long, or `from` is none.
pub fn growth_in(tx: &mut Tx<'_>, (from, to): (u64, u64)) -> Result<Option<Vec<Hash>>, DbError> {
    let size = log::state(tx)?.size;
    if from == 0 || from > to || to > size {
        return Ok(None);
    }
    consistency_proof(from, to, |id| log::tile(tx, id)).map(Some).map_err(unshown)
}

/// The number of a row's leaf, and its bundle.
fn find(tx: &mut Tx<'_>, key: &RowKey) -> Result<Option<(u64, Bundle)>, DbError> {
    let (mut highest, mut after): (RowId, i64) = (key.id, -1);
    for _ in 0..MOST_BUNDLES {
        let found = log::bundles_with(tx, &key.id, (&highest, after), BUNDLES)?;
        let Some((last, bundle)) = found.last() else { return Ok(None) };
        (highest, after) = (*last, i64::try_from(bundle.number).unwrap_or(i64::MAX));
        for (_, bundle) in found {
            if let Some((index, _)) = bundle.find(key) {
                return Ok(Some((index, bundle)));
            }
        }
    }
    Ok(None)
}

fn unshown(error: ProofError<DbError>) -> DbError {
    match error {
        ProofError::Read(error) => error,
        other => DbError::Corrupt(format!("the log: {other}")),
    }
}
