//! Transfers and their reversals.
//!
//! Order: the refusals come in the order of [`Refusal::OF_TRANSFER`] and [`Refusal::OF_REVERSE`].

use money::Amount;

use crate::{
    book::Book,
    order::{ReverseOrder, TransferOrder},
    outcome::Outcome,
    refusal::Refusal,
    sides::Sides,
};

/// Moves money now.
pub(crate) fn transfer(book: &mut Book, order: &TransferOrder) -> Result<Outcome, Refusal> {
    let amount = order.amount.get();
    let mut sides = Sides::load(&mut book.accounts, order.debit, order.credit)?;
    sides.agree_on(order.currency)?;
    sides.both_open()?;
    sides.charge(amount)?;
    let posting = sides.post(order.id, amount)?;
    sides.funded()?;
    sides.store();
    Ok(Outcome::Posted(posting))
}

/// Moves money back: a new transfer from payee to payer.
///
/// The payee must have the money like any payer. Its limits do not apply and the reversal does not
/// count in its day: a limit bounds what a customer, or a thief in his place, can decide to send,
/// and a reversal is decided by the bank or owed by a merchant; refusing it would only keep money
/// where it does not belong. The first payer's day gets nothing back either, or sending and
/// reversing in turns would get round the limit.
pub(crate) fn reverse(book: &mut Book, order: &ReverseOrder) -> Result<Outcome, Refusal> {
    let original = order
        .original
        .and_then(|slot| book.originals.get_mut(slot))
        .ok_or(Refusal::TransferNotFound)?;
    let mut sides = Sides::load(&mut book.accounts, Some(original.credit), Some(original.debit))?;
    sides.agree_on(original.currency)?;
    sides.both_open()?;
    let remaining = original.remaining();
    let amount = order.amount.map_or(remaining, Amount::get);
    if amount <= 0 || amount > remaining {
        return Err(Refusal::ReversalExceedsTransfer);
    }
    let posting = sides.post(order.transfer, amount)?;
    sides.funded()?;
    sides.store();
    // At most the original amount, by the check above.
    original.reversed = original.reversed.saturating_add(amount);
    Ok(Outcome::Posted(posting))
}
