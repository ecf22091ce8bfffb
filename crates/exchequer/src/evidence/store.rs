//! SQL of the log: the rows it covers, and its own tables.

mod log;
mod rows;
mod salts;

pub(super) use self::log::*;
pub(super) use self::rows::*;
pub(super) use self::salts::*;
