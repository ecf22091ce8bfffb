//! The audit trail: listed, and exported as a file; both are events themselves.

use std::sync::Arc;

use money::{EventId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use vault::redaction::redact;

use crate::accounts::api::PageQuery;
use crate::events;
use crate::events::export::{CSV, Format, JSON_LINES, MAX_READS, MAX_ROWS, PART};
use crate::events::model::{ActorFilter, EventFilter, EventView, OutcomeFilter};
use crate::events::readers::record_reading;
use crate::http::fields::Fields;
use crate::http::input::BodySchema;
use crate::http::routes::Output;
use crate::http::{Answer, Page, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadEvents,
            Route::get("/v1/staff/events", "listEvents", "The audit trail, newest first"),
            list,
        )
        .staff(
            Permission::ReadEvents,
            Route::get("/v1/staff/events/export", "exportEvents", "The audit trail as a file")
                .or_files(&[CSV]),
            export,
        )
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// `noun.verb`, as `account.frozen`, or the beginning of one with its dot, as `account.`; transfers are under
    /// `transfer.posted`.
    action: Option<String>,
    /// The id that the event is about.
    resource: Option<String>,
    /// Who acted: the id of a customer, an operator or a merchant; or `customer`, `staff`, `merchant`, `public`, `system`.
    actor: Option<String>,
    /// `done`, the code of a refusal, or `refused`: all but `done`.
    outcome: Option<String>,
    /// At this time or later; RFC 3339, UTC.
    from: Option<String>,
    /// Before this time; RFC 3339, UTC.
    to: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before. With a filter, a page can be short or empty and still have one:
    /// only so many events are looked at for one answer.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `csv` or `jsonl`.
    format: String,
    /// As for the list.
    action: Option<String>,
    /// As for the list.
    resource: Option<String>,
    /// As for the list.
    actor: Option<String>,
    /// As for the list.
    outcome: Option<String>,
    /// As for the list.
    from: Option<String>,
    /// As for the list.
    to: Option<String>,
}

/// The file of an export.
struct EventFile;

impl Output for EventFile {
    fn describe() -> Option<BodySchema> {
        let name = "EventFile".to_owned();
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Events, newest first: a JSON object a line, or CSV."));
        let schemas = vec![(name.clone(), schema.into())];
        Some(BodySchema { media_type: JSON_LINES, schemas, name })
    }
}

/// What both routes select by, as it came.
struct Selection {
    action: Option<String>,
    resource: Option<String>,
    actor: Option<String>,
    outcome: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl Selection {
    /// What was given of it, as an event has it: what slipped into a field, a card's number say, is not in it.
    fn said(&self) -> Value {
        let Self { action, resource, actor, outcome, from, to } = self;
        let fields = [
            ("action", action),
            ("resource", resource),
            ("actor", actor),
            ("outcome", outcome),
            ("from", from),
            ("to", to),
        ];
        let given = fields.into_iter().filter_map(|(name, text)| {
            let text = redact(text.as_deref()?).into_owned();
            Some((name.to_owned(), Value::String(text)))
        });
        Value::Object(given.collect())
    }

    fn check(self, fields: &mut Fields) -> Option<EventFilter> {
        let Self { action, resource, actor, outcome, from, to } = self;
        for (field, text) in [("action", &action), ("resource", &resource), ("outcome", &outcome)] {
            // PostgreSQL takes no U+0000 in a text.
            if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
                fields.refuse(field, "control_character", "no control characters");
            }
        }
        let actor = match actor.as_deref().map(ActorFilter::parse) {
            Some(None) => {
                let wanted = "cus_…, stf_…, mer_…, customer, staff, merchant, public or system";
                fields.refuse("actor", "invalid", wanted);
                None
            }
            Some(known) => known,
            None => None,
        };
        let mut time = |field: &str, text: Option<String>| -> Option<Timestamp> {
            fields.parse(field, &text?, "RFC 3339 in UTC, as 2026-01-31T09:30:00Z")
        };
        let (from, to) = (time("from", from), time("to", to));
        let outcome = outcome.as_deref().map(OutcomeFilter::parse);
        fields.is_empty().then_some(EventFilter { action, resource, actor, outcome, from, to })
    }
}

async fn list(caller: Staff, Query(query): Query<EventQuery>) -> Answer<Page<EventView>> {
    let (limit, before) = PageQuery::of(query.limit, query.cursor).read::<EventId>()?;
    let EventQuery { action, resource, actor, outcome, from, to, .. } = query;
    let mut fields = Fields::default();
    let selection = Selection { action, resource, actor, outcome, from, to };
    let asked = selection.said();
    let filter = selection.check(&mut fields);
    let filter = fields.finish(filter)?;
    let slice = caller
        .read("events.list", move |tx| Ok(events::list(tx, &filter, before.as_ref(), limit)?))
        .await?;
    record_reading(&caller, &asked).await?;
    let data = slice.events.into_iter().map(|(_, event)| event).collect();
    let next_cursor = slice.next.map(|id| id.to_string());
    Ok(Reply::ok(&Page { data, next_cursor }))
}

async fn export(caller: Staff, Query(query): Query<ExportQuery>) -> Answer<EventFile> {
    let ExportQuery { format, action, resource, actor, outcome, from, to } = query;
    let selection = Selection { action, resource, actor, outcome, from, to };
    let mut asked = selection.said();
    asked["format"] = redact(&format).into();
    let mut fields = Fields::default();
    let format = Format::parse(&format);
    if format.is_none() {
        fields.refuse("format", "invalid", "csv or jsonl");
    }
    let filter = selection.check(&mut fields);
    let (format, filter) = fields.finish(format.zip(filter))?;
    let found = whole(&caller, filter).await?;
    let file = format.render(&found);
    let rows = found.len();
    let now = caller
        .write("events.export", move |tx, act| {
            let after = json!({ "asked": asked, "rows": rows });
            events::record(tx, act, "events.exported", "events", "done", Some(&after))?;
            Ok(act.now)
        })
        .await?;
    let day: String = now.to_string().chars().take(10).collect();
    let name = format!("events-{day}.{}", format.as_str());
    Ok(Reply::file(format.media_type(), &name, file.into()))
}

/// All events that fit, or none. Refuses `invalid_fields`.
async fn whole(caller: &Staff, filter: EventFilter) -> Result<Vec<EventView>, Problem> {
    let (filter, mut before) = (Arc::new(filter), None);
    let mut found = Vec::new();
    for _ in 0..MAX_READS {
        let filter = Arc::clone(&filter);
        let part = caller
            .read("events.export", move |tx| Ok(events::list(tx, &filter, before.as_ref(), PART)?))
            .await?;
        found.extend(part.events.into_iter().map(|(_, event)| event));
        if found.len() > MAX_ROWS {
            break;
        }
        match part.next {
            Some(next) => before = Some(next),
            None => return Ok(found),
        }
    }
    let most =
        format!("more than {MAX_ROWS} events, or too many to look through; a shorter period");
    Err(Problem::field("from", "too_many", most))
}
