//! All sessions of everybody at once, for the day on which a key or a table may have leaked.
//!
//! One statement over the ids of the last days, since ids begin with their time and a session lives for half a day at
//! most. Each row keeps when and why it ended; the event has their number. Cost: one update a live session, in one
//! transaction, while which SQLite writes nothing else. A sign-in that is completed beside it stays: it showed its factors
//! just now. What it never does: end the session that asks, so that its holder sees the answer; or tell the customers.

use ::store::{DbError, Tx};
use money::SessionId;
use serde_json::json;

use super::store;
use crate::bank::Act;
use crate::config;
use crate::events;

/// How far back a session may have been opened, past its absolute limit: for clocks that were wrong.
const SLACK_SECONDS: i64 = 2 * 86_400;

/// Ends all live sessions of customers and operators but `own`; gives how many. After the commit:
/// [`super::cache::SessionCache::forget_all`].
pub fn end_everybodys_in(
    tx: &mut Tx<'_>,
    act: &Act,
    own: &SessionId,
    rules: &config::Sessions,
) -> Result<u64, DbError> {
    let oldest = act.now.plus_seconds(-rules.absolute_limit_seconds()).plus_seconds(-SLACK_SECONDS);
    // Ids begin with their milliseconds (RFC 9562 §5.7).
    let millis = u128::try_from(oldest.millis()).unwrap_or(0);
    let after = SessionId::from_bytes((millis << 80).to_be_bytes());
    let ended = store::end_everybodys(tx, (&after, own), (act.now, "ended_by_operator"))?;
    let count = json!({ "sessions_ended": ended });
    events::record(tx, act, "sessions.ended", "everybody", "done", Some(&count))?;
    Ok(ended)
}
