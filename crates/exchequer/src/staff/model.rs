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
    /// Reads what the office reads, and changes nothing.
    Auditor,
    /// Runs the bank and its operators, without touching the till.
    Admin,
}

/// One thing that an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// End one's own session.
    SignOut,
    /// Who one is and what one may do.
    ReadSelf,
    /// Another password or authenticator for oneself.
    ChangeOwnAccess,
    Deposit,
    Withdraw,
    FreezeAccount,
    UnfreezeAccount,
    CloseAccount,
    SetLimits,
    ReverseTransfer,
    ReadAccounts,
    ReadCustomers,
    /// Name and addresses of a customer unmasked, for a purpose that stands in an event.
    RevealCustomer,
    ReadEvents,
    ReadMerchants,
    ManageMerchants,
    SettleMerchants,
    ReadPayments,
    /// Have a merchant's event sent again.
    RedeliverWebhook,
    /// Jobs, and the health of what the bank stands on.
    ReadSystem,
    /// Sums by day.
    ReadFigures,
    RefundPayments,
    LockCustomer,
    UnlockCustomer,
    DisableCustomer,
    EnableCustomer,
    /// End all sessions of a customer, who may sign in anew.
    SignOutCustomer,
    ReadMembers,
    DisableMember,
    EnableMember,
    /// Give an operator a first password in place of what they sign in with.
    ResetMember,
    /// End all sessions of an operator, who may sign in anew.
    SignOutMember,
    /// End all sessions of everybody.
    SignOutEverybody,
    /// See the bank's data keys, and ask for the end of one.
    ManageKeys,
    /// See acts that wait for a second operator: all for who decides or audits, else one's own.
    FollowApprovals,
    /// Take back what one asked for.
    WithdrawApproval,
    /// Approve and reject what others asked for, where one has the permission of the act as well.
    DecideApprovals,
}

/// What an operator does after the right password and before there is a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing but the second factor.
    Nothing,
    /// Chooses a password of their own, with the authenticator that they have.
    Password,
    /// Chooses a password and enrols an authenticator; what they had opens nothing.
    PasswordAndFactor,
}

/// The text is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is teller, support, compliance, auditor or admin")]
pub struct UnknownRole;

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Teller, Self::Support, Self::Compliance, Self::Auditor, Self::Admin];

    /// As stored, and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Teller => "teller",
            Self::Support => "support",
            Self::Compliance => "compliance",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// The table, by permission.
    pub const fn permits(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::SignOut
            | P::ReadSelf
            | P::ChangeOwnAccess
            | P::ReadAccounts
            | P::ReadCustomers
            | P::FollowApprovals => true,
            P::Deposit | P::Withdraw => matches!(self, Self::Teller),
            P::FreezeAccount | P::LockCustomer | P::SignOutCustomer | P::RedeliverWebhook => {
                matches!(self, Self::Support | Self::Compliance | Self::Admin)
            }
            P::RevealCustomer => matches!(self, Self::Teller | Self::Support | Self::Compliance),
            P::UnfreezeAccount
            | P::CloseAccount
            | P::SetLimits
            | P::ReverseTransfer
            | P::DecideApprovals
            | P::ManageMerchants
            | P::SettleMerchants
            | P::RefundPayments => matches!(self, Self::Compliance | Self::Admin),
            P::ReadEvents | P::ReadMembers => {
                matches!(self, Self::Compliance | Self::Auditor | Self::Admin)
            }
            P::UnlockCustomer | P::DisableCustomer | P::EnableCustomer => {
                matches!(self, Self::Compliance)
            }
            P::ReadMerchants | P::ReadPayments | P::ReadSystem | P::ReadFigures => {
                !matches!(self, Self::Teller)
            }
            P::WithdrawApproval => !matches!(self, Self::Auditor),
            P::DisableMember
            | P::EnableMember
            | P::ResetMember
            | P::SignOutMember
            | P::SignOutEverybody
            | P::ManageKeys => matches!(self, Self::Admin),
        }
    }

    /// Whether acts that others asked for are shown, too.
    pub const fn sees_all_approvals(self) -> bool {
        matches!(self, Self::Auditor) || self.permits(Permission::DecideApprovals)
    }
}

impl Renewal {
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Password, Self::PasswordAndFactor];

    /// As stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Password => 1,
            Self::PasswordAndFactor => 2,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|renewal| renewal.code() == code)
    }

    /// In events and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Password => "password",
            Self::PasswordAndFactor => "password_and_factor",
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
    pub const ALL: [Self; 37] = [
        Self::SignOut,
        Self::ReadSelf,
        Self::ChangeOwnAccess,
        Self::Deposit,
        Self::Withdraw,
        Self::FreezeAccount,
        Self::UnfreezeAccount,
        Self::CloseAccount,
        Self::SetLimits,
        Self::ReverseTransfer,
        Self::ReadAccounts,
        Self::ReadCustomers,
        Self::RevealCustomer,
        Self::ReadEvents,
        Self::ReadMerchants,
        Self::ManageMerchants,
        Self::SettleMerchants,
        Self::ReadPayments,
        Self::RedeliverWebhook,
        Self::ReadSystem,
        Self::ReadFigures,
        Self::RefundPayments,
        Self::LockCustomer,
        Self::UnlockCustomer,
        Self::DisableCustomer,
        Self::EnableCustomer,
        Self::SignOutCustomer,
        Self::ReadMembers,
        Self::DisableMember,
        Self::EnableMember,
        Self::ResetMember,
        Self::SignOutMember,
        Self::SignOutEverybody,
        Self::ManageKeys,
        Self::FollowApprovals,
        Self::WithdrawApproval,
        Self::DecideApprovals,
    ];

    /// In events, and in the committed table of who may do what.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignOut => "sign_out",
            Self::ReadSelf => "read_self",
            Self::ChangeOwnAccess => "change_own_access",
            Self::Deposit => "deposit",
            Self::Withdraw => "withdraw",
            Self::FreezeAccount => "freeze_account",
            Self::UnfreezeAccount => "unfreeze_account",
            Self::CloseAccount => "close_account",
            Self::SetLimits => "set_limits",
            Self::ReverseTransfer => "reverse_transfer",
            Self::ReadAccounts => "read_accounts",
            Self::ReadCustomers => "read_customers",
            Self::RevealCustomer => "reveal_customer",
            Self::ReadEvents => "read_events",
            Self::ReadMerchants => "read_merchants",
            Self::ManageMerchants => "manage_merchants",
            Self::SettleMerchants => "settle_merchants",
            Self::ReadPayments => "read_payments",
            Self::RedeliverWebhook => "redeliver_webhook",
            Self::ReadSystem => "read_system",
            Self::ReadFigures => "read_figures",
            Self::RefundPayments => "refund_payments",
            Self::LockCustomer => "lock_customer",
            Self::UnlockCustomer => "unlock_customer",
            Self::DisableCustomer => "disable_customer",
            Self::EnableCustomer => "enable_customer",
            Self::SignOutCustomer => "sign_out_customer",
            Self::SignOutMember => "sign_out_member",
            Self::SignOutEverybody => "sign_out_everybody",
            Self::ReadMembers => "read_members",
            Self::DisableMember => "disable_member",
            Self::EnableMember => "enable_member",
            Self::ResetMember => "reset_member",
            Self::ManageKeys => "manage_keys",
            Self::FollowApprovals => "follow_approvals",
            Self::WithdrawApproval => "withdraw_approval",
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
