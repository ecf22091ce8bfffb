//! `/v1/staff/me` and `/v1/staff/web_session`: who an operator is, and what their browser needs to know.
//! `…/web_session/limits` is for a page's timer: asking it is no use of the session.

use serde::Serialize;
use utoipa::ToSchema;

use super::found;
use crate::http::{Answer, Code, Nothing, Problem, Reply, Route, Routes, Staff};
use crate::sessions::api::{WebSessionLimits, limits_of};
use crate::sessions::web;
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadSelf,
            Route::get("/v1/staff/me", "getStaffMe", "The operator who is signed in"),
            me,
        )
        .staff(
            Permission::ReadSelf,
            Route::get(
                "/v1/staff/web_session",
                "getStaffWebSession",
                "This browser's session, its token and its limits",
            )
            // Who came with a token has no browser's session.
            .refuses(&[Code::NotFound]),
            web_session,
        )
        .staff(
            Permission::ReadSelf,
            Route::get(
                "/v1/staff/web_session/limits",
                "getStaffWebSessionLimits",
                "When this session ends",
            )
            .refuses(&[Code::NotFound])
            .peeks(),
            web_session_limits,
        )
}

/// An operator as they see themselves.
#[derive(Serialize, ToSchema)]
pub struct StaffMe {
    id: String,
    email: String,
    /// `teller`, `support`, `compliance`, `auditor` or `admin`.
    role: &'static str,
    /// What the role may do, in the words of the routes' table.
    #[schema(example = json!(["read_accounts", "read_customers"]))]
    permissions: Vec<&'static str>,
}

/// An operator's session in a browser. Its cookie is in `Set-Cookie` and nowhere else.
#[derive(Serialize, ToSchema)]
pub struct StaffWebSession {
    /// `authenticated`
    status: &'static str,
    session_id: String,
    /// For `X-CSRF-Token`, or the form field `csrf_token`, of every request that changes something.
    csrf_token: String,
    /// The session ends so many seconds after its last request; this one is a request, too.
    #[schema(example = 900)]
    idle_limit_seconds: i64,
    #[serde(flatten)]
    limits: WebSessionLimits,
}

async fn me(caller: Staff, _: Nothing) -> Answer<StaffMe> {
    let (id, role) = (caller.id(), caller.role());
    let email = caller.read("staff.me", move |tx| Ok(crate::staff::email(tx, &id)?)).await?;
    let permissions = Permission::ALL.into_iter().filter(|p| role.permits(*p));
    Ok(Reply::ok(&StaffMe {
        id: id.to_string(),
        email: found(email)?,
        role: role.as_str(),
        permissions: permissions.map(Permission::as_str).collect(),
    }))
}

/// Not there for a session of tokens, which has no need of it.
async fn web_session(caller: Staff, _: Nothing) -> Answer<StaffWebSession> {
    if caller.cookie().is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    let session = caller.session();
    let limits = limits_of(&caller, session).await?;
    let config = caller.bank().config();
    Ok(Reply::ok(&StaffWebSession {
        status: "authenticated",
        session_id: session.to_string(),
        csrf_token: web::csrf_token(caller.bank().tools(), &session),
        idle_limit_seconds: config.sessions.idle_limit_seconds(),
        limits,
    }))
}

/// Not there for a session of tokens, as the session itself.
async fn web_session_limits(caller: Staff, _: Nothing) -> Answer<WebSessionLimits> {
    if caller.cookie().is_none() {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(Reply::ok(&limits_of(&caller, caller.session()).await?))
}
