//! Merchants: taken on by an operator, with keys to sign requests with, accounts that their payments are
//! booked to, and payouts to their settlement account.
//!
//! What a merchant has in test mode and in live mode never meet: each has keys and accounts of its own, and test
//! money is paid out to nobody. Locks: the merchant's row, then accounts as a transfer does. What it never
//! does: speak to a gateway, show a secret again.

pub mod api;
pub mod keys;
pub mod model;
mod store;

use ::store::posting::{Answer, Party, PostOrder, Posted};
use ::store::rows::{TransferKind, TransferRow};
use ::store::{DbError, Tx, posting};
use ledger::{BalancePolicy, Refusal};
use money::{AccountId, Amount, Currency, KeyId, MerchantId, Timestamp};
use serde_json::{Value, json};
use vault::{SecretBytes, SecretString};

use self::keys::{Material, Mode};
use self::model::{Fees, KeyRow, MAX_KEYS, MerchantRow};
use crate::accounts::{self, NewOwn};
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};

pub(crate) use self::store::{find, lock, mode};

/// What an operator says of a merchant.
#[derive(Debug, Clone)]
pub struct Terms {
    pub name: String,
    pub settlement: Option<AccountId>,
    pub fees: Fees,
}

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

/// Takes a merchant on. Refuses `account_not_found` for a settlement account that no customer has.
pub fn create_in(
    tx: &mut Tx<'_>,
    act: &Act,
    terms: &Terms,
) -> Result<Result<MerchantRow, Problem>, DbError> {
    if let Err(problem) = check_settlement(tx, terms)? {
        return Ok(Err(problem));
    }
    let row = MerchantRow {
        id: act.id(),
        name: terms.name.clone(),
        is_active: true,
        settlement: terms.settlement,
        fees: terms.fees,
        created_at: act.now,
    };
    store::insert(tx, &row)?;
    let after = described(&row);
    events::record(tx, act, "merchant.created", &row.id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

/// Changes what a merchant is. Refuses, in order: `not_found`, `account_not_found`.
pub fn change_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MerchantId,
    (terms, is_active): (&Terms, bool),
) -> Result<Result<MerchantRow, Problem>, DbError> {
    let Some(before) = store::lock(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if let Err(problem) = check_settlement(tx, terms)? {
        return Ok(Err(problem));
    }
    let row = MerchantRow {
        name: terms.name.clone(),
        is_active,
        settlement: terms.settlement,
        fees: terms.fees,
        ..before.clone()
    };
    store::update(tx, &row)?;
    let both = (Some(&described(&before)), Some(&described(&row)));
    events::record_change(tx, act, ("merchant.changed", &id.to_string(), "done"), both)?;
    Ok(Ok(row))
}

/// Makes a key. Refuses, in order: `not_found`, `too_many_keys`.
pub fn make_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    merchant: &MerchantId,
    wanted: &NewKey,
) -> Result<Result<MadeKey, Problem>, DbError> {
    if store::lock(tx, merchant)?.is_none() {
        return Ok(Err(Problem::new(Code::NotFound)));
    }
    if store::count_keys(tx, merchant, act.now)? >= MAX_KEYS {
        return Ok(Err(Problem::new(Code::TooManyKeys)));
    }
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
    store::insert_key(tx, act, &row, &material)?;
    let after = described_key(&row);
    events::record(tx, act, "merchant_key.created", &row.id.to_string(), "done", Some(&after))?;
    Ok(Ok(MadeKey { row, secret }))
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
    let Some(old) = store::lock_key(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if old.revoked_at.is_some() {
        return Ok(Err(Problem::new(Code::KeyRevoked)));
    }
    let wanted = NewKey {
        mode: old.mode,
        name: old.name.clone(),
        public,
        routes: old.routes.clone(),
        addresses: old.addresses.clone(),
        expires_at: None,
    };
    let made = match make_key_in(tx, act, &old.merchant, &wanted)? {
        Ok(made) => made,
        Err(problem) => return Ok(Err(problem)),
    };
    let ends = act.now.plus_seconds(overlap_seconds);
    let ends = old.expires_at.map_or(ends, |before| before.min(ends));
    store::end_key(tx, id, (Some(ends), None))?;
    let after = json!({ "expires_at": ends.to_string(), "successor": made.row.id.to_string() });
    let both = (Some(&described_key(&old)), Some(&after));
    events::record_change(tx, act, ("merchant_key.rotated", &id.to_string(), "done"), both)?;
    Ok(Ok(made))
}

/// Ends a key at once; the caller has the nodes' memory forget it. Refuses, in order: `not_found`,
/// `key_revoked`.
pub fn revoke_key_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &KeyId,
) -> Result<Result<KeyRow, Problem>, DbError> {
    let Some(old) = store::lock_key(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if old.revoked_at.is_some() {
        return Ok(Err(Problem::new(Code::KeyRevoked)));
    }
    store::end_key(tx, id, (old.expires_at, Some(act.now)))?;
    let row = KeyRow { revoked_at: Some(act.now), ..old };
    let after = described_key(&row);
    events::record(tx, act, "merchant_key.revoked", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(row))
}

/// Pays what a merchant has in live mode out to its settlement account: all of it, in that account's currency.
///
/// Refuses, in order: `not_found`, `nothing_to_settle`, then what the ledger refuses.
pub fn settle_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MerchantId,
) -> Result<Result<TransferRow, Problem>, DbError> {
    let Some(merchant) = store::lock(tx, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let nothing = || Ok(Err(Problem::new(Code::NothingToSettle)));
    let Some(settlement) = merchant.settlement else { return nothing() };
    let Some(target) = accounts::get_any(tx, &settlement)? else { return nothing() };
    let currency = target.account.currency;
    let Some(from) = store::account(tx, id, (Mode::Live, currency))? else { return nothing() };
    // Locked before it is read: a payment that comes now is paid out the next time.
    let loaded = tx.load_accounts(std::slice::from_ref(&from), act.now)?;
    let account = loaded.first().map(|found| found.account);
    let available = account.map_or(0, |a| a.credits_posted - a.debits_posted - a.debits_held);
    let Ok(amount) = Amount::new(available) else { return nothing() };
    let order = order(
        act,
        (TransferKind::Payout, *id.bytes()),
        (Party::Bank(from), Party::Payee(settlement)),
        (amount, currency),
    );
    let posted = post_one(tx, act, &order)?;
    if let Ok(row) = &posted {
        let after = json!({
            "transfer": row.id.to_string(),
            "amount": row.amount,
            "currency": currency.code(),
        });
        events::record(tx, act, "merchant.settled", &id.to_string(), "done", Some(&after))?;
    }
    Ok(posted)
}

/// Where a merchant's money of a mode and currency stands; opened with the first of it.
pub(crate) fn account_in(
    tx: &mut Tx<'_>,
    act: &Act,
    merchant: &MerchantId,
    (mode, currency): (Mode, Currency),
) -> Result<AccountId, DbError> {
    if let Some(account) = store::account(tx, merchant, (mode, currency))? {
        return Ok(account);
    }
    let id: AccountId = act.id();
    if !store::insert_account(tx, merchant, (mode, currency), &id)? {
        return store::account(tx, merchant, (mode, currency))?
            .ok_or_else(|| DbError::Corrupt(format!("{merchant}: an account is gone")));
    }
    let merchant = merchant.to_string();
    let number = format!("EXMER-{merchant}-{}-{currency}", mode.as_str());
    let name = format!("{merchant} {} {currency}", mode.as_str());
    let policy = BalancePolicy::Bounded { overdraft_limit: 0 };
    accounts::ensure_own(tx, act, NewOwn { id, currency, number, name, policy })?;
    Ok(id)
}

/// One order of the bank's own, in the surrounding transaction.
pub(crate) fn order(
    act: &Act,
    (kind, reference): (TransferKind, [u8; 16]),
    (debit, credit): (Party, Party),
    (amount, currency): (Amount, Currency),
) -> PostOrder {
    PostOrder {
        id: act.id(),
        kind,
        debit,
        credit,
        amount,
        currency,
        memo: None,
        reference: Some(reference),
        key: None,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    }
}

/// Posts one order. Refuses what the ledger refuses; the refusal is an event.
pub(crate) fn post_one(
    tx: &mut Tx<'_>,
    act: &Act,
    order: &PostOrder,
) -> Result<Result<TransferRow, Problem>, DbError> {
    let posted = posting::post(tx, std::slice::from_ref(order), act.now, &unstored)?;
    match posted.into_iter().next() {
        Some(Posted::Done(row)) => Ok(Ok(row)),
        Some(Posted::Refused(refusal, _)) => Ok(Err(Problem::from(refusal))),
        Some(Posted::Replayed(_) | Posted::KeyReused) | None => {
            Err(DbError::Corrupt("an order without a key was replayed".to_owned()))
        }
    }
}

/// The order has no key, so nobody keeps the answer of its refusal.
#[expect(clippy::unnecessary_wraps, reason = "what the door wants of whoever renders refusals")]
pub(crate) fn unstored(_: &PostOrder, refusal: Refusal) -> Result<Answer, DbError> {
    Ok(Answer { status: Problem::from(refusal).code.status(), body: Vec::new() })
}

fn check_settlement(tx: &mut Tx<'_>, terms: &Terms) -> Result<Result<(), Problem>, DbError> {
    let Some(account) = &terms.settlement else { return Ok(Ok(())) };
    let found = accounts::get_any(tx, account)?.filter(|row| row.owner.is_some());
    Ok(found.map(|_| ()).ok_or_else(|| Problem::new(Code::AccountNotFound)))
}

fn described(row: &MerchantRow) -> Value {
    json!({
        "name": row.name,
        "status": if row.is_active { "active" } else { "suspended" },
        "settlement_account": row.settlement.map(|account| account.to_string()),
        "fee_basis_points": row.fees.basis_points,
        "fee_fixed": row.fees.fixed,
    })
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
