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
