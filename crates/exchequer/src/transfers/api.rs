//! `/v1/transfers`.

use money::{AccountId, Amount, Currency, TransferId};
use serde::Deserialize;
use store::DbError;
use store::posting::{self, MAX_BATCH, Party, PostOrder, Posted, Replay};
use store::rows::{TransferKind, TransferRow};
use utoipa::ToSchema;

use super::batch::{self, BatchResults};
use super::door::Wanted;
use super::guarded::{self, Sent};
use super::model::TransferView;
use super::receipt::{self, ReceiptView};
use crate::accounts::number::AccountNumber;
use crate::http::callers::Context;
use crate::http::fields::{Fields, MinorUnits};
use crate::http::object::objects;
use crate::http::{
    Answer, Code, Customer, Json, Path, Problem, Reply, Route, Routes, StepUp, once,
};
use crate::stepup::Asker;
use crate::traces;

/// The planner's refusals, in their order of precedence: of whoever moves money.
pub const PLANNER_REFUSALS: &[Code] = &[
    Code::AccountNotFound,
    Code::SameAccount,
    Code::CurrencyMismatch,
    Code::AccountFrozen,
    Code::AccountClosed,
    Code::LimitExceeded,
    Code::InsufficientFunds,
];

/// What holds a customer's payment back after them; then comes `step_up_required`.
pub const GUARD_REFUSALS: &[Code] = &[Code::PayeeCooling, Code::RecentPasswordChange];

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::post("/v1/transfers", "sendTransfer", "Send money")
                .refuses(PLANNER_REFUSALS)
                .refuses(GUARD_REFUSALS)
                .refuses(&[Code::StepUpRequired]),
            send,
        )
        .customer(
            Route::post("/v1/transfers/batch", "sendTransfers", "Send many transfers at once")
                .answers(200)
                // Of each transfer, inside its results; the last is of the whole batch.
                .refuses(PLANNER_REFUSALS)
                .refuses(GUARD_REFUSALS)
                .refuses(&[Code::LinkedRefused, Code::StepUpRequired])
                .bulk(),
            send_batch,
        )
        .customer(Route::get("/v1/transfers/{id}", "getTransfer", "One transfer"), get)
}

/// What a customer sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendTransfer {
    /// Id of the paying account, one's own.
    from: String,
    /// Id or number of the account to be paid.
    to: String,
    amount: MinorUnits,
    /// ISO 4217, upper case.
    currency: String,
    /// At most 140 characters.
    memo: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendTransfers {
    /// 1 to 8,000, decided in this order.
    #[serde(deserialize_with = "objects")]
    transfers: Vec<SendTransfer>,
    /// True: all of them or none.
    atomic: bool,
}

/// A checked transfer.
struct Checked {
    from: AccountId,
    to: Party,
    amount: Amount,
    currency: Currency,
    memo: Option<String>,
}

impl SendTransfer {
    fn check(&self, fields: &mut Fields) -> Option<Checked> {
        let from = fields.parse("from", &self.from, "the id of an account");
        let to = payee(fields, &self.to);
        let amount = fields.amount("amount", &self.amount);
        let currency = fields.currency("currency", &self.currency);
        let memo = fields.memo(self.memo.as_deref());
        Some(Checked { from: from?, to: to?, amount: amount?, currency: currency?, memo })
    }
}

/// The payee of a transfer or hold: an account's id or number.
pub fn payee(fields: &mut Fields, text: &str) -> Option<Party> {
    if let Ok(id) = text.parse() {
        return Some(Party::Payee(id));
    }
    let number: AccountNumber =
        fields.parse("to", text, "the id or the number of an account, check digits right")?;
    Some(Party::PayeeNumber(number.to_string()))
}

async fn send(
    caller: Customer,
    (Json(body), step_up): (Json<SendTransfer>, StepUp),
) -> Answer<TransferView> {
    let mut fields = Fields::default();
    let checked = body.check(&mut fields);
    let order = fields.finish(checked)?;
    let wanted = Wanted {
        kind: TransferKind::Transfer,
        debit: Party::Own { owner: caller.id(), account: order.from },
        credit: order.to,
        amount: order.amount,
        currency: order.currency,
        memo: order.memo,
        key: caller.key()?,
        origin: caller.origin().clone(),
        request: caller.request(),
    };
    if !guarded::is_guarded(&caller, [(wanted.currency, wanted.amount.get())].into_iter()).await? {
        return through_the_door(&caller, wanted).await;
    }
    let scope = wanted.key.scope;
    match guarded::send(&caller, wanted, step_up).await? {
        Sent::Done(row) => Ok(created(&row)),
        Sent::Refused(problem) => Err(problem),
        Sent::Before(posted) => answer(&caller, &scope, posted),
        Sent::InFlight(cause) => Err(Sent::in_flight(cause)),
    }
}

/// Sends a wanted transfer through the door and answers as the exactly-once core says.
pub async fn through_the_door(caller: &Context, wanted: Wanted) -> Answer<TransferView> {
    let scope = wanted.key.scope;
    let sent = caller.bank().door().send(wanted);
    let posted =
        traces::transaction("transfers.door", sent, |_: &DbError| Some("database")).await?;
    answer(caller, &scope, posted)
}

fn answer(caller: &Context, scope: &[u8; 16], posted: Posted) -> Answer<TransferView> {
    match posted {
        Posted::Done(row) => Ok(created(&row)),
        Posted::Refused(refusal, _) => Err(refusal.into()),
        Posted::Replayed(Replay::Row(row)) => Ok(created(&row).replayed()),
        Posted::Replayed(Replay::Stored(answer)) => {
            let body = once::unseal(caller.bank().tools(), scope, &answer.body)?;
            Ok(Reply::raw(once::replayed(posting::Answer { status: answer.status, body })))
        }
        Posted::KeyReused => Err(Problem::new(Code::IdempotencyKeyReused)),
    }
}

fn created(row: &TransferRow) -> Reply<TransferView> {
    Reply::created_bytes(TransferView::json_of(row).into())
}

async fn send_batch(
    caller: Customer,
    (Json(body), step_up): (Json<SendTransfers>, StepUp),
) -> Answer<BatchResults> {
    let mut fields = Fields::default();
    if body.transfers.is_empty() || body.transfers.len() > MAX_BATCH {
        fields.refuse("transfers", "length", format!("1 to {MAX_BATCH} transfers"));
    }
    let mut checked = Vec::with_capacity(body.transfers.len());
    for (i, transfer) in body.transfers.iter().take(MAX_BATCH).enumerate() {
        let mut inner = Fields::default();
        checked.extend(transfer.check(&mut inner));
        fields.nest(&format!("transfers[{i}]"), inner);
    }
    let checked = fields.finish(Some(checked))?;
    let amounts = checked.iter().map(|c| (c.currency, c.amount.get()));
    let guarded = guarded::is_guarded(&caller, amounts).await?;
    let (asker, atomic) = (Asker::from(&caller), body.atomic);
    caller
        .once("transfers.batch", move |tx, act| {
            let last = checked.len().saturating_sub(1);
            let orders: Vec<PostOrder> = checked
                .iter()
                .enumerate()
                .map(|(i, c)| PostOrder {
                    id: act.id(),
                    kind: TransferKind::Transfer,
                    debit: Party::Own { owner: asker.customer, account: c.from },
                    credit: c.to.clone(),
                    amount: c.amount,
                    currency: c.currency,
                    memo: c.memo.clone(),
                    reference: None,
                    key: None,
                    linked_with_next: atomic && i < last,
                    origin: act.origin.clone(),
                    request: act.request,
                })
                .collect();
            if guarded {
                return batch::post_guarded(tx, act, &asker, (&orders, step_up.proof()));
            }
            batch::post_plain(tx, act, &orders).map(Ok)
        })
        .await
}

async fn get(caller: Customer, Path(id): Path<TransferId>) -> Answer<ReceiptView> {
    let (customer, tools) = (caller.id(), caller.bank().tools().clone());
    let found = caller
        .read("transfers.get", move |tx| Ok(receipt::receipt(tx, &tools, &customer, &id)?))
        .await?;
    Ok(Reply::ok(&found.ok_or_else(|| Problem::new(Code::NotFound))?))
}
