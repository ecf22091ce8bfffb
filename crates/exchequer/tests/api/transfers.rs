//! `POST /v1/transfers`, `GET /v1/transfers/{id}`.

use exchequer::staff::model::Role;
use money::kind::{Account, Transfer};
use serde_json::{Value, json};
use testkit::{Person, TestBank};

/// Two customers with an INR account each; the first has 10,000.
pub struct Pair {
    pub bank: TestBank,
    pub asha: Person,
    pub bela: Person,
    pub from: String,
    pub to: String,
    pub teller: Person,
}

impl Pair {
    pub async fn new() -> Self {
        Self::on(TestBank::new().await).await
    }

    pub async fn on(bank: TestBank) -> Self {
        let teller = bank.operator(Role::Teller).await;
        let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
        let from = bank.account(&asha, "INR").await;
        let to = bank.account(&bela, "INR").await;
        bank.deposit(&teller, &from, 10_000, "INR").await;
        Self { bank, asha, bela, from, to, teller }
    }

    pub fn order(&self, amount: i64) -> Value {
        json!({ "from": self.from, "to": self.to, "amount": amount, "currency": "INR" })
    }
}

#[tokio::test]
async fn a_transfer_is_posted_and_seen_by_both() {
    let p = Pair::new().await;
    let mut order = p.order(1_250);
    order["memo"] = json!("rent, March");
    let sent = p.asha.client.post("/v1/transfers", &order).await.expect(201);
    assert_eq!(sent.text("/status"), "posted");
    assert_eq!((sent.text("/from"), sent.text("/to")), (p.from.clone(), p.to.clone()));
    assert_eq!((sent.int("/amount"), sent.text("/currency")), (1_250, "INR".to_owned()));
    assert_eq!(sent.text("/memo"), "rent, March");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [8_750, 0, 8_750]);
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [1_250, 0, 1_250]);
    let path = format!("/v1/transfers/{}", sent.text("/id"));
    for person in [&p.asha, &p.bela] {
        // All that its sender was told, and what a receipt has besides.
        let seen = person.client.get(&path).await.expect(200).json();
        for (field, value) in sent.json().as_object().expect("an object") {
            assert_eq!(seen[field], *value, "{field}");
        }
    }
}

#[tokio::test]
async fn the_payee_may_be_named_by_number() {
    let p = Pair::new().await;
    let account = p.bela.client.get(&format!("/v1/accounts/{}", p.to)).await.expect(200);
    let number = account.text("/number");
    let spaced = format!("{} {}", &number[..6].to_lowercase(), &number[6..]);
    for to in [number, spaced] {
        let mut order = p.order(10);
        order["to"] = json!(to);
        let sent = p.asha.client.post("/v1/transfers", &order).await.expect(201);
        assert_eq!(sent.text("/to"), p.to);
    }
}

#[tokio::test]
async fn a_wrong_check_digit_is_told_before_anything_happens() {
    let p = Pair::new().await;
    let account = p.bela.client.get(&format!("/v1/accounts/{}", p.to)).await.expect(200);
    let number = account.text("/number");
    let last = number.chars().last().and_then(|c| c.to_digit(10)).expect("a digit");
    let wrong = format!("{}{}", &number[..number.len() - 1], (last + 1) % 10);
    let mut order = p.order(10);
    order["to"] = json!(wrong);
    let reply = p.asha.client.post("/v1/transfers", &order).await;
    reply.refused(422, "invalid_fields");
    assert_eq!(reply.text("/fields/0/field"), "to");
}

#[tokio::test]
async fn a_strangers_transfer_is_an_unknown_one() {
    let p = Pair::new().await;
    let sent = p.asha.client.post("/v1/transfers", &p.order(1)).await.expect(201).text("/id");
    let mallory = p.bank.customer("Mallory").await;
    let strange = mallory.client.get(&format!("/v1/transfers/{sent}")).await;
    let unknown = p.bank.unknown_id::<Transfer>();
    let unknown = mallory.client.get(&format!("/v1/transfers/{unknown}")).await;
    strange.refused(404, "not_found");
    let without_id = |reply: &testkit::Reply| {
        let mut json = reply.json();
        json.as_object_mut().expect("an object").remove("request_id");
        json
    };
    assert_eq!(without_id(&strange), without_id(&unknown));
}

// ASVS 2.2.3: payer, payee, currency and standing have to fit one another.
/// Each refusal, provoked together with every later one that can hold at the same time.
#[tokio::test]
async fn refusals_come_in_their_documented_order() {
    let p = Pair::new().await;
    let euro = p.bank.account(&p.bela, "EUR").await;
    let admin = p.bank.operator(Role::Admin).await;
    let send = async |from: &str, to: &str, amount: i64| {
        let order = json!({ "from": from, "to": to, "amount": amount, "currency": "INR" });
        p.asha.client.post("/v1/transfers", &order).await.code()
    };
    let unknown = p.bank.unknown_id::<Account>();
    // Bela's account is nobody's as a payer, even towards itself.
    assert_eq!(send(&p.to, &p.to, 99_999).await, "account_not_found");
    assert_eq!(send(&unknown, &unknown, 99_999).await, "account_not_found");
    assert_eq!(send(&p.from, &unknown, 99_999).await, "account_not_found");
    assert_eq!(send(&p.from, &p.from, 99_999).await, "same_account");
    let freeze = format!("/v1/staff/accounts/{}/freeze", p.from);
    let _frozen = admin.client.post(&freeze, &json!({})).await.expect(200);
    assert_eq!(send(&p.from, &euro, 99_999).await, "currency_mismatch");
    assert_eq!(send(&p.from, &p.to, 99_999).await, "account_frozen");
    let close = format!("/v1/staff/accounts/{}/close", p.to);
    let _closed = admin.client.post(&close, &json!({})).await.expect(200);
    assert_eq!(send(&p.from, &p.to, 99_999).await, "account_frozen");
    let unfreeze = format!("/v1/staff/accounts/{}/unfreeze", p.from);
    let _open = admin.client.post(&unfreeze, &json!({})).await.expect(200);
    assert_eq!(send(&p.from, &p.to, 99_999).await, "account_closed");
    let third = p.bank.account(&p.bela, "INR").await;
    let limits = format!("/v1/staff/accounts/{}/limits", p.from);
    let _limited = admin.client.post(&limits, &json!({ "per_transfer": 5_000 })).await.expect(200);
    assert_eq!(send(&p.from, &third, 99_999).await, "limit_exceeded");
    let asked = admin.client.post(&limits, &json!({ "per_transfer": null })).await;
    let _free = p.bank.done(asked, Role::Admin).await;
    assert_eq!(send(&p.from, &third, 99_999).await, "insufficient_funds");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

// ASVS 2.3.2: the bank's limit for an account holds in any 24 hours.
#[tokio::test]
async fn a_daily_limit_rolls_and_looks_at_posting_order() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let _before = p.asha.client.post("/v1/transfers", &p.order(300)).await.expect(201);
    let limits = format!("/v1/staff/accounts/{}/limits", p.from);
    let _set = admin.client.post(&limits, &json!({ "per_day": 1_000 })).await.expect(200);
    // What was sent before the limit was set counts.
    let _sent = p.asha.client.post("/v1/transfers", &p.order(600)).await.expect(201);
    let refused = p.asha.client.post("/v1/transfers", &p.order(101)).await;
    refused.refused(422, "limit_exceeded");
    let _rest = p.asha.client.post("/v1/transfers", &p.order(100)).await.expect(201);
    // A limit that reset at midnight would let twice the sum through around it.
    p.bank.advance(23 * 3600);
    let mut asha = p.asha.clone();
    p.bank.sign_in(&mut asha).await;
    let still = asha.client.post("/v1/transfers", &p.order(1)).await;
    still.refused(422, "limit_exceeded");
    p.bank.advance(3600);
    let mut asha = p.asha.clone();
    p.bank.sign_in(&mut asha).await;
    let _again = asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201);
}

#[tokio::test]
async fn a_transfer_needs_an_open_session_and_a_customer() {
    let p = Pair::new().await;
    p.bank.client().post("/v1/transfers", &p.order(1)).await.refused(401, "unauthenticated");
    p.teller.client.post("/v1/transfers", &p.order(1)).await.refused(403, "wrong_caller");
    let out = p.asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await;
    let _out = out.expect(204);
    p.asha.client.post("/v1/transfers", &p.order(1)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn balances_beyond_2_to_the_53_survive_the_interface() {
    let p = Pair::new().await;
    let most = 9_007_199_254_740_991_i64;
    p.bank.deposit(&p.teller, &p.from, most, "INR").await;
    p.bank.deposit(&p.teller, &p.from, most, "INR").await;
    let posted = 10_000 + 2 * most;
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [posted, 0, posted]);
    let text = p.asha.client.get(&format!("/v1/accounts/{}", p.from)).await.expect(200).body;
    assert!(String::from_utf8_lossy(&text).contains(&format!("\"posted\":{posted}")));
}

#[tokio::test]
async fn an_operator_reverses_at_most_what_was_sent() {
    let p = Pair::new().await;
    let sent = p.asha.client.post("/v1/transfers", &p.order(1_000)).await.expect(201).text("/id");
    let admin = p.bank.operator(Role::Admin).await;
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    let part = json!({ "amount": 400, "reason": "sent twice" });
    let back = admin.client.post(&path, &part).await.expect(201);
    assert_eq!((back.text("/from"), back.text("/to")), (p.to.clone(), p.from.clone()));
    let again = admin.client.post(&path, &json!({ "amount": 601, "reason": "x" })).await;
    again.refused(422, "reversal_exceeds_transfer");
    let _rest = admin.client.post(&path, &json!({ "reason": "the rest" })).await.expect(201);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
    let none_left = admin.client.post(&path, &json!({ "reason": "more" })).await;
    none_left.refused(422, "reversal_exceeds_transfer");
}
