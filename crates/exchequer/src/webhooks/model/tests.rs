//! Patterns, pauses and codes.

use super::*;

#[test]
fn patterns_cover_names_or_what_begins_like_them() {
    for good in ["*", "payment.*", "refund.*", "payment.succeeded", "refund.failed"] {
        assert!(is_pattern(good), "{good}");
    }
    for bad in ["", "payment", "payment*", "pay.*", "**", "*.failed", "payment.created", "card.*"] {
        assert!(!is_pattern(bad), "{bad}");
    }
    assert!(covers("payment.*", "payment.captured") && !covers("payment.*", "refund.failed"));
    assert!(covers("*", "refund.failed") && !covers("refund.fail", "refund.failed"));
}

#[test]
fn tries_spread_over_three_days() {
    for chance in [0, 50, 100] {
        let all: i64 = (1..MAX_ATTEMPTS).map(|attempt| pause_seconds(attempt, chance)).sum();
        let days = (all / 86_400, (all + 43_200) / 86_400);
        assert!((2..=3).contains(&days.0) && days.1 <= 4, "{all} seconds at {chance}");
    }
    let ends = |attempt| (pause_seconds(attempt, 0), pause_seconds(attempt, 100));
    assert_eq!(ends(1), (8, 11));
    assert_eq!(ends(100), (36_720, 49_680));
    assert_eq!(pause_seconds(0, 50), pause_seconds(1, 50));
}

#[test]
fn an_endpoint_that_takes_nothing_is_asked_less_and_less() {
    let pauses: Vec<i64> = (0..=10).map(endpoint_pause_seconds).collect();
    assert_eq!(pauses, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(endpoint_pause_seconds(i64::MAX), MAX_ENDPOINT_PAUSE_SECONDS);
}

#[test]
fn codes_and_words_go_both_ways() {
    for status in EndpointStatus::ALL {
        assert_eq!(EndpointStatus::from_code(status.code()), Some(status));
    }
    for status in DeliveryStatus::ALL {
        assert_eq!(DeliveryStatus::from_code(status.code()), Some(status));
        assert_eq!(DeliveryStatus::parse(status.as_str()), Some(status));
    }
}
