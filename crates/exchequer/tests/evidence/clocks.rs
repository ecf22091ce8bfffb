//! Receipts of payments whose steps were written by nodes whose clocks are apart.

use exchequer::evidence::payment::PaymentReceipt;
use exchequer::http as edge;
use merkle::VerifierKey;
use money::{Clock, Rng};
use serde_json::{Value, json};
use store::{DbError, Kind};
use testkit::sandbox::order;
use testkit::{Client, Shop, Till};

use crate::page::Page;
use crate::payments::{checked, key, receipt};

const CARD: &str = "4242424242424242";

/// As far as the log takes a row that is late: some of the two minutes.
const APART_SECONDS: [i64; 3] = [-45, 0, 40];

/// A merchant at three nodes, of which one is behind and one ahead.
async fn shops(till: &Till) -> Vec<Shop> {
    let mut shops = Vec::new();
    for apart in APART_SECONDS {
        let clock = Clock::manual(till.bank.clock().now().plus_seconds(apart));
        let node = till.bank.other_bank_at(clock.clone()).await;
        shops.push(till.shop.through(Client::new(edge::service(&node)), clock));
    }
    shops
}

async fn said(till: &Till, id: &str, key: &VerifierKey) -> (PaymentReceipt, Value) {
    let receipt = receipt(till, id).await;
    (checked(&receipt, key).expect("it is right"), receipt)
}

#[tokio::test]
async fn a_payments_steps_are_in_the_order_in_which_each_found_the_one_before() {
    let till = Till::new().await;
    let (key, page, shops) = (key(&till).await, Page::new(), shops(&till).await);
    let [behind, right, ahead] = &shops[..] else { panic!("three nodes") };
    let card = till.shop.card(CARD).await;
    let paid = ahead.post("/v1/payments", &order(&card, 10_000, "manual")).await.expect(201);
    let id = paid.text("/id");
    for (shop, act, body, status) in [
        (right, "capture", json!({ "amount": 4_000 }), 200),
        (behind, "refunds", json!({ "amount": 300 }), 201),
        (behind, "capture", json!({ "amount": 1_000, "final": true }), 200),
        (right, "refunds", json!({ "amount": 700 }), 201),
    ] {
        let _done = shop.post(&format!("/v1/payments/{id}/{act}"), &body).await.expect(status);
    }
    let (said, receipt) = said(&till, &id, &key).await;
    let steps: Vec<_> = said.steps.iter().map(|step| (step.kind.as_str(), step.amount)).collect();
    let expected = [
        ("authorize", 10_000),
        ("capture", 4_000),
        ("refund", 300),
        ("capture", 1_000),
        ("refund", 700),
    ];
    assert_eq!(steps, expected);
    assert!(said.steps[0].began_at > said.steps[1].began_at, "the clocks are apart");
    assert_eq!((said.payment.status.as_str(), said.payment.refunded), ("succeeded", 1_000));
    if let Some(output) = page.run(&receipt, &key) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Two nodes take a step of one payment at the same moment: each has its own number.
#[tokio::test]
async fn refunds_at_once_on_nodes_apart_have_a_number_each() {
    let till = Till::new().await;
    let (key, shops) = (key(&till).await, shops(&till).await);
    let id = till.pay(CARD, "automatic").await.expect(201).text("/id");
    let path = format!("/v1/payments/{id}/refunds");
    let (path, body) = (path.as_str(), &json!({ "amount": 10 }));
    let refunds = shops.iter().cycle().take(9).map(|shop| async move {
        let _done = shop.post(path, body).await.expect(201);
    });
    futures_util::future::join_all(refunds).await;
    let (said, _) = said(&till, &id, &key).await;
    assert_eq!((said.steps.len(), said.payment.refunded), (10, 90));
    assert_eq!(numbers(&till).await, (1..=10).collect::<Vec<_>>());
}

/// A bank from before the numbers: whatever its clocks have made of the ids, every receipt is signed afterwards.
#[tokio::test]
async fn steps_from_before_get_an_order_that_their_payments_can_have() {
    let till = Till::new().await;
    let (key, shops) = (key(&till).await, shops(&till).await);
    let rng = Rng::seeded(19);
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(some_history(&till, &shops, &rng).await);
    }
    let mut before = Vec::new();
    for id in &ids {
        before.push(said(&till, id, &key).await.0.payment.status);
    }
    number_anew(&till).await;
    for (id, status) in ids.iter().zip(before) {
        let (said, _) = said(&till, id, &key).await;
        assert_eq!(said.payment.status, status);
        let first_refund = said.steps.iter().position(|step| step.kind == "refund");
        let first_capture = said.steps.iter().position(|step| step.kind == "capture");
        assert!(first_refund.is_none() || first_capture < first_refund, "{:?}", said.steps);
    }
}

/// Captures, refunds and an end, each at a node that is drawn; the payment's id.
async fn some_history(till: &Till, shops: &[Shop], rng: &Rng) -> String {
    let any = || &shops[rng.below(3) as usize];
    let card = till.shop.card(CARD).await;
    let paid = any().post("/v1/payments", &order(&card, 10_000, "manual")).await.expect(201);
    let id = paid.text("/id");
    let path = |act: &str| format!("/v1/payments/{id}/{act}");
    for _ in 0..rng.below(3) {
        let _part = any().post(&path("capture"), &json!({ "amount": 1_000 })).await.expect(200);
        if rng.below(2) == 0 {
            let _back = any().post(&path("refunds"), &json!({ "amount": 10 })).await.expect(201);
        }
    }
    match rng.below(3) {
        0 => {
            let _all = any().post(&path("capture"), &json!({})).await.expect(200);
            let _back = any().post(&path("refunds"), &json!({ "amount": 10 })).await.expect(201);
        }
        1 => {
            let _rest = any().post(&path("cancel"), &json!({})).await.expect(200);
        }
        _ => {}
    }
    id
}

/// What the migration does with the steps of a bank that knows of no numbers.
async fn number_anew(till: &Till) {
    let (db, mut statements) = (till.bank.bank().db(), Vec::new());
    let text = match db.kind() {
        Kind::Sqlite => include_str!("../../../../migrations/sqlite/0019_step_numbers.sql"),
        Kind::Postgres => include_str!("../../../../migrations/postgres/0019_step_numbers.sql"),
    };
    statements.extend([
        "DROP INDEX payment_steps_number",
        "CREATE INDEX payment_steps_payment ON payment_steps (payment, id)",
        "UPDATE payment_steps SET number = 1",
    ]);
    let own = text.split(';').map(str::trim).filter(|sql| !sql.is_empty());
    statements.extend(own.filter(|sql| !sql.contains("ADD COLUMN")));
    assert_eq!(statements.len(), 6);
    let run = db.write("migrate", move |tx| {
        statements.iter().try_for_each(|sql| tx.execute(sql, &[]).map(drop))
    });
    run.await.unwrap_or_else(|error: DbError| panic!("{error}"));
}

async fn numbers(till: &Till) -> Vec<i64> {
    let read = till.bank.bank().db().read("numbers", |tx| {
        let rows = tx.query("SELECT number FROM payment_steps ORDER BY payment, number", &[])?;
        rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, DbError>>()
    });
    read.await.expect("numbers")
}
