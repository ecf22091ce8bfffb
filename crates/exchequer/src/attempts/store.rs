//! SQL of counters and devices.

use money::Timestamp;
use store::{DbError, Row, Tx, params};

use super::model::{Counter, Tally};
use crate::sessions::model::PrincipalRef;

/// The counter's row, or the one that it has under another version of the key and that was not adopted yet.
pub(super) fn get(tx: &mut Tx<'_>, counter: &Counter) -> Result<Option<Tally>, DbError> {
    for subject in counter.subjects() {
        let row = tx.query_opt(
            "SELECT failures, last_at, locked_until FROM attempts \
             WHERE subject = $1 AND kind = $2 AND device = $3",
            params![subject, counter.kind.as_str(), &counter.device],
        )?;
        if let Some(row) = row {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

/// Brings a counter that was begun under another version of the key to the one in use, so that a rotation gives
/// nobody new tries. Where both are there, as when two nodes turn to the new version at different moments, the
/// one in use goes on.
pub(super) fn adopt(tx: &mut Tx<'_>, counter: &Counter) -> Result<(), DbError> {
    for former in &counter.former {
        tx.execute(
            "UPDATE attempts SET subject = $1 WHERE subject = $4 AND kind = $2 AND device = $3 \
             AND NOT EXISTS (SELECT 1 FROM attempts AS a \
             WHERE a.subject = $1 AND a.kind = $2 AND a.device = $3)",
            params![&counter.subject, counter.kind.as_str(), &counter.device, former],
        )?;
    }
    Ok(())
}

pub(super) fn lock(tx: &mut Tx<'_>, counter: &Counter) -> Result<Option<Tally>, DbError> {
    let rows = tx.query_locked(
        "SELECT failures, last_at, locked_until FROM attempts \
         WHERE subject = $1 AND kind = $2 AND device = $3 ORDER BY subject, kind, device",
        params![&counter.subject, counter.kind.as_str(), &counter.device],
    )?;
    rows.first().map(read).transpose()
}

/// Makes the row where it is missing, so that there is something to lock.
pub(super) fn ensure(tx: &mut Tx<'_>, counter: &Counter, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO attempts (subject, kind, device, failures, last_at) \
         VALUES ($1, $2, $3, 0, $4) ON CONFLICT (subject, kind, device) \
         DO UPDATE SET last_at = attempts.last_at",
        params![&counter.subject, counter.kind.as_str(), &counter.device, now],
    )?;
    Ok(())
}

pub(super) fn save(tx: &mut Tx<'_>, counter: &Counter, tally: &Tally) -> Result<(), DbError> {
    tx.execute(
        "UPDATE attempts SET failures = $4, last_at = $5, locked_until = $6 \
         WHERE subject = $1 AND kind = $2 AND device = $3",
        params![
            &counter.subject,
            counter.kind.as_str(),
            &counter.device,
            tally.failures,
            tally.last_at,
            tally.locked_until
        ],
    )?;
    Ok(())
}

pub(super) fn clear(tx: &mut Tx<'_>, counter: &Counter) -> Result<(), DbError> {
    for subject in counter.subjects() {
        tx.execute(
            "DELETE FROM attempts WHERE subject = $1 AND kind = $2 AND device = $3",
            params![subject, counter.kind.as_str(), &counter.device],
        )?;
    }
    Ok(())
}

/// The counters of all devices, of the same subject and kind.
pub(super) fn clear_devices(tx: &mut Tx<'_>, counter: &Counter) -> Result<(), DbError> {
    for subject in counter.subjects() {
        tx.execute(
            "DELETE FROM attempts WHERE subject = $1 AND kind = $2",
            params![subject, counter.kind.as_str()],
        )?;
    }
    Ok(())
}

pub(super) fn has_device(
    tx: &mut Tx<'_>,
    principal: &[u8; 16],
    device: &[u8; 32],
) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT 1 FROM devices WHERE principal = $1 AND device = $2",
        params![principal, device],
    )?;
    Ok(row.is_some())
}

/// False where the device is not this principal's.
pub(super) fn touch_device(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    device: &[u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE devices SET last_seen_at = $3 WHERE principal = $1 AND device = $2",
        params![who.bytes(), device, now],
    )?;
    Ok(changed == 1)
}

pub(super) fn insert_device(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    device: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO devices (principal, device, created_at, last_seen_at) VALUES ($1, $2, $3, $3)",
        params![who.bytes(), device, now],
    )?;
    Ok(())
}

/// How many devices a principal has, and how many of them were first seen after a moment.
pub(super) fn count_devices(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    after: Timestamp,
) -> Result<(i64, i64), DbError> {
    let row = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT), \
         CAST(COALESCE(SUM(CASE WHEN created_at > $2 THEN 1 ELSE 0 END), 0) AS BIGINT) \
         FROM devices WHERE principal = $1",
        params![who.bytes(), after],
    )?;
    Ok((row.int(0)?, row.int(1)?))
}

/// Forgets all but the `most` that were seen last; gives those that it forgot.
pub(super) fn trim_devices(
    tx: &mut Tx<'_>,
    who: &PrincipalRef,
    most: i64,
) -> Result<Vec<[u8; 32]>, DbError> {
    let rows = tx.query(
        "SELECT device FROM devices WHERE principal = $1 \
         ORDER BY last_seen_at DESC, created_at DESC, device LIMIT 1000 OFFSET $2",
        params![who.bytes(), most],
    )?;
    let forgotten: Vec<[u8; 32]> = rows.iter().map(|row| row.bytes(0)).collect::<Result<_, _>>()?;
    for device in &forgotten {
        tx.execute(
            "DELETE FROM devices WHERE principal = $1 AND device = $2",
            params![who.bytes(), device],
        )?;
    }
    Ok(forgotten)
}

pub(super) fn erase_devices(tx: &mut Tx<'_>, who: &PrincipalRef) -> Result<(), DbError> {
    tx.execute("DELETE FROM devices WHERE principal = $1", params![who.bytes()])?;
    Ok(())
}

fn read(row: &Row) -> Result<Tally, DbError> {
    Ok(Tally { failures: row.int(0)?, last_at: row.time(1)?, locked_until: row.time_opt(2)? })
}
