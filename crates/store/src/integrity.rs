//! What a database says about itself: whether its files are whole, its guards in place, and its
//! idempotency keys each there once (`runs`).
//!
//! The guards are the triggers that refuse to change or remove a transfer, an event or an origin. Who
//! may alter the schema can take them away; `verify` asks whether they are there, as written in the
//! migrations and switched on.
//!
//! Cost: on SQLite the check reads every page of the file; the rest is a handful of catalogue rows.

mod runs;

pub use self::runs::BrokenRun;
use crate::tx::Backend;
use crate::{DbError, Row, Tx, params};

/// Tables whose rows are never changed or removed.
const IMMUTABLE: [&str; 3] = ["transfers", "events", "origins"];

const CHECK: &str = "PRAGMA integrity_check(1)";
/// A row for each page whose authentication code is wrong (SQLCipher API).
const CIPHER_CHECK: &str = "PRAGMA cipher_integrity_check";
const TRIGGER: &str =
    "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1 AND name = $2";
/// `tgtype` is a set of bits: 1 row, 2 before, 8 delete, 16 update, 32 truncate (PostgreSQL,
/// `pg_trigger.h`); `tgenabled` is `O` where the trigger fires.
const PG_TRIGGER: &str = "SELECT CAST(t.tgtype AS BIGINT), CAST(t.tgenabled AS TEXT), \
     t.tgqual IS NULL, p.proname, p.prosrc FROM pg_trigger AS t \
     JOIN pg_proc AS p ON p.oid = t.tgfoid \
     WHERE t.tgrelid = to_regclass($1) AND t.tgname = CAST($2 AS TEXT) AND NOT t.tgisinternal";
const PG_TYPES: [(&str, i64); 3] = [("update", 19), ("delete", 11), ("truncate", 34)];
/// Triggers and views that no migration made: they would act, or lie, inside our transactions.
const FOREIGN: &str = "SELECT name FROM sqlite_master WHERE type = 'view' OR (type = 'trigger' \
     AND name NOT IN ('transfers_no_update', 'transfers_no_delete', 'events_no_update', \
     'events_no_delete', 'origins_no_update', 'origins_no_delete', 'idempotency_open_run')) \
     ORDER BY name LIMIT 1";
/// What keeps a closed run of keys as it is; SQLite alone has runs.
const RUN_TRIGGER: &str = "idempotency_open_run";
const RUN_TRIGGER_TEXT: &str = "CREATE TRIGGER idempotency_open_run BEFORE INSERT ON idempotency\n\
     WHEN NEW.run <> (SELECT COALESCE(MAX(run) + 1, 0) FROM idempotency_runs)\n\
     BEGIN SELECT RAISE(ABORT, 'the run of keys is not open'); END";
/// The same on a server, with rewrite rules; other people's tables may stand beside ours.
const PG_FOREIGN: &str = "SELECT found.name FROM (SELECT t.tgname AS name, t.tgrelid AS of \
     FROM pg_trigger AS t WHERE NOT t.tgisinternal AND t.tgname NOT IN ('transfers_no_update', \
     'transfers_no_delete', 'transfers_no_truncate', 'events_no_update', 'events_no_delete', \
     'events_no_truncate', 'origins_no_update', 'origins_no_delete', 'origins_no_truncate') \
     UNION ALL SELECT r.rulename, r.ev_class FROM pg_rewrite AS r JOIN pg_class AS c \
     ON c.oid = r.ev_class WHERE c.relkind = 'r') AS found JOIN pg_class AS c ON c.oid = found.of \
     WHERE c.relnamespace = (SELECT relnamespace FROM pg_class \
     WHERE oid = to_regclass('schema_migrations')) ORDER BY found.name LIMIT 1";
const PG_FUNCTION: &str = "refuse_change";
const PG_BODY: &str = " BEGIN RAISE EXCEPTION '% are immutable', TG_TABLE_NAME; END ";

const MISSING: &str = "no such trigger";
const CHANGED: &str = "it was changed or switched off";

/// A guard that is not as the migrations made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenGuard {
    pub trigger: String,
    pub found: String,
}

impl Tx<'_> {
    /// The first fault that the database finds in its own files. PostgreSQL has no statement for
    /// it: there, reading every row, as the caller does anyway, makes the server check its pages.
    pub fn structure_fault(&mut self) -> Result<Option<String>, DbError> {
        self.count()?;
        match &mut self.backend {
            Backend::Sqlite(session) => {
                if session.is_encrypted
                    && let Some(row) = session.query(CIPHER_CHECK, &[], 1)?.first()
                {
                    return Ok(Some(row.text(0)?.to_owned()));
                }
                let rows = session.query(CHECK, &[], 1)?;
                let said = rows.first().map(|row| row.text(0)).transpose()?;
                Ok(said.filter(|text| *text != "ok").map(str::to_owned))
            }
            Backend::Postgres(_) => Ok(None),
        }
    }

    /// The first guard that is missing, changed or switched off; then the first trigger, view or rule
    /// that no migration made.
    pub fn broken_guard(&mut self) -> Result<Option<BrokenGuard>, DbError> {
        let acts: &[(&str, i64)] = match &self.backend {
            Backend::Sqlite(_) => &PG_TYPES[..2], // SQLite has no TRUNCATE
            Backend::Postgres(_) => &PG_TYPES,
        };
        for table in IMMUTABLE {
            for (act, kind) in acts {
                let trigger = format!("{table}_no_{act}");
                let found = self.guard_fault(table, act, *kind, &trigger)?;
                if let Some(found) = found {
                    return Ok(Some(BrokenGuard { trigger, found }));
                }
            }
        }
        if let Some(broken) = self.run_trigger_fault()? {
            return Ok(Some(broken));
        }
        self.foreign_trigger()
    }

    fn run_trigger_fault(&mut self) -> Result<Option<BrokenGuard>, DbError> {
        let Backend::Sqlite(session) = &self.backend else { return Ok(None) };
        let rows = session.query(TRIGGER, params!["idempotency", RUN_TRIGGER], 1)?;
        let found = match rows.first() {
            Some(row) if row.text(0)? == RUN_TRIGGER_TEXT => return Ok(None),
            Some(_) => CHANGED,
            None => MISSING,
        };
        Ok(Some(BrokenGuard { trigger: RUN_TRIGGER.to_owned(), found: found.to_owned() }))
    }

    fn foreign_trigger(&mut self) -> Result<Option<BrokenGuard>, DbError> {
        self.count()?;
        let rows = match &mut self.backend {
            Backend::Sqlite(session) => session.query(FOREIGN, &[], 1)?,
            Backend::Postgres(session) => session.query(PG_FOREIGN, &[])?,
        };
        let Some(row) = rows.first() else { return Ok(None) };
        let found = "no migration made it".to_owned();
        Ok(Some(BrokenGuard { trigger: row.text(0)?.to_owned(), found }))
    }

    fn guard_fault(
        &mut self,
        table: &str,
        act: &str,
        kind: i64,
        trigger: &str,
    ) -> Result<Option<String>, DbError> {
        self.count()?;
        let names = params![table, trigger];
        let rows = match &mut self.backend {
            Backend::Sqlite(session) => session.query(TRIGGER, names, 1)?,
            Backend::Postgres(session) => session.query(PG_TRIGGER, names)?,
        };
        let Some(row) = rows.first() else { return Ok(Some(MISSING.to_owned())) };
        let intact = match &self.backend {
            Backend::Sqlite(_) => row.text(0)? == sqlite_trigger(table, act, trigger),
            Backend::Postgres(_) => is_intact(row, kind)?,
        };
        Ok((!intact).then(|| CHANGED.to_owned()))
    }
}

/// The text of the migration, as SQLite keeps it.
fn sqlite_trigger(table: &str, act: &str, trigger: &str) -> String {
    let act = act.to_uppercase();
    format!(
        "CREATE TRIGGER {trigger} BEFORE {act} ON {table}\n\
         BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
    )
}

fn is_intact(row: &Row, kind: i64) -> Result<bool, DbError> {
    Ok(row.int(0)? == kind
        && row.text(1)? == "O"
        && row.int(2)? == 1
        && row.text(3)? == PG_FUNCTION
        && row.text(4)? == PG_BODY)
}

#[cfg(test)]
mod tests;
