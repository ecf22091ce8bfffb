//! The gate before every token: who is disabled or locked gets none, through no grant. Locked by an operator
//! (a status), or for a while after wrong tries.
//!
//! Called by `open_in` and `refresh_in` and by nothing else, since there is no other way to a session.
//! Order: the holder's row is locked; their status; the lock after wrong tries. So the count of sessions
//! that follows is exact, and nobody slips past a status that is being changed.

use ::store::{DbError, Tx};

use super::model::PrincipalRef;
use super::store;
use crate::attempts;
use crate::bank::Act;
use crate::http::{Code, Problem};

/// Why nobody passes, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateRefusal {
    /// Locked or disabled by the bank. Who comes so far has shown all that a sign-in asks for.
    Inactive,
    /// Too many wrong tries.
    Locked { retry_after_seconds: u32 },
}

impl GateRefusal {
    pub fn code(self) -> Code {
        match self {
            Self::Inactive => Code::AccountDisabled,
            Self::Locked { .. } => Code::LockedOut,
        }
    }
}

impl From<GateRefusal> for Problem {
    fn from(refusal: GateRefusal) -> Self {
        let mut problem = Self::new(refusal.code());
        if let GateRefusal::Locked { retry_after_seconds } = refusal {
            problem.retry_after_seconds = Some(retry_after_seconds);
        }
        problem
    }
}

/// Locks the holder until the end of the transaction.
pub(super) fn lock(tx: &mut Tx<'_>, principal: &PrincipalRef) -> Result<(), DbError> {
    store::lock_principal(tx, principal).map(|_status| ())
}

/// Locks the holder and asks whether they may have a token, on this device.
pub(super) fn pass(
    tx: &mut Tx<'_>,
    act: &Act,
    principal: &PrincipalRef,
    device: Option<&[u8; 32]>,
) -> Result<Result<(), GateRefusal>, DbError> {
    if store::lock_principal(tx, principal)? != Some(store::ACTIVE) {
        return Ok(Err(GateRefusal::Inactive));
    }
    let locked = attempts::locked_in(tx, act, principal, device.copied())?;
    Ok(locked.map_or(Ok(()), |locked| {
        Err(GateRefusal::Locked { retry_after_seconds: locked.retry_after_seconds })
    }))
}
