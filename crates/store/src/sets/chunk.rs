//! Many rows in one INSERT, for SQLite.
//!
//! A statement costs its start, its end and a b-tree descent from the root. One statement over
//! [`ROWS`] rows pays start and end once, and its cursor stays where it is, so that the next ascending
//! key is found without a descent.

use crate::sqlite::{SqliteSession, bind, bind_from, from_sqlite};
use crate::{DbError, Param};

/// Rows of one statement. More gain nothing: what is saved for each statement is small by then.
pub(crate) const ROWS: usize = 32;

/// The texts of one INSERT, for [`ROWS`] rows and for one.
pub(crate) struct Insert {
    many: String,
    one: String,
}

impl Insert {
    /// `into` names the table and its columns; `tail` is an ON CONFLICT clause or nothing.
    pub fn new(into: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let text = |rows| format!("{into} VALUES {} {tail}", vec![row.as_str(); rows].join(", "));
        Self { many: text(ROWS), one: text(1) }
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
        let chunks = rows.chunks_exact(ROWS);
        let rest = chunks.remainder();
        if rows.len() >= ROWS {
            let mut statement = session.prepare(&self.many)?;
            for chunk in chunks {
                for (place, row) in chunk.iter().enumerate() {
                    bind_from(&mut statement, place * N, &values(row))?;
                }
                if statement.raw_execute().map_err(from_sqlite)? < ROWS {
                    partly(chunk)?;
                }
            }
        }
        let mut statement = session.prepare(&self.one)?;
        for row in rest {
            bind(&mut statement, &values(row))?;
            if statement.raw_execute().map_err(from_sqlite)? == 0 {
                partly(std::slice::from_ref(row))?;
            }
        }
        Ok(())
    }
}
