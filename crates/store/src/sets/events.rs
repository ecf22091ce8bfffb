//! Events and origins, appended.

use std::collections::HashSet;
use std::sync::Arc;

use money::Timestamp;

use super::column;
use crate::rows::{EventRow, Origin};
use crate::sqlite::{bind, from_sqlite};
use crate::tx::Backend;
use crate::{DbError, Tx, params};

const ORIGIN: &str = "INSERT INTO origins (id, actor_kind, actor, session, address, agent, \
     first_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
const ORIGIN_KNOWN: &str = "SELECT 1 FROM origins WHERE id = $1";
const ORIGINS_KNOWN: &str = "SELECT id FROM origins WHERE id = ANY($1::bytea[])";
const INSERT_ONE: &str = "INSERT INTO events (id, at, origin, request, action, resource, outcome, \
     before, after, subject) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const INSERT_SET: &str = "INSERT INTO events (id, at, origin, request, action, resource, outcome, \
     before, after, subject) SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[], \
     $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[])";

impl Tx<'_> {
    /// Makes sure that the row of each origin is there. An origin is written once and then only
    /// looked up, so that a busy session does not contend for its row.
    pub fn ensure_origins(
        &mut self,
        origins: &[Arc<Origin>],
        now: Timestamp,
    ) -> Result<(), DbError> {
        let mut distinct: Vec<&Origin> = origins.iter().map(|o| &**o).collect();
        distinct.sort_unstable_by_key(|o| *o.id());
        distinct.dedup_by_key(|o| *o.id());
        match &self.backend {
            Backend::Sqlite(session) => {
                let known = session.origins.borrow();
                distinct.retain(|o| !known.contains(o.id()));
            }
            Backend::Postgres(session) => {
                distinct.retain(|o| !session.known.origins.contains(o.id()));
            }
        }
        if distinct.is_empty() { Ok(()) } else { self.ensure_unknown(&distinct, now) }
    }

    fn insert_origin(&mut self, o: &Origin, now: Timestamp) -> Result<(), DbError> {
        let session = o.session();
        let params = params![
            o.id(),
            o.actor_kind(),
            o.actor(),
            session.as_ref(),
            o.address(),
            o.agent(),
            now
        ];
        self.execute(ORIGIN, params).map(drop)
    }

    /// PostgreSQL is asked for all of them in one question; those that are missing follow in the order of their ids, as
    /// every transaction inserts them.
    fn ensure_unknown(&mut self, origins: &[&Origin], now: Timestamp) -> Result<(), DbError> {
        let there = self.origins_among(origins)?;
        for o in origins.iter().filter(|o| !there.contains(&o.id()[..])) {
            self.insert_origin(o, now)?;
        }
        let ids = origins.iter().map(|o| *o.id());
        match &mut self.backend {
            Backend::Sqlite(session) => session.origins.borrow_mut().expect(ids),
            Backend::Postgres(session) => session.known.origins.expect(ids),
        }
        Ok(())
    }

    /// Ids of those that have a row.
    fn origins_among(&mut self, origins: &[&Origin]) -> Result<HashSet<Vec<u8>>, DbError> {
        if let Backend::Sqlite(_) = &self.backend {
            let mut there = HashSet::new();
            for o in origins {
                if self.query_opt(ORIGIN_KNOWN, params![o.id()])?.is_some() {
                    there.insert(o.id().to_vec());
                }
            }
            return Ok(there);
        }
        self.count()?;
        let Backend::Postgres(session) = &mut self.backend else { return Ok(HashSet::new()) };
        let rows = session.query_raw(ORIGINS_KNOWN, &[&column(origins, |o| &o.id()[..])])?;
        let id = |row: &tokio_postgres::Row| row.try_get::<_, Vec<u8>>(0);
        let ids = rows.iter().map(id).collect::<Result<_, _>>();
        ids.map_err(|error| DbError::Corrupt(error.to_string()))
    }

    /// Appends events whose origins are there.
    pub fn insert_events(&mut self, rows: &[EventRow]) -> Result<(), DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => {
                let mut statement = session.prepare(INSERT_ONE)?;
                for r in rows {
                    bind(
                        &mut statement,
                        params![
                            &r.id,
                            r.at,
                            r.origin.id(),
                            &r.request,
                            r.action,
                            &r.resource,
                            r.outcome,
                            r.before.as_deref(),
                            r.after.as_deref(),
                            r.subject.as_ref()
                        ],
                    )?;
                    statement.raw_execute().map_err(from_sqlite)?;
                }
            }
            Backend::Postgres(session) => {
                session.execute_typed(
                    INSERT_SET,
                    &[
                        &column(rows, |r| &r.id.bytes()[..]),
                        &column(rows, |r| r.at.micros()),
                        &column(rows, |r| &r.origin.id()[..]),
                        &column(rows, |r| &r.request.bytes()[..]),
                        &column(rows, |r| r.action),
                        &column(rows, |r| &r.resource[..]),
                        &column(rows, |r| r.outcome),
                        &column(rows, |r| r.before.as_deref()),
                        &column(rows, |r| r.after.as_deref()),
                        &column(rows, |r| r.subject.as_ref().map(|id| &id.bytes()[..])),
                    ],
                )?;
            }
        }
        Ok(())
    }
}
