//! Whether a payee's name is that of the account's holder, before anything is paid (the "verification of payee" of
//! Regulation (EU) 2024/886, Art 5c).
//!
//! It is an oracle, so: tightly limited (its class of rate limits), each use an event, and an account that is not
//! there answers as one of somebody else's does. So who tries numbers learns no more here than a wrong name
//! teaches, with the same work behind it; whoever mistypes a number is warned all the same. Only a close match
//! tells anything of the name: the first letters.

use ::store::{DbError, Tx};
use money::CustomerId;
use serde_json::json;

use super::model::Named;
use super::names::{self, Likeness};
use super::store;
use crate::bank::Act;
use crate::customers::Known;
use crate::{customers, events};

/// What is told of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Match,
    /// With the first letters of the holder's name.
    Close(String),
    NoMatch,
    /// There was nothing to compare.
    NotChecked,
}

impl Checked {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Close(_) => "close_match",
            Self::NoMatch => "no_match",
            Self::NotChecked => "not_checked",
        }
    }
}

/// Compares a name with that of the account's holder, and records it.
pub fn check_in(
    tx: &mut Tx<'_>,
    act: &Act,
    asker: &CustomerId,
    (account, name): (&Named, &str),
) -> Result<Checked, DbError> {
    let mut found = store::find_account(tx, account)?;
    // Of nobody's account one's own name is read: the work is the same.
    let mut holder = known(tx, act, found.as_ref().map_or(asker, |(_, owner)| owner))?;
    if let Known::Erased(_) = holder {
        // Who is erased has no name to compare.
        found = None;
        holder = known(tx, act, asker)?;
    }
    let Known::Here(customer) = holder else {
        return Err(DbError::Corrupt(format!("{asker} is erased and signed in")));
    };
    let likeness = names::compare(name, &customer.full_name);
    let checked = match (likeness, found.is_some()) {
        (Likeness::Nothing, _) => Checked::NotChecked,
        (_, false) | (Likeness::None, true) => Checked::NoMatch,
        (Likeness::Match, true) => Checked::Match,
        (Likeness::Close, true) => Checked::Close(names::masked(&customer.full_name)),
    };
    let after = json!({
        "account": found.map(|(found, _)| found.account.to_string()),
        "name": events::hashed(&act.tools, "payee.name", name),
        "result": checked.as_str(),
    });
    events::record(tx, act, "payee.checked", &asker.to_string(), "done", Some(&after))?;
    Ok(checked)
}

fn known(tx: &mut Tx<'_>, act: &Act, id: &CustomerId) -> Result<Known, DbError> {
    customers::known(tx, &act.tools, id)?
        .ok_or_else(|| DbError::Corrupt(format!("{id} is a customer and is not there")))
}
