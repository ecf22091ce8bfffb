//! A payment's receipt: its steps, what shows each in the log, and the bank's signature over all of it.
//!
//! Order: the payment and its steps; of each the leaves that it must have; then the receipt is checked as a stranger
//! would check it, and what it says of the payment as a whole is compared with what the event of its beginning has; only
//! then it is signed. So whoever changes a payment, its steps or what shows them does not get the bank to sign for it; who
//! takes a payment's newest step away with all that it changed in the payment's row is found by `verify` alone. Bound:
//! [`MOST_STEPS`]. Cost: of each step one look at the events behind a moment and one at its transfers, 20,000 rows at a time.
//! Never here: a write.

use ::store::{DbError, Tx};
use merkle::{Checkpoint, Hash};
use money::{MerchantId, PaymentId, Timestamp};
use serde_json::{Value, json};

use super::model::{PaymentRow, StepRow};
use super::store;
use crate::bank::Tools;
use crate::evidence::model::{Facts, RowId, RowKey, Table};
use crate::evidence::payment::steps::Expected;
use crate::evidence::payment::{MOST_STEPS, PaidFacts, PaidLeaf, PaidStep, PaymentReceipt};
use crate::evidence::proofs::{self, Shown};
use crate::evidence::receipt::ReceiptError;
use crate::http::{Code, Problem};
use crate::merchants::keys::Mode;

/// A receipt of a merchant's own payment, as it stood at `now`, which is before anything of it was read. Refuses, in order: `not_found`, `receipt_too_long`, `receipt_not_ready`.
pub(super) fn receipt(
    tx: &mut Tx<'_>,
    tools: &Tools,
    of: (&MerchantId, Mode),
    (id, now): (&PaymentId, Timestamp),
) -> Result<Result<PaymentReceipt, Problem>, DbError> {
    let Some(row) = store::find(tx, of, id)? else {
        return Ok(Err(Problem::new(Code::NotFound)));
    };
    let most = i64::try_from(MOST_STEPS).unwrap_or(i64::MAX);
    let mut steps = store::steps(tx, id, most.saturating_add(1))?;
    if steps.len() > MOST_STEPS {
        return Ok(Err(Problem::new(Code::ReceiptTooLong)));
    }
    steps.reverse();
    let is_busy = store::is_busy(tx, id)?;
    let facts = facts(&row, is_busy, now);
    let mut shown_steps = Vec::with_capacity(steps.len());
    let not_ready = || Ok(Err(Problem::new(Code::ReceiptNotReady)));
    for step in &steps {
        match shown(tx, &facts, step)? {
            Some(step) => shown_steps.push(step),
            None => return not_ready(),
        }
    }
    let Some((size, root)) = proofs::root_in(tx, &tools.keyring())? else { return not_ready() };
    let mut receipt = PaymentReceipt::of(facts, shown_steps, size);
    receipt.check(&root).map_err(|error| contradicted(id, &error))?;
    sign(tools, &mut receipt, root)?;
    Ok(Ok(receipt))
}

fn facts(row: &PaymentRow, is_busy: bool, now: Timestamp) -> PaidFacts {
    PaidFacts {
        id: row.id.to_string(),
        merchant: row.merchant.to_string(),
        mode: row.mode.as_str().to_owned(),
        status: row.status(is_busy).to_owned(),
        amount: row.amount,
        currency: row.currency.code().to_owned(),
        capture: if row.is_automatic { "automatic" } else { "manual" }.to_owned(),
        captured: row.captured,
        refunded: row.refunded,
        fee: row.fee,
        decline_code: row.refusal.clone(),
        created_at: row.created_at.to_string(),
        as_of: now.to_string(),
    }
}

/// A step with its leaves; none while one of them is no leaf yet.
fn shown(tx: &mut Tx<'_>, facts: &PaidFacts, row: &StepRow) -> Result<Option<PaidStep>, DbError> {
    let mut step = PaidStep {
        operation: row.operation(),
        kind: row.kind.as_str().to_owned(),
        amount: row.amount,
        r#final: row.is_final,
        state: row.state.as_str().to_owned(),
        code: row.refusal.clone(),
        began_at: row.created_at.to_string(),
        ended_at: row.ended_at.map(|at| at.to_string()),
        leaves: Vec::new(),
    };
    let expected = step.expected(facts).map_err(|error| contradicted(&row.payment, &error))?;
    let mut money_before = None;
    for expected in expected {
        if expected.is_optional() && facts.fee == 0 {
            continue;
        }
        let Some(key) = find(tx, &step.operation, (&expected, money_before))? else {
            if expected.is_optional() {
                continue;
            }
            return Ok(None);
        };
        let Some(found) = proofs::shown_in(tx, &key)? else { return Ok(None) };
        if !begins_as_said(&found, facts) {
            return Err(contradicted(&row.payment, &ReceiptError::Total("what it began with")));
        }
        if matches!(expected, Expected::Money { .. }) {
            money_before = Some(key.id);
        }
        step.leaves.push(leaf(&found));
    }
    Ok(Some(step))
}

/// Whether the event of a payment's beginning has what is said of the payment. Nothing of it stands in a leaf by itself,
/// but the leaf is made of the event's row, and the receipt's check compares it with the log.
fn begins_as_said(shown: &Shown, said: &PaidFacts) -> bool {
    let Facts::Event(event) = &shown.row.facts else { return true };
    if event.action != "payment.created" {
        return true;
    }
    let after = event.after.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let said = [
        ("merchant", json!(said.merchant)),
        ("mode", json!(said.mode)),
        ("capture", json!(said.capture)),
        ("currency", json!(said.currency)),
        ("amount", json!(said.amount)),
    ];
    after.is_some_and(|after| said.iter().all(|(name, value)| after.get(name) == Some(value)))
}

/// The row that shows a part of a step. A fee is booked right behind `money_before`, in one act.
fn find(
    tx: &mut Tx<'_>,
    operation: &str,
    (expected, money_before): (&Expected, Option<RowId>),
) -> Result<Option<RowKey>, DbError> {
    match expected {
        Expected::Event { action, resource, at } => {
            let found = store::event(tx, (action, resource), (operation, *at))?;
            Ok(found.map(|id| RowKey { id: *id.bytes(), table: Table::Events }))
        }
        Expected::Money { kind, step, at, .. } => {
            let found = match money_before.filter(|_| expected.is_optional()) {
                Some(id) => store::posting_behind(tx, (step, *kind), &id)?,
                None => store::posting(tx, (step, *kind), *at)?,
            };
            Ok(found.map(|id| RowKey { id: *id.bytes(), table: Table::Transfers }))
        }
    }
}

fn leaf(shown: &Shown) -> PaidLeaf {
    let encode = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let proof = shown.proof.iter().map(|hash| encode(hash)).collect();
    PaidLeaf { index: shown.index, leaf: encode(&shown.leaf), proof }
}

fn sign(tools: &Tools, receipt: &mut PaymentReceipt, root: Hash) -> Result<(), DbError> {
    let origin = tools.config().evidence.origin.clone();
    let text = receipt.text(&Checkpoint { origin, size: receipt.size, root });
    receipt.checkpoint = proofs::sign(tools, &text)?.to_string();
    Ok(())
}

/// Somebody has changed a payment, a step or what shows it.
fn contradicted(id: &PaymentId, error: &ReceiptError) -> DbError {
    DbError::Corrupt(format!("{id} is not as the log has it: {error}"))
}
