//! The sandbox gateway's routes; docs/sandbox-gateway.md is their page.

use std::sync::Arc;

pub(super) use axum::Router;
pub(super) use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use money::{Amount, Currency, Money, PaymentId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use vault::SecretString;
use vault::card::Expiry;

use super::book::{Demand, Order};
use super::cards::{CardRefusal, Fate, TestCard};
use super::chaos::{Chaos, Delivery};
use super::desk::{Desk, Reply};
use super::refusal::Refusal;
use super::wire::{Asked, CardAsked};
use crate::gateways::{Day, Kind, MAX_ANSWER_BYTES, is_operation_id};

#[derive(Clone)]
pub(super) struct Service {
    pub desk: Arc<Desk>,
    pub secret: Arc<SecretString>,
}

/// How an answer leaves; what carries the connection looks for it.
#[derive(Clone, Copy)]
pub(super) struct Way(pub Delivery);

/// Charges of one page.
const MAX_PAGE: usize = 1_000;

pub(super) fn router(service: &Service) -> Router {
    Router::new()
        .route("/v1/operations/{id}", put(submit).get(ask))
        .route("/v1/operations/{id}/close", post(close))
        .route("/v1/charges", get(charges))
        .route("/v1/totals", get(totals))
        .route("/v1/reports/{day}", get(report))
        .route("/v1/test-cards", get(test_cards))
        .route("/chaos", get(chaos).put(set_chaos))
        .layer(from_fn_with_state(service.clone(), authorized))
        .route("/healthz", get(async || StatusCode::NO_CONTENT))
        .with_state(service.clone())
}

async fn authorized(State(service): State<Service>, request: Request, next: Next) -> Response {
    if is_authorized(request.headers(), &service.secret) {
        next.run(request).await
    } else {
        fault(StatusCode::UNAUTHORIZED, "unauthorized")
    }
}

fn is_authorized(headers: &HeaderMap, secret: &SecretString) -> bool {
    let given = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    given
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .is_some_and(|token| vault::same_bytes(token, secret.expose().as_bytes()))
}

async fn submit(State(service): State<Service>, Path(id): Path<String>, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return fault(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    };
    let Some(id) = operation(&id) else { return malformed() };
    let Some((order, fate)) = order(&service.desk, id, &body) else { return malformed() };
    reply(service.desk.submit(order, fate).await)
}

async fn ask(State(service): State<Service>, Path(id): Path<String>) -> Response {
    operation(&id).map_or_else(malformed, |id| reply(service.desk.ask(&id)))
}

async fn close(State(service): State<Service>, Path(id): Path<String>) -> Response {
    operation(&id).map_or_else(malformed, |id| reply(service.desk.close(&id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

async fn charges(State(service): State<Service>, Query(page): Query<Page>) -> Response {
    let after = page.after.map(|text| text.parse::<PaymentId>()).transpose();
    let limit = page.limit.unwrap_or(MAX_PAGE);
    let (Ok(after), 1..=MAX_PAGE) = (after, limit) else { return malformed() };
    let found = service.desk.charges(after, limit);
    let next = found.last().filter(|_| found.len() == limit).map(|(id, _)| id.to_string());
    let rows: Vec<_> = found
        .iter()
        .map(|(payment, charge)| {
            json!({
                "payment": payment.to_string(),
                "reference": super::book::reference_of(*payment),
                "currency": charge.currency.code(),
                "authorized": charge.authorized,
                "captured": charge.captured,
                "refunded": charge.refunded,
                "open": charge.is_open,
            })
        })
        .collect();
    written(StatusCode::OK, &json!({ "data": rows, "next": next }))
}

async fn totals(State(service): State<Service>) -> Response {
    written(StatusCode::OK, &service.desk.totals())
}

async fn report(State(service): State<Service>, Path(day): Path<String>) -> Response {
    if service.desk.is_down() {
        return fault(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    let Ok(day) = day.parse::<Day>() else { return malformed() };
    ([(CONTENT_TYPE, "text/csv; charset=utf-8")], service.desk.report(day)).into_response()
}

async fn test_cards() -> Response {
    let cards = super::cards::TEST_CARDS.iter().map(|card| {
        json!({ "number": card.number, "brand": card.brand.as_str(), "fate": card.fate.as_str() })
    });
    written(StatusCode::OK, &json!({ "data": cards.collect::<Vec<_>>() }))
}

async fn chaos(State(service): State<Service>) -> Response {
    written(StatusCode::OK, &*service.desk.chaos())
}

async fn set_chaos(State(service): State<Service>, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return fault(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    };
    let Ok(chaos) = serde_json::from_slice::<Chaos>(&body) else { return malformed() };
    match service.desk.set_chaos(chaos) {
        Ok(()) => written(StatusCode::OK, &*service.desk.chaos()),
        Err(_) => malformed(),
    }
}

fn operation(id: &str) -> Option<Arc<str>> {
    is_operation_id(id).then(|| Arc::from(id))
}

/// Reads an order; none where something is missing, too much, or no amount.
fn order(desk: &Desk, operation: Arc<str>, body: &Bytes) -> Option<(Order, Fate)> {
    let asked: Asked<'_> = serde_json::from_slice(body).ok()?;
    let money = money(&asked);
    if money.is_none() && (asked.amount.is_some() || asked.currency.is_some()) {
        return None;
    }
    let (demand, fate) = match (Kind::parse(asked.act)?, money, asked.capture, asked.is_final) {
        (Kind::Authorize, Some(money), Some(capture), None) => {
            let (card, fate) = judge(desk, asked.card.as_ref()?)?;
            (Demand::Authorize { money, capture, card }, fate)
        }
        (Kind::Capture, Some(money), None, Some(is_final)) => {
            (Demand::Capture { money, is_final }, Fate::Approved)
        }
        (Kind::Cancel, None, None, None) => (Demand::Cancel, Fate::Approved),
        (Kind::Refund, Some(money), None, None) => (Demand::Refund { money }, Fate::Approved),
        _ => return None,
    };
    if asked.card.is_some() && demand.kind() != Kind::Authorize {
        return None;
    }
    let fingerprint = desk.fingerprint(body);
    Some((Order { operation, fingerprint, payment: asked.payment.0, demand }, fate))
}

/// An amount with its currency.
fn money(asked: &Asked<'_>) -> Option<Money> {
    let amount = Amount::new(asked.amount?).ok()?;
    Some(Money::new(amount.get(), Currency::from_code(asked.currency?).ok()?))
}

/// What the issuer says; none where a field is no such thing.
fn judge(desk: &Desk, card: &CardAsked<'_>) -> Option<(Result<(), Refusal>, Fate)> {
    let now = desk.clock().now();
    let expiry = Expiry::new(card.exp_month, card.exp_year, now).ok()?;
    let is_code =
        |text: &str| matches!(text.len(), 3 | 4) && text.bytes().all(|b| b.is_ascii_digit());
    if !card.cvc.is_none_or(is_code) {
        return None;
    }
    let Some(known) = TestCard::find(card.number) else {
        return Some((Err(Refusal::NoTestCard), Fate::Approved));
    };
    if expiry.is_over(now) {
        return Some((Err(Refusal::Card(CardRefusal::Expired)), Fate::Approved));
    }
    match known.fate {
        Fate::Refused(refusal) => Some((Err(Refusal::Card(refusal)), known.fate)),
        fate => Some((Ok(()), fate)),
    }
}

fn reply(reply: Reply) -> Response {
    let (mut answer, delivery) = match reply {
        Reply::Answer(answer, delivery) => (answer, delivery),
        Reply::Nothing => return on_its_way(StatusCode::OK.into_response(), Delivery::Lost),
        Reply::Error => return fault(StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        Reply::Busy => return fault(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    if delivery == Delivery::Error {
        return fault(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    }
    if delivery == Delivery::WrongAmount {
        answer.amount = answer.amount.map(|amount| amount.saturating_add(1));
    }
    let status = StatusCode::from_u16(answer.status.http());
    on_its_way(written(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &answer), delivery)
}

fn on_its_way(mut response: Response, delivery: Delivery) -> Response {
    response.extensions_mut().insert(Way(delivery));
    response
}

fn malformed() -> Response {
    fault(StatusCode::BAD_REQUEST, "malformed")
}

fn fault(status: StatusCode, code: &str) -> Response {
    written(status, &json!({ "error": code }))
}

fn written(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(text) => (status, [(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
