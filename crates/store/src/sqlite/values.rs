//! Values and parameters between the store and SQLite.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::from_sqlite;
use crate::value::Value;
use crate::{DbError, Param};

/// `$1` names a parameter in SQLite and is numbered by first appearance; `?1` is the number itself.
pub(super) fn number_parameters(sql: &str) -> String {
    let mut quoted = false;
    sql.chars()
        .map(|c| {
            quoted ^= c == '\'';
            if c == '$' && !quoted { '?' } else { c }
        })
        .collect()
}

pub(crate) fn bind(
    statement: &mut rusqlite::Statement<'_>,
    params: &[Param<'_>],
) -> Result<(), DbError> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(DbError::Corrupt(format!("{} parameters, {wanted} wanted", params.len())));
    }
    bind_from(statement, 0, params)
}

/// Binds `params` behind the first `before` parameters.
pub(crate) fn bind_from(
    statement: &mut rusqlite::Statement<'_>,
    before: usize,
    params: &[Param<'_>],
) -> Result<(), DbError> {
    for (param, index) in params.iter().zip(before + 1..) {
        statement.raw_bind_parameter(index, *param).map_err(from_sqlite)?;
    }
    Ok(())
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

pub(super) fn read_value(value: ValueRef<'_>) -> Result<Value, DbError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(n) => Ok(Value::Int(n)),
        ValueRef::Real(_) => Err(DbError::Corrupt("a floating point value".to_owned())),
        ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
            .map(Value::Text)
            .map_err(|_| DbError::Corrupt("text that is not UTF-8".to_owned())),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
    }
}
