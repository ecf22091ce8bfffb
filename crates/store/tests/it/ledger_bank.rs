//! A database with accounts, for tests of the posting core.

use std::sync::Arc;

use money::{AccountId, Amount, Clock, Currency, CustomerId, IdMint, Rng, Timestamp};
use store::posting::{self, Answer, Party, PostOrder, Posted};
use store::rows::{OnceKey, Origin, TransferKind, TransferRow};
use store::{Db, DbError, Options, params};
use testkit::TestDatabase;

pub struct LedgerBank {
    pub db: Db,
    pub owner: CustomerId,
    pub accounts: Vec<AccountId>,
    pub origin: Arc<Origin>,
    mint: IdMint,
    clock: Clock,
    pub database: TestDatabase,
}

pub const OPENING: i64 = 1_000;

const OPEN: &str = "INSERT INTO accounts (id, owner, number, name, currency, bounded, opened_at) \
     VALUES ($1, $2, $3, 'test', 'INR', $4, 0)";
const BALANCE: &str = "INSERT INTO balances (place, version, status, bounded, overdraft_limit, \
     debits_posted, credits_posted, debits_held, credits_held, entry_count) \
     SELECT place, 0, 0, bounded, 0, 0, 0, 0, 0, 0 FROM accounts ORDER BY place";

impl LedgerBank {
    /// `count` customers' accounts with 1,000 each, paid in by the bank's own account.
    pub async fn new(count: usize) -> Self {
        let database = TestDatabase::new();
        let db = Db::open(database.options()).expect("opens");
        let clock = Clock::manual(Timestamp::from_seconds(1_767_607_200));
        let mint = IdMint::new(Rng::seeded(3));
        let owner: CustomerId = mint.mint(clock.now());
        let cash: AccountId = mint.mint(clock.now());
        let accounts: Vec<AccountId> = (0..count).map(|_| mint.mint(clock.now())).collect();
        let all = accounts.clone();
        db.write("seed", move |tx| {
            tx.execute(OPEN, params![&cash, None::<&[u8]>, "BANK", 0])?;
            for id in &all {
                tx.execute(OPEN, params![id, owner.bytes(), &id.to_string(), 1])?;
            }
            tx.execute(BALANCE, &[])?;
            Ok::<_, DbError>(())
        })
        .await
        .expect("accounts");
        let origin = Origin::system("test");
        let bank = Self { db, owner, accounts, origin, mint, clock, database };
        let deposits: Vec<PostOrder> = bank
            .accounts
            .iter()
            .map(|to| {
                let order = bank.order(0, 0, OPENING, None);
                PostOrder { debit: Party::Bank(cash), credit: Party::Payee(*to), ..order }
            })
            .collect();
        let posted = bank.post(deposits).await.expect("deposits");
        assert!(posted.iter().all(|p| matches!(p, Posted::Done(_))));
        bank
    }

    pub fn order(&self, from: usize, to: usize, amount: i64, key: Option<&str>) -> PostOrder {
        let request = format!("{from} {to} {amount}");
        PostOrder {
            id: self.mint.mint(self.clock.now()),
            kind: TransferKind::Transfer,
            debit: Party::Own { owner: self.owner, account: self.accounts[from] },
            credit: Party::Payee(self.accounts[to]),
            amount: Amount::new(amount).expect("an amount"),
            currency: Currency::INR,
            memo: None,
            reference: None,
            key: key.map(|k| OnceKey::new(b"test", "POST /t", k, &[request.as_bytes()])),
            linked_with_next: false,
            origin: Arc::clone(&self.origin),
            request: self.mint.mint(self.clock.now()),
        }
    }

    /// The same people's bank, stopped and started: its own database or a copy.
    pub fn reopened(self, options: &Options) -> Self {
        self.db.close();
        Self { db: Db::open(options).expect("opens"), ..self }
    }

    pub async fn post(&self, orders: Vec<PostOrder>) -> Result<Vec<Posted>, DbError> {
        self.post_on(&self.db, orders).await
    }

    /// By a node of its own.
    pub async fn post_on(&self, db: &Db, orders: Vec<PostOrder>) -> Result<Vec<Posted>, DbError> {
        let now = self.clock.now();
        db.write("transfers.post", move |tx| {
            posting::post(tx, &orders, now, &|_, refusal| {
                Ok(Answer { status: 422, body: refusal.code().as_bytes().to_vec() })
            })
        })
        .await
    }

    /// Posted balances of all accounts, in order.
    pub async fn balances(&self) -> Vec<i64> {
        let accounts = self.accounts.clone();
        self.db
            .read("balances", move |tx| {
                accounts
                    .iter()
                    .map(|id| {
                        tx.query_one(
                            "SELECT b.credits_posted - b.debits_posted FROM balances AS b \
                             JOIN accounts AS a ON a.place = b.place WHERE a.id = $1",
                            params![id],
                        )?
                        .int(0)
                    })
                    .collect::<Result<Vec<_>, DbError>>()
            })
            .await
            .expect("balances")
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        self.db.read("count", move |tx| tx.query_one(sql, &[])?.int(0)).await.expect("a count")
    }

    /// An account's entries by the chain, newest first.
    pub async fn chain(&self, account: usize) -> Vec<TransferRow> {
        let id = self.accounts[account];
        self.db
            .read("chain", move |tx| {
                let row = tx.query_one(
                    "SELECT b.last_entry FROM balances AS b JOIN accounts AS a \
                     ON a.place = b.place WHERE a.id = $1",
                    params![&id],
                )?;
                match row.id_opt(0)? {
                    Some(newest) => tx.entries(&id, &newest, 1_000),
                    None => Ok(Vec::new()),
                }
            })
            .await
            .expect("entries")
    }
}

/// The transfer of a posting.
pub fn done(posted: &Posted) -> &TransferRow {
    match posted {
        Posted::Done(row) => row,
        other => panic!("not posted: {other:?}"),
    }
}
