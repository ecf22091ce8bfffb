//! Three or four processes on one PostgreSQL and one Redis: one bank, also while each of them is started anew.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use store::{Db, DbError, Location, Options};
use testkit::process::{HttpReply, Server};
use testkit::redis::PrivateRedis;
use tokio::time::Instant;

use crate::scene::{Payer, Scene, parse};

const NODES: usize = 3;
const CLIENTS: usize = 6;
/// Requests of each client while nodes are started anew: less than the limit of a customer's payments.
const REQUESTS: usize = 30;
/// Payments that one customer may send in a minute (docs/api.md, rate limits).
const PAYMENTS_A_MINUTE: usize = 100;
/// Tries of one request, over all nodes, before it is lost.
const TRIES: usize = 400;
const PACE: Duration = Duration::from_millis(300);
/// Revocation is felt on every node within this (docs/operating.md).
const REVOKED_WITHIN: Duration = Duration::from_secs(1);

struct Bank {
    scene: Scene,
    redis: PrivateRedis,
    nodes: Vec<Server>,
}

impl Bank {
    fn new() -> Option<Self> {
        Self::of(NODES)
    }

    fn of(nodes: usize) -> Option<Self> {
        let redis = PrivateRedis::start()?;
        let scene = Scene::moved()?;
        let nodes = (0..nodes).map(|_| scene.node(&redis.url())).collect();
        Some(Self { scene, redis, nodes })
    }

    fn payers(&self) -> &[Payer] {
        &self.scene.payers
    }

    fn transfer(&self, from: usize, amount: i64) -> Value {
        let to = (from + 1) % self.payers().len();
        json!({
            "from": self.payers()[from].account, "to": self.payers()[to].account,
            "amount": amount, "currency": "INR",
        })
    }

    fn close(self) -> Value {
        for node in self.nodes {
            assert!(node.terminate().success());
        }
        self.scene.verified()
    }
}

/// Sends until somebody answers for good, each time to the next node.
fn insist(
    addresses: &RwLock<Vec<String>>,
    first: usize,
    (token, key, body): (&str, &str, &Value),
) -> HttpReply {
    for n in 0..TRIES {
        let address = {
            let addresses = addresses.read().expect("the nodes");
            addresses[(first + n) % addresses.len()].clone()
        };
        let mut client = testkit::process::HttpClient::to(&address);
        match client.post("/v1/transfers", Some(token), Some(key), body) {
            Ok(reply) if reply.status < 500 && ![409, 429].contains(&reply.status) => return reply,
            // A node that is going away, or a key that another node has in hand.
            Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    panic!("{key} is never answered");
}

fn addresses(nodes: &[Server]) -> RwLock<Vec<String>> {
    RwLock::new(nodes.iter().map(|node| node.address().to_owned()).collect())
}

#[test]
fn three_nodes_are_one_bank() {
    let Some(bank) = Bank::new() else { return };
    let nodes = addresses(&bank.nodes);
    // The same request at two nodes at once: one effect, one answer.
    let payer = &bank.payers()[0];
    for n in 0..20 {
        let (key, body) = (format!("both-{n}"), bank.transfer(0, 1));
        let at = |first| insist(&nodes, first, (&payer.token, &key, &body));
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(|| at(n + 1));
            (at(n), other.join().expect("an answer"))
        });
        assert_eq!((one.status, &one.body), (other.status, &other.body), "{key}");
        assert!(one.status == 201 && (one.replayed || other.replayed), "{key}: {one:?} {other:?}");
    }
    // All that somebody has, wanted at all nodes at once: what is there is sent, and not a paisa more.
    let payer = &bank.payers()[1];
    let (part, left) = (payer.balance / 20, Mutex::new(HashMap::<u16, i64>::new()));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (bank, nodes, left) = (&bank, &nodes, &left);
            scope.spawn(move || {
                for n in 0..8 {
                    let (key, body) = (format!("all-{client}-{n}"), bank.transfer(1, part));
                    let reply = insist(nodes, client, (&payer.token, &key, &body));
                    *left.lock().expect("counts").entry(reply.status).or_default() += 1;
                }
            });
        }
    });
    let counts = left.into_inner().expect("counts");
    let sent = (payer.balance + 20) / part;
    assert!([sent, payer.balance / part].contains(&counts[&201]), "{counts:?} of {sent}");
    assert_eq!(counts[&201] + counts[&422], 48, "{counts:?}");
    revoked_everywhere(&bank);
    let summary = bank.close();
    assert!(summary["transfers"].as_u64() > Some(20), "{summary}");
}

/// Who signs out at one node is nobody at the others, at once or a second later.
fn revoked_everywhere(bank: &Bank) {
    let token = Some(&*bank.payers()[0].token);
    for node in &bank.nodes {
        assert_eq!(node.client().get("/v1/accounts", token).expect("an answer").status, 200);
    }
    let signed_out = bank.nodes[0].client().post("/v1/auth/logout", token, None, &json!({}));
    assert_eq!(signed_out.expect("an answer").status, 204);
    let since = Instant::now();
    for node in &bank.nodes {
        let mut client = node.client();
        while client.get("/v1/accounts", token).expect("an answer").status != 401 {
            assert!(since.elapsed() < REVOKED_WITHIN, "a session that ended is served");
        }
    }
}

#[test]
fn nodes_are_started_anew_one_by_one_and_no_request_is_lost() {
    let Some(mut bank) = Bank::new() else { return };
    let before = bank.scene.verified()["transfers"].as_u64().expect("a count");
    let nodes = addresses(&bank.nodes);
    let (over, answered) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let (scene, redis, running) = (&bank.scene, bank.redis.url(), &mut bank.nodes);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (nodes, over, answered) = (&nodes, &over, &answered);
            scope.spawn(move || {
                for n in 0..REQUESTS {
                    let from = client % 2;
                    let payers = &scene.payers;
                    let body = json!({
                        "from": payers[from].account, "to": payers[1 - from].account,
                        "amount": 1, "currency": "INR",
                    });
                    let key = format!("rolling-{client}-{n}");
                    let reply = insist(nodes, client, (&payers[from].token, &key, &body));
                    assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
                    answered.lock().expect("answers").push(parse(&reply)["id"].clone());
                    // So that the load is there until the last node is new; then as fast as it goes.
                    if !over.load(Ordering::Relaxed) {
                        std::thread::sleep(PACE);
                    }
                }
            });
        }
        for (place, node) in running.iter_mut().enumerate() {
            let old = std::mem::replace(node, scene.node(&redis));
            nodes.write().expect("the nodes")[place] = node.address().to_owned();
            assert!(old.terminate().success());
        }
        over.store(true, Ordering::Relaxed);
    });
    let answered = answered.into_inner().expect("answers");
    let distinct: std::collections::HashSet<String> =
        answered.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), answered.len(), "two requests had one transfer");
    println!("{} requests while three nodes were started anew", answered.len());
    let summary = bank.close();
    let after = summary["transfers"].as_u64().expect("a count");
    assert_eq!(after - before, u64::try_from(answered.len()).expect("few"), "{summary}");
}

#[test]
fn a_limit_is_one_limit_on_four_nodes() {
    let Some(bank) = Bank::of(4) else { return };
    let sent = 2 * PAYMENTS_A_MINUTE;
    // A machine that is busy may take longer than the window, in which the first of them may be sent again: then it
    // says nothing, and the next customer, who has sent nothing, tries.
    for from in 0..bank.payers().len() {
        let (counts, took) = storm(&bank, from, sent / bank.nodes.len());
        assert_eq!(counts.values().sum::<usize>(), sent, "{counts:?}");
        if took < Duration::from_mins(1) {
            let expected = [(201, PAYMENTS_A_MINUTE), (429, sent - PAYMENTS_A_MINUTE)];
            assert_eq!(counts, HashMap::from(expected), "customer {from}");
            bank.close();
            return;
        }
        println!("customer {from} took {took:?}");
    }
    panic!("no customer sent all within the window");
}

/// Payments of one customer through all nodes at once, `each` of them at each node: how many had which answer, and from
/// before the first to behind the last of them.
fn storm(bank: &Bank, from: usize, each: usize) -> (HashMap<u16, usize>, Duration) {
    let counts = Mutex::new(HashMap::new());
    let token = Some(&*bank.payers()[from].token);
    let since = Instant::now();
    std::thread::scope(|scope| {
        for (place, node) in bank.nodes.iter().enumerate() {
            // Two connections to each node, so that it counts beside itself too.
            for half in 0..2 {
                let (bank, counts) = (&bank, &counts);
                scope.spawn(move || {
                    let mut http = node.client();
                    for n in (half..each).step_by(2) {
                        let key = format!("limit-{place}-{n}");
                        let body = bank.transfer(from, 1);
                        let reply = http.post("/v1/transfers", token, Some(&key), &body);
                        let status = reply.expect("an answer").status;
                        *counts.lock().expect("counts").entry(status).or_default() += 1;
                    }
                });
            }
        }
    });
    (counts.into_inner().expect("counts"), since.elapsed())
}

#[test]
fn a_node_serves_on_beside_a_newer_schema_and_does_not_start_on_it() {
    let Some(bank) = Bank::new() else { return };
    let options = Options {
        require_durable: false,
        ..Options::new(Location::Postgres { url: bank.scene.url() })
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let db = Db::open(&options).expect("the server");
    let next: Result<u64, DbError> = runtime.block_on(db.write("test", |tx| {
        tx.execute(
            "INSERT INTO schema_migrations VALUES (9000, '9000_of_the_next_version', 'x', 0)",
            &[],
        )
    }));
    assert_eq!(next.expect("a row"), 1);
    let nodes = addresses(&bank.nodes);
    let body = bank.transfer(0, 1);
    let reply = insist(&nodes, 0, (&bank.payers()[0].token, "beside", &body));
    assert_eq!(reply.status, 201);
    let settings = bank.scene.settings();
    let there: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let refused = bank.scene.run(&["serve"], &there);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("does not know"), "{said}");
    let undone: Result<u64, DbError> =
        runtime.block_on(db.write("test", |tx| {
            tx.execute("DELETE FROM schema_migrations WHERE version = 9000", &[])
        }));
    assert_eq!(undone.expect("a row"), 1);
    db.close();
    bank.close();
}
