//! Guesses spread over the lives of a bank: a process that ends forgets all it has in memory, and no wrong try.
//!
//! Each life opens the database of this run anew. A process that is killed is in `lockout.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

use money::{Clock, Rng};
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank, TestDatabase};

use crate::scene::post;

const TRIES: usize = 5;
const LOCKED_SECONDS: i64 = 900;

/// One bank, however often it is started.
struct Lives {
    database: TestDatabase,
    clock: Clock,
    /// Randomness of its own for each.
    seed: AtomicU64,
}

impl Lives {
    fn new() -> Self {
        let clock = TestBank::clock_in_hand();
        Self { database: TestDatabase::new(), clock, seed: AtomicU64::new(100) }
    }

    /// Started: with connections and a memory of its own, and nothing that Redis may still know.
    async fn next(&self) -> TestBank {
        let mut again = TestDatabase::new();
        again.set_options(self.database.options().clone());
        let rng = Rng::seeded(self.seed.fetch_add(1, Ordering::Relaxed));
        TestBank::drawn(again, (self.clock.clone(), rng), |config| config.redis = None).await
    }
}

async fn log_in(bank: &TestBank, person: &Person, password: &str) -> Reply {
    let body = json!({ "email": person.email, "password": password });
    post(bank, "/v1/auth/login", &body).await
}

/// A sign-in of which the second factor is still to be shown: its challenge.
async fn half(bank: &TestBank, person: &Person) -> String {
    log_in(bank, person, &person.password).await.expect(200).text("/challenge/id")
}

async fn warnings(bank: &TestBank, person: &Person) -> usize {
    let is_one = |m: &&Value| m["purpose"] == "sign_in_locked" && m["to"] == person.email;
    bank.inbox().await.iter().filter(is_one).count()
}

// ASVS 6.3.1: wrong passwords are counted over every restart of the bank.
#[tokio::test]
async fn a_restart_after_each_wrong_password_keeps_the_count_and_the_lock() {
    let lives = Lives::new();
    let asha = lives.next().await.customer("Asha").await;
    for n in 0..TRIES {
        let bank = lives.next().await;
        let wrong = log_in(&bank, &asha, &format!("guess number {n}")).await;
        wrong.refused(401, "invalid_credentials");
    }
    for seconds in [LOCKED_SECONDS, 1] {
        let bank = lives.next().await;
        let locked = log_in(&bank, &asha, &asha.password).await;
        locked.refused(429, "locked_out");
        assert_eq!(locked.header("retry-after"), Some(&*seconds.to_string()));
        assert_eq!(warnings(&bank, &asha).await, 1, "told once, and not at each start");
        bank.advance(seconds - 1);
    }
    let bank = lives.next().await;
    bank.advance(1);
    let _in = log_in(&bank, &asha, &asha.password).await.expect(200);
}

// ASVS 6.3.1: wrong codes of a second factor are counted over every restart of the bank.
#[tokio::test]
async fn a_restart_after_each_wrong_code_keeps_the_count_and_the_lock() {
    let lives = Lives::new();
    let bank = lives.next().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    // Begun before the first wrong code, so that it is no way round the lock later.
    let older = half(&bank, &asha).await;
    drop(bank);
    for _ in 0..TRIES {
        let bank = lives.next().await;
        let wrong = bank.wrong_totp_code(&asha);
        let challenge = half(&bank, &asha).await;
        bank.verify(&challenge, "totp", &wrong).await.refused(401, "invalid_code");
    }
    for seconds in [LOCKED_SECONDS, 1] {
        let bank = lives.next().await;
        let locked = log_in(&bank, &asha, &asha.password).await;
        locked.refused(429, "locked_out");
        assert_eq!(locked.header("retry-after"), Some(&*seconds.to_string()));
        if seconds == LOCKED_SECONDS {
            let right = bank.totp_code(&asha);
            bank.verify(&older, "totp", &right).await.refused(429, "locked_out");
        }
        assert_eq!(warnings(&bank, &asha).await, 1, "told once, and not at each start");
        bank.advance(seconds - 1);
    }
    let bank = lives.next().await;
    bank.advance(1);
    bank.sign_in_with_totp(&mut asha).await;
}

/// A challenge takes three wrong codes, of however many processes each.
#[tokio::test]
async fn a_restart_between_wrong_codes_gives_no_challenge_another_try() {
    let lives = Lives::new();
    let bank = lives.next().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(30);
    let challenge = half(&bank, &asha).await;
    drop(bank);
    for _ in 0..3 {
        let bank = lives.next().await;
        let wrong = bank.wrong_totp_code(&asha);
        bank.verify(&challenge, "totp", &wrong).await.refused(401, "invalid_code");
    }
    let bank = lives.next().await;
    let right = bank.totp_code(&asha);
    bank.verify(&challenge, "totp", &right).await.refused(401, "invalid_code");
    // The code itself was good, and no lock stood in its way.
    let another = half(&bank, &asha).await;
    let _in = bank.verify(&another, "totp", &right).await.expect(200);
}
