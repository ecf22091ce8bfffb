//! Refunds that operators make in a merchant's place, alone or two of them, and the limit of a merchant's own.

use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, Reply, Till, key};

use crate::rows::number;

const VISA: &str = "4242424242424242";
/// Whole major units from which two are asked for: 5,000 minor units.
const LARGE: u64 = 50;

async fn till() -> (Till, String) {
    let till = Till::with(|config| config.approvals.refund_amount = LARGE).await;
    let paid = till.pay(VISA, "automatic").await.expect(201).text("/id");
    (till, paid)
}

fn slip(amount: i64) -> Value {
    json!({ "amount": amount, "reason": "the merchant is out of business" })
}

async fn refund(who: &Person, payment: &str, amount: i64) -> Reply {
    who.client.post(&format!("/v1/staff/payments/{payment}/refunds"), &slip(amount)).await
}

async fn approve(who: &Person, asked: &Reply) -> Reply {
    let path = format!("/v1/staff/approvals/{}/approve", asked.text("/approval/id"));
    who.client.post(&path, &json!({})).await
}

#[tokio::test]
async fn one_operator_gives_back_a_little_once() {
    let (till, paid) = till().await;
    let path = format!("/v1/staff/payments/{paid}/refunds");
    let key = key();
    let done = till.admin.client.post_with_key(&path, &key, &slip(4_999)).await.expect(201);
    assert_eq!(
        (done.text("/status"), done.text("/payment")),
        ("succeeded".to_owned(), paid.clone())
    );
    let again = till.admin.client.post_with_key(&path, &key, &slip(4_999)).await.expect(201);
    assert_eq!(again.text("/id"), done.text("/id"));
    assert_eq!(till.totals(), (10_000, 4_999));
    let why = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'refund.created' \
               AND after LIKE '%out of business%'";
    assert_eq!(number(&till.bank, why).await, 1);
    refund(&till.admin, "pay_01jz7m5v3k8e9q2r4s6t8w0xyz", 5).await.refused(404, "not_found");
    for amount in [0, -5] {
        refund(&till.admin, &paid, amount).await.refused(422, "invalid_fields");
    }
    let teller = till.bank.operator(Role::Teller).await;
    refund(&teller, &paid, 5).await.refused(403, "forbidden");
}

#[tokio::test]
async fn two_operators_give_back_a_large_sum() {
    let (till, paid) = till().await;
    let asked = refund(&till.admin, &paid, 5_000).await.expect(202);
    assert_eq!(asked.text("/approval/kind"), "refund_payment");
    assert_eq!(asked.json()["approval"]["request"]["amount"], json!(5_000));
    assert_eq!(till.totals(), (10_000, 0));
    approve(&till.admin, &asked).await.refused(403, "own_approval");
    assert_eq!(
        refund(&till.admin, &paid, 5_000).await.expect(202).text("/approval/id"),
        asked.text("/approval/id")
    );
    refund(&till.admin, &paid, 5_001).await.refused(409, "approval_pending");
    let second = till.bank.operator(Role::Compliance).await;
    let done = approve(&second, &asked).await.expect(200);
    assert!(done.text("/outcome/resource").starts_with("rfd_"), "{}", done.json());
    assert_eq!(till.totals(), (10_000, 5_000));
    let refunds = till.shop.get(&format!("/v1/payments/{paid}/refunds")).await.expect(200);
    assert_eq!(refunds.text("/data/0/status"), "succeeded");
    assert_eq!(refunds.text("/data/0/id"), done.text("/outcome/resource"));
    approve(&second, &asked).await.refused(409, "approval_decided");
    assert_eq!(till.totals(), (10_000, 5_000));
}

/// What was given back meanwhile is not there any more; the approval says so.
#[tokio::test]
async fn an_approved_refund_is_checked_when_it_is_done() {
    let (till, paid) = till().await;
    let asked = refund(&till.admin, &paid, 10_000).await.expect(202);
    refund(&till.admin, &paid, 10_001).await.refused(422, "refund_exceeds_payment");
    let path = format!("/v1/payments/{paid}/refunds");
    let _little = till.shop.post(&path, &json!({ "amount": 1 })).await.expect(201);
    let second = till.bank.operator(Role::Admin).await;
    let done = approve(&second, &asked).await.expect(200);
    assert_eq!(done.text("/outcome/refusal"), "refund_exceeds_payment");
    assert_eq!(till.totals(), (10_000, 1));
}

/// By the sum of all that it gives back of a payment, so that parts do not pass it.
#[tokio::test]
async fn a_merchant_gives_back_what_its_terms_leave_to_it() {
    let (till, paid) = till().await;
    let terms = |limit: Option<i64>| {
        json!({
            "name": "Otter & Sons", "fee_basis_points": 200, "fee_fixed": 10, "status": "active",
            "refund_limit": limit
        })
    };
    let merchant = format!("/v1/staff/merchants/{}", till.shop.id);
    // Less than before needs one operator, more needs two.
    let set = till.admin.client.put(&merchant, &terms(Some(3_000))).await.expect(200);
    assert_eq!(set.json()["refund_limit"], json!(3_000));
    let _waits = till.admin.client.put(&merchant, &terms(Some(3_001))).await.expect(202);
    let path = format!("/v1/payments/{paid}/refunds");
    let mine = async |amount: i64| till.shop.post(&path, &json!({ "amount": amount })).await;
    mine(3_001).await.refused(403, "refund_beyond_limit");
    mine(10_001).await.refused(422, "refund_exceeds_payment");
    let _first = mine(2_000).await.expect(201);
    mine(1_001).await.refused(403, "refund_beyond_limit");
    let _rest = mine(1_000).await.expect(201);
    mine(1).await.refused(403, "refund_beyond_limit");
    let _banks = refund(&till.admin, &paid, 1).await.expect(201);
    assert_eq!(till.totals(), (10_000, 3_001));
}
