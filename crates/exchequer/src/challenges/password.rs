//! The password as an answer: what confirms an act of a customer who has no second factor.
//!
//! Order: the customer's stored hash is read, the password compared with it on the hashing pool outside any
//! transaction, and the row compared again in the transaction that judges. Cost: one hash for an open question of this
//! purpose, right or wrong, locked or not; none for any other, so that strangers with invented ids cannot fill the pool,
//! which sign-ins wait for. What this never does: take a password that was not compared.

use ::store::{DbError, Tx};
use money::{ChallengeId, CustomerId, Timestamp};
use vault::{SecretString, Verdict};

use super::{Answer, Purpose, store};
use crate::bank::Bank;
use crate::customers::{self, Credentials};
use crate::http::Problem;
use crate::sessions::model::PrincipalRef;

/// A password on its way to being judged.
pub enum Password {
    /// As it came. Judged like this it is wrong.
    Typed(SecretString),
    /// It is the one that these were read with.
    Right(Credentials),
    Wrong,
}

/// Compares a password with the stored hash of whom the challenge asks; gives every other answer back as it is.
///
/// Errors: `overloaded`, `unavailable`.
pub async fn compare(bank: &Bank, id: &ChallengeId, answer: Answer) -> Result<Answer, Problem> {
    let Answer::Password(Password::Typed(typed)) = answer else { return Ok(answer) };
    let (id, now) = (*id, bank.tools().now());
    let asked = bank.db().read("challenges.password", move |tx| asked(tx, &id, now)).await;
    let Some(known) = asked.map_err(Problem::from)? else {
        return Ok(Answer::Password(Password::Wrong));
    };
    let stored = Some(known.password_hash.clone());
    Ok(Answer::Password(match bank.hashing().verify(typed.expose().to_owned(), stored).await? {
        Verdict::Right { .. } => Password::Right(known),
        Verdict::Wrong => Password::Wrong,
    }))
}

/// Whether it is this customer's, who is active, and still the same: their row is locked by the caller.
pub(super) fn stands_in(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    given: &Password,
) -> Result<bool, DbError> {
    let Password::Right(known) = given else { return Ok(false) };
    let now = customers::credentials_of(tx, customer)?;
    Ok(now.is_some_and(|now| {
        now.is_active && now.id == known.id && now.password_hash == known.password_hash
    }))
}

/// Whose password an open question asks for. None: it asks for something else, or is over.
fn asked(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<Credentials>, DbError> {
    let row = store::get(tx, id)?;
    match row.filter(|row| row.purpose == Purpose::Password && !row.is_dead(now)) {
        Some(row) => match row.who {
            PrincipalRef::Customer(customer) => customers::credentials_of(tx, &customer),
            // Operators show their authenticator, always.
            PrincipalRef::Staff(_) => Ok(None),
        },
        None => Ok(None),
    }
}
