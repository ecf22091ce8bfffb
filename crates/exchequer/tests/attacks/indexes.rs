//! The key of blind indexes rotated while the bank serves: people are found, and stay one, under whichever version
//! each node and each row is (PCI DSS 4.0.1, 3.7.4, 3.7.5).

use std::sync::Arc;

use exchequer::bank::Bank;
use exchequer::jobs::{ANSWERS_KEPT, Job};
use exchequer::keys::master::Master;
use exchequer::keys::reseal::left;
use exchequer::keys::{
    self, DestroyRefusal, DestroyTerms, KeyAct, RotationRefusal, SETTLED_SECONDS,
};
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use money::Rng;
use serde_json::{Value, json};
use store::rows::Origin;
use testkit::authenticator::Authenticator;
use testkit::{Client, Person, Reply, TestBank, key};
use tokio::sync::watch;
use vault::{MAX_INDEX_VERSIONS, Purpose, USED_AFTER_SECONDS};

use crate::scene::{Scene, number, post};

const PASSWORD: &str = "a long enough passphrase";
const CUSTOMERS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers";

async fn run(bank: &Bank, job: Job) -> u64 {
    let (_running, stop) = watch::channel(false);
    job.run(bank, &stop).await.unwrap_or_else(|error| panic!("{}: {error}", job.name()))
}

fn act(bank: &TestBank) -> KeyAct {
    KeyAct {
        master: Arc::new(Master::File(testkit::bank::master_key())),
        rng: Rng::System,
        now: bank.clock().now(),
        origin: Origin::system("test"),
    }
}

async fn rotate(bank: &TestBank) -> Result<u32, RotationRefusal> {
    keys::rotate(bank.bank().db(), &act(bank), Purpose::BlindIndex).await.expect("an answer")
}

async fn destroy(bank: &TestBank, version: u32) -> Result<(), DestroyRefusal> {
    let terms = DestroyTerms { access_seconds: 300, needs_approval: false };
    let key = (Purpose::BlindIndex, version);
    keys::destroy(bank.bank().db(), &act(bank), key, terms).await.expect("an answer")
}

async fn left_under(bank: &TestBank, version: u32) -> u64 {
    let left = left(bank.bank().db(), Purpose::BlindIndex).await.expect("a count");
    left.get(&version).copied().unwrap_or(0)
}

fn body(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "full_name": "Wilhelmina Unmistakable",
        "phone": "+919876543210", "government_id": "ABCDE1234F"
    })
}

async fn log_in(node: &Client, email: &str, password: &str) -> Reply {
    let body = json!({ "email": email, "password": password }).to_string();
    node.post_raw("/v1/auth/login", None, body.into_bytes()).await
}

async fn found(support: &Person, query: &str) -> usize {
    let path = format!("/v1/staff/customers?query={query}");
    let found = support.client.get(&path).await.expect(200).json();
    found["data"].as_array().map_or(0, Vec::len)
}

/// Two nodes; a customer with everything that an index finds, one with a passkey, one with recovery codes.
struct Indexed {
    s: Scene,
    node: Bank,
    here: Client,
    there: Client,
    support: Person,
    passkey: Authenticator,
    codes: Vec<String>,
}

impl Indexed {
    async fn new() -> Self {
        let s = Scene::on(TestBank::with(|config| config.sessions.max = 1_000).await).await;
        let support = s.bank.operator(Role::Support).await;
        let _made =
            s.bank.client().post("/v1/customers", &body("w@example.test")).await.expect(201);
        let node = s.bank.other_bank().await;
        let (here, there) = (s.bank.client(), Client::new(exchequer::http::service(&node)));
        let passkey = s.bank.enrol_webauthn(&s.bela, "passkey").await;
        let mut carol = s.bank.customer("Carol").await;
        let codes = s.bank.enrol_totp(&mut carol).await;
        Self { s, node, here, there, support, passkey, codes }
    }

    async fn refresh_both(&self) {
        for bank in [self.s.bank.bank(), &self.node] {
            let _rows = run(bank, Job::RefreshKeys).await;
        }
    }

    /// The first node uses the new version, the second the one before, and each knows both.
    async fn turn_one_node(&self) {
        self.refresh_both().await;
        self.s.bank.advance(USED_AFTER_SECONDS);
        let _rows = run(self.s.bank.bank(), Job::RefreshKeys).await;
        let versions =
            [self.s.bank.bank(), &self.node].map(|b| b.tools().keyring().index_version());
        assert_eq!(versions[0], versions[1] + 1);
    }

    /// Everybody is found, on both nodes, by everything that finds them.
    async fn all_are_found(&mut self) {
        for node in [&self.here, &self.there] {
            let _in = log_in(node, "w@example.test", PASSWORD).await.expect(200);
        }
        let customers = number(&self.s.bank, CUSTOMERS).await;
        for node in [&self.here, &self.there] {
            let _known = node.post("/v1/customers", &body("W@example.test")).await.expect(201);
        }
        assert_eq!(number(&self.s.bank, CUSTOMERS).await, customers);
        self.s.bank.sign_in_operator(&mut self.support).await;
        for query in
            ["w@example.test", "%2B919876543210", "unmistakable", "Unmistakable%20wilhelmina"]
        {
            assert_eq!(found(&self.support, query).await, 1, "{query}");
        }
        let asked = self.passkey_asked().await;
        let _in = self.s.bank.verify_with(&asked, &mut self.passkey).await.expect(200);
    }

    async fn passkey_asked(&self) -> Value {
        let asked = post(&self.s.bank, "/v1/auth/passkey", &json!({})).await;
        asked.expect(200).json()["challenge"].clone()
    }

    async fn sign_in_with_a_recovery_code(&mut self) {
        let password = "correct horse Carol battery staple";
        let asked = log_in(&self.here, "carol@example.test", password).await.expect(200);
        let challenge = asked.text("/challenge/id");
        let code = self.codes.pop().expect("a code");
        let _in = self.s.bank.verify(&challenge, "recovery_code", &code).await.expect(200);
        self.s.bank.verify(&challenge, "recovery_code", &code).await.refused(401, "invalid_code");
    }
}

#[tokio::test]
async fn everybody_is_found_before_while_and_after_indexes_are_computed_anew() {
    let mut i = Indexed::new().await;
    let all = left_under(&i.s.bank, 1).await;
    assert!(all >= 5, "{all}");
    assert_eq!(rotate(&i.s.bank).await, Ok(2));
    i.turn_one_node().await;
    i.all_are_found().await;
    i.sign_in_with_a_recovery_code().await;

    i.s.bank.advance(SETTLED_SECONDS);
    i.refresh_both().await;
    // Cut at a write in the middle of the rows: nothing of that slice has happened.
    i.s.bank.bank().db().faults().fail_at("keys.reindex", 3);
    let (_running, stop) = watch::channel(false);
    assert!(Job::ResealValues.run(i.s.bank.bank(), &stop).await.is_err());
    assert!(left_under(&i.s.bank, 1).await >= all);
    i.all_are_found().await;
    let both =
        tokio::join!(run(i.s.bank.bank(), Job::ResealValues), run(&i.node, Job::ResealValues));
    assert_eq!(both.0 + both.1, all, "{both:?}");
    i.all_are_found().await;
    // Nothing is left but what the next walk notes.
    for bank in [i.s.bank.bank(), &i.node] {
        assert_eq!(run(bank, Job::ResealValues).await, 0);
    }
    assert_eq!(left_under(&i.s.bank, 1).await, 0);
    let mut unfinished = i.s.bank.bank().db().read("attack", keys::unfinished).await.expect("rows");
    unfinished.retain(|(purpose, ..)| *purpose == Purpose::BlindIndex);
    assert!(unfinished.is_empty(), "{unfinished:?}");

    // Answers under idempotency keys are compared under it for as long as they are kept.
    assert!(matches!(destroy(&i.s.bank, 1).await, Err(DestroyRefusal::TooEarly { .. })));
    i.s.bank.advance(ANSWERS_KEPT);
    assert_eq!(destroy(&i.s.bank, 1).await, Ok(()));
    i.refresh_both().await;
    assert_eq!(i.node.tools().keyring().index_versions().collect::<Vec<_>>(), [2]);
    i.all_are_found().await;
    // Made under the version that is gone.
    i.sign_in_with_a_recovery_code().await;
}

#[tokio::test]
async fn an_e_mail_that_is_registered_on_two_nodes_under_two_versions_is_one_customer() {
    let i = Indexed::new().await;
    assert_eq!(rotate(&i.s.bank).await, Ok(2));
    i.turn_one_node().await;
    let customers = number(&i.s.bank, CUSTOMERS).await;
    for n in 0..6 {
        let body = body(&format!("guest{n}@example.test"));
        let nodes = [&i.here, &i.there, &i.here, &i.there];
        let replies = join_all(nodes.map(|node| node.post("/v1/customers", &body))).await;
        assert!(replies.iter().all(|reply| reply.status.is_success()), "{:?}", replies[0]);
        assert_eq!(number(&i.s.bank, CUSTOMERS).await, customers + n + 1);
    }
    // One after the other, either way round.
    for (n, [first, second]) in [(7, [&i.here, &i.there]), (8, [&i.there, &i.here])] {
        let email = format!("guest{n}@example.test");
        for node in [first, second] {
            let _made = node.post("/v1/customers", &body(&email)).await.expect(201);
        }
        for node in [first, second] {
            let _in = log_in(node, &email, PASSWORD).await.expect(200);
        }
    }
    assert_eq!(number(&i.s.bank, CUSTOMERS).await, customers + 8);
    // While rows are computed anew.
    i.s.bank.advance(SETTLED_SECONDS);
    i.refresh_both().await;
    let body = body("guest9@example.test");
    let register = join_all([&i.here, &i.there].map(|node| node.post("/v1/customers", &body)));
    let (_moved, _made) = tokio::join!(run(&i.node, Job::ResealValues), register);
    assert_eq!(number(&i.s.bank, CUSTOMERS).await, customers + 9);
    assert_eq!(found(&i.support, "unmistakable").await, 1 + 9);
}

#[tokio::test]
async fn what_was_begun_under_the_version_before_is_ended_under_the_next() {
    let mut i = Indexed::new().await;
    let (once, order) = (key(), i.s.order(100));
    let sent = i.s.asha.client.post_with_key("/v1/transfers", &once, &order).await.expect(201);
    for n in 0..3 {
        let wrong = log_in(&i.here, "bela@example.test", &format!("guess {n}")).await;
        wrong.refused(401, "invalid_credentials");
    }
    let asked = i.passkey_asked().await;
    assert_eq!(rotate(&i.s.bank).await, Ok(2));
    i.turn_one_node().await;
    for client in [&i.here, &i.there] {
        let client = client.with_token(i.s.asha.client.token().expect("a token"));
        let again = client.post_with_key("/v1/transfers", &once, &order).await.expect(201);
        assert_eq!(again.text("/id"), sent.text("/id"));
        let other = i.s.order(101);
        let reused = client.post_with_key("/v1/transfers", &once, &other).await;
        reused.refused(422, "idempotency_key_reused");
    }
    let _in = i.s.bank.verify_with(&asked, &mut i.passkey).await.expect(200);
    // Tries before and after count together, on whichever node.
    for (n, node) in [&i.here, &i.there].into_iter().enumerate() {
        let wrong = log_in(node, "bela@example.test", &format!("later guess {n}")).await;
        wrong.refused(401, "invalid_credentials");
    }
    for node in [&i.here, &i.there] {
        let locked = log_in(node, "bela@example.test", "correct horse Bela battery staple").await;
        locked.refused(429, "locked_out");
    }
}

#[tokio::test]
async fn a_node_that_lacks_the_key_in_use_registers_nobody() {
    let i = Indexed::new().await;
    assert_eq!(rotate(&i.s.bank).await, Ok(2));
    i.s.bank.advance(USED_AFTER_SECONDS);
    let _rows = run(i.s.bank.bank(), Job::RefreshKeys).await;
    let body = body("guest@example.test");
    i.there.post("/v1/customers", &body).await.refused(503, "unavailable");
    let _made = i.here.post("/v1/customers", &body).await.expect(201);
    let _rows = run(&i.node, Job::RefreshKeys).await;
    let customers = number(&i.s.bank, CUSTOMERS).await;
    let _known = i.there.post("/v1/customers", &body).await.expect(201);
    assert_eq!(number(&i.s.bank, CUSTOMERS).await, customers);
}

#[tokio::test]
async fn there_are_no_more_versions_than_a_lookup_tries() {
    let mut i = Indexed::new().await;
    for version in 2..=MAX_INDEX_VERSIONS {
        assert_eq!(rotate(&i.s.bank).await, Ok(u32::try_from(version).expect("a version")));
        i.turn_one_node().await;
        i.refresh_both().await;
        i.all_are_found().await;
    }
    assert_eq!(rotate(&i.s.bank).await, Err(RotationRefusal::TooManyVersions));
    i.s.bank.advance(SETTLED_SECONDS);
    let moved = run(i.s.bank.bank(), Job::ResealValues).await;
    assert!(moved > 4, "{moved}");
    let _none = run(i.s.bank.bank(), Job::ResealValues).await;
    i.s.bank.advance(ANSWERS_KEPT);
    for version in 1..4 {
        assert_eq!(destroy(&i.s.bank, version).await, Ok(()));
    }
    i.refresh_both().await;
    i.all_are_found().await;
    assert_eq!(rotate(&i.s.bank).await, Ok(5));
}
