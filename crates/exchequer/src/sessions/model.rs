//! Principals and what a session's holder is told.

use money::{CustomerId, StaffId};
use serde::Serialize;
use utoipa::ToSchema;

/// Who a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalRef {
    Customer(CustomerId),
    Staff(StaffId),
}

impl PrincipalRef {
    /// As stored in `principal_kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Staff(_) => "staff",
        }
    }

    pub fn bytes(&self) -> &[u8; 16] {
        match self {
            Self::Customer(id) => id.bytes(),
            Self::Staff(id) => id.bytes(),
        }
    }
}

impl std::fmt::Display for PrincipalRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Customer(id) => id.fmt(f),
            Self::Staff(id) => id.fmt(f),
        }
    }
}

/// The answer to a completed sign-in.
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// `authenticated`
    pub status: &'static str,
    /// EdDSA JWT, for `Authorization: Bearer`.
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Serves once; gives a new pair. Returning a used one ends the session.
    pub refresh_token: String,
    pub session_id: String,
}
