//! What a customer is: normalised addresses, and what is shown of them.
//!
//! Each of [`Email`], [`Phone`] and [`GovernmentId`] has one spelling, so that a blind index finds it
//! whichever way it was typed. Parsing is strict: what it takes is ASCII and short. Pure.

use std::str::FromStr;

use money::{CustomerId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::standing::Standing;

/// An e-mail address in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

/// A telephone number in E.164: `+` and 7 to 15 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone(String);

/// A number that a state gave its citizen: 6 to 20 capitals and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernmentId(String);

/// The text is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// A customer as the bank knows them, its sealed fields opened.
#[derive(Clone)]
pub struct Customer {
    pub id: CustomerId,
    pub standing: Standing,
    pub email: Email,
    /// Whether the customer has shown that they read it.
    pub email_verified: bool,
    pub full_name: String,
    pub phone: Option<Phone>,
    pub government_id: Option<GovernmentId>,
    pub created_at: Timestamp,
}

/// The answer to a registration.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisteredCustomer)]
pub struct RegisteredView {
    pub id: String,
    /// In lower case.
    pub email: String,
    pub full_name: String,
    /// E.164.
    pub phone: Option<String>,
    pub created_at: String,
}

/// A customer as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerView {
    pub id: String,
    pub email: String,
    /// Whether the address is proven: only then a lost password can be reset by mail.
    pub email_verified: bool,
    pub full_name: String,
    /// All but the last four digits masked.
    pub phone: Option<String>,
    /// All but the last two characters masked.
    pub government_id: Option<String>,
    pub created_at: String,
}

/// Octets of a whole address (RFC 5321 §4.5.3.1.3, less the angle brackets).
pub(crate) const MAX_EMAIL_BYTES: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;
/// RFC 1035 §2.3.4.
const MAX_LABEL_BYTES: usize = 63;
/// Shown of a phone number, at its end.
const PHONE_SHOWN: usize = 4;
/// Shown of a government id, at its end.
const GOVERNMENT_ID_SHOWN: usize = 2;

impl FromStr for Email {
    type Err = Invalid;

    /// Dot-atom and domain of RFC 5322 §3.4.1, in ASCII, with a dot in the domain: no quotes, no
    /// comments, no address literals. White space around it is dropped.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.len() > MAX_EMAIL_BYTES {
            return Err(Invalid);
        }
        let (local, domain) = text.split_once('@').ok_or(Invalid)?;
        let local_valid = local.len() <= MAX_LOCAL_BYTES
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        let domain_valid = domain.contains('.') && domain.split('.').all(is_label);
        if local_valid && domain_valid { Ok(Self(text.to_ascii_lowercase())) } else { Err(Invalid) }
    }
}

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `a***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = local.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

impl FromStr for Phone {
    type Err = Invalid;

    /// Spaces and dashes are dropped.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let compact = without_separators(text);
        let digits = compact.strip_prefix('+').ok_or(Invalid)?;
        let valid = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if valid { Ok(Self(compact)) } else { Err(Invalid) }
    }
}

impl Phone {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `+********3210`.
    pub fn masked(&self) -> String {
        let digits = self.0.strip_prefix('+').unwrap_or(&self.0);
        format!("+{}", masked_but_last(digits, PHONE_SHOWN))
    }
}

impl FromStr for GovernmentId {
    type Err = Invalid;

    /// Spaces and dashes are dropped, letters become capitals.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let compact = without_separators(text).to_ascii_uppercase();
        let valid = (6..=20).contains(&compact.len())
            && compact.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if valid { Ok(Self(compact)) } else { Err(Invalid) }
    }
}

impl GovernmentId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn masked(&self) -> String {
        masked_but_last(&self.0, GOVERNMENT_ID_SHOWN)
    }
}

impl From<&Customer> for CustomerView {
    fn from(customer: &Customer) -> Self {
        Self {
            id: customer.id.to_string(),
            email: customer.email.as_str().to_owned(),
            email_verified: customer.email_verified,
            full_name: customer.full_name.clone(),
            phone: customer.phone.as_ref().map(Phone::masked),
            government_id: customer.government_id.as_ref().map(GovernmentId::masked),
            created_at: customer.created_at.to_string(),
        }
    }
}

/// `atext` of RFC 5322 §3.2.3.
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A host name's label (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn without_separators(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

/// ASCII in, ASCII out.
fn masked_but_last(text: &str, shown: usize) -> String {
    let (hidden, tail) = text.split_at(text.len().saturating_sub(shown));
    format!("{}{tail}", "*".repeat(hidden.len()))
}

#[cfg(test)]
mod tests;
