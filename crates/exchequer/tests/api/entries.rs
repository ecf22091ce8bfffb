//! `GET /v1/accounts/{id}/entries` with filters.

use serde_json::{Value, json};
use testkit::Client;

use crate::statements::at;
use crate::transfers::Pair;

/// Amounts of everything that fits, page by page, and how many pages that took.
async fn amounts(client: &Client, account: &str, filter: &str) -> (Vec<i64>, usize) {
    let (mut found, mut cursor, mut asked) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("/v1/accounts/{account}/entries?{filter}{cursor}");
        let page = client.get(&path).await.expect(200).json();
        asked += 1;
        let data = page["data"].as_array().expect("a list");
        found.extend(data.iter().map(|entry| entry["amount"].as_i64().expect("one")));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (found, asked),
        }
    }
}

async fn paid(p: &Pair, amount: i64, memo: Option<&str>) {
    let mut order = p.order(amount);
    order["memo"] = memo.map_or(Value::Null, Value::from);
    let _sent = p.asha.client.post("/v1/transfers", &order).await.expect(201);
}

/// Payments of four days: 2026-01-05 to 2026-01-09.
async fn four_days() -> Pair {
    let mut p = Pair::new().await;
    paid(&p, 1, Some("Rent for MAY")).await;
    at(&mut p, "2026-01-06T23:59:00Z").await;
    paid(&p, 20, Some("Größe 100% _under_")).await;
    at(&mut p, "2026-01-07T00:00:00Z").await;
    paid(&p, 300, None).await;
    at(&mut p, "2026-01-09T12:00:00Z").await;
    paid(&p, 4_000, Some("rent again")).await;
    p
}

#[tokio::test]
async fn each_filter_gives_what_fits_newest_first() {
    let p = four_days().await;
    let bela = p.bela.client.get(&format!("/v1/accounts/{}", p.to)).await.expect(200);
    let number = bela.text("/number");
    let part = number[6..12].to_lowercase();
    let by_number = format!("query={part}");
    let all = [-4_000, -300, -20, -1, 10_000];
    for (filter, wanted) in [
        ("limit=100", &all[..]),
        ("from=2026-01-07", &all[..2]),
        ("to=2026-01-06", &all[2..]),
        ("from=2026-01-06&to=2026-01-07", &all[1..3]),
        ("from=2026-01-08&to=2026-01-08", &[]),
        ("from=2026-01-10", &[]),
        ("to=2026-01-04", &[]),
        ("to=9999-12-31", &all[..]),
        ("min_amount=300", &[-4_000, -300, 10_000]),
        ("max_amount=20", &[-20, -1]),
        ("min_amount=20&max_amount=300", &[-300, -20]),
        ("direction=in", &[10_000]),
        ("direction=out", &all[..4]),
        ("query=RENT", &[-4_000, -1]),
        ("query=gr%C3%B6%C3%9Fe", &[-20]),
        ("query=%25", &[-20]),
        ("query=_u", &[-20]),
        ("query=BANK", &[10_000]),
        (&by_number, &all[..4]),
        ("query=nowhere", &[]),
        ("query=rent&direction=out&to=2026-01-08&max_amount=5", &[-1]),
    ] {
        for limit in ["", "&limit=1", "&limit=2"] {
            if filter.contains("limit") && !limit.is_empty() {
                continue;
            }
            let filter = format!("{filter}{limit}");
            assert_eq!(amounts(&p.asha.client, &p.from, &filter).await.0, wanted, "{filter}");
        }
    }
}

#[tokio::test]
async fn days_without_an_account_or_an_entry_are_empty() {
    let p = Pair::new().await;
    for filter in ["from=2026-01-01", "to=2026-01-31", "query=x", "direction=in"] {
        assert_eq!(amounts(&p.bela.client, &p.to, filter).await.0, [0; 0], "{filter}");
    }
}

#[tokio::test]
async fn an_answer_looks_at_so_many_entries_and_the_next_one_goes_on() {
    let p = Pair::new().await;
    paid(&p, 7, Some("the needle")).await;
    let transfers: Vec<Value> = (0..4_500).map(|_| p.order(1)).collect();
    let body = json!({ "transfers": transfers, "atomic": true });
    let _sent = p.asha.client.post("/v1/transfers/batch", &body).await.expect(200);
    let first = format!("/v1/accounts/{}/entries?query=needle", p.from);
    let empty = p.asha.client.get(&first).await.expect(200).json();
    assert_eq!(empty["data"], json!([]));
    assert!(empty["next_cursor"].is_string(), "{empty}");
    let (found, asked) = amounts(&p.asha.client, &p.from, "query=needle").await;
    assert_eq!((found, asked), (vec![-7], 3));
    // A page that is full soon ends there.
    let (found, asked) = amounts(&p.asha.client, &p.from, "max_amount=1&limit=100").await;
    assert_eq!((found.len(), asked), (4_500, 45));
}

#[tokio::test]
async fn odd_filters_are_refused_by_field() {
    let p = Pair::new().await;
    let entries = format!("/v1/accounts/{}/entries", p.from);
    let long = "x".repeat(101);
    let (too_long, control) = (format!("query={long}"), "query=a%00b");
    for (query, field) in [
        ("from=2026-02-30", "from"),
        ("from=2026-01-05T00:00:00Z", "from"),
        ("to=", "to"),
        ("to=yesterday", "to"),
        ("from=2026-01-06&to=2026-01-05", "to"),
        ("min_amount=-1", "min_amount"),
        ("max_amount=9007199254740992", "max_amount"),
        ("min_amount=2&max_amount=1", "max_amount"),
        ("direction=IN", "direction"),
        ("query=", "query"),
        ("query=%20", "query"),
        (&too_long, "query"),
        (control, "query"),
    ] {
        let reply = p.asha.client.get(&format!("{entries}?{query}")).await;
        reply.refused(422, "invalid_fields");
        assert_eq!(reply.text("/fields/0/field"), field, "{query}");
    }
    for query in ["min_amount=x", "min_amount=1.0", "min_amount=9223372036854775808", "day=1"] {
        let reply = p.asha.client.get(&format!("{entries}?{query}")).await;
        reply.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn a_filter_opens_no_other_account_and_no_other_cursor() {
    let p = Pair::new().await;
    paid(&p, 5, None).await;
    let strange = p.bank.unknown_id::<money::kind::Account>();
    for account in [&p.to, &strange] {
        let path = format!("/v1/accounts/{account}/entries?query=x");
        p.asha.client.get(&path).await.refused(404, "not_found");
    }
    let cursor = p.bank.unknown_id::<money::kind::Transfer>();
    let path = format!("/v1/accounts/{}/entries?direction=in&cursor={cursor}", p.from);
    p.asha.client.get(&path).await.refused(400, "malformed_request");
}

/// What the entries of an account call the other sides, by amount, and which of them a search finds.
async fn called(client: &Client, account: &str, query: &str) -> Vec<(i64, Value)> {
    let path = format!("/v1/accounts/{account}/entries?limit=100&{query}");
    let page = client.get(&path).await.expect(200).json();
    let data = page["data"].as_array().expect("a list").clone();
    let amount = |entry: &Value| entry["amount"].as_i64().expect("one");
    data.iter().map(|entry| (amount(entry), entry["counterparty_name"].clone())).collect()
}

#[tokio::test]
async fn entries_bear_the_names_that_one_gave_and_are_found_by_them() {
    let p = Pair::new().await;
    let own = json!({ "currency": "INR", "name": "Ski holidays" });
    let own = p.asha.client.post("/v1/accounts", &own).await.expect(201).text("/id");
    paid(&p, 100, Some("rent")).await;
    let mut moved = p.order(50);
    moved["to"] = json!(own);
    let _moved = p.asha.client.post("/v1/transfers", &moved).await.expect(201);
    let (ski, nobody) = (json!("Ski holidays"), Value::Null);
    let unnamed = [(-50, ski.clone()), (-100, nobody.clone()), (10_000, nobody.clone())];
    assert_eq!(called(&p.asha.client, &p.from, "").await, unnamed);
    // The holder's own name is not the payer's to know, nor to find by.
    assert_eq!(called(&p.asha.client, &p.from, "query=bela").await, []);

    let payee = json!({ "account": p.to, "name": "Größte Vermieterin" });
    let payee = p.asha.client.post("/v1/beneficiaries", &payee).await.expect(201).text("/id");
    let landlady = (-100, json!("Größte Vermieterin"));
    let named = [(-50, ski.clone()), landlady.clone(), (10_000, nobody.clone())];
    assert_eq!(called(&p.asha.client, &p.from, "").await, named);
    for (query, found) in [
        ("query=VERMIETER", vec![landlady.clone()]),
        ("query=gr%C3%96%C3%9Fte%20v", vec![landlady.clone()]),
        ("query=holiday", vec![(-50, ski.clone())]),
        ("query=ski&direction=in", vec![]),
        ("query=rent", vec![landlady.clone()]),
        ("direction=out", vec![(-50, ski), landlady]),
        ("query=everyday", vec![]),
    ] {
        assert_eq!(called(&p.asha.client, &p.from, query).await, found, "{query}");
    }
    // What Asha calls Bela is nothing that Bela or an operator is told.
    assert_eq!(called(&p.bela.client, &p.to, "").await, [(100, nobody.clone())]);
    assert_eq!(called(&p.bela.client, &p.to, "query=vermieterin").await, []);
    let desk = format!("/v1/staff/accounts/{}/entries", p.from);
    let desk = p.teller.client.get(&desk).await.expect(200).json();
    assert!(desk["data"].as_array().expect("a list").len() == 3);
    assert!(
        desk["data"].as_array().expect("a list").iter().all(|e| e["counterparty_name"].is_null())
    );
    let _gone = p.asha.client.delete(&format!("/v1/beneficiaries/{payee}")).await.expect(204);
    assert_eq!(called(&p.asha.client, &p.from, "").await, unnamed);
    assert_eq!(called(&p.asha.client, &p.from, "query=vermieterin").await, []);
}

/// A list of payees longer than any page of it: each is found and named.
#[tokio::test]
async fn the_last_of_many_payees_is_named_too() {
    let p = Pair::new().await;
    let bank = &p.bank;
    // So many accounts are more than one person may have.
    let cara = bank.customer("Cara").await;
    for n in 0..104 {
        let account = bank.account(if n % 2 == 0 { &p.bela } else { &cara }, "INR").await;
        let payee = json!({ "account": account, "name": format!("Payee {n}.") });
        let _added = p.asha.client.post("/v1/beneficiaries", &payee).await.expect(201);
    }
    let payee = json!({ "account": p.to, "name": "The last one" });
    let _added = p.asha.client.post("/v1/beneficiaries", &payee).await.expect(201);
    paid(&p, 7, None).await;
    let found = [(-7, json!("The last one"))];
    assert_eq!(called(&p.asha.client, &p.from, "query=the%20last").await, found);
    assert_eq!(called(&p.asha.client, &p.from, "direction=out").await, found);
}
