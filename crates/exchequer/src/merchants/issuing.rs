//! Merchants' keys: drawn, placed, rotated, revoked.
//!
//! A key is drawn first, which writes nothing, and placed then: a live one with an approval between the two. Locks: the
//! key that ends, then the merchant's row. What it never does: show a secret again.

use ::store::{DbError, Tx};
use money::{KeyId, MerchantId, Timestamp};
use serde_json::{Value, json};
use vault::{SecretBytes, SecretString};

use super::keys::{Material, Mode};
use super::model::{KeyRow, MAX_KEYS};
use super::store;
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};

/// A key that an operator asks for.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub mode: Mode,
    pub name: String,
    /// The public half of the merchant's own Ed25519 key; without one the bank draws a secret.
    pub public: Option<[u8; 32]>,
    pub routes: Vec<String>,
    pub addresses: Vec<String>,
    pub expires_at: Option<Timestamp>,
}

/// A key that was made, and its secret, which is shown now and never again.
pub struct MadeKey {
    pub row: KeyRow,
    pub secret: Option<SecretString>,
}

/// A key that serves nothing yet.
pub struct DrawnKey {
    pub row: KeyRow,
    /// What it signs with, as its row will have it.
    pub material: Vec<u8>,
    pub secret: Option<SecretString>,
}

/// Makes a key. Refuses, in order: `not_found`, `too_many_keys`.
pub fn make_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    merchant: &MerchantId,
    wanted: &NewKey,
) -> Result<Result<MadeKey, Problem>, DbError> {
    let DrawnKey { row, material, secret } = draw_key(act, merchant, wanted)?;
    let placed = place_key_in(tx, act, &row, &material)?;
    Ok(placed.map(|()| MadeKey { row, secret }))
}

/// Whether a merchant is there, which is locked, and has room for a key. Refuses as [`make_key_in`].
pub fn check_room_in(
    tx: &mut Tx<'_>,
    act: &Act,
    merchant: &MerchantId,
) -> Result<Result<(), Problem>, DbError> {
    if store::lock(tx, merchant)?.is_none() {
        return Ok(Err(Problem::new(Code::NotFound)));
    }
    if store::count_keys(tx, merchant, act.now)? >= MAX_KEYS {
        return Ok(Err(Problem::new(Code::TooManyKeys)));
    }
    Ok(Ok(()))
}

/// Makes a drawn key one that serves. Refuses as [`make_key_in`].
pub fn place_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &KeyRow,
    material: &[u8],
) -> Result<Result<(), Problem>, DbError> {
    if let Err(problem) = check_room_in(tx, act, &row.merchant)? {
        return Ok(Err(problem));
    }
    store::insert_key(tx, row, material)?;
    let after = described_key(row);
    events::record(tx, act, "merchant_key.created", &row.id.to_string(), "done", Some(&after))?;
    Ok(Ok(()))
}

/// Draws a key that nobody can sign with yet; writes nothing.
pub fn draw_key(act: &Act, merchant: &MerchantId, wanted: &NewKey) -> Result<DrawnKey, DbError> {
    let row = KeyRow {
        id: act.id(),
        merchant: *merchant,
        mode: wanted.mode,
        is_hmac: wanted.public.is_none(),
        name: wanted.name.clone(),
        routes: wanted.routes.clone(),
        addresses: wanted.addresses.clone(),
        created_at: act.now,
        expires_at: wanted.expires_at,
        revoked_at: None,
    };
    let (material, secret) = if let Some(public) = wanted.public {
        (Material::Ed25519(public), None)
    } else {
        let drawn = vault::random_token(act.tools.rng());
        let secret = format!("exs_{}_{}", row.mode.as_str(), drawn.expose());
        let bytes = SecretBytes::new(secret.clone().into_bytes());
        (Material::Secret(bytes), Some(SecretString::new(secret)))
    };
    let material = store::sealed(act, &row.id, &material)?;
    Ok(DrawnKey { row, material, secret })
}

/// Makes a key like another and lets the old one end after an overlap.
///
/// Refuses, in order: `not_found`, `key_revoked`, `too_many_keys`.
pub fn rotate_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &KeyId,
    (public, overlap_seconds): (Option<[u8; 32]>, i64),
) -> Result<Result<MadeKey, Problem>, DbError> {
    let old = match lock_key_in(tx, id)? {
        Ok(old) => old,
        Err(problem) => return Ok(Err(problem)),
    };
    let DrawnKey { row, material, secret } = draw_successor(act, &old, public)?;
    let placed = succeed_key_in(tx, act, (id, overlap_seconds), (&row, &material))?;
    Ok(placed.map(|()| MadeKey { row, secret }))
}

/// A key that is not revoked, locked. Refuses, in order: `not_found`, `key_revoked`.
pub fn lock_key_in(tx: &mut Tx<'_>, id: &KeyId) -> Result<Result<KeyRow, Problem>, DbError> {
    let Some(old) = store::lock_key(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let is_revoked = old.revoked_at.is_some();
    Ok(if is_revoked { Err(Problem::new(Code::KeyRevoked)) } else { Ok(old) })
}

/// Draws a key with the rules of another; writes nothing.
pub fn draw_successor(
    act: &Act,
    old: &KeyRow,
    public: Option<[u8; 32]>,
) -> Result<DrawnKey, DbError> {
    let wanted = NewKey {
        mode: old.mode,
        name: old.name.clone(),
        public,
        routes: old.routes.clone(),
        addresses: old.addresses.clone(),
        expires_at: None,
    };
    draw_key(act, &old.merchant, &wanted)
}

/// Makes a drawn key serve, and the old one end after an overlap. Refuses as [`rotate_key_in`].
pub fn succeed_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (id, overlap_seconds): (&KeyId, i64),
    (row, material): (&KeyRow, &[u8]),
) -> Result<Result<(), Problem>, DbError> {
    let old = match lock_key_in(tx, id)? {
        Ok(old) => old,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Err(problem) = place_key_in(tx, act, row, material)? {
        return Ok(Err(problem));
    }
    let ends = act.now.plus_seconds(overlap_seconds);
    let ends = old.expires_at.map_or(ends, |before| before.min(ends));
    store::end_key(tx, id, (Some(ends), None))?;
    let after = json!({ "expires_at": ends.to_string(), "successor": row.id.to_string() });
    let both = (Some(&described_key(&old)), Some(&after));
    events::record_change(tx, act, ("merchant_key.rotated", &id.to_string(), "done"), both)?;
    Ok(Ok(()))
}

/// Ends a key at once; the caller has the nodes' memory forget it. Refuses, in order: `not_found`,
/// `key_revoked`.
pub fn revoke_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &KeyId,
) -> Result<Result<KeyRow, Problem>, DbError> {
    let old = match lock_key_in(tx, id)? {
        Ok(old) => old,
        Err(problem) => return Ok(Err(problem)),
    };
    store::end_key(tx, id, (old.expires_at, Some(act.now)))?;
    let row = KeyRow { revoked_at: Some(act.now), ..old };
    let after = described_key(&row);
    events::record(tx, act, "merchant_key.revoked", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

fn described_key(row: &KeyRow) -> Value {
    json!({
        "merchant": row.merchant.to_string(),
        "mode": row.mode.as_str(),
        "routes": row.routes,
        "addresses": row.addresses,
        "expires_at": row.expires_at.map(|at| at.to_string()),
        "revoked_at": row.revoked_at.map(|at| at.to_string()),
    })
}
