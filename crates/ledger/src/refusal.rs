//! Why an order does not happen: a closed list, in order of precedence per act.
//!
//! Purpose: the first reason in the act's list that applies is the one answered, always.
//! Order: [`Refusal::OF_TRANSFER`] and its siblings; the transfer's is fixed by the API document.

/// Why an order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// One of the two accounts is not there.
    #[error("account not found")]
    AccountNotFound,
    /// Payer and payee are one account.
    #[error("an account cannot pay itself")]
    SameAccount,
    /// The order's currency is not that of both accounts.
    #[error("the accounts do not both have this currency")]
    CurrencyMismatch,
    /// Payer or payee is frozen.
    #[error("an account is frozen")]
    AccountFrozen,
    /// Payer or payee is closed.
    #[error("an account is closed")]
    AccountClosed,
    /// The payer's limit per transfer or per day is passed, or a running total would leave `i64`.
    #[error("a limit would be passed")]
    LimitExceeded,
    /// The payer's balance policy does not allow it.
    #[error("not enough money available")]
    InsufficientFunds,
    /// The hold is not there.
    #[error("hold not found")]
    HoldNotFound,
    /// The hold was captured to the end, voided or swept.
    #[error("the hold is no longer active")]
    HoldNotActive,
    /// The hold's time is over, swept or not; or a new hold would be over before it begins.
    #[error("the hold has expired")]
    HoldExpired,
    /// Expire only: its time is not over yet.
    #[error("the hold has not expired yet")]
    HoldNotExpired,
    /// More than the hold still reserves.
    #[error("more than the hold still reserves")]
    CaptureExceedsHold,
    /// The transfer to reverse is not there.
    #[error("transfer not found")]
    TransferNotFound,
    /// All reversals together would pass the original amount, or nothing is left to reverse.
    #[error("more than is left to reverse")]
    ReversalExceedsTransfer,
    /// Another order of the chain was refused; that one carries the reason.
    #[error("an order linked with this one was refused")]
    LinkedRefused,
    /// The batch ended inside a chain; answered by its last order, before any rule is looked at.
    #[error("the chain of linked orders does not end")]
    LinkedChainOpen,
}

impl Refusal {
    /// Of a transfer, first to last.
    pub const OF_TRANSFER: &'static [Self] = &[
        Self::AccountNotFound,
        Self::SameAccount,
        Self::CurrencyMismatch,
        Self::AccountFrozen,
        Self::AccountClosed,
        Self::LimitExceeded,
        Self::InsufficientFunds,
    ];

    /// Of a hold, first to last: as a transfer, then its time.
    pub const OF_HOLD: &'static [Self] = &[
        Self::AccountNotFound,
        Self::SameAccount,
        Self::CurrencyMismatch,
        Self::AccountFrozen,
        Self::AccountClosed,
        Self::LimitExceeded,
        Self::InsufficientFunds,
        Self::HoldExpired,
    ];

    /// Of a capture, first to last: the hold, the accounts, the amount. `LimitExceeded` is only a
    /// running total that would leave `i64`: the money was limited and reserved by the hold.
    pub const OF_CAPTURE: &'static [Self] = &[
        Self::HoldNotFound,
        Self::HoldNotActive,
        Self::HoldExpired,
        Self::AccountNotFound,
        Self::SameAccount,
        Self::CurrencyMismatch,
        Self::AccountFrozen,
        Self::AccountClosed,
        Self::CaptureExceedsHold,
        Self::LimitExceeded,
    ];

    /// Of a void, first to last.
    pub const OF_VOID: &'static [Self] =
        &[Self::HoldNotFound, Self::HoldNotActive, Self::AccountNotFound, Self::SameAccount];

    /// Of an expiry, first to last.
    pub const OF_EXPIRE: &'static [Self] = &[
        Self::HoldNotFound,
        Self::HoldNotActive,
        Self::HoldNotExpired,
        Self::AccountNotFound,
        Self::SameAccount,
    ];

    /// Of a reversal, first to last: the transfer, the accounts, the amount. `LimitExceeded` is
    /// only a running total that would leave `i64`.
    pub const OF_REVERSE: &'static [Self] = &[
        Self::TransferNotFound,
        Self::AccountNotFound,
        Self::SameAccount,
        Self::CurrencyMismatch,
        Self::AccountFrozen,
        Self::AccountClosed,
        Self::ReversalExceedsTransfer,
        Self::LimitExceeded,
        Self::InsufficientFunds,
    ];

    /// The stable name that callers see, `snake_case`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccountNotFound => "account_not_found",
            Self::SameAccount => "same_account",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::AccountFrozen => "account_frozen",
            Self::AccountClosed => "account_closed",
            Self::LimitExceeded => "limit_exceeded",
            Self::InsufficientFunds => "insufficient_funds",
            Self::HoldNotFound => "hold_not_found",
            Self::HoldNotActive => "hold_not_active",
            Self::HoldExpired => "hold_expired",
            Self::HoldNotExpired => "hold_not_expired",
            Self::CaptureExceedsHold => "capture_exceeds_hold",
            Self::TransferNotFound => "transfer_not_found",
            Self::ReversalExceedsTransfer => "reversal_exceeds_transfer",
            Self::LinkedRefused => "linked_refused",
            Self::LinkedChainOpen => "linked_chain_open",
        }
    }
}
