//! The caller's trace, from the header `traceparent` (W3C Trace Context, §3.2), read strictly.
//!
//! What is not exactly as the standard has it is as if it were not there; it refuses nothing. `tracestate` is not
//! read: nothing here goes on to anybody who would want it.

use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderName};

/// The span of somebody else that a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    /// What the caller decided (§3.2.2.5.1).
    pub is_sampled: bool,
}

const NAME: HeaderName = HeaderName::from_static("traceparent");
/// Of version 00; later ones may go on behind another dash (§4.3).
const BYTES: usize = 55;
const SAMPLED: u8 = 1;

impl Parent {
    /// None where the header is absent, there twice, or not well-formed.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(NAME).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::read(value.as_bytes())
    }

    /// Lower case only; neither id is all zeros; version `ff` is none.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(BYTES)?;
        let [version, trace, span, flags] = parts(known)?;
        let version: [u8; 1] = hex(version)?;
        let is_whole = match version {
            [0xff] => false,
            [0] => rest.is_empty(),
            [_] => rest.is_empty() || rest.starts_with(b"-"),
        };
        if !is_whole {
            return None;
        }
        let (trace, span, [flags]) = (hex(trace)?, hex(span)?, hex(flags)?);
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self { trace, span, is_sampled: flags & SAMPLED != 0 })
    }
}

/// Version, trace, span and flags.
fn parts(text: &[u8]) -> Option<[&[u8]; 4]> {
    let mut parts = text.split(|byte| *byte == b'-');
    let found = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Into a place of its own, since most requests are not told of and are to allocate nothing.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let fits = HEXLOWER.decode_len(text.len()).is_ok_and(|length| length == N);
    (fits && HEXLOWER.decode_mut(text, &mut bytes).is_ok()).then_some(bytes)
}
