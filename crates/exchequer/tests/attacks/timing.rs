//! What a guesser learns who has nothing but the time of an answer: whose an e-mail address is, and whether it is proven.
//!
//! By hand, on a quiet machine: `EXCHEQUER_TEST_TIMING=2000 cargo test -p exchequer --test attacks timing
//! -- --nocapture --test-threads 1`. Kinds of addresses take turns, each first as often as any other. Told for each pair is
//! the area under the curve (AUC): how often an answer about the one takes longer than one about the other, 500 per mille
//! where time says nothing. `docs/threats.md` has the figures.

use exchequer::config::{Lockout, MailServer, MailTls};
use serde_json::json;
use testkit::TestBank;
use tokio::time::Instant;
use vault::PasswordParams;

use crate::scene::{post, sql};

/// As far from 500 as nothing to be learned may be.
const MOST: usize = 50;

struct Kind {
    name: &'static str,
    email: String,
    nanos: Vec<u128>,
}

fn tries() -> Option<usize> {
    std::env::var("EXCHEQUER_TEST_TIMING").ok().and_then(|n| n.parse().ok())
}

/// Somebody whose address is proven and who has a factor, somebody who has shown neither, and nobody.
async fn kinds(bank: &TestBank) -> [Kind; 3] {
    let mut asha = bank.customer("Asha").await;
    // Not by the mail, which waits where there is a server for it.
    sql(bank, "UPDATE customers SET email_verified_at = created_at").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let bela = bank.customer("Bela").await;
    let kind = |name, email: &str| Kind { name, email: email.to_owned(), nanos: Vec::new() };
    [
        kind("proven", &asha.email),
        kind("unproven", &bela.email),
        kind("unknown", "nobody@example.test"),
    ]
}

/// Asks `path` about each kind, `seconds` of the bank's time apart.
async fn measure(
    bank: &TestBank,
    (path, status): (&str, u16),
    password: Option<&str>,
    (tries, seconds): (usize, i64),
) -> [Kind; 3] {
    let mut kinds = kinds(bank).await;
    for turn in 0..tries {
        for place in 0..kinds.len() {
            let kind = &mut kinds[(turn + place) % 3];
            let mut body = json!({ "email": kind.email });
            if let Some(password) = password {
                body["password"] = json!(password);
            }
            let started = Instant::now();
            let _answer = post(bank, path, &body).await.expect(status);
            kind.nanos.push(started.elapsed().as_nanos());
        }
        bank.advance(seconds);
    }
    kinds
}

/// How often of a thousand times the first takes longer than the second; as often as not where they are equal.
fn auc(first: &Kind, second: &Kind) -> usize {
    let mut sorted = second.nanos.clone();
    sorted.sort_unstable();
    let twice: usize = first
        .nanos
        .iter()
        .map(|time| sorted.partition_point(|t| t < time) + sorted.partition_point(|t| t <= time))
        .sum();
    twice * 500 / (first.nanos.len() * sorted.len())
}

/// The figures in words, and how far from chance the worst is. A guesser may turn the answer round, so that 400 is as
/// much as 600.
fn told(kinds: &[Kind; 3]) -> (String, usize) {
    let (mut words, mut worst) = (Vec::new(), 0);
    for (first, second) in [(0, 1), (0, 2), (1, 2)].map(|(a, b)| (&kinds[a], &kinds[b])) {
        let found = auc(first, second);
        words.push(format!("{} and {}: AUC {found} per mille", first.name, second.name));
        worst = worst.max(found.abs_diff(500));
    }
    for Kind { name, nanos, .. } in kinds {
        let mut sorted = nanos.clone();
        sorted.sort_unstable();
        let [quick, median] = [10, 2].map(|part| sorted[sorted.len() / part] / 1_000);
        words.push(format!("{name}: median {median} us, a tenth below {quick} us"));
    }
    (words.join("\n"), worst)
}

#[tokio::test]
async fn a_failed_sign_in_takes_as_long_for_everybody_and_for_nobody() {
    let Some(tries) = tries() else {
        println!("skipped: EXCHEQUER_TEST_TIMING is not set");
        return;
    };
    let bank = TestBank::with(|config| {
        config.passwords.cost = PasswordParams::default();
        config.sessions.lockout = Lockout { failures: 100_000_000, seconds: 900 };
    })
    .await;
    let login = ("/v1/auth/login", 401);
    let kinds = measure(&bank, login, Some("not this one"), (tries, 0)).await;
    let (words, worst) = told(&kinds);
    println!("sign-in, {tries} each\n{words}");
    assert!(worst <= MOST, "{worst} per mille away from chance");
}

/// Slowly enough that no cap of messages is met, and with a server whose mails wait: nobody delivers here.
#[tokio::test]
async fn asking_for_a_reset_takes_as_long_for_everybody_and_for_nobody() {
    let Some(tries) = tries() else {
        println!("skipped: EXCHEQUER_TEST_TIMING is not set");
        return;
    };
    let bank = TestBank::with(|config| {
        config.messages.mail = Some(MailServer {
            host: "127.0.0.1".to_owned(),
            port: 9,
            tls: MailTls::None,
            login: None,
        });
    })
    .await;
    let forgot = ("/v1/auth/password/forgot", 202);
    let kinds = measure(&bank, forgot, None, (tries, 10_000)).await;
    let (words, worst) = told(&kinds);
    println!("reset, {tries} each\n{words}");
    assert!(worst <= MOST, "{worst} per mille away from chance");
}

#[test]
fn an_area_says_how_often_the_one_takes_longer() {
    let kind = |nanos: &[u128]| Kind { name: "", email: String::new(), nanos: nanos.to_vec() };
    let of = |first: &[u128], second: &[u128]| auc(&kind(first), &kind(second));
    assert_eq!(of(&[1, 2, 3], &[1, 2, 3]), 500);
    assert_eq!(of(&[4, 5, 6], &[1, 2, 3]), 1_000);
    assert_eq!(of(&[1, 2, 3], &[4, 5, 6]), 0);
    assert_eq!(of(&[7, 7], &[7, 7]), 500);
    assert_eq!(of(&[1, 3], &[2, 2]), 500);
}
