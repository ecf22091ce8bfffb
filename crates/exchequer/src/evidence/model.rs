//! What the log covers, as it stands in its rows; nothing of it believed or repaired.

/// Bytes of an id.
pub type RowId = [u8; 16];

/// Below every id.
pub const LOWEST: RowId = [0; 16];
/// Above every id: the variant bits of an id are 10.
pub const HIGHEST: RowId = [u8::MAX; 16];

/// What 48 bits hold.
const MAX_MILLIS: u64 = (1 << 48) - 1;

/// The tables that the log covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Events,
    Transfers,
}

/// A row, by its table and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// First, so that rows are ordered by time.
    pub id: RowId,
    pub table: Table,
}

/// A row and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredRow {
    pub id: RowId,
    pub facts: Facts,
    pub request: RowId,
    pub origin: OriginRow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    Event(EventFacts),
    Transfer(TransferFacts),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// Microseconds since 1970.
    pub at: i64,
    pub action: String,
    pub resource: String,
    pub outcome: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub subject: Option<RowId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFacts {
    pub debit: SideFacts,
    pub credit: SideFacts,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub kind: i64,
    /// Microseconds since 1970.
    pub posted_at: i64,
    pub memo: Option<String>,
    pub reference: Option<RowId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideFacts {
    pub account: RowId,
    pub number: i64,
    pub previous: Option<RowId>,
    pub balance: i64,
}

/// The row of `origins` that a row names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRow {
    pub id: RowId,
    pub actor_kind: String,
    pub actor: Option<RowId>,
    pub session: Option<RowId>,
    pub address: String,
    pub agent: String,
    pub first_seen_at: i64,
}

impl Table {
    pub const ALL: [Self; 2] = [Self::Events, Self::Transfers];

    /// The byte in bundles and leaves.
    pub const fn code(self) -> u8 {
        match self {
            Self::Events => 1,
            Self::Transfers => 2,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Transfers => "transfers",
        }
    }
}

impl RowKey {
    /// The id as the API writes it.
    pub fn text(&self) -> String {
        match self.table {
            Table::Events => money::EventId::from_bytes(self.id).to_string(),
            Table::Transfers => money::TransferId::from_bytes(self.id).to_string(),
        }
    }
}

impl CoveredRow {
    pub fn key(&self) -> RowKey {
        let table = match self.facts {
            Facts::Event(_) => Table::Events,
            Facts::Transfer(_) => Table::Transfers,
        };
        RowKey { id: self.id, table }
    }

    /// Whose salt its personal values are committed to with: who acted, else who is told of it, else the bank.
    pub fn person(&self) -> RowId {
        let subject = match &self.facts {
            Facts::Event(event) => event.subject,
            Facts::Transfer(_) => None,
        };
        self.origin.actor.or(subject).unwrap_or(LOWEST)
    }
}

/// Milliseconds since 1970 at which an id was made (RFC 9562 §5.7).
pub fn millis_of(id: &RowId) -> u64 {
    id.iter().take(6).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The lowest id that can have been made at this time or later.
pub fn first_id_at(millis: u64) -> RowId {
    let mut id = LOWEST;
    let [_, _, bytes @ ..] = millis.min(MAX_MILLIS).to_be_bytes();
    for (to, from) in id.iter_mut().zip(bytes) {
        *to = from;
    }
    id
}
