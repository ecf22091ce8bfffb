//! A customer who has left is erased from the rows: what is gone, what stays, what is shown, and that all of it still
//! verifies, is copied and comes back.

use std::collections::BTreeSet;
use std::path::Path;

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::verify;
use serde_json::{Value, json};
use store::{Db, DbError, Location, Options, Param, params};
use testkit::{Person, TestBank, TestDatabase};
use tokio::sync::watch;

use crate::Town;
use crate::shred::{close, forget, number};

const EMAIL: &str = "wilhelmina@example.test";
const PHONE: &str = "+919876501234";
const PASSWORD: &str = "a long enough passphrase";
const RENAMED: &str = "another long enough passphrase";
const ACCOUNT: &str = "Savings for Ytterbium";

fn registration(full_name: &str) -> Value {
    json!({
        "email": EMAIL, "password": PASSWORD, "full_name": full_name, "phone": PHONE,
        "government_id": "QZXPE4321K"
    })
}

/// The town's payer is somebody of whom there is a row wherever a customer can have one.
pub(crate) async fn rich() -> Town {
    let mut town = Town::new().await;
    let wanted = registration("Wilhelmina Unmistakable");
    let made = town.bank.client().post("/v1/customers", &wanted).await.expect(201);
    let mut asha = Person {
        id: made.text("/id"),
        email: EMAIL.to_owned(),
        password: PASSWORD.to_owned(),
        ..town.asha.clone()
    };
    town.bank.sign_in(&mut asha).await;
    let account = json!({ "currency": "INR", "name": ACCOUNT });
    town.from = asha.client.post("/v1/accounts", &account).await.expect(201).text("/id");
    let teller = town.bank.operator(Role::Teller).await;
    town.bank.deposit(&teller, &town.from, 50_000, "INR").await;
    let payee = json!({ "account": town.to, "name": "Landlord Zygodactyl" });
    let _payee = asha.client.post("/v1/beneficiaries", &payee).await.expect(201);
    let limits = json!({ "per_transfer": 900_000, "per_day": 900_000 });
    let _limits = asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    let alerts = json!({ "enabled": true, "at_least": 900 });
    let _alerts = asha.client.put("/v1/alerts/INR", &alerts).await.expect(200);
    let change = json!({ "current_password": PASSWORD, "new_password": RENAMED }).to_string();
    let _new = asha.client.post_raw("/v1/password", None, change.into_bytes()).await.expect(204);
    RENAMED.clone_into(&mut asha.password);
    town.bank.secret(RENAMED);
    town.bank.sign_in(&mut asha).await;
    let _codes = town.bank.enrol_totp(&mut asha).await;
    let wrong = json!({ "email": EMAIL, "password": "not it at all" }).to_string();
    let wrong = town.bank.client().post_raw("/v1/auth/login", None, wrong.into_bytes()).await;
    wrong.refused(401, "invalid_credentials");
    town.asha = asha;
    town
}

/// What stands in the rows of a customer, and nowhere else: to be searched for afterwards.
async fn traces(town: &Town) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    const SQL: [&str; 16] = [
        "SELECT email_sealed FROM customers WHERE id = $1",
        "SELECT email_index FROM customers WHERE id = $1",
        "SELECT full_name_sealed FROM customers WHERE id = $1",
        "SELECT phone_sealed FROM customers WHERE id = $1",
        "SELECT phone_index FROM customers WHERE id = $1",
        "SELECT government_id_sealed FROM customers WHERE id = $1",
        "SELECT government_id_index FROM customers WHERE id = $1",
        "SELECT CAST(password_hash AS TEXT) FROM customers WHERE id = $1",
        "SELECT word FROM customer_words WHERE customer = $1",
        "SELECT secret_sealed FROM factors WHERE customer = $1",
        "SELECT code_hash FROM recovery_codes WHERE customer = $1",
        "SELECT device FROM devices WHERE principal = $1",
        "SELECT name_sealed FROM beneficiaries WHERE customer = $1",
        "SELECT password_hash FROM former_passwords WHERE principal = $1",
        "SELECT token_hash FROM refresh_tokens AS r JOIN sessions AS s ON s.id = r.session \
         WHERE s.principal = $1",
        "SELECT name FROM accounts WHERE owner = $1",
    ];
    let id: money::CustomerId = town.asha.id.parse().expect("an id");
    let read = town.bank.bank().db().read("traces", move |tx| {
        SQL.iter()
            .map(|sql| {
                let rows = tx.query(sql, params![&id])?;
                let value = |row: &store::Row| {
                    row.blob(0)
                        .map(<[u8]>::to_vec)
                        .or_else(|_| row.text(0).map(|text| text.as_bytes().to_vec()))
                };
                Ok((*sql, rows.iter().map(value).collect::<Result<Vec<_>, DbError>>()?))
            })
            .collect()
    });
    read.await.unwrap_or_else(|error: DbError| panic!("{error}"))
}

/// The rows as they are now, copied and brought back: a bank in a file that has nothing else in it, no freed pages either.
fn copied(town: &Town, file: &Path) -> Db {
    let (copy, now) = (file.with_extension("copy"), town.bank.clock().now());
    let _rows = store::backup::backup(town.bank.database().options(), &copy, now).expect("a copy");
    let location = Location::Sqlite { path: file.to_owned() };
    let options = Options { require_durable: false, ..Options::new(location) };
    let _rows = store::backup::restore(&options, &copy, now).expect("a restore");
    Db::open(&options).expect("opens")
}

/// What the file of a bank that is closed has in it.
fn holds(file: &Path) -> impl Fn(&[u8]) -> bool {
    let mut bytes = std::fs::read(file).expect("the file");
    bytes.extend(std::fs::read(file.with_extension("db-wal")).unwrap_or_default());
    move |value| bytes.windows(value.len()).any(|window| window == value)
}

/// Every column of every table in which an id stands.
async fn places(db: &Db, id: &str) -> BTreeSet<String> {
    let id: money::CustomerId = id.parse().expect("an id");
    let read = db.read("places", move |tx| {
        let columns = "SELECT t.name, c.name FROM sqlite_master AS t \
                       JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'";
        let mut found = BTreeSet::new();
        for row in tx.query(columns, &[])? {
            let (table, column) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            let sql = format!("SELECT 1 FROM \"{table}\" WHERE \"{column}\" = $1 LIMIT 1");
            // Text of the program to the transaction: a test may leak a few.
            if tx.query_opt(Box::leak(sql.into_boxed_str()), &[Param::from(&id)])?.is_some() {
                found.insert(format!("{table}.{column}"));
            }
        }
        Ok::<_, DbError>(found)
    });
    read.await.expect("the columns")
}

async fn told_of_payments(town: &Town) -> Result<u64, DbError> {
    let (_running, stop) = watch::channel(false);
    Job::TellPayments.run(town.bank.bank(), &stop).await
}

async fn assert_right(town: &Town, db: &Db) {
    let report = verify::run_with(db, town.trust()).await.expect("a report");
    assert!(report.finding().is_none(), "{report}");
}

// ASVS 14.2.7: of a customer who has left nothing personal is in any row but those of the books and the trail when the
// retention time is over, whatever table somebody adds later.
#[tokio::test]
async fn nothing_of_who_has_left_is_in_any_row_but_their_id_and_all_of_it_verifies() {
    let town = rich().await;
    told_of_payments(&town).await.expect("it begins");
    town.pay(1_000, Some("memo-of-rhadamanthine-rent")).await;
    town.write().await;
    // A payment that waits to be told.
    town.bank.bank().db().faults().fail_at("payments.tell", 2);
    let failed = told_of_payments(&town).await.expect_err("a message waits");
    assert!(failed.to_string().contains("payments.tell"), "{failed}");
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first.db", "second.db"].map(|name| folder.path().join(name));
    let before = traces(&town).await;
    let db = copied(&town, &first);
    let was = places(&db, &town.asha.id).await;
    assert!(was.len() > 15, "{was:?}");
    for place in ["alerts_gathered.customer", "alerts_told.customer", "payment_alerts.customer"] {
        assert!(was.contains(place), "{place}: {was:?}");
    }
    db.close();
    let was_there = holds(&first);
    for (sql, values) in &before {
        assert!(!values.is_empty(), "there is nothing to be erased: {sql}");
        assert!(values.iter().all(|value| was_there(value)), "not in the copy: {sql}");
    }
    close(&town).await;
    forget(&town).await;
    town.write().await;
    let db = copied(&town, &second);
    // The books, the trail, and what a key has made.
    let left = [
        "accounts.owner",
        "customers.email_index",
        "customers.id",
        "events.subject",
        "idempotency.resource",
        "log_salts.id",
        "origins.actor",
    ];
    assert_eq!(places(&db, &town.asha.id).await, left.map(str::to_owned).into());
    // The bank, and its copy that was brought back, are right, and the log proves all of it.
    assert_right(&town, town.bank.bank().db()).await;
    assert_right(&town, &db).await;
    town.proven().await;
    db.close();
    let is_there = holds(&second);
    for (sql, values) in &before {
        assert!(!values.iter().any(|value| is_there(value)), "still there: {sql}");
    }
    // What is the other's as much as theirs stays.
    assert!(is_there(b"memo-of-rhadamanthine-rent"));
}

#[tokio::test]
async fn the_event_says_who_and_since_when_and_nothing_else() {
    let town = rich().await;
    close(&town).await;
    forget(&town).await;
    let auditor = town.bank.operator(Role::Auditor).await;
    let path = format!("/v1/staff/events?resource={}", town.asha.id);
    let events = auditor.client.get(&path).await.expect(200).json();
    let events = events["data"].as_array().expect("a list").clone();
    let of = |action: &str| events.iter().filter(|e| e["action"] == action).collect::<Vec<_>>();
    let (erased, destroyed) = (of("customer.erased"), of("log.salt_destroyed"));
    assert_eq!((erased.len(), destroyed.len()), (1, 1), "{events:#?}");
    let after = erased[0]["after"].as_object().expect("an object");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["closed_since"]);
    assert_eq!((&erased[0]["outcome"], &erased[0]["before"]), (&json!("done"), &Value::Null));
}

async fn found(operator: &Person, query: &str) -> Vec<Value> {
    let path = format!("/v1/staff/customers?query={query}");
    let found = operator.client.get(&path).await.expect(200).json();
    found["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn operators_are_shown_that_somebody_was_there_and_that_is_all() {
    let town = rich().await;
    close(&town).await;
    forget(&town).await;
    let officer = town.bank.operator(Role::Compliance).await;
    for query in [EMAIL, "%2B919876501234", "Unmistakable", "wilhelmina"] {
        assert!(found(&officer, query).await.is_empty(), "{query}");
    }
    let by_id = found(&officer, &town.asha.id).await;
    assert_eq!((by_id.len(), &by_id[0]["status"]), (1, &json!("erased")));
    let path = format!("/v1/staff/customers/{}", town.asha.id);
    let shown = officer.client.get(&path).await.expect(200).json();
    for field in ["full_name", "email", "phone"] {
        assert_eq!(shown[field], Value::Null, "{field}");
    }
    assert_eq!((&shown["status"], &shown["factors"]), (&json!("erased"), &json!([])));
    assert!(shown["erased_at"].is_string(), "{shown}");
    let accounts = officer.client.get(&format!("{path}/accounts")).await.expect(200);
    let number = accounts.text("/data/0/number");
    assert_eq!(accounts.text("/data/0/name"), number, "a name of their own gives way");
    let support = town.bank.operator(Role::Support).await;
    let purpose = json!({ "purpose": "called about a card" }).to_string().into_bytes();
    let revealed = support.client.post_raw(&format!("{path}/reveal"), None, purpose).await;
    revealed.refused(410, "customer_erased");
    for verb in ["lock", "unlock", "disable", "enable", "sign_out"] {
        let asked = officer.client.post(&format!("{path}/{verb}"), &json!({})).await;
        asked.refused(410, "customer_erased");
    }
    let days = "from=2026-01-01&to=2026-12-31";
    for format in ["json", "csv", "pdf", "camt053"] {
        let path = format!("/v1/staff/accounts/{}/statement?{days}&format={format}", town.from);
        let _statement = officer.client.get(&path).await.expect(200);
    }
}

#[tokio::test]
async fn the_other_party_sees_what_it_always_saw() {
    let town = rich().await;
    let mut ravi = Person { email: "ravi.iyer@example.test".to_owned(), ..town.asha.clone() };
    ravi.password = "correct horse Ravi Iyer battery staple".to_owned();
    town.bank.sign_in(&mut ravi).await;
    let payee = json!({ "account": town.from, "name": "Wilhelmina my tenant" });
    let added = ravi.client.post("/v1/beneficiaries", &payee).await.expect(201);
    let number = added.text("/number");
    let paid = town.pay(1_000, Some("rent of May")).await;
    close(&town).await;
    forget(&town).await;
    town.bank.sign_in(&mut ravi).await;
    let shown = ravi.client.get(&format!("/v1/transfers/{paid}")).await.expect(200);
    assert_eq!(shown.text("/memo"), "rent of May");
    let _list = ravi.client.get("/v1/beneficiaries").await.expect(200);
    let _entries = ravi.client.get(&format!("/v1/accounts/{}/entries", town.to)).await.expect(200);
    // Nobody's account to whoever tries its number, and no error.
    let check = json!({ "account": number, "name": "Wilhelmina Unmistakable" }).to_string();
    let checked = ravi.client.post_raw("/v1/payees/check", None, check.into_bytes()).await;
    assert_eq!(checked.expect(200).text("/result"), "no_match");
    let order = json!({ "from": town.to, "to": town.from, "amount": 1, "currency": "INR" });
    ravi.client.post("/v1/transfers", &order).await.refused(422, "account_closed");
}

#[tokio::test]
async fn the_address_is_anybodys_again_and_opens_nothing_of_before() {
    let town = rich().await;
    close(&town).await;
    forget(&town).await;
    let sign_in = |password: &str| {
        let body = json!({ "email": EMAIL, "password": password }).to_string().into_bytes();
        let client = town.bank.client();
        async move { client.post_raw("/v1/auth/login", None, body).await }
    };
    sign_in(RENAMED).await.refused(401, "invalid_credentials");
    let _forgot = town
        .bank
        .client()
        .post_raw("/v1/auth/password/forgot", None, json!({ "email": EMAIL }).to_string().into())
        .await
        .expect(202);
    let made = town.bank.client().post("/v1/customers", &registration("Otto Somebody")).await;
    let other = made.expect(201).text("/id");
    assert_ne!(other, town.asha.id);
    let _in = sign_in(PASSWORD).await.expect(200);
    let officer = town.bank.operator(Role::Compliance).await;
    let by_email = found(&officer, EMAIL).await;
    assert_eq!((by_email.len(), &by_email[0]["id"]), (1, &json!(other)));
    let mut somebody = Person { id: other, ..town.asha.clone() };
    PASSWORD.clone_into(&mut somebody.password);
    town.bank.sign_in(&mut somebody).await;
    let own = somebody.client.get("/v1/accounts").await.expect(200).json();
    assert_eq!(own["data"], json!([]), "nothing of the one before is theirs");
}

#[tokio::test]
async fn a_bank_with_somebody_erased_is_moved_and_is_right_there() {
    let mut bank = TestBank::on(TestDatabase::sqlite(), |_| {}).await;
    bank.skip_verify(); // it is gone from there
    let town = Town::of(bank).await;
    close(&town).await;
    forget(&town).await;
    town.write().await;
    let erased = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers WHERE erased_at IS NOT NULL";
    assert_eq!(number(&town.bank, erased).await, 1);
    let from = town.bank.database().options().clone();
    town.bank.bank().db().close();
    let there = TestDatabase::new();
    let now = town.bank.clock().now();
    let rng = money::Rng::seeded(3);
    let moved = store::moving::run((&from, there.options()), (now, &rng), Box::new(Silent));
    moved.expect("a move");
    let db = Db::open(there.options()).expect("opens");
    assert_right(&town, &db).await;
    let count = db.read("count", move |tx| tx.query_one(erased, &[])?.int(0)).await;
    assert_eq!(count.unwrap_or_else(|error: DbError| panic!("{error}")), 1);
}

struct Silent;

impl store::moving::Watcher for Silent {
    fn copied(
        &mut self,
        _table: &'static str,
        _rows: (i64, i64),
    ) -> Result<(), store::moving::MoveError> {
        Ok(())
    }

    fn verify(&mut self, _tx: &mut store::Tx<'_>) -> Result<String, store::moving::MoveError> {
        Ok(String::new())
    }

    fn arrived(
        &mut self,
        _tx: &mut store::Tx<'_>,
        _moved: &store::moving::Moved,
    ) -> Result<(), store::moving::MoveError> {
        Ok(())
    }
}
