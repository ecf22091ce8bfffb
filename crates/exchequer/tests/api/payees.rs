//! `POST /v1/payees/check`: what a name check tells, and what it does not.

use serde_json::{Value, json};
use testkit::{Reply, TestBank};

use crate::rows;
use crate::transfers::Pair;

async fn check(p: &Pair, account: &str, name: &str) -> Reply {
    p.asha.client.post("/v1/payees/check", &json!({ "account": account, "name": name })).await
}

async fn result(p: &Pair, account: &str, name: &str) -> (String, Value) {
    let json = check(p, account, name).await.expect(200).json();
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(2), "{json}");
    (json["result"].as_str().expect("a word").to_owned(), json["suggestion"].clone())
}

#[tokio::test]
async fn a_name_matches_is_close_or_does_not() {
    let p = Pair::new().await;
    let venkat = p.bank.customer("Lakshmi Venkataraman").await;
    let account = p.bank.account(&venkat, "INR").await;
    let opened = venkat.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
    let nothing = Value::Null;
    for payee in [account.clone(), opened.text("/number")] {
        for (name, wanted, told) in [
            ("Lakshmi Venkataraman", "match", &nothing),
            ("venkataraman, LAKSHMI (Mrs.)", "match", &nothing),
            ("L Venkataraman", "close_match", &json!("L••• V•••")),
            ("Lakshmi Venkatraman", "close_match", &json!("L••• V•••")),
            ("Lakshmi", "no_match", &nothing),
            ("Asha Rao", "no_match", &nothing),
            ("—", "not_checked", &nothing),
        ] {
            let (result, suggestion) = result(&p, &payee, name).await;
            assert_eq!((&*result, &suggestion), (wanted, told), "{name}");
        }
    }
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'payee.checked'";
    assert_eq!(rows::number(&p.bank, sql).await, 14);
    let kept =
        rows::texts(&p.bank, "SELECT after FROM events WHERE action = 'payee.checked'").await;
    assert!(kept.iter().all(|after| !after.contains("enkat")), "{kept:?}");
}

/// An unknown account answers as one of somebody else's does, whatever the name: also one's own, which is read
/// in its place.
#[tokio::test]
async fn what_is_not_there_answers_like_a_wrong_name() {
    let p = Pair::new().await;
    let unknown = p.bank.unknown_id::<money::kind::Account>();
    let wrong = check(&p, &p.to, "Somebody Else").await.expect(200);
    for name in ["Somebody Else", "Asha", "Bela"] {
        for account in [&*unknown, "EX3456789012345676"] {
            let reply = check(&p, account, name).await.expect(200);
            assert_eq!(reply.body, wrong.body, "{name}");
        }
    }
    // The bank's own accounts are nobody's.
    let cash = rows::texts(&p.bank, "SELECT number FROM accounts WHERE owner IS NULL").await;
    assert!(!cash.is_empty());
    for number in cash {
        check(&p, &number, "Exchequer").await.refused(422, "invalid_fields");
    }
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let p = Pair::new().await;
    let long = "x".repeat(141);
    for (account, name, field) in [
        ("nonsense", "Bela", "account"),
        ("EX3456789012345677", "Bela", "account"),
        ("", "Bela", "account"),
        (&*p.to, "", "name"),
        (&*p.to, " ", "name"),
        (&*p.to, &*long, "name"),
        (&*p.to, "a\u{0}b", "name"),
    ] {
        let reply = check(&p, account, name).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.text("/fields/0/field"), field, "{account} {name}");
    }
}

// ASVS 2.4.1: names of account holders cannot be gathered.
#[tokio::test]
async fn names_are_not_found_out_by_asking_often() {
    // Redis goes by its own time, which no test moves; that both backends count alike is the store's test.
    let bank = TestBank::with(|config| {
        config.rate_limits_on = true;
        config.redis = None;
    })
    .await;
    let asha = bank.customer("Asha").await;
    let account = bank.account(&asha, "INR").await;
    let body = json!({ "account": account, "name": "Asha" });
    let mut taken = 0;
    let mut minutes = 0;
    loop {
        let reply = asha.client.post("/v1/payees/check", &body).await;
        let policy = reply.header("ratelimit-policy").expect("a policy").to_owned();
        assert_eq!(policy, "\"caller\";q=20;w=60, \"caller-long\";q=200;w=86400");
        if reply.status == 200 {
            taken += 1;
            continue;
        }
        reply.refused(429, "rate_limited");
        let wait: i64 = reply.header("retry-after").expect("seconds").parse().expect("a number");
        if wait > 60 {
            break;
        }
        assert_eq!(taken % 20, 0, "of a minute");
        minutes += 1;
        bank.advance(wait);
        assert!(minutes < 20, "a day has a limit, too");
        if minutes == 4 {
            break;
        }
    }
    // The access token lasts five minutes; what is left is for the day's limit alone.
    let mut asha = asha;
    while taken < 200 {
        bank.advance(61);
        bank.refresh(&mut asha).await;
        for _ in 0..20 {
            let _checked = asha.client.post("/v1/payees/check", &body).await.expect(200);
            taken += 1;
        }
    }
    bank.advance(61);
    bank.refresh(&mut asha).await;
    let refused = asha.client.post("/v1/payees/check", &body).await;
    refused.refused(429, "rate_limited");
    let wait: i64 = refused.header("retry-after").expect("seconds").parse().expect("a number");
    assert!(wait > 3_600, "{wait}");
}
