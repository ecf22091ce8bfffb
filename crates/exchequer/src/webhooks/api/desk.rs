//! `/v1/staff/webhook_endpoints`: any merchant's endpoints and deliveries, for operators.

use money::{EventId, MerchantId, WebhookId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::model::{DeliveryView, WatchedEndpointView};
use super::{DeliveriesQuery, RedeliverEvent};
use crate::accounts::api::PageQuery;
use crate::http::{
    Answer, Code, Json, Nothing, Page, Path, Problem, Query, Reply, Route, Routes, Staff,
};
use crate::merchants;
use crate::staff::model::Permission;
use crate::webhooks;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadMerchants,
            Route::get(
                "/v1/staff/webhook_endpoints",
                "listAllWebhookEndpoints",
                "Endpoints of all merchants, oldest first",
            ),
            all,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get(
                "/v1/staff/merchants/{id}/webhook_endpoints",
                "listWebhookEndpointsAsStaff",
                "A merchant's endpoints, of both modes",
            ),
            list,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get(
                "/v1/staff/webhook_endpoints/{id}/deliveries",
                "listWebhookDeliveriesAsStaff",
                "What an endpoint did not take at the first try, or is sent again",
            ),
            deliveries,
        )
        .staff(
            Permission::RedeliverWebhook,
            Route::post(
                "/v1/staff/webhook_endpoints/{id}/redeliver",
                "redeliverEventAsStaff",
                "Have an event sent again",
            )
            .answers(202)
            .refuses(&[Code::EndpointDisabled]),
            redeliver,
        )
}

/// Which endpoints.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EndpointsQuery {
    /// `true`: those that fail, and those with dead letters; all when absent.
    trouble: Option<bool>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

async fn all(
    caller: Staff,
    Query(query): Query<EndpointsQuery>,
) -> Answer<Page<WatchedEndpointView>> {
    let (limit, after) = PageQuery::of(query.limit, query.cursor).read::<WebhookId>()?;
    let in_trouble = query.trouble.unwrap_or(false);
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let rows = caller
        .read("staff.all_webhooks", move |tx| {
            Ok(webhooks::list_all(tx, in_trouble, after.as_ref(), most)?)
        })
        .await?;
    let data: Vec<_> = rows.iter().map(WatchedEndpointView::from).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.endpoint.id.clone())))
}

async fn list(
    caller: Staff,
    (Path(id), Nothing): (Path<MerchantId>, Nothing),
) -> Answer<Page<WatchedEndpointView>> {
    let rows = caller
        .read("staff.webhooks", move |tx| {
            if merchants::find(tx, &id)?.is_none() {
                return Err(Problem::new(Code::NotFound));
            }
            Ok(webhooks::list_any(tx, &id)?)
        })
        .await?;
    let data = rows.iter().map(WatchedEndpointView::from).collect();
    Ok(Reply::ok(&Page { data, next_cursor: None }))
}

async fn deliveries(
    caller: Staff,
    (Path(id), Query(query)): (Path<WebhookId>, Query<DeliveriesQuery>),
) -> Answer<Page<DeliveryView>> {
    let (status, before, limit) = query.read()?;
    // One more than is shown tells whether there is a next page.
    let page = (before, limit.saturating_add(1));
    let found = caller
        .read("staff.webhook_deliveries", move |tx| {
            if webhooks::find_any(tx, &id)?.is_none() {
                return Err(Problem::new(Code::NotFound));
            }
            Ok(webhooks::deliveries(tx, &id, status, page)?)
        })
        .await?;
    let rows = Page::cut(found, limit, |last| last.sequence.to_string());
    let data = rows.data.iter().map(DeliveryView::from).collect();
    Ok(Reply::ok(&Page { data, next_cursor: rows.next_cursor }))
}

async fn redeliver(
    caller: Staff,
    (Path(id), Json(body)): (Path<WebhookId>, Json<RedeliverEvent>),
) -> Answer<DeliveryView> {
    // What is no id names nothing.
    let event: EventId = body.event.parse().map_err(|_| Problem::new(Code::NotFound))?;
    caller
        .once("staff.redeliver", move |tx, act| {
            let Some(endpoint) = webhooks::find_any(tx, &id)? else {
                return Ok(Err(Problem::new(Code::NotFound)));
            };
            let of = (&endpoint.merchant, endpoint.mode);
            let row = webhooks::redeliver_in(tx, act, (of, &id), &event)?;
            Ok(row.map(|row| Reply::accepted(&DeliveryView::from(&row))))
        })
        .await
}
