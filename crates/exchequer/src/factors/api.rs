//! `/v1/factors`.

mod webauthn;

use ::store::{DbError, Tx};
use money::FactorId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{ConfirmRefusal, EnrolRefusal, Enrolled, FactorRow, New};
use super::{list, qr, totp};
use crate::accounts::api::PageQuery;
use crate::bank::{Act, Tools};
use crate::challenges::{Asked, code};
use crate::customers::model::Phone;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{
    Answer, Code, Customer, Empty, Json, Nothing, Page, Path, Problem, Query, Reply, Route, Routes,
    StepUp,
};
use crate::outbox;
use crate::sessions::api::challenges::send_refused;
use crate::stepup::{self, Asker, Bound, Freshness};

const ENROLS: &[Code] =
    &[Code::StepUpRequired, Code::TooManyFactors, Code::TooManyMessages, Code::SmsNotOffered];

pub fn routes(routes: Routes) -> Routes {
    let routes = webauthn::routes(routes)
        .customer(Route::get("/v1/factors", "listFactors", "Own second factors"), list_own)
        .customer(
            Route::post("/v1/factors/totp", "enrolTotp", "Add an authenticator")
                .refuses(&[Code::StepUpRequired, Code::TooManyFactors]),
            enrol_totp,
        )
        .customer(
            Route::post("/v1/factors/sms", "enrolSms", "Add a telephone number").refuses(ENROLS),
            enrol_sms,
        )
        .customer(
            Route::post("/v1/factors/email", "enrolEmail", "Prove the own e-mail address")
                .refuses(ENROLS),
            enrol_email,
        );
    routes
        .customer(
            Route::post(
                "/v1/factors/{id}/confirm",
                "confirmFactor",
                "Confirm a factor with a code",
            )
            .answers(200)
            .refuses(&[Code::InvalidCode, Code::FactorConfirmed]),
            confirm,
        )
        .customer(
            Route::post("/v1/factors/{id}/rename", "renameFactor", "Name a factor").answers(200),
            rename,
        )
        .customer(
            Route::post(
                "/v1/factors/recovery_codes",
                "replaceRecoveryCodes",
                "Ten new recovery codes in place of the old ones",
            )
            .refuses(&[Code::StepUpRequired, Code::NoFactor]),
            replace_recovery_codes,
        )
        .customer(
            Route::get(
                "/v1/factors/recovery_codes",
                "countRecoveryCodes",
                "How many recovery codes are left",
            ),
            count_recovery_codes,
        )
        .customer(
            Route::delete("/v1/factors/{id}", "removeFactor", "Remove a factor")
                .refuses(&[Code::StepUpRequired]),
            remove,
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolSms {
    /// E.164: `+` and 7 to 15 digits.
    phone: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmFactor {
    /// Six digits.
    code: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameFactor {
    /// 1 to 140 characters.
    name: String,
}

/// An authenticator that waits for its confirmation. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub struct EnrolledTotp {
    id: String,
    /// Base 32, to be typed where no camera is.
    secret: String,
    /// What the picture says.
    otpauth_uri: String,
    /// An SVG of at least 240 by 240, for an authenticator's camera.
    qr_svg: String,
}

/// An address that waits for its confirmation; a code is on its way.
#[derive(Serialize, ToSchema)]
pub struct EnrolledAddress {
    id: String,
    /// Where the code went, masked.
    destination: String,
    /// For another code: `/v1/auth/challenges/{id}/send`.
    challenge: Asked,
}

#[derive(Serialize, ToSchema)]
pub struct ConfirmedFactor {
    /// Ten with the first second factor, else none. Each serves once; they are shown this once.
    recovery_codes: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each serves once; they are shown this once.
    recovery_codes: Vec<String>,
}

/// The codes themselves are shown when they are made and never again.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodesLeft {
    /// Of ten. None without a second factor.
    left: i64,
}

/// A factor as its holder sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Factor)]
pub struct FactorView {
    id: String,
    /// `webauthn`, `totp`, `sms` or `email`.
    kind: &'static str,
    name: String,
    /// `unconfirmed` or `active`.
    status: &'static str,
    /// Whether it counts as a second factor. An e-mail address does not: it is proven, no more.
    second_factor: bool,
    /// Where codes go, masked.
    destination: Option<String>,
    created_at: String,
    confirmed_at: Option<String>,
    last_used_at: Option<String>,
}

async fn enrol_totp(caller: Customer, (step_up, _): (StepUp, Nothing)) -> Answer<EnrolledTotp> {
    enrol(&caller, New::Totp, step_up, |enrolled| {
        let uri = totp::otpauth_uri(&enrolled.secret, enrolled.email.as_str());
        Ok(EnrolledTotp {
            id: enrolled.row.id.to_string(),
            secret: enrolled.secret.expose().to_owned(),
            otpauth_uri: uri.to_string(),
            qr_svg: qr::svg(&uri)?,
        })
    })
    .await
}

async fn enrol_sms(
    caller: Customer,
    (Json(body), step_up): (Json<EnrolSms>, StepUp),
) -> Answer<EnrolledAddress> {
    let mut fields = Fields::default();
    let phone: Option<Phone> = fields.parse("phone", &body.phone, "+ and 7 to 15 digits (E.164)");
    let phone = fields.finish(phone)?;
    outbox::check_number(caller.bank().config(), &phone)?;
    enrol(&caller, New::Sms(phone), step_up, address).await
}

async fn enrol_email(caller: Customer, (step_up, _): (StepUp, Nothing)) -> Answer<EnrolledAddress> {
    enrol(&caller, New::Email, step_up, address).await
}

fn address(enrolled: &Enrolled) -> Result<EnrolledAddress, DbError> {
    let (row, destination) = (&enrolled.row, enrolled.secret.expose());
    let destination = super::model::masked(row.kind, destination)
        .ok_or_else(|| DbError::Corrupt(format!("{} has no address", row.id)))?;
    let challenge = enrolled.asked.clone();
    Ok(EnrolledAddress { id: row.id.to_string(), destination, challenge })
}

/// Step-up where there is a factor already, the password in an older session where there is none; then the factor.
async fn enrol<T: Serialize + Send + 'static>(
    caller: &Customer,
    new: New,
    step_up: StepUp,
    view: fn(&Enrolled) -> Result<T, DbError>,
) -> Answer<T> {
    let (asker, customer) = (Asker::from(caller), caller.id());
    caller
        .once("factors.enrol", move |tx, act| {
            let destination = match &new {
                New::Sms(phone) => phone.as_str(),
                New::Totp | New::Email => "",
            };
            let kind = new.kind();
            let what = Bound::new("factor.add")
                .part(kind.as_str().as_bytes())
                .part(destination.as_bytes())
                .or_late_password()
                .text("adding a way to sign in");
            if let Err(problem) = prove_in(tx, act, (&asker, &step_up), what)? {
                return Ok(Err(problem));
            }
            match super::enrol_in(tx, act, &customer, (&new, kind.default_name()))? {
                Ok(enrolled) => {
                    let id = enrolled.row.id;
                    Ok(Ok(Reply::created(&view(&enrolled)?).about(&id)))
                }
                Err(EnrolRefusal::TooMany) => Ok(Err(Problem::new(Code::TooManyFactors))),
                Err(EnrolRefusal::NotSent(refusal)) => Ok(Err(send_refused(refusal))),
            }
        })
        .await
}

async fn confirm(
    caller: Customer,
    (Path(id), Json(body)): (Path<FactorId>, Json<ConfirmFactor>),
) -> Answer<ConfirmedFactor> {
    let mut fields = Fields::default();
    if !code::is_six_digits(&body.code) {
        fields.refuse("code", "invalid", "six digits");
    }
    let code = fields.finish(Some(body.code))?;
    let customer = caller.id();
    let answer = caller
        .once("factors.confirm", move |tx, act| {
            Ok(match super::confirm_in(tx, act, (&customer, &id), &code)? {
                Ok(confirmed) => {
                    let recovery_codes = confirmed.recovery_codes;
                    Ok(Reply::ok(&ConfirmedFactor { recovery_codes }))
                }
                Err(ConfirmRefusal::NotFound) => Err(Problem::new(Code::NotFound)),
                Err(ConfirmRefusal::Confirmed) => Err(Problem::new(Code::FactorConfirmed)),
                Err(ConfirmRefusal::Code) => Err(Problem::new(Code::InvalidCode).detail(
                    "after three wrong codes, or when its time is over, add the factor anew",
                )),
            })
        })
        .await;
    // Payments of a customer with a factor are looked at one by one.
    caller.bank().watch().forget(&customer);
    answer
}

async fn list_own(caller: Customer, Query(page): Query<PageQuery>) -> Answer<Page<FactorView>> {
    let (limit, after) = (page.limit()?, page.cursor::<FactorId>()?);
    let (act, customer) = (caller.act(), caller.id());
    let views = caller
        .read("factors.list", move |tx| {
            let mut rows = list(tx, &act, &customer)?;
            rows.retain(|row| after.is_none_or(|after| row.id > after));
            Ok(rows.iter().map(|row| view(&act.tools, row)).collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    Ok(Reply::ok(&Page::cut(views, limit, |last| last.id.clone())))
}

async fn rename(
    caller: Customer,
    (Path(id), Json(body)): (Path<FactorId>, Json<RenameFactor>),
) -> Answer<FactorView> {
    let mut fields = Fields::default();
    let name = fields.text("name", &body.name, 1, MAX_TEXT_CHARS);
    let name = fields.finish(name)?;
    let customer = caller.id();
    caller
        .once("factors.rename", move |tx, act| {
            match super::rename_in(tx, act, (&customer, &id), &name)? {
                Some(row) => Ok(Ok(Reply::ok(&view(&act.tools, &row)?))),
                None => Ok(Err(Problem::new(Code::NotFound))),
            }
        })
        .await
}

async fn count_recovery_codes(caller: Customer, _: Nothing) -> Answer<RecoveryCodesLeft> {
    let customer = caller.id();
    let left = caller
        .read("factors.count_recovery_codes", move |tx| Ok(super::recovery::left(tx, &customer)?))
        .await?;
    Ok(Reply::ok(&RecoveryCodesLeft { left }))
}

async fn replace_recovery_codes(
    caller: Customer,
    (step_up, _): (StepUp, Nothing),
) -> Answer<RecoveryCodes> {
    let (asker, customer) = (Asker::from(&caller), caller.id());
    caller
        .once("factors.replace_recovery_codes", move |tx, act| {
            super::store::lock_customer(tx, &customer)?;
            if !super::has_active(tx, &customer)? {
                return Ok(Err(Problem::new(Code::NoFactor)));
            }
            let what = Bound::new("recovery_codes.replace").text("new recovery codes");
            if let Err(problem) = prove_in(tx, act, (&asker, &step_up), what)? {
                return Ok(Err(problem));
            }
            super::tell_in(tx, act, &customer, &super::model::codes_replaced())?;
            let recovery_codes = super::replace_recovery_codes_in(tx, act, &customer)?;
            Ok(Ok(Reply::created(&RecoveryCodes { recovery_codes })))
        })
        .await
}

/// What was never confirmed goes without a step-up.
async fn remove(caller: Customer, (Path(id), step_up): (Path<FactorId>, StepUp)) -> Answer<Empty> {
    let (asker, customer) = (Asker::from(&caller), caller.id());
    caller
        .write("factors.remove", move |tx, act| {
            super::store::lock_customer(tx, &customer)?;
            let Some(row) = super::get(tx, &customer, &id)? else {
                return Ok(Err(Problem::new(Code::NotFound)));
            };
            if row.confirmed_at.is_some() {
                let what =
                    Bound::new("factor.remove").part(id.bytes()).text("removing a way to sign in");
                // An e-mail address is no factor, but by this setting it is a step of the sign-in.
                let by_email = act.tools.config().factors.email_at_sign_in;
                let what = if by_email { what.or_password() } else { what };
                if let Err(problem) = prove_in(tx, act, (&asker, &step_up), what)? {
                    return Ok(Err(problem));
                }
            }
            super::remove_in(tx, act, &row)?;
            Ok(Ok(()))
        })
        .await??;
    caller.bank().watch().forget(&customer);
    Ok(Reply::no_content())
}

/// Locks the customer, so that what is asked of them stays true, and asks for a proof of this very change.
fn prove_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (asker, step_up): (&Asker, &StepUp),
    what: Bound,
) -> Result<Result<(), Problem>, DbError> {
    super::store::lock_customer(tx, &asker.customer)?;
    let what = what.of_factors();
    stepup::require_in(tx, act, asker, &what, step_up.proof(), Freshness::Act)
}

fn view(tools: &Tools, row: &FactorRow) -> Result<FactorView, DbError> {
    Ok(FactorView {
        id: row.id.to_string(),
        kind: row.kind.as_str(),
        name: row.name.clone(),
        status: row.status.as_str(),
        second_factor: row.kind.is_second_factor(),
        destination: super::masked(tools, row)?,
        created_at: row.created_at.to_string(),
        confirmed_at: row.confirmed_at.map(|at| at.to_string()),
        last_used_at: row.last_used_at.map(|at| at.to_string()),
    })
}
