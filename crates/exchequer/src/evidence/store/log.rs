//! SQL of the log's own tables.

use merkle::{HASH_LEN, Hash, Tile, TileId};
use money::Timestamp;
use store::{DbError, Row, Tx, params};

use crate::evidence::bundle::Bundle;
use crate::evidence::model::{LOWEST, RowId};

/// How far the log is, and which node writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub size: u64,
    /// All rows below it that will ever be, are leaves.
    pub settled: RowId,
    pub leader: RowId,
    pub leased_until: Timestamp,
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    pub size: u64,
    pub at: Timestamp,
    pub note: String,
}

const STATE: &str = "SELECT size, settled, leader, leased_until FROM log_state WHERE id = 1";
const LOCKED_STATE: &str =
    "SELECT size, settled, leader, leased_until FROM log_state WHERE id = 1 ORDER BY id";

impl State {
    const NEW: Self =
        Self { size: 0, settled: LOWEST, leader: LOWEST, leased_until: Timestamp::EPOCH };
}

/// Of a log that nobody has begun: no leaf, and nothing settled.
pub fn state(tx: &mut Tx<'_>) -> Result<State, DbError> {
    tx.query_opt(STATE, &[])?.map_or(Ok(State::NEW), |row| read_state(&row))
}

/// The same, and no other node writes until this transaction ends.
pub fn lock_state(tx: &mut Tx<'_>) -> Result<State, DbError> {
    let new = State::NEW;
    tx.execute(
        "INSERT INTO log_state (id, size, settled, leader, leased_until) \
         VALUES (1, $1, $2, $3, $4) ON CONFLICT DO NOTHING",
        params![0, &new.settled, &new.leader, new.leased_until],
    )?;
    let rows = tx.query_locked(LOCKED_STATE, &[])?;
    rows.first().map_or(Ok(new), read_state)
}

/// The row is locked by the caller.
pub fn save_state(tx: &mut Tx<'_>, state: &State) -> Result<(), DbError> {
    tx.execute(
        "UPDATE log_state SET size = $1, settled = $2, leader = $3, leased_until = $4 WHERE id = 1",
        params![place(state.size)?, &state.settled, &state.leader, state.leased_until],
    )?;
    Ok(())
}

/// The hashes of a tile; none where there is no such tile.
pub fn tile(tx: &mut Tx<'_>, id: TileId) -> Result<Vec<Hash>, DbError> {
    let sql = "SELECT hashes FROM log_tiles WHERE level = $1 AND number = $2";
    let row = tx.query_opt(sql, params![i64::from(id.level), place(id.number)?])?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let (hashes, rest) = row.blob(0)?.as_chunks::<HASH_LEN>();
    if !rest.is_empty() {
        return Err(DbError::Corrupt(format!("{id:?} has a part of a hash")));
    }
    Ok(hashes.to_vec())
}

/// Puts a tile in, or a wider one in its place.
pub fn save_tile(tx: &mut Tx<'_>, tile: &Tile) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO log_tiles (level, number, hashes) VALUES ($1, $2, $3) \
         ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
        params![i64::from(tile.id.level), place(tile.id.number)?, &tile.hashes.concat()],
    )?;
    Ok(())
}

pub fn save_bundle(tx: &mut Tx<'_>, bundle: &Bundle) -> Result<(), DbError> {
    let (lowest, highest) = bundle.bounds();
    tx.execute(
        "INSERT INTO log_bundles (number, lowest, highest, secret, entries) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO UPDATE SET \
         lowest = excluded.lowest, highest = excluded.highest, entries = excluded.entries",
        params![place(bundle.number)?, &lowest, &highest, &bundle.secret, &bundle.bytes()],
    )?;
    Ok(())
}

pub fn bundle(tx: &mut Tx<'_>, number: u64) -> Result<Option<Bundle>, DbError> {
    let sql = "SELECT number, secret, entries FROM log_bundles WHERE number = $1";
    tx.query_opt(sql, params![place(number)?])?.as_ref().map(read_bundle).transpose()
}

/// Up to `most` bundles behind one, ascending.
pub fn bundles_from(tx: &mut Tx<'_>, from: u64, most: i64) -> Result<Vec<Bundle>, DbError> {
    let sql = "SELECT number, secret, entries FROM log_bundles WHERE number >= $1 \
               ORDER BY number LIMIT $2";
    tx.query(sql, params![place(from)?, most])?.iter().map(read_bundle).collect()
}

/// Numbers and bounds of up to `most` bundles behind one, ascending: number, lowest, highest.
pub fn bounds_from(
    tx: &mut Tx<'_>,
    from: u64,
    most: i64,
) -> Result<Vec<(u64, RowId, RowId)>, DbError> {
    let sql = "SELECT number, lowest, highest FROM log_bundles WHERE number >= $1 \
               ORDER BY number LIMIT $2";
    let rows = tx.query(sql, params![place(from)?, most])?;
    rows.iter().map(|row| Ok((number(row, 0)?, row.bytes(1)?, row.bytes(2)?))).collect()
}

/// Up to `most` bundles that may have a row of this id, behind the one of a number and a highest id.
pub fn bundles_with(
    tx: &mut Tx<'_>,
    id: &RowId,
    (highest, after): (&RowId, i64),
    most: i64,
) -> Result<Vec<(RowId, Bundle)>, DbError> {
    let sql = "SELECT number, secret, entries, highest FROM log_bundles \
               WHERE highest >= $1 AND (highest > $1 OR number > $2) AND lowest <= $3 \
               ORDER BY highest, number LIMIT $4";
    let rows = tx.query(sql, params![highest, after, id, most])?;
    rows.iter().map(|row| Ok((row.bytes(3)?, read_bundle(row)?))).collect()
}

/// Numbers of bundles with an id from this one on.
pub fn bundles_reaching(tx: &mut Tx<'_>, id: &RowId, most: i64) -> Result<Vec<u64>, DbError> {
    let sql =
        "SELECT number FROM log_bundles WHERE highest >= $1 ORDER BY highest, number LIMIT $2";
    tx.query(sql, params![id, most])?.iter().map(|row| number(row, 0)).collect()
}

pub fn insert_checkpoint(tx: &mut Tx<'_>, checkpoint: &KeptCheckpoint) -> Result<(), DbError> {
    let KeptCheckpoint { size, at, note } = checkpoint;
    let sql = "INSERT INTO log_checkpoints (size, at, note) VALUES ($1, $2, $3)";
    tx.execute(sql, params![place(*size)?, *at, note])?;
    Ok(())
}

/// Puts a checkpoint with further signatures in the place of the same one without.
pub fn save_note(tx: &mut Tx<'_>, size: u64, note: &str) -> Result<(), DbError> {
    let sql = "UPDATE log_checkpoints SET note = $2 WHERE size = $1";
    tx.execute(sql, params![place(size)?, note])?;
    Ok(())
}

/// The newest.
pub fn checkpoint(tx: &mut Tx<'_>) -> Result<Option<KeptCheckpoint>, DbError> {
    let sql = "SELECT size, at, note FROM log_checkpoints ORDER BY size DESC LIMIT 1";
    tx.query_opt(sql, &[])?.as_ref().map(read_checkpoint).transpose()
}

/// The latest time of any: the newest may be from a clock that runs behind.
pub fn last_signed_at(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, DbError> {
    tx.query_one("SELECT MAX(at) FROM log_checkpoints", &[])?.time_opt(0)
}

/// Up to `most` above a size, ascending.
pub fn checkpoints_above(
    tx: &mut Tx<'_>,
    size: u64,
    most: i64,
) -> Result<Vec<KeptCheckpoint>, DbError> {
    let sql = "SELECT size, at, note FROM log_checkpoints WHERE size > $1 ORDER BY size LIMIT $2";
    tx.query(sql, params![place(size)?, most])?.iter().map(read_checkpoint).collect()
}

/// Sizes and times of up to `most` checkpoints above a size, ascending.
pub fn moments(tx: &mut Tx<'_>, size: u64, most: i64) -> Result<Vec<(u64, Timestamp)>, DbError> {
    let sql = "SELECT size, at FROM log_checkpoints WHERE size > $1 ORDER BY size LIMIT $2";
    let rows = tx.query(sql, params![place(size)?, most])?;
    rows.iter().map(|row| Ok((number(row, 0)?, row.time(1)?))).collect()
}

/// Of sizes from the one to the other, both included; gives how many.
pub fn remove_checkpoints(tx: &mut Tx<'_>, (from, to): (u64, u64)) -> Result<u64, DbError> {
    let sql = "DELETE FROM log_checkpoints WHERE size >= $1 AND size <= $2 \
               AND size < (SELECT MAX(size) FROM log_checkpoints)";
    tx.execute(sql, params![place(from)?, place(to)?])
}

fn read_state(row: &Row) -> Result<State, DbError> {
    Ok(State {
        size: number(row, 0)?,
        settled: row.bytes(1)?,
        leader: row.bytes(2)?,
        leased_until: row.time(3)?,
    })
}

fn read_bundle(row: &Row) -> Result<Bundle, DbError> {
    let of = number(row, 0)?;
    Bundle::parse(of, row.bytes(1)?, row.blob(2)?)
        .ok_or_else(|| DbError::Corrupt(format!("bundle {of} is no list of rows")))
}

fn read_checkpoint(row: &Row) -> Result<KeptCheckpoint, DbError> {
    Ok(KeptCheckpoint { size: number(row, 0)?, at: row.time(1)?, note: row.text(2)?.to_owned() })
}

fn number(row: &Row, column: usize) -> Result<u64, DbError> {
    let value = row.int(column)?;
    u64::try_from(value).map_err(|_| DbError::Corrupt(format!("{value} in a column of counts")))
}

fn place(number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(|_| DbError::Corrupt(format!("the log has no place {number}")))
}
