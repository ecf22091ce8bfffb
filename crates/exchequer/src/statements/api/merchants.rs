//! `/v1/merchant/statement`, and the same for operators: what a merchant's payments became, by mode and currency.

use money::{Currency, MerchantId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Format, StatementQuery, StatementView, asked, give};
use crate::accounts;
use crate::http::fields::Fields;
use crate::http::{Answer, Code, Context, Merchant, Path, Problem, Query, Route, Routes, Staff};
use crate::merchants;
use crate::merchants::keys::Mode;
use crate::staff::model::Permission;
use crate::statements;
use crate::statements::period::Period;

/// A route of a statement: its path, name and summary.
type Stated = fn(&'static str, &'static str, &'static str) -> Route;

pub(super) fn routes(routes: Routes, route: Stated) -> Routes {
    routes
        .merchant(
            route(
                "/v1/merchant/statement",
                "getMerchantStatement",
                "Statement of own money in a currency",
            )
            .refuses(&[Code::NotFound]),
            of_own,
        )
        .staff(
            Permission::ReadMerchants,
            route(
                "/v1/staff/merchants/{id}/statement",
                "getMerchantStatementAsStaff",
                "Statement of a merchant's money in a currency",
            ),
            of_any,
        )
}

/// Which days and currency, and written how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct MerchantStatementQuery {
    /// ISO 4217, upper case.
    #[param(example = "INR")]
    currency: String,
    /// The first day, UTC, as `2026-01-01`. Without `from` and `to` it is the last whole month.
    from: Option<String>,
    /// The last day, included; at most today, and at most 366 days with the first.
    to: Option<String>,
    /// `json` (when absent), `csv`, `pdf` or `camt053`.
    format: Option<String>,
}

/// The same, of one of the two modes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StaffStatementQuery {
    /// ISO 4217, upper case.
    #[param(example = "INR")]
    currency: String,
    /// `live` (when absent) or `test`.
    mode: Option<String>,
    /// The first day, UTC, as `2026-01-01`. Without `from` and `to` it is the last whole month.
    from: Option<String>,
    /// The last day, included; at most today, and at most 366 days with the first.
    to: Option<String>,
    /// `json` (when absent), `csv`, `pdf` or `camt053`.
    format: Option<String>,
}

/// Whose money, and how it is written.
struct Wanted {
    merchant: MerchantId,
    mode: Mode,
    currency: Currency,
    written: (Period, Format),
}

async fn of_own(
    caller: Merchant,
    Query(query): Query<MerchantStatementQuery>,
) -> Answer<StatementView<'static>> {
    let mut fields = Fields::default();
    let currency = fields.currency("currency", &query.currency);
    let currency = fields.finish(currency)?;
    let days = StatementQuery { from: query.from, to: query.to, format: query.format };
    let written = asked(&caller, &days)?;
    let (merchant, mode) = (caller.id(), caller.mode());
    of(&caller, Wanted { merchant, mode, currency, written }).await
}

async fn of_any(
    caller: Staff,
    (Path(merchant), Query(query)): (Path<MerchantId>, Query<StaffStatementQuery>),
) -> Answer<StatementView<'static>> {
    let mut fields = Fields::default();
    let mode = Mode::parse(query.mode.as_deref().unwrap_or("live"));
    if mode.is_none() {
        fields.refuse("mode", "invalid", "live or test");
    }
    let currency = fields.currency("currency", &query.currency);
    let (mode, currency) = fields.finish(mode.zip(currency))?;
    let days = StatementQuery { from: query.from, to: query.to, format: query.format };
    let written = asked(&caller, &days)?;
    of(&caller, Wanted { merchant, mode, currency, written }).await
}

/// Refuses `not_found` for a merchant that is not there, or that never had money of this mode and currency.
async fn of(context: &Context, wanted: Wanted) -> Answer<StatementView<'static>> {
    let tools = context.bank().tools().clone();
    let (id, of) = (wanted.merchant, (wanted.mode, wanted.currency));
    give(context, wanted.written, move |tx| {
        let missing = || Problem::new(Code::NotFound);
        let merchant = merchants::find(tx, &id)?.ok_or_else(missing)?;
        let account = merchants::account(tx, &id, of)?.ok_or_else(missing)?;
        let row = accounts::get_any(tx, &account)?.ok_or_else(missing)?;
        Ok(statements::open(tx, &tools, &row)?.owned_by(merchant.name))
    })
    .await
}
