//! Operators: their roles and what each role may do, in one table.
//!
//! Pure. The routes table names a permission for every staff route; this table says who has it. Duties
//! are separated: who hands out money sets no limits and reverses nothing; who administers hands out none. Who
//! decides about customers' access has no say over operators', and the other way round; only stopping a
//! customer is everybody's in the office, because it has to be quick and gives nobody anything.

use std::fmt;
use std::str::FromStr;

/// What an operator is employed as; exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// At the counter: takes money in and pays it out.
    Teller,
    /// On the telephone: looks up, freezes what was reported lost, locks who was.
    Support,
    /// Decides about accounts and customers, and reads the audit trail.
    Compliance,
    /// Runs the bank and its operators, without touching the till.
    Admin,
}

/// One thing that an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// End one's own session.
    SignOut,
    Deposit,
    Withdraw,
    FreezeAccount,
    UnfreezeAccount,
    CloseAccount,
    SetLimits,
    ReverseTransfer,
    ReadAccounts,
    ReadCustomers,
    ReadEvents,
    ReadMerchants,
    ManageMerchants,
    SettleMerchants,
    RefundPayments,
    LockCustomer,
    UnlockCustomer,
    DisableCustomer,
    EnableCustomer,
    ReadMembers,
    DisableMember,
    EnableMember,
    /// See the bank's data keys, and ask for the end of one.
    ManageKeys,
    /// See acts that wait for a second operator: all for who decides, else one's own; take one's own back.
    FollowApprovals,
    /// Approve and reject what others asked for, where one has the permission of the act as well.
    DecideApprovals,
}

/// The text is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is teller, support, compliance or admin")]
pub struct UnknownRole;

impl Role {
    pub const ALL: [Self; 4] = [Self::Teller, Self::Support, Self::Compliance, Self::Admin];

    /// As stored, and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Teller => "teller",
            Self::Support => "support",
            Self::Compliance => "compliance",
            Self::Admin => "admin",
        }
    }

    /// The table, by permission.
    pub const fn permits(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::SignOut | P::ReadAccounts | P::ReadCustomers | P::FollowApprovals => true,
            P::Deposit | P::Withdraw => matches!(self, Self::Teller),
            P::FreezeAccount | P::LockCustomer => {
                matches!(self, Self::Support | Self::Compliance | Self::Admin)
            }
            P::UnfreezeAccount
            | P::CloseAccount
            | P::SetLimits
            | P::ReverseTransfer
            | P::ReadEvents
            | P::ReadMembers
            | P::DecideApprovals => matches!(self, Self::Compliance | Self::Admin),
            P::UnlockCustomer | P::DisableCustomer | P::EnableCustomer => {
                matches!(self, Self::Compliance)
            }
            P::ReadMerchants => matches!(self, Self::Support | Self::Compliance | Self::Admin),
            P::ManageMerchants | P::SettleMerchants | P::RefundPayments => {
                matches!(self, Self::Compliance | Self::Admin)
            }
            P::DisableMember | P::EnableMember | P::ManageKeys => matches!(self, Self::Admin),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl Permission {
    pub const ALL: [Self; 25] = [
        Self::SignOut,
        Self::Deposit,
        Self::Withdraw,
        Self::FreezeAccount,
        Self::UnfreezeAccount,
        Self::CloseAccount,
        Self::SetLimits,
        Self::ReverseTransfer,
        Self::ReadAccounts,
        Self::ReadCustomers,
        Self::ReadEvents,
        Self::ReadMerchants,
        Self::ManageMerchants,
        Self::SettleMerchants,
        Self::RefundPayments,
        Self::LockCustomer,
        Self::UnlockCustomer,
        Self::DisableCustomer,
        Self::EnableCustomer,
        Self::ReadMembers,
        Self::DisableMember,
        Self::EnableMember,
        Self::ManageKeys,
        Self::FollowApprovals,
        Self::DecideApprovals,
    ];

    /// In events, and in the committed table of who may do what.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignOut => "sign_out",
            Self::Deposit => "deposit",
            Self::Withdraw => "withdraw",
            Self::FreezeAccount => "freeze_account",
            Self::UnfreezeAccount => "unfreeze_account",
            Self::CloseAccount => "close_account",
            Self::SetLimits => "set_limits",
            Self::ReverseTransfer => "reverse_transfer",
            Self::ReadAccounts => "read_accounts",
            Self::ReadCustomers => "read_customers",
            Self::ReadEvents => "read_events",
            Self::ReadMerchants => "read_merchants",
            Self::ManageMerchants => "manage_merchants",
            Self::SettleMerchants => "settle_merchants",
            Self::RefundPayments => "refund_payments",
            Self::LockCustomer => "lock_customer",
            Self::UnlockCustomer => "unlock_customer",
            Self::DisableCustomer => "disable_customer",
            Self::EnableCustomer => "enable_customer",
            Self::ReadMembers => "read_members",
            Self::DisableMember => "disable_member",
            Self::EnableMember => "enable_member",
            Self::ManageKeys => "manage_keys",
            Self::FollowApprovals => "follow_approvals",
            Self::DecideApprovals => "decide_approvals",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
