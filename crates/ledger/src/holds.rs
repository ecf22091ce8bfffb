//! Holds: placed, captured in part or in whole, voided, expired.
//!
//! Purpose: money is reserved once, against balance and limits, and every later capture is paid
//! from that reserve.
//! Order: the refusals come in the order of [`Refusal::OF_HOLD`], [`Refusal::OF_CAPTURE`],
//! [`Refusal::OF_VOID`] and [`Refusal::OF_EXPIRE`].
//! Never: an expiry by itself. Time is looked at when a hold is used; the sweeping job sends
//! [`Act::Expire`](crate::Act::Expire).

use money::{Amount, Timestamp};

use crate::{
    account::Account,
    book::{Book, Hold, HoldStatus},
    order::{CaptureOrder, HoldOrder},
    outcome::Outcome,
    refusal::Refusal,
    sides::Sides,
};

/// Reserves money, and appends the hold to the book.
pub(crate) fn place(
    book: &mut Book,
    order: &HoldOrder,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let amount = order.amount.get();
    let mut sides = Sides::load(&mut book.accounts, order.debit, order.credit)?;
    sides.agree_on(order.currency)?;
    sides.both_open()?;
    sides.charge(amount)?;
    sides.hold(amount)?;
    sides.funded()?;
    if is_over(order.expires_at, now) {
        return Err(Refusal::HoldExpired);
    }
    let (debit, credit) = sides.slots();
    sides.store();
    let hold = book.holds.len();
    book.holds.push(Hold {
        id: order.id,
        debit,
        credit,
        amount,
        captured: 0,
        status: HoldStatus::Active,
        placed_at: now,
        expires_at: order.expires_at,
    });
    Ok(Outcome::Held { hold })
}

/// Moves reserved money of the hold in `slot`. It needs no balance beyond the reserve and no room in the limits, both of
/// which the hold took when it was placed.
pub(crate) fn capture(
    book: &mut Book,
    slot: Option<usize>,
    order: &CaptureOrder,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let hold = active(&mut book.holds, slot)?;
    if is_over(hold.expires_at, now) {
        return Err(Refusal::HoldExpired);
    }
    let mut sides = Sides::load(&mut book.accounts, Some(hold.debit), Some(hold.credit))?;
    sides.agree()?;
    sides.both_open()?;
    let remaining = hold.remaining();
    let amount = order.amount.map_or(remaining, Amount::get);
    if amount <= 0 || amount > remaining {
        return Err(Refusal::CaptureExceedsHold);
    }
    let posting = sides.post(order.transfer, amount)?;
    let rest = remaining.saturating_sub(amount);
    if order.is_final || rest == 0 {
        sides.unhold(remaining);
        sides.give_back(hold, rest, now);
        hold.status = HoldStatus::Captured;
    } else {
        sides.unhold(amount);
    }
    sides.store();
    // At most the amount of the hold, by the check above.
    hold.captured = hold.captured.saturating_add(amount);
    Ok(Outcome::Posted(posting))
}

/// Gives up the rest of a hold on request, whatever the standing of the accounts.
pub(crate) fn void(
    book: &mut Book,
    slot: Option<usize>,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let hold = active(&mut book.holds, slot)?;
    release(&mut book.accounts, hold, now)?;
    hold.status = HoldStatus::Voided;
    Ok(Outcome::Voided)
}

/// Gives up the rest of a hold whose time is over, whatever the standing of the accounts.
pub(crate) fn expire(
    book: &mut Book,
    slot: Option<usize>,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let hold = active(&mut book.holds, slot)?;
    if !is_over(hold.expires_at, now) {
        return Err(Refusal::HoldNotExpired);
    }
    release(&mut book.accounts, hold, now)?;
    hold.status = HoldStatus::Expired;
    Ok(Outcome::Expired)
}

/// The hold in this slot. Refuses, in order: `HoldNotFound`, `HoldNotActive`.
fn active(holds: &mut [Hold], slot: Option<usize>) -> Result<&mut Hold, Refusal> {
    let hold = slot.and_then(|slot| holds.get_mut(slot)).ok_or(Refusal::HoldNotFound)?;
    match hold.status {
        HoldStatus::Active => Ok(hold),
        HoldStatus::Captured | HoldStatus::Voided | HoldStatus::Expired => {
            Err(Refusal::HoldNotActive)
        }
    }
}

/// Makes both sides as if what remains of the hold had never been held.
fn release(accounts: &mut [Account], hold: &Hold, now: Timestamp) -> Result<(), Refusal> {
    let mut sides = Sides::load(accounts, Some(hold.debit), Some(hold.credit))?;
    let remaining = hold.remaining();
    sides.unhold(remaining);
    sides.give_back(hold, remaining, now);
    sides.store();
    Ok(())
}

/// From its very moment on, a hold is over.
const fn is_over(expires_at: Timestamp, now: Timestamp) -> bool {
    now.micros() >= expires_at.micros()
}
