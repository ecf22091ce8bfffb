//! Values to and from the driver: four kinds, and nothing is coerced.

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::from_postgres;
use crate::value::Value;
use crate::{DbError, Param, Row};

pub(super) fn read_row(row: &tokio_postgres::Row) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        values.push(read_value(row, index, column.type_()).map_err(from_postgres)?.ok_or_else(
            || DbError::Corrupt(format!("column {index} has type {}", column.type_())),
        )?);
    }
    Ok(Row(values))
}

/// `None`: a type that is not one of the four.
fn read_value(
    row: &tokio_postgres::Row,
    index: usize,
    kind: &Type,
) -> Result<Option<Value>, tokio_postgres::Error> {
    Ok(Some(match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(index)?.map_or(Value::Null, Value::Int),
        Type::INT4 => {
            row.try_get::<_, Option<i32>>(index)?.map_or(Value::Null, |n| Value::Int(n.into()))
        }
        Type::BOOL => {
            row.try_get::<_, Option<bool>>(index)?.map_or(Value::Null, |b| Value::Int(b.into()))
        }
        Type::TEXT | Type::VARCHAR | Type::NAME => {
            row.try_get::<_, Option<String>>(index)?.map_or(Value::Null, Value::Text)
        }
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, Value::Blob),
        _ => return Ok(None),
    }))
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => value.to_sql(kind, out),
            (Self::Text(value), &Type::TEXT | &Type::VARCHAR | &Type::NAME) => {
                value.to_sql(kind, out)
            }
            (Self::Blob(value), &Type::BYTEA) => value.to_sql(kind, out),
            (value, kind) => Err(format!("{value:?} bound where {kind} is wanted").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::VARCHAR | Type::NAME | Type::BYTEA)
    }

    to_sql_checked!();
}
