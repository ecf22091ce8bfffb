//! SQL of the data keys, and of every column that is sealed with one.

mod destruction;

use money::Timestamp;
use store::{DbError, ReplaceSql, Row, Tx, params};
use vault::{KeyState, Purpose, Sealing, WrappedKey};

pub use self::destruction::KeyRow;
pub(super) use self::destruction::{approve_destruction, count_checkpoints, rows};

/// A sealed column, and how its values are gone through by key and replaced.
pub(super) struct SealedColumn {
    pub sealing: Sealing,
    pub table: &'static str,
    pub column: &'static str,
    /// Key and value of `$2` rows behind the key `$1`.
    walk: &'static str,
    pub replace: ReplaceSql,
}

/// Every column that is sealed and lasts. Answers under idempotency keys ([`walk_answers`]) are sealed
/// too, and not sealed anew: they are emptied after 30 days, and until then their version is kept.
pub(super) const COLUMNS: &[SealedColumn] = &[
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "email_sealed",
        walk: "SELECT id, email_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET email_sealed = $3 WHERE id = $1 AND email_sealed = $2",
            set: "UPDATE customers AS t SET email_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.email_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "full_name_sealed",
        walk: "SELECT id, full_name_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET full_name_sealed = $3 WHERE id = $1 AND full_name_sealed = $2",
            set: "UPDATE customers AS t SET full_name_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.full_name_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "phone_sealed",
        walk: "SELECT id, phone_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET phone_sealed = $3 WHERE id = $1 AND phone_sealed = $2",
            set: "UPDATE customers AS t SET phone_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.phone_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "government_id_sealed",
        walk: "SELECT id, government_id_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET government_id_sealed = $3 WHERE id = $1 AND government_id_sealed = $2",
            set: "UPDATE customers AS t SET government_id_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.government_id_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "staff",
        column: "totp_sealed",
        walk: "SELECT id, totp_sealed FROM staff WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE staff SET totp_sealed = $3 WHERE id = $1 AND totp_sealed = $2",
            set: "UPDATE staff AS t SET totp_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.totp_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "factors",
        column: "secret_sealed",
        walk: "SELECT id, secret_sealed FROM factors WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE factors SET secret_sealed = $3 WHERE id = $1 AND secret_sealed = $2",
            set: "UPDATE factors AS t SET secret_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.secret_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "challenges",
        column: "text_sealed",
        walk: "SELECT id, text_sealed FROM challenges WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE challenges SET text_sealed = $3 WHERE id = $1 AND text_sealed = $2",
            set: "UPDATE challenges AS t SET text_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.text_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "outbox",
        column: "destination_sealed",
        walk: "SELECT id, destination_sealed FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE outbox SET destination_sealed = $3 WHERE id = $1 AND destination_sealed = $2",
            set: "UPDATE outbox AS t SET destination_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.destination_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "outbox",
        column: "text_sealed",
        walk: "SELECT id, text_sealed FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE outbox SET text_sealed = $3 WHERE id = $1 AND text_sealed = $2",
            set: "UPDATE outbox AS t SET text_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.text_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "beneficiaries",
        column: "name_sealed",
        walk: "SELECT id, name_sealed FROM beneficiaries WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE beneficiaries SET name_sealed = $3 WHERE id = $1 AND name_sealed = $2",
            set: "UPDATE beneficiaries AS t SET name_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.name_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "log_salts",
        column: "salt",
        walk: "SELECT id, salt FROM log_salts WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE log_salts SET salt = $3 WHERE id = $1 AND salt = $2",
            set: "UPDATE log_salts AS t SET salt = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.salt = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::CardData,
        table: "cards",
        column: "number",
        walk: "SELECT id, number FROM cards WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE cards SET number = $3 WHERE id = $1 AND number = $2",
            set: "UPDATE cards AS t SET number = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.number = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "merchant_keys",
        column: "material",
        walk: "SELECT id, material FROM merchant_keys WHERE algorithm = 0 AND id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE merchant_keys SET material = $3 WHERE id = $1 AND material = $2",
            set: "UPDATE merchant_keys AS t SET material = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.material = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "webhook_endpoints",
        column: "secret",
        walk: "SELECT id, secret FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE webhook_endpoints SET secret = $3 WHERE id = $1 AND secret = $2",
            set: "UPDATE webhook_endpoints AS t SET secret = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.secret = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "webhook_endpoints",
        column: "previous_secret",
        walk: "SELECT id, previous_secret FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE webhook_endpoints SET previous_secret = $3 WHERE id = $1 AND previous_secret = $2",
            set: "UPDATE webhook_endpoints AS t SET previous_secret = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.previous_secret = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "approvals",
        column: "request",
        walk: "SELECT id, request FROM approvals WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE approvals SET request = $3 WHERE id = $1 AND request = $2",
            set: "UPDATE approvals AS t SET request = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.request = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "approvals",
        column: "material",
        walk: "SELECT id, material FROM approvals WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE approvals SET material = $3 WHERE id = $1 AND material = $2",
            set: "UPDATE approvals AS t SET material = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.material = n.old",
        },
    },
];

/// A row's key, and its sealed value where it has one.
pub(super) type KeyedValue = ([u8; 16], Option<Vec<u8>>);

/// Rows behind a key, or from the first on: the bank's own salt stands under the lowest key that there is.
pub(super) fn walk(
    tx: &mut Tx<'_>,
    column: &SealedColumn,
    (after, most): (Option<[u8; 16]>, i64),
) -> Result<Vec<KeyedValue>, DbError> {
    let after = after.as_ref().map_or(&[][..], |key| &key[..]);
    tx.query(column.walk, params![after, most])?.iter().map(keyed).collect()
}

/// The newest run of idempotency keys.
pub(super) fn newest_run(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one("SELECT COALESCE(MAX(run), 0) FROM idempotency", &[])?.int(0)
}

/// Keys of a run, and the beginning of the first sealed part of each answer: format and version, behind
/// the four bytes of its length.
pub(super) fn walk_answers(
    tx: &mut Tx<'_>,
    run: i64,
    (after, most): (&[u8; 16], i64),
) -> Result<Vec<KeyedValue>, DbError> {
    let sql = "SELECT scope, substr(answer, 5, 5) FROM idempotency WHERE run = $3 AND scope > $1 \
               ORDER BY scope LIMIT $2";
    tx.query(sql, params![after, most, run])?.iter().map(keyed).collect()
}

/// How many cards are known by a fingerprint of each version.
pub(super) fn count_fingerprints(tx: &mut Tx<'_>) -> Result<Vec<(u32, u64)>, DbError> {
    let sql = "SELECT key_version, CAST(COUNT(*) AS BIGINT) FROM cards WHERE deleted_at IS NULL \
               GROUP BY key_version";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|row| Ok((version(row, 0)?, count(row, 1)?))).collect()
}

fn keyed(row: &Row) -> Result<KeyedValue, DbError> {
    Ok((row.bytes(0)?, row.blob_opt(1)?.map(<[u8]>::to_vec)))
}

pub(super) fn list(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped, retired_at, sealings \
               FROM data_keys ORDER BY purpose, version";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// All rows, locked.
pub(super) fn lock_all(tx: &mut Tx<'_>) -> Result<Vec<WrappedKey>, DbError> {
    let sql = "SELECT purpose, version, state, created_at, wrapped, retired_at, sealings \
               FROM data_keys ORDER BY purpose, version";
    tx.query_locked(sql, &[])?.iter().map(read).collect()
}

/// The versions of a purpose that are retired and may still have sealed something, with their retirement.
pub(super) fn unfinished(
    tx: &mut Tx<'_>,
    purpose: Purpose,
) -> Result<Vec<(u32, Timestamp)>, DbError> {
    let sql = "SELECT version, COALESCE(retired_at, created_at) FROM data_keys WHERE purpose = $1 \
               AND state = 'retired' AND resealed_at IS NULL ORDER BY version";
    let rows = tx.query(sql, params![purpose.as_str()])?;
    rows.iter().map(|row| Ok((version(row, 0)?, row.time(1)?))).collect()
}

/// Notes that nothing is left under a retired version; false where that was noted.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE data_keys SET resealed_at = $3 WHERE purpose = $1 AND version = $2 \
         AND state = 'retired' AND resealed_at IS NULL",
        params![purpose.as_str(), i64::from(version), now],
    )?;
    Ok(rows == 1)
}

/// Adds to a version's sealings; gives how many there are, none where there is no such version.
pub(super) fn add_uses(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
    uses: u64,
) -> Result<Option<u64>, DbError> {
    let row = tx.query_opt(
        "UPDATE data_keys SET sealings = sealings + $3 WHERE purpose = $1 AND version = $2 \
         RETURNING sealings",
        params![purpose.as_str(), i64::from(version), i64::try_from(uses).unwrap_or(i64::MAX)],
    )?;
    row.map(|row| count(&row, 0)).transpose()
}

pub(super) fn insert(tx: &mut Tx<'_>, key: &WrappedKey) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO data_keys (purpose, version, state, created_at, wrapped) \
         VALUES ($1, $2, $3, $4, $5)",
        params![
            key.purpose.as_str(),
            i64::from(key.version),
            key.state.as_str(),
            key.created_at,
            &key.wrapped
        ],
    )?;
    Ok(())
}

/// Retires the active version of a purpose.
pub(super) fn retire(tx: &mut Tx<'_>, purpose: Purpose, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE data_keys SET state = 'retired', retired_at = $2 \
         WHERE purpose = $1 AND state = 'active'",
        params![purpose.as_str(), now],
    )?;
    Ok(())
}

/// Overwrites the key of a retired version.
pub(super) fn destroy(
    tx: &mut Tx<'_>,
    (purpose, version): (Purpose, u32),
) -> Result<bool, DbError> {
    let nothing: &[u8] = &[];
    let rows = tx.execute(
        "UPDATE data_keys SET state = 'destroyed', wrapped = $3 \
         WHERE purpose = $1 AND version = $2 AND state = 'retired'",
        params![purpose.as_str(), i64::from(version), nothing],
    )?;
    Ok(rows == 1)
}

/// The same key under another master key.
pub(super) fn rewrap(tx: &mut Tx<'_>, key: &WrappedKey) -> Result<(), DbError> {
    tx.execute(
        "UPDATE data_keys SET wrapped = $3 WHERE purpose = $1 AND version = $2",
        params![key.purpose.as_str(), i64::from(key.version), &key.wrapped],
    )?;
    Ok(())
}

fn read(row: &Row) -> Result<WrappedKey, DbError> {
    let (purpose, state) = (row.text(0)?, row.text(2)?);
    let unknown = |text: &str| DbError::Corrupt(format!("a data key is {text:?}"));
    Ok(WrappedKey {
        purpose: Purpose::parse(purpose).ok_or_else(|| unknown(purpose))?,
        version: version(row, 1)?,
        state: KeyState::parse(state).ok_or_else(|| unknown(state))?,
        created_at: row.time(3)?,
        retired_at: row.time_opt(5)?,
        sealings: count(row, 6)?,
        wrapped: row.blob(4)?.to_vec(),
    })
}

fn version(row: &Row, column: usize) -> Result<u32, DbError> {
    let number = row.int(column)?;
    u32::try_from(number).map_err(|_| DbError::Corrupt(format!("data key version {number}")))
}

fn count(row: &Row, column: usize) -> Result<u64, DbError> {
    let number = row.int(column)?;
    u64::try_from(number).map_err(|_| DbError::Corrupt(format!("a count of {number}")))
}
