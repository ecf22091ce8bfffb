//! `/console`: what waits for this operator, and the last days in figures.
//!
//! Everything is asked at once; a part that does not answer is shown as not known, since this page is the one
//! that is looked at when something is wrong.

use http::Method;
use serde::de::IgnoredAny;

use super::parts::{Cell, Link, Part, Section, Table, Tile};
use super::{figures, rooms, said, system, webhooks};
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::table::Pages;
use crate::trouble::Trouble;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, rooms::HOME, "read_self", show)
}

/// So many days are told of here.
const DAYS: u32 = 7;
/// What a tile counts, and what its number means.
struct Kind {
    to: &'static str,
    label: &'static str,
    /// Said where there are some, and where there are none.
    texts: (&'static str, &'static str),
    tone: &'static str,
}

const APPROVALS: Kind = Kind {
    to: "/console/approvals?status=pending",
    label: "Acts that wait for approval",
    texts: ("Decide, or see who can.", "Nothing waits."),
    tone: "wait",
};
const UNKNOWN: Kind = Kind {
    to: "/console/payments?status=unknown",
    label: "Payments with an unknown outcome",
    texts: ("The money stays held while the gateway is asked.", "Every outcome is known."),
    tone: "wait",
};
const DIFFERENCES: Kind = Kind {
    to: "/console/reconciliation",
    label: "Open differences with gateways",
    texts: ("Each stands in suspense until somebody has found out.", "All reports agree."),
    tone: "bad",
};
const WEBHOOKS: Kind = Kind {
    to: "/console/webhooks?trouble=true",
    label: "Webhook endpoints that fail",
    texts: ("Merchants there do not hear of their payments.", "All of them answer."),
    tone: "bad",
};
const DEAD: Kind = Kind {
    to: "/console/webhooks?trouble=true",
    label: "Events that no endpoint took",
    texts: ("Given up after three days: send them again.", "None was given up."),
    tone: "bad",
};
const HEALTH: Kind = Kind {
    to: "/console/system",
    label: "Parts of the system to look at",
    texts: ("See the advice.", "All parts are well."),
    tone: "bad",
};

async fn show(operator: Operator) -> Outcome {
    let o = &operator;
    let (approvals, unknown, differences, hooks, health, figures) = tokio::join!(
        asked(o, "follow_approvals", listed(o, "/v1/staff/approvals?status=pending&limit=100")),
        asked(o, "read_payments", listed(o, "/v1/staff/payments?status=unknown&limit=100")),
        asked(o, "read_merchants", listed(o, "/v1/staff/differences?open=true&limit=100")),
        asked(o, "read_merchants", webhooks::trouble(o)),
        asked(o, "read_system", system::unwell(o)),
        asked(o, "read_figures", figures::of_days(o, DAYS)),
    );
    // Two tiles of one answer.
    let (failing, dead) = match hooks {
        None => (None, None),
        Some(Err(refused)) => (Some(Err(refused.clone())), Some(Err(refused))),
        Some(Ok(found)) => {
            let of = |count| Some(Ok((count, found.has_more)));
            (of(found.failing), of(found.dead))
        }
    };
    let counts = [
        (APPROVALS, approvals),
        (UNKNOWN, unknown),
        (DIFFERENCES, differences),
        (WEBHOOKS, failing),
        (DEAD, dead),
        (HEALTH, health),
    ];
    let mut tiles = Vec::new();
    for (kind, count) in counts {
        match count {
            Some(Err(refused)) if refused.is_signed_out() => return Err(Trouble::SignIn),
            Some(count) => tiles.push(tile(&kind, count)),
            None => {}
        }
    }
    let mut page = o.page("Today", &[]).section(Section::new("", vec![Part::Tiles(tiles)]));
    page = match figures {
        Some(Ok(figures)) => page.section(last_days(&figures)),
        Some(Err(refused)) => {
            let text = format!("The figures are not known: {}", said::refusal(&refused, &[]));
            page.section(Section::new("The last days", vec![Part::Text(text)]))
        }
        None => page,
    };
    if o.may("read_customers") {
        let link = |to: &str, text: &str| Link { to: to.to_owned(), text: text.to_owned() };
        let links = vec![
            link("/console/customers", "Find a customer"),
            link("/console/accounts", "Open an account by its number"),
        ];
        page = page.section(Section::new("Begin", vec![Part::Links(links)]));
    }
    page.show()
}

/// Something that only some roles may ask.
async fn asked<T>(
    operator: &Operator,
    permission: &str,
    asked: impl Future<Output = Result<T, Refused>>,
) -> Option<Result<T, Refused>> {
    if operator.may(permission) { Some(asked.await) } else { None }
}

/// How many there are on the first page of a list, and whether there are more.
async fn listed(operator: &Operator, path: &str) -> Result<(usize, bool), Refused> {
    let list: List<IgnoredAny> = operator.get(path).receive().await?;
    Ok((list.data.len(), list.next_cursor.is_some()))
}

fn tile(kind: &Kind, count: Result<(usize, bool), Refused>) -> Tile {
    let (to, label) = (kind.to, kind.label);
    match count {
        Ok((count, has_more)) => {
            let (some, none) = kind.texts;
            let is_none = count == 0 && !has_more;
            let text = if is_none { none } else { some }.to_owned();
            let tone = if is_none { "good" } else { kind.tone };
            let more = if has_more { "+" } else { "" };
            Tile { to, label, count: format!("{count}{more}"), text, tone }
        }
        Err(refused) => {
            let text = format!("Not known: {}", said::refusal(&refused, &[]));
            Tile { to, label, count: "?".to_owned(), text, tone: "bad" }
        }
    }
}

fn last_days(figures: &figures::Figures) -> Section {
    let row = |day: &figures::Day| {
        let moved = day.transfers.iter().map(|sum| said::money(sum.volume, &sum.currency));
        let moved = moved.collect::<Vec<_>>().join(", ");
        vec![
            Cell::text(&day.date),
            Cell::count(day.transfers.iter().map(|sum| sum.count).sum::<i64>()),
            if day.transfers.is_empty() { Cell::Nothing } else { Cell::Amount(moved) },
            Cell::count(day.payments.live.approved),
            Cell::count(day.payments.live.declined),
            Cell::count(day.payments.live.open),
        ]
    };
    let rows = figures.days.iter().rev().map(row).collect();
    let heads = &["Day", "#Transfers", "#Moved", "#Cards approved", "#Declined", "#Open"];
    let table = Table::whole("The last days", heads, rows, "No days yet.");
    Section::new("The last days", vec![Part::Table(table)])
        .text(format!("{} Card payments in live mode.", figures::counted(figures)))
}
