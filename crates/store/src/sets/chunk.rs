//! Many rows in one INSERT, for SQLite.
//!
//! A statement costs its start, its end and a b-tree descent from the root. One statement over
//! several rows pays start and end once, and its cursor stays where it is, so that the next ascending
//! key is found without a descent. Rows go in statements of [`ROWS`], and what is left in ones of half as many,
//! and so on: 24 rows, which is what 64 callers who wait come to, are two statements.

use crate::sqlite::{SqliteSession, bind_from, from_sqlite};
use crate::{DbError, Param};

/// Rows of the largest statement. More gain nothing: what is saved for each statement is small by then.
pub(crate) const ROWS: usize = 32;

/// The texts of one INSERT.
pub(crate) struct Insert {
    /// For [`ROWS`] rows, for half as many, and so on down to one.
    texts: Vec<(usize, String)>,
}

impl Insert {
    /// `into` names the table and its columns; `tail` is an ON CONFLICT clause or nothing.
    pub fn new(into: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let text = |rows| format!("{into} VALUES {} {tail}", vec![row.as_str(); rows].join(", "));
        let sizes =
            std::iter::successors(Some(ROWS), |rows| Some(rows / 2).filter(|half| *half > 0));
        Self { texts: sizes.map(|rows| (rows, text(rows))).collect() }
    }

    /// Inserts all `rows`; `values` gives the parameters of one. `partly` is called with a chunk of
    /// which the conflict clause left some out.
    pub fn run<'r, T, const N: usize>(
        &'static self,
        session: &SqliteSession,
        rows: &'r [T],
        values: impl Fn(&'r T) -> [Param<'r>; N],
        mut partly: impl FnMut(&'r [T]) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let mut rest = rows;
        for (size, text) in &self.texts {
            if rest.len() < *size {
                continue;
            }
            let mut statement = session.prepare(text)?;
            while let Some((chunk, others)) = rest.split_at_checked(*size) {
                for (place, row) in chunk.iter().enumerate() {
                    bind_from(&mut statement, place * N, &values(row))?;
                }
                if statement.raw_execute().map_err(from_sqlite)? < *size {
                    partly(chunk)?;
                }
                rest = others;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
