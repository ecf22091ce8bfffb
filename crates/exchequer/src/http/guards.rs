//! How each kind of caller is made of a request: a claim before the body, and the caller after it.
//!
//! Who shows a token or a cookie is known before the body is read, so that a stranger costs none; who signs it,
//! only after. The dispatcher hands a handler nothing but a proven caller.

use bytes::Bytes;

use super::callers::{self, Customer, Public, Staff};
use super::codes::Code;
use super::merchant::{Merchant, Unproven};
use super::problem::Problem;
use super::routes::Access;
use crate::staff;

/// How a kind of caller is made of a request, and what is asked of it before the handler.
pub trait Guard: Sized {
    /// What is known before the body is read: for all but who signs it, the caller.
    type Claim: Send;

    fn admit(
        incoming: &callers::Incoming<'_>,
        access: Access,
    ) -> impl Future<Output = Result<Self::Claim, Problem>> + Send;

    fn prove(
        claim: Self::Claim,
        incoming: &callers::Incoming<'_>,
        body: &Bytes,
    ) -> impl Future<Output = Result<Self, Problem>> + Send;
}

impl Guard for Public {
    type Claim = Self;

    async fn prove(claim: Self, _: &callers::Incoming<'_>, _: &Bytes) -> Result<Self, Problem> {
        Ok(claim)
    }

    async fn admit(incoming: &callers::Incoming<'_>, _: Access) -> Result<Self, Problem> {
        Self::extract(incoming).await
    }
}

impl Guard for Customer {
    type Claim = Self;

    async fn prove(claim: Self, _: &callers::Incoming<'_>, _: &Bytes) -> Result<Self, Problem> {
        Ok(claim)
    }

    async fn admit(incoming: &callers::Incoming<'_>, _: Access) -> Result<Self, Problem> {
        Self::extract(incoming).await
    }
}

impl Guard for Staff {
    type Claim = Self;

    async fn prove(claim: Self, _: &callers::Incoming<'_>, _: &Bytes) -> Result<Self, Problem> {
        Ok(claim)
    }

    async fn admit(incoming: &callers::Incoming<'_>, access: Access) -> Result<Self, Problem> {
        let staff = Self::extract(incoming).await?;
        match access {
            Access::Staff(permission) if staff.role().permits(permission) => Ok(staff),
            Access::Staff(permission) => {
                staff::refuse_access(&staff, permission).await?;
                Err(Problem::new(Code::Forbidden))
            }
            // The table adds a staff handler only under `Access::Staff`.
            Access::Public(_) | Access::Customer | Access::Merchant => {
                Err(Problem::new(Code::Forbidden))
            }
        }
    }
}

impl Guard for Merchant {
    type Claim = Unproven;

    async fn admit(incoming: &callers::Incoming<'_>, _: Access) -> Result<Unproven, Problem> {
        Unproven::read(incoming).await
    }

    async fn prove(
        claim: Unproven,
        incoming: &callers::Incoming<'_>,
        body: &Bytes,
    ) -> Result<Self, Problem> {
        claim.prove(incoming, body).await
    }
}
