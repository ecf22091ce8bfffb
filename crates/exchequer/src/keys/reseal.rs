//! Sealing anew what older versions sealed, and counting what is left under them.
//!
//! A walk goes through each sealed column of a purpose by key, in slices: a reader opens and seals, a short
//! write replaces what has not changed since. Whoever changed a value meanwhile sealed it themselves, so
//! nothing of theirs is lost; two nodes that walk at once replace each value once; and a walk that was cut
//! finds next time only what is left. When a whole walk, begun after every node had turned to the new
//! version, met nothing older, that is noted, and nobody walks for that version again.
//!
//! Cost: about five microseconds a value. Bound: a slice is [`SLICE`] values, and the walk rests after each for as
//! long as reading and writing it took. What does not open stays as it is, is said in the log, and keeps its key
//! from being destroyed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::store::rows::Origin;
use ::store::{Db, DbError, Replacement, Tx};
use money::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use vault::{Place, Purpose, Sealing, sealed_with};

use super::store::{self, COLUMNS, SealedColumn};
use super::{KeyAct, SETTLED_SECONDS, record, reindex};
use crate::bank::{Bank, Tools};
use crate::cards::keeper::{self, Keeper};

/// Values of one slice: about a millisecond of a reader, and less of the writer, which is what others wait for.
/// With 500 the slowest hundredth of transfers waited 2.1 times as long as without a walk.
const SLICE: i64 = 300;
/// Rests after a slice, each as long as the slice took: with one the walk has half of the time at most, and still
/// seals anew more than the 50,000 values a second that are wanted.
const RESTS: u32 = 1;
/// The longest rest after a slice, so that a slow moment of the disk does not stop the walk.
const LONGEST_REST: Duration = Duration::from_millis(50);
/// Seconds until a walk that could replace nothing is repeated.
const FRUITLESS_SECONDS: i64 = 600;

/// What a walk met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Walked {
    /// Values of older versions.
    old: u64,
    replaced: u64,
    /// Values that say no version, or do not open.
    damaged: u64,
}

struct Slice {
    /// The key of its last row; none where the column has no more rows.
    to: Option<[u8; 16]>,
    replacements: Vec<Replacement>,
    damaged: u64,
}

/// Walks for every purpose that has a version to be finished; gives how many values were sealed anew.
pub async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let now = bank.tools().now();
    if now < bank.tools().keys().walk_at() {
        return Ok(0);
    }
    let (mut replaced, mut fruitless) = (0_u64, false);
    let has_vault = matches!(bank.card_keeper(), Keeper::Vault(_));
    for sealing in Sealing::ALL {
        if has_vault && sealing == Sealing::CardData {
            // What seals these is not in this bank.
            continue;
        }
        let purpose = sealing.purpose();
        // A node that has not taken up the next version cannot replace anything.
        let active = bank.tools().keyring().active_version(sealing);
        let settled = settled(bank, purpose, active, now).await?;
        if settled.is_empty() {
            continue;
        }
        let walked = walk(bank, sealing, stop).await?;
        replaced = replaced.saturating_add(walked.replaced);
        if *stop.borrow() {
            return Ok(replaced);
        }
        fruitless |= walked.damaged > 0 && walked.replaced == 0;
        if walked.old == 0 && walked.damaged == 0 {
            finish(bank, purpose, settled, now).await?;
        }
    }
    let met = reindex::sweep(bank, stop).await?;
    replaced = replaced.saturating_add(met.replaced);
    fruitless |= met.old.saturating_add(met.damaged) > 0 && met.replaced == 0;
    if fruitless {
        bank.tools().keys().walk_again_at(now.plus_seconds(FRUITLESS_SECONDS));
    }
    Ok(replaced.saturating_add(keeper::sweep(bank, stop).await?))
}

/// Older versions that are to be finished and that no node uses any more.
pub(super) async fn settled(
    bank: &Bank,
    purpose: Purpose,
    active: u32,
    now: Timestamp,
) -> Result<Vec<u32>, DbError> {
    let unfinished = bank.db().read("keys.unfinished", move |tx| store::unfinished(tx, purpose));
    Ok(unfinished
        .await?
        .into_iter()
        .filter(|(version, _)| *version < active)
        .filter(|(_, retired_at)| retired_at.plus_seconds(SETTLED_SECONDS) <= now)
        .map(|(version, _)| version)
        .collect())
}

async fn walk(
    bank: &Bank,
    sealing: Sealing,
    stop: &watch::Receiver<bool>,
) -> Result<Walked, DbError> {
    let mut walked = Walked::default();
    for column in COLUMNS.iter().filter(|column| column.sealing == sealing) {
        let mut after = None;
        while !*stop.borrow() {
            let began = Instant::now();
            let tools = bank.tools().clone();
            let look = move |tx: &mut Tx<'_>| look(tx, &tools, column, after);
            let slice = bank.db().read("keys.reseal", look).await?;
            walked.damaged = walked.damaged.saturating_add(slice.damaged);
            if !slice.replacements.is_empty() {
                replace(bank, column, slice.replacements, &mut walked).await?;
                tokio::time::sleep(rest_after(began.elapsed())).await;
            }
            let Some(to) = slice.to else { break };
            after = Some(to);
        }
    }
    Ok(walked)
}

async fn replace(
    bank: &Bank,
    column: &'static SealedColumn,
    replacements: Vec<Replacement>,
    walked: &mut Walked,
) -> Result<(), DbError> {
    walked.old = walked.old.saturating_add(u64::try_from(replacements.len()).unwrap_or(u64::MAX));
    let write = move |tx: &mut Tx<'_>| tx.replace_unchanged(column.replace, &replacements);
    let replaced: u64 = bank.db().write("keys.reseal", write).await?;
    walked.replaced = walked.replaced.saturating_add(replaced);
    Ok(())
}

/// The rest after a slice that took so long.
pub(super) fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(RESTS).min(LONGEST_REST)
}

/// One slice behind a key, with what it is to become.
fn look(
    tx: &mut Tx<'_>,
    tools: &Tools,
    column: &SealedColumn,
    after: Option<[u8; 16]>,
) -> Result<Slice, DbError> {
    let ring = tools.keyring();
    let active = ring.active_version(column.sealing);
    let rows = store::walk(tx, column, (after, SLICE))?;
    let to = rows.last().map(|(key, _)| *key);
    let mut slice = Slice { to, replacements: Vec::new(), damaged: 0 };
    for (key, value) in rows {
        let Some(old) = value else { continue };
        // A newer one was sealed by a node that is ahead of this one.
        if sealed_with(&old).is_ok_and(|version| version >= active) {
            continue;
        }
        let place = Place { table: column.table, column: column.column, row: &key };
        match ring.open_for(column.sealing, &place, &old) {
            Ok(plaintext) => {
                let new = ring
                    .seal_for(column.sealing, tools.rng(), &place, plaintext.expose())
                    .map_err(|error| DbError::Corrupt(format!("sealing anew: {error}")))?;
                slice.replacements.push(Replacement { key, old, new });
            }
            Err(error) => {
                let column = format!("{}.{}", column.table, column.column);
                tracing::error!(column, %error, "a sealed value does not open");
                slice.damaged = slice.damaged.saturating_add(1);
            }
        }
    }
    Ok(slice)
}

pub(super) async fn finish(
    bank: &Bank,
    purpose: Purpose,
    versions: Vec<u32>,
    now: Timestamp,
) -> Result<(), DbError> {
    let act = KeyAct {
        master: Arc::clone(bank.tools().keys().master()),
        rng: bank.tools().rng().clone(),
        now,
        origin: Origin::system("keys.reseal"),
    };
    let note = move |tx: &mut Tx<'_>| {
        let rows = store::list(tx)?;
        for version in &versions {
            if store::finish(tx, (purpose, *version), now)? {
                let of =
                    |row: &&vault::WrappedKey| (row.purpose, row.version) == (purpose, *version);
                let row: Vec<_> = rows.iter().filter(of).cloned().collect();
                record(tx, &act, "data_key.resealed", &row)?;
            }
        }
        Ok::<_, DbError>(())
    };
    bank.db().write("keys.finish", note).await
}

/// Every sealed column that lasts: what seals it, its table and its name. Rows are found by their `id`.
pub fn columns() -> impl Iterator<Item = (Sealing, &'static str, &'static str)> {
    COLUMNS.iter().map(|column| (column.sealing, column.table, column.column))
}

/// How many values are left under each version of a purpose, counted now, slice by slice. Hashes in events are not
/// values: nothing is looked up by them. Of `blind_index` these are the rows whose indexes are under it.
pub async fn left(db: &Db, purpose: Purpose) -> Result<BTreeMap<u32, u64>, DbError> {
    let mut left = BTreeMap::new();
    match purpose {
        Purpose::PersonalData | Purpose::CardData | Purpose::MerchantSecrets => {}
        Purpose::CardTokens => {
            left.extend(db.read("keys.count", store::count_fingerprints).await?);
            return Ok(left);
        }
        Purpose::BlindIndex => return db.read("keys.count", store::count_indexes).await,
        Purpose::TokenSigning | Purpose::EventFields | Purpose::DatabaseFile => return Ok(left),
        // No checkpoint is signed anew, and the key is what verifies it.
        Purpose::LogSigning => return db.read("keys.count", store::count_checkpoints).await,
    }
    for column in COLUMNS.iter().filter(|column| column.sealing.purpose() == purpose) {
        let mut after = None;
        loop {
            let look = move |tx: &mut Tx<'_>| store::walk(tx, column, (after, SLICE));
            let rows: Vec<store::KeyedValue> = db.read("keys.count", look).await?;
            let Some((to, _)) = rows.last() else { break };
            after = Some(*to);
            for value in rows.iter().filter_map(|(_, value)| value.as_ref()) {
                count(&mut left, sealed_with(value).ok());
            }
        }
    }
    if purpose == Purpose::PersonalData {
        count_answers(db, &mut left).await?;
    }
    Ok(left)
}

async fn count_answers(db: &Db, left: &mut BTreeMap<u32, u64>) -> Result<(), DbError> {
    let newest = db.read("keys.count", store::newest_run).await?;
    for run in 0..=newest {
        let mut after = [0; 16];
        loop {
            let look = move |tx: &mut Tx<'_>| store::walk_answers(tx, run, (&after, SLICE));
            let rows: Vec<store::KeyedValue> = db.read("keys.count", look).await?;
            let Some((to, _)) = rows.last() else { break };
            after = *to;
            for head in rows.iter().filter_map(|(_, head)| head.as_deref()) {
                if let [_format, version @ ..] = head {
                    count(left, version.try_into().ok().map(u32::from_be_bytes));
                }
            }
        }
    }
    Ok(())
}

/// A value that says no version counts under none that there is.
fn count(left: &mut BTreeMap<u32, u64>, version: Option<u32>) {
    let values = left.entry(version.unwrap_or(0)).or_default();
    *values = values.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    // What a walk may take of the bank: half of the time, and no more where a slice is slow.
    #[test]
    fn a_rest_is_as_long_as_its_slice_and_bounded() {
        let slice = Duration::from_millis(2);
        assert_eq!(rest_after(slice), slice);
        assert_eq!(rest_after(Duration::from_secs(3)), LONGEST_REST);
    }
}
