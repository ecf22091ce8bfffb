//! What the events say of each account against what its row says: owner, currency, overdraft, status
//! and limits. No sum notices when one of these is changed, and each of them is worth money.
//!
//! Pure. The changes of an account form a path: each event leads from its `before` to its `after`. The
//! state that is entered once more than it is left is the last one, in whichever order the rows of two
//! nodes come. Cost: a lookup for each event about an account; some 150 bytes an account.

use std::collections::HashMap;
use std::fmt::Debug;

use ledger::{AccountStatus, BalancePolicy, Limits};
use money::AccountId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::log::LoggedEvent;
use super::model::{Finding, Step, StoredAccount};
use crate::accounts::model::status_name;

#[derive(Default)]
pub struct Standings(HashMap<AccountId, Standing>);

struct Standing {
    stored: StoredAccount,
    opened: Option<Opened>,
    statuses: Path<String>,
    limits: Path<LimitsSaid>,
}

/// How often each state was entered, less how often it was left; nought is not kept.
struct Path<T>(Vec<(T, i64)>);

/// What `account.opened` says.
#[derive(Deserialize)]
struct Opened {
    owner: Option<String>,
    currency: String,
    /// Absent: none was agreed.
    #[serde(default)]
    overdraft_limit: i64,
}

/// What a change of standing says before and after.
#[derive(Deserialize)]
struct StatusSaid {
    status: String,
}

/// What `account.limited` says before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct LimitsSaid {
    per_transfer: Option<i64>,
    per_day: Option<i64>,
}

impl Standings {
    /// Takes an account; all of them come first.
    pub fn add(&mut self, stored: &StoredAccount) {
        let standing = Standing {
            stored: *stored,
            opened: None,
            statuses: Path(vec![(status_name(AccountStatus::Open).to_owned(), 1)]),
            limits: Path(vec![(said(Limits::default()), 1)]),
        };
        self.0.insert(stored.account.id, standing);
    }

    /// Takes an event, in any order.
    pub fn follow(&mut self, event: &LoggedEvent) -> Step {
        if event.outcome != "done" || !event.action.starts_with("account.") {
            return Ok(());
        }
        let found = event.resource.parse().ok().and_then(|id: AccountId| self.0.get_mut(&id));
        let Some(standing) = found else {
            return Err(
                Finding::new("events", event.id, "the account it is about", "no such row").into()
            );
        };
        let (before, after) = (&event.before, &event.after);
        match event.action.as_str() {
            "account.opened" => standing.opened = Some(read(event, after.as_deref())?),
            "account.frozen" | "account.unfrozen" | "account.closed" => {
                let (before, after) =
                    (read(event, before.as_deref())?, read(event, after.as_deref())?);
                let (StatusSaid { status: before }, StatusSaid { status: after }) = (before, after);
                standing.statuses.step(before, after);
            }
            "account.limited" => {
                standing
                    .limits
                    .step(read(event, before.as_deref())?, read(event, after.as_deref())?);
            }
            _ => {} // says nothing of these
        }
        Ok(())
    }

    /// After the last event: the finding about the account with the lowest id.
    pub fn finish(&self) -> Step {
        let wrong = self.0.values().filter_map(|standing| standing.check().err());
        let first = wrong.min_by(|a, b| a.id.cmp(&b.id));
        first.map_or(Ok(()), |finding| Err(finding.into()))
    }
}

impl Standing {
    fn check(&self) -> Result<(), Finding> {
        let account = &self.stored.account;
        let differs = |what: &str, logged: &dyn Debug, found: &dyn Debug| {
            let expected = format!("{what} {logged:?}, as the events say");
            Err(Finding::new("accounts", account.id, expected, format!("{found:?}")))
        };
        // Whether there is such an event at all is asked in `books`.
        if let Some(opened) = &self.opened {
            let owner = self.stored.owner.map(|owner| owner.to_string());
            if opened.owner != owner {
                return differs("owner", &opened.owner, &owner);
            }
            if opened.currency != account.currency.code() {
                return differs("currency", &opened.currency, &account.currency.code());
            }
            if let BalancePolicy::Bounded { overdraft_limit } = account.policy
                && opened.overdraft_limit != overdraft_limit
            {
                return differs("overdraft_limit", &opened.overdraft_limit, &overdraft_limit);
            }
        }
        let status = status_name(account.status);
        if self.statuses.last().is_none_or(|last| last != status) {
            return differs("status", &self.statuses.last(), &status);
        }
        let limits = said(account.limits);
        if self.limits.last() != Some(&limits) {
            return differs("limits", &self.limits.last(), &limits);
        }
        Ok(())
    }
}

impl<T: PartialEq> Path<T> {
    fn step(&mut self, before: T, after: T) {
        self.count(before, -1);
        self.count(after, 1);
    }

    fn count(&mut self, state: T, by: i64) {
        match self.0.iter_mut().find(|(known, _)| *known == state) {
            Some((_, times)) => *times = times.saturating_add(by),
            None => self.0.push((state, by)),
        }
        self.0.retain(|(_, times)| *times != 0);
    }

    /// None where the events do not follow one another.
    fn last(&self) -> Option<&T> {
        match self.0.as_slice() {
            [(state, 1)] => Some(state),
            _ => None,
        }
    }
}

fn read<T: DeserializeOwned>(event: &LoggedEvent, text: Option<&str>) -> Result<T, Finding> {
    let parsed = text.and_then(|text| serde_json::from_str(text).ok());
    parsed.ok_or_else(|| {
        let expected = format!("what an `{}` says", event.action);
        Finding::new("events", event.id, expected, "something else")
    })
}

fn said(limits: Limits) -> LimitsSaid {
    LimitsSaid { per_transfer: limits.per_transfer, per_day: limits.per_day }
}
