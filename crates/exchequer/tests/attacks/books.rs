//! Rows altered behind the bank's back: `verify` finds each.

use exchequer::staff::model::Role;
use exchequer::verify;
use serde_json::json;
use store::Kind;

use crate::scene::{Scene, sql};

async fn finding(s: &Scene) -> Option<String> {
    let report = verify::run(s.bank.bank().db()).await.expect("a report");
    report.finding().map(|found| found.table.to_owned())
}

/// Every edit leaves the sums as they were; only what the events say tells it from the truth.
#[tokio::test]
async fn an_account_given_away_overdrawn_thawed_or_unlimited_is_found() {
    let mut s = Scene::new().await;
    let auditor = s.bank.operator(Role::Compliance).await;
    let limits = format!("/v1/staff/accounts/{}/limits", s.from);
    let _set = auditor.client.post(&limits, &json!({ "per_day": 5_000 })).await.expect(200);
    let _sent = s.asha.client.post("/v1/transfers", &s.order(100)).await.expect(201);
    let freeze = format!("/v1/staff/accounts/{}/freeze", s.to);
    let _frozen = auditor.client.post(&freeze, &json!({})).await.expect(200);
    assert_eq!(finding(&s).await, None);
    let mut unseen = Vec::new();
    for (what, edit, undo) in [
        (
            "an overdraft",
            "UPDATE balances SET overdraft_limit = 1000000 WHERE bounded = 1",
            "UPDATE balances SET overdraft_limit = 0",
        ),
        (
            "a frozen account thawed",
            "UPDATE balances SET status = 0 WHERE status = 1",
            "UPDATE balances SET status = 1 WHERE credits_posted = 100",
        ),
        (
            "a limit taken away",
            "UPDATE balances SET limit_day = NULL WHERE limit_day IS NOT NULL",
            "UPDATE balances SET limit_day = 5000 WHERE debits_posted = 100",
        ),
        (
            "another owner",
            "UPDATE accounts SET owner = (SELECT a.owner FROM accounts AS a \
             JOIN balances AS b ON b.place = a.place WHERE b.credits_posted = 100) \
             WHERE place = (SELECT place FROM balances WHERE debits_posted = 100)",
            "UPDATE accounts SET owner = owner",
        ),
    ] {
        assert!(sql(&s.bank, edit).await > 0, "{what}");
        if finding(&s).await.is_none() {
            unseen.push(what);
        }
        let _undone = sql(&s.bank, undo).await;
    }
    s.bank.skip_verify();
    assert!(unseen.is_empty(), "verify did not see: {unseen:?}");
}

/// A trigger of somebody else's acts inside every transaction, and the sums still agree.
#[tokio::test]
async fn a_trigger_that_no_migration_made_is_found() {
    let mut s = Scene::new().await;
    let statements: &[&'static str] = match s.bank.bank().db().kind() {
        Kind::Sqlite => &["CREATE TRIGGER quiet BEFORE INSERT ON events \
                           WHEN NEW.action = 'session.sign_in_failed' \
                           BEGIN SELECT RAISE(IGNORE); END"],
        Kind::Postgres => &[
            "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF NEW.action = 'session.sign_in_failed' THEN RETURN NULL; END IF; \
             RETURN NEW; END $$",
            "CREATE TRIGGER quiet BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION quiet()",
        ],
    };
    for statement in statements {
        let _made = sql(&s.bank, statement).await;
    }
    let found = finding(&s).await;
    s.bank.skip_verify();
    assert_eq!(found.as_deref(), Some("schema"));
}

#[tokio::test]
async fn totals_holds_and_captures_that_were_altered_are_found() {
    let mut s = Scene::new().await;
    let hold = s.hold(&s.order(500)).await;
    let part = json!({ "amount": 200, "final": false });
    let _part = s.bela.client.post(&format!("{hold}/capture"), &part).await.expect(201);
    assert_eq!(finding(&s).await, None);
    for (edit, undo, table) in [
        (
            "UPDATE balances SET credits_posted = credits_posted + 1 WHERE bounded = 1",
            "UPDATE balances SET credits_posted = credits_posted - 1 WHERE bounded = 1",
            "accounts",
        ),
        ("UPDATE holds SET captured = 199", "UPDATE holds SET captured = 200", "accounts"),
        ("UPDATE holds SET amount = 501", "UPDATE holds SET amount = 500", "accounts"),
        ("UPDATE holds SET status = 2", "UPDATE holds SET status = 0", "accounts"),
        (
            "UPDATE holds SET captured = captured - 1, amount = amount - 1",
            "UPDATE holds SET captured = captured + 1, amount = amount + 1",
            "transfers",
        ),
        (
            "UPDATE balances SET entry_count = entry_count + 1 WHERE bounded = 1",
            "UPDATE balances SET entry_count = entry_count - 1 WHERE bounded = 1",
            "accounts",
        ),
    ] {
        assert!(sql(&s.bank, edit).await > 0, "{edit}");
        assert_eq!(finding(&s).await.as_deref(), Some(table), "{edit}");
        assert!(sql(&s.bank, undo).await > 0, "{undo}");
    }
    assert_eq!(finding(&s).await, None);
    s.bank.skip_verify(); // just done
}
