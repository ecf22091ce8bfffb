//! A Redis that is killed while people sign in, pay and sign out on two nodes: what was acknowledged holds.
//!
//! Where this run has no Redis, the test says so and ends.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchequer::config::{Config, Redis};
use exchequer::staff::model::Role;
use money::Rng;
use serde_json::{Value, json};
use testkit::redis::{PrivateRedis, prefix};
use testkit::{Client, Person, Reply, TestBank, TestDatabase};
use tokio::sync::{Notify, Semaphore};

use crate::scene::number;

const ROUNDS: usize = 3;
const PAYERS: usize = 4;
const COMERS: usize = 6;
const LEAVERS: usize = 8;
/// Of each that will leave or stay.
const SESSIONS: usize = 3;
/// Acts of a kind that begin while Redis is there, and again while it is gone: of a round, for all clients.
const PAYMENTS: usize = 12;
const COMINGS: usize = 4;
const LEAVINGS: usize = 2;
const FUNDS: i64 = 10_000;
/// Tries of one act before it is lost; and the pause between two.
const TRIES: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pay,
    Come,
    Leave,
}

const KINDS: [(Kind, usize); 3] =
    [(Kind::Pay, PAYMENTS), (Kind::Come, COMINGS), (Kind::Leave, LEAVINGS)];

/// What the clients may still begin, and what they were told.
#[derive(Default)]
struct Load {
    begin: BTreeMap<Kind, Semaphore>,
    told: Mutex<Told>,
    changed: Notify,
}

#[derive(Default)]
struct Told {
    acknowledged: BTreeMap<Kind, usize>,
    refused: BTreeMap<Kind, usize>,
    /// The payer's number, the key and the transfer's id.
    paid: Vec<(usize, String, String)>,
    /// Access tokens.
    is_in: Vec<String>,
    is_out: Vec<String>,
}

impl Load {
    fn new() -> Arc<Self> {
        let begin = KINDS.map(|(kind, _)| (kind, Semaphore::new(0)));
        Arc::new(Self { begin: begin.into(), ..Self::default() })
    }

    /// Lets the clients begin as much as half a round has.
    fn grant(&self) {
        for (kind, acts) in KINDS {
            self.begin[&kind].add_permits(acts);
        }
    }

    /// Whether there is something to begin; none where the load is over.
    async fn begins(&self, kind: Kind) -> bool {
        self.begin[&kind].acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Tries until the answer is one of the act itself. While nobody can be counted, refusals are counted for the address
    /// alone, and too many of them are told so in place of `unavailable`.
    async fn insist<F: Future<Output = Reply>>(&self, kind: Kind, send: impl Fn() -> F) -> Reply {
        for _ in 0..TRIES {
            let reply = send().await;
            if !["unavailable", "rate_limited"].contains(&&*reply.code()) {
                return reply;
            }
            *self.told.lock().expect("the notes").refused.entry(kind).or_default() += 1;
            self.changed.notify_waiters();
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{kind:?} is never answered");
    }

    fn acknowledge(&self, kind: Kind, note: impl FnOnce(&mut Told)) {
        let mut told = self.told.lock().expect("the notes");
        *told.acknowledged.entry(kind).or_default() += 1;
        note(&mut told);
        drop(told);
        self.changed.notify_waiters();
    }

    fn counts(&self) -> (BTreeMap<Kind, usize>, BTreeMap<Kind, usize>) {
        let told = self.told.lock().expect("the notes");
        (told.acknowledged.clone(), told.refused.clone())
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Told) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.told.lock().expect("the notes")) {
                return;
            }
            let waited = tokio::time::timeout(PATIENCE, changed).await;
            waited.unwrap_or_else(|_| panic!("{what}: {:?}", self.counts()));
        }
    }
}

/// Two nodes that count, and a third that does not, on which people were prepared.
struct Scene {
    nodes: [TestBank; 2],
    desk: TestBank,
    _database: TestDatabase,
}

impl Scene {
    async fn new(url: &str) -> Self {
        let (database, clock) = (TestDatabase::new(), TestBank::clock_in_hand());
        let redis = Redis::of_test(url, &prefix()).expect("a Redis of this test");
        let node = async |seed: u64, limits: bool| {
            let mut same = TestDatabase::new();
            same.set_options(database.options().clone());
            let change = |config: &mut Config| {
                config.redis = Some(redis.clone());
                config.rate_limits_on = limits;
                config.sessions.max = 20;
            };
            TestBank::drawn(same, (clock.clone(), Rng::seeded(seed)), change).await
        };
        let desk = node(100, false).await;
        Self { nodes: [node(101, true).await, node(102, true).await], desk, _database: database }
    }

    /// A client of one node or the other, from an address of its own.
    fn client(&self, node: usize, address: &str) -> Client {
        self.nodes[node % 2].client().from_address(address)
    }
}

async fn pay(load: Arc<Load>, number: usize, clients: [Client; 2], order: Value) {
    for n in 0.. {
        if !load.begins(Kind::Pay).await {
            return;
        }
        let key = format!("load-{number}-{n}");
        let client = &clients[n % 2];
        let send = || client.post_with_key("/v1/transfers", &key, &order);
        let id = load.insist(Kind::Pay, send).await.expect(201).text("/id");
        load.acknowledge(Kind::Pay, |told| told.paid.push((number, key, id)));
    }
}

async fn come(load: Arc<Load>, client: Client, person: Person) {
    let body = json!({ "email": person.email, "password": person.password }).to_string();
    while load.begins(Kind::Come).await {
        let send = || client.post_raw("/v1/auth/login", None, body.clone().into_bytes());
        let token = load.insist(Kind::Come, send).await.expect(200).text("/access_token");
        load.acknowledge(Kind::Come, |told| told.is_in.push(token));
    }
}

async fn leave(load: Arc<Load>, client: Client, mut tokens: Vec<String>) {
    // Together they have more sessions than there are sign-outs.
    while !tokens.is_empty() && load.begins(Kind::Leave).await {
        let token = tokens.pop().expect("a session");
        let client = client.with_token(&token);
        let send = || client.post_raw("/v1/auth/logout", None, Vec::new());
        let reply = load.insist(Kind::Leave, send).await;
        // Where the answer before was none of these, the session may have ended all the same.
        assert!([204, 401].contains(&reply.status.as_u16()), "{}", reply.code());
        load.acknowledge(Kind::Leave, |told| told.is_out.push(token));
    }
    load.told.lock().expect("the notes").is_in.extend(tokens);
}

// PCI DSS 10.7.2: whatever is under way when Redis dies, what was acknowledged is so, and what was not can be tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_while_redis_is_killed_holds() {
    let Some(mut redis) = PrivateRedis::start() else {
        println!("no Redis in this run");
        return;
    };
    let scene = Scene::new(&redis.url()).await;
    let load = Load::new();
    let (payers, tasks) = people(&scene, &load).await;
    let payments = "SELECT CAST(COUNT(*) AS BIGINT) FROM transfers";
    let before = number(&scene.desk, payments).await;
    for round in 1..=ROUNDS {
        let (so_far, _) = load.counts();
        load.grant();
        // In the middle of it.
        load.until("acts", |told| {
            let more = |(kind, acts): (Kind, usize)| {
                told.acknowledged.get(&kind) >= Some(&(so_far.get(&kind).unwrap_or(&0) + acts / 2))
            };
            KINDS.into_iter().all(more)
        })
        .await;
        redis.kill();
        let (_, refused) = load.counts();
        load.grant();
        load.until("refusals, and sign-outs without Redis", |told| {
            let more = |kind: Kind| told.refused.get(&kind) > refused.get(&kind);
            let left = told.acknowledged.get(&Kind::Leave) == Some(&(2 * round * LEAVINGS));
            more(Kind::Pay) && more(Kind::Come) && left
        })
        .await;
        redis.start_again();
        load.until("all that was begun", |told| {
            let all = |(kind, acts)| told.acknowledged.get(&kind) == Some(&(2 * round * acts));
            KINDS.into_iter().all(all)
        })
        .await;
    }
    for begin in load.begin.values() {
        begin.close();
    }
    for task in tasks {
        task.await.expect("a client ends");
    }
    let told = std::mem::take(&mut *load.told.lock().expect("the notes"));
    everybody_is_where_they_were_told(&scene, &told).await;
    let made = usize::try_from(number(&scene.desk, payments).await - before).expect("more");
    assert_eq!(made, told.paid.len());
    each_payment_was_made_once(&scene, &payers, &told).await;
}

/// Who pays with their account, and all clients, which wait for what they may begin.
async fn people(
    scene: &Scene,
    load: &Arc<Load>,
) -> (Vec<(Person, String)>, Vec<tokio::task::JoinHandle<()>>) {
    let desk = &scene.desk;
    let teller = desk.operator(Role::Teller).await;
    let payee = desk.customer("Payee").await;
    let to = desk.account(&payee, "INR").await;
    let (mut payers, mut tasks) = (Vec::new(), Vec::new());
    for number in 0..PAYERS {
        let person = desk.customer(&format!("Payer {number}")).await;
        let from = desk.account(&person, "INR").await;
        desk.deposit(&teller, &from, FUNDS, "INR").await;
        let token = person.client.token().expect("a token");
        let clients =
            [0, 1].map(|node| scene.client(node, &format!("192.0.2.{number}")).with_token(token));
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
        tasks.push(tokio::spawn(pay(Arc::clone(load), number, clients, order)));
        payers.push((person, from));
    }
    for number in 0..COMERS {
        let person = desk.customer(&format!("Comer {number}")).await;
        let client = scene.client(number, &format!("198.51.100.{number}"));
        tasks.push(tokio::spawn(come(Arc::clone(load), client, person)));
    }
    for number in 0..LEAVERS {
        let mut person = desk.customer(&format!("Leaver {number}")).await;
        let mut tokens = Vec::new();
        for _ in 0..SESSIONS {
            desk.sign_in(&mut person).await;
            tokens.push(person.client.token().expect("a token").to_owned());
        }
        // The first is the one that nobody ends.
        tokens.rotate_left(1);
        let client = scene.client(number, &format!("203.0.113.{number}"));
        tasks.push(tokio::spawn(leave(Arc::clone(load), client, tokens)));
    }
    (payers, tasks)
}

/// Nobody is in whose sign-out was acknowledged; everybody else is.
async fn everybody_is_where_they_were_told(scene: &Scene, told: &Told) {
    assert_eq!(told.is_out.len(), 2 * ROUNDS * LEAVINGS);
    assert_eq!(told.is_in.len(), 2 * ROUNDS * (COMINGS - LEAVINGS) + LEAVERS * SESSIONS);
    // By then each node has looked at the row of the session again.
    scene.desk.advance(2);
    for node in &scene.nodes {
        for token in &told.is_out {
            let reply = node.client().with_token(token).get("/v1/me").await;
            reply.refused(401, "unauthenticated");
        }
        for token in &told.is_in {
            let _me = node.client().with_token(token).get("/v1/me").await.expect(200);
        }
    }
}

async fn each_payment_was_made_once(scene: &Scene, payers: &[(Person, String)], told: &Told) {
    let ids: HashSet<&String> = told.paid.iter().map(|(.., id)| id).collect();
    assert_eq!((told.paid.len(), ids.len()), (2 * ROUNDS * PAYMENTS, 2 * ROUNDS * PAYMENTS));
    for (number, (person, from)) in payers.iter().enumerate() {
        let own: Vec<_> = told.paid.iter().filter(|(payer, ..)| *payer == number).collect();
        let sent = i64::try_from(own.len()).expect("few");
        assert_eq!(scene.desk.balance(person, from).await[0], FUNDS - sent);
        for (.., id) in own {
            let _made = person.client.get(&format!("/v1/transfers/{id}")).await.expect(200);
        }
    }
}
