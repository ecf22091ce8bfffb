//! Wrong tries: counters in the database, locks, and the devices that somebody signs in from.
//!
//! A counter is for one subject (an e-mail's password, or a principal's second factor) and one device; all
//! unknown devices together are one. So a stranger who guesses locks the unknown devices and not the
//! customer's own (OWASP ASVS 5.0, 6.1.1 and 6.3.1), and wrong passwords do not lock the factor nor the other
//! way round. The subject is a keyed hash of the e-mail, known or not: what is nobody's counts and locks
//! like what is somebody's. After the profile's number of failures everything is refused for the profile's time,
//! right answers too; then counting begins anew. A right answer clears its own counter.
//!
//! A row is locked while it is changed, so that of many tries at once each counts. Time is looked at with
//! care: a clock that was set back restarts the lock that it finds, once, instead of lengthening it by what it
//! was set back.
//!
//! Every way to a token asks [`locked_in`]. What this module never does: count what was not a guess (a session
//! cap, a full server), forget at a restart, or end a session: whoever types wrong passwords would sign out
//! whom they like. An operator's lock is another one, which ends all of them (`customers::standing`).

pub mod model;
mod store;

use ::store::{DbError, Tx};
use serde_json::json;
use vault::{SecretString, random_token, token_hash};

use self::model::Standing;
pub use self::model::{Counter, Kind, Locked, Realm};
use crate::bank::{Act, Tools};
use crate::customers;
use crate::events;
use crate::http::Code;
use crate::outbox::{self, Channel, Notice};
use crate::sessions::model::PrincipalRef;
use crate::staff;

/// Devices kept per principal; the one that was not seen for longest gives way. More would be a program that
/// does not keep its token.
const MAX_DEVICES: i64 = 20;

/// New devices in any day that somebody is told of.
const TOLD_A_DAY: i64 = 5;
const DAY_SECONDS: i64 = 86_400;

/// Whether a counter is locked, from one snapshot. A look that decides nothing: whoever goes on looks again in
/// the transaction that does ([`lock_of_in`]).
pub fn looks_locked(tx: &mut Tx<'_>, tools: &Tools, counter: &Counter) -> Result<bool, DbError> {
    let row = store::get(tx, counter)?;
    Ok(row.is_some_and(|row| row.standing(tools.now()) != Standing::Open))
}

/// The lock of a counter, if it has one.
pub fn lock_of_in(
    tx: &mut Tx<'_>,
    act: &Act,
    counter: &Counter,
) -> Result<Option<Locked>, DbError> {
    store::adopt(tx, counter)?;
    let Some(row) = store::lock(tx, counter)? else { return Ok(None) };
    match row.standing(act.now) {
        Standing::Open => Ok(None),
        Standing::Locked(locked) => Ok(Some(locked)),
        Standing::Restarted(restarted, locked) => {
            store::save(tx, counter, &restarted)?;
            Ok(Some(locked))
        }
    }
}

/// The longest lock that stands between a principal on a device (none: an unknown one) and a token, whether by
/// wrong passwords or by wrong second factors.
pub fn locked_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &PrincipalRef,
    device: Option<[u8; 32]>,
) -> Result<Option<Locked>, DbError> {
    let mut longest = None;
    // In the order of the primary key, as the rows are locked.
    if let Some(password) = password_counter(tx, &act.tools, who, device)? {
        longest = lock_of_in(tx, act, &password)?;
    }
    let factor = lock_of_in(tx, act, &Counter::factor(&act.tools, who, device))?;
    Ok(longest.max(factor))
}

/// The counter of somebody's password on a device: the one that sign-in counts for. None: they are nobody.
pub fn password_counter(
    tx: &mut Tx<'_>,
    tools: &Tools,
    who: &PrincipalRef,
    device: Option<[u8; 32]>,
) -> Result<Option<Counter>, DbError> {
    let email = email_of(tx, tools, who)?;
    Ok(email.map(|email| Counter::password(tools, Realm::of(who), email.expose(), device)))
}

/// Counts a wrong try; with the last one that the rule allows the counter locks, and `who` is told once. What
/// comes while it is locked neither counts nor lengthens the lock, which is given back: whether that try was
/// right must not be told.
pub fn fail_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (counter, who): (&Counter, Option<&PrincipalRef>),
) -> Result<Option<Locked>, DbError> {
    let rule = act.tools.config().sessions.lockout;
    store::adopt(tx, counter)?;
    // Of many first tries at once each is to find a row that it can lock.
    store::ensure(tx, counter, act.now)?;
    if let Some(locked) = lock_of_in(tx, act, counter)? {
        return Ok(Some(locked));
    }
    let row = store::get(tx, counter)?
        .ok_or_else(|| DbError::Corrupt("a counter that was just made is gone".to_owned()))?;
    let counted = row.failed(act.now, rule);
    store::save(tx, counter, &counted)?;
    if counted.locked_until.is_some() {
        locked(tx, act, (counter, who), counted.failures)?;
    }
    Ok(None)
}

/// A right answer: what was counted before it is forgotten.
pub fn succeed_in(tx: &mut Tx<'_>, counter: &Counter) -> Result<(), DbError> {
    store::clear(tx, counter)
}

/// Who has set a new password is not kept out by wrong tries at the old one, from whatever device.
pub fn forgive_password_in(
    tx: &mut Tx<'_>,
    tools: &Tools,
    realm: Realm,
    email: &str,
) -> Result<(), DbError> {
    store::clear_devices(tx, &Counter::password(tools, realm, email, None))
}

/// Who has another second factor is not kept out by wrong codes of the old one, from whatever device.
pub fn forgive_factor_in(
    tx: &mut Tx<'_>,
    tools: &Tools,
    who: &PrincipalRef,
) -> Result<(), DbError> {
    store::clear_devices(tx, &Counter::factor(tools, who, None))
}

/// Removes what was counted for a customer, and the devices they came from.
pub fn erase_in(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (who, email): (&PrincipalRef, &str),
) -> Result<(), DbError> {
    forgive_password_in(tx, tools, Realm::of(who), email)?;
    forgive_factor_in(tx, tools, who)?;
    store::erase_devices(tx, who)
}

/// The hash of a device's token where this principal signed in from that device before. The work is the same
/// for nobody.
pub fn known_device(
    tx: &mut Tx<'_>,
    who: Option<&PrincipalRef>,
    token: Option<&str>,
) -> Result<Option<[u8; 32]>, DbError> {
    let Some(token) = token else { return Ok(None) };
    let hash = token_hash(token);
    let nobody = [0; 16];
    let principal = who.map_or(&nobody, PrincipalRef::bytes);
    Ok(store::has_device(tx, principal, &hash)?.then_some(hash))
}

/// Notes where somebody has signed in. Gives the device's hash, and where the device is new the token that it
/// keeps.
pub fn remember_device_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &PrincipalRef,
    known: Option<[u8; 32]>,
) -> Result<([u8; 32], Option<SecretString>), DbError> {
    if let Some(device) = known
        && store::touch_device(tx, who, &device, act.now)?
    {
        return Ok((device, None));
    }
    let token = random_token(act.tools.rng());
    let device = token_hash(token.expose());
    store::insert_device(tx, who, &device, act.now)?;
    let forgotten = store::trim_devices(tx, who, MAX_DEVICES)?;
    forget_counters(tx, &act.tools, who, &forgotten)?;
    Ok((device, Some(token)))
}

/// Tells somebody that they were signed in on a device that was not known, in the transaction that opens the session.
/// The first device is no news, and of the [`TOLD_A_DAY`]th in a day on it is not told any more: a program that
/// does not keep its token is a device anew each time, and whoever guesses may not fill a mailbox.
pub fn tell_of_new_device_in(
    tx: &mut Tx<'_>,
    act: &Act,
    who: &PrincipalRef,
) -> Result<(), DbError> {
    let (all, of_today) = store::count_devices(tx, who, act.now.plus_seconds(-DAY_SECONDS))?;
    if all <= 1 || of_today > TOLD_A_DAY {
        return Ok(());
    }
    let notice = Notice {
        purpose: "new_device",
        subject: "A sign-in from a new device",
        text: model::new_device(act.origin.address()),
    };
    tell(tx, act, who, &notice)
}

/// A device that is forgotten counts as an unknown one from now on. Its own counters go with it, so that a subject has
/// no more of them than it has devices.
fn forget_counters(
    tx: &mut Tx<'_>,
    tools: &Tools,
    who: &PrincipalRef,
    devices: &[[u8; 32]],
) -> Result<(), DbError> {
    if devices.is_empty() {
        return Ok(());
    }
    let email = email_of(tx, tools, who)?;
    for device in devices {
        if let Some(email) = &email {
            let realm = Realm::of(who);
            store::clear(tx, &Counter::password(tools, realm, email.expose(), Some(*device)))?;
        }
        store::clear(tx, &Counter::factor(tools, who, Some(*device)))?;
    }
    Ok(())
}

/// The e-mail that somebody signs in with, in its one spelling.
fn email_of(
    tx: &mut Tx<'_>,
    tools: &Tools,
    who: &PrincipalRef,
) -> Result<Option<SecretString>, DbError> {
    match who {
        PrincipalRef::Customer(id) => {
            let customer = customers::get(tx, tools, id)?;
            Ok(customer.map(|known| SecretString::new(known.email.as_str().to_owned())))
        }
        PrincipalRef::Staff(id) => Ok(staff::email(tx, id)?.map(SecretString::new)),
    }
}

/// Records a lock and tells the one whose sign-in it is, in the transaction that locks.
fn locked(
    tx: &mut Tx<'_>,
    act: &Act,
    (counter, who): (&Counter, Option<&PrincipalRef>),
    failures: i64,
) -> Result<(), DbError> {
    let resource = who.map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let after = json!({
        "counter": counter.kind.as_str(),
        "failures": failures,
        "known_device": counter.is_known_device(),
    });
    let outcome = Code::LockedOut.as_str();
    events::record(tx, act, "session.locked", &resource, outcome, Some(&after))?;
    let notice = Notice {
        purpose: "sign_in_locked",
        subject: "Signing in is locked for a while",
        text: model::notice(counter, act.tools.config().sessions.lockout),
    };
    who.map_or(Ok(()), |who| tell(tx, act, who, &notice))
}

/// By e-mail, always.
fn tell(tx: &mut Tx<'_>, act: &Act, who: &PrincipalRef, notice: &Notice) -> Result<(), DbError> {
    match who {
        PrincipalRef::Customer(id) => outbox::notify_in(tx, act, id, notice),
        PrincipalRef::Staff(id) => {
            let Some(destination) = staff::email(tx, id)? else { return Ok(()) };
            outbox::notify_at_in(tx, act, (Channel::Email, destination.as_str()), notice)
        }
    }
}
