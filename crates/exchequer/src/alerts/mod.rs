//! Alerts: customers are told of payments that left or reached their accounts, as far as they want to be.
//!
//! A customer chooses per currency whether, and from which sum on; until then the bank's profile decides. Nothing of it
//! is in a transfer's transaction: a job follows the log ([`job`]), adds what it finds to what waits for each customer, and
//! tells it by e-mail. What it tells of is what was posted: a refused payment is in no leaf of a transfer.
//!
//! Exactly once: how far the job has come, what it gathered and what it told change in transactions that hold its place,
//! so a crash between any two loses and repeats nothing, and of several nodes one goes on. Bound: [`model::HOURLY`]
//! messages an hour and customer, and as many of incoming money alone, then one message tells of all that came together; while one is not delivered, no other is
//! written. What was posted before the job's first run, or before somebody wanted it, is not told.
//!
//! Locks: the customer's row, then theirs here; the job's place, then theirs. What a message never has: a whole
//! account number, anybody's name, a memo, a balance. Nor does it go to an address that was never confirmed.

pub mod api;
pub(crate) mod job;
pub mod model;
mod store;
mod words;

use ::store::{DbError, Tx};
use money::{Currency, CustomerId};

use self::model::Choice;
pub(crate) use self::store::erase_in;
use crate::bank::{Act, Tools};
use crate::events;
use crate::http::Problem;
use crate::outbox::{self, Notice};
use crate::stepup::{self, Asker, Bound, Freshness};

/// What a customer is told of in a currency: what they chose, or else what the profile says.
pub fn choice(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    currency: Currency,
) -> Result<Choice, DbError> {
    let chosen = store::chosen(tx, customer, currency)?;
    Ok(chosen.map_or_else(|| by_profile(tools), |chosen| chosen.choice))
}

/// Chooses what one is told of in a currency. To be told of less needs a second factor, or the password of who has none,
/// and is told: whoever is about to steal would begin with it.
///
/// Refuses `step_up_required`.
pub fn choose_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &Asker,
    (currency, wanted): (Currency, Choice),
    proof: Option<&str>,
) -> Result<Result<(), Problem>, DbError> {
    let customer = &asker.customer;
    store::lock(tx, customer)?;
    let chosen = store::chosen(tx, customer, currency)?;
    let before = chosen.as_ref().map_or_else(|| by_profile(&act.tools), |chosen| chosen.choice);
    if wanted.tells_less_than(&before) {
        let what = Bound::new("alerts.choose")
            .part(currency.code().as_bytes())
            .part(&[u8::from(wanted.enabled)])
            .part(&wanted.at_least.unwrap_or(0).to_be_bytes())
            .or_password()
            .text(format!("fewer messages about payments in {currency}"));
        let allowed = stepup::require_in(tx, act, asker, &what, proof, Freshness::Session)?;
        if let Err(problem) = allowed {
            return Ok(Err(problem));
        }
        let notice = Notice {
            purpose: "alerts_reduced",
            subject: "You get fewer messages about payments",
            text: format!("You are told of fewer or no payments in {currency} from now on."),
        };
        outbox::notify_in(tx, act, customer, &notice)?;
    }
    // Who was told already goes on from there; who was not is told of what comes.
    let since = match (&chosen, before.enabled) {
        (Some(chosen), true) => chosen.enabled_at,
        (None, true) => money::Timestamp::EPOCH,
        (_, false) => act.now,
    };
    store::save_choice(tx, (customer, currency), (&wanted, since), act.now)?;
    let (before, after) = (before.described(currency), wanted.described(currency));
    let both = (Some(&before), Some(&after));
    events::record_change(tx, act, ("alerts.changed", &customer.to_string(), "done"), both)?;
    Ok(Ok(()))
}

fn by_profile(tools: &Tools) -> Choice {
    Choice { enabled: tools.config().messages.payment_alerts, at_least: None }
}
