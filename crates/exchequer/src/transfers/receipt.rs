//! A transfer as one of its parties reads it afterwards: with what a receipt needs.
//!
//! The answer of `POST /v1/transfers` is pinned (`model`); this one may grow.

use ::store::rows::{TransferKind, TransferRow};
use ::store::{DbError, Tx};
use money::{AccountId, CustomerId, HoldId, TransferId};
use serde::Serialize;
use utoipa::ToSchema;

use super::store::find_visible;
use crate::accounts::model::BANK;
use crate::bank::Tools;
use crate::{accounts, beneficiaries};

/// A posted transfer with its two parties.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptView {
    #[schema(example = "trf_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    id: String,
    from: String,
    to: String,
    /// Minor units.
    amount: i64,
    currency: &'static str,
    /// `posted`: a transfer is final.
    #[schema(example = "posted")]
    status: &'static str,
    memo: Option<String>,
    posted_at: String,
    /// Why money moved: `transfer`, `deposit`, `withdrawal`, `capture`, `reversal` …
    #[schema(example = "transfer")]
    kind: &'static str,
    /// `out`, `in`, or `own` between two accounts of one's own.
    #[schema(example = "out")]
    direction: &'static str,
    payer: ReceiptPartyView,
    payee: ReceiptPartyView,
    /// The hold that was captured, or the transfer that was reversed.
    #[schema(example = "hld_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    reference: Option<String>,
}

/// One side of a transfer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReceiptParty)]
pub struct ReceiptPartyView {
    account: String,
    /// As entries show it: the account's number, or `bank`.
    number: String,
    /// Of an own account its name; of somebody else one's own name for the payee, where it is on one's list.
    name: Option<String>,
    /// Whether it is one's own.
    own: bool,
}

/// A transfer that this customer sent or received; nobody else's is there.
pub fn receipt(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    id: &TransferId,
) -> Result<Option<ReceiptView>, DbError> {
    let Some(row) = find_visible(tx, customer, id)? else { return Ok(None) };
    let payer = party(tx, tools, customer, &row.debit.account)?;
    let payee = party(tx, tools, customer, &row.credit.account)?;
    Ok(Some(ReceiptView {
        id: row.id.to_string(),
        from: payer.account.clone(),
        to: payee.account.clone(),
        amount: row.amount,
        currency: row.currency.code(),
        status: "posted",
        memo: row.memo.clone(),
        posted_at: row.posted_at.to_string(),
        kind: row.kind.as_str(),
        direction: match (payer.own, payee.own) {
            (true, true) => "own",
            (true, false) => "out",
            (false, _) => "in",
        },
        payer,
        payee,
        reference: reference(&row),
    }))
}

fn party(
    tx: &mut Tx<'_>,
    tools: &Tools,
    customer: &CustomerId,
    id: &AccountId,
) -> Result<ReceiptPartyView, DbError> {
    let account = id.to_string();
    if let Some(owned) = accounts::find(tx, customer, id)? {
        let row = owned.row();
        let (number, name) = (row.number.clone(), Some(row.name.clone()));
        return Ok(ReceiptPartyView { account, number, name, own: true });
    }
    let numbers = tx.account_numbers(std::slice::from_ref(id))?;
    let found = numbers
        .get(id)
        .ok_or_else(|| DbError::Corrupt(format!("{id} has entries and is not there")))?;
    let number = if found.of_bank { BANK.to_owned() } else { found.number.clone() };
    let name = beneficiaries::name_of(tx, tools, customer, id)?;
    Ok(ReceiptPartyView { account, number, name, own: false })
}

/// What the bank and card gateways name by themselves is not told.
fn reference(row: &TransferRow) -> Option<String> {
    let id = row.reference?;
    match row.kind {
        TransferKind::Capture => Some(HoldId::from_bytes(id).to_string()),
        TransferKind::Reversal => Some(TransferId::from_bytes(id).to_string()),
        TransferKind::Transfer
        | TransferKind::Deposit
        | TransferKind::Withdrawal
        | TransferKind::CardCapture
        | TransferKind::CardFee
        | TransferKind::RefundSetAside
        | TransferKind::RefundPaid
        | TransferKind::RefundReturned
        | TransferKind::Payout
        | TransferKind::Difference => None,
    }
}
