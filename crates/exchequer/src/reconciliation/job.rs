//! The job that reads gateways' reports: each whole day once, as soon as it is over by [`SETTLE_SECONDS`].

use store::DbError;
use tokio::sync::watch;

use super::model::ReconciliationRow;
use super::{SLICE, Source, Tally, done_in, is_done, lines_in, missing_in};
use crate::bank::Bank;
use crate::gateways::{Day, ReportLine};
use crate::merchants::keys::Mode;

/// A gateway closes its day a little after midnight.
const SETTLE_SECONDS: i64 = 3_600;
/// Days that are looked back on: a gateway that is away for longer has its days read by hand.
const DAYS: usize = 14;

const VERB: &str = "reconciliation.read";

/// Reads what is due; gives how many days were done.
pub(crate) async fn run(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let mut done = 0_u64;
    for mode in Mode::ALL {
        let Some(gateway) = bank.card_gateways().of(mode) else { continue };
        let source = Source { gateway: gateway.name().to_owned(), mode };
        for day in days(bank) {
            if *stop.borrow() {
                return Ok(done);
            }
            let (of, asked) = (source.clone(), day);
            if bank.db().read(VERB, move |tx| is_done(tx, &of, asked)).await? {
                continue;
            }
            match gateway.report(day).await {
                Ok(lines) => done += u64::from(read(bank, (&source, day), lines).await?),
                // The day stays open, and the next run reads it.
                Err(error) => {
                    let (name, reason) = (gateway.name(), error.to_string());
                    tracing::warn!(resource_id = %day, reason, "no report of the gateway {name}");
                    break;
                }
            }
        }
    }
    Ok(done)
}

/// The oldest first, so that a step of yesterday finds the report of today read after it.
fn days(bank: &Bank) -> Vec<Day> {
    let last = Day::of(bank.tools().now().plus_seconds(-SETTLE_SECONDS)).previous();
    let mut days: Vec<Day> =
        std::iter::successors(Some(last), |day| Some(day.previous())).take(DAYS).collect();
    days.reverse();
    days
}

/// Holds one report against the books; false where another node did.
async fn read(
    bank: &Bank,
    (source, day): (&Source, Day),
    lines: Vec<ReportLine>,
) -> Result<bool, DbError> {
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let mut tally = Tally::default();
    for slice in lines.chunks(SLICE) {
        let (of, slice, act) = (source.clone(), slice.to_vec(), bank.system_act(VERB));
        let part = bank.db().write(VERB, move |tx| lines_in(tx, &act, (&of, day), &slice)).await?;
        tally.matched += part.matched;
        tally.differences += part.differences;
    }
    let (of, act) = (source.clone(), bank.system_act(VERB));
    bank.db()
        .write(VERB, move |tx| {
            // What was done at the end of a day may be in the report of the next.
            let missing = missing_in(tx, &act, (&of, day.previous()))?;
            let row = ReconciliationRow {
                gateway: of.gateway.clone(),
                day,
                mode: of.mode,
                lines: count,
                matched: tally.matched,
                differences: tally.differences + missing.differences,
                done_at: act.now,
            };
            done_in(tx, &act, &row)
        })
        .await
}
