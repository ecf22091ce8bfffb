//! Customers: registration, what they are shown of themselves, and the password they sign in with.
//!
//! E-mail, name, phone and government id are sealed columns; the blind indexes find them exactly as
//! typed (after normalising) or not at all, a name by whole words ([`names`]). Whether an e-mail is known shows nowhere: the answers are
//! alike and so is the work behind them. Passwords are hashed in [`hashing`], outside transactions.

pub mod api;
pub(crate) mod erasure;
pub mod hashing;
pub(crate) mod job;
pub mod model;
pub mod names;
mod reindex;
pub mod search;
pub mod standing;
mod store;

use ::store::{DbError, Tx};
use money::{CustomerId, Timestamp};
use serde_json::json;

use self::model::{Customer, Email, GovernmentId, Phone};
use crate::bank::{Act, Tools};
use crate::http::{Code, Problem};
use crate::sessions::model::PrincipalRef;
use crate::{events, factors, keys, protections, sessions};

pub use self::reindex::{indexes_behind, move_indexes_in};
pub use self::search::{SearchKey, search};

/// Somebody who is a customer, or was one and is erased.
#[derive(Clone)]
pub enum Known {
    Here(Customer),
    Erased(Erased),
}

/// What is left of a customer whose person was erased.
#[derive(Debug, Clone, Copy)]
pub struct Erased {
    pub id: CustomerId,
    pub created_at: Timestamp,
    pub erased_at: Timestamp,
}

impl Known {
    pub fn id(&self) -> CustomerId {
        match self {
            Self::Here(customer) => customer.id,
            Self::Erased(erased) => erased.id,
        }
    }

    /// The customer; refuses `customer_erased` where there is nobody any more.
    pub fn here(self) -> Result<Customer, Problem> {
        match self {
            Self::Here(customer) => Ok(customer),
            Self::Erased(_) => Err(Problem::new(Code::CustomerErased)),
        }
    }
}

/// Who wants to be a customer.
#[derive(Clone)]
pub struct Registration {
    pub email: Email,
    pub full_name: String,
    pub phone: Option<Phone>,
    pub government_id: Option<GovernmentId>,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// Where the e-mail was known this is nobody's, to be shown all the same.
    pub id: CustomerId,
    pub is_new: bool,
}

/// What a password is verified against.
#[derive(Clone)]
pub struct Credentials {
    pub id: CustomerId,
    pub is_active: bool,
    pub password_hash: String,
}

/// Whose an e-mail address is.
#[derive(Debug, Clone, Copy)]
pub struct Addressee {
    pub id: CustomerId,
    pub is_active: bool,
    /// Whether they have shown that they read it.
    pub is_proven: bool,
}

/// What a verified password is worth in the transaction of the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    Yes,
    /// It is right, and the bank has locked or disabled its holder.
    Inactive,
    /// It is not theirs any more.
    Changed,
}

impl Confirmed {
    pub fn of(is_active: bool, has_hash: bool) -> Self {
        match (has_hash, is_active) {
            (true, true) => Self::Yes,
            (true, false) => Self::Inactive,
            (false, _) => Self::Changed,
        }
    }
}

/// Registers a customer, or leaves a trace with the one who has this e-mail already. `password_hash` is
/// made before the transaction in both cases.
pub fn register_in(
    tx: &mut Tx<'_>,
    act: &Act,
    wanted: &Registration,
    password_hash: &str,
) -> Result<Registered, DbError> {
    let id = act.id();
    keys::admit_index_in(tx, act)?;
    let is_new = store::insert(tx, act, &id, wanted, password_hash)?;
    let after = traces(&act.tools, wanted);
    if is_new {
        let words = names::indexes(&act.tools, &names::words(&wanted.full_name));
        store::insert_words(tx, &id, &words)?;
        let resource = id.to_string();
        events::record(tx, act, "customer.registered", &resource, "done", Some(&after))?;
    } else {
        let known = store::id_by_email(tx, &act.tools, &wanted.email)?
            .ok_or_else(|| DbError::Corrupt("a known e-mail is nobody's".to_owned()))?;
        let (action, resource) = ("customer.registration_repeated", known.to_string());
        events::record(tx, act, action, &resource, "email_known", Some(&after))?;
    }
    Ok(Registered { id, is_new })
}

/// None where there is nobody, or nobody any more.
pub fn get(tx: &mut Tx<'_>, tools: &Tools, id: &CustomerId) -> Result<Option<Customer>, DbError> {
    store::get(tx, tools, id)
}

/// A customer, or what is left of one. None where there never was anybody.
pub fn known(tx: &mut Tx<'_>, tools: &Tools, id: &CustomerId) -> Result<Option<Known>, DbError> {
    store::known(tx, tools, id)
}

/// What an operator is told of a customer besides who they are: kinds of their second factors, live sessions, and
/// whether they have stopped all that goes out.
pub struct Profile {
    pub customer: Known,
    pub factors: Vec<factors::model::Kind>,
    pub sessions: usize,
    pub outgoing_stopped: bool,
}

/// A customer as operators look at them. None where there is nobody.
pub fn profile(tx: &mut Tx<'_>, act: &Act, id: &CustomerId) -> Result<Option<Profile>, DbError> {
    let Some(customer) = store::known(tx, &act.tools, id)? else { return Ok(None) };
    let (who, rules) = (PrincipalRef::Customer(*id), &act.tools.config().sessions);
    Ok(Some(Profile {
        customer,
        factors: factors::active_kinds(tx, id)?,
        sessions: sessions::list(tx, &who, act.now, rules)?.len(),
        outgoing_stopped: protections::is_outgoing_stopped(tx, id)?,
    }))
}

/// A customer unmasked, for a purpose that stands in the event. Refuses, in order: `not_found`, `customer_erased`.
pub fn reveal_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    purpose: &str,
) -> Result<Result<Customer, Problem>, DbError> {
    let known = store::known(tx, &act.tools, id)?;
    let customer = match known.ok_or_else(|| Problem::new(Code::NotFound)).and_then(Known::here) {
        Ok(customer) => customer,
        Err(problem) => return Ok(Err(problem)),
    };
    let after = json!({ "purpose": purpose });
    events::record(tx, act, "customer.revealed", &id.to_string(), "done", Some(&after))?;
    Ok(Ok(customer))
}

pub fn credentials(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<Credentials>, DbError> {
    store::credentials(tx, tools, email)
}

/// The same of a customer who is signed in.
pub fn credentials_of(tx: &mut Tx<'_>, id: &CustomerId) -> Result<Option<Credentials>, DbError> {
    store::credentials_of(tx, id)
}

/// Whose e-mail this is; their row is locked.
pub fn lock_by_email(
    tx: &mut Tx<'_>,
    tools: &Tools,
    email: &Email,
) -> Result<Option<Addressee>, DbError> {
    store::lock_by_email(tx, tools, email)
}

/// Whether a customer may do things; their row is locked.
pub fn lock_active(tx: &mut Tx<'_>, id: &CustomerId) -> Result<bool, DbError> {
    Ok(store::lock_standing(tx, id)? == Some(standing::Standing::Active))
}

/// Notes that a customer reads their address; false where that was known.
pub fn prove_email_in(tx: &mut Tx<'_>, act: &Act, id: &CustomerId) -> Result<bool, DbError> {
    store::prove_email(tx, id, act.now)
}

/// Replaces the password of an active customer whose old hash is this one; false where it is not, any
/// more. The caller ends sessions and records.
pub fn set_password_in(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &CustomerId,
    (old, new): (&str, &str),
) -> Result<bool, DbError> {
    store::set_password(tx, id, (old, new), act.now)
}

/// Takes a verified password into the transaction of the sign-in: the customer may have been disabled or
/// the password changed since it was verified. `upgraded` is a new hash of the same password.
pub fn confirm_in(
    tx: &mut Tx<'_>,
    act: &Act,
    verified: &Credentials,
    upgraded: Option<&str>,
) -> Result<Confirmed, DbError> {
    let confirmed = store::confirm_hash(tx, &verified.id, &verified.password_hash)?;
    if confirmed != Confirmed::Yes {
        return Ok(confirmed);
    }
    if let Some(new) = upgraded
        && store::replace_hash(tx, &verified.id, &verified.password_hash, new)?
    {
        let resource = verified.id.to_string();
        events::record(tx, act, "customer.password_hash_upgraded", &resource, "done", None)?;
    }
    Ok(Confirmed::Yes)
}

/// What the events of a registration keep: keyed hashes.
fn traces(tools: &Tools, wanted: &Registration) -> serde_json::Value {
    let hashed = |field, value: &str| events::hashed(tools, field, value);
    json!({
        "email": hashed("email", wanted.email.as_str()),
        "full_name": hashed("full_name", &wanted.full_name),
        "phone": wanted.phone.as_ref().map(|p| hashed("phone", p.as_str())),
        "government_id":
            wanted.government_id.as_ref().map(|g| hashed("government_id", g.as_str())),
    })
}
