//! SQL of the purges: three texts a table, over a range of its key. Where rows are gathered in runs, the
//! range is one of a run.

use money::Timestamp;
use store::{DbError, Param, Tx, params};

/// How one table is purged.
pub(super) struct Purge {
    /// The transaction's name, and the job's.
    pub verb: &'static str,
    /// The newest run, where the table has runs; the other texts then have it as their last parameter.
    newest_run: Option<&'static str>,
    /// The key `$2` rows after `$1`.
    boundary: &'static str,
    /// Whether a row above `$1` and up to `$2` is as old as `$3`.
    stale: &'static str,
    /// Removes those rows.
    remove: &'static str,
}

/// Where a range of a table's key begins: behind this key.
#[derive(Clone, Copy)]
pub(super) struct Behind {
    pub run: i64,
    pub key: [u8; 16],
}

/// A range of a table's key.
pub(super) struct Slice {
    /// Its last key, behind its beginning; all rows with that key belong to it.
    pub to: [u8; 16],
    pub is_last: bool,
    pub has_stale: bool,
}

/// The answer becomes empty, not NULL: NULL says that the answer is made from the row that `resource`
/// names, for ever. An answer is sealed and so never empty; `http::once` knows what an empty one means.
/// (`substr` is the empty blob in the words of both databases.)
pub(super) const ANSWERS: Purge = Purge {
    verb: "answers.forget",
    newest_run: Some("SELECT COALESCE(MAX(run), 0) FROM idempotency"),
    boundary: "SELECT scope FROM idempotency WHERE run = $3 AND scope > $1 ORDER BY scope \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM idempotency WHERE run = $4 AND scope > $1 AND scope <= $2 \
            AND created_at <= $3 AND length(answer) > 0 LIMIT 1",
    remove: "UPDATE idempotency SET answer = substr(answer, 1, 0) WHERE run = $4 AND scope > $1 \
             AND scope <= $2 AND created_at <= $3 AND length(answer) > 0",
};

pub(super) const CHALLENGES: Purge = Purge {
    verb: "challenges.delete",
    newest_run: None,
    boundary: "SELECT id FROM challenges WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM challenges WHERE id > $1 AND id <= $2 AND expires_at <= $3 LIMIT 1",
    remove: "DELETE FROM challenges WHERE id > $1 AND id <= $2 AND expires_at <= $3",
};

/// A session ends when somebody ends it, and at its absolute limit at the latest.
pub(super) const REFRESH_TOKENS: Purge = Purge {
    verb: "refresh_tokens.delete",
    newest_run: None,
    boundary: "SELECT session FROM refresh_tokens WHERE session > $1 ORDER BY session \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM refresh_tokens AS r JOIN sessions AS s ON s.id = r.session \
            WHERE r.session > $1 AND r.session <= $2 \
            AND (s.ended_at <= $3 OR s.expires_at <= $3) LIMIT 1",
    remove: "DELETE FROM refresh_tokens WHERE session > $1 AND session <= $2 \
             AND EXISTS (SELECT 1 FROM sessions AS s WHERE s.id = refresh_tokens.session \
             AND (s.ended_at <= $3 OR s.expires_at <= $3))",
};

/// After its refresh tokens, which are found by it.
pub(super) const SESSIONS: Purge = Purge {
    verb: "sessions.delete",
    newest_run: None,
    boundary: "SELECT id FROM sessions WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM sessions WHERE id > $1 AND id <= $2 \
            AND (ended_at <= $3 OR expires_at <= $3) LIMIT 1",
    remove: "DELETE FROM sessions WHERE id > $1 AND id <= $2 \
             AND (ended_at <= $3 OR expires_at <= $3) \
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens AS r WHERE r.session = sessions.id)",
};

/// The key is longer than a slice's bounds: its first half is enough, since a slice ends before all that go on from
/// its bound. Many rows may share that half (`end_behind`). The lock is looked at besides, for a clock that was wrong when it was set.
pub(super) const ATTEMPTS: Purge = Purge {
    verb: "attempts.delete",
    newest_run: None,
    boundary: "SELECT substr(subject, 1, 16) FROM attempts WHERE subject > $1 ORDER BY subject \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM attempts WHERE subject > $1 AND subject <= $2 AND last_at <= $3 \
            AND (locked_until IS NULL OR locked_until <= $3) LIMIT 1",
    remove: "DELETE FROM attempts WHERE subject > $1 AND subject <= $2 AND last_at <= $3 \
             AND (locked_until IS NULL OR locked_until <= $3)",
};

pub(super) const DEVICES: Purge = Purge {
    verb: "devices.delete",
    newest_run: None,
    boundary: "SELECT principal FROM devices WHERE principal > $1 ORDER BY principal \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM devices WHERE principal > $1 AND principal <= $2 AND last_seen_at <= $3 \
            LIMIT 1",
    remove: "DELETE FROM devices WHERE principal > $1 AND principal <= $2 AND last_seen_at <= $3",
};

pub(super) const FACTORS: Purge = Purge {
    verb: "factors.delete",
    newest_run: None,
    boundary: "SELECT id FROM factors WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM factors WHERE id > $1 AND id <= $2 AND status = 0 AND created_at <= $3 \
            LIMIT 1",
    remove: "DELETE FROM factors WHERE id > $1 AND id <= $2 AND status = 0 AND created_at <= $3",
};

pub(super) const OUTFLOWS: Purge = Purge {
    verb: "outflows.delete",
    newest_run: None,
    boundary: "SELECT account FROM outflows WHERE account > $1 ORDER BY account \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM outflows WHERE account > $1 AND account <= $2 AND posted_at <= $3 \
            LIMIT 1",
    remove: "DELETE FROM outflows WHERE account > $1 AND account <= $2 AND posted_at <= $3",
};

/// The hour of a time is its microseconds by those of an hour.
pub(super) const SPENDING: Purge = Purge {
    verb: "spending.delete",
    newest_run: None,
    boundary: "SELECT customer FROM spending WHERE customer > $1 ORDER BY customer \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM spending WHERE customer > $1 AND customer <= $2 \
            AND hour < $3 / 3600000000 LIMIT 1",
    remove: "DELETE FROM spending WHERE customer > $1 AND customer <= $2 \
             AND hour < $3 / 3600000000",
};

/// Of no channel is what is written for nobody: the delivery empties it at once, and a version before that knew it, left
/// beside or gone back to, does not.
pub(super) const MESSAGES: Purge = Purge {
    verb: "messages.delete",
    newest_run: None,
    boundary: "SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM outbox WHERE id > $1 AND id <= $2 AND created_at <= $3 \
            AND (status <> 0 OR channel = 'none') LIMIT 1",
    remove: "DELETE FROM outbox WHERE id > $1 AND id <= $2 AND created_at <= $3 \
             AND (status <> 0 OR channel = 'none')",
};

pub(super) const DESTINATIONS: Purge = Purge {
    verb: "destinations.delete",
    newest_run: None,
    boundary: "SELECT destination FROM outbox_destinations WHERE destination > $1 \
               ORDER BY destination LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM outbox_destinations WHERE destination > $1 AND destination <= $2 \
            AND last_at <= $3 LIMIT 1",
    remove: "DELETE FROM outbox_destinations WHERE destination > $1 AND destination <= $2 \
             AND last_at <= $3",
};

pub(super) const RESETS: Purge = Purge {
    verb: "password_resets.delete",
    newest_run: None,
    boundary: "SELECT customer FROM password_resets WHERE customer > $1 ORDER BY customer \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM password_resets WHERE customer > $1 AND customer <= $2 \
            AND created_at <= $3 LIMIT 1",
    remove: "DELETE FROM password_resets WHERE customer > $1 AND customer <= $2 \
             AND created_at <= $3",
};

pub(super) const CONFIRMATIONS: Purge = Purge {
    verb: "email_confirmations.delete",
    newest_run: None,
    boundary: "SELECT customer FROM email_confirmations WHERE customer > $1 ORDER BY customer \
               LIMIT 1 OFFSET $2",
    stale: "SELECT 1 FROM email_confirmations WHERE customer > $1 AND customer <= $2 \
            AND created_at <= $3 LIMIT 1",
    remove: "DELETE FROM email_confirmations WHERE customer > $1 AND customer <= $2 \
             AND created_at <= $3",
};

/// The newest run of the table; 0 where it has none.
pub(super) fn newest_run(tx: &mut Tx<'_>, table: &Purge) -> Result<i64, DbError> {
    table.newest_run.map_or(Ok(0), |sql| tx.query_one(sql, &[])?.int(0))
}

/// The slice of about `rows` rows behind `from`, of its run.
pub(super) fn slice(
    tx: &mut Tx<'_>,
    table: &Purge,
    (from, rows): (Behind, i64),
    cutoff: Timestamp,
) -> Result<Slice, DbError> {
    let skipped = rows.saturating_sub(1);
    let place = [Param::from(&from.key), Param::from(skipped), Param::from(from.run)];
    let boundary = tx.query_opt(table.boundary, table.bound(&place))?;
    let boundary = boundary.map(|row| row.bytes(0)).transpose()?;
    let end = boundary.and_then(|boundary| end_behind(&from.key, boundary));
    let to = end.unwrap_or([u8::MAX; 16]);
    let range = range(&from, &to, cutoff);
    let stale = tx.query_opt(table.stale, table.bound(&range))?;
    Ok(Slice { to, is_last: end.is_none(), has_stale: stale.is_some() })
}

/// Where a slice ends: at its boundary, and always behind its beginning, else a purge would never come to its end. The
/// two are the same where a whole slice of longer keys has the beginning as its first half; then it ends behind all of
/// those. None: there is nothing behind.
fn end_behind(from: &[u8; 16], boundary: [u8; 16]) -> Option<[u8; 16]> {
    if boundary > *from {
        return Some(boundary);
    }
    u128::from_be_bytes(*from).checked_add(1).map(u128::to_be_bytes)
}

/// Removes what is stale in a range; gives how many rows that were.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    table: &Purge,
    (from, to): (Behind, &[u8; 16]),
    cutoff: Timestamp,
) -> Result<u64, DbError> {
    tx.execute(table.remove, table.bound(&range(&from, to, cutoff)))
}

/// How far a job has come; nothing is before an id of zeros.
pub(crate) fn place(tx: &mut Tx<'_>, job: &str) -> Result<[u8; 16], DbError> {
    let row = tx.query_opt("SELECT place FROM job_places WHERE job = $1", params![job])?;
    row.map_or(Ok([0; 16]), |row| row.bytes(0))
}

/// The same, and no other node goes on from there until this transaction ends.
pub(crate) fn lock_place(tx: &mut Tx<'_>, job: &str, now: Timestamp) -> Result<[u8; 16], DbError> {
    tx.execute(
        "INSERT INTO job_places (job, place, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![job, &[0_u8; 16], now],
    )?;
    let sql = "SELECT place FROM job_places WHERE job = $1 ORDER BY job";
    let rows = tx.query_locked(sql, params![job])?;
    rows.first().map_or(Ok([0; 16]), |row| row.bytes(0))
}

/// The time that a job noted with its place.
pub(crate) fn reached(tx: &mut Tx<'_>, job: &str) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_opt("SELECT at FROM job_places WHERE job = $1", params![job])?;
    row.map(|row| row.time(0)).transpose()
}

/// The row is locked by the caller.
pub(crate) fn keep_place(
    tx: &mut Tx<'_>,
    job: &str,
    (place, now): (&[u8; 16], Timestamp),
) -> Result<(), DbError> {
    let sql = "UPDATE job_places SET place = $2, at = $3 WHERE job = $1";
    tx.execute(sql, params![job, place, now])?;
    Ok(())
}

fn range<'a>(from: &'a Behind, to: &'a [u8; 16], cutoff: Timestamp) -> [Param<'a>; 4] {
    *params![&from.key, to, cutoff, from.run]
}

impl Purge {
    /// Without the last parameter, the run, where the table has none.
    fn bound<'p, 'v>(&self, params: &'p [Param<'v>]) -> &'p [Param<'v>] {
        let run = usize::from(self.newest_run.is_none());
        &params[..params.len() - run]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_ends_behind_its_beginning_or_is_the_last() {
        let (low, high) = ([3; 16], [4; 16]);
        assert_eq!(end_behind(&low, high), Some(high));
        for boundary in [low, [2; 16]] {
            let end = end_behind(&low, boundary).expect("there is more behind");
            assert!(end > low && end < high, "{end:?}");
        }
        // Every longer key that begins with `low` is before it.
        let end = end_behind(&low, low).expect("there is more behind");
        assert!([low, [u8::MAX; 16]].concat().as_slice() < end.as_slice());
        assert_eq!(end_behind(&[u8::MAX; 16], [u8::MAX; 16]), None);
    }
}
