//! The first half of every step: what will be asked of the gateway is decided and written, before anybody is
//! asked. Each function runs in the transaction that claims the request's key.

use ::store::posting::Party;
use ::store::rows::TransferKind;
use ::store::{DbError, Tx};
use money::{Amount, CardId, MerchantId, Money, PaymentId};
use serde_json::json;
use vault::SecretString;
use vault::card::{Expiry, Number};

use super::model::{FIRST_ASK_SECONDS, GIVE_UP_SECONDS, PaymentRow, State, StepRow, StepState};
use super::store;
use crate::accounts;
use crate::bank::{Act, Own};
use crate::cards::keeper::{Held, released};
use crate::cards::{self, RevealPurpose};
use crate::events;
use crate::gateways::Kind;
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;
use crate::merchants::{self, account_in, order, post_one};

/// A payment that a merchant asks for.
pub struct NewPayment {
    pub money: Money,
    pub card: CardId,
    pub is_automatic: bool,
    pub cvv: Option<SecretString>,
    /// A JSON object.
    pub metadata: Option<String>,
    /// Of the gateway that is to take it.
    pub gateway: &'static str,
}

/// A step that is written and now to be asked for.
pub struct Begun {
    pub payment: PaymentRow,
    pub step: StepRow,
    /// Of an authorisation: the card's number, unless the vault was asked for it before, and its expiry.
    pub card: Option<(Option<Number>, Expiry)>,
}

/// Part of a payment, as its merchant names it.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// `None`: all that is left.
    pub amount: Option<Amount>,
    /// Of a capture: what it leaves is released.
    pub is_final: bool,
}

/// Who gives money back.
#[derive(Debug, Clone, Copy)]
pub enum RefundBy<'r> {
    /// Within its limit.
    Merchant,
    /// An operator, or two.
    Bank { reason: &'r str },
}

impl RefundBy<'_> {
    const fn reason(&self) -> Option<&str> {
        match self {
            Self::Merchant => None,
            Self::Bank { reason } => Some(reason),
        }
    }
}

/// Refunds of one payment: each is asked for over the network.
const MAX_REFUNDS: i64 = 1_000;

/// Takes a payment in; its number is opened here, or was by the vault. Refuses, in order: `card_refused`,
/// `rate_limited`.
pub fn create_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    new: &NewPayment,
    number: &Held<()>,
) -> Result<Result<Begun, Problem>, DbError> {
    let refused = |why: &str| Ok(Err(Problem::new(Code::CardRefused).detail(why)));
    let Some(card) = cards::find(tx, of, &new.card)? else {
        return refused("there is no such card");
    };
    let expiry = card.row().expiry(act.now).filter(|expiry| !expiry.is_over(act.now));
    let Some(expiry) = expiry else { return refused("the card has expired") };
    let id: PaymentId = act.id();
    let name = id.to_string();
    let what = (RevealPurpose::Authorize, name.as_str());
    let number = match number {
        Held::ByTheBank => match cards::reveal_in(tx, act, &card, what)? {
            Ok(Some(number)) => Some(number),
            Ok(None) => return refused("there is no such card"),
            Err(problem) => return Ok(Err(problem)),
        },
        Held::ByTheVault(Some(())) => {
            if let Err(problem) = cards::note_reveal_in(tx, act, &card, what)? {
                return Ok(Err(problem));
            }
            None
        }
        Held::ByTheVault(None) => return Err(released()),
    };
    let payment = PaymentRow {
        id,
        merchant: *of.0,
        mode: of.1,
        card: card.row().id,
        amount: new.money.minor(),
        currency: new.money.currency(),
        is_automatic: new.is_automatic,
        state: State::Submitting,
        captured: 0,
        capturing: 0,
        refunded: 0,
        refunding: 0,
        fee: 0,
        gateway: new.gateway.to_owned(),
        reference: None,
        refusal: None,
        metadata: new.metadata.clone(),
        created_at: act.now,
        updated_at: act.now,
    };
    store::insert(tx, &payment)?;
    let step = step(act, &payment, (*id.bytes(), Kind::Authorize), (payment.amount, true));
    store::insert_step(tx, &step)?;
    // Where the merchant's money will stand; opened here, so that the answer of a gateway finds it.
    account_in(tx, act, of.0, (of.1, payment.currency))?;
    let after = json!({
        "amount": payment.amount,
        "currency": payment.currency.code(),
        "card": payment.card.to_string(),
        "capture": if payment.is_automatic { "automatic" } else { "manual" },
        "mode": payment.mode.as_str(),
        "merchant": payment.merchant.to_string(),
    });
    events::record(tx, act, "payment.created", &name, "done", Some(&after))?;
    Ok(Ok(Begun { payment, step, card: Some((number, expiry)) }))
}

/// Refuses, in order: `not_found`, `payment_not_capturable`, `capture_exceeds_payment`.
pub fn capture_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    (id, asked): (&PaymentId, Asked),
) -> Result<Result<Begun, Problem>, DbError> {
    let Some(mut payment) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if payment.state != State::Authorized || store::is_busy(tx, id)? {
        return refuse(tx, act, &payment, Code::PaymentNotCapturable, asked.amount);
    }
    let amount = asked.amount.map_or(payment.left(), Amount::get);
    if amount > payment.left() {
        return refuse(tx, act, &payment, Code::CaptureExceedsPayment, asked.amount);
    }
    payment.capturing = amount;
    payment.updated_at = act.now;
    store::update(tx, &payment)?;
    let is_final = asked.is_final || payment.left() == 0;
    let id: PaymentId = act.id();
    let step = step(act, &payment, (*id.bytes(), Kind::Capture), (amount, is_final));
    store::insert_step(tx, &step)?;
    Ok(Ok(Begun { payment, step, card: None }))
}

/// Releases what is reserved and not captured. Refuses, in order: `not_found`, `payment_not_cancelable`.
pub fn cancel_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    id: &PaymentId,
) -> Result<Result<Begun, Problem>, DbError> {
    let Some(payment) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if payment.state != State::Authorized || store::is_busy(tx, id)? {
        return refuse(tx, act, &payment, Code::PaymentNotCancelable, None);
    }
    let id: PaymentId = act.id();
    let step = step(act, &payment, (*id.bytes(), Kind::Cancel), (payment.left(), true));
    store::insert_step(tx, &step)?;
    Ok(Ok(Begun { payment, step, card: None }))
}

/// Sets the money of a refund aside, on the payment and in the ledger.
///
/// Refuses, in order: `not_found`, `payment_not_refundable`, `refund_exceeds_payment`, `refund_beyond_limit` where the
/// merchant would give back more of the payment than its terms leave to it, `insufficient_funds` where the merchant
/// has not so much.
pub fn refund_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    (id, asked): (&PaymentId, Option<Amount>),
    by: RefundBy<'_>,
) -> Result<Result<Begun, Problem>, DbError> {
    let Some(mut payment) = store::find_locked(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    if payment.captured == 0 || store::count_refunds(tx, id)? >= MAX_REFUNDS {
        return refuse(tx, act, &payment, Code::PaymentNotRefundable, asked);
    }
    let amount = asked.map_or(payment.refundable(), Amount::get);
    if amount <= payment.refundable() && is_beyond_limit(tx, &payment, (amount, by))? {
        return refuse(tx, act, &payment, Code::RefundBeyondLimit, asked);
    }
    if !store::reserve_refund(tx, id, amount, act.now)? {
        return refuse(tx, act, &payment, Code::RefundExceedsPayment, asked);
    }
    let refund: money::RefundId = act.id();
    let currency = payment.currency;
    let from = account_in(tx, act, of.0, (of.1, currency))?;
    let aside = accounts::ensure_role(tx, act, Own::RefundsSetAside(of.1), currency)?;
    let order = order(
        act,
        (TransferKind::RefundSetAside, *refund.bytes()),
        (Party::Bank(from), Party::Bank(aside)),
        (amount_of(amount)?, currency),
    );
    if let Err(problem) = post_one(tx, act, &order)? {
        store::release_refund(tx, id, amount)?;
        return refuse(tx, act, &payment, problem.code, asked);
    }
    payment.refunding += amount;
    payment.updated_at = act.now;
    let step = step(act, &payment, (*refund.bytes(), Kind::Refund), (amount, true));
    store::insert_step(tx, &step)?;
    let after = json!({
        "payment": id.to_string(),
        "amount": amount,
        "currency": currency.code(),
        "merchant": of.0.to_string(),
        "reason": by.reason(),
    });
    events::record(tx, act, "refund.created", &refund.to_string(), "done", Some(&after))?;
    Ok(Ok(Begun { payment, step, card: None }))
}

/// Whether a merchant would pass its own limit: by all that it gives back of the payment, so that parts do not.
fn is_beyond_limit(
    tx: &mut Tx<'_>,
    payment: &PaymentRow,
    (amount, by): (i64, RefundBy<'_>),
) -> Result<bool, DbError> {
    match by {
        RefundBy::Bank { .. } => Ok(false),
        RefundBy::Merchant => {
            let merchant = merchants::find(tx, &payment.merchant)?;
            let limit = merchant.and_then(|merchant| merchant.refund_limit);
            let whole = payment.refunded.saturating_add(payment.refunding).saturating_add(amount);
            Ok(limit.is_some_and(|limit| whole > limit))
        }
    }
}

/// An amount of a row, which a CHECK keeps above zero.
pub(super) fn amount_of(minor: i64) -> Result<Amount, DbError> {
    Amount::new(minor).map_err(|error| DbError::Corrupt(format!("a payment's amount: {error}")))
}

fn step(
    act: &Act,
    payment: &PaymentRow,
    (id, kind): ([u8; 16], Kind),
    (amount, is_final): (i64, bool),
) -> StepRow {
    StepRow {
        id,
        payment: payment.id,
        kind,
        amount,
        is_final,
        state: StepState::Submitting,
        reference: None,
        refusal: None,
        created_at: act.now,
        ended_at: None,
        asked: 0,
        ask_at: Some(act.now.plus_seconds(FIRST_ASK_SECONDS)),
    }
}

/// Whether a step that never arrived has been waited for long enough.
pub(super) fn is_to_be_given_up(step: &StepRow, act: &Act) -> bool {
    act.now >= step.created_at.plus_seconds(GIVE_UP_SECONDS)
}

fn refuse(
    tx: &mut Tx<'_>,
    act: &Act,
    payment: &PaymentRow,
    code: Code,
    asked: Option<Amount>,
) -> Result<Result<Begun, Problem>, DbError> {
    let after = json!({ "amount": asked.map(Amount::get), "currency": payment.currency.code() });
    let resource = payment.id.to_string();
    events::record(tx, act, "payment.refused", &resource, code.as_str(), Some(&after))?;
    Ok(Err(Problem::new(code)))
}

/// What a merchant of this payment pays for a capture.
pub(super) fn fee_of(tx: &mut Tx<'_>, payment: &PaymentRow, captured: i64) -> Result<i64, DbError> {
    let merchant = merchants::find(tx, &payment.merchant)?
        .ok_or_else(|| DbError::Corrupt(format!("{} has no merchant", payment.id)))?;
    Ok(merchant.fees.of(captured))
}
