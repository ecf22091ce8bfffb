//! SQL of what operators see of endpoints: whose they are, and how many of their deliveries wait or were given up.
//!
//! Of an endpoint the newest 1,000 deliveries are counted, so that one that takes nothing costs no more than that.

use money::{MerchantId, WebhookId};
use store::{DbError, Row, Tx, params};

use super::read;
use crate::webhooks::model::WatchedEndpoint;

macro_rules! select {
    () => {
        "SELECT e.id, e.merchant, e.mode, e.url, e.events, e.description, e.algorithm, e.public_key, \
         e.previous_until, e.status, e.position, e.next_at, e.leased_until, e.streak, \
         e.failing_since, e.last_error, e.last_delivered_at, e.created_at, m.name, \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT d.status FROM webhook_deliveries AS d \
         WHERE d.endpoint = e.id ORDER BY d.sequence DESC LIMIT 1000) AS newest WHERE newest.status = 0), \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT d.status FROM webhook_deliveries AS d \
         WHERE d.endpoint = e.id ORDER BY d.sequence DESC LIMIT 1000) AS newest WHERE newest.status = 2) \
         FROM webhook_endpoints AS e JOIN merchants AS m ON m.id = e.merchant "
    };
}

/// Everybody's, oldest first, after the one named; `in_trouble`: those that fail or have given an event up.
pub(in crate::webhooks) fn everybodys(
    tx: &mut Tx<'_>,
    in_trouble: bool,
    after: Option<&WebhookId>,
    most: i64,
) -> Result<Vec<WatchedEndpoint>, DbError> {
    // No id is all zeros.
    let start = WebhookId::from_bytes([0; 16]);
    let page = params![after.unwrap_or(&start), most];
    let rows = if in_trouble {
        let sql = concat!(
            select!(),
            "WHERE e.id > $1 AND (e.failing_since IS NOT NULL OR EXISTS (SELECT 1 FROM \
             webhook_deliveries AS d WHERE d.endpoint = e.id AND d.status = 2)) ORDER BY e.id LIMIT $2"
        );
        tx.query(sql, page)?
    } else {
        tx.query(concat!(select!(), "WHERE e.id > $1 ORDER BY e.id LIMIT $2"), page)?
    };
    rows.iter().map(watched).collect()
}

/// A merchant's, of both modes, oldest first of each.
pub(in crate::webhooks) fn of_merchant(
    tx: &mut Tx<'_>,
    merchant: &MerchantId,
    most: i64,
) -> Result<Vec<WatchedEndpoint>, DbError> {
    let sql = concat!(select!(), "WHERE e.merchant = $1 ORDER BY e.mode, e.id LIMIT $2");
    tx.query(sql, params![merchant, most])?.iter().map(watched).collect()
}

fn watched(row: &Row) -> Result<WatchedEndpoint, DbError> {
    Ok(WatchedEndpoint {
        merchant_name: row.text(18)?.to_owned(),
        waiting: row.int(19)?,
        dead: row.int(20)?,
        endpoint: read(row)?,
    })
}
