//! A customer who has left for good is erased: the row keeps its id, its standing and times, and nothing of the person.
//!
//! What goes, in one transaction: name, addresses, government id and password with all that they are found by;
//! sessions and refresh tokens, second factors and recovery codes, questions, devices, counters, tokens under way, former
//! passwords; the list of payees, own limits and what was counted for them; which payments they are told of and
//! what waits to be told; the names of accounts. What stays: accounts,
//! transfers and holds with their memos, which are as much the other party's; events and origins, which are the trail; what
//! others have written in lists of their own. What ages out by itself is left to do so: messages, whose text and address go once
//! they are sent, and answers under keys, within 30 days.
//!
//! Order: the caller has locked the row and knows that the customer is gone (`evidence::shred`). Bound: what one customer
//! may have of each. What it never does: decide who is erased, or bring anybody back.

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use serde_json::json;

use super::store;
use crate::bank::Act;
use crate::sessions::model::PrincipalRef;
use crate::{
    accounts, alerts, attempts, beneficiaries, challenges, confirmations, events, factors,
    passwords, protections, sessions,
};

/// Erases a customer who has been gone since a time, with an event that says no more than that. A row that
/// does not open is an error: what was counted for its address could not be removed.
pub(crate) fn erase_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    closed_since: Timestamp,
) -> Result<(), DbError> {
    let person = store::get(tx, &act.tools, id)?
        .ok_or_else(|| DbError::Corrupt(format!("{id} is to be erased and is not there")))?;
    let who = PrincipalRef::Customer(*id);
    sessions::erase_in(tx, &who)?;
    challenges::erase_in(tx, &who)?;
    attempts::erase_in(tx, &act.tools, (&who, person.email.as_str()))?;
    factors::erase_in(tx, id)?;
    passwords::erase_in(tx, id)?;
    confirmations::erase_in(tx, id)?;
    beneficiaries::erase_in(tx, id)?;
    protections::erase_in(tx, id)?;
    alerts::erase_in(tx, id)?;
    accounts::erase_names_in(tx, id)?;
    store::erase_words(tx, id)?;
    if !store::erase(tx, id, act.now)? {
        return Err(DbError::Corrupt(format!("{id} was locked and is not as it was")));
    }
    let after = json!({ "closed_since": closed_since.to_string() });
    events::record(tx, act, "customer.erased", &id.to_string(), "done", Some(&after))
}
