//! `/v1/staff`: the operators' routes, and their sign-in.

mod accounts;
mod audit;
mod till;

use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{ChallengeView, MfaRequired, Permission};
use crate::customers::hashing::Checked;
use crate::customers::model::Email;
use crate::http::{
    Answer, Code, Empty, Json, Nothing, Problem, Public, Reply, Route, Routes, Staff,
};
use crate::sessions::api::{refuse_sign_in, sign_out};

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .public(
            "signing in is how a caller becomes known",
            Route::post("/v1/staff/login", "logInStaff", "The first half of an operator's sign-in")
                .without_key()
                .answers(200)
                .refuses(&[Code::InvalidCredentials]),
            log_in,
        )
        .staff(
            Permission::SignOut,
            Route::post("/v1/staff/logout", "logOutStaff", "End this session")
                .without_key()
                .answers(204),
            log_out,
        );
    audit::routes(accounts::routes(till::routes(routes)))
}

/// E-mail and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInStaff {
    email: String,
    #[schema(format = Password)]
    password: String,
}

/// The work is the same whether the e-mail is known or not.
async fn log_in(caller: Public, Json(body): Json<LogInStaff>) -> Answer<MfaRequired> {
    let email: Option<Email> = body.email.parse().ok();
    let found = match email {
        Some(email) => {
            caller.read("staff.credentials", move |tx| Ok(super::credentials(tx, &email)?)).await?
        }
        None => None,
    };
    let stored = found.as_ref().map(|known| known.password_hash.clone());
    let checked = caller.bank().hashing().check(body.password, stored).await?;
    let id = found.as_ref().map(|known| known.id);
    let challenge = match (checked, found) {
        (Checked::Right { upgraded }, Some(known)) if known.is_active => {
            caller
                .write("staff.challenge", move |tx, act| {
                    super::challenge_in(tx, act, &known, upgraded.as_deref())
                })
                .await?
        }
        (Checked::Right { .. } | Checked::Wrong, _) => None,
    };
    if let Some(challenge) = challenge {
        let challenge = ChallengeView { id: challenge.to_string(), methods: vec!["totp"] };
        return Ok(Reply::ok(&MfaRequired { status: "mfa_required", challenge }));
    }
    let resource = id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    refuse_sign_in(&caller, resource, &body.email).await
}

async fn log_out(caller: Staff, _: Nothing) -> Answer<Empty> {
    sign_out(&caller, caller.session()).await
}

/// 404 where nothing was found.
fn found<T>(found: Option<T>) -> Result<T, Problem> {
    found.ok_or_else(|| Problem::new(Code::NotFound))
}
