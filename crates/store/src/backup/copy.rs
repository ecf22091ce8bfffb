//! Rows from one transaction into another, table by table, a page at a time.
//!
//! The source is one snapshot and the target one transaction, so a copy is whole or not there. Cost:
//! one query and one set of inserts a page; memory: one page. Idempotency keys come into runs of the
//! target's own, and what is known of closed runs is made there and not copied.

use super::tables::{CLEAR_HISTORY, HISTORY, KEYS, Kind, RUNS, TABLES, Table};
use super::{BackupError, Counts};
use crate::postgres::PgParam;
use crate::sqlite::{bind, from_sqlite};
use crate::tx::Backend;
use crate::value::Value;
use crate::{DbError, Param, Row, Tx, params};

/// Copies every table but [`RUNS`], and compares the number of rows on both sides.
pub(super) fn copy_all(source: &mut Tx<'_>, target: &mut Tx<'_>) -> Result<Counts, BackupError> {
    for table in TABLES.iter().filter(|table| table.name != RUNS) {
        if table.name == HISTORY {
            target.execute(CLEAR_HISTORY, &[])?;
        }
        copy_table(source, target, table)?;
    }
    let counts = count_all(source)?;
    compare(&counts, &count_all(target)?)?;
    Ok(counts)
}

/// The number of rows of every table but [`RUNS`].
pub(crate) fn count_all(tx: &mut Tx<'_>) -> Result<Counts, DbError> {
    let count = |table: &Table| Ok((table.name, tx.query_one(table.count, &[])?.int(0)?));
    let copied = TABLES.iter().filter(|table| table.name != RUNS);
    copied.map(count).collect::<Result<_, DbError>>().map(Counts)
}

pub(super) fn compare(source: &Counts, copy: &Counts) -> Result<(), BackupError> {
    let differs = source.0.iter().zip(&copy.0).find(|(wanted, found)| wanted != found);
    match differs {
        None => Ok(()),
        Some((wanted, found)) => {
            Err(BackupError::Differs { table: wanted.0, wanted: wanted.1, found: found.1 })
        }
    }
}

/// The first table with a row, the history of migrations aside.
pub(crate) fn first_used_table(tx: &mut Tx<'_>) -> Result<Option<&'static str>, DbError> {
    for table in TABLES.iter().filter(|table| table.name != HISTORY) {
        if tx.query_opt(table.probe, &[])?.is_some() {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

fn copy_table(
    source: &mut Tx<'_>,
    target: &mut Tx<'_>,
    table: &'static Table,
) -> Result<(), DbError> {
    let mut page = source.query(table.first, params![table.page])?;
    while let Some(Row(last)) = page.last() {
        let mut after = vec![Param::Int(table.page)];
        after.extend(table.key_places().filter_map(|place| last.get(place)).map(param));
        let next = source.query(table.next, &after)?;
        insert_page(target, table, page)?;
        page = next;
    }
    Ok(())
}

/// A page of a table, in the order of its key.
pub(crate) fn insert_page(
    target: &mut Tx<'_>,
    table: &'static Table,
    page: Vec<Row>,
) -> Result<(), DbError> {
    if table.name == KEYS { insert_keys(target, table, page) } else { insert(target, table, &page) }
}

/// Into the open run of the target. Their run, which is the first column, is of the source.
fn insert_keys(
    target: &mut Tx<'_>,
    table: &'static Table,
    mut rows: Vec<Row>,
) -> Result<(), DbError> {
    let run = target.run_for_claims()?;
    for first in rows.iter_mut().filter_map(|Row(values)| values.first_mut()) {
        *first = Value::Int(run);
    }
    insert(target, table, &rows)?;
    target.run_grew(rows.len());
    Ok(())
}

fn insert(target: &mut Tx<'_>, table: &'static Table, rows: &[Row]) -> Result<(), DbError> {
    target.count()?;
    match &mut target.backend {
        Backend::Sqlite(session) => {
            let mut statement = session.prepare(table.insert_one)?;
            for Row(values) in rows {
                let values: Vec<Param<'_>> = values.iter().map(param).collect();
                bind(&mut statement, &values)?;
                statement.raw_execute().map_err(from_sqlite)?;
            }
        }
        Backend::Postgres(session) => {
            let columns: Vec<Column<'_>> = table
                .columns
                .iter()
                .enumerate()
                .map(|(place, (_, kind))| column(rows, place, *kind))
                .collect::<Result<_, _>>()?;
            let columns: Vec<PgParam<'_>> = columns.iter().map(Column::param).collect();
            session.execute_typed(table.insert_set, &columns)?;
        }
    }
    Ok(())
}

/// A column of a page, for `unnest`.
enum Column<'a> {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<&'a str>>),
    Blob(Vec<Option<&'a [u8]>>),
}

impl Column<'_> {
    fn param(&self) -> PgParam<'_> {
        match self {
            Self::Int(values) => values,
            Self::Text(values) => values,
            Self::Blob(values) => values,
        }
    }
}

fn column(rows: &[Row], place: usize, kind: Kind) -> Result<Column<'_>, DbError> {
    let rows = rows.iter();
    Ok(match kind {
        Kind::Int => Column::Int(rows.map(|row| row.int_opt(place)).collect::<Result<_, _>>()?),
        Kind::Text => Column::Text(rows.map(|row| row.text_opt(place)).collect::<Result<_, _>>()?),
        Kind::Blob => Column::Blob(rows.map(|row| row.blob_opt(place)).collect::<Result<_, _>>()?),
    })
}

pub(crate) fn param(value: &Value) -> Param<'_> {
    match value {
        Value::Null => Param::Null,
        Value::Int(value) => Param::Int(*value),
        Value::Text(value) => Param::Text(value),
        Value::Blob(value) => Param::Blob(value),
    }
}
