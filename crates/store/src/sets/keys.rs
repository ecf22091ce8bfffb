//! Idempotency keys of a batch: claimed as a set, before anything else of the transaction.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use money::Timestamp;

use super::chunk::Insert;
use super::column;
use crate::postgres::from_postgres;
use crate::rows::{OnceKey, StoredAnswer};
use crate::tx::Backend;
use crate::{DbError, Param, Row, Tx, params};

const CLAIM_ONE: &str = "INSERT INTO idempotency (scope, request_hash, resource, status, \
     created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO NOTHING";
const CLAIM_SET: &str = "INSERT INTO idempotency (scope, request_hash, resource, status, \
     created_at) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bigint[], \
     $5::bigint[]) ON CONFLICT (scope) DO NOTHING RETURNING scope";
static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    let into = "INSERT INTO idempotency (scope, request_hash, resource, status, created_at)";
    Insert::new(into, 5, "ON CONFLICT (scope) DO NOTHING")
});
const STORED: &str =
    "SELECT request_hash, status, resource, answer FROM idempotency WHERE scope = $1";
const SETTLE: &str =
    "UPDATE idempotency SET status = $2, resource = $3, answer = $4 WHERE scope = $1";
const RELEASE: &str = "DELETE FROM idempotency WHERE scope = $1";

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
        let mut unsure: Vec<KeyClaim> = Vec::new();
        match &mut self.backend {
            Backend::Sqlite(session) => INSERT.run(
                session,
                claims,
                |c| values(c, now),
                |part| {
                    unsure.extend(part);
                    Ok(())
                },
            )?,
            Backend::Postgres(session) => {
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
        let mut stored = HashMap::with_capacity(unsure.len());
        for claim in unsure {
            let scope = claim.key.scope;
            let found = self.stored_answer(&scope)?.ok_or_else(|| lost(scope))?;
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
        let none = None::<&[u8]>;
        let values = params![&key.scope, &key.request_hash, none, 0_i64, now];
        match self.execute(CLAIM_ONE, values)? {
            0 => self.stored_answer(&key.scope)?.ok_or_else(|| lost(key.scope)).map(Some),
            _ => Ok(None),
        }
    }

    /// Replaces the answer of a key that this transaction claimed.
    pub fn settle_key(
        &mut self,
        scope: &[u8; 16],
        status: i64,
        resource: Option<&[u8; 16]>,
        answer: Option<&[u8]>,
    ) -> Result<(), DbError> {
        match self.execute(SETTLE, params![scope, status, resource, answer])? {
            1 => Ok(()),
            _ => Err(lost(*scope)),
        }
    }

    /// Gives up a key that this transaction claimed: nothing was done under it, and the next request
    /// with it is the first.
    pub fn release_key(&mut self, scope: &[u8; 16]) -> Result<(), DbError> {
        match self.execute(RELEASE, params![scope])? {
            1 => Ok(()),
            _ => Err(lost(*scope)),
        }
    }

    pub fn stored_answer(&mut self, scope: &[u8; 16]) -> Result<Option<StoredAnswer>, DbError> {
        self.query_opt(STORED, params![scope])?.map(|row| read(&row)).transpose()
    }
}

fn values(c: &KeyClaim, now: Timestamp) -> [Param<'_>; 5] {
    *params![&c.key.scope, &c.key.request_hash, &c.resource, c.status, now]
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
