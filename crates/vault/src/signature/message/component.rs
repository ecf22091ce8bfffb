//! Component identifiers (RFC 9421 §2): what a signature says that it covers.
//!
//! Read once from the inner list into a type, so that the rest of the code matches on what can be
//! covered. Bound: the name of a field has at most 64 characters.

use super::super::structured::{Bare, Item, Parameters};

/// Longest name of a covered header field: longer than every registered one.
const MAX_FIELD_NAME_CHARS: usize = 64;

/// Why a component cannot be covered, or has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComponentFault {
    /// Not a string, an unknown derived component, or not a field's name in lower case.
    #[error("no such component")]
    Name,
    /// Unknown, not supported (`tr`), with a value of another kind, or not of this component.
    #[error("a parameter that is not supported here")]
    Parameter,
    /// Parameters that exclude each other (§2.5): `bs` with `sf` or `key`.
    #[error("parameters that contradict each other")]
    Incompatible,
    #[error("a component stands twice")]
    Repeated,
    /// Of a response in a request or the reverse, or of a request that is not at hand.
    #[error("not a component of this message")]
    OtherMessage,
    #[error("the message does not have it")]
    Absent,
    /// A query parameter that stands twice (§2.2.8).
    #[error("the query has it more than once")]
    Ambiguous,
    /// Folded lines, control characters, bytes beyond ASCII, a path that is none.
    #[error("its value cannot be signed")]
    Value,
    /// `sf` or `key` of a field that is not a known dictionary, or is not one in this message.
    #[error("not a known structured field")]
    NotStructured,
    #[error("the signature base is too long")]
    TooLong,
}

/// One component of a signature.
#[derive(Debug, Clone)]
pub(super) struct Component {
    pub subject: Subject,
    /// `req` (§2.4): taken from the request that a response answers.
    pub of_request: bool,
    /// The identifier with its parameters in the signer's order, as it stands in the signature base.
    pub identifier: String,
}

/// What is covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Method,
    TargetUri,
    Authority,
    Scheme,
    RequestTarget,
    Path,
    Query,
    /// The encoded name of a parameter (§2.2.8).
    QueryParam(String),
    Status,
    Field {
        name: String,
        form: Form,
    },
}

/// How a field's value stands in the signature base (§2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// `sf`: serialised strictly (§2.1.1).
    Strict,
    /// `key`: one member of a dictionary (§2.1.2).
    Member(String),
    /// `bs`: each line as a byte sequence (§2.1.3).
    Binary,
}

/// The parameters of a component that are known (§6.5.2), but for `tr`.
#[derive(Default)]
struct Known {
    strict: bool,
    binary: bool,
    of_request: bool,
    key: Option<String>,
    name: Option<String>,
}

impl Component {
    /// Errors: [`ComponentFault::Name`], `Parameter`, `Incompatible`.
    pub fn read(item: &Item) -> Result<Self, ComponentFault> {
        let Bare::String(name) = &item.value else {
            return Err(ComponentFault::Name);
        };
        let known = Known::read(&item.parameters)?;
        let of_request = known.of_request;
        let subject = if name.starts_with('@') {
            Subject::derived(name, known)?
        } else {
            Subject::field(name, known)?
        };
        Ok(Self { subject, of_request, identifier: item.text() })
    }

    /// Whether both are one component, in whatever order their parameters stand (§2).
    pub fn is(&self, other: &Self) -> bool {
        self.subject == other.subject && self.of_request == other.of_request
    }
}

impl Subject {
    /// §2.2.
    fn derived(name: &str, known: Known) -> Result<Self, ComponentFault> {
        let is_parameter = name == "@query-param";
        let of_fields = known.strict || known.binary || known.key.is_some();
        if of_fields || known.name.is_some() != is_parameter {
            return Err(ComponentFault::Parameter);
        }
        Ok(match name {
            "@method" => Self::Method,
            "@target-uri" => Self::TargetUri,
            "@authority" => Self::Authority,
            "@scheme" => Self::Scheme,
            "@request-target" => Self::RequestTarget,
            "@path" => Self::Path,
            "@query" => Self::Query,
            "@query-param" => Self::QueryParam(known.name.ok_or(ComponentFault::Parameter)?),
            "@status" => Self::Status,
            _ => return Err(ComponentFault::Name),
        })
    }

    /// §2.1.
    fn field(name: &str, known: Known) -> Result<Self, ComponentFault> {
        if !is_field_name(name) {
            return Err(ComponentFault::Name);
        }
        if known.name.is_some() {
            return Err(ComponentFault::Parameter);
        }
        let form = match (known.binary, known.key, known.strict) {
            (true, None, false) => Form::Binary,
            (true, Some(_), _) | (true, None, true) => return Err(ComponentFault::Incompatible),
            // A member is always serialised strictly: `sf` adds nothing to `key`.
            (false, Some(key), _) => Form::Member(key),
            (false, None, true) => Form::Strict,
            (false, None, false) => Form::Plain,
        };
        Ok(Self::Field { name: name.to_owned(), form })
    }
}

impl Known {
    fn read(parameters: &Parameters) -> Result<Self, ComponentFault> {
        let mut known = Self::default();
        for (key, value) in parameters.iter() {
            match (key, value) {
                ("sf", Bare::Boolean(true)) => known.strict = true,
                ("bs", Bare::Boolean(true)) => known.binary = true,
                ("req", Bare::Boolean(true)) => known.of_request = true,
                ("key", Bare::String(member)) => known.key = Some(member.clone()),
                ("name", Bare::String(name)) => known.name = Some(name.clone()),
                _ => return Err(ComponentFault::Parameter),
            }
        }
        Ok(known)
    }
}

/// RFC 9110 §5.1 in lower case; `@` is no part of it.
fn is_field_name(name: &str) -> bool {
    let is_name_byte = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
    };
    (1..=MAX_FIELD_NAME_CHARS).contains(&name.len()) && name.bytes().all(is_name_byte)
}
