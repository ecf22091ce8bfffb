//! How the log does, as one node knows it: for health, figures and alerts.

use money::Timestamp;

use super::model::{CoveredRow, Facts};
use super::rules::Matches;
use super::window::{SLICE_MILLIS, start_of};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether this node writes the log.
    pub is_leader: bool,
    /// Leaves.
    pub size: u64,
    /// When the log was last looked after.
    pub looked_at: Option<Timestamp>,
    /// Rows that are known because they are young.
    pub young: usize,
    /// Milliseconds from the oldest row of the last append to its leaf.
    pub lag_ms: Option<i64>,
    /// Rows that were leaves and are gone: since when that is known, and of which time they were.
    pub missing: Option<(Timestamp, Timestamp)>,
    /// Leaves that the check that never ends has made again, and the bundle it goes on with.
    pub checked: u64,
    pub checked_to: u64,
    /// The first row that it has found wrong, and since when that is known.
    pub wrong: Option<(Timestamp, String)>,
    /// Since when checkpoints are kept nowhere but in the database, and why.
    pub outside_fails: Option<(Timestamp, String)>,
    /// Since when the witness has not signed the newest checkpoint, and why.
    pub witness_fails: Option<(Timestamp, String)>,
    /// Leaves of the newest checkpoint that the witness has signed.
    pub witnessed: u64,
    /// Since when the trail's collector does not take leaves, and why.
    pub trail_fails: Option<(Timestamp, String)>,
    /// Leaves that it has taken.
    pub sent: u64,
    /// What the rules have found among the leaves that this process has made.
    pub matches: Matches,
}

impl Status {
    pub(super) fn leads(&mut self, is_leader: bool) {
        self.is_leader = is_leader;
    }

    pub(super) fn reached(&mut self, size: u64, now: Timestamp, young: usize) {
        (self.size, self.looked_at, self.young) = (size, Some(now), young);
    }

    pub(super) fn appended(&mut self, rows: &[CoveredRow], now: Timestamp) {
        let oldest = rows.iter().map(|row| match &row.facts {
            Facts::Event(event) => event.at,
            Facts::Transfer(transfer) => transfer.posted_at,
        });
        let micros = oldest.min().map(|at| now.micros().saturating_sub(at));
        self.lag_ms = micros.map(|micros| micros / 1_000);
        self.matches.take(rows);
    }

    /// Somebody has removed rows that were leaves; said once for each time of theirs.
    pub(super) fn rows_are_missing(&mut self, slice: u64, now: Timestamp) {
        let millis = i64::try_from(slice.saturating_mul(SLICE_MILLIS)).unwrap_or(i64::MAX);
        let of = Timestamp::from_micros(millis.saturating_mul(1_000));
        if self.missing.is_none_or(|(_, known)| known != of) {
            let from = data_encoding::HEXLOWER.encode(&start_of(slice));
            tracing::error!(%of, from, "rows that are leaves of the log are gone; run exchequer verify");
            self.missing = Some((now, of));
        }
    }
}
