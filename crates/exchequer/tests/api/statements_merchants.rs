//! Statements of a merchant's money, for itself and for operators.

use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Shop, Till};

const VISA: &str = "4242424242424242";
const DAY: &str = "from=2026-01-05&to=2026-01-05";

fn amounts(statement: &Value) -> Vec<i64> {
    let entries = statement["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry["amount"].as_i64().expect("one")).collect()
}

#[tokio::test]
async fn a_merchant_sees_its_payments_fees_and_refunds_and_only_its_own() {
    let till = Till::new().await;
    let path = format!("/v1/merchant/statement?currency=INR&{DAY}");
    till.shop.get(&path).await.refused(404, "not_found");
    let paid = till.pay(VISA, "automatic").await.expect(201).text("/id");
    let refunds = format!("/v1/payments/{paid}/refunds");
    let _back = till.shop.post(&refunds, &json!({ "amount": 300 })).await.expect(201);
    let own = till.shop.get(&path).await.expect(200).json();
    // 2 % and 10 minor units of 10,000.
    assert_eq!(amounts(&own), [10_000, -210, -300]);
    assert_eq!((&own["opening_balance"], &own["closing_balance"]), (&json!(0), &json!(9_490)));
    assert!(own.to_string().contains("Otter & Sons"), "{own}");
    for format in ["csv", "pdf", "camt053"] {
        let file = till.shop.get(&format!("{path}&format={format}")).await.expect(200);
        assert!(!file.body.is_empty(), "{format}");
    }
    let staff = format!("/v1/staff/merchants/{}/statement?currency=INR&{DAY}", till.shop.id);
    let theirs = till.admin.client.get(&format!("{staff}&mode=test")).await.expect(200).json();
    assert_eq!(theirs, own);
    // Live money is another account, and there is none.
    till.admin.client.get(&staff).await.refused(404, "not_found");
    till.admin.client.get(&format!("{staff}&mode=both")).await.refused(422, "invalid_fields");
    let teller = till.bank.operator(Role::Teller).await;
    teller.client.get(&format!("{staff}&mode=test")).await.refused(403, "forbidden");
    let other = Shop::new(&till.bank, &till.admin, "test").await;
    other.get(&path).await.refused(404, "not_found");
    till.shop.get("/v1/merchant/statement").await.refused(400, "malformed_request");
    let lower = format!("/v1/merchant/statement?currency=inr&{DAY}");
    till.shop.get(&lower).await.refused(422, "invalid_fields");
}
