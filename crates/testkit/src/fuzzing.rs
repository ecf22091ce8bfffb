//! What the fuzz targets check, one function each; `tests/seeds.rs` runs them over the committed seeds.
//!
//! Each takes any bytes and panics where a promise is broken.

use exchequer::accounts::number::AccountNumber;
use exchequer::http::fields::{Fields, MinorUnits};
use money::{AccountId, Currency, Factor, Money, Rounding, Timestamp};
use vault::redaction::{redact, redact_bytes};

/// It never panics, and what it has cleaned it leaves alone.
pub fn redaction(data: &[u8]) {
    let bytes = redact_bytes(data).into_owned();
    assert_eq!(redact_bytes(&bytes), bytes);
    if let Ok(text) = std::str::from_utf8(data) {
        let once = redact(text).into_owned();
        assert_eq!(redact(&once), once);
    }
}

/// What parses prints as itself; arithmetic never panics.
pub fn money(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (left, right) = text.split_once('*').unwrap_or((text, "1.18"));
    let Ok(parsed) = left.parse::<Money>() else { return };
    let printed: Money = parsed.to_string().parse().expect("printed money parses");
    assert_eq!((printed.minor(), printed.currency()), (parsed.minor(), parsed.currency()));
    if let Ok(factor) = right.parse::<Factor>() {
        for rounding in [Rounding::HalfUp, Rounding::HalfEven, Rounding::Floor, Rounding::Up] {
            if let Ok(product) = parsed.multiply(&factor, rounding) {
                assert_eq!(product.currency(), parsed.currency());
            }
        }
    }
    if let Ok(parts) = parsed.split(1 + data.len() % 7) {
        let sum: i128 = parts.iter().map(|part| i128::from(part.minor())).sum();
        assert_eq!(sum, i128::from(parsed.minor()), "a unit was lost");
    }
}

/// What parses is written without spaces, in upper case, and parses again.
pub fn account_number(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(number) = text.parse::<AccountNumber>() {
        assert_eq!(number.as_str().len(), 18);
        assert_eq!(number.as_str().parse::<AccountNumber>(), Ok(number));
    }
}

/// One text, one value.
pub fn ids_and_times(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<AccountId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
    }
    if let Ok(currency) = Currency::from_code(text) {
        assert_eq!(currency.code(), text);
    }
}

/// An amount is an integer token from 1 to 2^53 - 1, or refused.
pub fn transfer_body(data: &[u8]) {
    let Ok(token) = serde_json::from_slice::<MinorUnits>(data) else { return };
    let mut fields = Fields::default();
    match fields.amount("amount", &token) {
        Some(amount) => {
            assert!((1..=9_007_199_254_740_991).contains(&amount.get()));
            let text = std::str::from_utf8(data).expect("JSON is UTF-8").trim();
            assert_eq!(text.trim_start_matches('0'), amount.get().to_string());
        }
        None => assert!(!fields.is_empty(), "refused without a reason"),
    }
}
