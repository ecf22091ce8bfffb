//! `/v1/staff/password`, `/v1/staff/authenticator` and `/v1/staff/login/renew`: what an operator signs in with, changed by
//! themselves.
//!
//! Hashing is outside the transactions; what it found is looked at again inside. Order of a renewal: an open challenge, the
//! rules for the new password, the code. So a stranger's invented challenge costs no hash, and a password that is refused
//! uses up no code. Nothing here is kept under an idempotency key: answers show secrets, and a code serves once anyway.

use money::ChallengeId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::{SecretString, Verdict};

use crate::challenges::{Asked, code};
use crate::factors::{qr, totp};
use crate::http::fields::Fields;
use crate::http::{
    Answer, Code, Context, Empty, Json, Problem, Public, Reply, Route, Routes, Staff,
};
use crate::passwords::api::{chosen, reused};
use crate::sessions::api::forget_ended;
use crate::sessions::model::PrincipalRef;
use crate::sessions::web;
use crate::staff::access::{self, Had, Own, Shown, locked_out};
use crate::staff::model::Permission;
use crate::staff::renewal::{self, NewAuthenticator, Renewed, Renewing};

const OF_A_CHANGE: &[Code] = &[Code::LockedOut, Code::InvalidCredentials, Code::InvalidCode];

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "the challenge that a first password led to, and a code of the authenticator, are the proof",
            Route::post(
                "/v1/staff/login/renew",
                "renewStaffAccess",
                "Choose a password in place of a first one",
            )
            .without_key()
            .answers(204)
            .refuses(&[Code::LockedOut, Code::InvalidCode]),
            renew,
        )
        .staff(
            Permission::ChangeOwnAccess,
            Route::post("/v1/staff/password", "changeStaffPassword", "Change one's own password")
                .without_key()
                .answers(204)
                .refuses(OF_A_CHANGE),
            change_password,
        )
        .staff(
            Permission::ChangeOwnAccess,
            Route::post(
                "/v1/staff/authenticator",
                "beginStaffAuthenticator",
                "Begin to use another authenticator",
            )
            .without_key()
            .refuses(OF_A_CHANGE),
            begin_authenticator,
        )
        .staff(
            Permission::ChangeOwnAccess,
            Route::post(
                "/v1/staff/authenticator/confirm",
                "confirmStaffAuthenticator",
                "Put the new authenticator in the place of the old one",
            )
            .without_key()
            .answers(204)
            .refuses(&[Code::InvalidCode]),
            confirm_authenticator,
        )
}

/// A password of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewStaffAccess {
    /// Of `renewal_required`.
    challenge: String,
    /// Six digits, of the authenticator that the answer showed, else of one's own.
    code: String,
    /// At most 1,024 bytes; none is cut.
    #[schema(format = Password, example = "eleven calm herons on a jetty")]
    new_password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaffPassword {
    #[schema(format = Password, example = "seven quiet otters by the weir")]
    current_password: String,
    /// At most 1,024 bytes; none is cut. None of the last four.
    #[schema(format = Password, example = "eleven calm herons on a jetty")]
    new_password: String,
    /// Six digits of the authenticator.
    code: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginStaffAuthenticator {
    #[schema(format = Password, example = "seven quiet otters by the weir")]
    current_password: String,
    /// Six digits of the authenticator that serves until now.
    code: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmStaffAuthenticator {
    /// Of the answer that showed the secret.
    challenge: String,
    /// Six digits of the new authenticator.
    code: String,
}

/// An authenticator that is to be enrolled. Its secret is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = NewStaffAuthenticator)]
pub struct AuthenticatorView {
    /// Base 32, to be typed where no camera is.
    secret: String,
    /// What the picture says.
    otpauth_uri: String,
    /// An SVG of at least 240 by 240, for an authenticator's camera.
    qr_svg: String,
}

/// An authenticator that waits for its first code; the one before serves until then.
#[derive(Serialize, ToSchema)]
pub struct BegunStaffAuthenticator {
    /// For `/v1/staff/authenticator/confirm`, in this session.
    challenge: Asked,
    authenticator: AuthenticatorView,
}

/// A first password was right: it is to be replaced before there is a session.
#[derive(Serialize, ToSchema)]
pub struct RenewalRequired {
    /// `renewal_required`
    status: &'static str,
    /// For `/v1/staff/login/renew`.
    challenge: Asked,
    /// Where a new one is to be enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticator: Option<AuthenticatorView>,
}

impl AuthenticatorView {
    fn new(secret: &SecretString, email: &str) -> Result<Self, Problem> {
        let uri = totp::otpauth_uri(secret, email);
        Ok(Self {
            secret: secret.expose().to_owned(),
            otpauth_uri: uri.to_string(),
            qr_svg: qr::svg(&uri).map_err(Problem::from)?,
        })
    }
}

impl RenewalRequired {
    pub(super) fn new(renewing: Renewing) -> Result<Self, Problem> {
        let shown = |new: NewAuthenticator| AuthenticatorView::new(&new.secret, &new.email);
        Ok(Self {
            status: "renewal_required",
            challenge: renewing.asked,
            authenticator: renewing.authenticator.map(shown).transpose()?,
        })
    }
}

async fn renew(caller: Public, Json(body): Json<RenewStaffAccess>) -> Answer<Empty> {
    let mut fields = Fields::default();
    let challenge = challenge_of(&mut fields, &body.challenge);
    let code = code_of(&mut fields, &body.code);
    let (challenge, code) = fields.finish(challenge.zip(code))?;
    let act = caller.act();
    let open = caller
        .read("staff.open_renewal", move |tx| Ok(renewal::open(tx, &act, &challenge)?))
        .await?;
    // Answered before, over its time, or nobody's.
    let had = open.ok_or_else(|| Problem::new(Code::InvalidCode))?;
    let new = SecretString::new(body.new_password);
    let new_hash = chosen(caller.bank(), &new, (vec![had.email.clone()], &had.all())).await?;
    let renewed = Renewed { challenge, code, first_hash: had.password_hash, new_hash };
    caller.write("staff.renew", move |tx, act| renewal::renew_in(tx, act, &renewed)).await??;
    Ok(Reply::no_content())
}

async fn change_password(caller: Staff, Json(body): Json<ChangeStaffPassword>) -> Answer<Empty> {
    let mut fields = Fields::default();
    let code = code_of(&mut fields, &body.code);
    let code = fields.finish(code)?;
    let own = own(&caller);
    let current = SecretString::new(body.current_password);
    let had = verified(&caller, own, &current).await?;
    let new = SecretString::new(body.new_password);
    if current == new {
        return Err(reused());
    }
    let identity = vec![had.email.clone()];
    let new_hash = chosen(caller.bank(), &new, (identity, &had.former)).await?;
    let shown = Shown { password_hash: had.password_hash, code };
    caller
        .write("staff.change_password", move |tx, act| {
            access::change_password_in(tx, act, &own, (&shown, &new_hash))
        })
        .await??;
    signed_out(&caller).await
}

async fn begin_authenticator(
    caller: Staff,
    Json(body): Json<BeginStaffAuthenticator>,
) -> Answer<BegunStaffAuthenticator> {
    let mut fields = Fields::default();
    let code = code_of(&mut fields, &body.code);
    let code = fields.finish(code)?;
    let own = own(&caller);
    let had = verified(&caller, own, &SecretString::new(body.current_password)).await?;
    let shown = Shown { password_hash: had.password_hash, code };
    let begun = caller
        .write("staff.begin_authenticator", move |tx, act| {
            access::begin_authenticator_in(tx, act, &own, &shown)
        })
        .await??;
    let authenticator = AuthenticatorView::new(&begun.secret, &begun.email)?;
    Ok(Reply::created(&BegunStaffAuthenticator { challenge: begun.asked, authenticator }))
}

async fn confirm_authenticator(
    caller: Staff,
    Json(body): Json<ConfirmStaffAuthenticator>,
) -> Answer<Empty> {
    let mut fields = Fields::default();
    let challenge = challenge_of(&mut fields, &body.challenge);
    let code = code_of(&mut fields, &body.code);
    let (challenge, code) = fields.finish(challenge.zip(code))?;
    let own = own(&caller);
    caller
        .write("staff.confirm_authenticator", move |tx, act| {
            access::confirm_authenticator_in(tx, act, &own, (&challenge, &code))
        })
        .await??;
    signed_out(&caller).await
}

/// What an operator's password is compared with, once it is right. A wrong one is counted, and none is looked at while a
/// lock stands.
async fn verified(caller: &Context, own: Own, password: &SecretString) -> Result<Had, Problem> {
    let locked = caller.write("staff.lock", move |tx, act| access::lock_in(tx, act, &own)).await?;
    if let Some(locked) = locked {
        return Err(locked_out(locked));
    }
    let had = caller.read("staff.had", move |tx| Ok(access::had(tx, &own.id)?)).await?;
    let had = had.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let stored = Some(had.password_hash.clone());
    let judged = caller.bank().hashing().verify(password.expose().to_owned(), stored).await?;
    if judged == Verdict::Wrong {
        let refused = caller
            .write("staff.fail_password", move |tx, act| access::fail_password_in(tx, act, &own))
            .await?;
        return Err(refused);
    }
    Ok(had)
}

/// After the commit that ended all sessions. A browser need not keep a cookie that is worth nothing.
async fn signed_out(caller: &Staff) -> Answer<Empty> {
    forget_ended(caller, PrincipalRef::Staff(caller.id())).await?;
    let reply = Reply::no_content();
    Ok(match caller.cookie() {
        Some(_) => reply.with_cookie(web::clear_cookie(caller.bank().config())),
        None => reply,
    })
}

fn own(caller: &Staff) -> Own {
    Own { id: caller.id(), session: caller.session() }
}

fn challenge_of(fields: &mut Fields, text: &str) -> Option<ChallengeId> {
    fields.parse("challenge", text, "the challenge's id")
}

fn code_of(fields: &mut Fields, text: &str) -> Option<String> {
    if code::is_six_digits(text) {
        return Some(text.to_owned());
    }
    fields.refuse("code", "invalid", "six digits");
    None
}
