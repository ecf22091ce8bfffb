//! `/console/events`: the trail, with what was before and after, and as a file.

use http::Method;
use money::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::desk::{Misread, Page};
use super::names::Names;
use super::parts::{Cell, Input, Link, Part, Section, Table};
use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::query;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages.operator(Method::GET, PATH, "read_events", list).operator(
        Method::GET,
        "/console/events/export",
        "read_events",
        export,
    )
}

const PATH: &str = "/console/events";
const FILTERS: [&str; 6] = ["action", "resource", "actor", "outcome", "from", "to"];
const NO_MOMENT: &str = "A day, as 2026-11-22, or a day and a time, as 2026-11-22 14:05.";

#[derive(Deserialize)]
struct Event {
    at: String,
    action: String,
    resource: String,
    outcome: String,
    before: Option<Value>,
    after: Option<Value>,
    actor: Actor,
    request_id: String,
}

#[derive(Deserialize)]
struct Actor {
    kind: String,
    id: Option<String>,
    address: String,
    agent: String,
}

async fn list(operator: Operator) -> Outcome {
    let page = page(&operator);
    let path = match asked(&operator, ("cursor", &operator.query().text("cursor"))) {
        Ok(asked) => format!("/v1/staff/events?{asked}"),
        Err(refused) => return page.misasked(&refused).show(),
    };
    let list = operator.get(path).receive::<List<Event>>();
    let (list, names) = match tokio::try_join!(list, Names::all(&operator)) {
        Ok(found) => found,
        Err(refused) if refused.code == "invalid_fields" => return page.misasked(&refused).show(),
        Err(refused) => return Err(refused.into()),
    };
    let rows = list.data.into_iter().map(|event| row(&operator, &names, event)).collect();
    let heads = &["When and what", "About, by", "Outcome", "Before and after", "From"];
    let table = Table::whole("Events, newest first", heads, rows, "There are no such events.")
        .next(operator.more(list.next_cursor.as_deref()));
    page.section(Section::new("", vec![Part::Table(table)])).show()
}

/// The API's file under this page's filters. It is itself an event.
async fn export(operator: Operator) -> Outcome {
    let format = operator.query().some("format").unwrap_or_else(|| "csv".to_owned());
    let path = match asked(&operator, ("format", &format)) {
        Ok(asked) => format!("/v1/staff/events/export?{asked}"),
        Err(refused) => return page(&operator).misasked(&refused).show(),
    };
    match operator.get(path).file().await {
        Ok((headers, body)) => Ok(Answer::File(headers, body)),
        Err(refused) if refused.code == "invalid_fields" => {
            page(&operator).misasked(&refused).show()
        }
        Err(refused) => Err(refused.into()),
    }
}

/// This page's filters as the API takes them, and one field besides. Refuses what is no time, at its field.
#[expect(clippy::result_large_err, reason = "said where the API's own refusals are")]
fn asked(operator: &Operator, besides: (&str, &str)) -> Result<String, Refused> {
    let mut values = FILTERS.map(|name| (name, operator.query().text(name)));
    let mut faults = Vec::new();
    for (name, value) in values.iter_mut().filter(|(name, _)| matches!(*name, "from" | "to")) {
        match moment(value, *name == "to") {
            Some(exact) => *value = exact,
            None => faults.extend(Refused::from(Misread::new(name, NO_MOMENT)).fields),
        }
    }
    if !faults.is_empty() {
        return Err(Refused { fields: faults, ..Misread::new("", NO_MOMENT).into() });
    }
    let values = values.iter().map(|(name, value)| (*name, value.as_str()));
    Ok(query(&values.chain([besides]).collect::<Vec<_>>()))
}

/// A time as people type it, as the API takes it: a day, or a day with a time to the minute or second, in UTC. As an end
/// it is the first moment after what was named, so that a day's own events are among those until it. What is exact
/// already, as in the trail's files, and what is empty stay as they are.
fn moment(typed: &str, is_end: bool) -> Option<String> {
    let typed = typed.trim();
    if typed.is_empty() || typed.parse::<Timestamp>().is_ok() {
        return Some(typed.to_owned());
    }
    let (day, time) = typed.split_once([' ', 'T']).unwrap_or((typed, ""));
    let time = time.trim();
    let (time, seconds) = match time.len() {
        0 => ("00:00:00".to_owned(), 86_400),
        5 => (format!("{time}:00"), 60),
        _ => (time.to_owned(), 1),
    };
    let start: Timestamp = format!("{day}T{time}Z").parse().ok()?;
    Some(if is_end { start.plus_seconds(seconds) } else { start }.to_string())
}

fn page(operator: &Operator) -> Page<'_> {
    let moment = "In UTC, as 2026-11-22 or 2026-11-22 14:05.";
    let inputs = vec![
        Input::text("action", "Action").hint("As account.frozen, or account. for all of a kind."),
        Input::text("resource", "About").hint("The id that it is about."),
        Input::text("actor", "Who").hint("An id, or customer, staff, merchant, public, system."),
        Input::text("outcome", "Outcome").hint("As done; refused is all that was not."),
        Input::text("from", "From").hint(moment),
        Input::text("to", "Until").hint("The same; that day or minute is included."),
    ];
    let filter = operator.filter(PATH, "Show", inputs);
    let file = |format: &str, text: &str| Link {
        to: format!(
            "{PATH}/export?{}",
            operator.query().query_with(&["done", "cursor"], &[("format", format)])
        ),
        text: text.to_owned(),
    };
    let links = vec![file("csv", "Export as CSV"), file("jsonl", "Export as JSON lines")];
    operator
        .page("Events", &[])
        .section(Section::new("", vec![Part::Filter(filter), Part::Links(links)]))
}

fn row(operator: &Operator, names: &Names, event: Event) -> Vec<Cell> {
    let who = event.actor.id.as_deref();
    let kind = || Cell::text(said::words(&event.actor.kind));
    let who = who.map_or_else(kind, |id| names.cell(operator, id));
    let from = [
        ("Address", event.actor.address),
        ("Program", event.actor.agent),
        ("Request", event.request_id),
    ];
    let from = from.into_iter().map(|(label, text)| (label.to_owned(), text)).collect();
    vec![
        Cell::Stack(vec![Cell::Time(event.at), Cell::code(event.action)]),
        Cell::Stack(vec![operator.about(&event.resource), who]),
        Cell::standing(&event.outcome),
        Cell::Changes(changes(event.before.as_ref(), event.after.as_ref())),
        Cell::Changes(from),
    ]
}

/// What became of each field: what it was, where it was something, and what it is now.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<(String, String)> {
    let before = before.map(said::flat).unwrap_or_default();
    let after = after.map(said::flat).unwrap_or_default();
    let was = |label: &str| before.iter().find(|(name, _)| name == label).map(|(_, value)| value);
    let mut lines: Vec<_> = after
        .iter()
        .map(|(label, now)| match was(label) {
            Some(was) if was != now => (label.clone(), format!("{was} → {now}")),
            _ => (label.clone(), now.clone()),
        })
        .collect();
    let gone = before.iter().filter(|(label, _)| !after.iter().any(|(name, _)| name == label));
    lines.extend(gone.map(|(label, was)| (label.clone(), format!("{was} → gone"))));
    // What became something else is told first.
    lines.sort_by_key(|(_, text)| !text.contains(" → "));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_typed_as_people_type_them() {
        for (typed, from, until) in [
            ("", "", ""),
            ("2026-11-22", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
            (" 2026-12-31 ", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2026-11-22 14:05", "2026-11-22T14:05:00Z", "2026-11-22T14:06:00Z"),
            ("2026-11-22T14:05", "2026-11-22T14:05:00Z", "2026-11-22T14:06:00Z"),
            ("2026-11-22  23:59:59", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"),
        ] {
            let exact = |text: &str| text.replace('Z', ".000000Z");
            assert_eq!(moment(typed, false), Some(exact(from)), "{typed}");
            assert_eq!(moment(typed, true), Some(exact(until)), "{typed}");
        }
        let exact = "2026-11-22T14:05:06.789Z";
        for is_end in [false, true] {
            assert_eq!(moment(exact, is_end).as_deref(), Some(exact));
            for wrong in ["yesterday", "2026-02-30", "2026-11-22 24:00", "14:05", "2026-11-22 2pm"]
            {
                assert_eq!(moment(wrong, is_end), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_change_is_told_with_what_it_was() {
        let (before, after) =
            (json!({ "status": "open", "a": 1 }), json!({ "status": "frozen", "b": 2 }));
        let lines = changes(Some(&before), Some(&after));
        let expected = [("Status", "open → frozen"), ("B", "2"), ("A", "1 → gone")];
        let mut expected =
            expected.map(|(label, text)| (label.to_owned(), text.to_owned())).to_vec();
        let mut lines = lines;
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected);
        assert!(changes(None, None).is_empty());
    }
}
