//! Named profiles: one answer for each point on which the rule books disagree.
//!
//! `default` follows NIST SP 800-63B-4 and OWASP ASVS 5, `pci` PCI DSS 4.0.1, `psd2` the RTS
//! 2018/389, `rbi` the Reserve Bank of India's directions. A setting may be stricter than its
//! profile and never laxer.

use super::OnMove;

use super::step_up::EveryPayment;

/// Which rule book decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    #[default]
    Default,
    Pci,
    Rbi,
    Psd2,
}

/// When guessing ends: after `failures` in a row, for `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    pub failures: u32,
    pub seconds: u64,
}

impl Profile {
    pub const ALL: [Self; 4] = [Self::Default, Self::Pci, Self::Rbi, Self::Psd2];

    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Pci => "pci",
            Self::Rbi => "rbi",
            Self::Psd2 => "psd2",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Longest time without a request, in seconds: PCI DSS 8.2.8 has 15 minutes, RTS Art 4(3)(d)
    /// has 5.
    pub fn idle_seconds(self) -> u64 {
        match self {
            Self::Default | Self::Pci | Self::Rbi => 900,
            Self::Psd2 => 300,
        }
    }

    /// Whether card numbers may be kept: in India only by issuers and networks (RBI, 2021-09-07).
    pub fn stores_cards(self) -> bool {
        match self {
            Self::Default | Self::Pci | Self::Psd2 => true,
            Self::Rbi => false,
        }
    }

    /// Shortest password that is the only factor, in characters: NIST SP 800-63B-4 3.1.1.2 has 15,
    /// PCI DSS 8.3.6 has 12.
    pub fn min_password_characters(self) -> u64 {
        match self {
            Self::Default | Self::Rbi | Self::Psd2 => 15,
            Self::Pci => 12,
        }
    }

    /// Whether a password needs letters and digits: PCI DSS 8.3.6 asks for both, NIST advises
    /// against such rules.
    pub fn letters_and_digits(self) -> bool {
        match self {
            Self::Default | Self::Rbi | Self::Psd2 => false,
            Self::Pci => true,
        }
    }

    /// What a session does that is bound to no key and comes from elsewhere. Telephones change their
    /// network all day, so it is noted; where a second factor belongs to every payment (RTS Art 4,
    /// RBI 2025) it is asked for again.
    pub fn on_move(self) -> OnMove {
        match self {
            Self::Default | Self::Pci => OnMove::Log,
            Self::Psd2 | Self::Rbi => OnMove::StepUp,
        }
    }

    /// Whether a setting may let a code by e-mail stand beside a password at sign-in. NIST SP 800-63B-4
    /// 3.1.3.1 takes e-mail for no second factor; RTS 2018/389 Art 6 to 8 leave no room for it, nor do RBI's Authentication
    /// Directions of 2025, which want two distinct factors.
    pub fn email_beside_password(self) -> bool {
        match self {
            Self::Default | Self::Pci => true,
            Self::Psd2 | Self::Rbi => false,
        }
    }

    /// PCI DSS 8.3.4 has at most 10 failures and at least 30 minutes, RTS Art 4(3)(b) at most 5.
    pub fn lockout(self) -> Lockout {
        match self {
            Self::Default | Self::Psd2 => Lockout { failures: 5, seconds: 900 },
            Self::Pci => Lockout { failures: 10, seconds: 1800 },
            Self::Rbi => Lockout { failures: 3, seconds: 900 },
        }
    }

    /// RTS 2018/389 Art 5 wants a factor bound to each payment, Art 15 frees those between accounts of
    /// one holder; RBI wants one for each.
    pub fn every_payment(self) -> EveryPayment {
        match self {
            Self::Default | Self::Pci => EveryPayment::Weighed,
            Self::Psd2 => EveryPayment::ToOthers,
            Self::Rbi => EveryPayment::All,
        }
    }

    /// Days behind the day of a failed payment's charge within which the card's holder has the money back: RBI,
    /// harmonisation of turn-around time, 2019-09-20, has five for a card that is not present; PSD2 Art 73(1) the business
    /// day after it was noted, which is the day after the charge.
    pub fn reversal_days(self) -> u32 {
        match self {
            Self::Default | Self::Pci | Self::Rbi => 5,
            Self::Psd2 => 2,
        }
    }

    /// Whether customers are told of their payments before they choose: RBI, Digital Payment Security Controls 2021, wants
    /// alerts; the other books leave it to them.
    pub fn payment_alerts(self) -> bool {
        match self {
            Self::Default | Self::Pci | Self::Psd2 => false,
            Self::Rbi => true,
        }
    }

    /// How long a payee is new. RBI's discussion paper of 2026 has an hour; the other books have nothing,
    /// since the first payment to a new payee needs a factor bound to it.
    pub fn cooling_seconds(self) -> u64 {
        match self {
            Self::Default | Self::Pci | Self::Psd2 => 0,
            Self::Rbi => 3600,
        }
    }
}
