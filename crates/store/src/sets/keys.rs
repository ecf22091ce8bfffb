//! Idempotency keys of a batch: claimed as a set, before anything else of the transaction. In which part
//! of the table SQLite keeps them, and why none is claimed twice, stands in [`super::runs`].

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use money::Timestamp;
use tokio_postgres::types::Type;

use super::chunk::Insert;
use super::{MANY, column};
use crate::postgres::from_postgres;
use crate::rows::{OnceKey, StoredAnswer};
use crate::tx::Backend;
use crate::{DbError, Param, Row, Tx, params};

const CLAIM_ONE: &str = "INSERT INTO idempotency (run, scope, request_hash, resource, status, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (run, scope) DO NOTHING";
const CLAIM_SET: &str = "INSERT INTO idempotency (run, scope, request_hash, resource, status, \
     created_at) SELECT 0, * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], \
     $5::bigint[]) ON CONFLICT (run, scope) DO NOTHING RETURNING scope";
const COPY_SET: &str = "COPY idempotency (run, scope, request_hash, resource, status, created_at) \
     FROM STDIN BINARY";
const COPY_TYPES: [Type; 6] =
    [Type::INT8, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::INT8, Type::INT8];
static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    let into = "INSERT INTO idempotency (run, scope, request_hash, resource, status, created_at)";
    Insert::new(into, 6, "ON CONFLICT (run, scope) DO NOTHING")
});
const STORED: &str = "SELECT request_hash, status, resource, answer FROM idempotency \
     WHERE run = $1 AND scope = $2";
const STORED_LOCKED: &str = "SELECT request_hash, status, resource, answer FROM idempotency \
     WHERE run = $1 AND scope = $2 ORDER BY scope";
const SETTLE: &str = "UPDATE idempotency SET status = $3, resource = $4, answer = $5 \
     WHERE run = $1 AND scope = $2";
const RELEASE: &str = "DELETE FROM idempotency WHERE run = $1 AND scope = $2";
/// The run that all keys on PostgreSQL are in.
const ONLY_RUN: i64 = 0;

/// A key to claim, with the answer it will have unless [`Tx::settle_key`] says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct KeyClaim {
    pub key: OnceKey,
    pub status: i64,
    /// A fresh id, which nobody else's row can have: by it a claim knows its own row.
    pub resource: [u8; 16],
}

impl Tx<'_> {
    /// Claims keys of distinct scopes. Gives, by scope, what is stored for those that somebody
    /// claimed before; on PostgreSQL it waits for a transaction in flight with the same key.
    ///
    /// Scopes are claimed in sorted order: neighbours share pages, and two batches cannot deadlock.
    pub fn claim_keys(
        &mut self,
        claims: &mut [KeyClaim],
        now: Timestamp,
    ) -> Result<HashMap<[u8; 16], StoredAnswer>, DbError> {
        self.count()?;
        claims.sort_unstable_by_key(|c| u128::from_be_bytes(c.key.scope));
        let run = self.run_for_claims()?;
        let mut stored = HashMap::new();
        for claim in claims.iter() {
            if let Some(found) = self.closed_answer(&claim.key.scope)? {
                stored.insert(claim.key.scope, found);
            }
        }
        let kept: Vec<KeyClaim>;
        let claims = if stored.is_empty() {
            &*claims
        } else {
            let is_new = |c: &&KeyClaim| !stored.contains_key(&c.key.scope);
            kept = claims.iter().filter(is_new).copied().collect();
            &kept
        };
        for claim in self.insert_claims(run, claims, now)? {
            let scope = claim.key.scope;
            let found = self.answer_in(run, &scope)?.ok_or_else(|| lost(scope))?;
            if found.resource != Some(claim.resource) {
                stored.insert(scope, found);
            }
        }
        Ok(stored)
    }

    /// Claims one key. Gives what is stored where somebody claimed it before.
    pub fn claim_key(
        &mut self,
        key: &OnceKey,
        now: Timestamp,
    ) -> Result<Option<StoredAnswer>, DbError> {
        let run = self.run_for_claims()?;
        if let Some(found) = self.closed_answer(&key.scope)? {
            return Ok(Some(found));
        }
        let none = None::<&[u8]>;
        let values = params![run, &key.scope, &key.request_hash, none, 0_i64, now];
        if self.execute(CLAIM_ONE, values)? == 0 {
            return self.answer_in(run, &key.scope)?.ok_or_else(|| lost(key.scope)).map(Some);
        }
        self.run_grew(1);
        Ok(None)
    }

    /// Replaces the answer of a key that this transaction claimed, or an earlier one without an answer. The
    /// key's run may have been closed since.
    pub fn settle_key(
        &mut self,
        scope: &[u8; 16],
        status: i64,
        resource: Option<&[u8; 16]>,
        answer: Option<&[u8]>,
    ) -> Result<(), DbError> {
        let (open, closed) = match &self.backend {
            Backend::Sqlite(session) => {
                let mut runs = session.runs.borrow_mut();
                runs.follow(session)?;
                (runs.open(), runs.may_hold(scope))
            }
            Backend::Postgres(_) => (ONLY_RUN, Vec::new()),
        };
        for run in std::iter::once(open).chain(closed) {
            if self.execute(SETTLE, params![run, scope, status, resource, answer])? == 1 {
                return Ok(());
            }
        }
        Err(lost(*scope))
    }

    /// What is stored under a key that was claimed before, by whichever transaction; on PostgreSQL nobody
    /// else settles it until this one ends.
    pub fn key_answer(&mut self, scope: &[u8; 16]) -> Result<Option<StoredAnswer>, DbError> {
        let runs = match &self.backend {
            Backend::Sqlite(session) => {
                let mut runs = session.runs.borrow_mut();
                runs.follow(session)?;
                std::iter::once(runs.open()).chain(runs.may_hold(scope)).collect()
            }
            Backend::Postgres(_) => vec![ONLY_RUN],
        };
        for run in runs {
            let rows = self.query_locked(STORED_LOCKED, params![run, scope])?;
            if let Some(row) = rows.first() {
                return read(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Gives up a key that this transaction claimed: nothing was done under it, and the next request
    /// with it is the first. It stands in the open run, as every key that was claimed just now.
    pub fn release_key(&mut self, scope: &[u8; 16]) -> Result<(), DbError> {
        let run = match &self.backend {
            Backend::Sqlite(session) => session.runs.borrow().open(),
            Backend::Postgres(_) => ONLY_RUN,
        };
        match self.execute(RELEASE, params![run, scope])? {
            1 => Ok(()),
            _ => Err(lost(*scope)),
        }
    }

    /// The run that new keys go into; one that is full is closed first.
    pub(crate) fn run_for_claims(&mut self) -> Result<i64, DbError> {
        let session = match &self.backend {
            Backend::Sqlite(session) => *session,
            Backend::Postgres(_) => return Ok(ONLY_RUN),
        };
        let mut runs = session.runs.borrow_mut();
        runs.follow(session)?;
        if runs.is_full(session)? {
            self.count()?;
            runs.close(session)?;
            self.count()?;
        }
        Ok(runs.open())
    }

    /// Rows were put into the open run.
    pub(crate) fn run_grew(&mut self, rows: usize) {
        if let Backend::Sqlite(session) = &self.backend {
            session.runs.borrow_mut().grew(rows);
        }
    }

    /// What a closed run has under the scope; after [`Tx::run_for_claims`].
    fn closed_answer(&mut self, scope: &[u8; 16]) -> Result<Option<StoredAnswer>, DbError> {
        let runs = match &self.backend {
            Backend::Sqlite(session) => session.runs.borrow().may_hold(scope),
            Backend::Postgres(_) => return Ok(None),
        };
        for run in runs {
            if let Some(found) = self.answer_in(run, scope)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn answer_in(&mut self, run: i64, scope: &[u8; 16]) -> Result<Option<StoredAnswer>, DbError> {
        self.query_opt(STORED, params![run, scope])?.map(|row| read(&row)).transpose()
    }

    /// Inserts what is not there yet; gives, among others, those that were.
    fn insert_claims(
        &mut self,
        run: i64,
        claims: &[KeyClaim],
        now: Timestamp,
    ) -> Result<Vec<KeyClaim>, DbError> {
        let mut unsure: Vec<KeyClaim> = Vec::new();
        match &mut self.backend {
            Backend::Sqlite(session) => {
                INSERT.run(
                    session,
                    claims,
                    |c| values(run, c, now),
                    |part| {
                        unsure.extend(part);
                        Ok(())
                    },
                )?;
                self.run_grew(claims.len());
            }
            Backend::Postgres(session) => {
                // A key that is there ends the transaction, which then runs again and asks.
                if claims.len() >= MANY && session.may_trust_absence() {
                    let rows = claims.iter().map(|claim| values(run, claim, now));
                    session.copy_in(COPY_SET, &COPY_TYPES, rows)?;
                    return Ok(unsure);
                }
                let won: HashSet<Vec<u8>> = session
                    .query_raw(
                        CLAIM_SET,
                        &[
                            &column(claims, |c| &c.key.scope[..]),
                            &column(claims, |c| &c.key.request_hash[..]),
                            &column(claims, |c| &c.resource[..]),
                            &column(claims, |c| c.status),
                            &column(claims, |_| now.micros()),
                        ],
                    )?
                    .iter()
                    .map(|row| row.try_get(0).map_err(from_postgres))
                    .collect::<Result<_, _>>()?;
                unsure.extend(claims.iter().filter(|c| !won.contains(&c.key.scope[..])));
            }
        }
        Ok(unsure)
    }
}

fn values(run: i64, c: &KeyClaim, now: Timestamp) -> [Param<'_>; 6] {
    *params![run, &c.key.scope, &c.key.request_hash, &c.resource, c.status, now]
}

fn read(row: &Row) -> Result<StoredAnswer, DbError> {
    Ok(StoredAnswer {
        request_hash: row.bytes(0)?,
        status: row.int(1)?,
        resource: row.blob_opt(2)?.map(|_| row.bytes(2)).transpose()?,
        answer: row.blob_opt(3)?.map(<[u8]>::to_vec),
    })
}

fn lost(scope: [u8; 16]) -> DbError {
    DbError::Corrupt(format!("the idempotency row {scope:02x?} is gone"))
}
