//! Notices of gateways: a hint that a step has news, after which it is asked about at once. What a notice says of
//! amounts and outcomes is not read. A notice that comes late, twice or for a step that is known changes
//! nothing.

use bytes::Bytes;
use http::HeaderMap;
use store::DbError;

use super::model::step_of;
use super::store as rows;
use crate::bank::Bank;
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;

/// Takes a notice of the gateway of a mode. Errors: `not_found` without such a gateway, `invalid_signature`.
pub(super) async fn take(
    bank: &Bank,
    (mode, name): (Mode, &str),
    (headers, body): (&HeaderMap, &Bytes),
) -> Result<(), Problem> {
    let gateway = bank.card_gateways().named(mode, name);
    let gateway = gateway.ok_or_else(|| Problem::new(Code::NotFound))?;
    let now = bank.tools().now();
    let notice = gateway
        .read_notice(headers, body, now)
        .map_err(|refusal| Problem::new(Code::InvalidSignature).detail(refusal.to_string()))?;
    let Some((_, step)) = step_of(&notice.operation) else { return Ok(()) };
    let hastened: Result<bool, DbError> =
        bank.db().write("payments.notice", move |tx| rows::hasten(tx, &step, now)).await;
    hastened.map(|_| ()).map_err(Problem::from)
}
