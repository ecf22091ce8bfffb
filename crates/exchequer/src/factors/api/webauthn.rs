//! `/v1/factors/webauthn`: a security key or passkey, registered in two steps as browsers want it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::Kind;
use super::super::ceremony::Form;
use super::super::model::EnrolRefusal;
use super::super::webauthn::{self, RegisterRefusal};
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{Answer, Code, Customer, Json, Problem, Reply, Route, Routes, StepUp};
use crate::stepup::{Asker, Bound};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::post(
                "/v1/factors/webauthn/options",
                "beginWebauthn",
                "Begin to add a security key or passkey",
            )
            .answers(200)
            .refuses(&[Code::StepUpRequired, Code::TooManyFactors]),
            begin,
        )
        .customer(
            Route::post("/v1/factors/webauthn", "addWebauthn", "Add the security key or passkey")
                .refuses(&[Code::TooManyFactors, Code::CredentialRefused, Code::FactorConfirmed]),
            add,
        )
}

/// What is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginWebauthn {
    /// `passkey`: kept by a device, and signs in without a password. `security_key`: carried along, beside
    /// the password. Absent: `passkey`.
    #[schema(example = "passkey")]
    kind: Option<String>,
}

/// For `navigator.credentials.create(...)`, after `PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)`.
#[derive(Serialize, ToSchema)]
pub struct WebauthnCreation {
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    public_key: Value,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddWebauthn {
    /// `credential.toJSON()` of what the browser made.
    #[schema(value_type = Object)]
    credential: Value,
    /// 1 to 140 characters. Absent: `Security key`.
    name: Option<String>,
}

/// A security key or passkey that counts from now on.
#[derive(Serialize, ToSchema)]
pub struct AddedWebauthn {
    id: String,
    /// Ten with the first second factor, else none. Each serves once; they are shown this once.
    recovery_codes: Vec<String>,
}

async fn begin(
    caller: Customer,
    (Json(body), step_up): (Json<BeginWebauthn>, StepUp),
) -> Answer<WebauthnCreation> {
    let form = match body.kind.as_deref() {
        None | Some("passkey") => Form::Passkey,
        Some("security_key") => Form::SecurityKey,
        Some(_) => return Err(Problem::field("kind", "invalid", "passkey or security_key")),
    };
    let (asker, customer, session) = (Asker::from(&caller), caller.id(), caller.session());
    caller
        .once("factors.begin_webauthn", move |tx, act| {
            let what = Bound::new("factor.add")
                .part(Kind::Webauthn.as_str().as_bytes())
                .or_late_password()
                .text("adding a way to sign in");
            if let Err(problem) = super::prove_in(tx, act, (&asker, &step_up), what)? {
                return Ok(Err(problem));
            }
            match webauthn::begin_in(tx, act, (&customer, &session), form)? {
                Ok(mut options) => {
                    Ok(Ok(Reply::ok(&WebauthnCreation { public_key: options["publicKey"].take() })))
                }
                Err(EnrolRefusal::TooMany | EnrolRefusal::NotSent(_)) => {
                    Ok(Err(Problem::new(Code::TooManyFactors)))
                }
            }
        })
        .await
}

async fn add(caller: Customer, Json(body): Json<AddWebauthn>) -> Answer<AddedWebauthn> {
    let mut fields = Fields::default();
    let name = body.name.as_deref().unwrap_or(Kind::Webauthn.default_name());
    let name = fields.text("name", name, 1, MAX_TEXT_CHARS);
    let name = fields.finish(name)?;
    let (customer, session) = (caller.id(), caller.session());
    let answer = caller
        .once("factors.add_webauthn", move |tx, act| {
            let brought = (&body.credential, &*name);
            Ok(match webauthn::register_in(tx, act, (&customer, &session), brought)? {
                Ok((row, confirmed)) => {
                    let recovery_codes = confirmed.recovery_codes;
                    let added = AddedWebauthn { id: row.id.to_string(), recovery_codes };
                    Ok(Reply::created(&added).about(&row.id))
                }
                Err(refusal) => Err(refusal.into()),
            })
        })
        .await;
    // Payments of a customer with a factor are looked at one by one.
    caller.bank().watch().forget(&customer);
    answer
}

impl From<RegisterRefusal> for Problem {
    fn from(refusal: RegisterRefusal) -> Self {
        let problem = Self::new(refusal.code());
        match refusal {
            RegisterRefusal::TooMany => problem,
            RegisterRefusal::NotBegun => problem.detail("nothing was begun in this session"),
            RegisterRefusal::Refused(refused) => problem.detail(refused.to_string()),
            RegisterRefusal::Known => problem.detail("this credential is registered already"),
        }
    }
}
