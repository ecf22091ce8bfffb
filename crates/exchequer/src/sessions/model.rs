//! Principals, forms of a session, and what a session's holder is told.

use money::{CustomerId, StaffId};
use serde::Serialize;
use store::DbError;
use utoipa::ToSchema;

use crate::staff::model::Role;

/// Who a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalRef {
    Customer(CustomerId),
    Staff(StaffId),
}

/// How a session is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Access and refresh tokens.
    Bearer,
    /// A browser's cookie.
    Cookie,
}

impl Form {
    /// As stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::Bearer => 0,
            Self::Cookie => 1,
        }
    }

    pub fn from_code(code: i64) -> Result<Self, DbError> {
        match code {
            0 => Ok(Self::Bearer),
            1 => Ok(Self::Cookie),
            other => Err(DbError::Corrupt(format!("form {other} of a session"))),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
        }
    }
}

impl PrincipalRef {
    /// As stored in `principal_kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Staff(_) => "staff",
        }
    }

    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Self::Customer(id) => Some(*id),
            Self::Staff(_) => None,
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
    /// EdDSA JWT, for `Authorization`.
    pub access_token: String,
    /// `Bearer`, or `DPoP` where the sign-in carried a proof of a key (RFC 9449).
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Serves once; gives a new pair. Returning a used one ends the session.
    pub refresh_token: String,
    pub session_id: String,
    /// From a new device only: what it keeps and sends with its next sign-in, so that strangers' wrong
    /// tries do not lock it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

/// Whether a request counts as use of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    Use,
    /// It only asks, and the idle limit runs on.
    Peek,
}

/// A caller with what a handler needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    Customer(CustomerId),
    Staff(StaffId, Role),
}

impl Principal {
    /// Their id.
    pub fn bytes(self) -> [u8; 16] {
        match self {
            Self::Customer(id) => *id.bytes(),
            Self::Staff(id, _) => *id.bytes(),
        }
    }
}
