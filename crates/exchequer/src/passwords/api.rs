//! `/v1/password`, `/v1/auth/password/…`.
//!
//! Hashing is outside the transactions; what it found is looked at again inside. Order of a reset: token,
//! rules for the new password, second factor. So a token that is not good costs no hash.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::{SecretString, Verdict};

use super::{Change, Reset, ResetOutcome, former};
use crate::bank::Bank;
use crate::challenges::Asked;
use crate::customers::api::refusal_code;
use crate::customers::model::Email;
use crate::http::fields::Fields;
use crate::http::{
    Answer, Code, Context, Customer, Empty, Json, Problem, Public, Reply, Route, Routes, StepUp,
};
use crate::sessions::api::forget;
use crate::sessions::model::PrincipalRef;
use crate::sessions::web;
use crate::stepup::Asker;
use crate::{attempts, customers};

pub fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "who has lost the password cannot sign in to say so",
            Route::post(
                "/v1/auth/password/forgot",
                "requestPasswordReset",
                "Ask for a token that sets a new password",
            )
            .without_key()
            .answers(202),
            forgot,
        )
        .public(
            "the mailed token, and the second factor where there is one, are the proof",
            Route::post(
                "/v1/auth/password/reset",
                "resetPassword",
                "Set a new password with a mailed token",
            )
            .without_key()
            .answers(200)
            .refuses(&[Code::InvalidResetToken]),
            reset,
        )
        .customer(
            Route::post("/v1/password", "changePassword", "Change the password")
                .without_key()
                .answers(204)
                .refuses(&[Code::InvalidCredentials, Code::LockedOut, Code::StepUpRequired]),
            change,
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPasswordReset {
    email: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// Of the mail: 43 characters.
    #[schema(format = Password, example = "dGhlIHRva2VuIHRoYXQgY2FtZSBieSBtYWlsLCBub3c")]
    token: String,
    /// At most 1,024 bytes; none is cut.
    #[schema(format = Password, example = "eleven calm herons on a jetty")]
    new_password: String,
    /// What the answer to the challenge gave; also taken from the header `Step-Up`.
    #[schema(format = Password)]
    proof: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(format = Password, example = "seven quiet otters by the weir")]
    current_password: String,
    /// At most 1,024 bytes; none is cut.
    #[schema(format = Password, example = "eleven calm herons on a jetty")]
    new_password: String,
}

/// The same whether the address is known or not.
#[derive(Serialize, ToSchema)]
pub struct PasswordResetRequested {
    /// `accepted`: a mail is on its way if the address is a customer's.
    status: &'static str,
}

/// What became of a reset.
#[derive(Serialize, ToSchema)]
pub struct PasswordReset {
    /// `password_changed`; or `mfa_required`, and the same call comes again with a proof.
    status: &'static str,
    /// With `mfa_required`: answered under `/v1/auth/challenges/{id}/verify`, it gives the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<Asked>,
}

async fn forgot(
    caller: Public,
    Json(body): Json<RequestPasswordReset>,
) -> Answer<PasswordResetRequested> {
    let mut fields = Fields::default();
    let email: Option<Email> = fields.parse("email", &body.email, "an e-mail address");
    let email = fields.finish(email)?;
    caller.write("passwords.ask", move |tx, act| super::ask_in(tx, act, &email)).await?;
    Ok(Reply::accepted(&PasswordResetRequested { status: "accepted" }))
}

async fn reset(
    caller: Public,
    (Json(body), step_up): (Json<ResetPassword>, StepUp),
) -> Answer<PasswordReset> {
    let (act, token) = (caller.act(), SecretString::new(body.token));
    let found =
        caller.read("passwords.find", move |tx| Ok(super::find(tx, &act, token.expose())?)).await?;
    let Some(reset) = found else { return refuse(&caller).await };
    let known = [reset.customer.email.as_str().to_owned(), reset.customer.full_name.clone()];
    let new_password = SecretString::new(body.new_password);
    let had: Vec<String> =
        std::iter::once(&reset.password_hash).chain(&reset.former).cloned().collect();
    let new_hash = chosen(caller.bank(), &new_password, (known.to_vec(), &had)).await?;
    let proof = body.proof.or_else(|| step_up.proof().map(str::to_owned)).map(SecretString::new);
    let id = reset.customer.id;
    match write_reset(&caller, reset, new_hash, proof).await? {
        ResetOutcome::Done(ended) => {
            caller.bank().watch().forget(&id);
            forget(caller.bank(), &ended).await;
            Ok(Reply::ok(&PasswordReset { status: "password_changed", challenge: None }))
        }
        ResetOutcome::FactorNeeded(asked) => {
            Ok(Reply::ok(&PasswordReset { status: "mfa_required", challenge: Some(asked) }))
        }
        ResetOutcome::Invalid => Err(Problem::new(Code::InvalidResetToken)),
    }
}

async fn write_reset(
    caller: &Context,
    reset: Reset,
    new_hash: String,
    proof: Option<SecretString>,
) -> Result<ResetOutcome, Problem> {
    caller
        .write("passwords.reset", move |tx, act| {
            let proof = proof.as_ref().map(SecretString::expose);
            super::reset_in(tx, act, &reset, &new_hash, proof)
        })
        .await
}

/// One answer for every token that is not in force.
async fn refuse<T>(caller: &Context) -> Answer<T> {
    caller.write("passwords.refuse", |tx, act| super::refuse_in(tx, act, "unknown")).await?;
    Err(Problem::new(Code::InvalidResetToken))
}

async fn change(
    caller: Customer,
    (Json(body), step_up): (Json<ChangePassword>, StepUp),
) -> Answer<Empty> {
    let (id, tools, asker) = (caller.id(), caller.bank().tools().clone(), Asker::from(&caller));
    let known = caller
        .read("passwords.current", move |tx| {
            let customer = customers::get(tx, &tools, &id)?;
            let former = former::of(tx, &PrincipalRef::Customer(id))?;
            let known = customer.zip(customers::credentials_of(tx, &id)?);
            Ok(known.map(|(customer, verified)| (customer, verified, former)))
        })
        .await?;
    let (customer, verified, former) = known.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    refuse_locked(&caller, &asker, &customer.email).await?;
    let (current, new) =
        (SecretString::new(body.current_password), SecretString::new(body.new_password));
    let stored = Some(verified.password_hash.clone());
    let judged = caller.bank().hashing().verify(current.expose().to_owned(), stored).await?;
    if judged == Verdict::Wrong {
        let email = customer.email;
        let refused = caller
            .write("passwords.fail", move |tx, act| super::fail_in(tx, act, (&asker, &email)))
            .await?;
        return Err(refused);
    }
    if current == new {
        return Err(reused());
    }
    let identity = vec![customer.email.as_str().to_owned(), customer.full_name.clone()];
    let new_hash = chosen(caller.bank(), &new, (identity, &former)).await?;
    let proof = step_up.proof().map(str::to_owned);
    let change = Change { asker, verified, email: customer.email, new_hash, proof };
    let ended = caller
        .write("passwords.change", move |tx, act| super::change_in(tx, act, &change))
        .await??;
    caller.bank().watch().forget(&id);
    forget(caller.bank(), &ended).await;
    let reply = Reply::no_content();
    // This session has ended with the others: a browser need not keep what is worth nothing.
    Ok(match caller.cookie() {
        Some(_) => reply.with_cookie(web::clear_cookie(caller.bank().config())),
        None => reply,
    })
}

/// A look before the hash is paid for; the change looks again.
async fn refuse_locked(caller: &Context, asker: &Asker, email: &Email) -> Result<(), Problem> {
    let (act, asker, email) = (caller.act(), *asker, email.clone());
    let locked = caller
        .write("passwords.lock", move |tx, _| {
            let counter = super::counter(tx, &act, (&asker, &email))?;
            attempts::lock_of_in(tx, &act, &counter)
        })
        .await?;
    locked.map_or(Ok(()), |locked| Err(super::locked_out(locked)))
}

/// The hash of a new password that the rules allow and that is none of those which somebody had. `identity` is what they
/// are known by.
pub(crate) async fn chosen(
    bank: &Bank,
    new: &SecretString,
    (identity, had): (Vec<String>, &[String]),
) -> Result<String, Problem> {
    let hash = match bank.hashing().choose(new.expose().to_owned(), identity).await? {
        Ok(hash) => hash,
        Err(refusal) => {
            let (code, detail) = (refusal_code(refusal), refusal.to_string());
            return Err(Problem::field("new_password", code, detail));
        }
    };
    if former::is_one_of(bank, new, had).await? { Err(reused()) } else { Ok(hash) }
}

pub(crate) fn reused() -> Problem {
    Problem::field("new_password", "reused", "another password than the last ones")
}
