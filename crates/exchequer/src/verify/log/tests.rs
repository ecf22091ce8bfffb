//! Each fault of an event or origin is found in its row.

use money::{IdMint, Rng};

use super::*;
use crate::verify::tests::found;

fn event() -> LoggedEvent {
    let at = Timestamp::from_seconds(1_790_000_000);
    let id: EventId = IdMint::new(Rng::seeded(1)).mint(at);
    LoggedEvent {
        id,
        at,
        action: "account.opened".to_owned(),
        resource: String::new(),
        outcome: "done".to_owned(),
        before: None,
        after: Some(r#"{"a":[1,"x"]}"#.to_owned()),
        has_origin: true,
        customer: None,
        subject: None,
    }
}

#[test]
fn an_event_can_be_read_and_is_of_its_time() {
    type Spoil = fn(&mut LoggedEvent);
    event().check().unwrap();
    assert!(event().opens_account());
    let cases: &[(&str, Spoil)] = &[
        ("origin", |e| e.has_origin = false),
        ("to be told of it", |e| {
            e.customer = Some(CustomerId::from_bytes([1; 16]));
            e.subject = Some(CustomerId::from_bytes([2; 16]));
        }),
        ("to be told of it", |e| {
            e.resource = CustomerId::from_bytes([1; 16]).to_string();
            e.subject = Some(CustomerId::from_bytes([2; 16]));
        }),
        ("noun.verb", |e| e.action = "opened".to_owned()),
        ("noun.verb", |e| e.action = "Account.opened".to_owned()),
        ("one word", |e| e.outcome = String::new()),
        ("one word", |e| e.outcome = "not done".to_owned()),
        ("near that of its id", |e| e.at = e.at.plus_micros(TOLERANCE_MICROS + 1_000)),
        ("near that of its id", |e| e.at = Timestamp::MAX),
        ("near that of its id", |e| e.id = EventId::from_bytes([0; 16])),
        ("`before`", |e| e.before = Some("[]".to_owned())),
        ("`after`", |e| e.after = Some("{".to_owned())),
        ("`after`", |e| e.after = Some(String::new())),
    ];
    for (expected, spoil) in cases {
        let mut spoiled = event();
        spoil(&mut spoiled);
        let finding = found(spoiled.check());
        assert_eq!((finding.table, finding.id), ("events", spoiled.id.to_string()));
        assert!(finding.expected.contains(expected), "{expected}: {}", finding.expected);
    }
}

#[test]
fn an_origin_is_named_by_its_content() {
    type Spoil = fn(&mut LoggedOrigin);
    let made = Origin::new("customer", Some([7; 16]), None, "::1".to_owned(), "curl".to_owned());
    let row = LoggedOrigin {
        id: *made.id(),
        actor_kind: "customer".to_owned(),
        actor: Some([7; 16]),
        session: None,
        address: "::1".to_owned(),
        agent: "curl".to_owned(),
    };
    row.check().unwrap();
    let cases: [Spoil; 6] = [
        |o| o.actor_kind = "robot".to_owned(),
        |o| o.actor_kind = "staff".to_owned(),
        |o| o.actor = None,
        |o| o.session = Some(SessionId::from_bytes([1; 16])),
        |o| o.address = "::2".to_owned(),
        |o| o.agent.push(' '),
    ];
    for spoil in cases {
        let mut spoiled = row.clone();
        spoil(&mut spoiled);
        assert_eq!(found(spoiled.check()).table, "origins");
    }
}
