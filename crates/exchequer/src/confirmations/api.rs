//! `/v1/auth/email/confirm`, `/v1/me/email/confirmation`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::SecretString;

use crate::http::{Answer, Code, Customer, Json, Nothing, Problem, Public, Reply, Route, Routes};

pub fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "who reads the mail need not be signed in, and the mailed token is the proof",
            Route::post(
                "/v1/auth/email/confirm",
                "confirmEmail",
                "Prove an e-mail address with a mailed token",
            )
            .without_key()
            .answers(200)
            .refuses(&[Code::InvalidConfirmationToken]),
            confirm,
        )
        .customer(
            Route::post(
                "/v1/me/email/confirmation",
                "sendEmailConfirmation",
                "Send the token that proves the own e-mail address again",
            )
            .answers(202)
            .refuses(&[Code::EmailConfirmed, Code::TooManyMessages]),
            send,
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmEmail {
    /// Of the mail: 43 characters.
    #[schema(format = Password, example = "dGhlIHRva2VuIHRoYXQgY2FtZSBieSBtYWlsLCBub3c")]
    token: String,
}

#[derive(Serialize, ToSchema)]
pub struct EmailConfirmation {
    /// `email_confirmed`
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct EmailConfirmationSent {
    /// `sent`: the newest token replaces those before.
    status: &'static str,
}

async fn confirm(caller: Public, Json(body): Json<ConfirmEmail>) -> Answer<EmailConfirmation> {
    let token = SecretString::new(body.token);
    let taken = caller
        .write("confirmations.confirm", move |tx, act| super::confirm_in(tx, act, token.expose()))
        .await?;
    if taken {
        Ok(Reply::ok(&EmailConfirmation { status: "email_confirmed" }))
    } else {
        Err(Problem::new(Code::InvalidConfirmationToken))
    }
}

async fn send(caller: Customer, _: Nothing) -> Answer<EmailConfirmationSent> {
    let id = caller.id();
    caller
        .once("confirmations.send", move |tx, act| {
            let sent = super::send_in(tx, act, &id)?;
            Ok(sent.map(|()| Reply::accepted(&EmailConfirmationSent { status: "sent" })))
        })
        .await
}
