//! What is counted, whom it counts, and what the answer says.

use http::{HeaderMap, HeaderValue};

use super::rules::{Class, Per, Rule};
use super::{RATE_LIMIT, RATE_LIMIT_POLICY, seconds};

#[test]
fn waits_are_rounded_up() {
    assert_eq!([-5, 0, 1, 999_999, 1_000_000, 1_000_001].map(seconds), [0, 0, 1, 1, 1, 2]);
    assert_eq!(seconds(i64::MAX / 2), u32::MAX);
}

#[test]
fn the_names_of_the_headers_are_the_draft_s() {
    let mut headers = HeaderMap::new();
    headers.insert(RATE_LIMIT, HeaderValue::from_static("\"caller\";r=1;t=2"));
    headers.insert(RATE_LIMIT_POLICY, HeaderValue::from_static("\"caller\";q=1;w=2"));
    assert!(headers.contains_key("RateLimit") && headers.contains_key("RateLimit-Policy"));
}

#[test]
fn whoever_signs_in_is_counted_three_ways() {
    let ways: Vec<Per> = Class::SignIn.rules().iter().map(|Rule { per, .. }| *per).collect();
    assert_eq!(ways, [Per::Address, Per::Account, Per::All]);
    // One address fills neither the queue of the hashing pool (64) nor the whole of the limit.
    let [address, _, all] = Class::SignIn.rules() else { panic!("three rules") };
    assert!(address.limit.most < 64 && address.limit.most * 10 <= all.limit.most);
}
