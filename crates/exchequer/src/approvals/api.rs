//! `/v1/staff/approvals`: what waits for a second operator, and how a route leaves its act to wait.

use ::store::{DbError, Tx};
use money::{ApprovalId, RefundId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::deed::Deed;
use super::model::{Approval, ApprovalView, AskedView, Outcome, Status};
use super::{carry_out, may_see, store};
use crate::accounts::api::PageQuery;
use crate::bank::{Act, Bank};
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{
    Answer, Code, Json, Nothing, Page, Path, Problem, Query, Reply, Route, Routes, Staff,
};
use crate::payments;
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::staff::model::Permission;
use crate::traces;

pub fn routes(routes: Routes) -> Routes {
    let decision =
        |path: &'static str, name, summary| Route::post(path, name, summary).answers(200);
    routes
        .staff(
            Permission::FollowApprovals,
            Route::get(
                "/v1/staff/approvals",
                "listApprovals",
                "Acts that wait for a second operator, or waited, newest first",
            ),
            list,
        )
        .staff(
            Permission::FollowApprovals,
            Route::get("/v1/staff/approvals/{id}", "getApproval", "One of them"),
            get,
        )
        .staff(
            Permission::DecideApprovals,
            decision("/v1/staff/approvals/{id}/approve", "approveAct", "Approve an act, and do it")
                // The last is an outcome, as are the refusals of the act itself.
                .refuses(&[
                    Code::OwnApproval,
                    Code::Forbidden,
                    Code::ApprovalDecided,
                    Code::OwnAccess,
                    Code::MakerDisabled,
                    Code::ApprovalOutdated,
                ]),
            approve,
        )
        .staff(
            Permission::DecideApprovals,
            decision("/v1/staff/approvals/{id}/reject", "rejectAct", "Reject an act").refuses(&[
                Code::OwnApproval,
                Code::Forbidden,
                Code::ApprovalDecided,
            ]),
            reject,
        )
        .staff(
            Permission::WithdrawApproval,
            decision(
                "/v1/staff/approvals/{id}/withdraw",
                "withdrawAct",
                "Take back what one asked for",
            )
            .refuses(&[Code::Forbidden, Code::ApprovalDecided]),
            withdraw,
        )
}

/// Leaves an act to wait: 202, in the transaction of the request. Refuses as [`super::ask_in`].
pub fn ask<T>(tx: &mut Tx<'_>, act: &Act, deed: Deed) -> Result<Answer<T>, DbError> {
    let asked = super::ask_in(tx, act, deed, None)?;
    Ok(asked.map(|approval| waiting(act, &approval, None)))
}

/// The same for a key: with what it signs with, sealed for its row, and the secret, which is shown now. Also for a first
/// password, with its hash.
pub fn ask_key<T>(
    tx: &mut Tx<'_>,
    act: &Act,
    deed: Deed,
    (material, secret): (&[u8], Option<String>),
) -> Result<Answer<T>, DbError> {
    let asked = super::ask_in(tx, act, deed, Some(material))?;
    Ok(asked.map(|approval| waiting(act, &approval, secret)))
}

/// After the commit of an approved act: what this node remembers of it is read anew.
pub fn forget(bank: &Bank, deed: &Deed) {
    if let Some(merchant) = carry_out::merchant_of(deed) {
        bank.merchant_keys().forget_all_of(&merchant);
    }
}

/// A refund is asked of its gateway, in a task of its own so that who hangs up stops nothing. One that this node
/// never asks for, since it died here, is closed by the job of payments like any other.
async fn submit(caller: &Staff, approval: &Approval) -> Result<(), Problem> {
    let (Deed::RefundPayment(_), Some(Outcome::Done(refund))) = (&approval.deed, &approval.outcome)
    else {
        return Ok(());
    };
    let Ok(refund) = refund.parse::<RefundId>() else { return Ok(()) };
    let run = payments::submit_written(caller.bank().clone(), caller.act(), refund);
    match tokio::spawn(traces::carried(run)).await {
        Ok(submitted) => Ok(submitted?),
        Err(cause) => Err(Problem::new(Code::Internal).cause(cause)),
    }
}

/// The reply has another body than the route's own, which OpenAPI says beside it.
fn waiting<T>(act: &Act, approval: &Approval, secret: Option<String>) -> Reply<T> {
    let view = AskedView { approval: ApprovalView::new(approval, act.now), secret };
    Reply::raw(Reply::accepted(&view).about(&approval.id).raw)
}

/// Which approvals.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ApprovalQuery {
    /// `pending`, `approved`, `rejected`, `withdrawn` or `expired`; all when absent.
    status: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Why it is rejected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectAct {
    /// 1 to 140 characters.
    #[schema(example = "not agreed with the customer")]
    reason: String,
}

async fn list(caller: Staff, Query(query): Query<ApprovalQuery>) -> Answer<Page<ApprovalView>> {
    let mut fields = Fields::default();
    let (limit, before) = PageQuery::of(query.limit, query.cursor).read::<ApprovalId>()?;
    let status = query.status.as_deref().map(Status::parse);
    if status == Some(None) {
        fields.refuse("status", "invalid", Status::ALL.map(Status::as_str).join(", "));
    }
    fields.finish(Some(()))?;
    let all = caller.role().sees_all_approvals();
    let maker = (!all).then(|| caller.id());
    let (tools, now) = (caller.bank().tools().clone(), caller.bank().tools().now());
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let found = caller
        .read("approvals.list", move |tx| {
            let which = (maker.as_ref(), status.flatten());
            Ok(store::list(tx, &tools, which, (before.as_ref(), most))?)
        })
        .await?;
    let data: Vec<ApprovalView> = found.iter().map(|row| ApprovalView::new(row, now)).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn get(caller: Staff, Path(id): Path<ApprovalId>) -> Answer<ApprovalView> {
    let (who, role) = (caller.id(), caller.role());
    let approval = find(&caller, id).await?.filter(|found| may_see(&who, role, found));
    let approval = approval.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&ApprovalView::new(&approval, caller.bank().tools().now())))
}

async fn approve(
    caller: Staff,
    (Path(id), Nothing): (Path<ApprovalId>, Nothing),
) -> Answer<ApprovalView> {
    let reply = caller
        .once("approvals.approve", move |tx, act| {
            let decided = super::approve_in(tx, act, &id)?;
            Ok(decided.map(|row| Reply::ok(&ApprovalView::new(&row, act.now)).about(&row.id)))
        })
        .await;
    // Also when the answer is an earlier one: the first may have been lost before this.
    if let Some(approval) = find(&caller, id).await? {
        forget(caller.bank(), &approval.deed);
        if let Some(operator) = carry_out::signed_out(&approval.deed)? {
            forget_ended(&caller, PrincipalRef::Staff(operator)).await?;
        }
        submit(&caller, &approval).await?;
    }
    reply
}

async fn reject(
    caller: Staff,
    (Path(id), Json(body)): (Path<ApprovalId>, Json<RejectAct>),
) -> Answer<ApprovalView> {
    let mut fields = Fields::default();
    let reason = fields.plain("reason", &body.reason, 1, MAX_TEXT_CHARS);
    let reason = fields.finish(reason)?;
    caller
        .once("approvals.reject", move |tx, act| {
            let decided = super::reject_in(tx, act, &id, &reason)?;
            Ok(decided.map(|row| Reply::ok(&ApprovalView::new(&row, act.now)).about(&row.id)))
        })
        .await
}

async fn withdraw(
    caller: Staff,
    (Path(id), Nothing): (Path<ApprovalId>, Nothing),
) -> Answer<ApprovalView> {
    let role = caller.role();
    caller
        .once("approvals.withdraw", move |tx, act| {
            let decided = super::withdraw_in(tx, act, (&id, role))?;
            Ok(decided.map(|row| Reply::ok(&ApprovalView::new(&row, act.now)).about(&row.id)))
        })
        .await
}

async fn find(caller: &Staff, id: ApprovalId) -> Result<Option<Approval>, Problem> {
    let tools = caller.bank().tools().clone();
    caller.read("approvals.get", move |tx| Ok(store::find(tx, &tools, &id)?)).await
}
