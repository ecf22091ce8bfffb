//! `/v1/staff`: the second factor, the till, look-ups, and a trail of everything.

use std::collections::BTreeSet;

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use money::kind::Challenge;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};

use crate::accounts::pages;
use crate::rows::{execute, number, texts};
use crate::sessions::post;
use crate::transfers::Pair;

/// The first half of a sign-in; gives the challenge.
async fn challenge(bank: &TestBank, person: &Person) -> String {
    let body = json!({ "email": person.email, "password": person.password });
    post(bank, "/v1/staff/login", &body).await.expect(200).text("/challenge/id")
}

async fn answer(bank: &TestBank, challenge: &str, code: &str) -> Reply {
    let body = json!({ "method": "totp", "code": code });
    post(bank, &format!("/v1/auth/challenges/{challenge}/verify"), &body).await
}

/// No code of this moment, the step before or the one after.
fn wrong_code(bank: &TestBank, person: &Person) -> String {
    let near: Vec<String> = [-30, 30, 30, -30]
        .map(|seconds| {
            bank.advance(seconds);
            bank.totp_code(person)
        })
        .to_vec();
    let wrong = (0..9).map(|n| format!("{n:06}")).find(|code| !near.contains(code));
    wrong.expect("at most four of nine are near")
}

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
    // Parts, patterns and names find nobody.
    for query in ["asha", "%25", "family%25", "Family", ""] {
        search(query).await.refused(422, "invalid_fields");
    }
    let events = "SELECT after FROM events WHERE action = 'customer.searched' ORDER BY id";
    let events = texts(&bank, events).await;
    assert_eq!(events.len(), 5);
    assert!(events[0].contains(&asha.id) && events[1].contains(&asha.id));
    assert!(!events.iter().any(|after| after.contains('@') || after.contains("1234567890")));
}

/// All events, as an auditor reads them.
async fn trail(auditor: &Person) -> Vec<Value> {
    pages(&auditor.client, "/v1/staff/events", 100).await
}

#[tokio::test]
async fn an_auditor_reads_who_did_what_from_where_newest_first() {
    let p = Pair::new().await;
    let auditor = p.bank.operator(Role::Compliance).await;
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

/// Every way of signing in and out, right and wrong.
async fn sign_in_every_way(p: &Pair, support: &Person) {
    let bcrypt = "UPDATE customers SET password_hash = \
        '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie'";
    assert_eq!(execute(&p.bank, bcrypt).await, 2);
    let bcrypt = "UPDATE staff SET password_hash = \
        '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie' WHERE role = 'support'";
    assert_eq!(execute(&p.bank, bcrypt).await, 1);
    let password = "correctbatteryhorsestapler";
    let _in = crate::sessions::log_in(&p.bank, &p.bela.email, password).await.expect(200);
    crate::sessions::log_in(&p.bank, &p.bela.email, "wrong")
        .await
        .refused(401, "invalid_credentials");
    let again = json!({ "email": p.bela.email, "password": password, "full_name": "Bela" });
    let _again = p.bank.client().post("/v1/customers", &again).await.expect(201);
    let mut support = support.clone();
    password.clone_into(&mut support.password);
    let id = challenge(&p.bank, &support).await;
    answer(&p.bank, &id, &wrong_code(&p.bank, &support)).await.refused(401, "invalid_code");
    let _out = support.client.post_raw("/v1/staff/logout", None, Vec::new()).await.expect(204);
}

/// Holds that end in each way, transfers that are refused and sent back.
async fn move_money_every_way(p: &Pair, admin: &Person) {
    let mut order = p.order(10);
    order["expires_in"] = json!(1);
    for act in ["capture", "void", ""] {
        let hold = p.asha.client.post("/v1/holds", &order).await.expect(201).text("/id");
        if !act.is_empty() {
            let path = format!("/v1/holds/{hold}/{act}");
            let done = p.asha.client.post(&path, &json!({})).await;
            assert!(done.status.is_success());
        }
    }
    p.bank.advance(1);
    let (_running, stop) = tokio::sync::watch::channel(false);
    assert_eq!(exchequer::holds::job::sweep(p.bank.bank(), &stop).await.expect("a sweep"), 1);
    for path in ["/v1/transfers", "/v1/holds"] {
        p.asha.client.post(path, &p.order(99_999)).await.refused(422, "insufficient_funds");
    }
    let sent = p.asha.client.post("/v1/transfers", &p.order(10)).await.expect(201).text("/id");
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    let _back = admin.client.post(&path, &json!({ "reason": "r" })).await.expect(201);
    let again = admin.client.post(&path, &json!({ "reason": "r" })).await;
    again.refused(422, "reversal_exceeds_transfer");
}

async fn change_accounts_every_way(p: &Pair, admin: &Person) {
    let account = p.bank.account(&p.bela, "EUR").await;
    for act in ["unfreeze", "freeze", "freeze", "unfreeze", "close", "close"] {
        let path = format!("/v1/staff/accounts/{account}/{act}");
        let _either = admin.client.post(&path, &json!({})).await;
    }
    let path = format!("/v1/staff/accounts/{}/limits", p.from);
    let _set = admin.client.post(&path, &json!({ "per_day": 100 })).await.expect(200);
    let open = json!({ "currency": "EUR", "name": "Many" });
    while p.bela.client.post("/v1/accounts", &open).await.status == 201 {}
    p.teller.client.get("/v1/staff/events").await.refused(403, "forbidden");
    let path = format!("/v1/staff/customers?query={}", p.bela.id);
    let _found = admin.client.get(&path).await.expect(200);
}

async fn make_keys(bank: &TestBank) {
    let rng = money::Rng::seeded(3);
    let act = exchequer::keys::KeyAct {
        master: vault::MasterKey::generate(&rng).expect("a master key").into(),
        rng,
        now: bank.clock().now(),
        origin: store::rows::Origin::system("test"),
    };
    let made = bank.bank().db().write("keys.test", move |tx| {
        let first = exchequer::keys::create_first_in(tx, &act)?;
        let version = exchequer::keys::rotate_in(tx, &act, vault::Purpose::PersonalData)?;
        Ok::<_, store::DbError>((first, version))
    });
    assert_eq!(made.await.expect("keys"), (true, Ok(2)));
}

/// The action names in the sources: `noun.verb`, the verb in the past.
fn written_actions() -> BTreeSet<String> {
    const NOUNS: [&str; 8] =
        ["access", "account", "customer", "data_key", "hold", "session", "staff", "transfer"];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("../store/src")];
    let mut actions = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).expect("a source");
                let action = |literal: &&str| {
                    (literal.ends_with("ed") || literal.ends_with("en"))
                        && literal.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
                        && literal.split_once('.').is_some_and(|(noun, _)| NOUNS.contains(&noun))
                };
                actions.extend(text.split('"').filter(action).map(str::to_owned));
            }
        }
    }
    actions
}

#[tokio::test]
async fn everything_that_the_code_can_write_into_the_trail_appears_there() {
    let p = Pair::new().await;
    let (admin, support) =
        (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Support).await);
    move_money_every_way(&p, &admin).await;
    change_accounts_every_way(&p, &admin).await;
    sign_in_every_way(&p, &support).await;
    make_keys(&p.bank).await;
    let trail = trail(&admin).await;
    let seen: BTreeSet<String> =
        trail.iter().map(|e| e["action"].as_str().expect("an action").to_owned()).collect();
    let written = written_actions();
    assert!(written.len() >= 30, "{written:?}");
    let missing: Vec<_> = written.difference(&seen).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    let unknown: Vec<_> = seen.difference(&written).collect();
    assert!(unknown.is_empty(), "not found in the sources: {unknown:?}");
}
