//! `/console/events`: the trail, with what was before and after, and as a file.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::desk::Page;
use super::names::Names;
use super::parts::{Cell, Input, Link, Part, Section, Table};
use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::List;
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
    let mut taken = FILTERS.to_vec();
    taken.push("cursor");
    let path = operator.list_path("/v1/staff/events", &taken);
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
    let path = operator.list_path("/v1/staff/events/export", &FILTERS);
    let joint = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{joint}{}", query(&[("format", &format)]));
    match operator.get(path).file().await {
        Ok((headers, body)) => Ok(Answer::File(headers, body)),
        Err(refused) if refused.code == "invalid_fields" => {
            page(&operator).misasked(&refused).show()
        }
        Err(refused) => Err(refused.into()),
    }
}

fn page(operator: &Operator) -> Page<'_> {
    let moment = "In UTC, as 2026-01-31T00:00:00Z.";
    let inputs = vec![
        Input::text("action", "Action").hint("As account.frozen, or account. for all of a kind."),
        Input::text("resource", "About").hint("The id that it is about."),
        Input::text("actor", "Who").hint("An id, or customer, staff, merchant, public, system."),
        Input::text("outcome", "Outcome").hint("As done; refused is all that was not."),
        Input::text("from", "From").hint(moment),
        Input::text("to", "Before").hint(moment),
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
