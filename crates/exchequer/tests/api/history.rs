//! `GET /v1/accounts/{id}/history`; and what is kept of it.

use serde_json::{Value, json};
use testkit::Client;

use crate::rows;
use crate::statements::{at, send};
use crate::transfers::Pair;

async fn history(client: &Client, account: &str, days: i64) -> Value {
    let path = format!("/v1/accounts/{account}/history?days={days}");
    client.get(&path).await.expect(200).json()
}

fn balances(history: &Value) -> Vec<(String, i64)> {
    let days = history["days"].as_array().expect("a list");
    days.iter()
        .map(|day| {
            let date = day["date"].as_str().expect("a day").to_owned();
            (date, day["balance"].as_i64().expect("known"))
        })
        .collect()
}

async fn kept(p: &Pair) -> i64 {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM account_days";
    rows::number(&p.bank, sql).await
}

/// 10,000 on 2026-01-05, then payments on the 5th, the 6th (its last minute), the 7th (its first) and the 9th.
async fn four_days() -> Pair {
    let mut p = Pair::new().await;
    send(&p, 1).await;
    at(&mut p, "2026-01-06T23:59:00Z").await;
    send(&p, 2).await;
    at(&mut p, "2026-01-07T00:00:00Z").await;
    send(&p, 3).await;
    at(&mut p, "2026-01-09T12:00:00Z").await;
    send(&p, 4).await;
    p
}

#[tokio::test]
async fn a_day_closes_with_its_last_entry_and_today_is_now() {
    let mut p = four_days().await;
    let wanted = [
        ("2026-01-04", 0),
        ("2026-01-05", 9_999),
        ("2026-01-06", 9_997),
        ("2026-01-07", 9_994),
        ("2026-01-08", 9_994),
        ("2026-01-09", 9_990),
    ]
    .map(|(day, balance)| (day.to_owned(), balance));
    // The second time from what was kept.
    for _ in 0..2 {
        let told = history(&p.asha.client, &p.from, 6).await;
        assert_eq!(told["currency"], "INR");
        assert_eq!(balances(&told), wanted);
        assert_eq!(kept(&p).await, 4, "the days from the account's first to yesterday");
    }
    send(&p, 90).await;
    let told = balances(&history(&p.asha.client, &p.from, 1).await);
    assert_eq!(told, [("2026-01-09".to_owned(), 9_900)]);
    // What is kept and what is not yet are one row of days.
    at(&mut p, "2026-01-12T12:00:00Z").await;
    let told = balances(&history(&p.asha.client, &p.from, 9).await);
    assert_eq!(told[..6], [&wanted[..5], &[("2026-01-09".to_owned(), 9_900)]].concat());
    assert_eq!(told[6..].iter().map(|day| day.1).collect::<Vec<_>>(), [9_900; 3]);
    let path = format!("/v1/accounts/{}/history", p.from);
    let by_default = p.asha.client.get(&path).await.expect(200).json();
    assert_eq!(balances(&by_default).len(), 90);
    assert_eq!(balances(&history(&p.bela.client, &p.to, 366).await).len(), 366);
}

#[tokio::test]
async fn a_day_is_not_kept_while_a_late_entry_may_come() {
    let mut p = Pair::new().await;
    send(&p, 1).await;
    at(&mut p, "2026-01-06T00:30:00Z").await;
    let wanted = [("2026-01-05".to_owned(), 9_999), ("2026-01-06".to_owned(), 9_999)];
    assert_eq!(balances(&history(&p.asha.client, &p.from, 2).await), wanted);
    assert_eq!(kept(&p).await, 0);
    at(&mut p, "2026-01-06T01:00:00Z").await;
    assert_eq!(balances(&history(&p.asha.client, &p.from, 2).await), wanted);
    assert_eq!(kept(&p).await, 1);
}

#[tokio::test]
async fn what_no_answer_tells_any_more_is_forgotten() {
    let mut p = four_days().await;
    let _kept = history(&p.asha.client, &p.from, 6).await;
    at(&mut p, "2027-01-08T12:00:00Z").await;
    assert_eq!(balances(&history(&p.asha.client, &p.from, 3).await).len(), 3);
    // 2026-01-07 and -08 are 366 and 365 days ago; two days are new.
    assert_eq!(kept(&p).await, 4);
}

#[tokio::test]
async fn a_busy_account_is_known_within_the_bound() {
    let mut p = Pair::new().await;
    for day in 6..10 {
        let transfers: Vec<Value> = (0..2_000).map(|_| p.order(1)).collect();
        let body = json!({ "transfers": transfers, "atomic": true });
        let _sent = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200);
        at(&mut p, &format!("2026-01-{day:02}T12:00:00Z")).await;
    }
    let told = balances(&history(&p.asha.client, &p.from, 5).await);
    let balances: Vec<i64> = told.iter().map(|day| day.1).collect();
    assert_eq!(balances, [8_000, 6_000, 4_000, 2_000, 2_000]);
}

#[tokio::test]
async fn odd_requests_are_refused_and_another_account_is_not_there() {
    let p = Pair::new().await;
    for days in ["0", "367", "-1", "9223372036854775807"] {
        let reply =
            p.asha.client.get(&format!("/v1/accounts/{}/history?days={days}", p.from)).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.text("/fields/0/field"), "days");
    }
    for odd in ["days=x", "days=1.5", "from=2026-01-01"] {
        let reply = p.asha.client.get(&format!("/v1/accounts/{}/history?{odd}", p.from)).await;
        reply.refused(400, "malformed_request");
    }
    for id in [p.to.clone(), p.bank.unknown_id::<money::kind::Account>(), "nonsense".to_owned()] {
        let reply = p.asha.client.get(&format!("/v1/accounts/{id}/history")).await;
        reply.refused(404, "not_found");
    }
}

#[tokio::test]
async fn verify_finds_a_day_that_was_forged() {
    for forged in [
        "UPDATE account_days SET posted = posted + 1 WHERE day = 20459",
        // Its own entry of another day, with the balance that it left.
        "UPDATE account_days SET posted = 9999, last_entry = (SELECT d.last_entry FROM account_days AS d \
         WHERE d.day = 20458) WHERE day = 20459",
        "UPDATE account_days SET last_entry = NULL, posted = 0 WHERE day = 20459",
        "UPDATE account_days SET day = 20440 WHERE day = 20459",
    ] {
        let mut p = four_days().await;
        let _kept = history(&p.asha.client, &p.from, 6).await;
        assert_eq!(rows::execute(&p.bank, forged).await, 1, "{forged}");
        p.bank.skip_verify();
        let report = exchequer::verify::run(p.bank.bank().db()).await.expect("a report");
        let finding = report.finding().unwrap_or_else(|| panic!("not found: {forged}"));
        assert_eq!(finding.table, "account_days", "{finding}");
        assert!(finding.id.starts_with(&p.from), "{finding}");
    }
}
