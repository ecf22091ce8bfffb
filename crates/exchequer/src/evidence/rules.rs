//! Rules that look through the trail by themselves: each event is held against all of them when it becomes a leaf.
//!
//! A row becomes a leaf once, on one node, so an event is counted once in the life of the bank, by whoever writes the log
//! then; Prometheus adds the nodes up and calls somebody (`deploy/monitoring/alerts.yml`). Pure. Cost: a few comparisons
//! a leaf. Never here: whose event it was; the trail has that.

use super::model::{CoveredRow, Facts};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An operator was refused something: no permission, a second operator who says no, a step-up that failed.
    OperatorRefused,
    /// Who is an operator, or may be one again, has changed.
    OperatorsChanged,
    /// A data key was made or ended by somebody.
    KeysChanged,
    /// The trail went out as a file.
    TrailTaken,
    /// The bank itself was replaced: another schema, or a copy of before.
    BankReplaced,
}

impl Rule {
    pub const ALL: [Self; 5] = [
        Self::OperatorRefused,
        Self::OperatorsChanged,
        Self::KeysChanged,
        Self::TrailTaken,
        Self::BankReplaced,
    ];

    /// The label of its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OperatorRefused => "operator_refused",
            Self::OperatorsChanged => "operators_changed",
            Self::KeysChanged => "keys_changed",
            Self::TrailTaken => "trail_taken",
            Self::BankReplaced => "bank_replaced",
        }
    }

    /// Whether an event is one of these.
    fn fits(self, (actor_kind, action, outcome): (&str, &str, &str)) -> bool {
        match self {
            Self::OperatorRefused => actor_kind == "staff" && outcome != "done",
            Self::OperatorsChanged => {
                matches!(action, "staff.created" | "staff.enabled" | "staff.disabled")
            }
            Self::KeysChanged => matches!(
                action,
                "data_key.rotated" | "data_key.destruction_approved" | "data_key.destroyed"
            ),
            Self::TrailTaken => action == "events.exported",
            Self::BankReplaced => {
                matches!(action, "schema.migrated" | "backup.restored" | "bank.moved")
            }
        }
    }
}

/// How many events have fitted each rule, in the order of [`Rule::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches([u64; Rule::ALL.len()]);

impl Matches {
    /// Takes rows that have just become leaves.
    pub fn take(&mut self, rows: &[CoveredRow]) {
        for row in rows {
            let Facts::Event(event) = &row.facts else { continue };
            let said = (&row.origin.actor_kind[..], &event.action[..], &event.outcome[..]);
            for (count, rule) in self.0.iter_mut().zip(Rule::ALL) {
                *count = count.saturating_add(u64::from(rule.fits(said)));
            }
        }
    }

    pub fn each(&self) -> impl Iterator<Item = (Rule, u64)> + '_ {
        Rule::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_own_and_nothing_else() {
        for (rule, fits, other) in [
            (
                Rule::OperatorRefused,
                ("staff", "access.refused", "forbidden"),
                ("customer", "transfer.refused", "insufficient_funds"),
            ),
            (
                Rule::OperatorsChanged,
                ("system", "staff.created", "done"),
                ("staff", "staff.signed_out", "done"),
            ),
            (
                Rule::KeysChanged,
                ("system", "data_key.destroyed", "done"),
                ("system", "data_key.resealed", "done"),
            ),
            (
                Rule::TrailTaken,
                ("staff", "events.exported", "done"),
                ("staff", "events.read", "done"),
            ),
            (
                Rule::BankReplaced,
                ("system", "backup.restored", "done"),
                ("system", "backup.made", "done"),
            ),
            (
                Rule::BankReplaced,
                ("system", "bank.moved", "done"),
                ("system", "process.started", "done"),
            ),
        ] {
            for each in Rule::ALL {
                assert_eq!(each.fits(fits), each == rule, "{each:?} {fits:?}");
                assert!(!each.fits(other), "{each:?} {other:?}");
            }
        }
    }
}
