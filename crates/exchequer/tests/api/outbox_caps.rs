//! Text messages, and the caps that keep messages from costing more than they should.

use std::sync::Arc;

use exchequer::config::SmsGateway;
use exchequer::outbox::{self, Channel, Message, Notice, SendRefusal};
use futures_util::future::join_all;
use serde_json::json;
use store::DbError;
use testkit::TestBank;
use testkit::texts::{TestTextGateway, TextMood};
use vault::SecretString;

use crate::outbox::{FAILED, SENT, WAITING, delivered, inbox, mail, send};
use crate::rows::{number, texts};

const HOUR: i64 = 3_600;

async fn with_texts(gateway: &TestTextGateway) -> TestBank {
    let url = gateway.url();
    TestBank::with(move |config| {
        config.messages.sms = Some(SmsGateway {
            url,
            account: "AC1".to_owned(),
            token: Arc::new(SecretString::new("the account's token".to_owned())),
            from: "+15005550006".to_owned(),
        });
        config.messages.sms_prefixes = vec!["+91".to_owned()];
        config.messages.send_seconds = 1;
    })
    .await
}

pub fn text_message(to: &str, text: &str) -> Message {
    Message { channel: Channel::Sms, subject: None, ..mail(to, text) }
}

#[tokio::test]
async fn a_text_message_is_a_form_with_our_account_and_its_beginning_counts() {
    let gateway = TestTextGateway::start().await;
    let bank = with_texts(&gateway).await;
    bank.secret("the account's token");
    bank.secret("+919812345678");
    let long = format!("123456 is your code & more: {}", "ß".repeat(2_000));
    let _id = send(&bank, text_message("+919812345678", &long)).await.expect("queued");
    assert_eq!(delivered(&bank).await, 1);
    let got = gateway.texts();
    assert_eq!(got.len(), 1);
    let line = "POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n";
    assert!(got[0].head.starts_with(line), "{}", got[0].head);
    let login = data_encoding::BASE64.encode(b"AC1:the account's token");
    let sent = got[0].head.to_ascii_lowercase();
    assert!(sent.contains(&format!("authorization: basic {}", login.to_ascii_lowercase())));
    assert_eq!((got[0].field("To"), got[0].field("From")), ("+919812345678", "+15005550006"));
    let body = got[0].field("Body");
    assert!(body.starts_with("123456 is your code & more: ß"), "{body}");
    assert_eq!(body.chars().count(), 320, "what it costs is bounded");
}

#[tokio::test]
async fn a_gateways_answer_decides_what_becomes_of_a_text_message() {
    let gateway = TestTextGateway::start().await;
    let elsewhere = TestTextGateway::start().await;
    let bank = with_texts(&gateway).await;
    let cases = [
        (TextMood::Status(201), SENT),
        (TextMood::Status(500), WAITING),
        (TextMood::Status(429), WAITING),
        (TextMood::Status(401), WAITING),
        (TextMood::Silent, WAITING),
        (TextMood::Status(400), FAILED),
        // Following it would carry the code away.
        (TextMood::Redirect(format!("{}/x", elsewhere.url())), FAILED),
    ];
    for (n, (mood, becomes)) in cases.into_iter().enumerate() {
        let before = number(&bank, becomes).await;
        gateway.set(mood.clone());
        let to = format!("+9198123456{n:02}");
        let _id = send(&bank, text_message(&to, "123456")).await.expect("queued");
        let _ended = delivered(&bank).await;
        assert_eq!(number(&bank, becomes).await, before + 1, "{mood:?}");
    }
    assert!(elsewhere.texts().is_empty());
}

// ASVS 6.6.3: codes by SMS and e-mail are limited against abuse.
#[tokio::test]
async fn one_destination_gets_five_in_an_hour_and_ten_in_a_day() {
    let bank = TestBank::new().await;
    let code = || mail("asha@example.test", "123456");
    for _ in 0..5 {
        let _id = send(&bank, code()).await.expect("within the cap");
        bank.advance(60);
    }
    let wait = 55 * 60;
    let refused = SendRefusal::TooManyForDestination { retry_after: wait };
    assert_eq!(send(&bank, code()).await, Err(refused));
    bank.advance(i64::from(wait) - 1);
    assert_eq!(
        send(&bank, code()).await,
        Err(SendRefusal::TooManyForDestination { retry_after: 1 })
    );
    bank.advance(1);
    for _ in 0..5 {
        let _id = send(&bank, code()).await.expect("the first have left the window");
        bank.advance(60);
    }
    bank.advance(HOUR);
    let day = send(&bank, code()).await.expect_err("ten in a day");
    assert!(
        matches!(day, SendRefusal::TooManyForDestination { retry_after } if retry_after > 3_600)
    );
    // Another purpose and another destination have caps of their own.
    let other = Message { purpose: "other_code", ..code() };
    let _id = send(&bank, other).await.expect("another purpose");
    let _id = send(&bank, mail("bela@example.test", "1")).await.expect("another destination");
    let refusals = "SELECT outcome FROM events WHERE action = 'message.refused'";
    assert_eq!(texts(&bank, refusals).await, ["too_many_for_destination"; 3]);
}

#[tokio::test]
async fn many_at_once_to_one_destination_do_not_pass_its_cap() {
    let bank = TestBank::new().await;
    let sent = join_all((0..64).map(|_| send(&bank, mail("asha@example.test", "123456")))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 5);
    assert_eq!(inbox(&bank).await.len(), 5);
}

#[tokio::test]
async fn all_destinations_together_have_a_cap_and_notices_go_through_it() {
    let bank = TestBank::with(|config| config.messages.caps.mail_hour = 3).await;
    let asha = bank.customer("Asha").await;
    for n in 0..3 {
        let _id = send(&bank, mail(&format!("p{n}@example.test"), "1")).await.expect("within");
    }
    let refused = send(&bank, mail("p9@example.test", "1")).await.expect_err("the cap");
    assert_eq!(refused, SendRefusal::TooManyInAll { retry_after: 3_600 });
    let id = asha.id.parse().expect("an id");
    for _ in 0..20 {
        let act = bank.bank().system_act("test");
        let notice =
            Notice { purpose: "test_notice", subject: "News", text: "It happened.".to_owned() };
        let told = bank
            .bank()
            .db()
            .write("test.notify", move |tx| outbox::notify_in(tx, &act, &id, &notice));
        told.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    }
    let notices = inbox(&bank).await.into_iter().filter(|m| m["purpose"] == "test_notice");
    assert_eq!(notices.count(), 20);
}

#[tokio::test]
async fn notices_by_text_message_cannot_use_up_the_codes_and_have_a_cap() {
    let bank = TestBank::new().await;
    for _ in 0..20 {
        let act = bank.bank().system_act("test");
        let notice = Notice { purpose: "test_notice", subject: "News", text: "It.".to_owned() };
        let told = bank.bank().db().write("test.notify", move |tx| {
            outbox::notify_number_in(tx, &act, "+919812345678", &notice)
        });
        told.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    }
    assert_eq!(inbox(&bank).await.len(), 5, "each costs money");
    let _id = send(&bank, text_message("+919812345678", "123456")).await.expect("a code");
}

#[tokio::test]
async fn numbers_outside_the_list_and_banks_without_a_gateway_send_nothing() {
    let gateway = TestTextGateway::start().await;
    let bank = with_texts(&gateway).await;
    for number in ["+88216000000", "+9", "+19005550000"] {
        let sent = send(&bank, text_message(number, "123456")).await;
        assert_eq!(sent, Err(SendRefusal::NotServed), "{number}");
    }
    let real = TestBank::with(|config| config.demo = false).await;
    let sent = send(&real, text_message("+919812345678", "123456")).await;
    assert_eq!(sent, Err(SendRefusal::NotOffered));
    let asha = real.customer("Asha").await;
    let body = json!({ "phone": "+919812345678" });
    asha.client.post("/v1/factors/sms", &body).await.refused(422, "sms_not_offered");
}
