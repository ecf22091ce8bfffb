//! A bank of each profile, configured by the one word that its operator writes, and what its customers meet.

use exchequer::config::{Config, Sources};
use exchequer::staff::model::Role;
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank};

use crate::sessions::{log_in, post};
use crate::transfers::Pair;

/// Minor units: nothing that is weighed asks for a factor with so little.
const LITTLE: i64 = 5;
/// Minor units: a new payee gets less than this where payees cool.
const LARGE: i64 = 1_000_000;

/// What a book asks for, as a customer notices it.
struct Met {
    profile: &'static str,
    /// Wrong tries that are answered; then so many seconds of nothing.
    lock: (usize, &'static str),
    /// Whether a little to a payee who was paid before, and between one's own accounts, asks for a factor.
    asks: (bool, bool),
    idle_seconds: i64,
    /// Whether a session that comes from another network has to show a factor.
    asks_on_move: bool,
    shortest_password: &'static str,
    one_shorter: &'static str,
    /// Whether a large sum to somebody new waits.
    cools: bool,
}

const BOOKS: [Met; 4] = [
    Met {
        profile: "default",
        lock: (5, "900"),
        asks: (false, false),
        idle_seconds: 900,
        asks_on_move: false,
        shortest_password: "otters swim 4am",
        one_shorter: "otters swim 4a",
        cools: false,
    },
    Met {
        profile: "pci",
        lock: (10, "1800"),
        asks: (false, false),
        idle_seconds: 900,
        asks_on_move: false,
        shortest_password: "otters 4a.m.",
        one_shorter: "otters 4a.m",
        cools: false,
    },
    Met {
        profile: "psd2",
        lock: (5, "900"),
        asks: (true, false),
        idle_seconds: 300,
        asks_on_move: true,
        shortest_password: "otters swim 4am",
        one_shorter: "otters swim 4a",
        cools: false,
    },
    Met {
        profile: "rbi",
        lock: (3, "900"),
        asks: (true, true),
        idle_seconds: 900,
        asks_on_move: true,
        shortest_password: "otters swim 4am",
        one_shorter: "otters swim 4a",
        cools: true,
    },
];

/// A bank whose operator has written the profile and nothing else: read as a real one's is, and then given what a bank
/// of the tests has of its own.
async fn of(profile: &str) -> TestBank {
    let environment = vec![("EXCHEQUER_PROFILE".to_owned(), profile.to_owned())];
    let sources = Sources { environment, ..Sources::default() };
    let read = Config::load_demo(None, None, &sources).unwrap_or_else(|faults| panic!("{faults}"));
    TestBank::with(|config| {
        config.profile = read.profile;
        config.sessions = read.sessions;
        config.step_up = read.step_up;
        config.factors = read.factors;
        config.passwords =
            exchequer::config::Passwords { cost: config.passwords.cost, ..read.passwords };
    })
    .await
}

async fn transfer(
    person: &Person,
    (from, to): (&str, &str),
    amount: i64,
) -> (String, Value, Reply) {
    let order = json!({ "from": from, "to": to, "amount": amount, "currency": "INR" });
    let key = testkit::key();
    let reply = person.client.post_with_key("/v1/transfers", &key, &order).await;
    (key, order, reply)
}

/// Two customers whose passwords please every profile; the first has a good deal of money and an authenticator.
async fn pair(profile: &str) -> Pair {
    let bank = of(profile).await;
    let teller = bank.operator(Role::Teller).await;
    let (mut asha, bela) = (bank.customer("Asha 1").await, bank.customer("Bela 1").await);
    let from = bank.account(&asha, "INR").await;
    let to = bank.account(&bela, "INR").await;
    bank.deposit(&teller, &from, 2 * LARGE, "INR").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    Pair { bank, asha, bela, from, to, teller }
}

/// Sends with whatever proof is asked for; says whether one was.
async fn asks(p: &Pair, to: &str) -> bool {
    let (key, order, reply) = transfer(&p.asha, (&p.from, to), LITTLE).await;
    if reply.status == 201 {
        return false;
    }
    let proof = p.bank.prove_asked(&p.asha, &reply).await;
    let _sent = p.asha.client.post_proved("/v1/transfers", &key, &order, &proof).await.expect(201);
    true
}

// RBI DPSC 1: a bank of the profile `rbi` asks for a factor with every payment.
// RTS 15: accounts of one holder are exempted by `psd2`, and by no other book that asks with every payment.
#[tokio::test]
async fn a_bank_asks_for_a_factor_as_often_as_its_profile_says() {
    for met in &BOOKS {
        let p = pair(met.profile).await;
        let savings = p.bank.account(&p.asha, "INR").await;
        assert!(asks(&p, &p.to).await, "{}: the first to somebody", met.profile);
        assert_eq!(asks(&p, &p.to).await, met.asks.0, "{}: to others", met.profile);
        assert_eq!(asks(&p, &savings).await, met.asks.1, "{}: to oneself", met.profile);
        assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 2 * LARGE - 3 * LITTLE);
    }
}

// RBI DPSC 9: a bank of the profile `rbi` locks after three wrong tries.
#[tokio::test]
async fn a_bank_locks_after_as_many_tries_and_as_long_as_its_profile_says() {
    for Met { profile, lock: (tries, seconds), .. } in &BOOKS {
        let bank = of(profile).await;
        let asha = bank.customer("Asha 1").await;
        for n in 0..*tries {
            let wrong = log_in(&bank, &asha.email, &format!("guess number {n}")).await;
            assert_eq!(wrong.code(), "invalid_credentials", "{profile}, try {n}");
        }
        let locked = log_in(&bank, &asha.email, &asha.password).await;
        assert_eq!(
            (locked.code(), locked.header("retry-after")),
            ("locked_out".into(), Some(*seconds))
        );
        bank.advance(seconds.parse::<i64>().expect("a number") - 1);
        log_in(&bank, &asha.email, &asha.password).await.refused(429, "locked_out");
        bank.advance(1);
        let _in = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    }
}

#[tokio::test]
async fn a_session_lives_unused_as_long_as_the_profile_says() {
    for Met { profile, idle_seconds, .. } in &BOOKS {
        let bank = of(profile).await;
        let mut asha = bank.customer("Asha 1").await;
        bank.advance(idle_seconds - 1);
        bank.refresh(&mut asha).await;
        bank.advance(*idle_seconds);
        let late = json!({ "refresh_token": asha.refresh_token });
        let late = post(&bank, "/v1/auth/refresh", &late).await;
        assert_eq!(late.code(), "invalid_refresh_token", "{profile}");
    }
}

#[tokio::test]
async fn no_session_of_any_profile_lives_longer_than_half_a_day() {
    for Met { profile, idle_seconds, .. } in &BOOKS {
        let bank = of(profile).await;
        let mut asha = bank.customer("Asha 1").await;
        let end = bank.clock().now().plus_seconds(43_200);
        while bank.clock().now().plus_seconds(idle_seconds - 1) < end {
            bank.advance(idle_seconds - 1);
            bank.refresh(&mut asha).await;
        }
        bank.clock().set(end).expect("a clock in hand");
        let late = json!({ "refresh_token": asha.refresh_token });
        let late = post(&bank, "/v1/auth/refresh", &late).await;
        assert_eq!(late.code(), "invalid_refresh_token", "{profile}");
    }
}

#[tokio::test]
async fn a_session_that_moves_shows_a_factor_where_the_profile_says_so() {
    for Met { profile, asks_on_move, .. } in &BOOKS {
        let bank = of(profile).await;
        let mut asha = bank.customer("Asha 1").await;
        let _codes = bank.enrol_totp(&mut asha).await;
        let moved = asha.client.at("198.51.100.7").get("/v1/me").await;
        let expected = if *asks_on_move { 403 } else { 200 };
        assert_eq!(moved.status.as_u16(), expected, "{profile}: {}", moved.code());
        assert_eq!(moved.code() == "step_up_required", *asks_on_move, "{profile}");
    }
}

async fn register(client: &Client, password: &str) -> Reply {
    let body = json!({ "email": "otto@example.test", "password": password, "full_name": "Otto" });
    client.post("/v1/customers", &body).await
}

#[tokio::test]
async fn a_password_is_as_long_as_the_profile_says() {
    for met in &BOOKS {
        let bank = of(met.profile).await;
        let refused = register(&bank.client(), met.one_shorter).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/code"), "too_short", "{}", met.profile);
        bank.secret(met.shortest_password);
        let _registered = register(&bank.client(), met.shortest_password).await.expect(201);
    }
}

// RBI DISC 1: under `rbi` alone a large sum to somebody new waits.
#[tokio::test]
async fn a_new_payee_waits_for_a_large_sum_where_the_profile_says_so() {
    for Met { profile, cools, .. } in &BOOKS {
        let p = pair(profile).await;
        let (.., reply) = transfer(&p.asha, (&p.from, &p.to), LARGE).await;
        let expected = if *cools { "payee_cooling" } else { "step_up_required" };
        assert_eq!(reply.code(), expected, "{profile}");
    }
}

// RTS 7: a message to a mailbox is nothing that only its owner has.
/// In no profile does an address alone make a second step, or answer one.
#[tokio::test]
async fn a_code_by_email_is_no_factor_under_any_profile() {
    for Met { profile, .. } in &BOOKS {
        let bank = of(profile).await;
        let mut asha = bank.customer("Asha 1").await;
        let enrolled = asha.client.post("/v1/factors/email", &json!({})).await.expect(201);
        let confirm = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
        let code = json!({ "code": bank.newest_code(&asha.email).await });
        let _proven = asha.client.post(&confirm, &code).await.expect(200);
        let in_one = log_in(&bank, &asha.email, &asha.password).await.expect(200);
        assert!(in_one.json().get("access_token").is_some(), "{profile}: {}", in_one.json());
        let _codes = bank.enrol_totp(&mut asha).await;
        let half = log_in(&bank, &asha.email, &asha.password).await.expect(200).json();
        assert_eq!(half["challenge"]["methods"], json!(["totp", "recovery_code"]), "{profile}");
        let id = half["challenge"]["id"].as_str().expect("an id");
        let path = format!("/v1/auth/challenges/{id}/send");
        let sent =
            bank.client().request(Method::POST, &path).header("content-type", "application/json");
        let sent = sent.body(json!({ "method": "email" }).to_string().into()).expect("a request");
        // It is none of the methods that were offered.
        bank.client().send(sent).await.refused(422, "invalid_fields");
    }
}
