//! What credentials are found by when the key of indexes is rotated: their id stands in what is sealed.

use ::store::{DbError, Tx};
use money::FactorId;

use super::{store, webauthn};
use crate::bank::Tools;
use crate::keys::reindex::{Behind, Slice};

/// A credential's index under the version in use.
pub struct Moved {
    pub(super) id: FactorId,
    pub(super) from_version: u32,
    pub(super) to_version: u32,
    pub(super) index: [u8; 32],
}

/// Credentials behind a key whose index is of an older version.
pub fn indexes_behind(
    tx: &mut Tx<'_>,
    tools: &Tools,
    behind: Behind,
) -> Result<Slice<Moved>, DbError> {
    let to_version = tools.keyring().index_version();
    let rows = store::versions_behind(tx, behind)?;
    let to = rows.last().map(|(row, _)| *row.id.bytes());
    let mut slice = Slice { to, moves: Vec::new(), damaged: 0 };
    for (row, version) in rows {
        let Some(from_version) = version.filter(|version| *version < to_version) else { continue };
        match webauthn::index_of(tools, &row) {
            Ok(index) => slice.moves.push(Moved { id: row.id, from_version, to_version, index }),
            Err(error) => {
                tracing::error!(resource_id = %row.id, %error, "a credential does not open");
                slice.damaged = slice.damaged.saturating_add(1);
            }
        }
    }
    Ok(slice)
}

/// Puts them in place; gives how many rows were still under the older version. `moves` ascend by id.
pub fn move_indexes_in(tx: &mut Tx<'_>, moves: &[Moved]) -> Result<u64, DbError> {
    let mut moved = 0_u64;
    for one in moves {
        moved = moved.saturating_add(u64::from(store::move_index(tx, one)?));
    }
    Ok(moved)
}
