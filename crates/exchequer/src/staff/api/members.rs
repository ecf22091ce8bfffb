//! `/v1/staff/members`: who the operators are, and who of them may come in.

use money::StaffId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::api::PageQuery;
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, Whom};
use crate::http::{Answer, Code, Page, Path, Query, Reply, Route, Routes, Staff};
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::staff::members::{self, Member, status_name};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadMembers,
            Route::get("/v1/staff/members", "listStaffMembers", "All operators, oldest first"),
            list,
        )
        .staff(
            Permission::DisableMember,
            Route::post(
                "/v1/staff/members/{id}/disable",
                "disableStaffMember",
                "Sign an operator out everywhere and end their access",
            )
            .answers(200)
            .refuses(&[Code::OwnAccess, Code::AlreadyDisabled, Code::LastAdmin]),
            disable,
        )
        .staff(
            Permission::EnableMember,
            Route::post(
                "/v1/staff/members/{id}/enable",
                "enableStaffMember",
                "Give an operator their access back",
            )
            .answers(200)
            .refuses(&[Code::NotDisabled])
            .may_wait(),
            enable,
        )
}

/// An operator.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffMember)]
pub struct MemberView {
    id: String,
    email: String,
    /// `teller`, `support`, `compliance`, `auditor` or `admin`.
    role: &'static str,
    /// `active` or `disabled`.
    status: &'static str,
    created_at: String,
}

async fn list(caller: Staff, Query(page): Query<PageQuery>) -> Answer<Page<MemberView>> {
    let (limit, after) = (page.limit()?, page.cursor::<StaffId>()?);
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let found = caller
        .read("staff.members", move |tx| Ok(members::list(tx, after.as_ref(), most)?))
        .await?;
    let data: Vec<MemberView> = found.iter().map(view).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn disable(caller: Staff, Path(id): Path<StaffId>) -> Answer<MemberView> {
    let by = caller.id();
    let reply = caller
        .once("staff.disable_member", move |tx, act| {
            let disabled = members::disable_in(tx, act, (&by, &id))?;
            Ok(disabled.map(|member| Reply::ok(&view(&member)).about(&member.id)))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Staff(id)).await?;
    Ok(reply)
}

async fn enable(caller: Staff, Path(id): Path<StaffId>) -> Answer<MemberView> {
    caller
        .once("staff.enable_member", move |tx, act| {
            if act.tools.config().approvals.are_required {
                return match members::disabled_in(tx, act, &id)? {
                    Ok(_) => ask(tx, act, Deed::EnableMember(Whom { id: id.to_string() })),
                    Err(problem) => Ok(Err(problem)),
                };
            }
            let enabled = members::enable_in(tx, act, &id)?;
            Ok(enabled.map(|member| Reply::ok(&view(&member)).about(&member.id)))
        })
        .await
}

fn view(member: &Member) -> MemberView {
    MemberView {
        id: member.id.to_string(),
        email: member.email.clone(),
        role: member.role.as_str(),
        status: status_name(member.is_enabled),
        created_at: member.created_at.to_string(),
    }
}
