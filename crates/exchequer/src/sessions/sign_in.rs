//! Signing in with a password, customers and operators alike; and the opening of a session when all is shown.
//!
//! Order: look (one snapshot: whose e-mail, which device, is it locked), the hash outside any transaction, then one
//! transaction that either counts the failure or goes on. What is nobody's goes the same way: the same look-ups,
//! the same hash, the same counter and event. The second step comes only after a right password, so that whether
//! somebody has one shows to nobody else.
//!
//! Locks: the principal, their counters, then what a session locks. What it never does: decide by what the snapshot
//! said; the transaction looks again.

use ::store::{DbError, Tx};
use serde_json::json;
use vault::SecretString;

use super::model::PrincipalRef;
use super::{GateRefusal, OpenRefusal, Opened, Opening};
use crate::attempts::{self, Counter, Locked, Realm};
use crate::bank::{Act, Tools};
use crate::challenges::{self, Asked, Purpose, Question};
use crate::customers::{self, Confirmed, Credentials, model::Email};
use crate::events;
use crate::factors;
use crate::http::Code;
use crate::staff::renewal::{self, Entering, Renewing};
use crate::staff::{self, StaffCredentials};

/// Who wants in, as they say.
#[derive(Clone)]
pub struct Entrance {
    pub realm: Realm,
    /// As typed.
    pub email: String,
    /// What a device keeps from an earlier sign-in.
    pub device_token: Option<String>,
}

/// What one snapshot says about them.
#[derive(Clone)]
pub struct Looked {
    known: Option<Known>,
    /// The known device that they come from.
    device: Option<[u8; 32]>,
    password: Counter,
    is_locked: bool,
}

#[derive(Clone)]
enum Known {
    Customer(Credentials),
    Staff(StaffCredentials),
}

/// What a right password led to.
pub enum Passed {
    /// The password or the status changed since it was verified.
    Changed,
    Locked(Locked),
    /// A second factor is to be shown.
    Challenge(Asked),
    /// An operator's first password: one of their own is to be chosen before there is a session.
    Renewal(Box<Renewing>),
    Open(Box<SignedIn>),
    Refused(OpenRefusal),
}

/// A session that was just opened.
pub struct SignedIn {
    pub principal: PrincipalRef,
    pub opened: Opened,
    /// Where the device is new: what it keeps.
    pub device_token: Option<SecretString>,
}

/// A sign-in whose factors were shown.
#[derive(Debug, Clone, Copy)]
pub struct Complete {
    pub principal: PrincipalRef,
    /// The known device that it came from.
    pub device: Option<[u8; 32]>,
}

impl Looked {
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// The stored hash of whoever this is; for everybody else the hasher has one of nobody's.
    pub fn password_hash(&self) -> Option<String> {
        match &self.known {
            Some(Known::Customer(known)) => Some(known.password_hash.clone()),
            Some(Known::Staff(known)) => Some(known.password_hash.clone()),
            None => None,
        }
    }

    fn principal(&self) -> Option<PrincipalRef> {
        match &self.known {
            Some(Known::Customer(known)) => Some(PrincipalRef::Customer(known.id)),
            Some(Known::Staff(known)) => Some(PrincipalRef::Staff(known.id)),
            None => None,
        }
    }

    fn resource(&self) -> String {
        self.principal().map_or_else(|| "unknown".to_owned(), |who| who.to_string())
    }
}

/// Reads whose e-mail this is.
pub fn look(tx: &mut Tx<'_>, tools: &Tools, entrance: &Entrance) -> Result<Looked, DbError> {
    // What is no e-mail address is nobody's.
    let email: Option<Email> = entrance.email.parse().ok();
    let known = match (entrance.realm, &email) {
        (Realm::Customer, Some(email)) => {
            customers::credentials(tx, tools, email)?.map(Known::Customer)
        }
        (Realm::Staff, Some(email)) => staff::credentials(tx, email)?.map(Known::Staff),
        (Realm::Customer | Realm::Staff, None) => None,
    };
    let mut looked = Looked {
        known,
        device: None,
        password: Counter::password(tools, entrance.realm, &entrance.email, None),
        is_locked: false,
    };
    let token = entrance.device_token.as_deref();
    looked.device = attempts::known_device(tx, looked.principal().as_ref(), token)?;
    looked.password = Counter::password(tools, entrance.realm, &entrance.email, looked.device);
    looked.is_locked = attempts::looks_locked(tx, tools, &looked.password)?;
    Ok(looked)
}

/// Records a sign-in that met a lock. None: the lock is over since the snapshot.
pub fn refuse_locked_in(
    tx: &mut Tx<'_>,
    act: &Act,
    looked: &Looked,
    email: &str,
) -> Result<Option<Locked>, DbError> {
    let locked = attempts::lock_of_in(tx, act, &looked.password)?;
    if locked.is_some() {
        record_failure(tx, act, looked, (email, Code::LockedOut))?;
    }
    Ok(locked)
}

/// Counts and records a wrong password. Where the counter was locked meanwhile, by guesses beside this one, that is
/// what is told: whether this guess was right is not.
pub fn fail_in(
    tx: &mut Tx<'_>,
    act: &Act,
    looked: &Looked,
    email: &str,
) -> Result<Option<Locked>, DbError> {
    let who = looked.principal();
    let locked = attempts::fail_in(tx, act, (&looked.password, who.as_ref()))?;
    let code = if locked.is_some() { Code::LockedOut } else { Code::InvalidCredentials };
    record_failure(tx, act, looked, (email, code))?;
    Ok(locked)
}

/// Goes on after a right password: to a challenge where there is a second factor, else to a session. `upgraded` is a
/// new hash of the same password.
pub fn pass_in(
    tx: &mut Tx<'_>,
    act: &Act,
    looked: &Looked,
    (email, upgraded): (&str, Option<&str>),
    opening: &Opening,
) -> Result<Passed, DbError> {
    let confirmed = match &looked.known {
        Some(Known::Customer(known)) => customers::confirm_in(tx, act, known, upgraded)?,
        Some(Known::Staff(known)) => staff::confirm_in(tx, act, known, upgraded)?,
        None => Confirmed::Changed,
    };
    let Some(principal) = looked.principal().filter(|_| confirmed != Confirmed::Changed) else {
        return Ok(Passed::Changed);
    };
    if let Some(locked) = attempts::locked_in(tx, act, &principal, looked.device)? {
        record_failure(tx, act, looked, (email, Code::LockedOut))?;
        return Ok(Passed::Locked(locked));
    }
    // After the lock, which hides from everybody whether the password was right; and only to who knows it.
    if confirmed == Confirmed::Inactive {
        let refusal = OpenRefusal::Gate(GateRefusal::Inactive);
        record_failure(tx, act, looked, (email, refusal.code()))?;
        return Ok(Passed::Refused(refusal));
    }
    let entering = match principal {
        PrincipalRef::Staff(id) => renewal::entering_in(tx, act, &id)?,
        PrincipalRef::Customer(_) => Entering::Plainly,
    };
    if entering == Entering::Late {
        let refusal = OpenRefusal::Gate(GateRefusal::Inactive);
        record_failure(tx, act, looked, (email, refusal.code()))?;
        return Ok(Passed::Refused(refusal));
    }
    attempts::succeed_in(tx, &looked.password)?;
    if let (PrincipalRef::Staff(id), Entering::Renewing(what)) = (principal, entering) {
        let asked = renewal::ask_in(tx, act, (&id, what), looked.device)?;
        return Ok(Passed::Renewal(Box::new(asked)));
    }
    let has_second_step = match principal {
        PrincipalRef::Staff(_) => true,
        PrincipalRef::Customer(id) => !factors::offered(tx, act, &id, Purpose::SignIn)?.is_empty(),
    };
    if has_second_step {
        let question = Question {
            purpose: Purpose::SignIn,
            session: None,
            device: looked.device,
            factor: None,
            binding: None,
            text: None,
        };
        return Ok(Passed::Challenge(challenges::ask_in(tx, act, principal, &question)?));
    }
    let complete = Complete { principal, device: looked.device };
    Ok(match open_in(tx, act, &complete, opening)? {
        Ok(signed_in) => Passed::Open(Box::new(signed_in)),
        Err(refusal) => Passed::Refused(refusal),
    })
}

/// Opens the session of a complete sign-in and notes the device. A new device gets a token, by which wrong tries of
/// strangers are told from its own, and its holder a mail.
pub fn open_in(
    tx: &mut Tx<'_>,
    act: &Act,
    complete: &Complete,
    opening: &Opening,
) -> Result<Result<SignedIn, OpenRefusal>, DbError> {
    let Complete { principal, device: known_device } = *complete;
    let (device, device_token) = attempts::remember_device_in(tx, act, &principal, known_device)?;
    let opening = Opening { known_device, device: Some(device), ..*opening };
    let opened = super::open_in(tx, act, principal, &opening)?;
    if opened.is_ok() && device_token.is_some() {
        attempts::tell_of_new_device_in(tx, act, &principal)?;
    }
    if let (PrincipalRef::Staff(id), Ok(_)) = (&principal, &opened) {
        staff::note_sign_in(tx, act, id)?;
    }
    Ok(opened.map(|opened| SignedIn { principal, opened, device_token }))
}

fn record_failure(
    tx: &mut Tx<'_>,
    act: &Act,
    looked: &Looked,
    (email, code): (&str, Code),
) -> Result<(), DbError> {
    let email = email.trim().to_ascii_lowercase();
    let after = json!({ "email": events::hashed(&act.tools, "email", &email) });
    let action = "session.sign_in_failed";
    events::record(tx, act, action, &looked.resource(), code.as_str(), Some(&after))
}
