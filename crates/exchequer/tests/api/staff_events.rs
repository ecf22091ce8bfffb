//! `/v1/staff/events`: the trail by action, actor, outcome and time, and as a file.

use exchequer::events;
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use store::DbError;
use testkit::{Client, Reply, TestBank};

use crate::rows::texts;
use crate::transfers::Pair;

async fn found(client: &Client, query: &str) -> Vec<Value> {
    let query = if query.is_empty() { String::new() } else { format!("&{query}") };
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/staff/events?limit=3{query}{cursor}");
        let page = client.get(&path).await.expect(200).json();
        all.extend(page["data"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn text_of(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).expect("UTF-8")
}

// PCI DSS 10.4.1: whoever reviews the trail finds what was refused, by whom, and since when.
#[tokio::test]
async fn the_trail_is_read_by_action_actor_outcome_and_time() {
    let p = Pair::new().await;
    let auditor = p.bank.operator(Role::Auditor).await;
    let client = &auditor.client;
    p.bank.advance(100);
    let from = p.bank.clock().now().to_string();
    let _sent = p.asha.client.post("/v1/transfers", &p.order(5)).await.expect(201);
    p.bank.advance(10);
    let to = p.bank.clock().now().to_string();
    p.asha.client.post("/v1/transfers", &p.order(99_999)).await.refused(422, "insufficient_funds");
    let all = found(client, "").await;
    let matching = |keep: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        all.iter().filter(|event| keep(event)).cloned().collect()
    };
    let action = |event: &Value| event["action"].as_str().expect("a text").to_owned();
    for (query, expected) in [
        ("action=account.opened".to_owned(), matching(&|e| action(e) == "account.opened")),
        ("action=account.".to_owned(), matching(&|e| action(e).starts_with("account."))),
        ("action=transfer.".to_owned(), matching(&|e| action(e).starts_with("transfer."))),
        ("action=transfer.posted".to_owned(), matching(&|e| action(e) == "transfer.posted")),
        (format!("actor={}", p.asha.id), matching(&|e| e["actor"]["id"] == json!(p.asha.id))),
        ("actor=staff".to_owned(), matching(&|e| e["actor"]["kind"] == "staff")),
        ("outcome=refused".to_owned(), matching(&|e| e["outcome"] != "done")),
        ("outcome=done".to_owned(), matching(&|e| e["outcome"] == "done")),
        (
            format!("from={from}&to={to}"),
            matching(&|e| {
                let at = e["at"].as_str().expect("a time");
                at >= from.as_str() && at < to.as_str()
            }),
        ),
        (
            format!("actor={}&action=transfer.&from={from}", p.asha.id),
            matching(&|e| {
                let is_hers = e["actor"]["id"] == json!(p.asha.id);
                is_hers && action(e).starts_with("transfer.") && e["at"].as_str() >= Some(&*from)
            }),
        ),
    ] {
        assert!(!expected.is_empty(), "{query} selects nothing to compare");
        let seen: Vec<Value> =
            found(client, &query).await.into_iter().filter(|e| all.contains(e)).collect();
        assert_eq!(seen, expected, "{query}");
    }
    for nothing in
        ["action=account", "outcome=rejected", "actor=merchant", "to=2001-01-01T00:00:00Z"]
    {
        assert!(found(client, nothing).await.is_empty(), "{nothing}");
    }
    for bad in ["actor=me", "from=yesterday", "to=2026-01-31", "action=%00", "limit=101"] {
        client.get(&format!("/v1/staff/events?{bad}")).await.refused(422, "invalid_fields");
    }
}

// PCI DSS 10.3.1: who may not read the trail gets no copy of it either.
#[tokio::test]
async fn the_trail_is_exported_whole_and_that_is_an_event() {
    let p = Pair::new().await;
    let (auditor, support) =
        (p.bank.operator(Role::Auditor).await, p.bank.operator(Role::Support).await);
    let client = &auditor.client;
    let all = found(client, "action=account.").await;
    let path = "/v1/staff/events/export";
    let lines = client.get(&format!("{path}?format=jsonl&action=account.")).await.expect(200);
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    let parsed: Vec<Value> =
        text_of(&lines).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(parsed, all);
    let file = client.get(&format!("{path}?format=csv&action=account.")).await.expect(200);
    assert_eq!(text_of(&file).lines().count(), all.len() + 1);
    let disposition = file.header("content-disposition").expect("a file");
    assert!(disposition.starts_with("attachment; filename=\"events-"), "{disposition}");
    for bad in ["", "?format=pdf", "?format=csv&actor=me"] {
        let reply = client.get(&format!("{path}{bad}")).await;
        assert!(reply.status.is_client_error(), "{bad}");
    }
    support.client.get(&format!("{path}?format=csv")).await.refused(403, "forbidden");
    let exported =
        texts(&p.bank, "SELECT after FROM events WHERE action = 'events.exported'").await;
    assert_eq!(exported.len(), 2);
    let first: Value = serde_json::from_str(&exported[0]).expect("JSON");
    assert_eq!(first["rows"], json!(all.len()));
    assert_eq!(first["asked"]["action"], json!("account."));
}

#[tokio::test]
async fn a_file_is_never_a_part_of_what_was_asked_for() {
    let p = Pair::new().await;
    let auditor = p.bank.operator(Role::Auditor).await;
    p.bank.advance(100);
    let from = p.bank.clock().now().to_string();
    let act = p.bank.bank().system_act("test");
    let fill = p.bank.bank().db().write("test", move |tx| {
        let event =
            |_: i32| events::record(tx, &act, "customer.searched", "customers", "done", None);
        (0..10_001).try_for_each(event)
    });
    let filled: Result<(), DbError> = fill.await;
    filled.expect("events are written");
    let path = "/v1/staff/events/export?format=jsonl&action=customer.";
    let refused = auditor.client.get(path).await;
    refused.refused(422, "invalid_fields");
    assert_eq!(refused.text("/fields/0/code"), "too_many");
    let before = auditor.client.get(&format!("{path}&to={from}")).await.expect(200);
    let rows = text_of(&before).lines().count();
    assert!(rows > 0 && rows < 100, "{rows} rows of before");
    let one_less = format!("{path}&from={from}&resource=customers&outcome=refused");
    let none = auditor.client.get(&one_less).await.expect(200);
    assert_eq!(text_of(&none), "");
}

async fn readings(bank: &TestBank) -> Vec<Value> {
    let sql = "SELECT after FROM events WHERE action = 'events.read' ORDER BY id";
    let each = texts(bank, sql).await;
    each.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

// PCI DSS 10.2.1.3: who reads the trail stands in it, with what was asked for; once a minute, so that no reader fills it.
#[tokio::test]
async fn reading_the_trail_is_an_event_for_each_operator_selection_and_minute() {
    let p = Pair::new().await;
    let (auditor, officer) =
        (p.bank.operator(Role::Auditor).await, p.bank.operator(Role::Compliance).await);
    let client = &auditor.client;
    let accounts = found(client, "action=account.").await;
    assert!(accounts.len() > 1, "several pages of three");
    assert_eq!(readings(&p.bank).await, [json!({ "asked": { "action": "account." } })]);
    // Another operator, another selection, another minute; a clock that went back is another minute, too.
    let _other = found(&officer.client, "action=account.").await;
    let _all = found(client, "").await;
    let numbers = "/v1/staff/events?resource=4111111111111111";
    let _none = client.get(numbers).await.expect(200);
    p.bank.advance(60);
    for _ in 0..5 {
        let _again = client.get("/v1/staff/events?action=account.&limit=1").await.expect(200);
    }
    let all = readings(&p.bank).await;
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(all[2]["asked"], json!({}));
    assert!(!all[3].to_string().contains("4111111111111111"), "{all:?}");
    // What is not answered is not read.
    client.get("/v1/staff/events?actor=me").await.refused(422, "invalid_fields");
    p.teller.client.get("/v1/staff/events").await.refused(403, "forbidden");
    // A row of the log, shown with its proof, is a reading as well.
    let (_running, stop) = tokio::sync::watch::channel(false);
    Job::WriteLog.run(p.bank.bank(), &stop).await.expect("the log is written");
    let id = accounts[0]["id"].as_str().expect("an id");
    let _proof = client.get(&format!("/v1/staff/log/{id}")).await.expect(200);
    let all = readings(&p.bank).await;
    assert_eq!((all.len(), &all[5]["asked"]), (6, &json!({ "id": id })));
    // It is an event like any other: listed, with the operator who read and from where.
    let listed = found(client, "action=events.read").await;
    assert_eq!(listed.len(), 6);
    assert_eq!(listed[0]["actor"]["kind"], json!("staff"));
    assert_eq!(listed[0]["actor"]["id"], listed[1]["actor"]["id"]);
    assert_ne!(listed[0]["actor"]["id"], listed[4]["actor"]["id"]);
}

/// A node that has forgotten, or never knew, records once more and never once less.
#[tokio::test]
async fn each_node_records_its_own_readers() {
    let p = Pair::new().await;
    let auditor = p.bank.operator(Role::Auditor).await;
    let path = "/v1/staff/events?limit=1";
    let _here = auditor.client.get(path).await.expect(200);
    let token = auditor.client.token().expect("a token");
    let _there = p.bank.other_node().await.with_token(token).get(path).await.expect(200);
    assert_eq!(readings(&p.bank).await.len(), 2);
}
