//! Banks to measure: made, filled and verified by the domains' own verbs.
//!
//! SQLite with the shipped settings, in a folder; or a fresh database of a PostgreSQL server. Members
//! have money enough that no transfer of a measurement is refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exchequer::accounts;
use exchequer::bank::{Act, Bank, cash_account};
use exchequer::config::{Config, Redis};
use exchequer::customers::{self, Registration};
use exchequer::keys;
use exchequer::keys::holder::KeyHolder;
use exchequer::serve::store_options;
use exchequer::verify::{self, Report};
use money::{AccountId, Amount, Clock, Currency, CustomerId, Rng};
use store::posting::{self, MAX_BATCH, Party, PostOrder, Posted};
use store::rows::TransferKind;
use store::{Db, DbError, FileKey, Location, Options, Tx, params};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use vault::{Keyring, MasterKey, SecretBytes, WrappedKey};

use crate::Result;

/// Minor units that each account is opened with.
const DEPOSIT: i64 = 100_000_000_000;
/// A customer may have a hundred accounts.
const ACCOUNTS_EACH: u32 = 100;
/// The database that a measurement on PostgreSQL makes anew.
const DATABASE: &str = "exchequer_bench";
const REDIS_LIMIT: Duration = Duration::from_secs(5);
/// Accounts that one transaction opens, or one query reads.
const PART: u32 = 10_000;

pub struct Opened {
    pub runtime: Runtime,
    pub bank: Bank,
    pub members: Arc<[Member]>,
}

/// Who can send rupees, and from where.
#[derive(Clone, Copy)]
pub struct Member {
    pub owner: CustomerId,
    pub account: AccountId,
}

impl Opened {
    /// A new bank in the folder; what was there is removed.
    pub fn fresh_in(folder: &Path, accounts: u32) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let config = config(folder);
        config.make_data_dir()?;
        Self::fresh(&store_options(&config), config, accounts)
    }

    /// The same in an encrypted file.
    pub fn fresh_encrypted_in(folder: &Path, accounts: u32) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let config = config(folder);
        config.make_data_dir()?;
        let key = SecretBytes::new(Rng::System.bytes::<{ FileKey::KEY_BYTES }>().to_vec());
        let file_key = FileKey::new(key, Rng::System.bytes());
        Self::fresh(&Options { file_key, ..store_options(&config) }, config, accounts)
    }

    /// The same with a Redis beside it.
    pub fn fresh_beside(folder: &Path, accounts: u32, redis: &str) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        let mut config = config(folder);
        config.redis = Some(Redis::of_test(redis, "bench:")?);
        config.make_data_dir()?;
        let opened = Self::fresh(&store_options(&config), config, accounts)?;
        let connected = opened.bank.cache().connected(REDIS_LIMIT);
        if !opened.runtime.block_on(connected) {
            return Err("Redis does not answer".into());
        }
        Ok(opened)
    }

    /// A new bank in a database of its own; an earlier one is dropped.
    pub fn fresh_on(server: &str, accounts: u32) -> Result<Self> {
        replace_database(server)?;
        let (options, config) = on_postgres(server)?;
        Self::fresh(&options, config, accounts)
    }

    /// One more node of the bank that `fresh_on` made.
    pub fn node_on(server: &str) -> Result<Self> {
        let (options, config) = on_postgres(server)?;
        Self::open(&options, config)?.with_members()
    }

    /// A bank that an earlier measurement or a demo left.
    pub fn left_in(folder: &Path) -> Result<Self> {
        let config = config(folder);
        Self::open(&store_options(&config), config)?.with_members()
    }

    fn fresh(options: &Options, config: Config, accounts: u32) -> Result<Self> {
        store::migrate(options, Clock::System.now())?;
        let opened = Self::open(options, config)?;
        for first in (0..accounts).step_by(PART as usize) {
            let act = opened.bank.system_act("bench");
            let part = first..accounts.min(first + PART);
            let seeded = opened.bank.db().write("bench.seed", move |tx| seed(tx, &act, &part));
            opened.runtime.block_on(seeded)?;
        }
        opened.with_members()
    }

    fn open(options: &Options, config: Config) -> Result<Self> {
        let runtime = Runtime::new()?;
        let rng = Rng::System;
        let master = MasterKey::generate(&rng)?;
        let keys = Keyring::first_data_keys(&master, &rng, Clock::System.now())?;
        let holder = KeyHolder::open_here(master, keys.clone(), Clock::System.now())?;
        let db = Db::open(options)?;
        runtime.block_on(db.write("bench.keys", move |tx| adopt(tx, &keys)))?;
        // The bank's batcher is a task of the runtime.
        let bank =
            runtime.block_on(async { Bank::new(db, holder, config, Clock::System, Rng::System) });
        Ok(Self { runtime, bank, members: Arc::default() })
    }

    fn with_members(self) -> Result<Self> {
        let mut members = Vec::new();
        loop {
            let last = members.last().copied();
            let read = self.bank.db().read("bench.members", move |tx| members_after(tx, last));
            let next = self.runtime.block_on(read)?;
            if next.is_empty() {
                break;
            }
            members.extend(next);
        }
        if members.len() < 2 {
            return Err("a bank with fewer than two members".into());
        }
        Ok(Self { members: members.into(), ..self })
    }

    /// Verifies the books and closes the bank.
    pub fn finish(self) -> Result<()> {
        let report = self.runtime.block_on(verify::run(self.bank.db()))?;
        self.bank.db().close();
        match report {
            Report::Right(_) => Ok(()),
            Report::Wrong(finding) => Err(format!("the books are wrong: {finding}").into()),
        }
    }
}

pub fn rupees() -> Result<Currency, DbError> {
    Currency::from_code("INR").map_err(|error| DbError::Corrupt(error.to_string()))
}

/// The shipped settings, without rate limits; nothing listens at the address.
pub fn config(folder: &Path) -> Config {
    let mut config = Config::demo(folder.to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.rate_limits_on = false;
    config
}

/// The answer to a refusal: a measurement has none.
pub fn no_refusal(_: &PostOrder, refusal: ledger::Refusal) -> Result<posting::Answer, DbError> {
    Err(DbError::Corrupt(format!("a transfer was refused: {}", refusal.code())))
}

/// Every order was done, and now.
pub fn all_done(results: &[Posted]) -> Result<(), DbError> {
    match results.iter().find(|result| !matches!(result, Posted::Done(_))) {
        None => Ok(()),
        Some(other) => Err(DbError::Corrupt(format!("a transfer was not done: {other:?}"))),
    }
}

/// The keys of this measurement go into the table, unless an earlier one left its own: nothing of that is
/// opened.
fn adopt(tx: &mut Tx<'_>, made: &[WrappedKey]) -> Result<(), DbError> {
    if keys::list(tx)?.is_empty() { keys::adopt_in(tx, made) } else { Ok(()) }
}

fn members_after(tx: &mut Tx<'_>, last: Option<Member>) -> Result<Vec<Member>, DbError> {
    let sql = "SELECT owner, id FROM accounts
        WHERE owner IS NOT NULL AND currency = $1 AND id > $2 ORDER BY id LIMIT $3";
    let after = last.map_or([0; 16], |member| *member.account.bytes());
    let rows = tx.query(sql, params![rupees()?, &after[..], i64::from(PART)])?;
    rows.iter().map(|row| Ok(Member { owner: row.id(0)?, account: row.id(1)? })).collect()
}

fn seed(tx: &mut Tx<'_>, act: &Act, part: &Range<u32>) -> Result<(), DbError> {
    let currency = rupees()?;
    accounts::ensure_cash(tx, act, currency)?;
    let mut deposits = Vec::new();
    for first in part.clone().step_by(ACCOUNTS_EACH as usize) {
        let owner = register(tx, act, first)?;
        for _ in 0..ACCOUNTS_EACH.min(part.end - first) {
            let opened = accounts::open(tx, act, &owner, (currency, "Everyday"))?
                .map_err(|problem| DbError::Corrupt(problem.code.as_str().to_owned()))?;
            deposits.push(deposit(act, opened.account.id, currency)?);
        }
    }
    for deposits in deposits.chunks(MAX_BATCH) {
        all_done(&posting::post(tx, deposits, act.now, &no_refusal)?)?;
    }
    Ok(())
}

fn register(tx: &mut Tx<'_>, act: &Act, number: u32) -> Result<CustomerId, DbError> {
    let wanted = Registration {
        email: format!("member-{number}@example.test")
            .parse()
            .map_err(|_| DbError::Corrupt("an e-mail of the bench".to_owned()))?,
        full_name: format!("Member {number}"),
        phone: None,
        government_id: None,
    };
    Ok(customers::register_in(tx, act, &wanted, "nobody signs in here")?.id)
}

fn deposit(act: &Act, account: AccountId, currency: Currency) -> Result<PostOrder, DbError> {
    Ok(PostOrder {
        id: act.id(),
        kind: TransferKind::Deposit,
        debit: Party::Bank(cash_account(currency)),
        credit: Party::Payee(account),
        amount: Amount::new(DEPOSIT).map_err(|error| DbError::Corrupt(error.to_string()))?,
        currency,
        memo: None,
        reference: None,
        key: None,
        linked_with_next: false,
        origin: act.origin.clone(),
        request: act.request,
    })
}

/// How the measurement's database at the server is opened.
fn on_postgres(server: &str) -> Result<(Options, Config)> {
    let config = config(Path::new("unused"));
    let location = Location::Postgres { url: database_on(server)? };
    Ok((Options { location, ..store_options(&config) }, config))
}

/// The address of the measurement's database at the server.
pub fn database_on(server: &str) -> Result<String> {
    let (base, _) = server.rsplit_once('/').ok_or("the server's address names no database")?;
    Ok(format!("{base}/{DATABASE}"))
}

pub fn replace_database(server: &str) -> Result<()> {
    Runtime::new()?.block_on(async {
        let (client, connection) = tokio_postgres::connect(server, NoTls).await?;
        let driver = tokio::spawn(connection);
        for sql in
            [format!("DROP DATABASE IF EXISTS {DATABASE}"), format!("CREATE DATABASE {DATABASE}")]
        {
            client.batch_execute(&sql).await?;
        }
        drop(client);
        driver.await??;
        Ok(())
    })
}
