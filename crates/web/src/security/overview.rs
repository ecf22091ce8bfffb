//! `/security`: factors, recovery codes, the address and the emergency stop.

use askama::Template;
use futures_util::future::try_join3;
use serde::Deserialize;

use super::factors::{self, Row};
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::entrance::Me;
use crate::frame::{Frame, Who};
use crate::show::dates::moment;
use crate::words::put;

#[derive(Template)]
#[template(path = "security/overview.html")]
struct OverviewPage<'a> {
    frame: Frame<'a>,
    factors: Vec<Row>,
    is_protected: bool,
    /// How many recovery codes are left, as a sentence; the emergency stop does not wait for it.
    codes_left: Option<String>,
    me: Me,
    /// Since when no money goes out, as a sentence.
    stopped: Option<String>,
}

#[derive(Deserialize)]
struct Protections {
    outgoing_stopped: bool,
    outgoing_stopped_at: Option<String>,
}

#[derive(Deserialize)]
struct CodesLeft {
    left: u32,
}

pub async fn show(customer: Customer) -> Outcome {
    let (held, protections, me) = try_join3(
        factors::all(&customer),
        customer.get("/v1/protections").receive::<Protections>(),
        customer.get("/v1/me").receive::<Me>(),
    )
    .await?;
    let w = &customer.words().security;
    let stopped = protections.outgoing_stopped.then(|| {
        let at = protections.outgoing_stopped_at.unwrap_or_default();
        put(w.stopped, &moment(&at, customer.language()))
    });
    let is_protected = held.iter().any(factors::Factor::protects);
    let codes = customer.get("/v1/factors/recovery_codes");
    let codes = if is_protected { codes.receive::<CodesLeft>().await.ok() } else { None };
    let codes_left = codes.map(|codes| put(w.recovery_left, &codes.left.to_string()));
    let factors = held.into_iter().map(|factor| factor.row(&customer)).collect();
    let frame = customer.frame(w.title);
    Answer::page(&OverviewPage { frame, factors, is_protected, codes_left, me, stopped })
}
