//! `/v1/staff/members`: who the operators are, and who of them may come in.

use money::StaffId;
use serde::Serialize;
use utoipa::ToSchema;
use vault::{SecretString, random_token};

use crate::accounts::api::PageQuery;
use crate::approvals::api::{ask, ask_key};
use crate::approvals::deed::{Deed, Whom};
use crate::http::{Answer, Code, Page, Path, Query, Reply, Route, Routes, Staff};
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::staff::members::{self, Member, status_name};
use crate::staff::model::Permission;
use crate::staff::renewal;

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
        .staff(
            Permission::ResetMember,
            Route::post(
                "/v1/staff/members/{id}/reset",
                "resetStaffMember",
                "Give an operator a first password in place of what they sign in with",
            )
            .answers(200)
            .refuses(&[Code::OwnAccess])
            .may_wait(),
            reset,
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
    /// What they do at the next sign-in before there is a session: `nothing`, `password` (choose one) or
    /// `password_and_factor` (choose one, and enrol an authenticator).
    renewal: &'static str,
    /// The last complete sign-in.
    last_signed_in_at: Option<String>,
}

/// An operator whose access was reset.
#[derive(Serialize, ToSchema)]
pub struct ResetStaffMember {
    #[serde(flatten)]
    member: MemberView,
    /// Shown now and never again: what the operator signs in with once, within 72 hours, to choose a password and enrol an
    /// authenticator. It opens no session.
    #[schema(format = Password)]
    first_password: String,
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

/// The first password is drawn here and its hash computed before the transaction; under the same key the first answer comes
/// again, and what was drawn for this one is nobody's.
async fn reset(caller: Staff, Path(id): Path<StaffId>) -> Answer<ResetStaffMember> {
    let by = caller.id();
    let first: SecretString = random_token(caller.bank().tools().rng());
    let hash = caller.bank().hashing().hash(first.expose().to_owned()).await?;
    let reply = caller
        .once("staff.reset_member", move |tx, act| {
            if act.tools.config().approvals.are_required {
                return match renewal::to_reset_in(tx, act, (Some(&by), &id))? {
                    Ok(_) => {
                        let deed = Deed::ResetMember(Whom { id: id.to_string() });
                        ask_key(tx, act, deed, (hash.as_bytes(), Some(first.expose().to_owned())))
                    }
                    Err(problem) => Ok(Err(problem)),
                };
            }
            let reset = renewal::reset_in(tx, act, (Some(&by), &id), &hash)?;
            Ok(reset.map(|member| {
                let first_password = first.expose().to_owned();
                let shown = ResetStaffMember { member: view(&member), first_password };
                Reply::ok(&shown).about(&member.id)
            }))
        })
        .await?;
    forget_ended(&caller, PrincipalRef::Staff(id)).await?;
    Ok(reply)
}

fn view(member: &Member) -> MemberView {
    MemberView {
        id: member.id.to_string(),
        email: member.email.clone(),
        role: member.role.as_str(),
        status: status_name(member.is_enabled),
        created_at: member.created_at.to_string(),
        renewal: member.renewal.as_str(),
        last_signed_in_at: member.last_signed_in_at.map(|at| at.to_string()),
    }
}
