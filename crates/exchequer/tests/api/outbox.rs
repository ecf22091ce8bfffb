//! The outbox: what leaves the bank, when it does not, and what it costs at most.

use std::sync::Arc;

use exchequer::config::{Config, MailServer, MailTls};
use exchequer::jobs::{Job, MESSAGES_KEPT};
use exchequer::outbox::{self, Channel, Message, SendRefusal};
use futures_util::future::join_all;
use money::MessageId;
use serde_json::{Value, json};
use store::DbError;
use testkit::TestBank;
use testkit::mail::{MailMood, TestMailServer};
use tokio::sync::watch;
use vault::SecretString;

use crate::outbox_caps::text_message;
use crate::rows::{execute, number, texts};
use crate::sessions::post;

const HOUR: i64 = 3_600;
pub const WAITING: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE status = 0";
pub const SENT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE status = 1";
pub const FAILED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE status = 2";
const TOO_LATE: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE status = 3";
const WITH_TEXT: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox \
     WHERE text_sealed IS NOT NULL OR destination_sealed IS NOT NULL";

/// What the demo's inbox holds, newest first.
pub async fn inbox(bank: &TestBank) -> Vec<Value> {
    let reply = bank.client().get("/demo/inbox.json").await.expect(200).json();
    reply["data"].as_array().expect("a list").clone()
}

pub fn mail_server(config: &mut Config, server: &TestMailServer, tls: MailTls) {
    let password = Arc::new(SecretString::new("the bank's own".to_owned()));
    config.messages.mail = Some(MailServer {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        tls,
        login: Some(("bank".to_owned(), password)),
    });
    config.messages.send_seconds = 1;
}

pub async fn with_mail(server: &TestMailServer) -> TestBank {
    TestBank::with(|config| mail_server(config, server, MailTls::None)).await
}

pub fn mail(to: &str, text: &str) -> Message {
    Message {
        channel: Channel::Email,
        destination: to.to_owned(),
        purpose: "test_code",
        subject: Some("Your code".to_owned()),
        text: text.to_owned(),
        lives_seconds: 300,
    }
}

pub async fn send(bank: &TestBank, message: Message) -> Result<MessageId, SendRefusal> {
    let act = bank.bank().system_act("test");
    let sent = bank.bank().db().write("test.send", move |tx| outbox::send_in(tx, &act, &message));
    sent.await.unwrap_or_else(|error: DbError| panic!("{error}"))
}

/// One run of both channels.
async fn deliver(bank: &TestBank) -> Result<u64, DbError> {
    let (_running, stop) = watch::channel(false);
    let mails = Job::DeliverMails.run(bank.bank(), &stop).await?;
    let texts = Job::DeliverTexts.run(bank.bank(), &stop).await?;
    Ok(mails + texts)
}

pub async fn delivered(bank: &TestBank) -> u64 {
    deliver(bank).await.expect("the delivery runs")
}

#[tokio::test]
async fn the_inbox_of_a_demo_shows_the_newest_first_and_is_kept_by_nobody() {
    let bank = TestBank::new().await;
    let _one = send(&bank, mail("a@example.test", "the older one")).await.expect("sent");
    let hostile = "<script>alert(1)</script> 654321";
    let _two = send(&bank, text_message("+919812345678", hostile)).await.expect("sent");
    let shown = inbox(&bank).await;
    let told: Vec<_> = shown.iter().map(|m| (m["channel"].as_str(), m["text"].as_str())).collect();
    assert_eq!(told, [(Some("sms"), Some(hostile)), (Some("email"), Some("the older one"))]);
    assert_eq!(shown[0]["to"], "+919812345678");
    let page = bank.client().get("/demo/inbox").await.expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let html = String::from_utf8(page.body.to_vec()).expect("UTF-8");
    assert!(html.contains("654321") && !html.contains("<script>"), "{html}");
    assert!(html.find("654321") < html.find("the older one"), "newest first");
    // Nothing waits for a job.
    assert_eq!((number(&bank, WAITING).await, delivered(&bank).await), (0, 0));
}

// ASVS 13.4.2, 15.2.3: what is for trying out is not there in a real bank.
#[tokio::test]
async fn a_real_bank_has_no_inbox() {
    let bank = TestBank::with(|config| config.demo = false).await;
    let nowhere = bank.client().get("/demo/nothing").await;
    let reply = bank.client().get("/demo/inbox.json").await;
    reply.refused(404, "not_found");
    assert_eq!(reply.json()["title"], nowhere.json()["title"]);
    assert_eq!(bank.client().get("/demo/inbox").await.status, 404);
}

#[tokio::test]
async fn a_mail_is_delivered_once_and_its_row_is_emptied() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    bank.secret("code 123456");
    bank.secret("asha@example.test");
    let id = send(&bank, mail("asha@example.test", "code 123456")).await.expect("queued");
    assert_eq!(number(&bank, WITH_TEXT).await, 1);
    assert_eq!((delivered(&bank).await, delivered(&bank).await), (1, 0));
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "asha@example.test");
    assert!(mails[0].data.contains("code 123456"), "{}", mails[0].data);
    assert!(mails[0].data.contains(&format!("Message-ID: <{id}@")), "{}", mails[0].data);
    assert_eq!((number(&bank, SENT).await, number(&bank, WITH_TEXT).await), (1, 0));
    // What was sent is not in a demo's inbox: there is nothing left to show.
    assert!(inbox(&bank).await.is_empty());
}

// ASVS 6.3.8: what nobody gets is written, and waits, like what somebody gets: a shorter row was quicker to write.
#[tokio::test]
async fn a_mail_for_nobody_is_a_row_like_any_other_until_the_delivery_empties_it() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let proven = "UPDATE customers SET email_verified_at = created_at \
                  WHERE id = (SELECT id FROM customers ORDER BY id LIMIT 1)";
    assert_eq!(execute(&bank, proven).await, 1);
    let registered = delivered(&bank).await;
    let invented = ["nobody@example.test", "no-one@example.test"];
    for email in [asha.email.as_str(), bela.email.as_str()].into_iter().chain(invented) {
        let asked = json!({ "email": email });
        let _told = post(&bank, "/v1/auth/password/forgot", &asked).await.expect(202);
    }
    let rows = "SELECT CAST(status AS TEXT) || ' ' || CAST(length(text_sealed) AS TEXT) || ' ' || \
                CAST(next_at - created_at AS TEXT) FROM outbox WHERE purpose = 'password_reset'";
    let shapes = texts(&bank, rows).await;
    assert_eq!(shapes.len(), 4);
    assert!(
        shapes[0].starts_with("0 ") && shapes.iter().all(|row| *row == shapes[0]),
        "{shapes:?}"
    );
    // Each event is of somebody, and all invented addresses are the same nobody: no salt for each in the log.
    let of_nobody = "SELECT CAST(COUNT(*) AS BIGINT) FROM events \
                     WHERE action = 'password.reset_asked' AND subject IS NULL";
    let subjects = "SELECT CAST(COUNT(DISTINCT subject) AS BIGINT) FROM events \
                    WHERE action = 'password.reset_asked'";
    assert_eq!((number(&bank, of_nobody).await, number(&bank, subjects).await), (0, 3));
    assert_eq!((delivered(&bank).await, delivered(&bank).await), (1, 0));
    let mails = server.mails();
    assert_eq!(
        (mails.len() as u64, mails.last().map(|m| &m.to)),
        (registered + 1, Some(&asha.email))
    );
    assert_eq!((number(&bank, WAITING).await, number(&bank, WITH_TEXT).await), (0, 0));
    let given_up = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'message.given_up'";
    assert_eq!(number(&bank, given_up).await, 0, "nothing was lost");
}

// ASVS 1.3.11: no text adds a command or a second mail to the talk with the mail server.
#[tokio::test]
async fn line_ends_unicode_and_length_do_not_get_out_of_their_place() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let mut message = mail("asha@example.test", "a\r\n.\r\nMAIL FROM:<mallory@example.test>\r\nb");
    message.subject = Some(format!("Hi\r\nBcc: all@example.test\r\n\r\n{}", "李".repeat(500)));
    let _id = send(&bank, message).await.expect("queued");
    assert_eq!(delivered(&bank).await, 1);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "a second mail was smuggled in");
    let (head, body) = mails[0].data.split_once("\r\n\r\n").expect("a head and a body");
    assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
    assert!(head.is_ascii(), "{head}");
    assert!(body.contains("MAIL FROM"), "{body}");
    let froms = server.commands().iter().filter(|line| line.starts_with("MAIL")).count();
    assert_eq!(froms, 1);
}

#[tokio::test]
async fn a_code_that_is_too_late_is_not_sent() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    bank.advance(300);
    assert_eq!(delivered(&bank).await, 1);
    assert!(server.mails().is_empty());
    assert_eq!((number(&bank, TOO_LATE).await, number(&bank, WITH_TEXT).await), (1, 0));
    let given_up = "SELECT outcome FROM events WHERE action = 'message.given_up'";
    assert_eq!(texts(&bank, given_up).await, ["too_late"]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_with_growing_pauses() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    server.set(MailMood::Refusing(451));
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    let rcpts = || server.commands().iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!((delivered(&bank).await, rcpts()), (0, 1));
    for (pause, tries) in [(2, 2), (4, 3), (8, 4)] {
        bank.advance(pause - 1);
        assert_eq!((delivered(&bank).await, rcpts()), (0, tries - 1), "too early");
        bank.advance(1);
        assert_eq!((delivered(&bank).await, rcpts()), (0, tries));
    }
    server.set(MailMood::Kind);
    bank.advance(16);
    assert_eq!((delivered(&bank).await, server.mails().len()), (1, 1));
    assert_eq!((number(&bank, SENT).await, number(&bank, WAITING).await), (1, 0));
}

#[tokio::test]
async fn a_lasting_refusal_is_final_and_leaves_nothing_but_an_event() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    // The server's words repeat the address: they must not reach the log.
    bank.secret("the@address.test");
    server.set(MailMood::Refusing(550));
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    assert_eq!(delivered(&bank).await, 1);
    assert_eq!((number(&bank, FAILED).await, number(&bank, WITH_TEXT).await), (1, 0));
    let given_up = "SELECT outcome FROM events WHERE action = 'message.given_up'";
    assert_eq!(texts(&bank, given_up).await, ["failed"]);
    bank.advance(HOUR);
    assert_eq!(delivered(&bank).await, 0);
}

#[tokio::test]
async fn a_refused_login_of_our_own_loses_no_message() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    server.set(MailMood::RefusingLogin(535));
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    assert_eq!((delivered(&bank).await, number(&bank, WAITING).await), (0, 1));
    server.set(MailMood::Kind);
    bank.advance(2);
    assert_eq!((delivered(&bank).await, server.mails().len()), (1, 1));
}

// ASVS 12.3.2: a mail server with no TLS, or a false one, is told nothing.
#[tokio::test]
async fn a_server_without_tls_gets_neither_password_nor_message() {
    for mood in [MailMood::Kind, MailMood::FalseTls] {
        let server = TestMailServer::start().await;
        server.set(mood);
        for tls in [MailTls::Required, MailTls::Wrapped] {
            let bank = TestBank::with(|config| mail_server(config, &server, tls)).await;
            let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
            assert_eq!((delivered(&bank).await, number(&bank, WAITING).await), (0, 1));
        }
        let said = server.commands();
        let told = |line: &&String| line.starts_with("AUTH") || line.starts_with("MAIL");
        assert_eq!(said.iter().find(told), None, "{mood:?}: {said:?}");
    }
}

// ASVS 13.2.6: a silent mail server costs the limit that was set.
#[tokio::test]
async fn a_silent_server_costs_its_limit_and_the_message_waits() {
    let server = TestMailServer::start().await;
    server.set(MailMood::Silent);
    let bank = with_mail(&server).await;
    for n in 0..3 {
        let to = format!("person{n}@example.test");
        let _id = send(&bank, mail(&to, "123456")).await.expect("queued");
    }
    let began = tokio::time::Instant::now();
    assert_eq!(delivered(&bank).await, 0);
    assert!(began.elapsed().as_secs() < 10, "one after the other");
    assert_eq!(number(&bank, WAITING).await, 3);
}

#[tokio::test]
async fn an_answer_that_got_lost_sends_the_same_message_again() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    server.set(MailMood::ClosingAfterData);
    let id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    assert_eq!(delivered(&bank).await, 0);
    server.set(MailMood::Kind);
    bank.advance(2);
    assert_eq!(delivered(&bank).await, 1);
    let mails = server.mails();
    let same = |m: &testkit::mail::ReceivedMail| m.data.contains(&format!("Message-ID: <{id}@"));
    assert!(mails.len() == 2 && mails.iter().all(same), "at least once, under one id: {mails:?}");
}

#[tokio::test]
async fn a_crash_between_sending_and_marking_sends_again_after_the_lease() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    bank.bank().db().faults().fail_at("outbox.mark", 1);
    assert!(deliver(&bank).await.is_err());
    assert_eq!((server.mails().len(), number(&bank, WAITING).await), (1, 1));
    // Another node does not take what may still be in somebody's hands.
    bank.advance(89);
    assert_eq!((delivered(&bank).await, server.mails().len()), (0, 1));
    bank.advance(1);
    assert_eq!((delivered(&bank).await, server.mails().len()), (1, 2));
    assert_eq!(number(&bank, SENT).await, 1);
}

#[tokio::test]
async fn of_several_deliveries_at_once_one_has_each_message() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    for n in 0..40 {
        let to = format!("person{n}@example.test");
        let _id = send(&bank, mail(&to, "123456")).await.expect("queued");
    }
    let at_once = join_all((0..4).map(|_| deliver(&bank))).await;
    let sent: u64 = at_once.into_iter().map(|sent| sent.expect("the delivery runs")).sum();
    assert_eq!((sent, server.mails().len(), number(&bank, SENT).await), (40, 40, 40));
}

#[tokio::test]
async fn a_sealed_text_that_was_moved_to_another_row_is_sent_to_nobody() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let _one = send(&bank, mail("asha@example.test", "for Asha")).await.expect("queued");
    bank.advance(1);
    let _two = send(&bank, mail("mallory@example.test", "for Mallory")).await.expect("queued");
    let swap = "UPDATE outbox SET text_sealed = (SELECT text_sealed FROM outbox ORDER BY id \
                LIMIT 1) WHERE id <> (SELECT id FROM outbox ORDER BY id LIMIT 1)";
    assert_eq!(execute(&bank, swap).await, 1);
    assert_eq!(delivered(&bank).await, 2);
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "asha@example.test");
    assert_eq!(number(&bank, FAILED).await, 1);
}

#[tokio::test]
async fn without_a_mail_server_mails_wait_until_they_are_too_late() {
    let bank = TestBank::with(|config| config.demo = false).await;
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    assert_eq!((delivered(&bank).await, number(&bank, WAITING).await), (0, 1));
    bank.advance(299);
    assert_eq!((delivered(&bank).await, number(&bank, WITH_TEXT).await), (0, 1));
    bank.advance(1);
    assert_eq!((delivered(&bank).await, number(&bank, TOO_LATE).await), (1, 1));
    assert_eq!(number(&bank, WITH_TEXT).await, 0);
}

#[tokio::test]
async fn rows_of_messages_are_deleted_after_30_days_unless_they_wait() {
    let bank = TestBank::new().await;
    let (_running, stop) = watch::channel(false);
    let _id = send(&bank, mail("asha@example.test", "123456")).await.expect("shown");
    bank.advance(MESSAGES_KEPT - 1);
    for job in [Job::DeleteMessages, Job::DeleteDestinations] {
        assert_eq!(job.run(bank.bank(), &stop).await.expect("it runs"), 0);
    }
    bank.advance(1);
    for job in [Job::DeleteMessages, Job::DeleteDestinations] {
        assert_eq!(job.run(bank.bank(), &stop).await.expect("it runs"), 1);
    }
    assert!(inbox(&bank).await.is_empty());
}

/// A version that does not know what is written for nobody neither empties nor ends it.
#[tokio::test]
async fn what_waits_is_kept_and_what_is_for_nobody_goes_undelivered_too() {
    let server = TestMailServer::start().await;
    let bank = with_mail(&server).await;
    let (_running, stop) = watch::channel(false);
    let _waits = send(&bank, mail("asha@example.test", "123456")).await.expect("queued");
    let asked = json!({ "email": "nobody@example.test" });
    let _told = post(&bank, "/v1/auth/password/forgot", &asked).await.expect(202);
    assert_eq!(number(&bank, WITH_TEXT).await, 2);
    bank.advance(MESSAGES_KEPT - 1);
    assert_eq!(Job::DeleteMessages.run(bank.bank(), &stop).await.expect("it runs"), 0);
    bank.advance(1);
    assert_eq!(Job::DeleteMessages.run(bank.bank(), &stop).await.expect("it runs"), 1);
    let left = "SELECT channel FROM outbox";
    assert_eq!(texts(&bank, left).await, ["email"]);
}
