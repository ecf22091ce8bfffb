//! What a proof of a payment is bound to, and how a message names it.
//!
//! Every part of every order, with its length before it (`stepup::Bound`). Whose account is paid is never
//! told: a message has the masked number and, where there is one, the customer's own name for it.

use ::store::posting::PostOrder;
use ::store::{DbError, Tx};
use money::{Currency, CustomerId, Money};

use super::guard::Verdict;
use crate::bank::Act;
use crate::beneficiaries;
use crate::outbox::masked_number;
use crate::stepup::Bound;

/// The whole request, and what of it goes through: that is what the message shows. Another order, or the same
/// in another place, is another request.
pub(super) fn bound(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, name): (&CustomerId, &'static str),
    (orders, verdicts): (&[PostOrder], &[Verdict]),
) -> Result<Bound, DbError> {
    let mut bound = Bound::new(name);
    for (order, verdict) in orders.iter().zip(verdicts) {
        let flags = [u8::from(order.linked_with_next), u8::from(verdict.is_ok())];
        let (payer, payee) = match verdict {
            Ok(would) => (would.debit.to_string(), would.credit.to_string()),
            Err(_) => (order.debit.named(), order.credit.named()),
        };
        let memo = order.memo.as_deref();
        bound = bound
            .part(payer.as_bytes())
            .part(payee.as_bytes())
            .part(&order.amount.get().to_be_bytes())
            .part(order.currency.code().as_bytes())
            .part(&[u8::from(memo.is_some())])
            .part(memo.unwrap_or_default().as_bytes())
            .part(&flags);
    }
    Ok(bound.text(text(tx, act, customer, (orders, verdicts))?))
}

/// What a message says: `INR 1358.02 to account …1234`, with the customer's own name for the payee where it
/// is on the list, or how much in all.
fn text(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    (orders, verdicts): (&[PostOrder], &[Verdict]),
) -> Result<String, DbError> {
    if let ([order], [Ok(would)]) = (orders, verdicts) {
        let numbers = tx.account_numbers(&[would.credit])?;
        let number = numbers
            .get(&would.credit)
            .map(|found| masked_number(&found.number))
            .ok_or_else(|| DbError::Corrupt(format!("{} has no number", would.credit)))?;
        let amount = Money::new(would.amount, order.currency);
        let name = beneficiaries::name_of(tx, &act.tools, customer, &would.credit)?;
        return Ok(match name.filter(|name| *name != number) {
            Some(name) => format!("{amount} to {name}, account {number}"),
            None => format!("{amount} to account {number}"),
        });
    }
    let mut sums: Vec<(Currency, i64)> = Vec::new();
    for (order, would) in orders.iter().zip(verdicts) {
        let Ok(would) = would else { continue };
        match sums.iter_mut().find(|(currency, _)| *currency == order.currency) {
            Some((_, sum)) => *sum = sum.saturating_add(would.amount),
            None => sums.push((order.currency, would.amount)),
        }
    }
    let count = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    let shown: Vec<String> = sums
        .iter()
        .take(MAX_SUMS_SHOWN)
        .map(|(currency, sum)| Money::new(*sum, *currency).to_string())
        .collect();
    let more = if sums.len() > MAX_SUMS_SHOWN { " and more" } else { "" };
    Ok(format!("{count} payments, in all {}{more}", shown.join(", ")))
}

/// Currencies that a message about many payments names.
const MAX_SUMS_SHOWN: usize = 3;
