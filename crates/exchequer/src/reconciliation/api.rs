//! `/v1/staff/reconciliations` and `/v1/staff/differences`.

use ::store::{DbError, Tx};
use money::DifferenceId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::model::{DifferenceRow, DifferenceView, ReconciliationView};
use super::store;
use crate::accounts::api::PageQuery;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{Answer, Code, Json, Nothing, Page, Path, Query, Reply, Route, Routes, Staff};
use crate::reversals;
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadMerchants,
            Route::get(
                "/v1/staff/reconciliations",
                "listReconciliations",
                "Gateways' reports that were read, newest day first",
            ),
            list,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get(
                "/v1/staff/differences",
                "listDifferences",
                "What gateways and the bank do not agree on, newest first",
            ),
            differences,
        )
        .staff(
            Permission::SettleMerchants,
            Route::post(
                "/v1/staff/differences/{id}/resolve",
                "resolveDifference",
                "Say what a difference was",
            )
            .answers(200)
            .refuses(&[Code::AlreadyResolved, Code::ReversalUnderWay]),
            resolve,
        )
}

/// Which differences.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DifferenceQuery {
    /// True (also when absent): those that nobody has resolved. False: all.
    open: Option<bool>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What it was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveDifference {
    /// 1 to 140 characters.
    #[schema(example = "refunded by hand at the gateway, ticket 4711")]
    note: String,
}

/// Reports of one answer: three months of two gateways.
const MAX_REPORTS: i64 = 200;

async fn list(caller: Staff, _: Nothing) -> Answer<Page<ReconciliationView>> {
    let rows =
        caller.read("reconciliation.list", |tx| Ok(store::list_done(tx, MAX_REPORTS)?)).await?;
    let data = rows.iter().map(ReconciliationView::from).collect();
    Ok(Reply::ok(&Page { data, next_cursor: None }))
}

async fn differences(
    caller: Staff,
    Query(query): Query<DifferenceQuery>,
) -> Answer<Page<DifferenceView>> {
    let (limit, before) = PageQuery::of(query.limit, query.cursor).read::<DifferenceId>()?;
    let is_open = query.open.unwrap_or(true);
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let data = caller
        .read("reconciliation.differences", move |tx| {
            let rows = store::differences(tx, (before.as_ref(), is_open), most)?;
            Ok(rows.iter().map(|row| view(tx, row)).collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn resolve(
    caller: Staff,
    (Path(id), Json(body)): (Path<DifferenceId>, Json<ResolveDifference>),
) -> Answer<DifferenceView> {
    let mut fields = Fields::default();
    let note = fields.plain("note", &body.note, 1, MAX_TEXT_CHARS);
    let note = fields.finish(note)?;
    let by = caller.id();
    caller
        .once("reconciliation.resolve", move |tx, act| {
            let resolved = super::resolve_in(tx, act, (&id, &by), &note)?;
            match resolved {
                Ok(row) => Ok(Ok(Reply::ok(&view(tx, &row)?).about(&row.id))),
                Err(problem) => Ok(Err(problem)),
            }
        })
        .await
}

fn view(tx: &mut Tx<'_>, row: &DifferenceRow) -> Result<DifferenceView, DbError> {
    Ok(DifferenceView::from(row).with(reversals::view(tx, &row.id)?))
}
