//! Which methods a question can be answered with, and whether an answer is right.

use ::store::{DbError, Tx};
use money::FactorId;

use super::code;
use super::model::{Answer, ChallengeRow, Method, Purpose, is_within};
use super::password;
use crate::bank::Act;
use crate::factors::webauthn;
use crate::sessions::model::PrincipalRef;
use crate::{factors, staff};

/// A right answer, and the factor that gave it where that has a row.
pub(super) struct Right {
    pub factor: Option<FactorId>,
}

/// From the factors as they are now: one that was removed since the question answers nothing.
pub(super) fn methods(
    tx: &mut Tx<'_>,
    act: &Act,
    (who, purpose, factor): (&PrincipalRef, Purpose, Option<&FactorId>),
) -> Result<Vec<Method>, DbError> {
    match (who, factor) {
        // An operator has an authenticator, always.
        (PrincipalRef::Staff(_), _) => Ok(vec![Method::Totp]),
        (PrincipalRef::Customer(id), Some(factor)) => {
            Ok(factors::method_of(tx, id, factor)?.into_iter().collect())
        }
        // Whoever has a factor shows that: a password known besides is no way round it.
        (PrincipalRef::Customer(id), None) if purpose == Purpose::Password => {
            Ok(if factors::has_active(tx, id)? { Vec::new() } else { vec![Method::Password] })
        }
        (PrincipalRef::Customer(id), None) => factors::offered(tx, act, id, purpose),
    }
}

/// None: the answer is wrong. What serves once (a time step, a recovery code) is used up by being right.
pub(super) fn judge(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &ChallengeRow,
    answer: &Answer,
) -> Result<Option<Right>, DbError> {
    match (answer, &row.who) {
        (Answer::Totp(given), PrincipalRef::Staff(id)) => {
            let taken = match row.purpose {
                Purpose::Enrol => staff::take_new_totp_in(tx, act, id, given)?,
                Purpose::Renewal => staff::take_renewal_totp_in(tx, act, id, given)?,
                Purpose::SignIn
                | Purpose::StepUp
                | Purpose::Factors
                | Purpose::Password
                | Purpose::Reset
                | Purpose::Passkey => staff::take_totp_in(tx, act, id, given)?,
            };
            Ok(taken.then_some(Right { factor: None }))
        }
        (Answer::Totp(given), PrincipalRef::Customer(id)) => {
            let taken = factors::take_totp_in(tx, act, (id, row.factor.as_ref()), given)?;
            Ok(taken.map(|factor| Right { factor: Some(factor) }))
        }
        (Answer::Sms(given) | Answer::Email(given), PrincipalRef::Customer(id)) => {
            let Some(factor) = row.proof_factor else { return Ok(None) };
            // The address may have been removed since the code was sent.
            let stands = factors::method_of(tx, id, &factor)? == Some(answer.method());
            if !sent_code_is(act, row, answer.method(), given) || !stands {
                return Ok(None);
            }
            factors::mark_used_in(tx, act, &factor)?;
            Ok(Some(Right { factor: Some(factor) }))
        }
        (Answer::RecoveryCode(given), PrincipalRef::Customer(id)) => {
            let taken = factors::take_recovery_code_in(tx, act, id, given)?;
            Ok(taken.then_some(Right { factor: None }))
        }
        (Answer::Webauthn(given), PrincipalRef::Customer(id)) => {
            let nonces = webauthn::nonce(&act.tools, (&row.id, row.purpose), row.binding.as_ref());
            let about = (id, row.factor.as_ref());
            let taken = webauthn::take_in(tx, act, about, &nonces, given)?;
            Ok(taken.map(|factor| Right { factor: Some(factor) }))
        }
        (Answer::Password(given), PrincipalRef::Customer(id)) => {
            let stands = password::stands_in(tx, id, given)?;
            Ok(stands.then_some(Right { factor: None }))
        }
        (
            Answer::Webauthn(_)
            | Answer::Sms(_)
            | Answer::Email(_)
            | Answer::RecoveryCode(_)
            | Answer::Password(_),
            PrincipalRef::Staff(_),
        ) => {
            // Not offered, and so refused before it is judged.
            Ok(None)
        }
    }
}

/// The keyed hash is computed whether a code was sent or not.
fn sent_code_is(act: &Act, row: &ChallengeRow, method: Method, given: &str) -> bool {
    let hash = code::hash(&act.tools, &row.id, (row.purpose, method), given);
    row.sent.as_ref().is_some_and(|sent| {
        sent.method == method
            && is_within(act.now, row.created_at, sent.expires_at)
            && hash.has(&sent.hash)
    })
}
