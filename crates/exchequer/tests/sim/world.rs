//! The bank that every seed begins with: made once for each process, then copied in memory.

use std::sync::{Mutex, OnceLock};

use exchequer::config::Config;
use exchequer::keys;
use exchequer::staff::model::Role;
use money::{Clock, Timestamp};
use serde_json::json;
use store::stepped::Disk;
use testkit::{Shop, TestBank, TestDatabase};
use vault::WrappedKey;

/// Customers, each with one account.
pub const CUSTOMERS: usize = 3;
/// What each begins with, in paise: little enough that it runs out.
const FIRST_MONEY: i64 = 30_000;
/// Between the making of the bank and the first step: passwords are old, counters of a day are empty.
const REST_SECONDS: i64 = 3 * 86_400;

/// What a seed gets a copy of.
#[derive(Clone)]
pub struct World {
    pub config: Config,
    pub keys: Vec<WrappedKey>,
    pub start: Timestamp,
    pub customers: Vec<Holder>,
    pub shop: Shop,
    pub cards: Vec<String>,
}

/// A customer who is signed in.
#[derive(Clone)]
pub struct Holder {
    pub token: String,
    pub account: String,
}

/// A fresh copy of the bank.
pub fn fresh() -> (World, Disk) {
    static TEMPLATE: OnceLock<Mutex<(World, Disk)>> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        // A runtime of its own: nothing of the template's lives on in a run.
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(make())
        });
        Mutex::new(made.join().expect("the first bank is made"))
    });
    let template = template.lock().expect("nobody spoils the first bank");
    (template.0.clone(), template.1.copy().expect("memory for a disk"))
}

/// Rules that are about time spent or amounts step aside; those of money and of once stay.
fn relax(config: &mut Config) {
    let long = 400 * 86_400;
    config.http.request_timeout_seconds = 3_600;
    config.tokens.access_seconds = long;
    config.sessions.idle_seconds = long;
    config.sessions.absolute_seconds = long;
    config.step_up.amount = 1_000_000_000;
    config.step_up.day_total = 1_000_000_000;
    config.cards.reveals_per_hour = u32::MAX;
}

async fn make() -> (World, Disk) {
    let clock: Clock = TestBank::clock_in_hand();
    let bank = TestBank::at(TestDatabase::sqlite(), clock, relax).await;
    let teller = bank.operator(Role::Teller).await;
    let mut customers = Vec::new();
    for n in 0..CUSTOMERS {
        let person = bank.customer(&format!("Person {n}")).await;
        let account = bank.account(&person, "INR").await;
        bank.deposit(&teller, &account, FIRST_MONEY, "INR").await;
        let token = person.client.token().expect("signed in").to_owned();
        customers.push(Holder { token, account });
    }
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    let mut cards = Vec::new();
    for number in ["4242424242424242", "5555555555554444"] {
        let body = json!({ "number": number, "exp_month": 12, "exp_year": 2030 });
        cards.push(shop.post("/v1/cards", &body).await.expect(201).text("/id"));
    }
    let rows = bank.bank().db().read("keys.list", keys::list).await.expect("data keys");
    let config = bank.bank().config().clone();
    let start = bank.clock().now().plus_seconds(REST_SECONDS);
    let file = bank.database().folder().expect("SQLite has a folder").join("bank.db");
    let disk = Disk::of_file(&file).expect("the first bank's file is read");
    (World { config, keys: rows, start, customers, shop, cards }, disk)
}
