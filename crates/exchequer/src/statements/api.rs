//! `/v1/accounts/{id}/statement`, and the same for operators.

mod merchants;

use bytes::Bytes;
use money::AccountId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::json::StatementView;
use super::model::Statement;
use super::period::Period;
use super::{MAX_ENTRIES, camt053, csv, json, pdf, places};
use crate::accounts;
use crate::http::fields::Fields;
use crate::http::{
    Answer, Code, Context, Customer, Path, Problem, Query, Reply, Route, Routes, Staff,
};
use crate::staff::model::Permission;

const CSV: &str = "text/csv; charset=utf-8; header=present";
const PDF: &str = "application/pdf";
const XML: &str = "application/xml";

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .customer(
            route("/v1/accounts/{id}/statement", "getStatement", "Statement of a period"),
            of_own,
        )
        .staff(
            Permission::ReadAccounts,
            route(
                "/v1/staff/accounts/{id}/statement",
                "getStatementAsStaff",
                "Statement of any account",
            ),
            of_any,
        );
    merchants::routes(routes, route)
}

fn route(path: &'static str, name: &'static str, summary: &'static str) -> Route {
    Route::get(path, name, summary)
        .never_kept()
        .refuses(&[Code::StatementTooLong])
        .or_files(&[CSV, PDF, XML])
}

/// Which days, and written how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct StatementQuery {
    /// The first day, UTC, as `2026-01-01`. Without `from` and `to` it is the last whole month.
    from: Option<String>,
    /// The last day, included; at most today, and at most 366 days with the first.
    to: Option<String>,
    /// `json` (when absent), `csv`, `pdf` or `camt053`.
    format: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Pdf,
    Camt053,
}

/// What a statement can be asked for as.
pub(crate) fn formats() -> Vec<&'static str> {
    Format::ALL.iter().map(|(name, _)| *name).collect()
}

impl Format {
    const ALL: [(&'static str, Self); 4] =
        [("json", Self::Json), ("csv", Self::Csv), ("pdf", Self::Pdf), ("camt053", Self::Camt053)];

    fn asked(fields: &mut Fields, name: Option<&str>) -> Option<Self> {
        let name = name.unwrap_or("json");
        let found = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
        if found.is_none() {
            fields.refuse("format", "invalid", "json, csv, pdf or camt053");
        }
        found
    }

    fn max_entries(self) -> usize {
        match self {
            Self::Json | Self::Csv | Self::Camt053 => MAX_ENTRIES,
            Self::Pdf => pdf::MAX_ENTRIES,
        }
    }

    fn render(self, statement: &Statement) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Json => Ok(json::render(statement)),
            Self::Csv => Ok(csv::render(statement)),
            Self::Pdf => pdf::render(statement)
                .map_err(|error| Problem::new(Code::Internal).cause(format!("PDF: {error}"))),
            Self::Camt053 => Ok(camt053::render(statement)),
        }
    }

    /// What a file's name ends with.
    fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
            Self::Camt053 => "xml",
        }
    }

    fn reply(self, name: &str, bytes: Bytes) -> Reply<StatementView<'static>> {
        match self {
            Self::Json => Reply::json_bytes(bytes),
            Self::Csv => Reply::file(CSV, name, bytes),
            Self::Pdf => Reply::file(PDF, name, bytes),
            Self::Camt053 => Reply::file(XML, name, bytes),
        }
    }
}

async fn of_own(
    caller: Customer,
    (Path(id), Query(query)): (Path<AccountId>, Query<StatementQuery>),
) -> Answer<StatementView<'static>> {
    let asked = asked(&caller, &query)?;
    let owner = caller.id();
    let tools = caller.bank().tools().clone();
    give(&caller, asked, move |tx| {
        let owned = accounts::find(tx, &owner, &id)?;
        let owned = owned.ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(super::open(tx, &tools, owned.row())?)
    })
    .await
}

async fn of_any(
    caller: Staff,
    (Path(id), Query(query)): (Path<AccountId>, Query<StatementQuery>),
) -> Answer<StatementView<'static>> {
    let asked = asked(&caller, &query)?;
    let tools = caller.bank().tools().clone();
    give(&caller, asked, move |tx| {
        let row = accounts::get_any(tx, &id)?.ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(super::open(tx, &tools, &row)?)
    })
    .await
}

fn asked(context: &Context, query: &StatementQuery) -> Result<(Period, Format), Problem> {
    let mut fields = Fields::default();
    let now = context.bank().tools().now();
    let days = (query.from.as_deref(), query.to.as_deref());
    let period = Period::asked(&mut fields, days, now);
    let format = Format::asked(&mut fields, query.format.as_deref());
    fields.finish(period.zip(format))
}

/// The place moves into the rendering: who hangs up keeps it until the thread is free again.
async fn give<F>(
    context: &Context,
    (period, format): (Period, Format),
    find: F,
) -> Answer<StatementView<'static>>
where
    F: FnMut(&mut store::Tx<'_>) -> Result<super::Found, Problem> + Send + 'static,
{
    let place = places::making().await?;
    let found = context.read("statements.open", find).await?;
    let statement = super::draw_up(context, found, period, format.max_entries()).await?;
    let work = tokio::task::spawn_blocking(move || {
        let name = statement.file_name(format.ending());
        let bytes = format.render(&statement);
        drop(place);
        bytes.map(|bytes| (name, bytes))
    });
    let (name, bytes) =
        work.await.map_err(|panicked| Problem::new(Code::Internal).cause(panicked))??;
    Ok(format.reply(&name, places::sending(bytes)?))
}
