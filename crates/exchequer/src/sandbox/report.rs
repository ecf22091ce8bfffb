//! The daily report, as CSV: what moved on one day, and how many lines that are.
//!
//! No field needs quoting: ids, words and numbers are made of characters that CSV leaves alone. Cost: some
//! 200 bytes and a few allocations a line; nothing is decided while it is written.

use money::Money;

use super::book::{Book, Verdict};
use super::wire::{REPORT_END, REPORT_HEAD};
use crate::gateways::{Day, Kind};

/// What the gateway keeps of money that it takes, in thousandths.
pub const FEE_PER_MILLE: i64 = 20;

pub(super) fn write(book: &Book, day: Day) -> String {
    let mut text = format!("{REPORT_HEAD}\n");
    let mut count = 0_usize;
    for record in book.day(day) {
        let Verdict::Done { payment, deed } = record.verdict else { continue };
        let Some((kind, money)) = deed.movement() else { continue };
        let fields = [
            record.operation.to_string(),
            kind.to_string(),
            payment.to_string(),
            record.reference(payment, deed.kind()),
            money.minor().to_string(),
            money.currency().to_string(),
            fee(kind, money).to_string(),
            record.at.to_string(),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
        count += 1;
    }
    text.push_str(REPORT_END);
    text.push_str(&count.to_string());
    text.push('\n');
    text
}

/// Two hundredths, half a unit upwards; nothing of what goes back.
pub(super) fn fee(kind: Kind, money: Money) -> i64 {
    match kind {
        Kind::Capture => {
            let exact = i128::from(money.minor()) * i128::from(FEE_PER_MILLE);
            i64::try_from((exact + 500) / 1_000).unwrap_or(i64::MAX)
        }
        Kind::Authorize | Kind::Cancel | Kind::Refund => 0,
    }
}
