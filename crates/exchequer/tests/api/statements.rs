//! `GET /v1/accounts/{id}/statement` and the operators' one.

use exchequer::staff::model::Role;
use money::Timestamp;
use money::kind::Account;
use serde_json::{Value, json};
use testkit::{Client, Reply};

use crate::transfers::Pair;

const FORMATS: [&str; 4] = ["json", "csv", "pdf", "camt053"];

async fn statement(client: &Client, account: &str, query: &str) -> Reply {
    client.get(&format!("/v1/accounts/{account}/statement?{query}")).await
}

/// Of some days, as JSON.
async fn of_days(client: &Client, account: &str, from: &str, to: &str) -> Value {
    let json = statement(client, account, &format!("from={from}&to={to}")).await.expect(200).json();
    let entries = json["entries"].as_array().expect("a list");
    let mut balance = json["opening_balance"].as_i64().expect("one");
    for entry in entries {
        balance += entry["amount"].as_i64().expect("one");
        assert_eq!(entry["balance_after"], balance);
        let day = &entry["posted_at"].as_str().expect("a time")[..10];
        assert!((from..=to).contains(&day), "{day} in {from}..{to}");
    }
    assert_eq!(json["closing_balance"], balance);
    json
}

fn amounts(statement: &Value) -> Vec<i64> {
    let entries = statement["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry["amount"].as_i64().expect("one")).collect()
}

/// Sets the clock and signs both in again.
pub async fn at(p: &mut Pair, time: &str) {
    p.bank.clock().set(time.parse::<Timestamp>().expect("a time")).expect("a clock in hand");
    for person in [&mut p.asha, &mut p.bela] {
        p.bank.sign_in(person).await;
    }
    p.bank.see_operator(&p.teller).await;
    p.bank.sign_in_operator(&mut p.teller).await;
}

pub async fn send(p: &Pair, amount: i64) {
    let _sent = p.asha.client.post("/v1/transfers", &p.order(amount)).await.expect(201);
}

#[tokio::test]
async fn days_adjoin_and_no_entry_is_lost_or_twice() {
    let mut p = Pair::new().await;
    // The bank of the tests begins on 2026-01-05.
    send(&p, 1).await;
    at(&mut p, "2026-01-06T23:59:00Z").await;
    send(&p, 2).await;
    at(&mut p, "2026-01-07T00:00:00Z").await;
    send(&p, 3).await;
    at(&mut p, "2026-01-09T12:00:00Z").await;
    send(&p, 4).await;
    let asha = &p.asha.client;
    let whole = of_days(asha, &p.from, "2026-01-01", "2026-01-09").await;
    assert_eq!(amounts(&whole), [10_000, -1, -2, -3, -4]);
    assert_eq!((&whole["opening_balance"], &whole["closing_balance"]), (&json!(0), &json!(9_990)));
    assert_eq!(whole["credits"], json!({ "count": 1, "amount": 10_000 }));
    assert_eq!(whole["debits"], json!({ "count": 4, "amount": 10 }));
    assert_eq!(whole["account"]["owner_name"], "Asha");
    assert_eq!(whole["entries"][0]["counterparty"], "bank");
    let mut found = Vec::new();
    let mut balance = json!(0);
    for (from, to) in [
        ("2025-12-01", "2026-01-04"),
        ("2026-01-05", "2026-01-05"),
        ("2026-01-06", "2026-01-06"),
        ("2026-01-07", "2026-01-08"),
        ("2026-01-09", "2026-01-09"),
    ] {
        let part = of_days(asha, &p.from, from, to).await;
        assert_eq!(part["opening_balance"], balance, "{from}");
        balance = part["closing_balance"].clone();
        found.extend(amounts(&part));
    }
    assert_eq!(found, amounts(&whole));
    let quiet = of_days(asha, &p.from, "2026-01-08", "2026-01-08").await;
    assert_eq!(
        (&quiet["opening_balance"], &quiet["closing_balance"]),
        (&json!(9_994), &json!(9_994))
    );
    assert_eq!(amounts(&quiet), [0; 0]);
}

#[tokio::test]
async fn without_days_it_is_the_last_whole_month_as_json() {
    let mut p = Pair::new().await;
    at(&mut p, "2026-02-10T12:00:00Z").await;
    send(&p, 5).await;
    let reply = p.asha.client.get(&format!("/v1/accounts/{}/statement", p.from)).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let json = reply.json();
    assert_eq!(json["period"], json!({ "from": "2026-01-01", "to": "2026-01-31" }));
    assert_eq!(amounts(&json), [10_000]);
}

// ASVS 3.2.1, 4.1.1, 5.4.1, 5.4.2: a file says its type, is named by the bank, and is saved and not shown.
#[tokio::test]
async fn every_format_is_a_file_with_a_name_and_the_same_bytes_each_time() {
    let p = Pair::new().await;
    send(&p, 1_250).await;
    let account = p.asha.client.get(&format!("/v1/accounts/{}", p.from)).await.expect(200);
    let number = account.text("/number");
    let operator = p.bank.operator(Role::Support).await;
    let days = "from=2026-01-05&to=2026-01-05";
    for (format, media, ending) in [
        ("json", "application/json", ""),
        ("csv", "text/csv; charset=utf-8; header=present", "csv"),
        ("pdf", "application/pdf", "pdf"),
        ("camt053", "application/xml", "xml"),
    ] {
        let query = format!("{days}&format={format}");
        let reply = statement(&p.asha.client, &p.from, &query).await.expect(200);
        assert_eq!(reply.header("content-type"), Some(media));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let name =
            format!("attachment; filename=\"statement-{number}-2026-01-05-2026-01-05.{ending}\"");
        let wanted = (!ending.is_empty()).then_some(&*name);
        assert_eq!(reply.header("content-disposition"), wanted);
        let again = statement(&p.asha.client, &p.from, &query).await.expect(200);
        assert_eq!(again.body, reply.body, "{format}");
        let staff = format!("/v1/staff/accounts/{}/statement?{query}", p.from);
        assert_eq!(operator.client.get(&staff).await.expect(200).body, reply.body, "{format}");
    }
}

#[tokio::test]
async fn a_closed_day_stays_the_same_bytes_whatever_comes_later() {
    let mut p = Pair::new().await;
    send(&p, 1_250).await;
    at(&mut p, "2026-01-06T00:00:00Z").await;
    let mut before = Vec::new();
    for format in FORMATS {
        let query = format!("from=2026-01-05&to=2026-01-05&format={format}");
        before.push(statement(&p.asha.client, &p.from, &query).await.expect(200).body);
    }
    send(&p, 7).await;
    at(&mut p, "2027-03-01T00:00:00Z").await;
    send(&p, 8).await;
    for (format, body) in FORMATS.into_iter().zip(before) {
        let query = format!("from=2026-01-05&to=2026-01-05&format={format}");
        assert_eq!(statement(&p.asha.client, &p.from, &query).await.expect(200).body, body);
    }
}

#[tokio::test]
async fn wrong_input_is_told_by_field_before_anything_is_looked_up() {
    let p = Pair::new().await;
    let unknown = p.bank.unknown_id::<Account>();
    for (query, field, code) in [
        ("from=2026-01-01", "to", "required"),
        ("to=2026-01-01", "from", "required"),
        ("from=2026-02-30&to=2026-03-01", "from", "invalid"),
        ("from=2025-02-29&to=2025-03-01", "from", "invalid"),
        ("from=2026-01-01&to=today", "to", "invalid"),
        ("from=2026-01-05T00:00:00Z&to=2026-01-05", "from", "invalid"),
        ("from=&to=2026-01-05", "from", "invalid"),
        ("from=2026-01-05&to=2026-01-04", "to", "before_from"),
        ("from=2026-01-05&to=2026-01-06", "to", "in_future"),
        ("from=9999-12-31&to=9999-12-31", "to", "in_future"),
        ("from=2025-01-04&to=2026-01-05", "from", "period_too_long"),
        ("from=0000-01-01&to=2026-01-05", "from", "period_too_long"),
        ("format=xlsx", "format", "invalid"),
        ("format=PDF", "format", "invalid"),
        ("format=", "format", "invalid"),
    ] {
        for account in [&p.from, &p.to, &unknown] {
            let reply = statement(&p.asha.client, account, query).await;
            reply.refused(422, "invalid_fields");
            assert_eq!(
                (&*reply.text("/fields/0/field"), &*reply.text("/fields/0/code")),
                (field, code)
            );
        }
    }
    let all = statement(&p.asha.client, &p.from, "from=x&to=y&format=z").await.json();
    assert_eq!(all["fields"].as_array().map(Vec::len), Some(3));
    for odd in ["form=json", "from=2026-01-01&from=2026-01-02", "limit=1"] {
        statement(&p.asha.client, &p.from, odd).await.refused(400, "malformed_request");
    }
    for right in ["from=2024-02-29&to=2024-02-29", "from=0000-02-29&to=0000-12-31"] {
        let json = statement(&p.asha.client, &p.from, right).await.expect(200).json();
        assert_eq!((&json["opening_balance"], &json["closing_balance"]), (&json!(0), &json!(0)));
    }
}

#[tokio::test]
async fn the_banks_own_account_has_one_for_operators() {
    let p = Pair::new().await;
    send(&p, 5).await;
    let operator = p.bank.operator(Role::Compliance).await;
    let cash = exchequer::bank::cash_account(money::Currency::INR);
    let path = format!("/v1/staff/accounts/{cash}/statement?from=2026-01-05&to=2026-01-05");
    let json = operator.client.get(&path).await.expect(200).json();
    assert_eq!(
        (&json["account"]["owner_name"], &json["account"]["number"]),
        (&json!("Exchequer"), &json!("EXBANK-INR"))
    );
    assert_eq!((amounts(&json), &json["closing_balance"]), (vec![-10_000], &json!(-10_000)));
    let csv = operator.client.get(&format!("{path}&format=csv")).await.expect(200);
    let csv = String::from_utf8(csv.body.to_vec()).expect("UTF-8");
    assert!(csv.contains("100.00,,100.00,DBIT,INR\r\n"), "{csv}");
    assert!(!csv.contains(",-"), "{csv}");
}

#[tokio::test]
async fn currencies_with_no_and_three_decimals_are_written_so() {
    let p = Pair::new().await;
    for (currency, wanted) in [("JPY", "12345"), ("KWD", "12.345")] {
        let account = p.bank.account(&p.asha, currency).await;
        p.bank.deposit(&p.teller, &account, 12_345, currency).await;
        let days = "from=2026-01-05&to=2026-01-05";
        let csv =
            statement(&p.asha.client, &account, &format!("{days}&format=csv")).await.expect(200);
        let csv = String::from_utf8(csv.body.to_vec()).expect("UTF-8");
        assert!(csv.contains(&format!(",,{wanted},{wanted},CRDT,{currency}\r\n")), "{csv}");
        let xml = statement(&p.asha.client, &account, &format!("{days}&format=camt053"))
            .await
            .expect(200);
        let xml = String::from_utf8(xml.body.to_vec()).expect("UTF-8");
        assert!(xml.contains(&format!("<Amt Ccy=\"{currency}\">{wanted}</Amt>")), "{xml}");
    }
}

/// Sends so many transfers of 1 from Asha to Bela.
async fn crowd(p: &Pair, count: usize) {
    let batch = json!({ "atomic": false, "transfers": vec![p.order(1); count] });
    let reply = p.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
    let results = reply.json();
    let done = results["results"].as_array().expect("results").iter();
    assert_eq!(done.filter(|result| result["transfer"].is_object()).count(), count);
}

/// So many transfers between two other accounts.
async fn noise(p: &Pair, count: usize) {
    let (from, to) = (p.bank.account(&p.bela, "INR").await, p.bank.account(&p.bela, "INR").await);
    p.bank.deposit(&p.teller, &from, 1_000, "INR").await;
    let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
    let batch = json!({ "atomic": false, "transfers": vec![order; count] });
    let _sent = p.bela.client.post("/v1/transfers/batch", &batch).await.expect(200);
}

#[tokio::test]
async fn old_days_are_found_behind_thousands_of_entries() {
    let mut p = Pair::new().await;
    p.bank.deposit(&p.teller, &p.from, 100_000, "INR").await;
    let quiet = p.bank.account(&p.bela, "INR").await;
    p.bank.deposit(&p.teller, &quiet, 30, "INR").await;
    send(&p, 500).await;
    at(&mut p, "2026-01-09T12:00:00Z").await;
    noise(&p, 300).await;
    at(&mut p, "2026-01-10T10:00:00Z").await;
    crowd(&p, 6_000).await;
    let sent = json!({ "from": quiet, "to": p.from, "amount": 10, "currency": "INR" });
    let _sent = p.bela.client.post("/v1/transfers", &sent).await.expect(201);
    // So near to the end of a day that no place is looked for but along the chain.
    at(&mut p, "2026-01-11T00:02:00Z").await;
    crowd(&p, 5_000).await;
    at(&mut p, "2026-02-20T10:00:00Z").await;
    crowd(&p, 6_000).await;
    // Behind the first of these days stand others' transfers, more than are looked through at first.
    for to in ["2026-01-08", "2026-01-09"] {
        let days = of_days(&p.asha.client, &p.from, "2026-01-01", to).await;
        assert_eq!(amounts(&days), [10_000, 100_000, -500]);
    }
    let first = of_days(&p.asha.client, &p.from, "2026-01-01", "2026-01-09").await;
    let second = of_days(&p.asha.client, &p.from, "2026-01-10", "2026-01-10").await;
    assert_eq!((amounts(&second).len(), amounts(&second).last()), (6_001, Some(&10)));
    assert_eq!(second["opening_balance"], first["closing_balance"]);
    assert_eq!(second["closing_balance"], 109_500 - 6_000 + 10);
    let third = of_days(&p.asha.client, &p.from, "2026-01-11", "2026-02-20").await;
    assert_eq!(
        (&third["opening_balance"], amounts(&third).len()),
        (&second["closing_balance"], 11_000)
    );
    let before = of_days(&p.asha.client, &p.from, "2025-12-01", "2026-01-04").await;
    assert_eq!((&before["closing_balance"], amounts(&before).len()), (&json!(0), 0));
    for (from, to, wanted) in [
        ("2026-01-05", "2026-01-09", vec![30]),
        ("2026-01-10", "2026-01-10", vec![-10]),
        ("2026-01-11", "2026-02-20", vec![]),
    ] {
        assert_eq!(amounts(&of_days(&p.bela.client, &quiet, from, to).await), wanted);
    }
    // More than people read is refused as a PDF and given to programs.
    let query = "from=2026-01-05&to=2026-02-20&format=";
    let pdf = statement(&p.asha.client, &p.from, &format!("{query}pdf")).await;
    pdf.refused(422, "statement_too_long");
    assert_eq!(pdf.text("/detail"), "at most 10000 entries in this format");
    for format in ["json", "csv", "camt053"] {
        let reply = statement(&p.asha.client, &p.from, &format!("{query}{format}")).await;
        let text = String::from_utf8(reply.expect(200).body.to_vec()).expect("UTF-8");
        assert_eq!(text.matches("trf_").count() / if format == "camt053" { 2 } else { 1 }, 17_004);
    }
}

#[tokio::test]
async fn an_account_opened_in_the_period_begins_with_nothing() {
    let mut p = Pair::new().await;
    at(&mut p, "2026-01-15T09:00:00Z").await;
    let fresh = p.bank.account(&p.asha, "EUR").await;
    for (from, to) in [("2026-01-01", "2026-01-15"), ("2025-12-01", "2025-12-31")] {
        let json = of_days(&p.asha.client, &fresh, from, to).await;
        assert_eq!((&json["opening_balance"], &json["closing_balance"]), (&json!(0), &json!(0)));
        for format in FORMATS {
            let query = format!("from={from}&to={to}&format={format}");
            let _file = statement(&p.asha.client, &fresh, &query).await.expect(200);
        }
    }
    p.bank.deposit(&p.teller, &fresh, 700, "EUR").await;
    let json = of_days(&p.asha.client, &fresh, "2026-01-01", "2026-01-15").await;
    assert_eq!((&json["opening_balance"], &json["closing_balance"]), (&json!(0), &json!(700)));
}

#[tokio::test]
async fn an_account_that_is_frozen_or_closed_still_has_its_statements() {
    let mut p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let path = format!("/v1/staff/accounts/{}/freeze", p.from);
    let _frozen = admin.client.post(&path, &json!({})).await.expect(200);
    let path = format!("/v1/staff/accounts/{}/close", p.to);
    let _closed = admin.client.post(&path, &json!({})).await.expect(200);
    at(&mut p, "2026-01-06T09:00:00Z").await;
    let frozen = of_days(&p.asha.client, &p.from, "2026-01-05", "2026-01-06").await;
    assert_eq!(amounts(&frozen), [10_000]);
    of_days(&p.bela.client, &p.to, "2026-01-05", "2026-01-06").await;
}
