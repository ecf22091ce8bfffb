//! The card vault: numbers go in, tokens come out; a number is opened for a gateway and nobody else.
//!
//! A stored number is sealed under a key of its own, bound to its row (PCI DSS 4.0.1, 3.5.1); it is found again
//! by a keyed fingerprint of merchant and number (3.5.1.1). Opening one names a purpose, is counted, capped by
//! the hour and is an event (3.4, 10.2.1.1). The keys for it are the bank's, or those of a vault that is a process
//! of its own ([`keeper`]). A bank whose rule book forbids storing (RBI) has no vault. Never here: a number in an
//! answer, an event, an error or a log; a security code at all (3.3.1).

pub mod api;
pub(crate) mod job;
pub mod keeper;
pub mod model;
mod store;

use ::store::{DbError, Tx};
use money::{CardId, MerchantId, Timestamp};
use serde_json::json;
use vault::card::{Brand, Expiry, Number};

use self::keeper::{SealedNumber, Taken};
use self::model::CardRow;
use crate::bank::Act;
use crate::events;
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;
use crate::sandbox::TestCard;

pub use self::store::find_any;

/// A card to be kept.
pub struct NewCard {
    pub number: Number,
    pub brand: Brand,
    pub expiry: Expiry,
    pub customer: Option<String>,
    /// Digits that can stand where a number stood, too.
    pub wants_token: bool,
}

/// What a number is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevealPurpose {
    /// The gateway is asked to authorize a payment.
    Authorize,
}

/// A card that was found by its merchant's name: only this module makes one.
pub struct Owned(CardRow);

impl Owned {
    pub fn row(&self) -> &CardRow {
        &self.0
    }
}

/// Keeps a card with the bank's own keys; gives it, and the oldest card with the same number.
pub fn store_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    new: &NewCard,
) -> Result<(CardRow, Option<CardId>), DbError> {
    let taken = Taken::here(&act.tools, (of.0, act.id()), &new.number, new.wants_token)?;
    store_taken_in(tx, act, of, new, &taken)
}

/// The same with a number that was sealed before.
pub fn store_taken_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    new: &NewCard,
    taken: &Taken,
) -> Result<(CardRow, Option<CardId>), DbError> {
    let mut known = None;
    for mark in &taken.marks {
        known = store::with_fingerprint(tx, of, &mark.fingerprint)?;
        if known.is_some() {
            break;
        }
    }
    let version = known.as_ref().map(|card| card.key_version);
    // A number that is known keeps its fingerprint and token, also after its key was rotated.
    let mark = version
        .and_then(|version| taken.marks.iter().find(|mark| mark.version == version))
        .or_else(|| taken.marks.first())
        .ok_or_else(|| DbError::Corrupt("no key for card tokens".to_owned()))?;
    let row = CardRow {
        id: taken.card,
        merchant: *of.0,
        mode: of.1,
        customer: new.customer.clone(),
        brand: new.brand,
        last4: new.number.last_four(),
        exp_month: new.expiry.month(),
        exp_year: new.expiry.year(),
        fingerprint: mark.fingerprint,
        token: mark.token.clone(),
        key_version: mark.version,
        created_at: act.now,
        deleted_at: None,
    };
    store::insert(tx, &row, &taken.sealed)?;
    let after = json!({ "brand": row.brand.as_str(), "mode": row.mode.as_str() });
    events::record(tx, act, "card.stored", &row.id.to_string(), "done", Some(&after))?;
    Ok((row, known.map(|card| card.id)))
}

/// A merchant's own card.
pub fn find(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    id: &CardId,
) -> Result<Option<Owned>, DbError> {
    Ok(store::find(tx, of, id)?.map(Owned))
}

/// The oldest card with the same number, where that is another one.
pub fn duplicate_of(tx: &mut Tx<'_>, card: &Owned) -> Result<Option<CardId>, DbError> {
    let CardRow { id, merchant, mode, fingerprint, .. } = card.row();
    let oldest = store::with_fingerprint(tx, (merchant, *mode), fingerprint)?;
    Ok(oldest.map(|oldest| oldest.id).filter(|oldest| oldest != id))
}

/// Takes a number out of the vault for good. Refuses `not_found`.
pub fn delete_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    id: &CardId,
) -> Result<Result<(), Problem>, DbError> {
    if !store::delete(tx, of, id, act.now)? {
        return Ok(Err(Problem::new(Code::NotFound)));
    }
    events::record(tx, act, "card.deleted", &id.to_string(), "done", None)?;
    Ok(Ok(()))
}

/// The same by the bank itself, of a card that is over for long; false where its merchant was faster.
fn delete_as_expired_in(
    tx: &mut Tx<'_>,
    act: &Act,
    of: (&MerchantId, Mode),
    id: &CardId,
) -> Result<bool, DbError> {
    let is_deleted = store::delete(tx, of, id, act.now)?;
    if is_deleted {
        let after = json!({ "reason": "expired" });
        events::record(tx, act, "card.deleted", &id.to_string(), "done", Some(&after))?;
    }
    Ok(is_deleted)
}

/// Opens a number for a purpose with the bank's own key; `None` where the card was deleted since it was found.
///
/// Refuses `rate_limited` where the merchant has opened as many as it may this hour.
pub fn reveal_in(
    tx: &mut Tx<'_>,
    act: &Act,
    card: &Owned,
    what: (RevealPurpose, &str),
) -> Result<Result<Option<Number>, Problem>, DbError> {
    if let Err(problem) = note_reveal_in(tx, act, card, what)? {
        return Ok(Err(problem));
    }
    Ok(Ok(store::number(tx, &act.tools, &card.row().id)?))
}

/// Counts and records an opening; refuses as [`reveal_in`].
pub fn note_reveal_in(
    tx: &mut Tx<'_>,
    act: &Act,
    card: &Owned,
    (purpose, about): (RevealPurpose, &str),
) -> Result<Result<(), Problem>, DbError> {
    let row = card.row();
    let most = i64::from(act.tools.config().cards.reveals_per_hour);
    let resource = row.id.to_string();
    let after = json!({ "purpose": purpose.as_str(), "about": about });
    if store::count_reveal(tx, &row.merchant.to_string(), act.now)? > most {
        let mut problem = Problem::new(Code::RateLimited);
        problem.retry_after_seconds =
            u32::try_from(3_600 - act.now.seconds().rem_euclid(3_600)).ok();
        let code = problem.code.as_str();
        events::record(tx, act, "card.reveal_refused", &resource, code, Some(&after))?;
        return Ok(Err(problem));
    }
    events::record(tx, act, "card.revealed", &resource, "done", Some(&after))?;
    Ok(Ok(()))
}

/// The sealed number of a merchant's card that is valid, for a vault to open; none where there is no such card.
pub fn sealed(
    tx: &mut Tx<'_>,
    of: (&MerchantId, Mode),
    id: &CardId,
    now: Timestamp,
) -> Result<Option<SealedNumber>, DbError> {
    let Some(card) = find(tx, of, id)? else { return Ok(None) };
    if card.row().expiry(now).is_none_or(|expiry| expiry.is_over(now)) {
        return Ok(None);
    }
    let sealed = store::sealed_number(tx, id)?;
    Ok(sealed.map(|sealed| SealedNumber { merchant: *of.0, card: *id, sealed }))
}

/// Whether a number may be used in a mode: the sandbox's in test mode, any other in live mode.
pub fn is_of_mode(number: &Number, mode: Mode) -> bool {
    let is_test = std::str::from_utf8(number.expose()).is_ok_and(|n| TestCard::find(n).is_some());
    is_test == (mode == Mode::Test)
}

impl RevealPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
        }
    }

    /// As frames name it.
    const fn code(self) -> u8 {
        match self {
            Self::Authorize => 1,
        }
    }

    fn of(code: u8) -> Option<Self> {
        (code == Self::Authorize.code()).then_some(Self::Authorize)
    }
}
