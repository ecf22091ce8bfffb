//! What a factor is, and what each kind is good for. Pure.

use money::{CustomerId, FactorId, Timestamp};
use vault::SecretString;

use super::UNCONFIRMED_SECONDS;
use crate::challenges::{Asked, Method, Purpose, SendRefusal};
use crate::customers::model::{Email, Phone};
use crate::outbox::Notice;

/// A kind of factor, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A security key or passkey.
    Webauthn,
    /// An authenticator.
    Totp,
    /// A telephone.
    Sms,
    /// An e-mail address: proven, and no second factor by itself.
    Email,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Unconfirmed,
    Active,
}

/// A row of `factors`.
#[derive(Debug, Clone)]
pub struct FactorRow {
    pub id: FactorId,
    pub customer: CustomerId,
    pub kind: Kind,
    pub name: String,
    pub status: Status,
    pub secret_sealed: Vec<u8>,
    /// The last time step of an authenticator; the signature counter of a credential.
    pub counter: i64,
    pub created_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// A factor that is confirmed with a code.
#[derive(Debug, Clone)]
pub enum New {
    Totp,
    Sms(Phone),
    /// The customer's own address.
    Email,
}

/// A factor that waits for its confirmation.
pub struct Enrolled {
    pub row: FactorRow,
    /// Of an authenticator, in base 32: shown once. Of an address, the address.
    pub secret: SecretString,
    pub asked: Asked,
    /// Whose it is, for the label of an authenticator.
    pub email: Email,
}

/// Why a factor is not begun, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrolRefusal {
    TooMany,
    /// The code that would confirm it was not sent.
    NotSent(SendRefusal),
}

/// A factor that became active.
pub struct Confirmed {
    /// Ten with the first factor that counts, else none. Shown once.
    pub recovery_codes: Vec<String>,
}

/// Why a factor is not confirmed, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmRefusal {
    NotFound,
    /// It is active already.
    Confirmed,
    /// Wrong, late, or guessed at too often.
    Code,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Webauthn, Self::Totp, Self::Sms, Self::Email];

    /// As stored, and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub const fn method(self) -> Method {
        match self {
            Self::Webauthn => Method::Webauthn,
            Self::Totp => Method::Totp,
            Self::Sms => Method::Sms,
            Self::Email => Method::Email,
        }
    }

    /// Whether it counts as a second factor: alike in all profiles. NIST SP 800-63B-4 §3.1.3 takes telephones
    /// with restrictions and e-mail not at all.
    pub const fn is_second_factor(self) -> bool {
        self.method().is_second_factor()
    }

    /// What it is called where its holder gives no name.
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Webauthn => "Security key",
            Self::Totp => "Authenticator",
            Self::Sms => "Telephone",
            Self::Email => "E-mail",
        }
    }
}

impl Status {
    /// As stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::Unconfirmed => 0,
            Self::Active => 1,
        }
    }

    /// In JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Active => "active",
        }
    }
}

impl New {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Totp => Kind::Totp,
            Self::Sms(_) => Kind::Sms,
            Self::Email => Kind::Email,
        }
    }
}

impl FactorRow {
    pub(super) fn unconfirmed(
        id: FactorId,
        customer: CustomerId,
        (kind, name): (Kind, &str),
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            customer,
            kind,
            name: name.to_owned(),
            status: Status::Unconfirmed,
            secret_sealed: Vec::new(),
            counter: 0,
            created_at: now,
            confirmed_at: None,
            last_used_at: None,
        }
    }

    /// Whether its time to be confirmed is over.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.status == Status::Unconfirmed
            && now >= self.created_at.plus_seconds(UNCONFIRMED_SECONDS)
    }
}

/// What active kinds answer a question with, strongest first, without recovery codes. E-mail stands beside a
/// password alone: at sign-in, by setting, where nothing better is enrolled.
pub(super) fn offered(active: &[Kind], purpose: Purpose, email_at_sign_in: bool) -> Vec<Method> {
    let mut kinds: Vec<Kind> =
        active.iter().copied().filter(|kind| kind.is_second_factor()).collect();
    if kinds.is_empty()
        && purpose == Purpose::SignIn
        && email_at_sign_in
        && active.contains(&Kind::Email)
    {
        kinds.push(Kind::Email);
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(Kind::method).collect()
}

/// `+********3210`, `a***@example.com`.
pub(super) fn masked(kind: Kind, destination: &str) -> Option<String> {
    match kind {
        Kind::Sms => destination.parse().ok().map(|phone: Phone| phone.masked()),
        Kind::Email => destination.parse().ok().map(|email: Email| email.masked()),
        Kind::Totp | Kind::Webauthn => None,
    }
}

pub(super) fn copied() -> Notice {
    Notice {
        purpose: "factor_copied",
        subject: "A security key may have been copied",
        text: "A security key or passkey of yours was shown at Exchequer with an older count than before. \
               It was refused. Remove it from your ways of signing in unless you know why."
            .to_owned(),
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Webauthn => "A security key or passkey",
        Kind::Totp => "An authenticator",
        Kind::Sms => "A telephone number",
        Kind::Email => "An e-mail address",
    }
}

pub(super) fn added(kind: Kind) -> Notice {
    Notice {
        purpose: "factor_added",
        subject: "A second factor was added",
        text: format!("{} was added to your ways of signing in to Exchequer.", noun(kind)),
    }
}

pub(super) fn removed(kind: Kind) -> Notice {
    Notice {
        purpose: "factor_removed",
        subject: "A second factor was removed",
        text: format!("{} was removed from your ways of signing in to Exchequer.", noun(kind)),
    }
}

pub(super) fn codes_replaced() -> Notice {
    Notice {
        purpose: "recovery_codes_replaced",
        subject: "New recovery codes",
        text: "New recovery codes were made for Exchequer; the old ones are void.".to_owned(),
    }
}

pub(super) fn code_used(left: i64) -> Notice {
    Notice {
        purpose: "recovery_code_used",
        subject: "A recovery code was used",
        text: format!("A recovery code was used at Exchequer. {left} are left."),
    }
}

#[cfg(test)]
mod tests;
