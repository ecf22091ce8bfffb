//! `/v1/staff/payments`: any merchant's payments, for operators.

use ::store::rows::TransferRow;
use money::{MerchantId, PaymentId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::dossier::{self, Change, Dossier, Listed, Which};
use super::super::model::{PaymentView, RefundView, StepRow};
use crate::accounts::api::PageQuery;
use crate::gateways::Kind;
use crate::http::{Answer, Code, Page, Path, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadPayments,
            Route::get("/v1/staff/payments", "listPaymentsAsStaff", "Payments, newest first"),
            list,
        )
        .staff(
            Permission::ReadPayments,
            Route::get(
                "/v1/staff/payments/{id}",
                "getPaymentAsStaff",
                "One payment with its refunds, its history, its gateway's trail and its postings",
            ),
            get,
        )
}

/// Which payments.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PaymentQuery {
    /// `processing`, `authorized`, `succeeded`, `declined`, `canceled`; or `unknown`: the outcome of some step, a
    /// refund's too, is not known. All when absent.
    status: Option<String>,
    /// Id of the merchant; all when absent.
    merchant: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before. With a filter, a page can be short or empty and still have one: only so many
    /// payments are looked at for one answer.
    cursor: Option<String>,
}

/// A payment with what its merchant does not see of it.
#[derive(Serialize, ToSchema)]
pub struct StaffPayment {
    #[serde(flatten)]
    payment: PaymentView,
    /// Id of the merchant.
    merchant: String,
    /// `submitting`, `unknown`, `authorized`, `captured`, `declined` or `canceled`.
    state: &'static str,
    /// Who takes it.
    #[schema(example = "sandbox")]
    gateway: String,
    /// The gateway's own name for it.
    #[schema(example = "ch_4711")]
    gateway_reference: Option<String>,
    /// Whether the outcome of one of its steps is not known.
    has_unknown: bool,
}

/// A payment with all that belongs to it.
#[derive(Serialize, ToSchema)]
pub struct StaffPaymentDetails {
    #[serde(flatten)]
    payment: StaffPayment,
    /// Newest first, of the steps shown.
    refunds: Vec<RefundView>,
    /// Oldest first.
    history: Vec<PaymentChange>,
    /// What the gateway was asked, oldest first: the newest hundred.
    steps: Vec<PaymentStep>,
    /// What the books took of it, oldest first: of the newest twenty steps.
    postings: Vec<PaymentPosting>,
}

/// A change of a payment.
#[derive(Serialize, ToSchema)]
pub struct PaymentChange {
    at: String,
    /// `submitting`, `authorized`, `declined`, `capture_submitted`, `partially_captured`, `captured`, `capture_failed`,
    /// `cancel_submitted`, `released`, `cancel_failed`, `refund_submitted`, `refunded` or `refund_failed`.
    state: &'static str,
    /// The step's name at the gateway.
    #[schema(example = "pay_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    operation: String,
    /// Minor units.
    amount: i64,
}

/// One thing that the gateway was asked to do, once.
#[derive(Serialize, ToSchema)]
pub struct PaymentStep {
    /// Its name at the gateway.
    #[schema(example = "pay_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    operation: String,
    /// `authorize`, `capture`, `cancel` or `refund`.
    kind: &'static str,
    /// Minor units.
    amount: i64,
    /// `submitting`, `unknown`, `done` or `refused`.
    state: &'static str,
    /// The gateway's own name for what it did.
    #[schema(example = "ch_4711")]
    gateway_reference: Option<String>,
    /// Of the gateway's last answer, where it was a refusal.
    #[schema(example = "card_declined")]
    code: Option<String>,
    /// How often the gateway was asked what became of it.
    #[schema(example = 0)]
    asked: i64,
    created_at: String,
    ended_at: Option<String>,
    /// When it is asked again; null once it is known.
    next_ask_at: Option<String>,
}

/// A transfer that a payment made.
#[derive(Serialize, ToSchema)]
pub struct PaymentPosting {
    transfer: String,
    /// `card_capture`, `card_fee`, `refund_set_aside`, `refund_paid` or `refund_returned`.
    kind: &'static str,
    /// The step that it belongs to.
    #[schema(example = "pay_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    operation: String,
    from: String,
    to: String,
    /// Minor units.
    amount: i64,
    currency: &'static str,
    posted_at: String,
}

const STATUSES: [&str; 4] = ["authorized", "succeeded", "declined", "canceled"];
/// Of those whose outcome is open.
const OPEN_STATUSES: [&str; 2] = ["processing", "unknown"];

/// All that the list can be asked for.
pub(crate) fn statuses() -> Vec<&'static str> {
    [&OPEN_STATUSES[..], &STATUSES[..]].concat()
}

async fn list(caller: Staff, Query(query): Query<PaymentQuery>) -> Answer<Page<StaffPayment>> {
    let (limit, before) = PageQuery::of(query.limit, query.cursor).read::<PaymentId>()?;
    let which = which(query.status.as_deref())?;
    let merchant = query.merchant.as_deref().map(str::parse::<MerchantId>).transpose();
    let merchant = merchant.map_err(|_| Problem::field("merchant", "invalid", "mer_…"))?;
    let slice = caller
        .read("staff.payments", move |tx| {
            Ok(dossier::list(tx, (which, merchant.as_ref()), (before.as_ref(), limit))?)
        })
        .await?;
    let data = slice.payments.into_iter().map(shown).collect();
    Ok(Reply::ok(&Page { data, next_cursor: slice.next.map(|id| id.to_string()) }))
}

fn which(status: Option<&str>) -> Result<Which, Problem> {
    match status {
        None => Ok(Which::All),
        Some("processing") => Ok(Which::Processing),
        Some("unknown") => Ok(Which::Unknown),
        Some(text) => {
            let status = STATUSES.into_iter().find(|status| *status == text);
            let wanted = "processing, unknown, authorized, succeeded, declined or canceled";
            status.map(Which::Status).ok_or_else(|| Problem::field("status", "invalid", wanted))
        }
    }
}

async fn get(caller: Staff, Path(id): Path<PaymentId>) -> Answer<StaffPaymentDetails> {
    let found = caller.read("staff.get_payment", move |tx| Ok(dossier::get(tx, &id)?)).await?;
    let Dossier { listed, steps, postings } = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    let currency = listed.row.currency;
    let refunds = steps.iter().rev().filter(|step| step.kind == Kind::Refund);
    Ok(Reply::ok(&StaffPaymentDetails {
        refunds: refunds.map(|step| step.refund_view(currency)).collect(),
        history: dossier::history(&steps).into_iter().map(PaymentChange::from).collect(),
        steps: steps.iter().map(PaymentStep::from).collect(),
        postings: postings.iter().map(|(operation, row)| posting(operation, row)).collect(),
        payment: shown(listed),
    }))
}

fn shown(listed: Listed) -> StaffPayment {
    let Listed { row, view, has_unknown } = listed;
    StaffPayment {
        payment: view,
        merchant: row.merchant.to_string(),
        state: row.state.as_str(),
        gateway: row.gateway,
        gateway_reference: row.reference,
        has_unknown,
    }
}

fn posting(operation: &str, row: &TransferRow) -> PaymentPosting {
    PaymentPosting {
        transfer: row.id.to_string(),
        kind: row.kind.as_str(),
        operation: operation.to_owned(),
        from: row.debit.account.to_string(),
        to: row.credit.account.to_string(),
        amount: row.amount,
        currency: row.currency.code(),
        posted_at: row.posted_at.to_string(),
    }
}

impl From<Change> for PaymentChange {
    fn from(change: Change) -> Self {
        let Change { at, state, operation, amount } = change;
        Self { at: at.to_string(), state, operation, amount }
    }
}

impl From<&StepRow> for PaymentStep {
    fn from(step: &StepRow) -> Self {
        Self {
            operation: step.operation(),
            kind: step.kind.as_str(),
            amount: step.amount,
            state: step.state.as_str(),
            gateway_reference: step.reference.clone(),
            code: step.refusal.clone(),
            asked: step.asked,
            created_at: step.created_at.to_string(),
            ended_at: step.ended_at.map(|at| at.to_string()),
            next_ask_at: step.ask_at.map(|at| at.to_string()),
        }
    }
}
