//! `/v1/staff`: the operators' routes, and their sign-in.

mod access;
mod accounts;
mod audit;
mod customers;
mod members;
mod movements;
mod own;
mod people;
mod sign_out;
mod till;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::access::RenewalRequired;
pub(crate) use self::people::PURPOSE_CHARS;
use super::model::Permission;
use crate::attempts::Realm;
use crate::http::{
    Answer, Code, Empty, Json, Nothing, Problem, Public, Reply, Route, Routes, Staff,
};
use crate::sessions::api::sign_in::{Entered, MfaRequired, enter};
use crate::sessions::api::sign_out;
use crate::sessions::sign_in::Entrance;
use crate::sessions::web;

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .public(
            "signing in is how a caller becomes known",
            Route::post("/v1/staff/login", "logInStaff", "The first half of an operator's sign-in")
                .without_key()
                .answers(200)
                .refuses(&[Code::LockedOut, Code::InvalidCredentials, Code::AccountDisabled]),
            log_in,
        )
        .staff(
            Permission::SignOut,
            Route::post("/v1/staff/logout", "logOutStaff", "End this session")
                .without_key()
                .answers(204),
            log_out,
        );
    let routes = accounts::routes(till::routes(access::routes(routes)));
    let routes = movements::routes(people::routes(own::routes(routes)));
    sign_out::routes(members::routes(customers::routes(audit::routes(routes))))
}

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInStaff {
    email: String,
    #[schema(format = Password)]
    password: String,
    /// What an earlier sign-in from this device answered: strangers' wrong tries do not lock it.
    device_token: Option<String>,
}

/// What the right password of an operator leads to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum StaffSignInAnswer {
    SecondFactor(MfaRequired),
    Renewal(RenewalRequired),
}

/// The work is the same whether the e-mail is known or not.
async fn log_in(caller: Public, Json(body): Json<LogInStaff>) -> Answer<StaffSignInAnswer> {
    let LogInStaff { email, password, device_token } = body;
    let entrance = Entrance { realm: Realm::Staff, email, device_token };
    match enter(&caller, entrance, password).await? {
        Entered::Challenge(challenge) => {
            let required = MfaRequired { status: "mfa_required", challenge };
            Ok(Reply::ok(&StaffSignInAnswer::SecondFactor(required)))
        }
        Entered::Renewal(renewing) => {
            Ok(Reply::ok(&StaffSignInAnswer::Renewal(RenewalRequired::new(*renewing)?)))
        }
        Entered::Open(_) => {
            Err(Problem::new(Code::Internal).cause("an operator without a second factor"))
        }
    }
}

async fn log_out(caller: Staff, _: Nothing) -> Answer<Empty> {
    let reply = sign_out(&caller, caller.session()).await?;
    Ok(match caller.cookie() {
        Some(_) => reply.with_cookie(web::clear_cookie(caller.bank().config())),
        None => reply,
    })
}

/// 404 where nothing was found.
fn found<T>(found: Option<T>) -> Result<T, Problem> {
    found.ok_or_else(|| Problem::new(Code::NotFound))
}
