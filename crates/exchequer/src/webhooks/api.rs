//! `/v1/events` and `/v1/webhook_endpoints`.

mod desk;

use money::{EventId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vault::WebhookAlgorithm;

use super::model::{DeliveryStatus, DeliveryView, EndpointView, MerchantEventView, is_pattern};
use super::{MadeEndpoint, Wanted, target};
use crate::accounts::api::PageQuery;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::input::Optional;
use crate::http::{
    Answer, Code, Empty, Json, Merchant, Nothing, Page, Path, Problem, Query, Reply, Route, Routes,
};

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .merchant(
            Route::get("/v1/events", "listMerchantEvents", "What has happened since, in order")
                .refuses(&[Code::EventsExpired]),
            events,
        )
        .merchant(
            Route::post(
                "/v1/webhook_endpoints",
                "createWebhookEndpoint",
                "Have events sent somewhere; the secret is shown once",
            )
            .refuses(&[Code::TooManyEndpoints, Code::EventsExpired]),
            create,
        )
        .merchant(
            Route::get("/v1/webhook_endpoints", "listWebhookEndpoints", "Own endpoints"),
            list,
        )
        .merchant(
            Route::get("/v1/webhook_endpoints/{id}", "getWebhookEndpoint", "One endpoint"),
            get,
        )
        .merchant(
            Route::put(
                "/v1/webhook_endpoints/{id}",
                "changeWebhookEndpoint",
                "Change, disable, enable or move an endpoint",
            )
            .refuses(&[Code::EventsExpired]),
            change,
        )
        .merchant(
            Route::delete(
                "/v1/webhook_endpoints/{id}",
                "deleteWebhookEndpoint",
                "Remove an endpoint and all that waits for it",
            ),
            delete,
        );
    delivery_routes(desk::routes(routes))
}

fn delivery_routes(routes: Routes) -> Routes {
    routes
        .merchant(
            Route::post(
                "/v1/webhook_endpoints/{id}/rotate",
                "rotateWebhookSecret",
                "A new key; the one before signs beside it for a while",
            )
            .answers(200),
            rotate,
        )
        .merchant(
            Route::get(
                "/v1/webhook_endpoints/{id}/deliveries",
                "listWebhookDeliveries",
                "What was not taken at the first try, or is sent again",
            ),
            deliveries,
        )
        .merchant(
            Route::post(
                "/v1/webhook_endpoints/{id}/redeliver",
                "redeliverEvent",
                "Have an event sent again",
            )
            .answers(202)
            .refuses(&[Code::EndpointDisabled]),
            redeliver,
        )
}

/// Where to begin.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The number behind which to begin; the oldest that is kept comes first when absent.
    after: Option<i64>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
}

/// Events in ascending order, without a gap.
#[derive(Serialize, ToSchema)]
pub struct MerchantEvents {
    pub data: Vec<MerchantEventView>,
    /// `after` of the next request: also when there is nothing new.
    #[schema(example = 41)]
    pub next_after: i64,
}

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookEndpoint {
    /// `https`, to a public host, at most 500 bytes.
    #[schema(example = "https://example.com/webhooks")]
    url: String,
    /// Names of events, or `payment.*`, `refund.*`, `*`; at most 20. All when absent.
    events: Option<Vec<String>>,
    /// For you: at most 140 characters.
    description: Option<String>,
    /// `hmac` (when absent) or `ed25519`.
    algorithm: Option<String>,
    /// The number of the event behind which it begins; the last one when absent.
    after: Option<i64>,
}

/// All of an endpoint anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWebhookEndpoint {
    /// As for a new one.
    #[schema(example = "https://example.com/webhooks")]
    url: String,
    /// As for a new one.
    #[schema(example = json!(["payment.*"]))]
    events: Vec<String>,
    /// As for a new one; none when absent.
    description: Option<String>,
    /// `enabled` or `disabled`. One that is enabled again goes on where it stopped.
    #[schema(example = "enabled")]
    status: String,
    /// Goes on behind this number, forwards or back; where it is when absent.
    after: Option<i64>,
}

/// A new key for an endpoint.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateWebhookSecret {
    /// Seconds that the key before signs, too: 0 to 604800; 86400 when absent.
    overlap: Option<i64>,
}

/// An event to be sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliverEvent {
    /// Its id.
    event: String,
}

/// An endpoint that was made or given another key.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeWebhookEndpoint)]
pub struct MadeEndpointView {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// Of an HMAC endpoint: shown now and never again.
    #[schema(example = "whsec_…")]
    secret: Option<String>,
}

/// Which part of a list of deliveries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    /// `waiting`, `delivered` or `dead`; all when absent.
    status: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl DeliveriesQuery {
    /// Status, the number below which to begin, and rows. Refuses, in order: `invalid_fields`, `malformed_request`.
    fn read(&self) -> Result<(Option<DeliveryStatus>, i64, i64), Problem> {
        let limit = PageQuery::of(self.limit, None).limit()?;
        let status = self.status.as_deref().map(|text| {
            let wrong = || Problem::field("status", "invalid", "waiting, delivered or dead");
            DeliveryStatus::parse(text).ok_or_else(wrong)
        });
        let (status, before) = (status.transpose()?, self.cursor.as_deref().map(str::parse));
        let unknown = "`cursor` is not one that this list gave";
        let before: Option<i64> =
            before.transpose().map_err(|_| Problem::new(Code::MalformedRequest).detail(unknown))?;
        Ok((status, before.unwrap_or(i64::MAX), limit))
    }
}

/// Patterns of one endpoint; there are fewer names.
pub(crate) const MAX_PATTERNS: usize = 20;
const OVERLAP_SECONDS: i64 = 86_400;
pub(crate) const MAX_OVERLAP_SECONDS: i64 = 604_800;

fn wanted(
    fields: &mut Fields,
    (url, allow_private): (&str, bool),
    events: Vec<String>,
    (description, after): (Option<&str>, Option<i64>),
) -> Option<Wanted> {
    let url = match target::parse(url, allow_private) {
        Ok(url) => Some(url.to_string()),
        Err(error) => {
            fields.refuse("url", "invalid", error.to_string());
            None
        }
    };
    if events.is_empty() || events.len() > MAX_PATTERNS {
        fields.refuse("events", "invalid", format!("1 to {MAX_PATTERNS} names"));
    }
    for (i, pattern) in events.iter().enumerate().take(MAX_PATTERNS) {
        if !is_pattern(pattern) {
            let detail = "the name of an event, or payment.*, refund.* or *";
            fields.refuse(&format!("events[{i}]"), "invalid", detail);
        }
    }
    let description = match description {
        None => Some(None),
        Some(text) => fields.plain("description", text, 1, MAX_TEXT_CHARS).map(Some),
    };
    if after.is_some_and(|after| after < 0) {
        fields.refuse("after", "out_of_range", "0 or more");
    }
    Some(Wanted { url: url?, events, description: description?, after })
}

async fn events(caller: Merchant, Query(query): Query<EventsQuery>) -> Answer<MerchantEvents> {
    let (limit, after) = (PageQuery::of(query.limit, None).limit()?, query.after);
    if after.is_some_and(|after| after < 0) {
        return Err(Problem::field("after", "out_of_range", "0 or more"));
    }
    let of = (caller.id(), caller.mode());
    let (after, data) = caller
        .read("webhooks.events", move |tx| super::events_after(tx, (&of.0, of.1), (after, limit))?)
        .await?;
    let next_after = data.last().map_or(after, |last| last.sequence);
    Ok(Reply::ok(&MerchantEvents { data, next_after }))
}

async fn create(
    caller: Merchant,
    Json(body): Json<CreateWebhookEndpoint>,
) -> Answer<MadeEndpointView> {
    let mut fields = Fields::default();
    let allow_private = caller.bank().webhooks().terms().allow_private;
    let events = body.events.unwrap_or_else(|| vec!["*".to_owned()]);
    let rest = (body.description.as_deref(), body.after);
    let wanted = wanted(&mut fields, (&body.url, allow_private), events, rest);
    let algorithm = WebhookAlgorithm::parse(body.algorithm.as_deref().unwrap_or("hmac"));
    if algorithm.is_none() {
        fields.refuse("algorithm", "invalid", "hmac or ed25519");
    }
    let (wanted, algorithm) = fields.finish(wanted.zip(algorithm))?;
    let of = (caller.id(), caller.mode());
    caller
        .once("webhooks.create", move |tx, act| {
            let made = super::create_in(tx, act, (&of.0, of.1), (&wanted, algorithm))?;
            Ok(made.map(|made| Reply::created(&shown(&made)).about(&made.row.id)))
        })
        .await
}

async fn list(caller: Merchant, Nothing: Nothing) -> Answer<Page<EndpointView>> {
    let of = (caller.id(), caller.mode());
    let found = caller.read("webhooks.list", move |tx| Ok(super::list(tx, (&of.0, of.1))?)).await?;
    Ok(Reply::ok(&Page { data: found.iter().map(EndpointView::from).collect(), next_cursor: None }))
}

async fn get(caller: Merchant, Path(id): Path<WebhookId>) -> Answer<EndpointView> {
    let of = (caller.id(), caller.mode());
    let found =
        caller.read("webhooks.get", move |tx| Ok(super::find(tx, (&of.0, of.1), &id)?)).await?;
    let row = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&EndpointView::from(&row)))
}

async fn change(
    caller: Merchant,
    (Path(id), Json(body)): (Path<WebhookId>, Json<ChangeWebhookEndpoint>),
) -> Answer<EndpointView> {
    let mut fields = Fields::default();
    let allow_private = caller.bank().webhooks().terms().allow_private;
    let rest = (body.description.as_deref(), body.after);
    let wanted = wanted(&mut fields, (&body.url, allow_private), body.events, rest);
    let is_enabled = match body.status.as_str() {
        "enabled" => Some(true),
        "disabled" => Some(false),
        _ => {
            fields.refuse("status", "invalid", "enabled or disabled");
            None
        }
    };
    let (wanted, is_enabled) = fields.finish(wanted.zip(is_enabled))?;
    let of = (caller.id(), caller.mode());
    let changed = caller
        .write("webhooks.change", move |tx, act| {
            super::change_in(tx, act, ((&of.0, of.1), &id), (&wanted, is_enabled))
        })
        .await??;
    Ok(Reply::ok(&EndpointView::from(&changed)))
}

async fn delete(caller: Merchant, Path(id): Path<WebhookId>) -> Answer<Empty> {
    let of = (caller.id(), caller.mode());
    caller
        .write("webhooks.delete", move |tx, act| super::delete_in(tx, act, (&of.0, of.1), &id))
        .await??;
    Ok(Reply::no_content())
}

async fn rotate(
    caller: Merchant,
    (Path(id), Optional(body)): (Path<WebhookId>, Optional<RotateWebhookSecret>),
) -> Answer<MadeEndpointView> {
    let overlap = body.overlap.unwrap_or(OVERLAP_SECONDS);
    if !(0..=MAX_OVERLAP_SECONDS).contains(&overlap) {
        let detail = format!("0 to {MAX_OVERLAP_SECONDS} seconds");
        return Err(Problem::field("overlap", "out_of_range", detail));
    }
    let of = (caller.id(), caller.mode());
    caller
        .once("webhooks.rotate", move |tx, act| {
            let made = super::rotate_in(tx, act, ((&of.0, of.1), &id), overlap)?;
            Ok(made.map(|made| Reply::ok(&shown(&made)).about(&made.row.id)))
        })
        .await
}

async fn deliveries(
    caller: Merchant,
    (Path(id), Query(query)): (Path<WebhookId>, Query<DeliveriesQuery>),
) -> Answer<Page<DeliveryView>> {
    let (status, before, limit) = query.read()?;
    let of = (caller.id(), caller.mode());
    // One more than is shown tells whether there is a next page.
    let page = (before, limit.saturating_add(1));
    let found = caller
        .read("webhooks.deliveries", move |tx| {
            if super::find(tx, (&of.0, of.1), &id)?.is_none() {
                return Err(Problem::new(Code::NotFound));
            }
            Ok(super::deliveries(tx, &id, status, page)?)
        })
        .await?;
    let rows = Page::cut(found, limit, |last| last.sequence.to_string());
    let data = rows.data.iter().map(DeliveryView::from).collect();
    Ok(Reply::ok(&Page { data, next_cursor: rows.next_cursor }))
}

async fn redeliver(
    caller: Merchant,
    (Path(id), Json(body)): (Path<WebhookId>, Json<RedeliverEvent>),
) -> Answer<DeliveryView> {
    // What is no id names nothing.
    let event: EventId = body.event.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let of = (caller.id(), caller.mode());
    caller
        .once("webhooks.redeliver", move |tx, act| {
            let row = super::redeliver_in(tx, act, ((&of.0, of.1), &id), &event)?;
            Ok(row.map(|row| Reply::accepted(&DeliveryView::from(&row))))
        })
        .await
}

fn shown(made: &MadeEndpoint) -> MadeEndpointView {
    let secret = made.secret.as_ref().map(|secret| secret.expose().to_owned());
    MadeEndpointView { endpoint: EndpointView::from(&made.row), secret }
}
