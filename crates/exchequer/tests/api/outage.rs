//! The database goes away and comes back, under load: clear 503s, then service; nothing lost.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::json;
use store::{Location, Options};
use testkit::{Reply, TestBank, TestDatabase};

use crate::transfers::Pair;

/// SQLite answers `SQLITE_FULL` past this many pages: a disk that is full.
#[tokio::test]
async fn a_full_disk_is_a_clear_503_and_no_wrong_success() {
    if testkit::database::postgres_address().is_some() {
        return; // PostgreSQL's disk is the server's; `outage` below is its test
    }
    let p = Pair::new().await;
    let set_limit = |pages: &'static str| {
        p.bank.bank().db().write("limit", move |tx| tx.query(pages, &[]).map(|_| ()))
    };
    set_limit("PRAGMA max_page_count = 1").await.expect("no smaller than it is");
    let mut acknowledged = 0;
    let mut refused = 0;
    for n in 0..200 {
        let mut order = p.order(1);
        order["memo"] = json!("m".repeat(140));
        let reply =
            p.asha.client.post_with_key("/v1/transfers", &format!("full-{n}"), &order).await;
        if reply.status == 201 {
            acknowledged += 1;
        } else {
            reply.refused(503, "unavailable");
            assert!(reply.header("retry-after").is_some());
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk never became full");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 10_000 - acknowledged);
    // Space again: every key is sent once more and has exactly one effect.
    set_limit("PRAGMA max_page_count = 1000000").await.expect("space");
    let again = join_all((0..200).map(|n| {
        let p = &p;
        async move {
            let mut order = p.order(1);
            order["memo"] = json!("m".repeat(140));
            p.asha.client.post_with_key("/v1/transfers", &format!("full-{n}"), &order).await
        }
    }))
    .await;
    assert!(again.iter().all(|r| r.status == 201));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 9_800);
}

/// A relay to PostgreSQL that can be cut like a cable.
struct Relay {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (is_cut, streams) = (Arc::clone(&cut), Arc::clone(&open));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is_cut.load(Ordering::SeqCst) {
                    continue; // dropped: connection refused, as good as
                }
                let Ok(upstream) = TcpStream::connect(&server) else { continue };
                let both = [client, upstream];
                let mut kept = streams.lock().expect("the list of streams");
                for (from, to) in [(0, 1), (1, 0)] {
                    let mut source = both[from].try_clone().expect("a handle");
                    let mut sink = both[to].try_clone().expect("a handle");
                    kept.push(both[from].try_clone().expect("a handle"));
                    std::thread::spawn(move || {
                        // An error is the cut itself; both ends are closed then.
                        let _copied = std::io::copy(&mut source, &mut sink);
                        let _closed = sink.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { address, cut, open }
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("the list of streams").drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

/// The test's database behind a relay.
fn behind_relay() -> Option<(TestDatabase, Relay)> {
    testkit::database::postgres_address()?;
    let mut database = TestDatabase::new();
    let Location::Postgres { url } = database.options().location.clone() else { return None };
    let rest = url.split_once('@').map_or(&*url, |(_, rest)| rest);
    let server = rest.split('/').next().expect("host and port").to_owned();
    let relay = Relay::to(server.clone());
    let url = url.replacen(&server, &relay.address.to_string(), 1);
    let location = Location::Postgres { url };
    database.set_options(Options { location, ..database.options().clone() });
    Some((database, relay))
}

#[tokio::test]
async fn postgresql_is_cut_off_under_load_and_comes_back() {
    let Some((database, relay)) = behind_relay() else {
        println!("skipped: no PostgreSQL was given");
        return;
    };
    let bank = TestBank::on(database, |_| {}).await;
    let teller = bank.operator(Role::Teller).await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let from = bank.account(&asha, "INR").await;
    let to = bank.account(&bela, "INR").await;
    bank.deposit(&teller, &from, 10_000, "INR").await;
    let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
    let mut acknowledged: HashMap<String, Reply> = HashMap::new();
    let mut failed = 0;
    for round in 0..6 {
        let sends =
            join_all((0..20).map(|n| {
                let (asha, order, key) = (&asha, &order, format!("cut-{round}-{n}"));
                async move {
                    (key.clone(), asha.client.post_with_key("/v1/transfers", &key, order).await)
                }
            }));
        let disturb = async {
            if round % 2 == 1 {
                relay.cut();
            }
        };
        let (replies, ()) = tokio::join!(sends, disturb);
        for (key, reply) in replies {
            if reply.status == 201 {
                acknowledged.insert(key, reply);
            } else {
                reply.refused(503, "unavailable");
                failed += 1;
            }
        }
        relay.mend();
    }
    assert!(failed > 0, "the cut was never felt");
    // Retries with the same keys end with exactly these transfers, each once.
    for round in 0..6 {
        for n in 0..20 {
            let key = format!("cut-{round}-{n}");
            let reply =
                until_served(|| asha.client.post_with_key("/v1/transfers", &key, &order)).await;
            if let Some(first) = acknowledged.get(&key) {
                assert_eq!(first.body, reply.body, "{key}");
            }
        }
    }
    assert_eq!(bank.balance(&asha, &from).await[0], 10_000 - 120);
}

/// Repeats a request that is answered 503, a bounded number of times: each of the pool's connections
/// may have to find out by itself that its server is gone.
async fn until_served<F: Future<Output = Reply>>(request: impl Fn() -> F) -> Reply {
    for _ in 0..20 {
        let reply = request().await;
        if reply.status == 201 {
            return reply;
        }
        reply.refused(503, "unavailable");
    }
    panic!("the bank did not come back")
}
