//! Receipts of card payments: what was authorised, captured and given back until a checkpoint, signed by the bank.
//!
//! A payment is no row of the log; what happened to it is. So a receipt has the payment as it stood, every step of it,
//! and for each step the leaves that show it ([`steps`]): events by their action, resource and time, money by its
//! amount, kind and step. What no leaf shows in the open (that these steps are all, and whose payment it is) the bank
//! signs for: the checkpoint is made for the receipt, and its fourth line has the hash of payment and steps.
//!
//! Order of a check: the signature, the hash, each step's leaves, the sums. Cost: some forty hashes a leaf and one
//! signature. Pure. Never here: a card's number, or what happened after the checkpoint.

pub mod steps;

use data_encoding::BASE64;
use merkle::{Checkpoint, Hash, Note, VerifierKey};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::ToSchema;
use vault::sha256;

use super::leaf::Writer;
use super::receipt::ReceiptError;

/// The version of the document.
const VERSION: u32 = 1;
/// What the hashed statement begins with.
const LABEL: &str = "payment receipt 1";
/// What the checkpoint's fourth line begins with.
const LINE: &str = "payment-receipt/v1";
/// Steps of one receipt: each is looked for in the log, and shown with four leaves at most.
pub const MOST_STEPS: usize = 100;

/// A receipt of a card payment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentReceipt)]
pub struct PaymentReceipt {
    /// 1.
    pub version: u32,
    pub payment: PaidFacts,
    /// All that the gateway was ever asked for, oldest first.
    pub steps: Vec<PaidStep>,
    /// How many leaves the log had.
    pub size: u64,
    /// The signed note (C2SP tlog-checkpoint); its fourth line has the hash of payment and steps.
    pub checkpoint: String,
}

/// A payment as it stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentReceiptFacts)]
pub struct PaidFacts {
    pub id: String,
    pub merchant: String,
    /// `test` or `live`.
    pub mode: String,
    /// `processing`, `authorized`, `succeeded`, `declined` or `canceled`.
    pub status: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    /// `automatic` or `manual`.
    pub capture: String,
    /// Minor units taken from the card.
    pub captured: i64,
    /// Minor units given back.
    pub refunded: i64,
    /// Minor units that the bank took of what was captured.
    pub fee: i64,
    /// Why it was declined, in the gateway's word.
    pub decline_code: Option<String>,
    /// RFC 3339, UTC, to the microsecond.
    pub created_at: String,
    /// When the bank signed this.
    pub as_of: String,
}

/// One thing that the gateway was asked to do, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentReceiptStep)]
pub struct PaidStep {
    /// Its name at the gateway.
    #[schema(example = "pay_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    pub operation: String,
    /// `authorize`, `capture`, `cancel` or `refund`.
    pub kind: String,
    /// Minor units.
    pub amount: i64,
    /// Of a capture: that no other follows.
    pub r#final: bool,
    /// `submitting`, `unknown`, `done` or `refused`.
    pub state: String,
    /// The gateway's word for a refusal.
    pub code: Option<String>,
    pub began_at: String,
    pub ended_at: Option<String>,
    /// What shows it in the log, in the order that the page on receipts has.
    pub leaves: Vec<PaidLeaf>,
}

/// A leaf and the way from it to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentReceiptLeaf)]
pub struct PaidLeaf {
    /// The leaf's number, from 0.
    pub index: u64,
    /// The leaf, base64: version and table, then each field with its length before it.
    pub leaf: String,
    /// Hashes beside the way from the leaf to the root, base64, the lowest first (RFC 6962).
    pub proof: Vec<String>,
}

impl PaymentReceipt {
    /// A receipt that nobody has signed yet.
    pub fn of(payment: PaidFacts, steps: Vec<PaidStep>, size: u64) -> Self {
        Self { version: VERSION, payment, steps, size, checkpoint: String::new() }
    }

    /// The text that the bank signs: a checkpoint of the log with one line more.
    pub fn text(&self, checkpoint: &Checkpoint) -> String {
        format!("{checkpoint}{}\n", self.line())
    }

    /// Reads a receipt and checks all of it against the bank's key.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<Self, ReceiptError> {
        let receipt: Self = serde_json::from_str(text)
            .map_err(|error| ReceiptError::Malformed(error.to_string()))?;
        if receipt.version != VERSION {
            return Err(ReceiptError::Malformed("another version".to_owned()));
        }
        let unsigned = |error: &dyn std::error::Error| ReceiptError::Checkpoint(error.to_string());
        let said = Checkpoint::verified(&receipt.checkpoint, std::slice::from_ref(key))
            .map_err(|error| unsigned(&error))?;
        let note = Note::parse(&receipt.checkpoint).map_err(|error| unsigned(&error))?;
        let is_this = note.unverified_text().lines().skip(3).eq([receipt.line().as_str()]);
        if !is_this || said.size != receipt.size {
            return Err(ReceiptError::Statement);
        }
        receipt.check(&said.root)?;
        Ok(receipt)
    }

    /// Whether the log under a root has what the steps say, and the steps make the payment; whoever signed it.
    ///
    /// Errors, in order: of each step malformed, inclusion, step; then total.
    pub fn check(&self, root: &Hash) -> Result<(), ReceiptError> {
        if self.steps.len() > MOST_STEPS {
            return Err(ReceiptError::Malformed("too many steps".to_owned()));
        }
        let mut totals = steps::Totals::default();
        let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
        for step in &self.steps {
            let fee = step.check(&self.payment, (self.size, root))?;
            totals.add(&self.payment, step, fee)?;
            // One leaf shows one step.
            let is_new = step.leaves.iter().all(|leaf| numbers.insert(leaf.index));
            if !is_new || !names.insert(step.operation.as_str()) {
                return Err(step.differs("it is there twice"));
            }
        }
        totals.check(self)
    }

    fn line(&self) -> String {
        format!("{LINE} {}", BASE64.encode(&self.hash()))
    }

    /// Of all that the bank signs for, each value as it is written in the document, with its length before it.
    fn hash(&self) -> Hash {
        let PaidFacts { id, merchant, mode, status, amount, currency, .. } = &self.payment;
        let PaidFacts { capture, captured, refunded, fee, decline_code, created_at, as_of, .. } =
            &self.payment;
        let mut said = Statement::default();
        said.texts(&[LABEL, id, merchant, mode, status]).number(amount).texts(&[currency, capture]);
        said.number(captured).number(refunded).number(fee).optional(decline_code.as_ref());
        said.texts(&[created_at, as_of]).number(&self.steps.len());
        for step in &self.steps {
            said.texts(&[&step.operation, &step.kind]).number(&step.amount).number(&step.r#final);
            said.texts(&[&step.state]).optional(step.code.as_ref()).texts(&[&step.began_at]);
            said.optional(step.ended_at.as_ref()).number(&step.leaves.len());
            for leaf in &step.leaves {
                said.number(&leaf.index);
            }
        }
        sha256(&said.0.0)
    }
}

/// What is signed for, as bytes of which no two statements have the same.
#[derive(Default)]
struct Statement(Writer);

impl Statement {
    fn texts(&mut self, texts: &[&str]) -> &mut Self {
        for text in texts {
            self.0.optional(Some(text.as_bytes()));
        }
        self
    }

    fn number(&mut self, value: &impl ToString) -> &mut Self {
        self.texts(&[&value.to_string()])
    }

    fn optional(&mut self, text: Option<&String>) -> &mut Self {
        self.0.optional(text.map(String::as_bytes));
        self
    }
}

impl std::fmt::Display for PaymentReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PaidFacts { id, merchant, mode, status, amount, currency, .. } = &self.payment;
        let PaidFacts { captured, refunded, fee, as_of, .. } = &self.payment;
        // Whoever wrote it does not write to this terminal.
        let plain = |text: &str| text.escape_debug().to_string();
        writeln!(f, "The bank has signed for this card payment, as it stood at {}:", plain(as_of))?;
        writeln!(f, "  payment   {} ({}), {}", plain(id), plain(mode), plain(status))?;
        writeln!(f, "  merchant  {}", plain(merchant))?;
        writeln!(f, "  amount    {amount} {} (minor units)", plain(currency))?;
        writeln!(f, "  captured  {captured}, of it the bank's fee {fee}\n  refunded  {refunded}")?;
        for step in &self.steps {
            let leaves: Vec<String> =
                step.leaves.iter().map(|leaf| leaf.index.to_string()).collect();
            let (name, state) = (plain(&step.operation), plain(&step.state));
            writeln!(f, "  {name}  {} {state}, leaves {}", step.amount, leaves.join(", "))?;
        }
        writeln!(f, "  as of     {} leaves; what came later is not in it", self.size)
    }
}

#[cfg(test)]
mod tests;
