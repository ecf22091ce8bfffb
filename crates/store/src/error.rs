//! What can go wrong in a database, as few kinds as a caller can act on.

/// A failure of the database, in the order in which a caller asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// The queue before the database is full: nothing was tried; try later.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The database cannot be reached, is read-only, full or stopping. Nothing was acknowledged; the
    /// same request with the same key may be sent again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Another transaction holds a row for longer than the lock limit, or the bounded retries of a
    /// serialization failure or deadlock are used up.
    #[error("the row is busy: {0}")]
    Busy(String),
    /// A unique key, CHECK or foreign key of this name was violated.
    #[error("constraint {0} violated")]
    Constraint(String),
    /// A column held what the schema rules out, or SQL and schema disagree: a fault of ours.
    #[error("unexpected data: {0}")]
    Corrupt(String),
    /// The closure panicked; its transaction was rolled back.
    #[error("a transaction panicked: {0}")]
    Panicked(String),
    /// The settings or the schema of the database are not what this version needs.
    #[error("the database is not usable: {0}")]
    Refused(String),
}

impl DbError {
    /// True where the fault lies outside and the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable(_) | Self::Busy(_) => true,
            Self::Constraint(_) | Self::Corrupt(_) | Self::Panicked(_) | Self::Refused(_) => false,
        }
    }
}

/// The payload of a caught panic as text, for the log.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}
