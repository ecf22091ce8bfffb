//! Rows copied in while the transaction goes on.
//!
//! `COPY … FROM STDIN BINARY` writes a page of rows at once. They are sent as one message, and how it ended
//! is asked for later: by the next error, the next copy, or the end of the transaction. Meanwhile the closure
//! works out what comes next. Whatever is sent before that waits in the server's queue behind the rows, so
//! the order is the same as if each waited. Bound: one copy at a time, and its rows in memory.

use futures_util::SinkExt;
use tokio::task::JoinHandle;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

use super::{Lock, PgSession};
use crate::{DbError, Param};

/// The end of a copy, once the server has said it.
pub(super) type Copying = JoinHandle<Result<u64, tokio_postgres::Error>>;

/// PostgreSQL documentation, COPY, \"Binary Format\": signature, flags, length of the extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: i16 = -1;
/// A row of transfers, to begin with.
const ROW_BYTES: usize = 320;
/// Turns that the connection's task gets to hand the rows to the system before the closure goes on.
const TURNS: usize = 4;

impl PgSession {
    /// Appends rows: each of the types, in the order of the statement's columns. An error of the rows
    /// themselves may come with a later statement.
    pub fn copy_in<'r, const N: usize>(
        &mut self,
        sql: &'static str,
        types: &[Type; N],
        rows: impl ExactSizeIterator<Item = [Param<'r>; N]>,
    ) -> Result<(), DbError> {
        let statement = self.prepare(sql, Lock::None)?;
        let bytes = encode(types, rows)?.freeze();
        let client = &self.client;
        let sent = self.runtime.block_on(async {
            let mut sink = Box::pin(client.copy_in(&statement).await?);
            sink.send(bytes).await?;
            let end = tokio::spawn(async move { sink.as_mut().finish().await });
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            Ok(end)
        });
        let end = sent.map_err(|error| self.failed(error))?;
        // The server took these rows after those before.
        let before = self.end_copy();
        self.copying = Some(end);
        before
    }

    /// Waits until the server has taken what was copied in.
    pub(super) fn end_copy(&mut self) -> Result<(), DbError> {
        let Some(copying) = self.copying.take() else { return Ok(()) };
        match self.runtime.block_on(copying) {
            Ok(Ok(_rows)) => Ok(()),
            Ok(Err(error)) => Err(self.judge(error)),
            Err(error) => Err(DbError::Panicked(format!("a copy: {error}"))),
        }
    }
}

fn encode<'r, const N: usize>(
    types: &[Type; N],
    rows: impl ExactSizeIterator<Item = [Param<'r>; N]>,
) -> Result<BytesMut, DbError> {
    let mut out = BytesMut::with_capacity(rows.len() * ROW_BYTES);
    out.extend_from_slice(HEADER);
    let columns = i16::try_from(N).map_err(|_| too_long())?.to_be_bytes();
    for row in rows {
        out.extend_from_slice(&columns);
        for (value, kind) in row.iter().zip(types) {
            let at = out.len();
            out.extend_from_slice(&[0; 4]);
            let written = value.to_sql(kind, &mut out);
            let length = match written.map_err(|error| DbError::Corrupt(error.to_string()))? {
                IsNull::Yes => -1,
                IsNull::No => i32::try_from(out.len() - at - 4).map_err(|_| too_long())?,
            };
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&TRAILER.to_be_bytes());
    Ok(out)
}

fn too_long() -> DbError {
    DbError::Corrupt("a value that is too long to copy in".to_owned())
}
