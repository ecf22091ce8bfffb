//! A bank that serves as a role of PostgreSQL which owns nothing (`deploy/postgres/serving.sql`): it serves all the same,
//! and who has taken it over can do nothing to what keeps the trail.

use std::collections::BTreeSet;
use std::path::Path;

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::verify;
use serde_json::json;
use store::Db;
use testkit::{TestBank, TestDatabase};
use tokio::sync::watch;

use crate::scene::{Scene, number};

/// `None` where this run is not on PostgreSQL.
async fn scene() -> Option<Scene> {
    Some(Scene::on(TestBank::on(TestDatabase::serving()?, |_| {}).await).await)
}

/// The day of a bank: sign-ins, money, a factor, a payee, somebody who leaves, merchants, four eyes, rotation, and every job.
async fn a_day(s: &mut Scene) {
    let compliance = s.bank.operator(Role::Compliance).await;
    let _sent = s.asha.client.post("/v1/transfers", &s.order(100)).await.expect(201);
    let batch = json!({ "transfers": [s.order(1), s.order(2)], "atomic": true });
    let _batch = s.asha.client.post("/v1/transfers/batch", &batch).await.expect(200);
    let hold = s.hold(&s.order(50)).await;
    let _voided = s.asha.client.post(&format!("{hold}/void"), &json!({})).await.expect(200);
    let payee = json!({ "account": s.to, "name": "Bela" });
    let payee = s.asha.client.post("/v1/beneficiaries", &payee).await.expect(201).text("/id");
    let _gone = s.asha.client.delete(&format!("/v1/beneficiaries/{payee}")).await.expect(204);
    s.bank.enrol_totp(&mut s.bela).await;
    let freeze = format!("/v1/staff/accounts/{}/freeze", s.to);
    let _frozen = compliance.client.post(&freeze, &json!({})).await.expect(200);
    for path in ["/v1/accounts", "/v1/sessions", "/v1/factors", "/v1/beneficiaries"] {
        let _read = s.asha.client.get(path).await.expect(200);
    }
    let _trail = compliance.client.get("/v1/staff/events").await.expect(200);
    let forgot = json!({ "email": s.asha.email }).to_string().into_bytes();
    let _asked =
        s.bank.client().post_raw("/v1/auth/password/forgot", None, forgot).await.expect(202);
    let _out = s.asha.client.post_raw("/v1/auth/logout", None, Vec::new()).await.expect(204);
    let carol = s.bank.customer("Carol").await;
    let limits = json!({ "per_transfer": 900, "per_day": 900 });
    let _limits = carol.client.put("/v1/limits/INR", &limits).await.expect(200);
    let disable = format!("/v1/staff/customers/{}/disable", carol.id);
    let _disabled = compliance.client.post(&disable, &json!({})).await.expect(200);
    run_all(s).await;
    // What is old enough to be forgotten is deleted, from each table that forgets, and who has left is erased.
    for days in [500, i64::from(s.bank.bank().config().evidence.salt_days), 1] {
        s.bank.advance(days * 86_400);
        run_all(s).await;
    }
    let erased = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers WHERE erased_at IS NOT NULL";
    assert_eq!(number(&s.bank, erased).await, 1);
}

async fn run_all(s: &Scene) {
    let (_running, stop) = watch::channel(false);
    for job in Job::ALL {
        let run = job.run(s.bank.bank(), &stop).await;
        run.unwrap_or_else(|error| panic!("{}: {error}", job.name()));
    }
}

// ASVS 13.2.2: the bank serves as a role that owns nothing, creates nothing and can neither change nor remove what the
// trail is made of.
#[tokio::test]
async fn a_bank_serves_as_a_role_that_owns_nothing_and_cannot_touch_the_trail() {
    let Some(mut s) = scene().await else { return };
    a_day(&mut s).await;
    let report = verify::run(s.bank.bank().db()).await.expect("a report");
    assert!(report.finding().is_none(), "{:?}", report.finding());
    for attack in [
        "DELETE FROM events",
        "UPDATE events SET outcome = 'done'",
        "DELETE FROM transfers",
        "UPDATE transfers SET amount = amount + 1",
        "UPDATE origins SET address = ''",
        "TRUNCATE events",
        "TRUNCATE outbox",
        "DELETE FROM customers",
        "DELETE FROM accounts",
        "DELETE FROM balances",
        "DELETE FROM data_keys",
        "DELETE FROM log_tiles",
        "DELETE FROM log_salts",
        "DROP TRIGGER events_no_delete ON events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "ALTER TABLE events DISABLE TRIGGER events_no_delete",
        "ALTER TABLE transfers DROP COLUMN memo",
        "DROP TABLE events",
        "CREATE TABLE public.mine (id BIGINT)",
        "CREATE TRIGGER mine BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql \
         AS $$ BEGIN RETURN NULL; END $$",
        "SET session_replication_role = 'replica'",
        "SET ROLE postgres",
        "GRANT ALL ON events TO PUBLIC",
        "INSERT INTO schema_migrations SELECT * FROM schema_migrations",
        "UPDATE schema_migrations SET version = 0",
        "COPY events TO PROGRAM 'cat'",
    ] {
        let run = s.bank.bank().db().write("attack", move |tx| tx.execute(attack, &[]));
        // A grant of what one has not got is no error to PostgreSQL, and grants nothing.
        let done = run.await;
        let is_refused = done.is_err() || (attack.starts_with("GRANT") && !is_public(&s).await);
        assert!(is_refused, "{attack}: {done:?}");
    }
    let report = verify::run(s.bank.bank().db()).await.expect("a report");
    assert!(report.finding().is_none(), "{:?}", report.finding());
}

/// Whether everybody may change events now.
async fn is_public(s: &Scene) -> bool {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM information_schema.role_table_grants \
               WHERE table_name = 'events' AND grantee = 'PUBLIC'";
    crate::scene::number(&s.bank, sql).await != 0
}

/// Steps of the schema are the owner's: the role that serves is refused before anything is written.
#[tokio::test]
async fn the_role_that_serves_makes_no_steps_of_the_schema() {
    let Some(database) = TestDatabase::serving() else { return };
    let now = TestBank::clock_in_hand().now();
    let refused = store::migrate(database.options(), now);
    assert!(refused.is_err(), "{refused:?}");
    assert!(Db::open(database.options()).is_ok(), "and the database is as it was");
}

/// A table that the bank learns to delete from has to be granted, or a bank that serves so would stop deleting.
#[test]
fn the_tables_that_the_role_may_delete_from_are_those_that_the_stores_delete_from() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut deleted = BTreeSet::new();
    for folder in ["crates/exchequer/src", "crates/store/src/sets", "crates/store/src/posting"] {
        gather(&root.join(folder), &mut deleted);
    }
    let granted =
        std::fs::read_to_string(root.join("deploy/postgres/serving.sql")).expect("a file");
    let (_, granted) = granted.split_once("GRANT DELETE ON").expect("a grant");
    let (granted, _) = granted.split_once("TO bank_serve").expect("a role");
    let granted: BTreeSet<String> = granted.split(',').map(|name| name.trim().to_owned()).collect();
    assert_eq!(granted, deleted);
    assert!(granted.len() > 20, "{granted:?}");
}

/// Tables behind `DELETE FROM` in what is no test.
fn gather(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.extend(code.split("DELETE FROM ").skip(1).map(|rest| {
                let is_name = |c: &char| c.is_ascii_lowercase() || *c == '_';
                rest.chars().take_while(is_name).collect::<String>()
            }));
        }
    }
}
