//! PostgreSQL itself is stopped and started under load: clear 503s, then service; nothing lost, nothing
//! doubled.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::bank::Person;
use testkit::postgres::{PostgresServer, Stop};
use testkit::{Reply, TestBank, TestDatabase};
use tokio::sync::Notify;

const CLIENTS: usize = 8;
/// Answers of a kind that are waited for before the next disturbance.
const ENOUGH: usize = 40;
const PATIENCE: Duration = Duration::from_mins(1);
const FUNDS: i64 = 10_000_000;

/// What the clients were told.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<HashMap<String, Reply>>,
    refused: Mutex<usize>,
    changed: Notify,
}

impl Told {
    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().expect("the notes").len()
    }

    fn refused(&self) -> usize {
        *self.refused.lock().expect("the notes")
    }

    async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so() {
                return;
            }
            tokio::time::timeout(PATIENCE, changed).await.unwrap_or_else(|_| panic!("{what}"));
        }
    }
}

/// Sends one transfer after the other, each until it is acknowledged, until it is told to stop.
async fn client(number: usize, payer: &Person, order: &Value, told: &Told, stop: &Mutex<bool>) {
    for n in 0.. {
        let key = format!("restart-{number}-{n}");
        loop {
            let reply = payer.client.post_with_key("/v1/transfers", &key, order).await;
            let done = reply.status == 201;
            if done {
                told.acknowledged.lock().expect("the notes").insert(key.clone(), reply);
            } else {
                reply.refused(503, "unavailable");
                assert!(reply.header("retry-after").is_some());
                *told.refused.lock().expect("the notes") += 1;
            }
            told.changed.notify_waiters();
            if done {
                break;
            }
        }
        if *stop.lock().expect("the order") {
            return;
        }
    }
}

/// Away from the clients' thread: they go on asking meanwhile.
async fn disturb(
    server: PostgresServer,
    how: impl FnOnce(&mut PostgresServer) + Send + 'static,
) -> PostgresServer {
    let mut server = server;
    let task = tokio::task::spawn_blocking(move || {
        how(&mut server);
        server
    });
    task.await.expect("the server does as told")
}

#[tokio::test]
async fn postgresql_is_stopped_and_crashes_under_load_and_comes_back() {
    let Some(mut server) = PostgresServer::start_own() else {
        println!("skipped: not on PostgreSQL, or its programs are not here");
        return;
    };
    let bank = TestBank::on(TestDatabase::on_server(&server.url()), |_| {}).await;
    let teller = bank.operator(Role::Teller).await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let from = bank.account(&asha, "INR").await;
    let to = bank.account(&bela, "INR").await;
    bank.deposit(&teller, &from, FUNDS, "INR").await;
    let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" });
    let (told, stop) = (Told::default(), Mutex::new(false));

    let clients = join_all((0..CLIENTS).map(|n| client(n, &asha, &order, &told, &stop)));
    let disturbances = async {
        for how in [Stop::Fast, Stop::Immediate, Stop::Fast, Stop::Immediate] {
            let served = told.acknowledged() + ENOUGH;
            told.until("it serves", || told.acknowledged() >= served).await;
            server = disturb(server, move |server| server.stop(how)).await;
            // The server is gone now, so whatever is asked from here on is refused.
            let refused = told.refused() + ENOUGH;
            told.until("it refuses", || told.refused() >= refused).await;
            server = disturb(server, PostgresServer::start).await;
        }
        let served = told.acknowledged() + ENOUGH;
        told.until("it serves again", || told.acknowledged() >= served).await;
        *stop.lock().expect("the order") = true;
        server
    };
    let (_, server) = tokio::join!(clients, disturbances);

    let acknowledged = told.acknowledged.into_inner().expect("the notes");
    let count = i64::try_from(acknowledged.len()).expect("a count");
    println!(
        "{count} transfers acknowledged, {} answers of 503",
        told.refused.into_inner().expect("the notes")
    );
    assert_eq!(bank.balance(&asha, &from).await[0], FUNDS - count, "each once");
    for (key, first) in &acknowledged {
        let again = asha.client.post_with_key("/v1/transfers", key, &order).await.expect(201);
        assert_eq!(again.body, first.body, "{key}");
    }
    assert_eq!(bank.balance(&asha, &from).await[0], FUNDS - count, "a repetition has no effect");
    drop(bank); // verifies the books, so the server must still be there
    drop(server);
}
