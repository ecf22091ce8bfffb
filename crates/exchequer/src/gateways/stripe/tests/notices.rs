//! Stripe's events, by their signature.

use super::*;

fn headers(secret: &str, body: &str) -> HeaderMap {
    let signed = signature::sign(secret.as_bytes(), now(), body.as_bytes());
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(&signed).unwrap());
    headers
}

fn read(headers: &HeaderMap, body: &str, now: Timestamp) -> Result<Notice, NoticeRefusal> {
    client("http://127.0.0.1:9").read_notice(headers, body.as_bytes(), now)
}

#[test]
fn an_event_names_the_operation_that_it_is_about() {
    let event = json!({
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded",
        "data": { "object": intent("succeeded", json!({})) },
    });
    let body = event.to_string();
    let signed = headers("whsec_1", &body);
    assert_eq!(read(&signed, &body, now()), Ok(Notice { operation: ID.to_owned() }));
    let late = now().plus_seconds(301);
    assert_eq!(read(&signed, &body, late), Err(NoticeRefusal::Stale));
    let forged = headers("whsec_2", &body);
    assert_eq!(read(&forged, &body, now()), Err(NoticeRefusal::WrongSignature));
    assert_eq!(read(&HeaderMap::new(), &body, now()), Err(NoticeRefusal::Unsigned));
}

#[test]
fn an_event_about_nothing_of_ours_is_malformed() {
    for body in [
        "{}".to_owned(),
        json!({ "data": { "object": { "id": "po_1" } } }).to_string(),
        json!({ "data": { "object": { "metadata": { "operation": "../x" } } } }).to_string(),
    ] {
        let signed = headers("whsec_1", &body);
        assert_eq!(read(&signed, &body, now()), Err(NoticeRefusal::Malformed), "{body}");
    }
}
