//! The log: every row becomes a leaf, once, and nothing that is done to the database afterwards stays unseen.

mod clocks;
mod commands;
mod erased;
mod erased_when;
mod outside;
mod page;
mod payments;
mod receipts;
mod sending;
mod sequence;
mod shred;
mod tamper;
mod thin;
mod tiles;
mod witness;

use std::sync::Arc;

use exchequer::bank::Bank;
use exchequer::evidence::prove::{self, Proven, Trust};
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::verify::model::{Finding, Stop};
use serde_json::json;
use store::{DbError, Kind, Tx};
use testkit::{Person, TestBank};
use tokio::sync::watch;

/// Two people with money, and what they did.
pub(crate) struct Town {
    pub bank: TestBank,
    pub asha: Person,
    pub from: String,
    pub to: String,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::of(TestBank::new().await).await
    }

    pub(crate) async fn of(bank: TestBank) -> Self {
        let (asha, ravi) = (bank.customer("Asha Rao").await, bank.customer("Ravi Iyer").await);
        let (from, to) = (bank.account(&asha, "INR").await, bank.account(&ravi, "INR").await);
        let teller = bank.operator(Role::Teller).await;
        bank.deposit(&teller, &from, 1_000_000, "INR").await;
        Self { bank, asha, from, to }
    }

    /// A transfer; gives its id.
    pub(crate) async fn pay(&self, amount: i64, memo: Option<&str>) -> String {
        let mut body = json!({
            "from": self.from, "to": self.to, "amount": amount, "currency": "INR"
        });
        if let Some(memo) = memo {
            body["memo"] = memo.into();
        }
        self.asha.client.post("/v1/transfers", &body).await.expect(201).text("/id")
    }

    /// Runs the sequencer once; gives how many leaves it has made.
    pub(crate) async fn write(&self) -> u64 {
        write(self.bank.bank()).await.expect("the log is written")
    }

    pub(crate) fn trust(&self) -> Trust {
        let keys = Some(Arc::clone(&self.bank.bank().tools().keyring()));
        Trust { keys, ..Trust::nothing(self.bank.clock().now()) }
    }

    /// The log is right.
    pub(crate) async fn proven(&self) -> Proven {
        let trust = self.trust();
        let proven =
            self.bank.bank().db().read("prove", move |tx| told(prove::everything_in(tx, &trust)));
        let proven = proven.await.expect("the log can be proven");
        proven.unwrap_or_else(|finding| panic!("{finding}"))
    }

    /// What is found after something was done to the database, which is then undone.
    pub(crate) async fn found(
        &self,
        trust: Trust,
        mut spoil: impl FnMut(&mut Tx<'_>) -> Result<(), DbError> + Send + 'static,
    ) -> Result<Proven, Finding> {
        let kind = self.bank.bank().db().kind();
        let spoilt = self.bank.bank().db().write("spoil", move |tx| {
            open_up(tx, kind)?;
            spoil(tx)?;
            Err::<(), _>(Undone::Told(told(prove::everything_in(tx, &trust))?))
        });
        match spoilt.await {
            Err(Undone::Told(told)) => told,
            Err(Undone::Db(error)) => panic!("{error}"),
            Ok(()) => panic!("it was to be undone"),
        }
    }
}

/// A transaction that is rolled back, and what was found in it.
enum Undone {
    Told(Result<Proven, Finding>),
    Db(DbError),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

pub async fn write(bank: &Bank) -> Result<u64, DbError> {
    let (_running, stop) = watch::channel(false);
    Job::WriteLog.run(bank, &stop).await
}

fn told(step: Result<Proven, Stop>) -> Result<Result<Proven, Finding>, DbError> {
    match step {
        Ok(proven) => Ok(Ok(proven)),
        Err(Stop::Wrong(finding)) => Ok(Err(*finding)),
        Err(Stop::Db(error)) => Err(error),
    }
}

/// Whoever has the database has its triggers, too.
fn open_up(tx: &mut Tx<'_>, kind: Kind) -> Result<(), DbError> {
    let triggers = match kind {
        Kind::Sqlite => SQLITE_TRIGGERS,
        Kind::Postgres => POSTGRES_TRIGGERS,
    };
    triggers.iter().try_for_each(|sql| tx.execute(sql, &[]).map(drop))
}

const SQLITE_TRIGGERS: [&str; 6] = [
    "DROP TRIGGER transfers_no_update",
    "DROP TRIGGER transfers_no_delete",
    "DROP TRIGGER events_no_update",
    "DROP TRIGGER events_no_delete",
    "DROP TRIGGER origins_no_update",
    "DROP TRIGGER origins_no_delete",
];
const POSTGRES_TRIGGERS: [&str; 6] = [
    "DROP TRIGGER transfers_no_update ON transfers",
    "DROP TRIGGER transfers_no_delete ON transfers",
    "DROP TRIGGER events_no_update ON events",
    "DROP TRIGGER events_no_delete ON events",
    "DROP TRIGGER origins_no_update ON origins",
    "DROP TRIGGER origins_no_delete ON origins",
];
