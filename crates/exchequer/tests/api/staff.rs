//! `/v1/staff`: the second factor, the till, look-ups, and the trail.

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use money::kind::Challenge;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};

use crate::accounts::pages;
use crate::rows::{number, texts};
use crate::sessions::post;
use crate::transfers::Pair;

/// The first half of a sign-in; gives the challenge.
pub async fn challenge(bank: &TestBank, person: &Person) -> String {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/staff/login", &body).await.expect(200).text("/challenge/id")
}

pub async fn answer(bank: &TestBank, challenge: &str, code: &str) -> Reply {
    let body = json!({ "method": "totp", "code": code });
    post(bank, &format!("/v1/auth/challenges/{challenge}/verify"), &body).await
}

/// No code of this moment, the step before or the one after.
pub fn wrong_code(bank: &TestBank, person: &Person) -> String {
    let near: Vec<String> = [-30, 30, 30, -30]
        .map(|seconds| {
            bank.advance(seconds);
            bank.totp_code(person)
        })
        .to_vec();
    let wrong = (0..9).map(|n| format!("{n:06}")).find(|code| !near.contains(code));
    wrong.expect("at most four of nine are near")
}

// PCI DSS 8.3.9, 8.4.1, 8.4.2, 8.4.3: no role gets in with a password alone, from wherever it comes.
#[tokio::test]
async fn a_password_alone_never_signs_an_operator_in() {
    let bank = TestBank::new().await;
    for role in Role::ALL {
        let operator = bank.operator(role).await;
        let body = json!({ "email": operator.email, "password": operator.password });
        let half = post(&bank, "/v1/staff/login", &body).await.expect(200);
        assert_eq!(half.text("/status"), "mfa_required");
        assert_eq!(half.json()["challenge"]["methods"], json!(["totp"]));
        for token in ["access_token", "refresh_token", "session_id"] {
            assert!(half.json().get(token).is_none(), "{token} before the second factor");
        }
        // The customers' door is not a way round.
        post(&bank, "/v1/auth/login", &body).await.refused(401, "invalid_credentials");
    }
    for body in [
        json!({ "email": "nobody@bank.test", "password": "operator of the admin counter" }),
        json!({ "email": "no address", "password": "" }),
    ] {
        post(&bank, "/v1/staff/login", &body).await.refused(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn one_code_sixty_four_times_at_once_signs_in_once() {
    // More failures than lock, or most would be refused unjudged.
    let bank = TestBank::with(|config| config.sessions.lockout.failures = 100).await;
    let admin = bank.operator(Role::Admin).await;
    bank.advance(60);
    let code = bank.totp_code(&admin);
    let mut challenges = Vec::new();
    for _ in 0..16 {
        challenges.push(challenge(&bank, &admin).await);
    }
    let tries = challenges.iter().cycle().take(64);
    let replies = join_all(tries.map(|id| answer(&bank, id, &code))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.refused(401, "invalid_code");
    }
}

// PCI DSS 8.5.1: a code serves once.
#[tokio::test]
async fn a_step_is_not_accepted_twice_though_the_challenge_is_another() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    bank.advance(60);
    let (one, other) = (challenge(&bank, &admin).await, challenge(&bank, &admin).await);
    let code = bank.totp_code(&admin);
    let _in = answer(&bank, &one, &code).await.expect(200);
    answer(&bank, &other, &code).await.refused(401, "invalid_code");
    // The next step is taken early, and then the one between is too old.
    bank.advance(30);
    let between = bank.totp_code(&admin);
    bank.advance(30);
    let next = bank.totp_code(&admin);
    bank.advance(-30);
    let _in = answer(&bank, &other, &next).await.expect(200);
    let third = challenge(&bank, &admin).await;
    answer(&bank, &third, &between).await.refused(401, "invalid_code");
}

// PCI DSS 8.5.1: the second factor cannot be guessed after the first was right.
#[tokio::test]
async fn three_wrong_codes_kill_a_challenge_and_the_right_one_comes_too_late() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    bank.advance(60);
    let (guessed, other) = (challenge(&bank, &admin).await, challenge(&bank, &admin).await);
    let (wrong, right) = (wrong_code(&bank, &admin), bank.totp_code(&admin));
    for _ in 0..3 {
        answer(&bank, &guessed, &wrong).await.refused(401, "invalid_code");
    }
    answer(&bank, &guessed, &right).await.refused(401, "invalid_code");
    // The code was not used up by it.
    let _in = answer(&bank, &other, &right).await.expect(200);
    answer(&bank, &other, &right).await.refused(401, "invalid_code");
}

#[tokio::test]
async fn a_challenge_lives_five_minutes_and_takes_six_digits() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let (early, late) = (challenge(&bank, &admin).await, challenge(&bank, &admin).await);
    bank.advance(299);
    for code in ["", "12345", "1234567", "12345a", "１２３４５６"] {
        answer(&bank, &early, code).await.refused(422, "invalid_fields");
    }
    let _in = answer(&bank, &early, &bank.totp_code(&admin)).await.expect(200);
    bank.advance(1);
    answer(&bank, &late, &bank.totp_code(&admin)).await.refused(401, "invalid_code");
    let unknown = bank.unknown_id::<Challenge>();
    answer(&bank, &unknown, &bank.totp_code(&admin)).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_teller_takes_in_and_pays_out_what_is_there() {
    let p = Pair::new().await;
    let till = async |act: &str, account: &str, amount: i64, currency: &str| {
        let body = json!({
            "account": account, "amount": amount, "currency": currency, "reference": "slip 7"
        });
        p.teller.client.post(&format!("/v1/staff/{act}"), &body).await
    };
    let own = p.asha.client.get(&format!("/v1/accounts/{}", p.from)).await.expect(200);
    let paid_in = till("deposits", &own.text("/number"), 500, "INR").await.expect(201);
    assert_eq!((paid_in.text("/to"), paid_in.text("/memo")), (p.from.clone(), "slip 7".to_owned()));
    let paid_out = till("withdrawals", &p.from, 300, "INR").await.expect(201);
    assert_eq!(paid_out.text("/from"), p.from);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_200, 0, 10_200]);
    let _held = p.asha.client.post("/v1/holds", &p.order(200)).await.expect(201);
    till("withdrawals", &p.from, 10_001, "INR").await.refused(422, "insufficient_funds");
    till("withdrawals", &p.to, 1, "INR").await.refused(422, "insufficient_funds");
    till("withdrawals", &p.from, 1, "JPY").await.refused(422, "currency_mismatch");
    till("deposits", &p.from, 1, "JPY").await.refused(422, "currency_mismatch");
    let cash = exchequer::bank::cash_account(money::Currency::INR).to_string();
    for act in ["deposits", "withdrawals"] {
        till(act, &cash, 1, "INR").await.refused(422, "account_not_found");
        till(act, &p.from, 0, "INR").await.refused(422, "invalid_fields");
    }
    let _all = till("withdrawals", &p.from, 10_000, "INR").await.expect(201);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [200, 200, 0]);
}

#[tokio::test]
async fn a_search_finds_exactly_shows_little_and_leaves_an_event() {
    let bank = TestBank::new().await;
    let support = bank.operator(Role::Support).await;
    let asha = bank.customer("Asha").await;
    for n in 0..5 {
        let body = json!({
            "email": format!("family{n}@example.test"), "password": "violet tram under rain",
            "full_name": "Family", "phone": "+1234567890"
        });
        let _made = bank.client().post("/v1/customers", &body).await.expect(201);
    }
    let search =
        async |query: &str| support.client.get(&format!("/v1/staff/customers?query={query}")).await;
    for query in [&asha.id, "Asha@example.test"] {
        let found = search(query).await.expect(200);
        assert_eq!(
            (found.text("/data/0/id"), found.text("/data/0/email")),
            (asha.id.clone(), "a***@example.test".to_owned())
        );
        assert_eq!(found.json()["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(found.text("/data/0/full_name"), "A***");
    }
    let nobody = search("nobody@example.test").await.expect(200).json();
    assert_eq!(nobody, json!({ "data": [], "next_cursor": null }));
    let first = search("%2B1234567890&limit=3").await.expect(200);
    let rest = format!("%2B1234567890&limit=3&cursor={}", first.text("/next_cursor"));
    let rest = search(&rest).await.expect(200).json();
    assert_eq!(first.json()["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        (rest["data"].as_array().map(Vec::len), &rest["next_cursor"]),
        (Some(2), &Value::Null)
    );
    assert_eq!(first.text("/data/0/phone"), "+******7890");
    // Patterns and parts of addresses ask for nobody.
    for query in ["asha@", "%25", "%2B123", ""] {
        search(query).await.refused(422, "invalid_fields");
    }
    let events = "SELECT after FROM events WHERE action = 'customer.searched' ORDER BY id";
    let events = texts(&bank, events).await;
    assert_eq!(events.len(), 5);
    assert!(events[0].contains(&asha.id) && events[1].contains(&asha.id));
    assert!(!events.iter().any(|after| after.contains('@') || after.contains("1234567890")));
}

/// All events, as an auditor reads them.
pub async fn trail(auditor: &Person) -> Vec<Value> {
    pages(&auditor.client, "/v1/staff/events", 100).await
}

// PCI DSS 10.2.2: each event says who, what, when, from where, on what, and whether it was done.
// RTS 29: a payment is traced to its session, its request and its outcome.
// ASVS 16.2.1: an event says who, what, when, from where and in which request.
#[tokio::test]
async fn an_auditor_reads_who_did_what_from_where_newest_first() {
    let p = Pair::new().await;
    let auditor = p.bank.operator(Role::Compliance).await;
    // A reading is an event, and within a minute no other one.
    let _read = trail(&auditor).await;
    let sent = p.asha.client.post("/v1/transfers", &p.order(5)).await.expect(201).text("/id");
    let refused = p.asha.client.post("/v1/transfers", &p.order(99_999)).await;
    refused.refused(422, "insufficient_funds");
    let all = trail(&auditor).await;
    assert_eq!(all, pages(&auditor.client, "/v1/staff/events", 7).await);
    let ids: Vec<&str> = all.iter().map(|event| event["id"].as_str().expect("an id")).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    let rows = "SELECT CAST(COUNT(*) AS BIGINT) FROM events";
    let moved = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers";
    let rows = number(&p.bank, rows).await + number(&p.bank, moved).await;
    assert_eq!(i64::try_from(all.len()), Ok(rows), "nothing is left out");
    let (refusal, posted) = (&all[0], &all[1]);
    assert_eq!(
        (&refusal["action"], &refusal["outcome"]),
        (&json!("transfer.refused"), &json!("insufficient_funds"))
    );
    assert_eq!(refusal["request_id"], refused.text("/request_id"));
    assert_eq!((&posted["action"], &posted["resource"]), (&json!("transfer.posted"), &json!(sent)));
    for event in [refusal, posted] {
        let actor = &event["actor"];
        assert_eq!((&actor["kind"], &actor["id"]), (&json!("customer"), &json!(p.asha.id)));
        assert_eq!((&actor["address"], &actor["agent"]), (&json!("192.0.2.1"), &json!("testkit")));
        assert!(actor["session_id"].is_string());
    }
    for (filter, least) in [("action=session.opened", 4), (&*format!("resource={sent}"), 1)] {
        let found = auditor.client.get(&format!("/v1/staff/events?{filter}")).await.expect(200);
        assert!(found.json()["data"].as_array().map(Vec::len) >= Some(least), "{filter}");
    }
}
