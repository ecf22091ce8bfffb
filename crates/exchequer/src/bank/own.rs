//! The accounts of the bank's own: what each is for, and the id that follows from it.

use money::{AccountId, Currency};

use crate::merchants::keys::Mode;

/// What an account of the bank's own is for. Test money and live money have accounts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Where deposits come from and withdrawals go to.
    Cash,
    /// What card gateways owe the bank.
    Clearing(Mode),
    /// What merchants paid the bank.
    Fees(Mode),
    /// Money of refunds that gateways were asked for and have not answered.
    RefundsSetAside(Mode),
    /// What a gateway's report says and the books do not, until somebody has decided.
    Suspense(Mode),
    /// What card gateways kept for themselves.
    GatewayFees(Mode),
}

impl Own {
    /// Eight bytes that its ids begin with.
    const fn seed(self) -> &'static [u8; 8] {
        match self {
            Self::Cash => b"cash\0\0\0\0",
            Self::Clearing(Mode::Live) => b"clearing",
            Self::Clearing(Mode::Test) => b"clr-test",
            Self::Fees(Mode::Live) => b"fees\0\0\0\0",
            Self::Fees(Mode::Test) => b"fee-test",
            Self::RefundsSetAside(Mode::Live) => b"refunds\0",
            Self::RefundsSetAside(Mode::Test) => b"rfd-test",
            Self::Suspense(Mode::Live) => b"suspense",
            Self::Suspense(Mode::Test) => b"sus-test",
            Self::GatewayFees(Mode::Live) => b"gw-fees\0",
            Self::GatewayFees(Mode::Test) => b"gwf-test",
        }
    }

    pub(crate) const fn number(self) -> &'static str {
        match self {
            Self::Cash => "EXBANK",
            Self::Clearing(Mode::Live) => "EXCLEARING",
            Self::Clearing(Mode::Test) => "EXCLEARING-TEST",
            Self::Fees(Mode::Live) => "EXFEES",
            Self::Fees(Mode::Test) => "EXFEES-TEST",
            Self::RefundsSetAside(Mode::Live) => "EXREFUNDS",
            Self::RefundsSetAside(Mode::Test) => "EXREFUNDS-TEST",
            Self::Suspense(Mode::Live) => "EXSUSPENSE",
            Self::Suspense(Mode::Test) => "EXSUSPENSE-TEST",
            Self::GatewayFees(Mode::Live) => "EXGATEWAYFEES",
            Self::GatewayFees(Mode::Test) => "EXGATEWAYFEES-TEST",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cash => "Cash",
            Self::Clearing(Mode::Live) => "Card clearing",
            Self::Clearing(Mode::Test) => "Card clearing (test)",
            Self::Fees(Mode::Live) => "Card fees",
            Self::Fees(Mode::Test) => "Card fees (test)",
            Self::RefundsSetAside(Mode::Live) => "Refunds under way",
            Self::RefundsSetAside(Mode::Test) => "Refunds under way (test)",
            Self::Suspense(Mode::Live) => "Suspense",
            Self::Suspense(Mode::Test) => "Suspense (test)",
            Self::GatewayFees(Mode::Live) => "Fees of card gateways",
            Self::GatewayFees(Mode::Test) => "Fees of card gateways (test)",
        }
    }
}

/// The bank's own account of a role and a currency. Its id is a function of the two, so that every node and
/// every test finds the same one.
pub fn own_account(own: Own, currency: Currency) -> AccountId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(own.seed());
    bytes[8..11].copy_from_slice(&currency.code().as_bytes()[..3]);
    AccountId::from_bytes(bytes)
}

/// The bank's own cash account of a currency: where deposits come from and withdrawals go to.
pub fn cash_account(currency: Currency) -> AccountId {
    own_account(Own::Cash, currency)
}
