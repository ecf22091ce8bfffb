//! The keys' probe, and what the routes of this part promise.

use super::*;
use crate::http::routes::Access;

#[test]
fn all_are_public_reads_with_a_reason() {
    let routes = routes(Routes::default());
    assert_eq!(routes.table().count(), 6);
    for route in routes.table() {
        assert_eq!(route.method, http::Method::GET);
        assert!(!route.once);
        assert!(matches!(route.access, Access::Public(why) if why.len() > 20), "{}", route.path);
    }
}

// ASVS 16.5.1: the caller learns which check failed, the log why.
#[test]
fn not_ready_names_the_check_and_keeps_the_cause() {
    let problem = not_ready("keys", "the tag does not fit");
    assert_eq!(problem.code, Code::Unavailable);
    assert_eq!(problem.detail.as_deref(), Some("the check `keys` failed"));
    assert_eq!(problem.cause.as_deref(), Some("the tag does not fit"));
    assert!(problem.retry_after_seconds.is_some());
}
