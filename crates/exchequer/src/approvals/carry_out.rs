//! Carrying an approved act out: each kind by the verb that its own route has.
//!
//! Whatever the act sets anew must be as it was when it was asked, or it is refused with `approval_outdated`: a
//! limit that was lowered meanwhile is not raised by what was asked for before. All else is checked by the verb,
//! at this moment.

use ::store::posting::{Party, PostOrder};
use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use data_encoding::HEXLOWER;
use money::{
    AccountId, Amount, Currency, Id, IdKind, KeyId, MerchantId, RefundId, StaffId, Timestamp,
};
use vault::Purpose;

use super::deed::{
    Cash, Deed, KeyVersion, LimitPair, MerchantTerms, NewKey, NewLimits, NewTerms, Payout, Refund,
    Reversal, Rotation, Whom,
};
use crate::bank::{self, Act};
use crate::customers::standing::{self, Change};
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;
use crate::merchants::model::KeyRow;
use crate::payments::{self, RefundBy};
use crate::staff::{self, members, renewal};
use crate::{accounts, keys, merchants};

/// The id of what was made or changed, or why not.
type Carried = Result<Result<String, Problem>, DbError>;

pub(super) fn carry_out(
    tx: &mut Tx<'_>,
    act: &Act,
    deed: &Deed,
    material: Option<Vec<u8>>,
) -> Carried {
    match deed {
        Deed::Deposit(cash) => move_cash(tx, act, cash, TransferKind::Deposit),
        Deed::Withdraw(cash) => move_cash(tx, act, cash, TransferKind::Withdrawal),
        Deed::ReverseTransfer(reversal) => reverse(tx, act, reversal),
        Deed::SetLimits(limits) => set_limits(tx, act, limits),
        Deed::UnlockCustomer(whom) => let_in(tx, act, whom, Change::Unlock),
        Deed::EnableCustomer(whom) => let_in(tx, act, whom, Change::Enable),
        Deed::EnableMember(whom) => {
            let enabled = members::enable_in(tx, act, &id(&whom.id)?)?;
            Ok(enabled.map(|member| member.id.to_string()))
        }
        Deed::ResetMember(whom) => reset_member(tx, act, whom, material),
        Deed::ChangeMerchant(terms) => change_merchant(tx, act, terms),
        Deed::MakeMerchantKey(key) => {
            let row = key_row(key, act.now)?;
            let placed = merchants::place_key_in(tx, act, &row, &signs_with(key, material)?)?;
            Ok(placed.map(|()| row.id.to_string()))
        }
        Deed::RotateMerchantKey(rotation) => {
            rotate_key(tx, act, rotation, &signs_with(&rotation.new, material)?)
        }
        Deed::SettleMerchant(payout) => settle(tx, act, payout),
        Deed::RefundPayment(refund) => give_back(tx, act, refund),
        Deed::DestroyKey(key) => destroy(tx, act, key),
    }
}

/// The ids that a memory of this process may hold stale values of, after the commit.
pub(super) fn merchant_of(deed: &Deed) -> Option<MerchantId> {
    match deed {
        Deed::ChangeMerchant(terms) => terms.merchant.parse().ok(),
        Deed::RotateMerchantKey(rotation) => rotation.new.merchant.parse().ok(),
        Deed::Deposit(_)
        | Deed::Withdraw(_)
        | Deed::ReverseTransfer(_)
        | Deed::SetLimits(_)
        | Deed::UnlockCustomer(_)
        | Deed::EnableCustomer(_)
        | Deed::EnableMember(_)
        | Deed::ResetMember(_)
        | Deed::MakeMerchantKey(_)
        | Deed::SettleMerchant(_)
        | Deed::RefundPayment(_)
        | Deed::DestroyKey(_) => None,
    }
}

fn move_cash(tx: &mut Tx<'_>, act: &Act, cash: &Cash, kind: TransferKind) -> Carried {
    let currency = currency(&cash.currency)?;
    accounts::ensure_cash(tx, act, currency)?;
    let own = Party::Bank(bank::cash_account(currency));
    let account = match cash.account.parse::<AccountId>() {
        Ok(id) => Party::Payee(id),
        Err(_) => Party::PayeeNumber(cash.account.clone()),
    };
    let parties = if kind == TransferKind::Deposit { (own, account) } else { (account, own) };
    let about = (kind, [0; 16]);
    let order = merchants::order(act, about, parties, (amount(cash.amount)?, currency));
    let order = PostOrder { memo: Some(cash.reference.clone()), reference: None, ..order };
    let posted = merchants::post_one(tx, act, &order)?;
    Ok(posted.map(|row| row.id.to_string()))
}

fn reverse(tx: &mut Tx<'_>, act: &Act, reversal: &Reversal) -> Carried {
    let part = reversal.amount.map(amount).transpose()?;
    let transfer = id(&reversal.transfer)?;
    let reversed = staff::reverse_in(tx, act, &transfer, (part, &reversal.reason))?;
    Ok(reversed.map(|row| row.id.to_string()))
}

fn set_limits(tx: &mut Tx<'_>, act: &Act, wanted: &NewLimits) -> Carried {
    let account = id(&wanted.account)?;
    let standing = match accounts::standing_limits(tx, act, &account)? {
        Ok(limits) => LimitPair::from(limits),
        Err(problem) => return Ok(Err(problem)),
    };
    if standing != wanted.before {
        return Ok(Err(outdated()));
    }
    let set = accounts::set_limits(tx, act, &account, wanted.limits.limits())?;
    Ok(set.map(|row| row.account.id.to_string()))
}

fn let_in(tx: &mut Tx<'_>, act: &Act, whom: &Whom, change: Change) -> Carried {
    let changed = standing::change_in(tx, act, &id(&whom.id)?, change)?;
    Ok(changed.map(|customer| customer.id.to_string()))
}

/// `material` is the hash of the first password that its maker was shown.
fn reset_member(tx: &mut Tx<'_>, act: &Act, whom: &Whom, material: Option<Vec<u8>>) -> Carried {
    let damaged = || DbError::Corrupt("a reset that waited has no first password".to_owned());
    let hash = String::from_utf8(material.ok_or_else(damaged)?).map_err(|_| damaged())?;
    let maker = act.origin.actor().map(|maker| StaffId::from_bytes(*maker));
    let reset = renewal::reset_in(tx, act, (maker.as_ref(), &id(&whom.id)?), &hash)?;
    Ok(reset.map(|member| member.id.to_string()))
}

/// An operator whose sessions the act has ended.
pub(super) fn signed_out(deed: &Deed) -> Result<Option<StaffId>, DbError> {
    match deed {
        Deed::ResetMember(whom) => id(&whom.id).map(Some),
        Deed::Deposit(_)
        | Deed::Withdraw(_)
        | Deed::ReverseTransfer(_)
        | Deed::SetLimits(_)
        | Deed::UnlockCustomer(_)
        | Deed::EnableCustomer(_)
        | Deed::EnableMember(_)
        | Deed::ChangeMerchant(_)
        | Deed::MakeMerchantKey(_)
        | Deed::RotateMerchantKey(_)
        | Deed::SettleMerchant(_)
        | Deed::RefundPayment(_)
        | Deed::DestroyKey(_) => Ok(None),
    }
}

fn change_merchant(tx: &mut Tx<'_>, act: &Act, wanted: &NewTerms) -> Carried {
    let merchant = id(&wanted.merchant)?;
    let settlement = wanted.terms.settlement_account.as_deref().map(id).transpose()?;
    let terms = wanted.terms.terms(settlement);
    let before = match merchants::lock_in(tx, &merchant, &terms)? {
        Ok(row) => MerchantTerms::from(&row),
        Err(problem) => return Ok(Err(problem)),
    };
    if before != wanted.before {
        return Ok(Err(outdated()));
    }
    let changed = merchants::change_in(tx, act, &merchant, (&terms, wanted.terms.is_active))?;
    Ok(changed.map(|row| row.id.to_string()))
}

fn rotate_key(tx: &mut Tx<'_>, act: &Act, rotation: &Rotation, material: &[u8]) -> Carried {
    let (old, row) = (id(&rotation.old)?, key_row(&rotation.new, act.now)?);
    let by = (&row, material);
    let placed = merchants::succeed_key_in(tx, act, (&old, rotation.overlap_seconds), by)?;
    Ok(placed.map(|()| row.id.to_string()))
}

fn settle(tx: &mut Tx<'_>, act: &Act, payout: &Payout) -> Carried {
    let merchant = id(&payout.merchant)?;
    let due = match merchants::due_in(tx, act, &merchant)? {
        Ok(due) => due,
        Err(problem) => return Ok(Err(problem)),
    };
    // More may have come since: that is another payout. Less, and the ledger would refuse it.
    let is_as_asked = due.to == id(&payout.to)?
        && due.currency == currency(&payout.currency)?
        && due.amount.get() >= payout.amount;
    if !is_as_asked {
        return Ok(Err(outdated()));
    }
    let due = merchants::Due { amount: amount(payout.amount)?, ..due };
    let paid = merchants::pay_out_in(tx, act, &merchant, &due)?;
    Ok(paid.map(|row| row.id.to_string()))
}

/// Written, to be asked of the gateway after the commit.
fn give_back(tx: &mut Tx<'_>, act: &Act, refund: &Refund) -> Carried {
    let payment = id(&refund.payment)?;
    let amount = amount(refund.amount)?;
    let Some(of) = payments::owner_of(tx, &payment)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let by = RefundBy::Bank { reason: &refund.reason };
    let begun = payments::refund_in(tx, act, (&of.0, of.1), (&payment, Some(amount)), by)?;
    Ok(begun.map(|begun| RefundId::from_bytes(begun.step.id).to_string()))
}

/// The key goes as soon as nothing is left under it, which a job looks for.
fn destroy(tx: &mut Tx<'_>, act: &Act, key: &KeyVersion) -> Carried {
    let purpose = Purpose::parse(&key.purpose)
        .ok_or_else(|| DbError::Corrupt("an act that waited names no purpose".to_owned()))?;
    let approved = keys::approve_destruction_in(tx, act, (purpose, key.version))?;
    Ok(approved.map(|_| format!("{} {}", key.purpose, key.version)))
}

/// The key as it is from its approval on.
fn key_row(key: &NewKey, now: Timestamp) -> Result<KeyRow, DbError> {
    let id: KeyId = id(&key.key)?;
    Ok(KeyRow {
        id,
        merchant: self::id(&key.merchant)?,
        mode: Mode::Live,
        is_hmac: key.public_key.is_none(),
        name: key.name.clone(),
        routes: key.routes.clone(),
        addresses: key.addresses.clone(),
        created_at: now,
        expires_at: key.expires_at.map(Timestamp::from_micros),
        revoked_at: None,
    })
}

fn outdated() -> Problem {
    Problem::new(Code::ApprovalOutdated)
}

fn id<K: IdKind>(text: &str) -> Result<Id<K>, DbError> {
    text.parse().map_err(|_| DbError::Corrupt("an act that waited names no id".to_owned()))
}

fn currency(code: &str) -> Result<Currency, DbError> {
    Currency::from_code(code)
        .map_err(|_| DbError::Corrupt("an act that waited names no currency".to_owned()))
}

fn amount(minor: i64) -> Result<Amount, DbError> {
    Amount::new(minor).map_err(|_| DbError::Corrupt("an act that waited has no amount".to_owned()))
}

/// A public key stands in the act, where it is sealed; a secret was sealed for the key's own row.
fn signs_with(key: &NewKey, material: Option<Vec<u8>>) -> Result<Vec<u8>, DbError> {
    let damaged = || DbError::Corrupt("a key that waited has nothing to sign with".to_owned());
    let Some(public) = &key.public_key else { return material.ok_or_else(damaged) };
    HEXLOWER.decode(public.as_bytes()).map_err(|_| damaged())
}
