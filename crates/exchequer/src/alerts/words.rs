//! What a message about payments says. Pure. Of an account it has the last four characters, of whoever paid or was paid
//! nothing else.

use std::cmp::Reverse;

use money::{Currency, Money, Timestamp};

use super::model::{Direction, Gathered, Waiting};
use crate::outbox::{Notice, masked_number};

/// A payment as a message names it.
pub(super) struct Line {
    pub direction: Direction,
    pub money: Money,
    /// `transfer`, `deposit`, as statements call it.
    pub kind: &'static str,
    pub posted_at: Timestamp,
    /// The customer's own account.
    pub own: String,
    pub other: Other,
}

/// The other side.
pub(super) enum Other {
    Bank,
    /// An account of the same customer.
    Own(String),
    Somebody(String),
}

const PURPOSE: &str = "payment_alert";
/// Payments, and sums, that fit into a mail with the rest: a line has 160 characters at most.
const MOST_LINES: usize = 24;
const MORE: &str = "There were more; your bank shows all of them under each account.";
const END: &str = "If one of these was not you, stop all outgoing money in your bank at once and call us. \
     Which payments you are told of is chosen there, under Security, Alerts.";

/// A message about what was gathered of each currency and direction, and those payments that are named.
pub(super) fn message(gathered: &[Waiting], mut lines: Vec<Line>) -> Option<Notice> {
    let [((_, direction), first), rest @ ..] = gathered else { return None };
    let is_one = rest.is_empty() && first.payments == 1;
    let subject = match (is_one, direction) {
        (true, Direction::In) => "Money has reached your account",
        (true, Direction::Out) => "Money has left your account",
        (false, _) => "Payments of your accounts",
    };
    // What left goes before what came where not all fit, and the larger before the smaller.
    lines.sort_by_key(|line| (line.direction != Direction::Out, Reverse(line.money.minor())));
    let mut text: Vec<String> = lines.iter().map(line).collect();
    let sums = gathered
        .iter()
        .filter(|(_, all)| all.payments > i64::try_from(all.listed.len()).unwrap_or(i64::MAX));
    let mut sums: Vec<_> = sums.collect();
    sums.sort_by_key(|((_, direction), _)| *direction != Direction::Out);
    let is_cut = text.len() > MOST_LINES || sums.len() > MOST_LINES;
    text.truncate(MOST_LINES);
    text.extend(sums.iter().take(MOST_LINES).map(|(key, all)| sum(*key, all)));
    text.extend(is_cut.then(|| MORE.to_owned()));
    text.push(END.to_owned());
    Some(Notice { purpose: PURPOSE, subject, text: text.join("\n") })
}

fn line(line: &Line) -> String {
    let Line { direction, money, kind, posted_at, own, other } = line;
    let own = masked_number(own);
    let kind = if *kind == "transfer" { String::new() } else { format!(" ({})", spaced(kind)) };
    let went = match (direction, other) {
        (Direction::In, Other::Bank) => format!("reached your account {own}"),
        (Direction::Out, Other::Bank) => format!("left your account {own}"),
        (Direction::In, Other::Somebody(other)) => {
            format!("reached your account {own} from account {}", masked_number(other))
        }
        (Direction::Out, Other::Somebody(other)) => {
            format!("left your account {own} for account {}", masked_number(other))
        }
        (Direction::In | Direction::Out, Other::Own(other)) => {
            format!("went from your account {own} to your account {}", masked_number(other))
        }
    };
    format!("{money} {went}{kind}, {posted_at}.")
}

fn sum((currency, direction): (Currency, Direction), all: &Gathered) -> String {
    let went = match direction {
        Direction::In => "reached",
        Direction::Out => "left",
    };
    let money = Money::new(all.amount, currency);
    format!(
        "In all {} payments in {currency} {went} your accounts, together {money}; the others are in \
         your bank under the account.",
        all.payments
    )
}

fn spaced(kind: &str) -> String {
    kind.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::model::Listed;
    use crate::outbox::MAX_MAIL_CHARS;

    const LISTED: Listed = Listed { amount: 1_250, id: money::TransferId::from_bytes([1; 16]) };

    fn one(direction: Direction, kind: &'static str, other: Other) -> Line {
        Line {
            direction,
            money: Money::new(1_250, Currency::INR),
            kind,
            posted_at: Timestamp::from_seconds(1_700_000_000),
            own: "EX6501234567890128".to_owned(),
            other,
        }
    }

    // RBI DPSC 2: account numbers are masked in messages about payments.
    #[test]
    fn a_payment_is_named_by_sum_ends_of_accounts_kind_and_time() {
        let other = || "EX6501234567899999".to_owned();
        for (line, says) in [
            (
                one(Direction::Out, "transfer", Other::Somebody(other())),
                "INR 12.50 left your account …0128 for account …9999, 2023-11-14T22:13:20",
            ),
            (
                one(Direction::In, "deposit", Other::Bank),
                "INR 12.50 reached your account …0128 (deposit), 2023-11-14T22:13:20",
            ),
            (
                one(Direction::In, "refund_paid", Other::Somebody(other())),
                "INR 12.50 reached your account …0128 from account …9999 (refund paid), 2023",
            ),
            (
                one(Direction::Out, "transfer", Other::Own(other())),
                "INR 12.50 went from your account …0128 to your account …9999, 2023",
            ),
        ] {
            let key = (Currency::INR, line.direction);
            let gathered = Gathered { payments: 1, amount: 1_250, listed: vec![LISTED] };
            let notice = message(&[(key, gathered)], vec![line]).expect("a message");
            assert!(notice.text.starts_with(says), "{}", notice.text);
            assert!(!notice.text.contains("EX65") && !notice.text.contains("In all"));
            assert_ne!(notice.subject, "Payments of your accounts");
        }
    }

    #[test]
    fn many_payments_are_counted_and_nothing_is_no_message() {
        assert!(message(&[], Vec::new()).is_none());
        let many = Gathered { payments: 10_000, amount: 123_456_700, listed: vec![LISTED] };
        let line = one(Direction::Out, "transfer", Other::Bank);
        let notice = message(&[((Currency::INR, Direction::Out), many)], vec![line]).expect("one");
        assert_eq!(notice.subject, "Payments of your accounts");
        let says = "In all 10000 payments in INR left your accounts, together INR 1234567.00;";
        assert!(notice.text.contains(says), "{}", notice.text);
    }

    #[test]
    fn a_message_of_all_currencies_fits_into_a_mail_with_its_end_and_what_left() {
        let most = |direction| {
            let other = Other::Somebody("EX6501234567899999".to_owned());
            let money = Money::new(i64::MAX, Currency::INR);
            Line { money, ..one(direction, "withdrawal_returned", other) }
        };
        let (mut gathered, mut lines) = (Vec::new(), Vec::new());
        for currency in Currency::all() {
            for direction in Direction::ALL {
                let listed = vec![LISTED; 5];
                let all = Gathered { payments: i64::MAX, amount: i64::MAX, listed };
                gathered.push(((currency, direction), all));
                lines.extend((0..5).map(|_| most(direction)));
            }
        }
        let text = message(&gathered, lines).expect("a message").text;
        assert!(text.chars().count() < MAX_MAIL_CHARS, "{}", text.chars().count());
        assert!(text.ends_with(&format!("{MORE}\n{END}")), "{text}");
        assert_eq!(text.matches(" left your account …").count(), MOST_LINES);
        assert_eq!(text.matches(" left your accounts, together").count(), MOST_LINES);
    }
}
