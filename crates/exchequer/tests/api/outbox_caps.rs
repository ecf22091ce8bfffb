//! Text messages, and the caps that keep messages from costing more than they should.

use std::sync::Arc;

use exchequer::config::{Config, SmsGateway};
use exchequer::outbox::{self, Channel, Message, Notice, SendRefusal};
use futures_util::future::join_all;
use serde_json::json;
use store::{DbError, Tx};
use testkit::texts::{TestTextGateway, TextMood};
use testkit::{Person, TestBank};
use vault::SecretString;

use crate::outbox::{FAILED, SENT, WAITING, delivered, inbox, mail, send};
use crate::rows::{number, texts};

const HOUR: i64 = 3_600;

pub fn text_gateway(config: &mut Config, gateway: &TestTextGateway) {
    config.messages.sms = Some(SmsGateway {
        url: gateway.url(),
        account: "AC1".to_owned(),
        token: Arc::new(SecretString::new("the account's token".to_owned())),
        from: "+15005550006".to_owned(),
    });
    config.messages.sms_prefixes = vec!["+91".to_owned()];
    config.messages.send_seconds = 1;
}

async fn with_texts(gateway: &TestTextGateway) -> TestBank {
    TestBank::with(|config| text_gateway(config, gateway)).await
}

/// A notice to a customer's own address.
pub async fn tell(bank: &TestBank, person: &Person) {
    let (act, id) = (bank.bank().system_act("test"), person.id.parse().expect("an id"));
    let text = "It happened.".to_owned();
    let notice = Notice { purpose: "test_notice", subject: "News", text };
    let notify = move |tx: &mut Tx<'_>| outbox::notify_in(tx, &act, &id, &notice);
    let told = bank.bank().db().write("test.notify", notify);
    told.await.unwrap_or_else(|error: DbError| panic!("{error}"));
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
    for _ in 0..20 {
        tell(&bank, &asha).await;
    }
    let notices = inbox(&bank).await.into_iter().filter(|m| m["purpose"] == "test_notice");
    assert_eq!(notices.count(), 20);
}

// Each address counts for itself: else a stranger who invents many would keep the bank's mails from everybody.
#[tokio::test]
async fn invented_addresses_do_not_use_up_the_mails_of_real_ones() {
    let bank = TestBank::with(|config| config.messages.caps.mail_hour = 3).await;
    let asha = bank.customer("Asha").await;
    bank.confirm_email(&asha).await;
    let forgot = async |email: &str| {
        let body = json!({ "email": email }).to_string().into_bytes();
        bank.client().post_raw("/v1/auth/password/forgot", None, body).await.expect(202)
    };
    for n in 0..10 {
        let _told = forgot(&format!("invented{n}@example.test")).await;
    }
    let _told = forgot(&asha.email).await;
    assert_eq!(inbox(&bank).await[0]["purpose"], "password_reset");
    for n in 0..2 {
        let _id = send(&bank, mail(&format!("p{n}@example.test"), "1")).await.expect("within");
    }
    let refused = send(&bank, mail("p9@example.test", "1")).await.expect_err("real ones count");
    assert_eq!(refused, SendRefusal::TooManyInAll { retry_after: 3_600 });
    // Each invented one still has its own cap, and the full channel is met by both.
    let events = "SELECT outcome FROM events WHERE action = 'message.refused'";
    let _told = forgot("invented99@example.test").await;
    let _told = forgot(&asha.email).await;
    assert_eq!(texts(&bank, events).await, ["too_many_in_all"; 3]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nobody_waiting_until_it_is_there_again() {
    let bank = TestBank::with(|config| config.messages.caps.mail_hour = 5).await;
    let code = || mail("asha@example.test", "123456");
    for _ in 0..5 {
        let _id = send(&bank, code()).await.expect("within the cap");
    }
    // A little counts, as if it were now.
    bank.advance(-600);
    let refused = send(&bank, code()).await.expect_err("the cap of an hour");
    assert_eq!(refused, SendRefusal::TooManyForDestination { retry_after: 4_200 });
    bank.advance(-400 * 24 * HOUR);
    for _ in 0..5 {
        let _id = send(&bank, code()).await.expect("no cap reaches so far ahead");
    }
    let refused = send(&bank, code()).await.expect_err("the cap holds from here on");
    assert_eq!(refused, SendRefusal::TooManyForDestination { retry_after: 3_600 });
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
