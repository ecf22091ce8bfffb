//! Which answers are believed, one by one, and what of a card can be seen.

use super::*;
use money::{IdMint, PaymentId, Rng};
use vault::card::{Expiry, Number};

use crate::gateways::Card;

fn payment() -> PaymentId {
    IdMint::new(Rng::seeded(5)).mint(Timestamp::from_seconds(1_800_000_000))
}

fn card() -> Card {
    let Ok(number) = Number::parse("4242 4242 4242 4242") else { panic!("no number") };
    let expiry = Expiry::new(12, 2030, Timestamp::from_seconds(1_800_000_000)).unwrap();
    Card { number, expiry, cvv: Some(SecretString::new("737".to_owned())) }
}

fn good() -> Answer {
    Answer {
        act: Some("authorize".to_owned()),
        payment: Some(payment().to_string()),
        reference: Some("sbx_1".to_owned()),
        amount: Some(1_000),
        currency: Some("INR".to_owned()),
        captured: Some(true),
        ..Answer::bare("op-1", Status::Done)
    }
}

fn declined() -> Answer {
    Answer { status: Status::Refused, code: Some("card_declined".to_owned()), ..good() }
}

fn raw(status: u16, answer: &Answer) -> Raw {
    Raw { status, body: serde_json::to_vec(answer).unwrap().into() }
}

fn judged(raw: &Raw) -> Outcome {
    let card = card();
    let money = Money::new(1_000, Currency::INR);
    let act = Act::Authorize { money, card: &card, capture: true };
    outcome(&Operation { id: "op-1", payment: payment(), reference: None, act }, raw)
}

fn heard(raw: &Raw) -> Asked {
    let (kind, give_up) = (Kind::Authorize, false);
    asked(
        &Question {
            id: "op-1",
            payment: payment(),
            reference: None,
            currency: Currency::INR,
            kind,
            give_up,
        },
        raw,
    )
}

/// Every way in which an answer can be about something else.
fn strange() -> Vec<Answer> {
    let other: PaymentId = IdMint::new(Rng::seeded(6)).mint(Timestamp::EPOCH);
    vec![
        Answer { operation: "op-2".to_owned(), ..good() },
        Answer { act: Some("refund".to_owned()), ..good() },
        Answer { act: None, ..good() },
        Answer { payment: Some(other.to_string()), ..good() },
        Answer { payment: None, ..good() },
        Answer { reference: None, ..good() },
        Answer { reference: Some("a b".to_owned()), ..good() },
        Answer { reference: Some("x".repeat(MAX_WORD_BYTES + 1)), ..good() },
        Answer { amount: None, ..good() },
        Answer { amount: Some(-1), ..good() },
        Answer { currency: None, ..good() },
        Answer { currency: Some("ZZZ".to_owned()), ..good() },
        Answer { captured: None, ..good() },
        Answer { status: Status::Conflict, ..good() },
    ]
}

#[test]
fn a_whole_answer_about_this_operation_is_believed() {
    let done = Done { reference: "sbx_1".to_owned(), amount: 1_000, is_captured: true };
    assert_eq!(judged(&raw(200, &good())), Outcome::Done(done.clone()));
    assert_eq!(heard(&raw(200, &good())), Asked::Known(Outcome::Done(done)));
    let reference = Some("sbx_1".to_owned());
    let refused = Outcome::Refused { code: "card_declined".to_owned(), reference };
    assert_eq!(judged(&raw(402, &declined())), refused);
    assert_eq!(heard(&raw(402, &declined())), Asked::Known(refused));
}

#[test]
fn an_answer_about_something_else_is_not() {
    for answer in strange() {
        let raw = raw(answer.status.http(), &answer);
        assert!(matches!(judged(&raw), Outcome::Unknown { .. }), "{answer:?}");
        assert!(matches!(heard(&raw), Asked::Unreachable(_)), "{answer:?}");
    }
}

/// Who asks does not say an amount, so it is given back to be compared.
#[test]
fn another_amount_is_unknown_to_who_submits_and_told_to_who_asks() {
    for answer in
        [Answer { amount: Some(999), ..good() }, Answer { captured: Some(false), ..good() }]
    {
        assert!(matches!(judged(&raw(200, &answer)), Outcome::Unknown { .. }), "{answer:?}");
        assert!(matches!(heard(&raw(200, &answer)), Asked::Known(_)), "{answer:?}");
    }
}

#[test]
fn another_currency_is_unknown_to_both() {
    let answer = Answer { currency: Some("USD".to_owned()), ..good() };
    assert!(matches!(judged(&raw(200, &answer)), Outcome::Unknown { .. }));
    assert!(matches!(heard(&raw(200, &answer)), Asked::Unreachable(_)));
}

#[test]
fn a_status_that_says_otherwise_is_not_believed() {
    for status in [201, 202, 302, 400, 401, 402, 404, 409, 410, 429, 500, 502, 503] {
        assert!(matches!(judged(&raw(status, &good())), Outcome::Unknown { .. }), "{status}");
        assert!(matches!(heard(&raw(status, &good())), Asked::Unreachable(_)), "{status}");
    }
    assert!(matches!(judged(&raw(200, &declined())), Outcome::Unknown { .. }));
    // A proxy's 404 is not the gateway's.
    let page = Raw { status: 404, body: "<h1>Not Found</h1>".into() };
    assert!(matches!(heard(&page), Asked::Unreachable(_)));
    assert!(matches!(judged(&page), Outcome::Unknown { .. }));
}

#[test]
fn half_an_answer_is_none() {
    let whole = serde_json::to_vec(&good()).unwrap();
    for length in 0..whole.len() {
        let raw = Raw { status: 200, body: whole[..length].to_vec().into() };
        assert!(matches!(judged(&raw), Outcome::Unknown { .. }), "{length}");
    }
}

#[test]
fn what_is_neither_done_nor_refused_has_its_own_word() {
    let bare = |status: Status| raw(status.http(), &Answer::bare("op-1", status));
    assert_eq!(heard(&bare(Status::Running)), Asked::StillRunning);
    assert_eq!(heard(&bare(Status::NeverSeen)), Asked::NeverSeen);
    assert_eq!(heard(&bare(Status::Closed)), Asked::Closed);
    assert!(matches!(heard(&bare(Status::Conflict)), Asked::Unreachable(_)));
    for status in [Status::Running, Status::NeverSeen, Status::Conflict] {
        assert!(matches!(judged(&bare(status)), Outcome::Unknown { .. }), "{status:?}");
    }
    let closed = Outcome::Refused { code: "closed".to_owned(), reference: None };
    assert_eq!(judged(&bare(Status::Closed)), closed);
}

#[test]
fn nothing_of_an_answer_or_a_card_gets_into_a_reason() {
    let hostile = Raw { status: 500, body: "4242424242424242 737".into() };
    for text in [format!("{:?}", judged(&hostile)), format!("{:?}", heard(&hostile))] {
        assert!(!text.contains("4242") && !text.contains("737"), "{text}");
    }
}

#[test]
fn a_request_is_written_without_growing_its_buffer() {
    let card = card();
    let act = Act::Authorize {
        money: Money::new(9_007_199_254_740_991, Currency::INR),
        card: &card,
        capture: true,
    };
    let id = "x".repeat(crate::gateways::MAX_ID_BYTES);
    let operation = Operation { id: &id, payment: payment(), reference: None, act };
    let text = body(&operation).unwrap();
    assert!(text.len() < REQUEST_BYTES / 2, "{}", text.len());
    assert!(body(&Operation { id: "a/b", ..operation }).is_none());
}

#[test]
fn a_report_is_whole_or_malformed() {
    let line = "rfd_1,refund,pay_1,sbr_rfd_1,250,INR,-3,2026-11-21T08:00:00.000000Z\n";
    let text = format!("{REPORT_HEAD}\n{line}{line}end,2\n");
    let lines = report(&text).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].money, Money::new(250, Currency::INR));
    assert_eq!((lines[0].kind, lines[0].fee), (Kind::Refund, -3));
    for bad in [
        String::new(),
        format!("{REPORT_HEAD}\n"),
        format!("{REPORT_HEAD}\n{line}"),
        format!("{REPORT_HEAD}\n{line}end,2\n"),
        format!("{line}end,1\n"),
        format!("{text}{line}"),
        text.replace("refund", "cancel"),
        text.replace("250", "2.5"),
        text.replace("250", "-250"),
        text.replace("250", "0"),
        text.replace("INR", "inr"),
        text.replace("sbr_rfd_1", "=cmd()|' '"),
        text.replace("pay_1", "a,b"),
    ] {
        assert!(matches!(report(&bad), Err(GatewayFault::Malformed(_))), "{bad}");
    }
}
