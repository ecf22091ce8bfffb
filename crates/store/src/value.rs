//! The four value types that both databases share: null, 64-bit integer, text and blob.

use money::{Currency, Id, IdKind, Timestamp};

use crate::DbError;

/// A bound parameter. Borrowed: a call allocates nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// `params![a, b]` is `&[Param::from(a), Param::from(b)]`; `$1` is the first.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*] };
}

/// A value of a result row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A result row; columns by position, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// All getters fail with [`DbError::Corrupt`] when the column is missing or of another type.
    pub fn int(&self, column: usize) -> Result<i64, DbError> {
        match self.get(column)? {
            Value::Int(value) => Ok(*value),
            other => Err(mismatch(column, "integer", other)),
        }
    }

    pub fn int_opt(&self, column: usize) -> Result<Option<i64>, DbError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(*value)),
            other => Err(mismatch(column, "integer or null", other)),
        }
    }

    pub fn text(&self, column: usize) -> Result<&str, DbError> {
        match self.get(column)? {
            Value::Text(value) => Ok(value),
            other => Err(mismatch(column, "text", other)),
        }
    }

    pub fn text_opt(&self, column: usize) -> Result<Option<&str>, DbError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(mismatch(column, "text or null", other)),
        }
    }

    pub fn blob(&self, column: usize) -> Result<&[u8], DbError> {
        match self.get(column)? {
            Value::Blob(value) => Ok(value),
            other => Err(mismatch(column, "blob", other)),
        }
    }

    pub fn blob_opt(&self, column: usize) -> Result<Option<&[u8]>, DbError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            Value::Blob(value) => Ok(Some(value)),
            other => Err(mismatch(column, "blob or null", other)),
        }
    }

    pub fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N], DbError> {
        let blob = self.blob(column)?;
        blob.try_into().map_err(|_| {
            DbError::Corrupt(format!("column {column}: {} bytes, not {N}", blob.len()))
        })
    }

    pub fn id<K: IdKind>(&self, column: usize) -> Result<Id<K>, DbError> {
        Ok(Id::from_bytes(self.bytes(column)?))
    }

    pub fn id_opt<K: IdKind>(&self, column: usize) -> Result<Option<Id<K>>, DbError> {
        match self.get(column)? {
            Value::Null => Ok(None),
            _ => self.id(column).map(Some),
        }
    }

    pub fn time(&self, column: usize) -> Result<Timestamp, DbError> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub fn time_opt(&self, column: usize) -> Result<Option<Timestamp>, DbError> {
        Ok(self.int_opt(column)?.map(Timestamp::from_micros))
    }

    pub fn currency(&self, column: usize) -> Result<Currency, DbError> {
        let code = self.text(column)?;
        Currency::from_code(code).map_err(|_| DbError::Corrupt(format!("currency {code:?}")))
    }

    fn get(&self, column: usize) -> Result<&Value, DbError> {
        self.0.get(column).ok_or_else(|| DbError::Corrupt(format!("no column {column}")))
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Param<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl From<Currency> for Param<'_> {
    fn from(value: Currency) -> Self {
        Self::Text(value.code())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, K: IdKind> From<&'a Id<K>> for Param<'a> {
    fn from(value: &'a Id<K>) -> Self {
        Self::Blob(value.bytes())
    }
}

impl<'a, T> From<Option<T>> for Param<'a>
where
    Param<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

fn mismatch(column: usize, wanted: &str, found: &Value) -> DbError {
    let kind = match found {
        Value::Null => "null",
        Value::Int(_) => "integer",
        Value::Text(_) => "text",
        Value::Blob(_) => "blob",
    };
    DbError::Corrupt(format!("column {column}: {wanted} wanted, {kind} found"))
}
