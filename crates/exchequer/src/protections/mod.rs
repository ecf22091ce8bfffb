//! Protections: what a customer lets out at most, and the switch that stops all of it.
//!
//! A customer may limit what leaves per transfer and in any day, week and month, per currency. Lower is
//! at once; higher needs a second factor, or the password of who has none. Sums go by the hour and a whole hour counts, so that never more
//! than the limit leaves in *any* window. Counting begins when the customer becomes *protected*: with the
//! first factor, limit or change of password ([`watch`] knows who is).
//!
//! The switch stands in the customer's row and in each of their accounts, where the planner reads it as a
//! limit of nothing with the row locked: from its commit on no door of any node lets money out, and what
//! was under way is either before it or refused. Accounts that are opened meanwhile are stopped too.
//!
//! Locks: the customer's row, then accounts in id order; a payment of [`guard`] takes them in the same
//! order, after its key. What it never does: decide about money that comes in, or about the bank's own
//! acts (a reversal).

pub mod api;
mod binding;
pub mod guard;
pub mod model;
mod store;
pub mod watch;

use ::store::{DbError, Tx};
use money::{AccountId, Currency, CustomerId};
use serde_json::json;

use self::model::{Limits, Spent, Standing};
use crate::bank::Act;
use crate::http::Problem;
use crate::outbox::{self, Notice};
use crate::stepup::{self, Asker, Bound, Freshness};
use crate::{events, http};

pub use self::store::{erase_in, is_outgoing_stopped, limits, standing};

/// The limits of a currency and what counts against them.
pub fn limits_and_spent(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    currency: Currency,
) -> Result<(Limits, Spent), DbError> {
    let limits = store::limits(tx, customer, currency)?.unwrap_or_default();
    Ok((limits, store::spent(tx, customer, currency, (act.now, None))?))
}

/// Sets all four limits of a currency. What makes one of them looser needs a second factor, or the password of who
/// has none, and is told to the customer.
///
/// Refuses `step_up_required`.
pub fn set_limits_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    (currency, wanted): (Currency, Limits),
    proof: Option<&str>,
) -> Result<Result<(), Problem>, DbError> {
    let customer = &asker.customer;
    store::lock(tx, customer)?;
    let before = store::limits(tx, customer, currency)?.unwrap_or_default();
    if wanted.is_looser_than(&before) {
        let mut what = Bound::new("limits.set").part(currency.code().as_bytes());
        for limit in wanted.all() {
            what = what.part(&limit.unwrap_or(-1).to_be_bytes());
        }
        let what = what.or_password().text(format!("higher limits in {currency}"));
        let allowed = stepup::require_in(tx, act, asker, &what, proof, Freshness::Session)?;
        if let Err(problem) = allowed {
            return Ok(Err(problem));
        }
        let text = format!("Your limits for payments in {currency} were raised.");
        let notice = Notice { purpose: "limits_raised", subject: "Your limits were raised", text };
        outbox::notify_in(tx, act, customer, &notice)?;
    }
    store::save_limits(tx, customer, currency, &wanted, act.now)?;
    let (before, after) = (before.described(currency), wanted.described(currency));
    let both = (Some(&before), Some(&after));
    events::record_change(tx, act, ("limits.changed", &customer.to_string(), "done"), both)?;
    Ok(Ok(()))
}

/// Stops all outgoing money of a customer, at once and without a second factor: who is robbed has no
/// time. Stopping twice is stopping once.
pub fn stop_in(tx: &mut Tx<'_>, act: &Act, customer: &CustomerId) -> Result<Standing, DbError> {
    let standing = store::lock(tx, customer)?;
    if standing.stopped_at.is_some() {
        return Ok(standing);
    }
    store::stop(tx, customer, Some(act.now))?;
    store::mark_accounts(tx, customer, true)?;
    events::record(tx, act, "outgoing.stopped", &customer.to_string(), "done", None)?;
    let notice = Notice {
        purpose: "outgoing_stopped",
        subject: "Outgoing money is stopped",
        text: "All outgoing money of your accounts is stopped, as you asked.".to_owned(),
    };
    outbox::notify_in(tx, act, customer, &notice)?;
    Ok(Standing { stopped_at: Some(act.now), ..standing })
}

/// Lets money out again. Refuses `step_up_required`.
pub fn resume_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    proof: Option<&str>,
) -> Result<Result<Standing, Problem>, DbError> {
    let customer = &asker.customer;
    let standing = store::lock(tx, customer)?;
    let Some(stopped_at) = standing.stopped_at else { return Ok(Ok(standing)) };
    let what = Bound::new("outgoing.resume")
        .part(&stopped_at.micros().to_be_bytes())
        .or_password()
        .text("let money out again");
    let allowed = stepup::require_in(tx, act, asker, &what, proof, Freshness::Session)?;
    if let Err(problem) = allowed {
        return Ok(Err(problem));
    }
    store::stop(tx, customer, None)?;
    store::mark_accounts(tx, customer, false)?;
    let before = json!({ "stopped_at": stopped_at.to_string() });
    let change = ("outgoing.resumed", &*customer.to_string(), "done");
    events::record_change(tx, act, change, (Some(&before), None))?;
    let notice = Notice {
        purpose: "outgoing_resumed",
        subject: "Outgoing money flows again",
        text: "Money can leave your accounts again.".to_owned(),
    };
    outbox::notify_in(tx, act, customer, &notice)?;
    Ok(Ok(Standing { stopped_at: None, ..standing }))
}

/// The refusal of money that its owner has stopped.
pub fn stopped_problem() -> Problem {
    Problem::new(http::Code::LimitExceeded)
        .detail("outgoing money is stopped; POST /v1/protections/resume lets it out again")
}

/// Whether the owner of a paying account has stopped outgoing money: locks both accounts of a movement as
/// the planner will, so that the answer stays true. `None` where one of them is not open: then the
/// planner's own refusal comes first.
pub fn stops_in(
    tx: &mut Tx<'_>,
    debit: &AccountId,
    credit: &AccountId,
) -> Result<Option<bool>, DbError> {
    store::lock_accounts(tx, debit, credit)
}
