//! What jobs do, on three processes that all have it to do: each event of a merchant goes out, where no node dies it goes
//! out once, and where one dies with events in hand they go out again; each charge whose answer was lost is concluded once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use store::{Db, DbError, Location, Options};
use testkit::process::Server;
use testkit::receiver::Answer;
use testkit::redis::PrivateRedis;
use testkit::{Receiver, Signer};
use tokio::time::Instant;

use crate::scene::{BINARY, Scene};

const NODES: usize = 3;
const PAYMENTS: usize = 45;
/// Made well within the time that a receiver may be silent.
const FEW: usize = 3;
const GATEWAY_SECRET: &str = "a secret of bank and gateway";
/// A charge whose answer is lost: it stays `processing` until a job asks.
const LOST_ANSWER: &str = "4000000000001000";
const PLAIN: &str = "4242424242424242";
/// Far longer than a lost answer is asked for.
const PATIENCE: Duration = Duration::from_mins(2);
const PACE: Duration = Duration::from_millis(200);

struct Shop {
    scene: Scene,
    redis: PrivateRedis,
    gateway: Server,
    merchant: Signer,
}

impl Shop {
    fn new() -> Option<Self> {
        let redis = PrivateRedis::start()?;
        let scene = Scene::new()?;
        let demo = scene.demo();
        let merchant = Signer::of_demo(&demo);
        assert!(demo.terminate().success());
        let moved = scene.move_bank(&[]);
        assert!(moved.status.success(), "{moved:?}");
        let journal = scene.data().join("journal").to_string_lossy().into_owned();
        let arguments = ["sandbox-gateway", "--listen", "127.0.0.1:0", "--journal", &journal];
        let environment = [("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET)];
        let gateway = Server::start(BINARY.as_ref(), &arguments, &environment);
        Some(Self { scene, redis, gateway, merchant })
    }

    fn node(&self) -> Server {
        let url = format!("http://{}", self.gateway.address());
        let settings = [
            ("EXCHEQUER_SANDBOX_URL", &*url),
            ("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET),
            ("EXCHEQUER_WEBHOOK_PRIVATE_TARGETS", "true"),
        ];
        self.scene.node_with(&self.redis.url(), &settings)
    }

    fn card(&self, node: &Server, number: &str) -> Value {
        let card = json!({ "number": number, "exp_month": 12, "exp_year": 2040 });
        self.merchant.post(node, "/v1/cards", number, &card)["id"].clone()
    }

    /// Every third of them is one whose answer is lost.
    fn pay(&self, nodes: &[Server], cards: &[Value; 2], (round, count): (&str, usize)) {
        for n in 0..count {
            let card = &cards[usize::from(n % 3 == 0)];
            self.pay_once(&nodes[n % nodes.len()], card, &format!("{round}-{n}"));
        }
    }

    fn pay_once(&self, node: &Server, card: &Value, key: &str) {
        let order =
            json!({ "amount": 100, "currency": "INR", "card": card, "capture": "automatic" });
        self.merchant.post(node, "/v1/payments", key, &order);
    }

    /// How many payments there are, once none is processing.
    fn settled(&self, node: &Server) -> usize {
        let since = Instant::now();
        loop {
            let mut all: Vec<Value> = Vec::new();
            let mut path = "/v1/payments?limit=100".to_owned();
            loop {
                let page = self.merchant.get(node, &path);
                all.extend(page["data"].as_array().expect("payments").iter().cloned());
                let Some(next) = page["next_cursor"].as_str() else { break };
                path = format!("/v1/payments?limit=100&cursor={next}");
            }
            if all.iter().all(|payment| payment["status"] != "processing") {
                return all.iter().filter(|payment| payment["status"] == "succeeded").count();
            }
            assert!(since.elapsed() < PATIENCE, "payments are processing: {all:?}");
            std::thread::sleep(PACE);
        }
    }

    /// Numbers of all events so far, in their order.
    fn sequence(&self, node: &Server) -> Vec<i64> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.merchant.get(node, &format!("/v1/events?after={after}&limit=100"));
            let numbers: Vec<i64> = page["data"]
                .as_array()
                .expect("events")
                .iter()
                .map(|event| event["sequence"].as_i64().expect("a number"))
                .collect();
            let Some(last) = numbers.last() else { return all };
            after = *last;
            all.extend(numbers);
        }
    }
}

/// How often each event arrived, once all that are wanted have.
fn arrived(receiver: &Receiver, wanted: &BTreeSet<i64>, counts: &mut BTreeMap<i64, usize>) {
    let since = Instant::now();
    loop {
        for received in receiver.take() {
            let number = received.json()["sequence"].as_i64().expect("a number");
            *counts.entry(number).or_default() += 1;
        }
        let missing: Vec<&i64> = wanted.iter().filter(|n| !counts.contains_key(n)).collect();
        if missing.is_empty() {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "events that never came: {missing:?}");
        std::thread::sleep(PACE);
    }
}

/// Those behind the first so many.
fn after(before: usize, numbers: &[i64]) -> BTreeSet<i64> {
    numbers[before..].iter().copied().collect()
}

/// As if the time had passed for which a node has an endpoint in hand.
async fn age(scene: &Scene) {
    let options =
        Options { require_durable: false, ..Options::new(Location::Postgres { url: scene.url() }) };
    let db = Db::open(&options).expect("the server");
    let aged: Result<u64, DbError> = db
        .write("test", |tx| {
            let sql = "UPDATE webhook_endpoints SET leased_until = 0 WHERE leased_until > 0";
            tx.execute(sql, &[])
        })
        .await;
    assert_eq!(aged.expect("a row"), 1, "nobody had the endpoint in hand");
    db.close();
}

#[test]
fn three_processes_send_each_event_once_and_lose_none_when_one_is_killed() {
    let Some(shop) = Shop::new() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let receiver = runtime.block_on(Receiver::new());
    let nodes: Vec<Server> = (0..NODES).map(|_| shop.node()).collect();
    let before = shop.sequence(&nodes[0]).len();
    let endpoint = json!({ "url": receiver.url(), "events": ["payment.*"] });
    shop.merchant.post(&nodes[0], "/v1/webhook_endpoints", "endpoint", &endpoint);
    let cards = [shop.card(&nodes[1], PLAIN), shop.card(&nodes[2], LOST_ANSWER)];
    let paid = shop.settled(&nodes[0]);

    shop.pay(&nodes, &cards, ("well", PAYMENTS));
    assert_eq!(shop.settled(&nodes[1]), paid + PAYMENTS);
    let first = after(before, &shop.sequence(&nodes[2]));
    assert!(first.len() > PAYMENTS, "{} events of {PAYMENTS} payments", first.len());
    let mut counts = BTreeMap::new();
    arrived(&receiver, &first, &mut counts);
    // One more goes out in a later turn: who would have sent the others again has had theirs.
    shop.pay_once(&nodes[0], &cards[0], "later");
    let all = after(before, &shop.sequence(&nodes[1]));
    arrived(&receiver, &all, &mut counts);
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "sent more than once by nodes that live: {doubled:?}");

    // Whichever node has the endpoint in hand dies, with events on their way that nobody has confirmed.
    receiver.answer(Answer::Silence);
    shop.pay(&nodes, &cards, ("killed", FEW));
    runtime.block_on(receiver.wait());
    for node in nodes {
        node.kill();
    }
    drop(receiver.take());
    receiver.answer(Answer::Status(204));
    runtime.block_on(age(&shop.scene));
    let nodes: Vec<Server> = (1..NODES).map(|_| shop.node()).collect();
    assert_eq!(shop.settled(&nodes[0]), paid + PAYMENTS + 1 + FEW);
    let numbers = shop.sequence(&nodes[1]);
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>(), "a gap in the sequence");
    arrived(&receiver, &after(before, &numbers), &mut counts);
    println!("{} events, {} arrivals", numbers.len() - before, counts.values().sum::<usize>());

    for node in nodes {
        assert!(node.terminate().success());
    }
    assert!(shop.gateway.terminate().success());
    shop.scene.verified();
}
