//! The sandbox gateway's memory across restarts: one line of JSON for each decided operation, only appended.
//!
//! Order: a line is written before its answer goes out, so what was answered is known after `kill -9`. It is
//! not synced: a power cut may take the last lines, which is enough for a sandbox. A last line without its
//! end was never answered and is cut off; any other line that cannot be read stops the start. Cost: one
//! write of some 250 bytes. Bound: none but the disk's; take the file away to begin anew. Never here: a card
//! number; of a request there is only a keyed fingerprint.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use money::{Currency, Money, PaymentId, Timestamp};
use serde::{Deserialize, Serialize};

use super::book::{Deed, Record, Verdict};
use super::refusal::Refusal;
use crate::gateways::{Kind, is_operation_id};

pub struct Journal {
    file: File,
    /// A write failed, so the end of the file is not known.
    is_broken: bool,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("line {0} is not of this journal")]
    Line(usize),
}

/// Bytes of a line: ten times what one has.
const MAX_LINE_BYTES: u64 = 4_096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    operation: String,
    fingerprint: String,
    /// Microseconds since 1970.
    at: i64,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// Of an authorisation, whether it captured; of a capture, whether it was final.
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Journal {
    /// Opens or makes it (mode 0600), and gives `each` record in order.
    pub fn open(path: &Path, mut each: impl FnMut(Record)) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        for number in 1.. {
            let mut line = Vec::new();
            io::Read::take(&mut reader, MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
            match line.strip_suffix(b"\n") {
                Some(text) => each(read(text).ok_or(JournalError::Line(number))?),
                None if u64::try_from(line.len()).unwrap_or(u64::MAX) == MAX_LINE_BYTES => {
                    return Err(JournalError::Line(number));
                }
                None => break,
            }
            whole += u64::try_from(line.len()).unwrap_or(u64::MAX);
        }
        drop(reader);
        file.set_len(whole)?;
        Ok(Self { file, is_broken: false })
    }

    /// Writes one line whole. After a failure it takes no more: half a line may stand at the end.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("an earlier line was not written"));
        }
        let mut line = serde_json::to_vec(&Line::of(record))?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        self.is_broken = written.is_err();
        written
    }
}

impl Line {
    fn of(record: &Record) -> Self {
        let bare = Self {
            operation: record.operation.to_string(),
            fingerprint: HEXLOWER.encode(&record.fingerprint),
            at: record.at.micros(),
            status: "closed".to_owned(),
            act: None,
            payment: None,
            amount: None,
            currency: None,
            flag: None,
            code: None,
        };
        match record.verdict {
            Verdict::Done { payment, deed } => Self {
                status: "done".to_owned(),
                act: Some(deed.kind().as_str().to_owned()),
                payment: Some(payment.to_string()),
                amount: Some(deed.money().minor()),
                currency: Some(deed.money().currency().code().to_owned()),
                flag: match deed {
                    Deed::Authorized { capture, .. } => Some(capture),
                    Deed::Captured { is_final, .. } => Some(is_final),
                    Deed::Canceled { .. } | Deed::Refunded { .. } => None,
                },
                ..bare
            },
            Verdict::Refused { payment, kind, refusal } => Self {
                status: "refused".to_owned(),
                act: Some(kind.as_str().to_owned()),
                payment: Some(payment.to_string()),
                code: Some(refusal.as_str().to_owned()),
                ..bare
            },
            Verdict::Closed => bare,
        }
    }

    fn verdict(&self) -> Option<Verdict> {
        if self.status == "closed" {
            return Some(Verdict::Closed);
        }
        let payment: PaymentId = self.payment.as_deref()?.parse().ok()?;
        let kind = Kind::parse(self.act.as_deref()?)?;
        match self.status.as_str() {
            "done" => Some(Verdict::Done { payment, deed: self.deed(kind)? }),
            "refused" => {
                let refusal = Refusal::parse(self.code.as_deref()?)?;
                Some(Verdict::Refused { payment, kind, refusal })
            }
            _ => None,
        }
    }

    fn deed(&self, kind: Kind) -> Option<Deed> {
        let currency = Currency::from_code(self.currency.as_deref()?).ok()?;
        let money = Money::new(self.amount.filter(|amount| *amount >= 0)?, currency);
        Some(match kind {
            Kind::Authorize => Deed::Authorized { money, capture: self.flag? },
            Kind::Capture => Deed::Captured { money, is_final: self.flag? },
            Kind::Cancel => Deed::Canceled { released: money },
            Kind::Refund => Deed::Refunded { money },
        })
    }
}

fn read(text: &[u8]) -> Option<Record> {
    let line: Line = serde_json::from_slice(text).ok()?;
    let fingerprint = HEXLOWER.decode(line.fingerprint.as_bytes()).ok()?.try_into().ok()?;
    Some(Record {
        verdict: line.verdict()?,
        operation: Some(line.operation).filter(|id| is_operation_id(id)).map(Arc::from)?,
        fingerprint,
        at: Timestamp::from_micros(line.at),
    })
}

#[cfg(test)]
mod tests;
