//! `/v1/customers`, `/v1/me`.

use serde::Deserialize;
use utoipa::ToSchema;
use vault::PasswordRefusal;

use super::Registration;
use super::model::{CustomerView, Email, GovernmentId, Phone, RegisteredView};
use crate::confirmations;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{Answer, Code, Customer, Json, Nothing, Problem, Public, Reply, Route, Routes};

pub fn routes(routes: Routes) -> Routes {
    routes
        .public(
            "registering is how a person becomes a customer",
            Route::post("/v1/customers", "registerCustomer", "Become a customer"),
            register,
        )
        .customer(Route::get("/v1/me", "getMe", "The customer who is signed in"), me)
}

/// Who wants to be a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomer {
    /// At most 254 bytes; upper and lower case are one.
    email: String,
    /// At most 1,024 bytes; none is cut.
    #[schema(format = Password)]
    password: String,
    /// 1 to 140 characters.
    full_name: String,
    /// E.164: `+` and 7 to 15 digits.
    phone: Option<String>,
    /// 6 to 20 letters and digits.
    government_id: Option<String>,
}

/// The answer is the same whether the e-mail is known or not, and so is the work before it.
async fn register(caller: Public, Json(body): Json<RegisterCustomer>) -> Answer<RegisteredView> {
    let mut fields = Fields::default();
    let email: Option<Email> = fields.parse("email", &body.email, "an e-mail address");
    let full_name = fields.text("full_name", &body.full_name, 1, MAX_TEXT_CHARS);
    let phone: Option<Phone> =
        body.phone.and_then(|p| fields.parse("phone", &p, "+ and 7 to 15 digits (E.164)"));
    let government_id: Option<GovernmentId> = body
        .government_id
        .and_then(|g| fields.parse("government_id", &g, "6 to 20 letters and digits"));
    let context = vec![body.email, body.full_name];
    let password_hash = match caller.bank().hashing().choose(body.password, context).await? {
        Ok(hash) => Some(hash),
        Err(refusal) => {
            fields.refuse("password", refusal_code(refusal), refusal.to_string());
            None
        }
    };
    let checked = email.zip(full_name).zip(password_hash);
    let ((email, full_name), password_hash) = fields.finish(checked)?;
    let wanted = Registration { email, full_name, phone, government_id };
    caller
        .once("customers.register", move |tx, act| {
            let registered = super::register_in(tx, act, &wanted, &password_hash)?;
            confirmations::begin_in(tx, act, &registered, &wanted.email)?;
            Ok(Ok(Reply::created(&RegisteredView {
                id: registered.id.to_string(),
                email: wanted.email.as_str().to_owned(),
                full_name: wanted.full_name.clone(),
                phone: wanted.phone.as_ref().map(|p| p.as_str().to_owned()),
                created_at: act.now.to_string(),
            })
            .about(&registered.id)))
        })
        .await
}

async fn me(caller: Customer, _: Nothing) -> Answer<CustomerView> {
    let (id, tools) = (caller.id(), caller.bank().tools().clone());
    let found = caller.read("customers.me", move |tx| Ok(super::get(tx, &tools, &id)?)).await?;
    let customer = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&CustomerView::from(&customer)))
}

/// The code of a field's fault.
pub(crate) fn refusal_code(refusal: PasswordRefusal) -> &'static str {
    match refusal {
        PasswordRefusal::TooShort { .. } => "too_short",
        PasswordRefusal::TooLong { .. } => "too_long",
        PasswordRefusal::NeedsLettersAndDigits => "needs_letters_and_digits",
        PasswordRefusal::TooCommon => "too_common",
        PasswordRefusal::ContainsIdentity => "contains_identity",
    }
}
