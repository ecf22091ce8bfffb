//! A bank for one test: fresh database, clock in hand, randomness from a seed.
//!
//! When it is dropped, the books must balance, the event log must verify, and none of the secrets that
//! the test used may stand in the log.

mod operators;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchequer::bank::Bank;
use exchequer::config::{Config, Redis as RedisConfig};
use exchequer::keys::holder::KeyHolder;
use exchequer::keys::{self, adopt_in};
use exchequer::logging::{Capture, Mark};
use exchequer::staff::model::Role;
use exchequer::{factors, http as edge, verify};
use money::{Clock, IdMint, Rng, Timestamp};
use serde_json::json;
use store::Db;
use vault::{Keyring, MasterKey, PasswordParams, SecretString};

use crate::card_vault::TestVault;
use crate::client::Client;
use crate::database::TestDatabase;
use crate::redis;

/// 2026-01-05 10:00:00 UTC, a Monday.
const START: i64 = 1_767_607_200;

/// Seconds after which the second operator signs in anew; a token lasts longer.
const SECOND_SIGNED_IN: i64 = 240;

/// A Redis of this machine takes milliseconds; a loaded test machine gets a while.
const CACHE_LIMIT: Duration = Duration::from_secs(20);

pub struct TestBank {
    bank: Bank,
    service: edge::Service,
    clock: Clock,
    database: TestDatabase,
    /// Beside it, where this run wants one.
    _vault: Option<TestVault>,
    capture: &'static Capture,
    mark: Mark,
    secrets: Mutex<Vec<String>>,
    verify_at_end: bool,
    /// Who approves what others asked for, and when they signed in.
    seconds: tokio::sync::Mutex<Vec<(Role, Person, Timestamp)>>,
}

/// A signed-in customer or operator.
#[derive(Clone)]
pub struct Person {
    pub client: Client,
    pub id: String,
    pub email: String,
    pub password: String,
    pub refresh_token: String,
    /// Of the authenticator, where there is one: base 32.
    pub totp_secret: Option<String>,
}

impl TestBank {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(TestDatabase::new(), change).await
    }

    /// On a database that stands already.
    pub async fn on(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(database, Self::clock_in_hand(), change).await
    }

    /// A clock for a bank and for whoever is to have the same time.
    pub fn clock_in_hand() -> Clock {
        Clock::manual(Timestamp::from_seconds(START))
    }

    /// With a clock that somebody else has in hand, too.
    pub async fn at(
        database: TestDatabase,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::drawn(database, (clock, Rng::seeded(7)), change).await
    }

    /// With randomness of its own: a bank that was there before would draw again what it has drawn.
    pub async fn drawn(
        database: TestDatabase,
        (clock, rng): (Clock, Rng),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let capture = Capture::process_wide().expect("the log can be captured");
        let mark = capture.mark();
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config::demo("unused".into(), listen);
        // A test does in a second what people do in an hour; one that is about limits switches them on.
        config.rate_limits_on = false;
        // Nor has anybody's password to be kept safe; one that is about the cost of a hash asks for it.
        config.passwords.cost = PasswordParams::for_tests();
        if let Some(url) = redis::address() {
            config.redis = Some(RedisConfig::of_test(&url, &redis::prefix()).expect("an address"));
        }
        let vault = if crate::card_vault::is_wanted() {
            let vault = TestVault::start(clock.clone()).await;
            config.cards.vault = Some(vault.settings());
            Some(vault)
        } else {
            None
        };
        change(&mut config);
        let db = Db::open(database.options()).expect("the database opens");
        let keys = data_keys(&db, &rng, clock.now()).await;
        let bank = Bank::new(db, keys, config, clock.clone(), rng);
        assert!(bank.cache().connected(CACHE_LIMIT).await, "the Redis of this run answers");
        let service = edge::service(&bank);
        Self {
            bank,
            service,
            clock,
            database,
            _vault: vault,
            capture,
            mark,
            secrets: Mutex::default(),
            verify_at_end: true,
            seconds: tokio::sync::Mutex::default(),
        }
    }

    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance_seconds(seconds).expect("a clock in hand");
    }

    /// Nobody in particular.
    pub fn client(&self) -> Client {
        Client::new(self.service.clone())
    }

    /// Nobody in particular, at another node of this bank: the same database, and a memory of its own.
    pub async fn other_node(&self) -> Client {
        Client::new(edge::service(&self.other_bank().await))
    }

    /// The other node itself.
    pub async fn other_bank(&self) -> Bank {
        self.other_bank_of(self.clock.clone(), |_| {}).await
    }

    /// Another node, with another configuration.
    pub async fn other_bank_with(&self, change: impl FnOnce(&mut Config)) -> Bank {
        self.other_bank_of(self.clock.clone(), change).await
    }

    /// One whose clock is another.
    pub async fn other_bank_at(&self, clock: Clock) -> Bank {
        self.other_bank_of(clock, |_| {}).await
    }

    async fn other_bank_of(&self, clock: Clock, change: impl FnOnce(&mut Config)) -> Bank {
        let (db, mut config) = (self.bank.db().clone(), self.bank.config().clone());
        change(&mut config);
        let keys = data_keys(&db, &Rng::seeded(7), self.clock.now()).await;
        let bank = Bank::new(db, keys, config, clock, Rng::seeded(8));
        assert!(bank.cache().connected(CACHE_LIMIT).await, "the Redis of this run answers");
        bank
    }

    /// A text that must never stand in the log.
    pub fn secret(&self, text: &str) {
        self.secrets.lock().expect("the list of secrets").push(text.to_owned());
    }

    /// The test spoils the books on purpose.
    pub fn skip_verify(&mut self) {
        self.verify_at_end = false;
    }

    /// Registers and signs in.
    pub async fn customer(&self, name: &str) -> Person {
        let email = format!("{}@example.test", name.to_lowercase().replace(' ', "."));
        let password = format!("correct horse {name} battery staple");
        let client = self.client();
        let id = client
            .post(
                "/v1/customers",
                &json!({ "email": email, "password": password, "full_name": name }),
            )
            .await
            .expect(201)
            .text("/id");
        let mut person =
            Person { client, id, email, password, refresh_token: String::new(), totp_secret: None };
        self.secret(&person.password);
        self.sign_in(&mut person).await;
        person
    }

    /// Signs a customer in anew.
    pub async fn sign_in(&self, person: &mut Person) {
        let reply = self
            .client()
            .post_raw(
                "/v1/auth/login",
                None,
                json!({ "email": person.email, "password": person.password })
                    .to_string()
                    .into_bytes(),
            )
            .await
            .expect(200);
        self.keep_tokens(person, &reply);
    }

    /// The person goes on with the tokens of this sign-in.
    pub fn keep_tokens(&self, person: &mut Person, reply: &crate::Reply) {
        person.refresh_token = reply.text("/refresh_token");
        let token = reply.text("/access_token");
        self.secret(&person.refresh_token);
        self.secret(&token);
        person.client = self.client().with_token(&token);
    }

    /// A new pair of tokens for the same session.
    pub async fn refresh(&self, person: &mut Person) {
        let body = json!({ "refresh_token": person.refresh_token }).to_string().into_bytes();
        let reply = self.client().post_raw("/v1/auth/refresh", None, body).await.expect(200);
        self.keep_tokens(person, &reply);
    }

    /// The proof for a request that was answered with `step_up_required`.
    pub async fn prove_asked(&self, person: &Person, asked: &crate::Reply) -> String {
        asked.refused(403, "step_up_required");
        self.prove(person, &asked.text("/challenge/id")).await
    }

    /// The code of this moment.
    pub fn totp_code(&self, person: &Person) -> String {
        let secret = person.totp_secret.clone().expect("an authenticator's secret");
        factors::totp::code_at(&SecretString::new(secret), self.clock.now()).expect("base32")
    }

    /// Opens an account; gives its id.
    pub async fn account(&self, person: &Person, currency: &str) -> String {
        let body = json!({ "currency": currency, "name": "Everyday" });
        person.client.post("/v1/accounts", &body).await.expect(201).text("/id")
    }

    /// A deposit by a teller.
    pub async fn deposit(&self, teller: &Person, account: &str, amount: i64, currency: &str) {
        let body = json!({
            "account": account, "amount": amount, "currency": currency, "reference": "cash"
        });
        let _receipt = teller.client.post("/v1/staff/deposits", &body).await.expect(201);
    }

    /// `[posted, held, available]` of one's own account.
    pub async fn balance(&self, person: &Person, account: &str) -> [i64; 3] {
        let reply = person.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
        ["posted", "held", "available"].map(|part| reply.int(&format!("/balance/{part}")))
    }

    /// An id of the kind that nobody has.
    pub fn unknown_id<K: money::IdKind>(&self) -> String {
        IdMint::new(Rng::seeded(99)).mint::<K>(self.clock.now()).to_string()
    }
}

/// The master key of every test bank.
pub fn master_key() -> MasterKey {
    MasterKey::generate(&Rng::seeded(77)).expect("a master key")
}

/// The keys that the database has, made where it has none.
async fn data_keys(db: &Db, rng: &Rng, now: Timestamp) -> KeyHolder {
    let master = master_key();
    let mut rows = db.read("keys.list", keys::list).await.expect("data keys");
    if rows.is_empty() {
        let made = Keyring::first_data_keys(&master, rng, now).expect("data keys");
        rows.clone_from(&made);
        let adopted = db.write("keys.adopt", move |tx| adopt_in(tx, &made)).await;
        adopted.unwrap_or_else(|error: store::DbError| panic!("{error}"));
    }
    KeyHolder::open_here(master, rows, now).expect("a keyring")
}

impl Drop for TestBank {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for secret in self.secrets.get_mut().expect("the list of secrets") {
            let line = self.capture.line_with(self.mark, secret);
            assert!(line.is_none(), "a secret was logged: {}", line.unwrap_or_default());
        }
        if self.verify_at_end {
            let keys = Some(Arc::clone(&self.bank.tools().keyring()));
            let trust = verify::Trust { keys, ..verify::Trust::nothing(self.clock.now()) };
            let report = verify_apart(self.bank.db().clone(), trust);
            assert!(matches!(report, verify::Report::Right(_)), "{report}");
        }
    }
}

/// Drop is not async and may run inside a runtime, so the verification gets a thread of its own.
fn verify_apart(db: Db, trust: verify::Trust) -> verify::Report {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(verify::run_with(&db, trust)).expect("the bank can be verified")
    })
    .join()
    .expect("the verification ends")
}
