//! `/v1/beneficiaries` and `/v1/payees`.

use money::BeneficiaryId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Entry;
use super::check::{Checked, check_in};
use super::model::{BeneficiaryView, Named};
use crate::accounts::api::PageQuery;
use crate::accounts::number::AccountNumber;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{
    Answer, Code, Customer, Empty, Json, Page, Path, Problem, Query, Reply, Route, Routes, StepUp,
};
use crate::outbox::masked_number;
use crate::stepup::{self, Asker, Bound, Freshness};

pub fn routes(routes: Routes) -> Routes {
    routes
        .customer(
            Route::post("/v1/beneficiaries", "addBeneficiary", "Put a payee on one's list")
                .refuses(&[
                    Code::AccountNotFound,
                    Code::StepUpRequired,
                    Code::TooManyBeneficiaries,
                ]),
            add,
        )
        .customer(Route::get("/v1/beneficiaries", "listBeneficiaries", "One's payees"), list)
        .customer(
            Route::post("/v1/payees/check", "checkPayee", "Whether a payee's name is right")
                .without_key()
                .answers(200),
            check,
        )
        .customer(
            Route::delete(
                "/v1/beneficiaries/{id}",
                "removeBeneficiary",
                "Take a payee off the list",
            ),
            remove,
        )
}

/// A payee.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddBeneficiary {
    /// Id or number of an account of somebody else.
    account: String,
    /// One's own name for the payee.
    name: String,
}

impl AddBeneficiary {
    fn check(&self, cooling_seconds: i64) -> Result<Entry, Problem> {
        let mut fields = Fields::default();
        let account = named(&mut fields, &self.account);
        let name = fields.text("name", &self.name, 1, MAX_TEXT_CHARS);
        let entry =
            account.zip(name).map(|(account, name)| Entry { account, name, cooling_seconds });
        fields.finish(entry)
    }
}

fn named(fields: &mut Fields, text: &str) -> Option<Named> {
    if let Ok(id) = text.parse() {
        return Some(Named::Id(id));
    }
    let wanted = "the id or the number of an account, check digits right";
    let number: AccountNumber = fields.parse("account", text, wanted)?;
    Some(Named::Number(number.to_string()))
}

/// An account, and the name that its holder is said to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckPayee {
    /// Id or number of an account.
    account: String,
    /// 1 to 140 characters.
    #[schema(example = "Bela Iyer")]
    name: String,
}

/// How alike a name and that of an account's holder are.
#[derive(Serialize, ToSchema)]
#[schema(as = PayeeCheck)]
pub struct PayeeCheckView {
    /// `match`, `close_match`, `no_match` (also where there is no such account) or `not_checked` (nothing in the
    /// name can be compared).
    result: &'static str,
    /// With `close_match`: the first letters of the holder's name.
    #[schema(example = "B••• I•••")]
    suggestion: Option<String>,
}

async fn check(caller: Customer, Json(body): Json<CheckPayee>) -> Answer<PayeeCheckView> {
    let mut fields = Fields::default();
    let account = named(&mut fields, &body.account);
    let name = fields.text("name", &body.name, 1, MAX_TEXT_CHARS);
    let (account, name) = fields.finish(account.zip(name))?;
    let asker = caller.id();
    let checked = caller
        .write("payees.check", move |tx, act| check_in(tx, act, &asker, (&account, &name)))
        .await?;
    let result = checked.as_str();
    let suggestion = match checked {
        Checked::Close(masked) => Some(masked),
        Checked::Match | Checked::NoMatch | Checked::NotChecked => None,
    };
    Ok(Reply::ok(&PayeeCheckView { result, suggestion }))
}

async fn add(
    caller: Customer,
    (Json(body), step_up): (Json<AddBeneficiary>, StepUp),
) -> Answer<BeneficiaryView> {
    let cooling = caller.bank().config().step_up.cooling_seconds;
    let entry = body.check(i64::try_from(cooling).unwrap_or(i64::MAX))?;
    let asker = Asker::from(&caller);
    caller
        .once("beneficiaries.add", move |tx, act| {
            let found = match super::resolve(tx, &asker.customer, &entry.account)? {
                Ok(found) => found,
                Err(problem) => return Ok(Err(problem)),
            };
            let what = Bound::new("beneficiary.add")
                .part(found.account.bytes())
                .part(entry.name.as_bytes())
                .text(format!("new payee {}", masked_number(&found.number)));
            let allowed =
                stepup::require_in(tx, act, &asker, &what, step_up.proof(), Freshness::Session)?;
            if let Err(problem) = allowed {
                return Ok(Err(problem));
            }
            let added = super::add_in(tx, act, &asker.customer, &found, &entry)?;
            Ok(added.map(|row| Reply::created(&BeneficiaryView::from(&row)).about(&row.id)))
        })
        .await
}

async fn list(caller: Customer, Query(page): Query<PageQuery>) -> Answer<Page<BeneficiaryView>> {
    let (limit, after) = (page.limit()?, page.cursor::<BeneficiaryId>()?);
    let (customer, tools) = (caller.id(), caller.bank().tools().clone());
    // One more than is shown tells whether there is a next page.
    let found = caller
        .read("beneficiaries.list", move |tx| {
            Ok(super::list(tx, &tools, &customer, after.as_ref(), limit.saturating_add(1))?)
        })
        .await?;
    let data: Vec<BeneficiaryView> = found.iter().map(BeneficiaryView::from).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn remove(caller: Customer, Path(id): Path<BeneficiaryId>) -> Answer<Empty> {
    let customer = caller.id();
    let removed = caller
        .write("beneficiaries.remove", move |tx, act| super::remove_in(tx, act, &customer, &id))
        .await?;
    if removed { Ok(Reply::no_content()) } else { Err(Problem::new(Code::NotFound)) }
}
