//! The API's words, numbers and objects as an operator reads them. Pure.

use serde_json::Value;

use super::parts::Badge;
use crate::api::{FieldFault, Refused};
use crate::language::Language;

/// Deeper or longer objects than any event of ours are cut here.
const MAX_LINES: usize = 60;
const MAX_DEPTH: usize = 6;
/// Fields in minor units, where an object says of which currency.
const AMOUNTS: [&str; 12] = [
    "amount",
    "bank_amount",
    "captured",
    "fee",
    "gateway_amount",
    "per_day",
    "per_month",
    "per_transfer",
    "per_week",
    "refunded",
    "refunding",
    "reserved",
];

/// What the page before has done, by the name in `?done=`.
const DONE: [(&str, &str); 34] = [
    (
        "access_renewed",
        "The password is yours now. Sign in with it and the next code of your authenticator app.",
    ),
    ("approved", "Approved, and done."),
    (
        "authenticator_replaced",
        "Your new authenticator app serves now, and you were signed out everywhere.",
    ),
    ("closed", "The account is closed."),
    ("customer_disabled", "The customer's access is ended."),
    ("customer_enabled", "The customer has access again."),
    ("customer_locked", "The customer is locked and signed out everywhere."),
    ("customer_signed_out", "The customer is signed out everywhere, and may sign in again."),
    ("customer_unlocked", "The customer can sign in again."),
    ("deposited", "The deposit is posted."),
    ("everybody_signed_out", "Everybody but you is signed out, and may sign in again."),
    ("frozen", "The account is frozen."),
    ("idle", "You were signed out because nothing happened for a while."),
    ("key_ending", "The key goes as soon as nothing is left under it."),
    ("key_revoked", "The key is revoked: nothing that it signs is taken any more."),
    ("limits_set", "The limits are set."),
    ("member_disabled", "The operator's access is ended."),
    ("member_enabled", "The operator has access again."),
    ("member_signed_out", "The operator is signed out everywhere, and may sign in again."),
    ("merchant_changed", "The merchant's terms are changed."),
    ("merchant_created", "The merchant is created."),
    ("refunded", "The refund was asked of the gateway; its state stands below."),
    ("refused", "It was approved, and had become impossible: nothing was done."),
    ("password_changed", "Your password is changed, and you were signed out everywhere."),
    ("redelivered", "The event will be sent again."),
    ("rejected", "Rejected. Nothing was done."),
    ("resolved", "The difference is resolved."),
    ("reversed", "The transfer is reversed."),
    ("settled", "The payout is posted."),
    ("signed_out", "You are signed out."),
    ("unfrozen", "The account is open again."),
    ("waiting", "This act waits for a second operator."),
    ("withdrawn", "Withdrawn. Nothing was done."),
    ("withdrawn_cash", "The withdrawal is posted."),
];

pub fn notice(name: &str) -> Option<&'static str> {
    DONE.iter().find(|(key, _)| *key == name).map(|(_, text)| *text)
}

/// The field of a form that a fault is about: `routes[0]` is the first of `routes`.
pub fn field_of(fault: &FieldFault) -> &str {
    fault.field.split(['[', '.']).next().unwrap_or_default()
}

/// A refusal in the API's own words: operators know them. Faults of fields that are `marked` stand there.
pub fn refusal(refused: &Refused, marked: &[&str]) -> String {
    if refused.code == "invalid_fields" {
        let elsewhere = refused.fields.iter().filter(|fault| !marked.contains(&field_of(fault)));
        let faults = elsewhere.map(|fault| format!(" {}: {}.", fault.field, fault.detail));
        return format!("Please look at what is marked below.{}", faults.collect::<String>());
    }
    let text = match &refused.detail {
        Some(detail) => format!("{} {detail}", refused.title),
        None if refused.title.is_empty() => "Something went wrong on our side.".to_owned(),
        None => refused.title.clone(),
    };
    match refused.retry_after_seconds {
        Some(seconds) => format!("{text} Try again in {seconds} s."),
        None => text,
    }
}

pub fn money(minor: i64, currency: &str) -> String {
    crate::show::money(minor, currency, Language::English)
}

/// A whole number, grouped by thousands.
pub fn grouped(count: i64) -> String {
    crate::show::plain(count, "", Language::English)
}

/// The same as [`time`] where all times are UTC.
pub fn moment(at: &str) -> String {
    let text = time(at);
    text.strip_suffix(" UTC").map_or(text.clone(), str::to_owned)
}

/// `2026-01-31 10:00:05 UTC` of RFC 3339 in UTC; anything else as it is.
pub fn time(at: &str) -> String {
    match (at.get(..10), at.get(10..11), at.get(11..19)) {
        (Some(day), Some("T"), Some(time)) if at.ends_with('Z') => format!("{day} {time} UTC"),
        _ => at.to_owned(),
    }
}

/// `unknown_operation` as `Unknown operation`.
pub fn words(name: &str) -> String {
    let text = name.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A standing with its tone.
pub fn badge(word: &str) -> Badge {
    let tone = match word {
        "ok" | "active" | "open" | "succeeded" | "approved" | "delivered" | "done" | "captured"
        | "posted" | "enabled" | "resolved" => "good",
        "locked" | "frozen" | "pending" | "waiting" | "processing" | "authorized"
        | "submitting" | "degraded" | "submitted" | "unknown" => "wait",
        "disabled" | "erased" | "suspended" | "closed" | "declined" | "dead" | "failed"
        | "down" | "rejected" | "refused" | "revoked" | "expired" => "bad",
        _ => "",
    };
    Badge { tone, text: words(word) }
}

/// `250` as `2.50 %`.
pub fn percent(basis_points: i64) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    format!("{whole}.{part:02}\u{a0}%")
}

/// An object as lines of path and value; what is too deep or too long is said to be.
pub fn flat(value: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    flatten(value, String::new(), 0, &mut lines);
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        lines.push(("…".to_owned(), "there is more; the export has all of it".to_owned()));
    }
    lines
}

fn flatten(value: &Value, path: String, depth: usize, lines: &mut Vec<(String, String)>) {
    let under = |name: &str| {
        if path.is_empty() { words(name) } else { format!("{path} · {}", words(name)) }
    };
    match value {
        _ if lines.len() > MAX_LINES => {}
        Value::Object(fields) if depth < MAX_DEPTH => {
            let currency = fields.get("currency").and_then(Value::as_str);
            for (name, value) in fields {
                match (currency, value.as_i64()) {
                    (Some(currency), Some(minor)) if AMOUNTS.contains(&name.as_str()) => {
                        lines.push((under(name), money(minor, currency)));
                    }
                    _ => flatten(value, under(name), depth + 1, lines),
                }
            }
        }
        Value::Array(items) if depth < MAX_DEPTH && items.iter().any(Value::is_object) => {
            for (index, value) in items.iter().enumerate() {
                flatten(value, under(&(index + 1).to_string()), depth + 1, lines);
            }
        }
        Value::Array(_) => lines.push((path, plain_list(value))),
        other => lines.push((path, plain(other))),
    }
}

/// One value without quotes around it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The items of a list, with commas between them.
pub fn plain_list(list: &Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(plain).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_to_the_second_and_nothing_else_is_taken_for_one() {
        assert_eq!(time("2026-01-31T10:00:05.123456Z"), "2026-01-31 10:00:05 UTC");
        assert_eq!(time("2026-01-31T10:00:05Z"), "2026-01-31 10:00:05 UTC");
        for odd in ["", "soon", "2026-01-31T10:00:05+02:00", "2026-01-31", "₹₹₹₹₹₹₹₹₹₹"]
        {
            assert_eq!(time(odd), odd);
        }
    }

    #[test]
    fn an_object_becomes_lines_with_their_paths() {
        let value = json!({
            "account_id": "acc_1",
            "limits": { "per_day": null, "per_transfer": 5 },
            "routes": ["GET /v1/*", "POST /v1/x"],
            "steps": [{ "state": "done" }],
            "is_live": true
        });
        let mut lines = flat(&value);
        lines.sort();
        let expected = [
            ("Account id", "acc_1"),
            ("Is live", "yes"),
            ("Limits · Per day", "none"),
            ("Limits · Per transfer", "5"),
            ("Routes", "GET /v1/*, POST /v1/x"),
            ("Steps · 1 · State", "done"),
        ];
        let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_amount_beside_its_currency_is_read_as_money() {
        let value = json!({
            "amount": 123_456, "currency": "INR", "version": 3,
            "before": { "amount": 500, "currency": "JPY" },
            "limits": { "per_day": 500 }
        });
        let lines: std::collections::BTreeMap<_, _> = flat(&value).into_iter().collect();
        assert_eq!(lines["Amount"], "₹1,234.56");
        assert_eq!(lines["Before · Amount"], "¥500");
        assert_eq!((&*lines["Version"], &*lines["Limits · Per day"]), ("3", "500"));
    }

    #[test]
    fn a_long_object_says_that_it_is_cut() {
        let value: Value = (0..500).map(|n| (format!("field_{n:03}"), json!(n))).collect();
        let lines = flat(&value);
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines.last().map(|(path, _)| path.as_str()), Some("…"));
    }

    #[test]
    fn fees_are_read_as_percent() {
        assert_eq!(percent(250), "2.50\u{a0}%");
        assert_eq!(percent(5), "0.05\u{a0}%");
    }

    #[test]
    fn every_notice_has_one_name() {
        let mut names: Vec<_> = DONE.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DONE.len());
    }
}
