//! The report: the account's balance transactions of a day, page by page.

use super::judge;
use super::{MAX_PAGE_BYTES, PAGE, Stripe, is_reference, read, wire};
use crate::gateways::client::Silence;
use crate::gateways::{Day, GatewayFault, ReportLine};

/// 100,000 movements, at a request for each hundred.
const MAX_PAGES: usize = 1_000;

impl Stripe {
    /// Oldest first, as other gateways report; Stripe lists the newest first.
    pub(super) async fn movements(&self, day: Day) -> Result<Vec<ReportLine>, GatewayFault> {
        let (from, to) = (day.start().seconds(), day.next().start().seconds());
        let first = format!(
            "/v1/balance_transactions?limit={PAGE}&created[gte]={from}&created[lt]={to}\
             &expand[]=data.source"
        );
        let mut lines = Vec::new();
        let mut path = first.clone();
        for _ in 0..MAX_PAGES {
            let page = self.page(&path).await?;
            for movement in &page.data {
                let line = judge::line(movement).map_err(GatewayFault::Malformed)?;
                lines.extend(line);
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else {
                lines.reverse();
                return Ok(lines);
            };
            if !is_reference(&last.id, "txn_") {
                return Err(GatewayFault::Malformed("a movement without an id".to_owned()));
            }
            path = format!("{first}&starting_after={}", last.id);
        }
        Err(GatewayFault::TooLong)
    }

    async fn page(&self, path: &str) -> Result<wire::List<wire::Movement>, GatewayFault> {
        let answer = self.get(path, MAX_PAGE_BYTES).await.map_err(|silence| match silence {
            Silence::TooLong => GatewayFault::TooLong,
            other => GatewayFault::Silent(other.to_string()),
        })?;
        if answer.status != 200 {
            return Err(GatewayFault::Status(answer.status));
        }
        read(&answer).ok_or_else(|| GatewayFault::Malformed("a list that is none".to_owned()))
    }
}
