//! A transaction that fails at statement *n*, for every *n* of every verb: nothing half-done, a clear
//! 503, and a retry with the same key works.

use exchequer::holds::job;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank, key};
use tokio::sync::watch;

use crate::rows::number;
use crate::sessions::{log_in, post};
use crate::transfers::Pair;

/// Fails `verb` at each of its statements in turn; the books are compared by `TestBank` at the end.
async fn fail_everywhere(p: &Pair, verb: &'static str, client: &Client, path: &str, body: &Value) {
    for statement in 1.. {
        assert!(statement < 60, "{verb} has no end");
        let key = key();
        p.bank.bank().db().faults().fail_at(verb, statement);
        let failed = client.post_with_key(path, &key, body).await;
        if p.bank.bank().db().faults().disarm() {
            assert!(statement > 2, "{verb} has no statements: is the name right?");
            assert!(failed.status.is_success(), "{verb}: {failed:?}");
            return;
        }
        failed.refused(503, "unavailable");
        assert!(failed.header("retry-after").is_some());
        if statement % 3 == 0 {
            let retried = client.post_with_key(path, &key, body).await;
            assert!(retried.status.is_success(), "{verb} at {statement}: {retried:?}");
            assert_eq!(retried.header("idempotent-replayed"), None);
        }
    }
}

#[tokio::test]
async fn opening_an_account() {
    let p = Pair::new().await;
    let body = json!({ "currency": "INR", "name": "Fault" });
    fail_everywhere(&p, "accounts.open", &p.asha.client, "/v1/accounts", &body).await;
}

// ASVS 2.3.3: a transfer that fails at any statement has not happened.
#[tokio::test]
async fn a_transfer() {
    let p = Pair::new().await;
    fail_everywhere(&p, "transfers.post", &p.asha.client, "/v1/transfers", &p.order(1)).await;
}

#[tokio::test]
async fn a_batch_of_transfers() {
    let p = Pair::new().await;
    let body = json!({ "transfers": [p.order(1), p.order(2), p.order(99_999)], "atomic": false });
    fail_everywhere(&p, "transfers.batch", &p.asha.client, "/v1/transfers/batch", &body).await;
}

#[tokio::test]
async fn a_hold() {
    let p = Pair::new().await;
    fail_everywhere(&p, "holds.place", &p.asha.client, "/v1/holds", &p.order(1)).await;
}

#[tokio::test]
async fn a_capture_of_part_of_a_hold() {
    let p = Pair::new().await;
    let hold = p.asha.client.post("/v1/holds", &p.order(5_000)).await.expect(201).text("/id");
    let path = format!("/v1/holds/{hold}/capture");
    let body = json!({ "amount": 1, "final": false });
    fail_everywhere(&p, "holds.capture", &p.asha.client, &path, &body).await;
}

#[tokio::test]
async fn a_deposit() {
    let p = Pair::new().await;
    let body = json!({ "account": p.from, "amount": 5, "currency": "INR", "reference": "f" });
    fail_everywhere(&p, "transfers.post", &p.teller.client, "/v1/staff/deposits", &body).await;
}

/// Fails `verb` at each of its statements in turn. `prepare` makes what one attempt needs; the attempt
/// must answer 503, and `status` when it is repeated as it was.
pub async fn fail_then_repeat<T>(
    bank: &TestBank,
    (verb, status): (&'static str, u16),
    prepare: impl AsyncFn() -> T,
    attempt: impl AsyncFn(&T) -> Reply,
) {
    for statement in 1.. {
        assert!(statement < 60, "{verb} has no end");
        let prepared = prepare().await;
        bank.bank().db().faults().fail_at(verb, statement);
        let failed = attempt(&prepared).await;
        if bank.bank().db().faults().disarm() {
            assert!(statement > 1, "{verb} has no statements: is the name right?");
            assert_eq!(failed.status.as_u16(), status, "{verb}: {failed:?}");
            return;
        }
        failed.refused(503, "unavailable");
        assert!(failed.header("retry-after").is_some());
        let again = attempt(&prepared).await;
        assert_eq!(again.status.as_u16(), status, "{verb} at {statement}: {again:?}");
        assert_eq!(again.header("idempotent-replayed"), None, "{verb} at {statement}");
    }
}

/// The same for a POST with a key; `prepare` gives path and body.
async fn fail_keyed(
    bank: &TestBank,
    verb: (&'static str, u16),
    client: &Client,
    prepare: impl AsyncFn() -> (String, Value),
) {
    let prepare = async || {
        let (path, body) = prepare().await;
        (key(), path, body)
    };
    fail_then_repeat(bank, verb, prepare, async |(key, path, body)| {
        client.post_with_key(path, key, body).await
    })
    .await;
}

#[tokio::test]
async fn a_registration() {
    let bank = TestBank::new().await;
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers";
    for (name, wanted) in [("One", 0), ("Two", 1)] {
        // The second time the e-mail is known from the first.
        let body = json!({
            "email": "one@example.test", "password": "violet tram under rain", "full_name": name
        });
        assert_eq!(number(&bank, count).await, wanted);
        let prepare = async || ("/v1/customers".to_owned(), body.clone());
        fail_keyed(&bank, ("customers.register", 201), &bank.client(), prepare).await;
    }
    assert_eq!(number(&bank, count).await, 1);
}

#[tokio::test]
async fn a_void() {
    let p = Pair::new().await;
    let prepare = async || {
        let hold = p.asha.client.post("/v1/holds", &p.order(10)).await.expect(201).text("/id");
        (format!("/v1/holds/{hold}/void"), json!({}))
    };
    fail_keyed(&p.bank, ("holds.void", 200), &p.bela.client, prepare).await;
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

#[tokio::test]
async fn an_expiry() {
    let mut p = Pair::new().await;
    let mut order = p.order(10);
    order["expires_in"] = json!(1);
    let _hold = p.asha.client.post("/v1/holds", &order).await.expect(201);
    p.bank.advance(1);
    let (_running, stop) = watch::channel(false);
    for statement in 1.. {
        p.bank.bank().db().faults().fail_at("holds.expire", statement);
        let expired = job::sweep(p.bank.bank(), &stop).await.expect("a failure is left for later");
        if p.bank.bank().db().faults().disarm() {
            assert!(statement > 2 && expired == 1, "{statement} {expired}");
            break;
        }
        assert_eq!(expired, 0);
        assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 10, 9_990]);
    }
    p.bank.sign_in(&mut p.asha).await;
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

#[tokio::test]
async fn what_an_operator_does_to_an_account() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await.client;
    let path = |account: &str, act: &str| format!("/v1/staff/accounts/{account}/{act}");
    let open = async |act: &str| (path(&p.bank.account(&p.bela, "INR").await, act), json!({}));
    fail_keyed(&p.bank, ("staff.freeze", 200), &admin, async || open("freeze").await).await;
    fail_keyed(&p.bank, ("staff.close", 200), &admin, async || open("close").await).await;
    let frozen = async || {
        let account = p.bank.account(&p.bela, "INR").await;
        let _frozen = admin.post(&path(&account, "freeze"), &json!({})).await.expect(200);
        (path(&account, "unfreeze"), json!({}))
    };
    fail_keyed(&p.bank, ("staff.unfreeze", 200), &admin, frozen).await;
    let _sent = p.asha.client.post("/v1/transfers", &p.order(1)).await.expect(201);
    let limits = async || {
        // Without a limit before, so that what was sent today has to be written down.
        let body = json!({ "per_day": null });
        let none = admin.post(&path(&p.from, "limits"), &body).await;
        if none.status == 202 {
            let _none = p.bank.done(none, Role::Admin).await;
        }
        (path(&p.from, "limits"), json!({ "per_day": 500 }))
    };
    fail_keyed(&p.bank, ("staff.set_limits", 200), &admin, limits).await;
}

#[tokio::test]
async fn a_reversal() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let sent = async || {
        let sent = p.asha.client.post("/v1/transfers", &p.order(7)).await.expect(201).text("/id");
        (format!("/v1/staff/transfers/{sent}/reverse"), json!({ "reason": "fault" }))
    };
    fail_keyed(&p.bank, ("staff.reverse", 201), &admin.client, sent).await;
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

#[tokio::test]
async fn the_first_deposit_of_a_currency() {
    let p = Pair::new().await;
    let currencies =
        std::cell::RefCell::new(vec!["SEK", "NOK", "DKK", "CHF", "GBP", "USD", "EUR", "JPY"]);
    let deposit = async || {
        let currency = currencies.borrow_mut().pop().expect("enough currencies");
        let account = p.bank.account(&p.asha, currency).await;
        let body = json!({
            "account": account, "amount": 5, "currency": currency, "reference": "first"
        });
        ("/v1/staff/deposits".to_owned(), body)
    };
    fail_keyed(&p.bank, ("accounts.ensure_cash", 201), &p.teller.client, deposit).await;
}

#[tokio::test]
async fn signing_in_whether_right_or_wrong() {
    let bank = TestBank::with(|config| config.sessions.lockout.failures = 100).await;
    let asha = bank.customer("Asha").await;
    let sessions = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions";
    let before = number(&bank, sessions).await;
    let wrong = async |(): &()| log_in(&bank, &asha.email, "a wrong password").await;
    fail_then_repeat(&bank, ("sessions.refuse_sign_in", 401), async || (), wrong).await;
    assert_eq!(number(&bank, sessions).await, before);
    let right = async |(): &()| log_in(&bank, &asha.email, &asha.password).await;
    fail_then_repeat(&bank, ("sessions.open", 200), async || (), right).await;
    // One for each 200, none for a 503.
    let opened = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'session.opened'";
    assert_eq!(number(&bank, sessions).await, number(&bank, opened).await);
    let tokens = "SELECT CAST(COUNT(*) AS BIGINT) FROM refresh_tokens";
    assert_eq!(number(&bank, sessions).await, number(&bank, tokens).await);
}

/// A new session of the same customer.
async fn session(bank: &TestBank, person: &Person) -> Person {
    let mut person = person.clone();
    bank.sign_in(&mut person).await;
    person
}

#[tokio::test]
async fn a_refresh_whose_token_stays_good_when_it_fails() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let prepare = async || session(&bank, &asha).await;
    fail_then_repeat(&bank, ("sessions.refresh", 200), prepare, async |person| {
        post(&bank, "/v1/auth/refresh", &json!({ "refresh_token": person.refresh_token })).await
    })
    .await;
}

#[tokio::test]
async fn a_sign_out_which_has_not_happened_when_it_fails() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let prepare = async || session(&bank, &asha).await;
    fail_then_repeat(&bank, ("sessions.sign_out", 204), prepare, async |person| {
        let _still_in = person.client.get("/v1/me").await.expect(200);
        person.client.post_raw("/v1/auth/logout", None, Vec::new()).await
    })
    .await;
    let prepare = async || {
        let person = session(&bank, &asha).await;
        let id = person.client.get("/v1/sessions").await.expect(200).text("/data/0/id");
        (person, format!("/v1/sessions/{id}"))
    };
    let end_one = async |(person, path): &(Person, String)| person.client.delete(path).await;
    fail_then_repeat(&bank, ("sessions.end_one", 204), prepare, end_one).await;
    let prepare = async || session(&bank, &asha).await;
    let end_all = async |person: &Person| person.client.delete("/v1/sessions").await;
    fail_then_repeat(&bank, ("sessions.end_all", 204), prepare, end_all).await;
}

/// Reading goes on; that the use was not noted can only end the session earlier.
#[tokio::test]
async fn noting_the_use_of_a_session_which_serves_though_it_is_not_noted() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let used = "SELECT last_used_at FROM sessions";
    let before = number(&bank, used).await;
    bank.advance(31);
    bank.bank().db().faults().fail_at("sessions.touch", 1);
    let _me = asha.client.get("/v1/me").await.expect(200);
    assert!(!bank.bank().db().faults().disarm(), "the use was not to be noted");
    assert_eq!(number(&bank, used).await, before);
    bank.advance(1);
    let _me = asha.client.get("/v1/me").await.expect(200);
    assert_eq!(number(&bank, used).await, before + 32 * 1_000_000);
}

#[tokio::test]
async fn both_halves_of_an_operators_sign_in_whose_code_stays_good_when_they_fail() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let body = json!({ "email": admin.email, "password": admin.password });
    let login = async |(): &()| post(&bank, "/v1/staff/login", &body).await;
    fail_then_repeat(&bank, ("sessions.open", 200), async || (), login).await;
    let prepare = async || {
        bank.advance(60);
        let id = post(&bank, "/v1/staff/login", &body).await.expect(200).text("/challenge/id");
        let code = json!({ "method": "totp", "code": bank.totp_code(&admin) });
        (format!("/v1/auth/challenges/{id}/verify"), code)
    };
    fail_then_repeat(&bank, ("challenges.answer", 200), prepare, async |(path, code)| {
        post(&bank, path, code).await
    })
    .await;
}

// PCI DSS 10.2.1, 10.7.2: where the trail cannot be written, what it is about does not happen.
// ASVS 16.5.3: what cannot be recorded is not answered.
#[tokio::test]
async fn a_search_and_a_refused_access_which_are_not_answered_without_their_event() {
    let p = Pair::new().await;
    let search = format!("/v1/staff/customers?query={}", p.asha.id);
    let search = async |(): &()| p.teller.client.get(&search).await;
    fail_then_repeat(&p.bank, ("customers.search", 200), async || (), search).await;
    let refused = async |(): &()| p.teller.client.get("/v1/staff/events").await;
    fail_then_repeat(&p.bank, ("staff.refuse_access", 403), async || (), refused).await;
    let auditor = p.bank.operator(Role::Auditor).await;
    // Within a minute it is recorded already.
    let read = async |(): &()| auditor.client.get("/v1/staff/events").await;
    fail_then_repeat(&p.bank, ("events.read", 200), async || p.bank.advance(60), read).await;
}
