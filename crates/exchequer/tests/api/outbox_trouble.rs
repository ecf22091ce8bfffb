//! Mail servers in trouble: late, silent, away for days. What one of them does, the next mail and the other channel
//! must not feel.

use std::time::Duration;

use exchequer::config::MailTls;
use exchequer::jobs;
use exchequer::outbox::{Channel, Message};
use testkit::TestBank;
use testkit::mail::{MailMood, ReceivedMail, TestMailServer};
use testkit::texts::TestTextGateway;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::outbox::{FAILED, SENT, WAITING, delivered, mail, mail_server, send, with_mail};
use crate::outbox_caps::{tell, text_gateway, text_message};
use crate::rows::number;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn receivers(server: &TestMailServer) -> Vec<String> {
    server.mails().into_iter().map(|mail| mail.to).collect()
}

fn tries(server: &TestMailServer) -> usize {
    server.commands().iter().filter(|line| line.starts_with("RCPT")).count()
}

/// The answer that was not waited for is not taken for an answer to the next mail.
#[tokio::test]
async fn an_answer_that_comes_too_late_does_not_disturb_the_next_mail() {
    for (mood, arrives) in [(MailMood::LateAtRcpt, 1), (MailMood::LateAtData, 2)] {
        let server = TestMailServer::start().await;
        let bank = with_mail(&server).await;
        server.set(mood);
        let _first = send(&bank, mail("asha@example.test", "1")).await.expect("queued");
        assert_eq!((delivered(&bank).await, number(&bank, WAITING).await), (0, 1), "{mood:?}");
        server.set(MailMood::RefusingData(554));
        server.release();
        let _second = send(&bank, mail("bela@example.test", "2")).await.expect("queued");
        assert_eq!(delivered(&bank).await, 1, "{mood:?}");
        let ended = [number(&bank, FAILED).await, number(&bank, SENT).await];
        assert_eq!(ended, [1, 0], "{mood:?}: it was refused");
        // The first is tried again, and whoever comes after it gets what is theirs.
        server.set(MailMood::Kind);
        bank.advance(2);
        let _third = send(&bank, mail("chitra@example.test", "3")).await.expect("queued");
        assert_eq!((delivered(&bank).await, number(&bank, SENT).await), (2, 2), "{mood:?}");
        let got = receivers(&server);
        let of = |who: &str| got.iter().filter(|to| *to == who).count();
        let counts = ["asha@example.test", "bela@example.test", "chitra@example.test"].map(of);
        assert_eq!(counts, [arrives, 0, 1], "{mood:?}");
    }
}

#[tokio::test]
async fn each_mail_has_a_connection_of_its_own() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    for n in 0..3 {
        let to = format!("person{n}@example.test");
        let _id = send(&bank, mail(&to, "123456")).await.expect("queued");
        assert_eq!(delivered(&bank).await, 1);
    }
    let said = server.commands();
    let of = |verb: &str| said.iter().filter(|line| line.starts_with(verb)).count();
    assert_eq!(["EHLO", "AUTH", "DATA", "QUIT"].map(of), [3; 4], "{said:?}");
}

#[tokio::test]
async fn a_server_that_does_not_say_goodbye_gets_the_mail_once() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    server.set(MailMood::SilentAtQuit);
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    assert_eq!((delivered(&bank).await, number(&bank, SENT).await), (1, 1));
    bank.advance(60);
    assert_eq!((delivered(&bank).await, server.mails().len()), (0, 1));
}

// ASVS 15.4.4: mails and text messages wait apart.
#[tokio::test]
async fn a_mail_server_that_hangs_stops_no_text_message() {
    let (server, gateway) = (TestMailServer::start().await, TestTextGateway::start().await);
    server.set(MailMood::Silent);
    let bank = TestBank::with(|config| {
        mail_server(config, &server, MailTls::None);
        text_gateway(config, &gateway);
        config.messages.send_seconds = 60;
    })
    .await;
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    let (_running, stop) = watch::channel(false);
    let tasks = jobs::spawn(bank.bank(), stop);
    let patience = Duration::from_secs(20);
    timeout(patience, server.reached()).await.expect("the mail server is asked");
    let _id = send(&bank, text_message("+919812345678", "123456")).await.expect("queued");
    timeout(patience, gateway.reached()).await.expect("the text message goes out meanwhile");
    assert!(server.mails().is_empty());
    drop(tasks);
}

#[tokio::test]
async fn a_notice_outlives_a_mail_servers_bad_days_and_goes_out_within_the_hour() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let asha = bank.customer("Asha").await;
    server.set(MailMood::Refusing(451));
    tell(&bank, &asha).await;
    for _ in 0..6 * 24 {
        let _ended = delivered(&bank).await;
        bank.advance(HOUR);
    }
    assert_eq!((number(&bank, WAITING).await, number(&bank, FAILED).await), (1, 0));
    server.set(MailMood::Kind);
    assert_eq!((delivered(&bank).await, receivers(&server)), (1, vec![asha.email]));
}

#[tokio::test]
async fn a_notice_ends_after_its_week() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let asha = bank.customer("Asha").await;
    // The mail of the registration.
    assert_eq!((delivered(&bank).await, tries(&server)), (1, 1));
    server.set(MailMood::Refusing(451));
    tell(&bank, &asha).await;
    let _ended = delivered(&bank).await;
    bank.advance(7 * DAY - 1);
    assert_eq!((delivered(&bank).await, tries(&server)), (0, 3), "tried to the end");
    bank.advance(1);
    assert_eq!((delivered(&bank).await, tries(&server)), (1, 3));
    assert_eq!(number(&bank, WAITING).await, 0);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_put_a_message_off() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    server.set(MailMood::Refusing(451));
    let long = Message { lives_seconds: DAY, ..mail("asha@example.test", "123456") };
    let _id = send(&bank, long).await.expect("queued");
    assert_eq!((delivered(&bank).await, tries(&server)), (0, 1));
    bank.advance(-30 * DAY);
    assert_eq!((delivered(&bank).await, tries(&server)), (0, 2), "its time is a month off");
    // From here on its pauses are those of the clock as it is.
    assert_eq!((delivered(&bank).await, tries(&server)), (0, 2));
    server.set(MailMood::Kind);
    bank.advance(4);
    assert_eq!((delivered(&bank).await, server.mails().len()), (1, 1));
}

/// Whoever registers with somebody else's address chooses the name: it must not become the bank's words.
#[tokio::test]
async fn no_name_stands_in_a_mail() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let asha = bank.customer("Call 0900 666 666").await;
    tell(&bank, &asha).await;
    let body = serde_json::json!({ "email": asha.email }).to_string().into_bytes();
    let _told = bank.client().post_raw("/v1/auth/password/forgot", None, body).await.expect(202);
    assert_eq!(delivered(&bank).await, 2);
    let mails = server.mails();
    let names = |mail: &&ReceivedMail| mail.data.contains("Call 0900");
    assert_eq!(mails.iter().filter(names).count(), 0, "{mails:?}");
    let happened = mails.iter().filter(|mail| mail.data.contains("It happened."));
    assert_eq!(happened.count(), 1, "{mails:?}");
}

#[tokio::test]
async fn a_text_message_that_may_pass_is_tried_to_its_end() {
    let gateway = TestTextGateway::start().await;
    gateway.set(testkit::texts::TextMood::Status(503));
    let bank = TestBank::with(|config| text_gateway(config, &gateway)).await;
    let code = Message { channel: Channel::Sms, ..mail("+919812345678", "123456") };
    let _id = send(&bank, code).await.expect("queued");
    for _ in 0..30 {
        let _ended = delivered(&bank).await;
        bank.advance(10);
    }
    assert_eq!((delivered(&bank).await, number(&bank, WAITING).await), (1, 0), "five minutes");
    // 2, 4, 8, 16 seconds, then every half minute.
    assert!((12..=15).contains(&gateway.texts().len()), "{}", gateway.texts().len());
}
