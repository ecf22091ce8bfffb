//! How long what jobs delete is kept.

use crate::confirmations;

pub(super) const DAY_SECONDS: i64 = 86_400;

/// Seconds that an idempotency key's answer is kept.
pub const ANSWERS_KEPT: i64 = 30 * DAY_SECONDS;
/// Seconds after its expiry that a challenge is kept, so that a late answer is told the truth.
pub const CHALLENGES_KEPT: i64 = DAY_SECONDS;
/// Seconds after its session's end that a refresh token is kept.
pub const REFRESH_TOKENS_KEPT: i64 = 30 * DAY_SECONDS;
/// Seconds after its end that a session's row is kept.
pub const SESSIONS_KEPT: i64 = REFRESH_TOKENS_KEPT;
/// Seconds after its last failure that a counter of wrong tries is kept: longer than any lock.
pub const ATTEMPTS_KEPT: i64 = DAY_SECONDS;
/// Seconds that a device is remembered without being seen.
pub const DEVICES_KEPT: i64 = 400 * DAY_SECONDS;
/// Seconds that an outflow is kept: twice the rolling day, for a clock that was wrong.
pub const OUTFLOWS_KEPT: i64 = 2 * DAY_SECONDS;
/// Seconds that an hour's spending is kept: the longest window is 30 days.
pub const SPENDING_KEPT: i64 = 32 * DAY_SECONDS;
/// Seconds that an hour's count of opened card numbers is kept: a year (PCI DSS 4.0.1, 10.5.1).
pub const REVEALS_KEPT: i64 = 366 * DAY_SECONDS;
/// Seconds that a message's row is kept: longer than any cap looks back, for whoever asks what was sent.
pub const MESSAGES_KEPT: i64 = 30 * DAY_SECONDS;
/// Seconds after its making that a reset token's row is kept.
pub const RESETS_KEPT: i64 = DAY_SECONDS;
/// Seconds after its making that a token to confirm an address is kept: its life.
pub const CONFIRMATIONS_KEPT: i64 = confirmations::LIFE_SECONDS;
