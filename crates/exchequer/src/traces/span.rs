//! A span that ended: what is known of it, in types that hold no text from outside.

use money::{RequestId, Timestamp};

/// What a span is, by OTLP's numbers (`opentelemetry.proto.trace.v1.Span.SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

pub(super) struct Record {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: Name,
    pub kind: Kind,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// A word for what failed: the status is then an error, and `error.type` says it.
    pub failed: Option<&'static str>,
    pub attributes: Vec<(&'static str, Value)>,
}

pub(super) enum Name {
    Word(&'static str),
    /// Method and path of a route, as the table of routes has them.
    Route(&'static str, &'static str),
}

pub(super) enum Value {
    Word(&'static str),
    Number(i64),
    Request(RequestId),
}
