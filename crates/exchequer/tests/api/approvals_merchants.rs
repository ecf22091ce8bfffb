//! Merchants' terms, live keys and payouts, which wait for a second operator where they favour the merchant.

use exchequer::accounts::{self, NewOwn};
use exchequer::bank::cash_account;
use exchequer::staff::model::Role;
use ledger::BalancePolicy;
use money::{AccountId, Amount, Currency, MerchantId, TransferId};
use serde_json::{Value, json};
use store::posting::{self, Answer, Party, PostOrder};
use store::rows::TransferKind;
use store::{DbError, params};
use testkit::{Person, Reply, Shop, TestBank};

use crate::transfers::Pair;

struct Market {
    pair: Pair,
    maker: Person,
    second: Person,
    shop: Shop,
}

impl Market {
    async fn new() -> Self {
        let bank = TestBank::with(|config| config.approvals.amount = 200).await;
        let pair = Pair::on(bank).await;
        let maker = pair.bank.operator(Role::Admin).await;
        let second = pair.bank.operator(Role::Admin).await;
        let shop = Shop::new(&pair.bank, &maker, "test").await;
        Self { pair, maker, second, shop }
    }

    async fn change(&self, change: impl Fn(&mut Value)) -> Reply {
        let mut terms = json!({
            "name": "Otter & Sons", "fee_basis_points": 200, "fee_fixed": 10, "status": "active"
        });
        change(&mut terms);
        let path = format!("/v1/staff/merchants/{}", self.shop.id);
        self.maker.client.put(&path, &terms).await
    }

    async fn approve(&self, asked: &Reply) -> Reply {
        let id = asked.text("/approval/id");
        let path = format!("/v1/staff/approvals/{id}/approve");
        self.second.client.post(&path, &json!({})).await.expect(200)
    }

    async fn terms(&self) -> Value {
        let path = format!("/v1/staff/merchants/{}", self.shop.id);
        self.maker.client.get(&path).await.expect(200).json()
    }

    /// Puts live money of a merchant's on its account, from the bank's cash.
    async fn fund(&self, amount: i64) {
        let merchant: MerchantId = self.shop.id.parse().expect("an id");
        let act = self.pair.bank.bank().system_act("test");
        let run = self.pair.bank.bank().db().write("test", move |tx| {
            let currency = Currency::from_code("INR").expect("a currency");
            let found = tx.query_opt(
                "SELECT account FROM merchant_accounts WHERE merchant = $1",
                params![&merchant],
            )?;
            let id: AccountId = match found {
                Some(row) => row.id(0)?,
                None => act.id(),
            };
            let policy = BalancePolicy::Bounded { overdraft_limit: 0 };
            let (number, name) = (format!("EXMER-{merchant}"), "live".to_owned());
            accounts::ensure_own(tx, &act, NewOwn { id, currency, number, name, policy })?;
            tx.execute(
                "INSERT INTO merchant_accounts (merchant, mode, currency, account) \
                 VALUES ($1, 1, 'INR', $2) ON CONFLICT (merchant, mode, currency) DO NOTHING",
                params![&merchant, &id],
            )?;
            let order = PostOrder {
                id: act.id::<money::kind::Transfer>(),
                kind: TransferKind::Deposit,
                debit: Party::Bank(cash_account(currency)),
                credit: Party::Bank(id),
                amount: Amount::new(amount).expect("an amount"),
                currency,
                memo: None,
                reference: None,
                key: None,
                linked_with_next: false,
                origin: act.origin.clone(),
                request: act.request,
            };
            let none = |_: &PostOrder, _| Ok(Answer { status: 500, body: Vec::new() });
            posting::post(tx, &[order], act.now, &none).map(|_| ())
        });
        run.await.unwrap_or_else(|error: DbError| panic!("{error}"));
    }
}

#[tokio::test]
async fn what_favours_a_merchant_waits_and_what_does_not_is_done() {
    let m = Market::new().await;
    // Dearer, renamed, suspended: at once.
    for change in [json!({ "fee_fixed": 20 }), json!({ "name": "Otter" })] {
        let _done = m
            .change(|terms| {
                terms["fee_fixed"] = json!(20);
                for (field, value) in change.as_object().expect("fields") {
                    terms[field] = value.clone();
                }
            })
            .await
            .expect(200);
    }
    let suspend = |terms: &mut Value| {
        terms["fee_fixed"] = json!(20);
        terms["status"] = json!("suspended");
    };
    let _suspended = m.change(suspend).await.expect(200);
    m.shop.get("/v1/payments").await.refused(403, "key_not_allowed");
    // Cheaper, back, paid out elsewhere: two.
    let asked = m.change(|terms| terms["settlement_account"] = json!(m.pair.from)).await;
    let asked = asked.expect(202);
    assert_eq!(m.terms().await["status"], "suspended");
    m.shop.get("/v1/payments").await.refused(403, "key_not_allowed");
    // The same again is the same; it has no key that could say so.
    let again = m.change(|terms| terms["settlement_account"] = json!(m.pair.from)).await;
    assert_eq!(again.expect(202).text("/approval/id"), asked.text("/approval/id"));
    let done = m.approve(&asked).await;
    assert_eq!(done.text("/outcome/resource"), m.shop.id);
    let terms = m.terms().await;
    assert_eq!(
        (&terms["status"], &terms["fee_fixed"], &terms["settlement_account"]),
        (&json!("active"), &json!(10), &json!(m.pair.from))
    );
    let _served = m.shop.get("/v1/payments").await.expect(200);
    let unknown = m.pair.bank.unknown_id::<money::kind::Account>();
    let nobodys = m.change(|terms| terms["settlement_account"] = json!(unknown)).await;
    nobodys.refused(422, "account_not_found");
}

#[tokio::test]
async fn no_merchant_is_to_be_paid_out_to_an_account_that_is_closed() {
    let m = Market::new().await;
    let account = json!({ "currency": "INR", "name": "Till" });
    let account = m.pair.asha.client.post("/v1/accounts", &account).await.expect(201).text("/id");
    let close = format!("/v1/staff/accounts/{account}/close");
    let name = |terms: &mut Value| terms["settlement_account"] = json!(account);
    let asked = m.change(name).await.expect(202);
    let _closed = m.maker.client.post(&close, &json!({})).await.expect(200);
    m.change(name).await.refused(422, "account_closed");
    let done = m.approve(&asked).await;
    assert_eq!(done.text("/outcome/refusal"), "account_closed", "what waited is looked at again");
    let mut terms = json!({ "name": "Heron", "fee_basis_points": 200, "fee_fixed": 10 });
    name(&mut terms);
    let taken_on = m.maker.client.post("/v1/staff/merchants", &terms).await;
    taken_on.refused(422, "account_closed");
}

#[tokio::test]
async fn an_account_that_was_closed_since_keeps_nobody_from_suspending_a_merchant() {
    let m = Market::new().await;
    let account = json!({ "currency": "INR", "name": "Till" });
    let account = m.pair.asha.client.post("/v1/accounts", &account).await.expect(201).text("/id");
    let asked = m.change(|terms| terms["settlement_account"] = json!(account)).await.expect(202);
    let _named = m.approve(&asked).await;
    let close = format!("/v1/staff/accounts/{account}/close");
    let _closed = m.maker.client.post(&close, &json!({})).await.expect(200);
    let suspend = |terms: &mut Value| {
        terms["settlement_account"] = json!(account);
        terms["status"] = json!("suspended");
    };
    let _suspended = m.change(suspend).await.expect(200);
}

/// Suspended while its better terms waited, a merchant does not come back with them.
#[tokio::test]
async fn terms_that_changed_meanwhile_are_not_overwritten() {
    let m = Market::new().await;
    let asked = m.change(|terms| terms["fee_fixed"] = json!(0)).await.expect(202);
    let _suspended = m.change(|terms| terms["status"] = json!("suspended")).await.expect(200);
    let done = m.approve(&asked).await;
    assert_eq!(done.text("/outcome/refusal"), "approval_outdated");
    let terms = m.terms().await;
    assert_eq!((&terms["status"], &terms["fee_fixed"]), (&json!("suspended"), &json!(10)));
}

#[tokio::test]
async fn a_live_key_signs_nothing_before_its_approval() {
    let m = Market::new().await;
    let path = format!("/v1/staff/merchants/{}/keys", m.shop.id);
    let live = json!({ "mode": "live", "name": "till", "routes": ["GET /v1/*"] });
    let asked = m.maker.client.post(&path, &live).await.expect(202);
    let (key, secret) = (asked.json()["approval"]["request"]["key"].clone(), asked.text("/secret"));
    m.pair.bank.secret(&secret);
    let key = key.as_str().expect("an id");
    let shop = m.shop.with(key, &secret);
    shop.get("/v1/payments").await.refused(401, "invalid_signature");
    // Whoever approves is not shown it, nor is anybody a second time.
    let id = asked.text("/approval/id");
    let found = m.second.client.get(&format!("/v1/staff/approvals/{id}")).await.expect(200);
    assert!(!String::from_utf8_lossy(&found.body).contains(&secret));
    let done = m.approve(&asked).await;
    assert!(!String::from_utf8_lossy(&done.body).contains(&secret));
    assert_eq!(done.text("/outcome/resource"), key);
    let _served = shop.get("/v1/payments").await.expect(200);
    // A successor is another live key.
    let path = format!("/v1/staff/merchant_keys/{key}/rotate");
    let asked = m.maker.client.post(&path, &json!({ "overlap": 0 })).await.expect(202);
    let secret = asked.text("/secret");
    m.pair.bank.secret(&secret);
    let new = asked.json()["approval"]["request"]["new"]["key"].clone();
    let next = m.shop.with(new.as_str().expect("an id"), &secret);
    next.get("/v1/payments").await.refused(401, "invalid_signature");
    let _served = shop.get("/v1/payments").await.expect(200);
    let _done = m.approve(&asked).await;
    let _served = next.get("/v1/payments").await.expect(200);
    shop.get("/v1/payments").await.refused(401, "invalid_signature");
    // A test key is at once, and ending one is.
    let revoke = format!("/v1/staff/merchant_keys/{}/revoke", next.key_id);
    let _revoked = m.maker.client.post(&revoke, &json!({})).await.expect(200);
    let rotate = format!("/v1/staff/merchant_keys/{}/rotate", m.shop.key_id);
    let made = m.maker.client.post(&rotate, &json!({})).await.expect(201);
    m.pair.bank.secret(&made.text("/secret"));
}

#[tokio::test]
async fn a_key_whose_private_half_is_the_merchants_has_no_secret_to_show() {
    let m = Market::new().await;
    let path = format!("/v1/staff/merchants/{}/keys", m.shop.id);
    let public = "11".repeat(32);
    let live = json!({ "mode": "live", "public_key": public });
    let asked = m.maker.client.post(&path, &live).await.expect(202);
    assert!(asked.json().get("secret").is_none());
    assert_eq!(asked.text("/approval/request/public_key"), public);
    let key = m.approve(&asked).await.text("/outcome/resource");
    let keys = m.maker.client.get(&path).await.expect(200).json();
    let keys = keys["data"].as_array().expect("a list").clone();
    let made = keys.iter().find(|row| row["id"] == key.as_str()).expect("the key");
    assert_eq!((&made["mode"], &made["algorithm"]), (&json!("live"), &json!("ed25519")));
}

#[tokio::test]
async fn a_large_payout_waits_for_just_its_amount_and_account() {
    let m = Market::new().await;
    let settle = format!("/v1/staff/merchants/{}/settle", m.shop.id);
    let ask = async || m.maker.client.post(&settle, &json!({})).await;
    ask().await.refused(409, "nothing_to_settle");
    let to = async |account: &str| {
        let asked = m.change(|terms| terms["settlement_account"] = json!(account)).await;
        let _done = m.approve(&asked.expect(202)).await;
    };
    to(&m.pair.to).await;
    m.fund(100).await;
    let _small: TransferId = ask().await.expect(201).text("/id").parse().expect("a transfer");
    m.fund(20_000).await;
    let asked = ask().await.expect(202);
    assert_eq!(asked.json()["approval"]["request"]["amount"], 20_000);
    // What comes meanwhile is another payout's.
    m.fund(300).await;
    let done = m.approve(&asked).await;
    assert!(done.text("/outcome/resource").starts_with("trf_"));
    assert_eq!(m.pair.bank.balance(&m.pair.bela, &m.pair.to).await[0], 20_100);
    m.fund(20_000).await;
    let asked = ask().await.expect(202);
    assert_eq!(asked.json()["approval"]["request"]["amount"], 20_300);
    // Approved for one account, it is not paid to another.
    to(&m.pair.from).await;
    let done = m.approve(&asked).await;
    assert_eq!(done.text("/outcome/refusal"), "approval_outdated");
    assert_eq!(m.pair.bank.balance(&m.pair.bela, &m.pair.to).await[0], 20_100);
}
