//! The log in its order, for whoever follows what is posted: each transfer once, in whichever order ids were made and
//! transactions committed.
//!
//! Cost: nothing where rows are written. Bound: what the caller asks for. What it never does: say what a row holds, or
//! tell of a row that is no leaf yet.

use ::store::{DbError, Tx};
use money::TransferId;

use super::bundle::BUNDLE_LEAVES;
use super::model::Table;
use super::store as log;

/// Transfers behind a place in the log, and the place behind them.
pub(crate) struct Followed {
    pub transfers: Vec<TransferId>,
    pub to: u64,
}

/// How many leaves there are.
pub(crate) fn size(tx: &mut Tx<'_>) -> Result<u64, DbError> {
    Ok(log::state(tx)?.size)
}

/// The transfers among the leaves from a number on, of so many bundles at most.
pub(crate) fn transfers(tx: &mut Tx<'_>, from: u64, bundles: i64) -> Result<Followed, DbError> {
    let mut followed = Followed { transfers: Vec::new(), to: from };
    for bundle in log::bundles_from(tx, from / BUNDLE_LEAVES, bundles)? {
        for (leaf, entry) in (bundle.first()..).zip(&bundle.entries) {
            if leaf < followed.to {
                continue;
            }
            if leaf > followed.to {
                let lost = followed.to;
                return Err(DbError::Corrupt(format!("leaf {lost} of the log is in no bundle")));
            }
            followed.to = leaf.saturating_add(1);
            match entry.key.table {
                Table::Transfers => followed.transfers.push(TransferId::from_bytes(entry.key.id)),
                Table::Events => {}
            }
        }
    }
    Ok(followed)
}
