//! The shipped binary, killed at every point between a merchant's request and its answer, beside a gateway
//! that lives on: one charge or none, and the final state says which.
//!
//! `EXCHEQUER_TEST_PAYMENT_KILLS` says how often at each point (1). Points inside the bank are named by
//! verb and statement (`store::fault`); those at the gateway are its knobs and a kill from outside. Traffic goes
//! to loopback only; every process is stopped by its own id.

mod scene;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use money::Rng;
use serde_json::{Value, json};
use store::{Db, DbError, Location, Options};
use testkit::process::{HttpReply, HttpRequest, Server};

use self::scene::{BINARY, GATEWAY_SECRET, Scene};

const PAYMENTS: &str = "/v1/payments";
const AMOUNT: i64 = 10_000;

/// What a merchant asks for; the first makes a payment, the others are of one.
const ACTS: [&str; 4] = ["create", "capture", "cancel", "refunds"];

/// Where the bank dies.
#[derive(Debug)]
enum Point {
    /// In the process, at a statement of a verb or at its end.
    Inside(String),
    /// From outside, while the gateway is as these knobs say.
    Outside(Value, Duration),
}

/// A request, and what came back before the bank was gone.
struct Sent {
    point: String,
    path: String,
    key: String,
    body: Value,
    answer: Option<HttpReply>,
}

fn order(card: &str, capture: &str) -> Value {
    json!({ "amount": AMOUNT, "currency": "INR", "card": card, "capture": capture })
}

/// The points of one act, with the statements of this round drawn.
fn points(act: &str, rng: &Rng) -> Vec<Point> {
    let verb = if act == "refunds" { "refund" } else { act };
    let mut points = Vec::new();
    for (verb, statements) in [(verb, 12), ("conclude", 12), ("answer", 4)] {
        points.push(Point::Inside(format!("payments.{verb}@{}", 1 + rng.below(statements))));
        points.push(Point::Inside(format!("payments.{verb}@end")));
    }
    let moment =
        |least: u32, spread: u32| Duration::from_millis((least + rng.below(spread)).into());
    // On its way; decided, and the answer hangs; lost on the way; no matter where.
    points.push(Point::Outside(json!({ "slow_ms": 400 }), moment(50, 200)));
    points.push(Point::Outside(json!({ "hang_per_mille": 1000 }), moment(50, 200)));
    points.push(Point::Outside(json!({ "drop_request_per_mille": 1000 }), moment(20, 100)));
    points.push(Point::Outside(json!({}), moment(0, 40)));
    points
}

/// Payments that acts can be of, each for one.
fn prepare(scene: &Scene, kills: u64) -> (String, HashMap<&'static str, Vec<String>>) {
    let bank = scene.start(None);
    let card = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2040 });
    let card =
        scene.merchant.post(&bank, "/v1/cards", "card", &card)["id"].as_str().expect("").to_owned();
    let count = kills * points("create", &Rng::seeded(0)).len() as u64;
    let mut ready: HashMap<&str, Vec<String>> = HashMap::new();
    for act in &ACTS[1..] {
        let capture = if *act == "refunds" { "automatic" } else { "manual" };
        for n in 0..count {
            let key = format!("ready-{act}-{n}");
            let made = scene.merchant.post(&bank, PAYMENTS, &key, &order(&card, capture));
            let id = made["id"].as_str().expect("an id").to_owned();
            ready.entry(act).or_default().push(format!("{PAYMENTS}/{id}/{act}"));
        }
    }
    assert!(bank.terminate().success());
    (card, ready)
}

fn killer(id: u32, moment: Duration) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        std::thread::sleep(moment);
        let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        assert!(killed.expect("kill(1)").success());
    })
}

/// Sends one request to a bank that dies at a point.
fn kill_at(scene: &Scene, point: &Point, mut sent: Sent) -> Sent {
    let (die_at, knobs, moment) = match point {
        Point::Inside(at) => (Some(at.as_str()), json!({}), None),
        Point::Outside(knobs, moment) => (None, knobs.clone(), Some(*moment)),
    };
    scene.knobs(&knobs);
    let bank = scene.start(die_at);
    let killer = moment.map(|moment| killer(bank.id(), moment));
    let (path, key) = (sent.path.clone(), sent.key.clone());
    sent.answer = scene.merchant.send(&bank, ("POST", &path), (&key, Some(&sent.body))).ok();
    if let Some(killer) = killer {
        killer.join().expect("the killer ends");
    }
    // Where its transaction has fewer statements it lives, and dies now.
    bank.kill();
    sent
}

/// As if the bank had been gone for a minute: the gateway may be asked, and what never arrived be given up.
async fn age(data: &Path) {
    let path = data.join("bank.db");
    let options = Options { require_durable: false, ..Options::new(Location::Sqlite { path }) };
    let db = Db::open(&options).expect("the database opens");
    let aged: Result<u64, DbError> = db
        .write("test", |tx| {
            tx.execute(
                "UPDATE payment_steps SET created_at = created_at - 60000000, \
                 ask_at = ask_at - 60000000 WHERE ask_at IS NOT NULL",
                &[],
            )
        })
        .await;
    let _steps = aged.expect("steps age");
    db.close();
}

#[tokio::test]
async fn wherever_the_bank_dies_there_is_one_charge_or_none_and_it_knows_which() {
    let kills = std::env::var("EXCHEQUER_TEST_PAYMENT_KILLS");
    let kills: u64 = kills.ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let scene = Scene::new();
    let (card, mut ready) = prepare(&scene, kills);
    let mut sent = Vec::new();
    for round in 0..kills {
        for act in ACTS {
            for (n, point) in points(act, &Rng::seeded(round)).into_iter().enumerate() {
                let (path, body) = match act {
                    "create" => (PAYMENTS.to_owned(), order(&card, "automatic")),
                    "refunds" => (take(&mut ready, act), json!({ "amount": 4_000 })),
                    _ => (take(&mut ready, act), json!({})),
                };
                let key = format!("kill-{round}-{act}-{n}");
                let name = format!("{act} {point:?}");
                let request = Sent { point: name, path, key, body, answer: None };
                sent.push(kill_at(&scene, &point, request));
            }
        }
    }
    scene.knobs(&json!({}));
    age(&scene.data()).await;
    let bank = scene.start(None);
    let count = compare(&scene, &bank);
    assert!(bank.terminate().success());
    // Few requests each: what counts them against limits begins anew with the process.
    for sent in sent.chunks(4) {
        let bank = scene.start(None);
        for sent in sent {
            check(&scene, &bank, sent);
        }
        assert!(bank.terminate().success());
    }
    // What never began before was begun now.
    let bank = scene.start(None);
    let again = compare(&scene, &bank);
    assert!(bank.terminate().success());
    verify(&scene.data());
    let answered = sent.iter().filter(|sent| sent.answer.is_some()).count();
    println!("{} kills, {answered} answered before", sent.len());
    println!("{count} payments as at the gateway, {again} after repeating");
    assert!(answered * 2 < sent.len(), "most kills are no kills: {answered} of {}", sent.len());
}

fn take(ready: &mut HashMap<&'static str, Vec<String>>, act: &str) -> String {
    ready.get_mut(act).and_then(Vec::pop).expect("a payment for each kill")
}

/// The same request again, until it is answered; then a second time, which changes nothing.
fn check(scene: &Scene, bank: &Server, sent: &Sent) {
    let again = || {
        let request = (("POST", &*sent.path), (&*sent.key, Some(&sent.body)));
        scene.merchant.send(bank, request.0, request.1).expect("the bank is up")
    };
    let mut reply = again();
    for _ in 0..600 {
        if reply.status != 409 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        reply = again();
    }
    assert!(reply.status < 300, "{}: {}", sent.point, String::from_utf8_lossy(&reply.body));
    if let Some(first) = &sent.answer {
        assert_eq!((first.status, &first.body), (reply.status, &reply.body), "{}", sent.point);
    }
    let third = again();
    assert!(third.replayed, "{}", sent.point);
    assert_eq!((third.status, &third.body), (reply.status, &reply.body), "{}", sent.point);
}

/// Every payment beside its charge, once nothing is processing any more; gives how many there are.
fn compare(scene: &Scene, bank: &Server) -> usize {
    let mut charges = HashMap::new();
    let request = HttpRequest {
        method: "GET",
        path: "/v1/charges",
        token: Some(GATEWAY_SECRET),
        ..HttpRequest::default()
    };
    let ours = settled(scene, bank);
    let reply = scene.gateway.client().send(&request).expect("the gateway answers");
    for charge in reply.json()["data"].as_array().expect("charges") {
        charges.insert(charge["payment"].as_str().expect("an id").to_owned(), charge.clone());
    }
    for payment in &ours {
        let id = payment["id"].as_str().expect("an id");
        let status = payment["status"].as_str().expect("a status");
        let Some(charge) = charges.remove(id) else {
            assert_eq!((status, &payment["captured"]), ("declined", &json!(0)), "{id}: no charge");
            continue;
        };
        let (open, captured) = (&charge["open"], &charge["captured"]);
        let is_right = match status {
            "authorized" => *open == json!(true),
            "succeeded" => *open == json!(false) && *captured != json!(0),
            "canceled" => *open == json!(false) && *captured == json!(0),
            _ => false,
        };
        assert!(is_right, "{payment} {charge}");
        assert_eq!(payment["captured"], *captured, "{payment} {charge}");
        assert_eq!(payment["refunded"], charge["refunded"], "{payment} {charge}");
    }
    assert!(charges.is_empty(), "charges of nobody: {charges:?}");
    ours.len()
}

/// All payments, when each is known.
fn settled(scene: &Scene, bank: &Server) -> Vec<Value> {
    for _ in 0..700 {
        let mut all = Vec::new();
        let mut path = format!("{PAYMENTS}?limit=100");
        loop {
            let page = scene.merchant.get(bank, &path);
            all.extend(page["data"].as_array().expect("payments").clone());
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("{PAYMENTS}?limit=100&cursor={next}");
        }
        let mut is_known = all.iter().all(|payment| payment["status"] != "processing");
        for payment in all.iter().filter(|payment| payment["captured"] != json!(0)) {
            if !is_known {
                break;
            }
            let id = payment["id"].as_str().expect("an id");
            let refunds = scene.merchant.get(bank, &format!("{PAYMENTS}/{id}/refunds"));
            let refunds = refunds["data"].as_array().expect("refunds").clone();
            is_known = refunds.iter().all(|refund| refund["status"] != "processing");
        }
        if is_known {
            return all;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("something is processing after a minute");
}

fn verify(data: &Path) {
    let output = Command::new(BINARY)
        .args(["verify", "--json", "--data"])
        .arg(data)
        .env_clear()
        .output()
        .expect("verify runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
}
