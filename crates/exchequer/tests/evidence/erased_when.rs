//! When a customer is erased, and when not: a day early, with an account, a hold or a merchant, come back, by a clock that
//! jumps, cut off at any statement, by two nodes at once, beside a row that does not open, and under keys that are rotated.

use exchequer::http::service;
use exchequer::jobs::Job;
use exchequer::keys::master::Master;
use exchequer::keys::reseal::left;
use exchequer::keys::{self, KeyAct, SETTLED_SECONDS};
use exchequer::staff::model::Role;
use money::{CustomerId, Rng};
use serde_json::json;
use std::sync::Arc;
use store::rows::Origin;
use store::{DbError, params};
use testkit::Client;
use tokio::sync::watch;
use vault::{Purpose, USED_AFTER_SECONDS};

use crate::Town;
use crate::erased::rich;
use crate::shred::{DAY, DESTROYED, TOLD, close, forget, kept, number, shred, standing};

const ERASED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers WHERE erased_at IS NOT NULL \
                      AND length(email_sealed) = 0 AND phone_sealed IS NULL";
const SAID: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'customer.erased'";
/// What the erasing takes away of others' tables.
const FACTORS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM factors";
const MARKS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM log_salts WHERE closed_since IS NOT NULL";

/// Erased customers, and events that say so.
async fn erased(town: &Town) -> (i64, i64) {
    (number(&town.bank, ERASED).await, number(&town.bank, SAID).await)
}

async fn sql(town: &Town, text: &'static str) -> u64 {
    let run = town.bank.bank().db().write("spoil", move |tx| tx.execute(text, &[]));
    run.await.unwrap_or_else(|error: DbError| panic!("{text}: {error}"))
}

#[tokio::test]
async fn nobody_is_erased_before_the_time_and_a_day_of_it_is_to_be_sure() {
    let town = Town::new().await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1, "it is marked, though nothing of theirs is a leaf yet");
    for seconds in [kept(&town) - DAY, DAY - 1] {
        town.bank.advance(seconds);
        assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    }
    town.bank.advance(1);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "it is noted");
    town.bank.advance(DAY - 1);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    town.bank.advance(1);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (1, 1)));
    town.bank.advance(10 * kept(&town));
    assert_eq!((shred(&town).await, erased(&town).await), (0, (1, 1)), "once");
}

#[tokio::test]
async fn nobody_is_erased_where_the_bank_keeps_for_ever() {
    let bank = testkit::TestBank::with(|config| config.evidence.salt_days = 0).await;
    let town = Town::of(bank).await;
    close(&town).await;
    town.bank.advance(100 * 366 * DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
}

#[tokio::test]
async fn an_account_that_is_open_or_holds_money_keeps_its_owner() {
    let town = Town::new().await;
    let admin = town.bank.operator(Role::Admin).await;
    let path = format!("/v1/staff/accounts/{}/close", town.from);
    let hold = json!({ "from": town.from, "to": town.to, "amount": 10, "currency": "INR" });
    let hold = town.asha.client.post("/v1/holds", &hold).await.expect(201).text("/id");
    town.pay(1_000_000 - 10, None).await;
    admin.client.post(&path, &json!({})).await.refused(409, "balance_not_zero");
    standing(&town, "disable").await;
    for _ in 0..3 {
        assert_eq!(shred(&town).await, 0, "there is an account with a hold on it");
        town.bank.advance(kept(&town) + DAY);
    }
    // The hold runs out, the money is still there; then it goes, and the time begins.
    let (_go, stop) = watch::channel(false);
    assert_eq!(Job::ExpireHolds.run(town.bank.bank(), &stop).await.expect("it runs"), 1, "{hold}");
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    let teller = town.bank.operator(Role::Teller).await;
    let rest = json!({
        "account": town.from, "amount": 10, "currency": "INR", "reference": "cash"
    });
    let _paid = teller.client.post("/v1/staff/withdrawals", &rest).await.expect(201);
    let admin = town.bank.operator(Role::Admin).await;
    let _closed = admin.client.post(&path, &json!({})).await.expect(200);
    forget(&town).await;
    assert_eq!(erased(&town).await, (1, 1));
}

#[tokio::test]
async fn whose_account_a_merchant_is_paid_out_to_is_not_gone() {
    let town = Town::new().await;
    let admin = town.bank.operator(Role::Admin).await;
    let terms = json!({
        "name": "Otter & Sons", "fee_basis_points": 200, "fee_fixed": 10,
        "settlement_account": town.from
    });
    let _merchant = admin.client.post("/v1/staff/merchants", &terms).await.expect(201);
    close(&town).await;
    assert_eq!(shred(&town).await, 0, "its payments and disputes are somebody's");
    town.bank.advance(2 * kept(&town));
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    assert_eq!(sql(&town, "UPDATE merchants SET settlement = NULL").await, 1);
    forget(&town).await;
    assert_eq!(erased(&town).await, (1, 1));
}

#[tokio::test]
async fn who_is_locked_or_let_in_again_is_not_gone() {
    let town = Town::new().await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 1, "it is noted");
    standing(&town, "enable").await;
    assert_eq!(number(&town.bank, MARKS).await, 0, "at once");
    town.bank.advance(DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    standing(&town, "lock").await;
    town.bank.advance(2 * kept(&town));
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)), "a lock is for a while");
    standing(&town, "disable").await;
    forget(&town).await;
    assert_eq!(erased(&town).await, (1, 1));
}

#[tokio::test]
async fn a_clock_that_runs_ahead_for_an_hour_erases_nobody() {
    let town = Town::new().await;
    close(&town).await;
    let ahead = 10 * kept(&town);
    // Marked by the wrong clock: the mark stays, and is waited for.
    town.bank.advance(ahead);
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(-ahead);
    assert_eq!(shred(&town).await, 0);
    town.bank.advance(kept(&town) + 2 * DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    // Until somebody says that they are gone from now on.
    standing(&town, "enable").await;
    standing(&town, "disable").await;
    assert_eq!((shred(&town).await, shred(&town).await), (1, 0));
    // Due by the wrong clock: it is noted, and taken back.
    town.bank.advance(ahead);
    for _ in 0..4 {
        let _noted = shred(&town).await;
        town.bank.advance(DAY / 24);
    }
    assert_eq!(erased(&town).await, (0, 0));
    town.bank.advance(-ahead);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "it is taken back");
    // Noted by the wrong clock, and seen again only when it is really due: it is noted anew.
    town.bank.advance(ahead);
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(kept(&town) - ahead);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)));
    town.bank.advance(DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (1, 1)));
}

#[tokio::test]
async fn a_clock_that_runs_behind_erases_nobody_early() {
    let town = Town::new().await;
    let late = town.bank.customer("Late").await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1);
    // Marked by the right clock, seen by the wrong one: the mark is not moved.
    let behind = 2 * kept(&town);
    town.bank.advance(-behind);
    assert_eq!(shred(&town).await, 0);
    town.bank.advance(behind);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    // Behind what the log was signed at, nobody is marked: they are once the clock is right.
    let officer = town.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/customers/{}/disable", late.id);
    let _disabled = officer.client.post(&path, &json!({})).await.expect(200);
    town.write().await;
    town.bank.advance(-behind);
    assert_eq!((shred(&town).await, number(&town.bank, MARKS).await), (0, 1));
    town.bank.advance(behind - 3_601);
    assert_eq!((shred(&town).await, number(&town.bank, MARKS).await), (0, 1));
    town.bank.advance(3_601);
    assert_eq!((shred(&town).await, number(&town.bank, MARKS).await), (1, 2));
    town.bank.advance(kept(&town) - 1);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "who left before is noted");
    town.bank.advance(1);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "and the other");
    town.bank.advance(DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (2, (2, 2)));
}

/// A version from before enabled people whose salt was destroyed, and left the mark.
#[tokio::test]
async fn a_mark_from_before_somebody_was_let_in_is_not_counted() {
    let town = Town::new().await;
    town.pay(1_000, Some("rent")).await;
    town.write().await;
    assert!(sql(&town, "UPDATE log_salts SET closed_since = 0, due_since = 0").await > 0);
    close(&town).await;
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "it is marked");
    town.bank.advance(kept(&town) - 1);
    assert_eq!((shred(&town).await, erased(&town).await), (0, (0, 0)));
    town.bank.advance(1);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (0, 0)), "it is noted");
    town.bank.advance(DAY);
    assert_eq!((shred(&town).await, erased(&town).await), (1, (1, 1)));
}

#[tokio::test]
async fn a_word_that_is_not_of_the_name_any_more_goes_with_the_person() {
    let town = Town::new().await;
    // As another rule of splitting names might have left them.
    let left = "INSERT INTO customer_words (word, customer) SELECT id, id FROM customers";
    let customers = sql(&town, left).await;
    close(&town).await;
    forget(&town).await;
    let of_the_erased = "SELECT CAST(COUNT(*) AS BIGINT) FROM customer_words AS w \
                         JOIN customers AS c ON c.id = w.customer WHERE c.erased_at IS NOT NULL";
    assert_eq!((number(&town.bank, of_the_erased).await, erased(&town).await), (0, (1, 1)));
    let of_others = "SELECT CAST(COUNT(*) AS BIGINT) FROM customer_words WHERE word = customer";
    assert_eq!(number(&town.bank, of_others).await.unsigned_abs() + 1, customers);
}

#[tokio::test]
async fn whatever_statement_fails_all_is_there_or_all_of_it_is_gone() {
    let town = rich().await;
    town.write().await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1, "it is marked");
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 1, "it is noted");
    town.bank.advance(DAY);
    let faults = town.bank.bank().db().faults().clone();
    let (_go, stop) = watch::channel(false);
    let mut statements = 0;
    for statement in 1..80 {
        faults.fail_at("log.shred", statement);
        let ran = Job::ShredSalts.run(town.bank.bank(), &stop).await;
        if faults.disarm() {
            assert_eq!(ran.expect("nothing failed"), 1);
            statements = statement;
            break;
        }
        assert!(ran.is_err(), "at {statement}");
        let salts = (number(&town.bank, DESTROYED).await, number(&town.bank, TOLD).await);
        let rows = (erased(&town).await, number(&town.bank, FACTORS).await);
        assert_eq!((salts, rows), ((0, 0), ((0, 0), 1)), "at {statement}");
    }
    assert!(statements > 20, "the job has no statements: is the name right?");
    assert_eq!((number(&town.bank, DESTROYED).await, number(&town.bank, TOLD).await), (1, 1));
    assert_eq!((erased(&town).await, number(&town.bank, FACTORS).await), ((1, 1), 0));
}

#[tokio::test]
async fn two_nodes_erase_somebody_once() {
    let town = rich().await;
    let other = town.bank.other_bank().await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 1);
    town.bank.advance(DAY);
    let (_go, stop) = watch::channel(false);
    let (here, there) = tokio::join!(
        Job::ShredSalts.run(town.bank.bank(), &stop),
        Job::ShredSalts.run(&other, &stop)
    );
    assert_eq!(here.expect("it runs") + there.expect("it runs"), 1);
    assert_eq!(erased(&town).await, (1, 1));
    // A node that remembers how they signed in lets nobody in.
    let body = json!({ "email": town.asha.email, "password": town.asha.password }).to_string();
    let there = Client::new(service(&other));
    let refused = there.post_raw("/v1/auth/login", None, body.into_bytes()).await;
    refused.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_row_that_does_not_open_is_said_and_keeps_nobody_else() {
    let town = Town::new().await;
    let spoilt = town.bank.customer("Spoilt").await;
    let officer = town.bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/customers/{}/disable", spoilt.id);
    let _disabled = officer.client.post(&path, &json!({})).await.expect(200);
    close(&town).await;
    assert_eq!(shred(&town).await, 2);
    town.bank.advance(kept(&town));
    assert_eq!(shred(&town).await, 2);
    town.bank.advance(DAY);
    let id: CustomerId = spoilt.id.parse().expect("an id");
    let spoil = "UPDATE customers SET full_name_sealed = substr(full_name_sealed, 1, 20) \
                 WHERE id = $1";
    let run = town.bank.bank().db().write("spoil", move |tx| tx.execute(spoil, params![&id]));
    assert_eq!(run.await.unwrap_or_else(|error: DbError| panic!("{error}")), 1);
    let (_go, stop) = watch::channel(false);
    let ran = Job::ShredSalts.run(town.bank.bank(), &stop).await;
    assert!(matches!(ran, Err(DbError::Corrupt(_))), "{ran:?}");
    assert_eq!(erased(&town).await, (1, 1), "the one whose row is whole");
}

#[tokio::test]
async fn keys_are_rotated_to_their_end_over_an_erased_row() {
    let town = rich().await;
    close(&town).await;
    forget(&town).await;
    let run = async |job: Job| {
        let (_go, stop) = watch::channel(false);
        job.run(town.bank.bank(), &stop).await.unwrap_or_else(|error| panic!("{error}"))
    };
    for purpose in [Purpose::PersonalData, Purpose::BlindIndex] {
        let act = KeyAct {
            master: Arc::new(Master::File(testkit::bank::master_key())),
            rng: Rng::System,
            now: town.bank.clock().now(),
            origin: Origin::system("test"),
        };
        let made = keys::rotate(town.bank.bank().db(), &act, purpose).await.expect("an answer");
        assert_eq!(made, Ok(2));
        town.bank.advance(USED_AFTER_SECONDS);
        let _taken = run(Job::RefreshKeys).await;
        town.bank.advance(SETTLED_SECONDS.max(exchequer::jobs::ANSWERS_KEPT) + 1);
        let _forgotten = run(Job::ForgetAnswers).await;
        let _walked = run(Job::ResealValues).await;
        let _walked = run(Job::ResealValues).await;
        let left = left(town.bank.bank().db(), purpose).await.expect("a count");
        let old: u64 = left.range(..2).map(|(_, count)| *count).sum();
        assert_eq!(old, 0, "{purpose:?}: {left:?}");
    }
    let finished = "SELECT CAST(COUNT(*) AS BIGINT) FROM data_keys WHERE resealed_at IS NOT NULL";
    assert_eq!(number(&town.bank, finished).await, 2);
    assert_eq!(erased(&town).await, (1, 1));
}

/// The step of the schema that brought erasing: times that run go on, and those that were used up begin anew.
#[tokio::test]
async fn the_time_of_who_had_left_before_goes_on_or_begins_anew() {
    let town = Town::new().await;
    town.write().await;
    close(&town).await;
    assert_eq!(shred(&town).await, 1);
    let text = include_str!("../../../../migrations/sqlite/0021_erased.sql");
    let step = text.split(';').map(str::trim).find(|sql| sql.contains("UPDATE log_salts"));
    let step = step.expect("the step moves data");
    assert_eq!(sql(&town, step).await, 0, "whose salt is there keeps the time");
    // As the version before left a row.
    let before = "UPDATE log_salts SET salt = NULL, destroyed_at = closed_since \
                  WHERE closed_since IS NOT NULL";
    assert_eq!(sql(&town, before).await, 1);
    town.bank.advance(kept(&town));
    assert_eq!(sql(&town, step).await, 1);
    forget(&town).await;
    assert_eq!(erased(&town).await, (1, 1));
    assert_eq!(number(&town.bank, TOLD).await, 0, "the salt's end was told then");
}
