//! The job that tells of payments: no message twice, none lost, few at all, whatever happens in between.

use exchequer::config::{MailServer, MailTls};
use exchequer::jobs::Job;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::TestBank;
use tokio::sync::watch;

use crate::alerts::{WRITTEN, pay, proven, tell, telling, told};
use crate::rows::{execute, number};
use crate::transfers::Pair;

const GATHERED: &str = "SELECT CAST(COALESCE(SUM(payments), 0) AS BIGINT) FROM alerts_gathered";
const HOUR: i64 = 3_600;

/// So many payments at once.
async fn crowd(p: &Pair, payments: usize) {
    let transfers: Vec<Value> = (0..payments).map(|_| p.order(1)).collect();
    let batch = json!({ "transfers": transfers, "atomic": true });
    let _sent = p.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
}

#[tokio::test]
async fn a_bank_that_was_there_before_tells_nothing_of_old_payments() {
    // As after an upgrade: payments, and a log that does not reach them yet.
    let bank = TestBank::with(|config| config.messages.payment_alerts = true).await;
    let p = proven(Pair::on(bank).await).await;
    crowd(&p, 400).await;
    p.bank.advance(1);
    assert_eq!(tell(&p.bank).await, 0);
    assert_eq!(tell(&p.bank).await, 0);
    let _sent = pay(&p, 5).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4);
    assert_eq!(number(&p.bank, WRITTEN).await, 2);
}

#[tokio::test]
async fn a_crowd_of_payments_is_one_message_and_a_day_of_them_few() {
    let mut p = telling().await;
    p.bank.deposit(&p.teller, &p.from, 100_000, "INR").await;
    let _deposits = tell(&p.bank).await;
    p.bank.advance(2 * HOUR);
    p.bank.sign_in(&mut p.asha).await;
    crowd(&p, 500).await;
    assert_eq!(tell(&p.bank).await, 1_002);
    let text = &told(&p.bank, &p.asha).await[0];
    assert_eq!(text.matches("INR 0.01 left your account").count(), 5, "{text}");
    assert!(text.contains("In all 500 payments in INR left your accounts, together INR 5.00;"));
    // One each 20 seconds, until the hour's messages are used up; then all of them together.
    let before = told(&p.bank, &p.asha).await.len();
    for _ in 0..14 {
        let _sent = pay(&p, 1).await.expect(201);
        let _told = tell(&p.bank).await;
        p.bank.advance(20);
    }
    assert_eq!(told(&p.bank, &p.asha).await.len() - before, 9, "and the crowd's is ten");
    assert_eq!(number(&p.bank, GATHERED).await, 2 * 5, "five wait for each of the two");
    p.bank.advance(HOUR - 14 * 20 - 1);
    assert_eq!(tell(&p.bank).await, 0);
    p.bank.advance(1);
    assert_eq!(tell(&p.bank).await, 2);
    assert_eq!(told(&p.bank, &p.asha).await.len() - before, 10);
    assert_eq!(number(&p.bank, GATHERED).await, 0);
}

#[tokio::test]
async fn a_mail_server_that_is_gone_keeps_one_message_back_and_loses_no_payment() {
    let bank = TestBank::with(|config| {
        config.messages.payment_alerts = true;
        // Nothing delivers in this test.
        config.messages.mail = Some(MailServer {
            host: "127.0.0.1".to_owned(),
            port: 9,
            tls: MailTls::None,
            login: None,
        });
    })
    .await;
    let _begun = tell(&bank).await;
    let p = proven(Pair::on(bank).await).await;
    assert_eq!(tell(&p.bank).await, 2);
    for _ in 0..5 {
        let _sent = pay(&p, 100).await.expect(201);
        let _told = tell(&p.bank).await;
        p.bank.advance(60);
    }
    assert_eq!(number(&p.bank, WRITTEN).await, 2, "one for each of the two");
    assert_eq!(number(&p.bank, GATHERED).await, 5 + 4);
    let sent = "UPDATE outbox SET status = 1, destination_sealed = NULL, text_sealed = NULL \
                WHERE purpose = 'payment_alert'";
    assert_eq!(execute(&p.bank, sent).await, 2);
    p.bank.advance(60);
    assert_eq!(tell(&p.bank).await, 2);
    assert_eq!((number(&p.bank, WRITTEN).await, number(&p.bank, GATHERED).await), (4, 0));
}

#[tokio::test]
async fn where_no_mail_goes_anywhere_nothing_is_gathered() {
    let bank = TestBank::with(|config| {
        config.messages.payment_alerts = true;
        config.demo = false;
    })
    .await;
    let _begun = tell(&bank).await;
    let p = proven(Pair::on(bank).await).await;
    let _sent = pay(&p, 100).await.expect(201);
    assert_eq!(tell(&p.bank).await, 0);
    assert_eq!((number(&p.bank, WRITTEN).await, number(&p.bank, GATHERED).await), (0, 0));
    // With a server from now on, what comes from now on is told.
    let other = p.bank.other_bank_with(|config| config.demo = true).await;
    let _sent = pay(&p, 100).await.expect(201);
    let (_running, stop) = watch::channel(false);
    let _leaves = Job::WriteLog.run(p.bank.bank(), &stop).await.expect("the log");
    assert_eq!(Job::TellPayments.run(&other, &stop).await.expect("told"), 4);
}

// RBI DPSC 5: a crash between any two statements loses no message and sends none twice.
#[tokio::test]
async fn a_failure_at_any_statement_tells_once() {
    for verb in ["payments.gather", "payments.tell"] {
        let mut p = telling().await;
        let _deposit = tell(&p.bank).await;
        let (_running, stop) = watch::channel(false);
        let mut rounds = 0;
        for statement in 1.. {
            assert!(statement < 100, "{verb} has an end");
            let _sent = pay(&p, 10).await.expect(201);
            let _leaves = Job::WriteLog.run(p.bank.bank(), &stop).await.expect("the log");
            let before = number(&p.bank, WRITTEN).await;
            p.bank.bank().db().faults().fail_at(verb, statement);
            let failed = Job::TellPayments.run(p.bank.bank(), &stop).await.is_err();
            let is_past_the_end = p.bank.bank().db().faults().disarm();
            assert_ne!(failed, is_past_the_end, "{verb} {statement}");
            let _again = tell(&p.bank).await;
            let after = number(&p.bank, WRITTEN).await;
            assert_eq!(after - before, 2, "{verb}, statement {statement}");
            assert_eq!(number(&p.bank, GATHERED).await, 0);
            // Another hour, so that no message waits for one.
            p.bank.advance(2 * HOUR);
            p.bank.sign_in(&mut p.asha).await;
            rounds += 1;
            if is_past_the_end {
                break;
            }
        }
        assert!(rounds > 5, "{verb} has {rounds} statements");
    }
}

#[tokio::test]
async fn several_nodes_tell_once() {
    let p = telling().await;
    let _deposit = tell(&p.bank).await;
    let (one, two) = (p.bank.other_bank().await, p.bank.other_bank().await);
    let (_running, stop) = watch::channel(false);
    for round in 1..=5 {
        crowd(&p, 100).await;
        let _leaves = Job::WriteLog.run(p.bank.bank(), &stop).await.expect("the log");
        let nodes = [p.bank.bank(), &one, &two];
        let ran = join_all(nodes.map(|node| Job::TellPayments.run(node, &stop))).await;
        let told: u64 = ran.into_iter().map(|ran| ran.expect("it runs")).sum();
        assert_eq!(told, 202, "round {round}");
    }
    // The deposit's, and two for each round.
    assert_eq!(number(&p.bank, WRITTEN).await, 11);
    assert_eq!(number(&p.bank, GATHERED).await, 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_message_for_ever() {
    let p = telling().await;
    let _deposit = tell(&p.bank).await;
    let ahead = "UPDATE alerts_told SET hour_at = hour_at + 999999000000, incoming = 10, \
                 outgoing = 10";
    assert_eq!(execute(&p.bank, ahead).await, 1);
    let _sent = pay(&p, 10).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4);
    let _sent = pay(&p, 10).await.expect(201);
    let (_running, stop) = watch::channel(false);
    let _leaves = Job::WriteLog.run(p.bank.bank(), &stop).await.expect("the log");
    let late = "UPDATE alerts_told SET due_at = hour_at + 999999000000";
    assert_eq!(execute(&p.bank, late).await, 2);
    assert_eq!(tell(&p.bank).await, 4, "due in eleven days, which nobody has said");
    let began = "UPDATE job_places SET at = at + 999999000000 WHERE job = 'payments.tell_since'";
    assert_eq!(execute(&p.bank, began).await, 1);
    let _sent = pay(&p, 10).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4, "begun by a clock that was ahead");
}

// Whoever is about to steal could pay their victim ten small sums first.
#[tokio::test]
async fn payments_to_somebody_keep_nothing_that_leaves_from_being_told() {
    let p = telling().await;
    for _ in 0..12 {
        let _sent = pay(&p, 10).await.expect(201);
        let _told = tell(&p.bank).await;
    }
    assert_eq!(told(&p.bank, &p.bela).await.len(), 10);
    let order = json!({ "from": p.to, "to": p.from, "amount": 100, "currency": "INR" });
    let _theft = p.bela.client.post("/v1/transfers", &order).await.expect(201);
    let _told = tell(&p.bank).await;
    let texts = told(&p.bank, &p.bela).await;
    assert!(texts[0].starts_with("INR 1.00 left your account"), "{}", texts[0]);
    assert_eq!(texts.len(), 11);
}

/// 256 messages that wait, as the last one but for the id.
macro_rules! waiting {
    ($id:literal) => {
        concat!(
            "INSERT INTO outbox (id, channel, purpose, counted, destination_sealed, \
             destination_index, text_sealed, status, attempts, next_at, created_at, expires_at, \
             sent_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 256) \
             SELECT ",
            $id,
            ", channel, 'notice', 0, destination_sealed, destination_index, text_sealed, 0, 0, \
             next_at, created_at, expires_at, NULL FROM n CROSS JOIN (SELECT * FROM outbox \
             WHERE purpose = 'payment_alert' LIMIT 1) AS one"
        )
    };
}

#[tokio::test]
async fn where_many_mails_wait_codes_and_notices_go_first() {
    let p = telling().await;
    let _deposit = tell(&p.bank).await;
    let waiting = match testkit::database::postgres_address() {
        Some(_) => waiting!("decode(lpad(to_hex(i), 32, '0'), 'hex')"),
        None => waiting!("unhex(printf('%032x', i))"),
    };
    assert_eq!(execute(&p.bank, waiting).await, 256);
    let _sent = pay(&p, 10).await.expect(201);
    assert_eq!(tell(&p.bank).await, 2, "they are gathered, and wait");
    let gone = "DELETE FROM outbox WHERE status = 0 AND purpose = 'notice'";
    assert_eq!(execute(&p.bank, gone).await, 256);
    assert_eq!(tell(&p.bank).await, 2);
    assert_eq!(number(&p.bank, GATHERED).await, 0);
}
