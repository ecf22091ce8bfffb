//! Guessing at sign-in: it is counted, it locks, it locks the guesser and not the customer, and nothing shows
//! whether an e-mail is known.

use exchequer::config::Lockout;
use exchequer::jobs::Job;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::process::Server;
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;

use crate::scene::{number, post};

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

async fn log_in(bank: &TestBank, email: &str, password: &str, device: Option<&str>) -> Reply {
    let mut body = json!({ "email": email, "password": password });
    if let Some(token) = device {
        body["device_token"] = json!(token);
    }
    post(bank, "/v1/auth/login", &body).await
}

async fn guess(bank: &TestBank, email: &str, times: usize) {
    for n in 0..times {
        log_in(bank, email, &format!("guess number {n}"), None)
            .await
            .refused(401, "invalid_credentials");
    }
}

/// A token that this customer's own device keeps.
async fn device(bank: &TestBank, person: &Person) -> String {
    let token = log_in(bank, &person.email, &person.password, None).await.expect(200);
    let token = token.text("/device_token");
    bank.secret(&token);
    token
}

async fn mails(bank: &TestBank, to: &str, purpose: &str) -> usize {
    let inbox = bank.inbox().await;
    inbox.iter().filter(|m| m["to"] == to && m["purpose"] == purpose).count()
}

// ASVS 6.3.1: five failures, then nothing for fifteen minutes, right passwords too.
// PCI DSS 8.3.4: wrong tries are limited, and the right password waits, too.
#[tokio::test]
async fn five_wrong_passwords_lock_for_fifteen_minutes_and_are_told_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    guess(&bank, &asha.email, 5).await;
    for password in [&*asha.password, "another guess"] {
        let locked = log_in(&bank, &asha.email, password, None).await;
        locked.refused(429, "locked_out");
        assert_eq!(locked.header("retry-after"), Some("900"));
    }
    assert_eq!(mails(&bank, &asha.email, "sign_in_locked").await, 1);
    bank.advance(899);
    let last = log_in(&bank, &asha.email, &asha.password, None).await;
    assert_eq!(last.header("retry-after"), Some("1"));
    bank.advance(1);
    let _in = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
}

// RBI DPSC 9: three wrong tries, then nothing for fifteen minutes.
#[tokio::test]
async fn the_rbi_profile_locks_after_three() {
    let rule = exchequer::config::Profile::Rbi.lockout();
    assert_eq!(rule, Lockout { failures: 3, seconds: 900 });
    let bank = TestBank::with(|config| config.sessions.lockout = rule).await;
    let asha = bank.customer("Asha").await;
    guess(&bank, &asha.email, 3).await;
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
}

// ASVS 8.2.4: whether the device is known decides at the sign-in.
// ASVS 6.1.1: a stranger cannot lock a customer out.
#[tokio::test]
async fn a_stranger_locks_the_strangers_and_not_the_customers_own_device() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let token = device(&bank, &asha).await;
    guess(&bank, &asha.email, 5).await;
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
    // A made-up token and somebody else's are unknown devices.
    let bela = bank.customer("Bela").await;
    let belas = device(&bank, &bela).await;
    for stranger in ["made up", &belas] {
        let reply = log_in(&bank, &asha.email, &asha.password, Some(stranger)).await;
        reply.refused(429, "locked_out");
    }
    let own = log_in(&bank, &asha.email, &asha.password, Some(&token)).await.expect(200);
    assert!(own.json().get("device_token").is_none(), "the device has its token");
    // The session that runs goes on, and so does its refreshing.
    let _me = asha.client.get("/v1/me").await.expect(200);
    let refresh = json!({ "refresh_token": asha.refresh_token });
    let _pair = post(&bank, "/v1/auth/refresh", &refresh).await.expect(200);
    // The device's own guesses count for itself.
    for n in 0..5 {
        let wrong = log_in(&bank, &asha.email, &format!("slip {n}"), Some(&token)).await;
        wrong.refused(401, "invalid_credentials");
    }
    let reply = log_in(&bank, &asha.email, &asha.password, Some(&token)).await;
    reply.refused(429, "locked_out");
}

// ASVS 6.3.8: nothing tells whether an e-mail is known.
#[tokio::test]
async fn an_unknown_email_counts_and_locks_like_a_known_one() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let emails = [&*asha.email, "nobody@example.test", "no address at all", ""];
    let mut transcripts = Vec::new();
    for email in emails {
        let mut transcript: Vec<Value> = Vec::new();
        for n in 0..8 {
            let reply = log_in(&bank, email, &format!("guess {n}"), None).await;
            let mut body = reply.json();
            body["request_id"] = Value::Null;
            let retry = reply.header("retry-after").map(str::to_owned);
            transcript.push(json!([reply.status.as_u16(), body, retry]));
        }
        transcripts.push(transcript);
    }
    assert!(transcripts.windows(2).all(|pair| pair[0] == pair[1]), "{transcripts:#?}");
    // Spelling makes no second counter.
    for email in ["ASHA@example.test", " asha@example.test "] {
        log_in(&bank, email, &asha.password, None).await.refused(429, "locked_out");
    }
}

/// The rows that a failed sign-in writes are the measure of its work beside the hash.
#[tokio::test]
async fn a_failed_sign_in_writes_as_much_for_nobody_as_for_somebody() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let bela = bank.customer("Bela").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let rows = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM events) \
                + 1000 * (SELECT CAST(COUNT(*) AS BIGINT) FROM attempts) \
                + 1000000 * (SELECT CAST(COUNT(*) AS BIGINT) FROM challenges)";
    let mut deltas = Vec::new();
    for email in [&*asha.email, &bela.email, "nobody@example.test"] {
        for device in [None, Some("a token")] {
            let before = number(&bank, rows).await;
            log_in(&bank, email, "wrong", device).await.refused(401, "invalid_credentials");
            deltas.push(number(&bank, rows).await - before);
        }
    }
    assert_eq!(deltas, [1001, 1, 1001, 1, 1001, 1]);
}

// ASVS 6.3.1: the counters of password and second factor are two.
// RTS 9: who broke one factor begins at nothing with the other.
#[tokio::test]
async fn wrong_passwords_and_wrong_codes_are_counted_apart() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    guess(&bank, &asha.email, 4).await;
    let wrong = bank.wrong_totp_code(&asha);
    for _ in 0..4 {
        let half = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
        let id = half.text("/challenge/id");
        bank.verify(&id, "totp", &wrong).await.refused(401, "invalid_code");
        // A right password clears the password's counter and not the factor's.
    }
    let half = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
    let older = half.text("/challenge/id");
    let half = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
    bank.verify(&half.text("/challenge/id"), "totp", &wrong).await.refused(401, "invalid_code");
    // Now the factor is locked, through older challenges and new sign-ins alike.
    let right = bank.totp_code(&asha);
    bank.verify(&older, "totp", &right).await.refused(429, "locked_out");
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
    assert_eq!(mails(&bank, &asha.email, "sign_in_locked").await, 1);
    bank.advance(900);
    bank.sign_in_with_totp(&mut asha).await;
}

#[tokio::test]
async fn a_known_device_answers_while_strangers_are_locked_out_of_the_factor() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let token = device(&bank, &asha).await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    let wrong = bank.wrong_totp_code(&asha);
    for _ in 0..5 {
        let half = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
        let id = half.text("/challenge/id");
        bank.verify(&id, "totp", &wrong).await.refused(401, "invalid_code");
    }
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
    let half = log_in(&bank, &asha.email, &asha.password, Some(&token)).await.expect(200);
    let code = bank.totp_code(&asha);
    let _in = bank.verify(&half.text("/challenge/id"), "totp", &code).await.expect(200);
}

/// A customer keeps twenty devices: with the one that gives way its counters go, else they would gather.
#[tokio::test]
async fn a_device_that_is_forgotten_takes_its_counters_with_it() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    // The device that it was registered on is older still, and gives way first.
    bank.advance(1);
    let token = device(&bank, &asha).await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    let half = log_in(&bank, &asha.email, &asha.password, Some(&token)).await.expect(200);
    let wrong = bank.wrong_totp_code(&asha);
    bank.verify(&half.text("/challenge/id"), "totp", &wrong).await.refused(401, "invalid_code");
    let slip = log_in(&bank, &asha.email, "a slip", Some(&token)).await;
    slip.refused(401, "invalid_credentials");
    let counters = "SELECT CAST(COUNT(*) AS BIGINT) FROM attempts";
    assert_eq!(number(&bank, counters).await, 2, "one of the password, one of the factor");
    for _ in 0..19 {
        bank.sign_in_with_totp(&mut asha).await;
    }
    assert_eq!(number(&bank, counters).await, 2, "it is one of the twenty");
    bank.sign_in_with_totp(&mut asha).await;
    assert_eq!(number(&bank, counters).await, 0);
    let devices = "SELECT CAST(COUNT(*) AS BIGINT) FROM devices";
    assert_eq!(number(&bank, devices).await, 20);
}

#[tokio::test]
async fn many_guesses_at_once_are_all_counted_and_the_right_one_among_them_is_lost() {
    let bank = TestBank::with(|config| config.passwords.hashing_threads = 2).await;
    let asha = bank.customer("Asha").await;
    let guesses = (0..32).map(|n| format!("guess number {n}"));
    let guesses: Vec<String> = guesses.chain([asha.password.clone()]).collect();
    let tries = guesses.iter().map(|guess| log_in(&bank, &asha.email, guess, None));
    let replies = join_all(tries).await;
    let told = |code: &str| replies.iter().filter(|reply| reply.code() == code).count();
    assert!(
        told("invalid_credentials") <= 5,
        "{} guesses were judged",
        told("invalid_credentials")
    );
    assert!(told("locked_out") >= 27);
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
}

#[tokio::test]
async fn a_clock_set_back_neither_unlocks_nor_locks_for_ever() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    guess(&bank, &asha.email, 5).await;
    bank.advance(-86_400);
    let locked = log_in(&bank, &asha.email, &asha.password, None).await;
    locked.refused(429, "locked_out");
    assert_eq!(locked.header("retry-after"), Some("900"));
    bank.advance(899);
    log_in(&bank, &asha.email, &asha.password, None).await.refused(429, "locked_out");
    bank.advance(1);
    let _in = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
}

#[tokio::test]
async fn reaching_the_cap_of_sessions_is_no_failure() {
    let bank = TestBank::with(|config| {
        config.sessions.max = 2;
        config.sessions.at_cap = exchequer::config::AtCap::Refuse;
    })
    .await;
    let asha = bank.customer("Asha").await;
    let _second = log_in(&bank, &asha.email, &asha.password, None).await.expect(200);
    for _ in 0..6 {
        let refused = log_in(&bank, &asha.email, &asha.password, None).await;
        assert_eq!(refused.code(), "too_many_sessions");
    }
    assert_eq!(number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM attempts").await, 0);
}

#[tokio::test]
async fn a_counter_is_forgotten_a_day_after_its_last_failure() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    guess(&bank, &asha.email, 4).await;
    guess(&bank, "nobody@example.test", 5).await;
    let (_running, stop) = watch::channel(false);
    bank.advance(86_399);
    assert_eq!(Job::DeleteAttempts.run(bank.bank(), &stop).await.expect("a purge"), 0);
    bank.advance(1);
    assert_eq!(Job::DeleteAttempts.run(bank.bank(), &stop).await.expect("a purge"), 1);
    // A lock counts from its end.
    bank.advance(899);
    assert_eq!(Job::DeleteAttempts.run(bank.bank(), &stop).await.expect("a purge"), 0);
    bank.advance(1);
    assert_eq!(Job::DeleteAttempts.run(bank.bank(), &stop).await.expect("a purge"), 1);
    bank.advance(400 * 86_400);
    assert_eq!(Job::DeleteDevices.run(bank.bank(), &stop).await.expect("a purge"), 1);
}

// PCI DSS 8.3.4: an operator's wrong tries are limited, by a count of their own.
#[tokio::test]
async fn an_operators_password_locks_in_its_own_right() {
    let bank = TestBank::new().await;
    let teller = bank.operator(exchequer::staff::model::Role::Teller).await;
    for n in 0..5 {
        let body = json!({ "email": teller.email, "password": format!("guess {n}") });
        post(&bank, "/v1/staff/login", &body).await.refused(401, "invalid_credentials");
    }
    let right = json!({ "email": teller.email, "password": teller.password });
    post(&bank, "/v1/staff/login", &right).await.refused(429, "locked_out");
    assert_eq!(mails(&bank, &teller.email, "sign_in_locked").await, 1);
    // The customers' door has a counter of its own.
    log_in(&bank, &teller.email, "x", None).await.refused(401, "invalid_credentials");
}

/// Guesses, a restart, more guesses: the process is gone, the count is not.
#[test]
fn a_restart_between_wrong_tries_keeps_the_count_and_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("bank");
    let arguments =
        ["demo", "--data", &*data.to_string_lossy(), "--listen", "127.0.0.1:0", "--json"];
    let tries = |times: usize| {
        let server = Server::start(BINARY.as_ref(), &arguments, &[]);
        let mut client = server.client();
        let body = json!({ "email": "asha@example.test", "password": "not this one" });
        let status = |_| {
            let reply = client.post("/v1/auth/login", None, None, &body).expect("an answer");
            reply.status
        };
        let told: Vec<u16> = (0..times).map(status).collect();
        server.kill();
        told
    };
    assert_eq!(tries(2), [401, 401]);
    assert_eq!(tries(2), [401, 401]);
    assert_eq!(tries(2), [401, 429]);
    assert_eq!(tries(1), [429]);
}
