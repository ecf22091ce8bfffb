//! `/v1/alerts`, and what customers are told of their payments.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;

use crate::rows::{execute, number};
use crate::transfers::Pair;

pub const WRITTEN: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'payment_alert'";

/// One run of the log and of the job; gives how many payments were gathered and messages written.
pub async fn tell(bank: &TestBank) -> u64 {
    let (_running, stop) = watch::channel(false);
    let _leaves = Job::WriteLog.run(bank.bank(), &stop).await.expect("the log is written");
    Job::TellPayments.run(bank.bank(), &stop).await.expect("payments are told")
}

/// A bank that tells of all payments, and has begun to.
pub async fn telling() -> Pair {
    let bank = TestBank::with(|config| config.messages.payment_alerts = true).await;
    assert_eq!(tell(&bank).await, 0);
    proven(Pair::on(bank).await).await
}

/// Everybody has confirmed their address.
pub async fn proven(p: Pair) -> Pair {
    let sql = "UPDATE customers SET email_verified_at = created_at";
    assert_eq!(execute(&p.bank, sql).await, 2);
    p
}

/// What somebody was told of payments, the newest first.
pub async fn told(bank: &TestBank, person: &Person) -> Vec<String> {
    let inbox = bank.inbox().await;
    let theirs =
        inbox.iter().filter(|m| m["purpose"] == "payment_alert" && m["to"] == person.email);
    theirs.map(|m| m["text"].as_str().expect("a text").to_owned()).collect()
}

pub async fn pay(p: &Pair, amount: i64) -> Reply {
    p.asha.client.post("/v1/transfers", &p.order(amount)).await
}

async fn choose(person: &Person, body: &Value) -> Reply {
    person.client.put("/v1/alerts/INR", body).await
}

/// Asks for less as somebody without a factor: with the password.
async fn choose_less(p: &Pair, body: &Value) -> Reply {
    let asked = choose(&p.asha, body).await;
    let proof = p.bank.prove_by_password(&p.asha, &asked).await;
    let request = p
        .asha
        .client
        .request(http::Method::PUT, "/v1/alerts/INR")
        .header("content-type", "application/json")
        .header("step-up", &proof);
    p.asha.client.send(request.body(body.to_string().into()).expect("a request")).await
}

async fn account_number(person: &Person, account: &str) -> String {
    person.client.get(&format!("/v1/accounts/{account}")).await.expect(200).text("/number")
}

// RBI DPSC 5: a customer is told of each payment that leaves or reaches an account.
// RBI DPSC 2: account numbers are masked in messages about payments.
#[tokio::test]
async fn both_sides_are_told_once_with_ends_of_numbers_and_nobodys_name() {
    let p = telling().await;
    assert_eq!(tell(&p.bank).await, 2, "the deposit, and its message");
    assert!(told(&p.bank, &p.asha).await[0].contains("INR 100.00 reached your account"));
    let mut order = p.order(1_250);
    order["memo"] = json!("for the unmistakable rent");
    let _sent = p.asha.client.post("/v1/transfers", &order).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4);
    let (from, to) = (account_number(&p.asha, &p.from).await, account_number(&p.bela, &p.to).await);
    let end = |number: &str| number[number.len() - 4..].to_owned();
    let (payer, payee) = (told(&p.bank, &p.asha).await, told(&p.bank, &p.bela).await);
    let says = format!("INR 12.50 left your account …{} for account …{}, ", end(&from), end(&to));
    assert!(payer[0].starts_with(&says), "{}", payer[0]);
    let says =
        format!("INR 12.50 reached your account …{} from account …{}, ", end(&to), end(&from));
    assert!(payee[0].starts_with(&says), "{}", payee[0]);
    assert_eq!((payer.len(), payee.len()), (2, 1));
    let balances = ["98", "9875", "9,875"];
    for text in payer.iter().chain(&payee) {
        for hidden in [&*from, &*to, "Asha", "Bela", "unmistakable"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        let rest = text.replace(&end(&from), "").replace(&end(&to), "");
        // All but the time of each payment.
        let words = rest.split_whitespace().filter(|word| !word.contains('T'));
        let rest = words.collect::<Vec<_>>().join(" ");
        assert!(!balances.iter().any(|balance| rest.contains(balance)), "{text}");
    }
    for _ in 0..3 {
        assert_eq!(tell(&p.bank).await, 0);
        p.bank.advance(3_700);
    }
    assert_eq!(number(&p.bank, WRITTEN).await, 3);
}

#[tokio::test]
async fn what_was_refused_is_not_told_and_every_kind_of_payment_is() {
    let p = telling().await;
    pay(&p, 99_999).await.refused(422, "insufficient_funds");
    let hold = p.asha.client.post("/v1/holds", &p.order(300)).await.expect(201).text("/id");
    assert_eq!(tell(&p.bank).await, 2, "the deposit; a hold moves nothing");
    let capture = json!({ "amount": 300 });
    let path = format!("/v1/holds/{hold}/capture");
    let captured = p.bela.client.post(&path, &capture).await;
    let captured =
        if captured.status == 404 { p.asha.client.post(&path, &capture).await } else { captured };
    let _captured = captured.expect(201);
    let sent = pay(&p, 70).await.expect(201).text("/id");
    let admin = p.bank.operator(Role::Admin).await;
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    let _asked = admin.client.post(&path, &json!({ "reason": "fault" })).await;
    let withdrawal =
        json!({ "account": p.from, "amount": 40, "currency": "INR", "reference": "w" });
    let _paid = p.teller.client.post("/v1/staff/withdrawals", &withdrawal).await.expect(201);
    let _told = tell(&p.bank).await;
    let text = &told(&p.bank, &p.asha).await[0];
    for says in ["INR 3.00 left your account", "(capture)", "INR 0.70 left", "(withdrawal)"] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(text.contains("(reversal)"), "{text}");
    assert!(!text.contains("999.99"), "{text}");
}

#[tokio::test]
async fn between_ones_own_accounts_one_is_told_once() {
    let p = telling().await;
    let _deposit = tell(&p.bank).await;
    let savings = p.bank.account(&p.asha, "INR").await;
    let own = json!({ "from": p.from, "to": savings, "amount": 500, "currency": "INR" });
    let _own = p.asha.client.post("/v1/transfers", &own).await.expect(201);
    assert_eq!(tell(&p.bank).await, 2);
    let texts = told(&p.bank, &p.asha).await;
    assert!(texts[0].contains(" went from your account …"), "{}", texts[0]);
}

#[tokio::test]
async fn nobody_is_told_who_has_not_asked_and_nothing_of_before() {
    let p = proven(Pair::new().await).await;
    assert_eq!(tell(&p.bank).await, 0);
    let _before = pay(&p, 100).await.expect(201);
    let none = p.asha.client.get("/v1/alerts/INR").await.expect(200).json();
    assert_eq!(none, json!({ "currency": "INR", "enabled": false, "at_least": null }));
    p.bank.advance(1);
    let wanted = json!({ "enabled": true, "at_least": 200 });
    let set = choose(&p.asha, &wanted).await.expect(200).json();
    assert_eq!(set, json!({ "currency": "INR", "enabled": true, "at_least": 200 }));
    assert_eq!(p.asha.client.get("/v1/alerts/INR").await.json(), set);
    assert_eq!(tell(&p.bank).await, 0, "what was posted before");
    for (amount, messages) in [(199, 0), (200, 2), (201, 2)] {
        let _sent = pay(&p, amount).await.expect(201);
        assert_eq!(tell(&p.bank).await, messages, "{amount}");
    }
    // Nobody else's choice, and no other currency's.
    assert!(told(&p.bank, &p.bela).await.is_empty());
    assert_eq!(p.asha.client.get("/v1/alerts/EUR").await.json()["enabled"], false);
    assert_eq!(p.bela.client.get("/v1/alerts/INR").await.json()["enabled"], false);
}

#[tokio::test]
async fn what_is_no_choice_is_refused() {
    let p = Pair::new().await;
    for path in ["/v1/alerts/XXY", "/v1/alerts/inr", "/v1/alerts/acc_1"] {
        p.asha.client.get(path).await.refused(404, "not_found");
    }
    for wrong in [json!(0), json!(-1), json!(1.5), json!("5"), json!(9_007_199_254_740_992_i64)] {
        let body = json!({ "enabled": true, "at_least": wrong });
        choose(&p.asha, &body).await.refused(422, "invalid_fields");
    }
    for wrong in [json!({}), json!({ "enabled": "on" }), json!({ "enabled": true, "to": "x" })] {
        choose(&p.asha, &wrong).await.refused(400, "malformed_json");
    }
    let most = json!({ "enabled": true, "at_least": 9_007_199_254_740_991_i64 });
    let _most = choose(&p.asha, &most).await.expect(200);
}

// RBI DPSC 5: to be told of less needs a factor or the password, and is told itself.
#[tokio::test]
async fn less_is_told_after_the_password_and_more_at_once() {
    let p = telling().await;
    let _deposit = tell(&p.bank).await;
    for less in [json!({ "enabled": false }), json!({ "enabled": true, "at_least": 2 })] {
        choose(&p.asha, &less).await.refused(403, "step_up_required");
    }
    assert_eq!(p.asha.client.get("/v1/alerts/INR").await.json()["enabled"], true);
    let _large = choose_less(&p, &json!({ "enabled": true, "at_least": 100 })).await.expect(200);
    let _off = choose_less(&p, &json!({ "enabled": false })).await.expect(200);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'alerts_reduced'";
    assert_eq!(number(&p.bank, sql).await, 2);
    let _unseen = pay(&p, 100).await.expect(201);
    assert_eq!(tell(&p.bank).await, 2, "Bela alone");
    p.bank.advance(1);
    let _on = choose(&p.asha, &json!({ "enabled": true })).await.expect(200);
    assert_eq!(tell(&p.bank).await, 0, "nothing of the time between");
    let _sent = pay(&p, 100).await.expect(201);
    let _told = tell(&p.bank).await;
    assert_eq!(told(&p.bank, &p.asha).await.len(), 2, "the deposit and the last");
    let changes = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'alerts.changed'";
    assert_eq!(number(&p.bank, changes).await, 3);
    let seen = p.asha.client.get("/v1/me/activity").await.expect(200).json();
    assert_eq!(seen["data"][0]["what"], "alerts.changed", "{seen}");
}

#[tokio::test]
async fn somebody_who_is_gone_is_told_nothing_and_keeps_nobody_waiting() {
    let p = telling().await;
    let _sent = pay(&p, 100).await.expect(201);
    // As an erasure leaves it that came between the payment and its message; and a row that does not open.
    let sql = "UPDATE customers SET status = 1, email_index = id, erased_at = 1, \
               email_sealed = substr(email_sealed, 1, 0), password_hash = '', \
               full_name_sealed = substr(full_name_sealed, 1, 0) \
               WHERE id = (SELECT owner FROM accounts WHERE owner IS NOT NULL ORDER BY id LIMIT 1)";
    assert_eq!(execute(&p.bank, sql).await, 1);
    assert_eq!(tell(&p.bank).await, 4, "three gathered, one told");
    assert!(told(&p.bank, &p.asha).await.is_empty());
    assert_eq!(told(&p.bank, &p.bela).await.len(), 1);
    for left in [
        "SELECT CAST(COUNT(*) AS BIGINT) FROM alerts_gathered",
        "SELECT CAST(COUNT(*) - 1 AS BIGINT) FROM alerts_told",
    ] {
        assert_eq!(number(&p.bank, left).await, 0, "{left}");
    }
    let broken = "UPDATE customers SET email_sealed = full_name_sealed WHERE erased_at IS NULL";
    assert_eq!(execute(&p.bank, broken).await, 1);
    p.bank.deposit(&p.teller, &p.to, 5, "INR").await;
    assert_eq!(tell(&p.bank).await, 1, "gathered, and it waits");
    assert_eq!(tell(&p.bank).await, 0);
}

// RBI DPSC 5: payments are told to a confirmed address alone, so that a mistyped one tells nobody.
#[tokio::test]
async fn an_address_that_nobody_has_confirmed_is_told_nothing() {
    let bank = TestBank::with(|config| config.messages.payment_alerts = true).await;
    let _begun = tell(&bank).await;
    let p = Pair::on(bank).await;
    p.bank.confirm_email(&p.bela).await;
    let _sent = pay(&p, 100).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4, "three gathered, one told");
    assert!(told(&p.bank, &p.asha).await.is_empty());
    assert_eq!(told(&p.bank, &p.bela).await.len(), 1);
    p.bank.confirm_email(&p.asha).await;
    assert_eq!(tell(&p.bank).await, 0, "nothing of before");
    let _sent = pay(&p, 100).await.expect(201);
    assert_eq!(tell(&p.bank).await, 4);
    assert_eq!(told(&p.bank, &p.asha).await.len(), 1);
}
