//! A counter, when it locks and when its lock is over. Pure.

use std::net::IpAddr;

use money::Timestamp;
use vault::Indexes;

use crate::bank::Tools;
use crate::config::Lockout;
use crate::sessions::model::PrincipalRef;

/// What is guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Password,
    Factor,
}

/// Whose sign-in: an e-mail may be a customer's and an operator's, with a password each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    Customer,
    Staff,
}

/// Which counter: the key of a row of `attempts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    pub(super) subject: [u8; 32],
    /// The same under other versions of the key.
    pub(super) former: Vec<[u8; 32]>,
    pub(super) kind: Kind,
    /// Zeros: all unknown devices together.
    pub(super) device: [u8; 32],
}

/// A counter does not take answers now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    pub retry_after_seconds: u32,
}

/// A row of `attempts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub failures: i64,
    /// Of the last failure; where the counter is locked, when the lock began.
    pub last_at: Timestamp,
    pub locked_until: Option<Timestamp>,
}

/// What a counter says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Locked(Locked),
    /// The clock stands before the lock's beginning, so nobody knows how much of it has passed: it begins now.
    Restarted(Tally, Locked),
}

impl Kind {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Factor => "factor",
        }
    }
}

impl Realm {
    pub fn of(who: &PrincipalRef) -> Self {
        match who {
            PrincipalRef::Customer(_) => Self::Customer,
            PrincipalRef::Staff(_) => Self::Staff,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
        }
    }
}

impl Counter {
    /// Of an e-mail's password; `email` is what was typed, which need be nobody's and no address.
    pub fn password(tools: &Tools, realm: Realm, email: &str, device: Option<[u8; 32]>) -> Self {
        let email = email.trim().to_ascii_lowercase();
        let input = [realm.as_str().as_bytes(), &[0], email.as_bytes()].concat();
        Self::new(
            &tools.keyring().blind_indexes("attempts.password", &input),
            Kind::Password,
            device,
        )
    }

    /// Of a principal's second factors, all together.
    pub fn factor(tools: &Tools, who: &PrincipalRef, device: Option<[u8; 32]>) -> Self {
        let input = [who.kind().as_bytes(), &[0], who.bytes()].concat();
        Self::new(&tools.keyring().blind_indexes("attempts.factor", &input), Kind::Factor, device)
    }

    fn new(subjects: &Indexes, kind: Kind, device: Option<[u8; 32]>) -> Self {
        let (subject, former) = (*subjects.active(), subjects.others().to_vec());
        Self { subject, former, kind, device: device.unwrap_or_default() }
    }

    /// The same counter under each version of the key, the one in use first.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.subject).chain(&self.former)
    }

    pub fn is_known_device(&self) -> bool {
        self.device != [0; 32]
    }
}

impl Tally {
    pub fn standing(&self, now: Timestamp) -> Standing {
        let Some(until) = self.locked_until else { return Standing::Open };
        if now < self.last_at {
            let length = until.micros_since(self.last_at);
            let restarted =
                Self { last_at: now, locked_until: Some(now.plus_micros(length)), ..*self };
            return Standing::Restarted(restarted, locked_for(length));
        }
        if now < until {
            Standing::Locked(locked_for(until.micros_since(now)))
        } else {
            Standing::Open
        }
    }

    /// After one more failure. One while it is locked changes nothing; the first after a lock begins anew.
    pub fn failed(&self, now: Timestamp, rule: Lockout) -> Self {
        match self.standing(now) {
            Standing::Locked(_) => *self,
            Standing::Restarted(restarted, _) => restarted,
            Standing::Open => {
                let before = if self.locked_until.is_some() { 0 } else { self.failures };
                let failures = before.saturating_add(1);
                let seconds = i64::try_from(rule.seconds).unwrap_or(i64::MAX);
                let locks = failures >= i64::from(rule.failures);
                Self {
                    failures,
                    last_at: now,
                    locked_until: locks.then(|| now.plus_seconds(seconds)),
                }
            }
        }
    }
}

/// Whole seconds, rounded up: after them the lock is over.
fn locked_for(micros: i64) -> Locked {
    let seconds = micros.saturating_add(999_999).div_euclid(1_000_000).max(1);
    Locked { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

/// What the one whose sign-in was locked reads. It names no place or device, which would be the guesser's.
pub(super) fn notice(counter: &Counter, rule: Lockout) -> String {
    let guessed = match counter.kind {
        Kind::Password => "your password",
        Kind::Factor => "the code of your second factor",
    };
    let at = if counter.is_known_device() {
        "on a device that you have used before"
    } else {
        "on devices that you have not used before"
    };
    let minutes = rule.seconds / 60;
    format!(
        "Somebody entered {guessed} wrongly {} times. Signing in {at} is locked for {minutes} minutes.",
        rule.failures
    )
}

/// What somebody reads of a sign-in from a device that was not known. Nothing that the caller chose stands in it: an agent
/// is theirs to write, an address is not.
pub(super) fn new_device(address: &str) -> String {
    let from = address.parse::<IpAddr>();
    let from = from.map_or_else(|_| String::new(), |address| format!(", at the address {address}"));
    format!("Somebody signed in to your account from a device that was not used before{from}.")
}

#[cfg(test)]
mod tests;
