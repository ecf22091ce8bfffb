//! SQL of merchants, their keys and their accounts.

use money::{AccountId, Currency, KeyId, MerchantId, Timestamp};
use store::{DbError, Row, Tx, params};
use vault::{Place, Sealing};

use super::keys::{Material, Mode, UsableKey};
use super::model::{Fees, KeyRow, MerchantRow};
use crate::bank::{Act, Tools};

macro_rules! select_key {
    () => {
        "SELECT id, merchant, mode, algorithm, name, routes, addresses, created_at, expires_at, \
         revoked_at FROM merchant_keys "
    };
}

macro_rules! select {
    () => {
        "SELECT id, name, status, settlement, fee_basis_points, fee_fixed, created_at, refund_limit \
         FROM merchants "
    };
}

pub(super) fn insert(tx: &mut Tx<'_>, row: &MerchantRow) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO merchants (id, name, status, settlement, fee_basis_points, fee_fixed, created_at, \
         refund_limit) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            &row.id,
            &row.name,
            i64::from(!row.is_active),
            row.settlement.as_ref(),
            row.fees.basis_points,
            row.fees.fixed,
            row.created_at,
            row.refund_limit
        ],
    )?;
    Ok(())
}

pub(super) fn update(tx: &mut Tx<'_>, row: &MerchantRow) -> Result<(), DbError> {
    tx.execute(
        "UPDATE merchants SET name = $2, status = $3, settlement = $4, fee_basis_points = $5, \
         fee_fixed = $6, refund_limit = $7 WHERE id = $1",
        params![
            &row.id,
            &row.name,
            i64::from(!row.is_active),
            row.settlement.as_ref(),
            row.fees.basis_points,
            row.fees.fixed,
            row.refund_limit
        ],
    )?;
    Ok(())
}

pub fn find(tx: &mut Tx<'_>, id: &MerchantId) -> Result<Option<MerchantRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1");
    tx.query_opt(sql, params![id])?.map(|row| read(&row)).transpose()
}

/// So that two changes of one merchant, or two payouts, are one after the other.
pub(crate) fn lock(tx: &mut Tx<'_>, id: &MerchantId) -> Result<Option<MerchantRow>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 ORDER BY id");
    tx.query_locked(sql, params![id])?.first().map(read).transpose()
}

/// Up to `most`, oldest first, after the one named.
pub(super) fn list(
    tx: &mut Tx<'_>,
    after: Option<&MerchantId>,
    most: i64,
) -> Result<Vec<MerchantRow>, DbError> {
    let sql = concat!(select!(), "WHERE id > $1 ORDER BY id LIMIT $2");
    // No id is all zeros.
    let start = MerchantId::from_bytes([0; 16]);
    tx.query(sql, params![after.unwrap_or(&start), most])?.iter().map(read).collect()
}

/// What a key's row has of what it signs with: a sealed secret, or a public key as it is.
pub(super) fn sealed(act: &Act, id: &KeyId, material: &Material) -> Result<Vec<u8>, DbError> {
    match material {
        Material::Secret(secret) => act
            .tools
            .keyring()
            .seal_for(Sealing::MerchantSecrets, act.tools.rng(), &place(id), secret.expose())
            .map_err(|error| DbError::Corrupt(format!("a merchant's secret: {error}"))),
        Material::Ed25519(public) => Ok(public.to_vec()),
    }
}

/// `material` is what [`sealed`] gave for this key.
pub(super) fn insert_key(tx: &mut Tx<'_>, row: &KeyRow, material: &[u8]) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO merchant_keys (id, merchant, mode, algorithm, material, name, routes, addresses, \
         created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)",
        params![
            &row.id,
            &row.merchant,
            row.mode.code(),
            i64::from(!row.is_hmac),
            material,
            &row.name,
            list_text(&row.routes).as_deref(),
            list_text(&row.addresses).as_deref(),
            row.created_at,
            row.expires_at
        ],
    )?;
    Ok(())
}

pub(super) fn lock_key(tx: &mut Tx<'_>, id: &KeyId) -> Result<Option<KeyRow>, DbError> {
    let sql = concat!(select_key!(), "WHERE id = $1 ORDER BY id");
    tx.query_locked(sql, params![id])?.first().map(read_key).transpose()
}

pub(super) fn keys_of(tx: &mut Tx<'_>, merchant: &MerchantId) -> Result<Vec<KeyRow>, DbError> {
    let sql = concat!(select_key!(), "WHERE merchant = $1 ORDER BY id DESC LIMIT 200");
    tx.query(sql, params![merchant])?.iter().map(read_key).collect()
}

pub(super) fn count_keys(
    tx: &mut Tx<'_>,
    merchant: &MerchantId,
    now: Timestamp,
) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM merchant_keys WHERE merchant = $1 \
         AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        params![merchant, now],
    )?
    .int(0)
}

pub(super) fn end_key(
    tx: &mut Tx<'_>,
    id: &KeyId,
    (expires_at, revoked_at): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE merchant_keys SET expires_at = $2, revoked_at = $3 WHERE id = $1",
        params![id, expires_at, revoked_at],
    )?;
    Ok(())
}

/// A key that is not revoked, with what it signs with.
pub(super) fn usable(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &KeyId,
) -> Result<Option<UsableKey>, DbError> {
    let row = tx.query_opt(
        "SELECT k.merchant, k.mode, k.algorithm, k.material, k.routes, k.addresses, k.expires_at, \
         m.status FROM merchant_keys AS k JOIN merchants AS m ON m.id = k.merchant \
         WHERE k.id = $1 AND k.revoked_at IS NULL",
        params![id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let damaged = |what: &str| DbError::Corrupt(format!("{id}: {what}"));
    let material = row.blob_opt(3)?.ok_or_else(|| damaged("no material"))?;
    let material = match row.int(2)? {
        0 => Material::Secret(
            tools
                .keyring()
                .open_for(Sealing::MerchantSecrets, &place(id), material)
                .map_err(|error| damaged(&error.to_string()))?,
        ),
        _ => Material::Ed25519(material.try_into().map_err(|_| damaged("no public key"))?),
    };
    let parsed = |column| -> Result<Vec<String>, DbError> { list_of(row.text_opt(column)?) };
    let routes = parsed(4)?.iter().map(|text| text.parse()).collect::<Result<_, _>>();
    let networks = parsed(5)?.iter().map(|text| text.parse()).collect::<Result<_, _>>();
    Ok(Some(UsableKey {
        id: *id,
        merchant: row.id(0)?,
        mode: mode(row.int(1)?)?,
        material,
        routes: routes.map_err(|_| damaged("a rule of routes"))?,
        networks: networks.map_err(|_| damaged("a network"))?,
        expires_at: row.time_opt(6)?,
        is_merchant_active: row.int(7)? == 0,
    }))
}

/// Where a merchant's money of a mode and currency stands.
pub(crate) fn account(
    tx: &mut Tx<'_>,
    merchant: &MerchantId,
    (mode, currency): (Mode, Currency),
) -> Result<Option<AccountId>, DbError> {
    let row = tx.query_opt(
        "SELECT account FROM merchant_accounts WHERE merchant = $1 AND mode = $2 AND currency = $3",
        params![merchant, mode.code(), currency.code()],
    )?;
    row.map(|row| row.id(0)).transpose()
}

/// False where somebody was faster.
pub(super) fn insert_account(
    tx: &mut Tx<'_>,
    merchant: &MerchantId,
    (mode, currency): (Mode, Currency),
    account: &AccountId,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        "INSERT INTO merchant_accounts (merchant, mode, currency, account) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (merchant, mode, currency) DO NOTHING",
        params![merchant, mode.code(), currency.code(), account],
    )?;
    Ok(rows == 1)
}

/// The mode of a column.
pub(crate) fn mode(code: i64) -> Result<Mode, DbError> {
    Mode::from_code(code).ok_or_else(|| DbError::Corrupt(format!("mode {code}")))
}

fn place(id: &KeyId) -> Place<'_> {
    Place { table: "merchant_keys", column: "material", row: id.bytes() }
}

fn read(row: &Row) -> Result<MerchantRow, DbError> {
    Ok(MerchantRow {
        id: row.id(0)?,
        name: row.text(1)?.to_owned(),
        is_active: row.int(2)? == 0,
        settlement: row.id_opt(3)?,
        fees: Fees { basis_points: row.int(4)?, fixed: row.int(5)? },
        created_at: row.time(6)?,
        refund_limit: row.int_opt(7)?,
    })
}

fn read_key(row: &Row) -> Result<KeyRow, DbError> {
    Ok(KeyRow {
        id: row.id(0)?,
        merchant: row.id(1)?,
        mode: mode(row.int(2)?)?,
        is_hmac: row.int(3)? == 0,
        name: row.text(4)?.to_owned(),
        routes: list_of(row.text_opt(5)?)?,
        addresses: list_of(row.text_opt(6)?)?,
        created_at: row.time(7)?,
        expires_at: row.time_opt(8)?,
        revoked_at: row.time_opt(9)?,
    })
}

fn list_text(list: &[String]) -> Option<String> {
    if list.is_empty() { None } else { Some(serde_json::json!(list).to_string()) }
}

fn list_of(text: Option<&str>) -> Result<Vec<String>, DbError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|_| DbError::Corrupt("a list of a key's rules".to_owned()))
}
