//! Customers' accounts as operators see and change them.

use money::{AccountId, Amount};
use serde::{Deserialize, Deserializer, Serialize};
use store::{DbError, Tx};
use utoipa::{IntoParams, ToSchema};

use super::found;
use crate::accounts::model::{AccountRow, AccountView};
use crate::accounts::number::AccountNumber;
use crate::accounts::{self, get_any};
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, LimitPair, NewLimits};
use crate::bank::Act;
use crate::http::fields::{Fields, MinorUnits};
use crate::http::{Answer, Code, Json, Page, Path, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    let standing =
        |action: &'static str, name, summary| Route::post(action, name, summary).answers(200);
    routes
        .staff(
            Permission::ReadAccounts,
            Route::get("/v1/staff/accounts", "findAccounts", "An account by its number"),
            find,
        )
        .staff(
            Permission::ReadAccounts,
            Route::get(
                "/v1/staff/accounts/{id}",
                "getAccountAsStaff",
                "One account, with its owner",
            ),
            get,
        )
        .staff(
            Permission::FreezeAccount,
            standing("/v1/staff/accounts/{id}/freeze", "freezeAccount", "Stop all movement")
                .refuses(&[Code::AccountClosed, Code::AlreadyFrozen]),
            freeze,
        )
        .staff(
            Permission::UnfreezeAccount,
            standing("/v1/staff/accounts/{id}/unfreeze", "unfreezeAccount", "Let money move again")
                .refuses(&[Code::AccountClosed, Code::NotFrozen]),
            unfreeze,
        )
        .staff(
            Permission::CloseAccount,
            standing("/v1/staff/accounts/{id}/close", "closeAccount", "End an account for good")
                .refuses(&[Code::AccountClosed, Code::BalanceNotZero, Code::HoldsActive]),
            close,
        )
        .staff(
            Permission::SetLimits,
            standing("/v1/staff/accounts/{id}/limits", "setLimits", "What may leave an account")
                .refuses(&[Code::AccountClosed])
                .may_wait(),
            set_limits,
        )
}

/// An account with what its owner does not see of it.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffAccount)]
pub struct StaffAccountView {
    #[serde(flatten)]
    account: AccountView,
    /// Id of the customer; null for the bank's own.
    owner: Option<String>,
    limits: LimitsView,
}

/// What may leave an account, minor units; null is no limit.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// The largest single transfer or hold.
    per_transfer: Option<i64>,
    /// The largest sum in any rolling 24 hours.
    per_day: Option<i64>,
}

/// One of the two or both: a number sets a limit, null takes it away, absent leaves it as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimits {
    /// The largest single transfer or hold.
    #[serde(default)]
    #[schema(value_type = Option<MinorUnits>, required = false)]
    per_transfer: Given<MinorUnits>,
    /// The largest sum in any rolling 24 hours.
    #[serde(default)]
    #[schema(value_type = Option<MinorUnits>, required = false)]
    per_day: Given<MinorUnits>,
}

/// What a body says of a limit: `null` is something else than nothing.
#[derive(Debug, Default, PartialEq, Eq)]
enum Given<T> {
    #[default]
    Absent,
    NoLimit,
    Limit(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = Option::<T>::deserialize(deserializer)?;
        Ok(limit.map_or(Self::NoLimit, Self::Limit))
    }
}

impl Given<Amount> {
    /// The limit from now on, minor units.
    fn or(&self, before: Option<i64>) -> Option<i64> {
        match self {
            Self::Absent => before,
            Self::NoLimit => None,
            Self::Limit(amount) => Some(amount.get()),
        }
    }
}

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AccountQuery {
    /// `EX` and sixteen digits; blanks and lower case are taken.
    number: String,
}

/// One row or none, as every list. Refuses `invalid_fields`.
async fn find(caller: Staff, Query(query): Query<AccountQuery>) -> Answer<Page<StaffAccountView>> {
    let number: AccountNumber = query.number.parse().map_err(|_| {
        Problem::field("number", "invalid", "EX and sixteen digits, the first two of which fit")
    })?;
    let row = caller
        .read("staff.find_account", move |tx| Ok(accounts::find_numbered(tx, &number)?))
        .await?;
    Ok(Reply::ok(&Page { data: row.iter().map(view).collect(), next_cursor: None }))
}

async fn get(caller: Staff, Path(id): Path<AccountId>) -> Answer<StaffAccountView> {
    let row = caller.read("staff.get_account", move |tx| Ok(get_any(tx, &id)?)).await?;
    Ok(Reply::ok(&view(&found(row)?)))
}

async fn freeze(caller: Staff, Path(id): Path<AccountId>) -> Answer<StaffAccountView> {
    change(caller, "staff.freeze", id, accounts::freeze).await
}

async fn unfreeze(caller: Staff, Path(id): Path<AccountId>) -> Answer<StaffAccountView> {
    change(caller, "staff.unfreeze", id, accounts::unfreeze).await
}

async fn close(caller: Staff, Path(id): Path<AccountId>) -> Answer<StaffAccountView> {
    change(caller, "staff.close", id, accounts::close).await
}

/// A verb that changes the standing of an account.
type Verb = fn(&mut Tx<'_>, &Act, &AccountId) -> Result<Result<AccountRow, Problem>, DbError>;

async fn change(
    caller: Staff,
    name: &'static str,
    id: AccountId,
    verb: Verb,
) -> Answer<StaffAccountView> {
    caller
        .once(name, move |tx, act| {
            Ok(verb(tx, act, &id)?.map(|row| Reply::ok(&view(&row)).about(&row.account.id)))
        })
        .await
}

async fn set_limits(
    caller: Staff,
    (Path(id), Json(body)): (Path<AccountId>, Json<SetLimits>),
) -> Answer<StaffAccountView> {
    let mut fields = Fields::default();
    if matches!((&body.per_transfer, &body.per_day), (Given::Absent, Given::Absent)) {
        fields.refuse("per_transfer", "required", "per_transfer, per_day or both");
    }
    let per_transfer = checked(&mut fields, "per_transfer", &body.per_transfer);
    let per_day = checked(&mut fields, "per_day", &body.per_day);
    let (per_transfer, per_day) = fields.finish(per_transfer.zip(per_day))?;
    caller
        .once("staff.set_limits", move |tx, act| {
            // Locked before it is read: what is absent keeps the value that no one else can change now.
            let before = match accounts::standing_limits(tx, act, &id)? {
                Ok(limits) => LimitPair::from(limits),
                Err(problem) => return Ok(Err(problem)),
            };
            let limits = LimitPair {
                per_transfer: per_transfer.or(before.per_transfer),
                per_day: per_day.or(before.per_day),
            };
            // Less may leave at once; for more to leave, two have to want it.
            if act.tools.config().approvals.are_required && limits.is_looser_than(before) {
                let account = id.to_string();
                return ask(tx, act, Deed::SetLimits(NewLimits { account, limits, before }));
            }
            let set = accounts::set_limits(tx, act, &id, limits.limits())?;
            Ok(set.map(|row| Reply::ok(&view(&row)).about(&row.account.id)))
        })
        .await
}

fn checked(fields: &mut Fields, name: &str, given: &Given<MinorUnits>) -> Option<Given<Amount>> {
    match given {
        Given::Absent => Some(Given::Absent),
        Given::NoLimit => Some(Given::NoLimit),
        Given::Limit(token) => fields.amount(name, token).map(Given::Limit),
    }
}

pub(super) fn view(row: &AccountRow) -> StaffAccountView {
    let limits = row.account.limits;
    StaffAccountView {
        account: row.into(),
        owner: row.owner.map(|owner| owner.to_string()),
        limits: LimitsView { per_transfer: limits.per_transfer, per_day: limits.per_day },
    }
}

#[cfg(test)]
mod tests;
