//! Events as a file: CSV (RFC 4180) or a line of JSON each, newest first.
//!
//! A file is whole or not made: more than [`MAX_ROWS`] events, or more to look at than [`MAX_READS`] parts, are
//! refused, so that nobody takes a part for the period. In CSV every text is quoted and none can be taken for a formula
//! (OWASP, "CSV Injection"). Cost: some ten milliseconds a part, each a read of its own; rows are immutable and the
//! parts go back in time, so what is written meanwhile is in none of them.

use super::model::EventView;
use crate::statements::csv::quoted;

/// Rows of one file: some megabytes.
pub const MAX_ROWS: usize = 10_000;
/// Events of one part.
pub const PART: i64 = 1_000;
/// Parts that are read for one file. A part of a filtered list looks at as many events as one answer does.
pub const MAX_READS: usize = 20;

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    JsonLines,
}

const HEADER: &str = "id,at,action,resource,outcome,actor_kind,actor_id,session_id,address,agent,\
     request_id,before,after\r\n";

impl Format {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => CSV,
            Self::JsonLines => JSON_LINES,
        }
    }

    pub fn render(self, events: &[EventView]) -> Vec<u8> {
        match self {
            Self::Csv => csv(events).into_bytes(),
            Self::JsonLines => json_lines(events),
        }
    }
}

/// RFC 7111 §5.1 (the header is there).
pub const CSV: &str = "text/csv; charset=utf-8; header=present";
pub const JSON_LINES: &str = "application/jsonl";

fn json_lines(events: &[EventView]) -> Vec<u8> {
    let mut text = Vec::with_capacity(events.len().saturating_mul(512));
    for event in events {
        // Our own type of strings and raw JSON: serialising it cannot fail.
        text.extend(serde_json::to_vec(event).unwrap_or_default());
        text.push(b'\n');
    }
    text
}

fn csv(events: &[EventView]) -> String {
    let mut text = String::with_capacity(256 + events.len().saturating_mul(512));
    text.push_str(HEADER);
    for event in events {
        let json = |value: &Option<Box<serde_json::value::RawValue>>| {
            quoted(value.as_ref().map_or("", |raw| raw.get()))
        };
        let actor = &event.actor;
        let cells = [
            quoted(&event.id),
            quoted(&event.at),
            quoted(&event.action),
            quoted(&event.resource),
            quoted(&event.outcome),
            quoted(&actor.kind),
            quoted(actor.id.as_deref().unwrap_or_default()),
            quoted(actor.session_id.as_deref().unwrap_or_default()),
            quoted(&actor.address),
            quoted(&actor.agent),
            quoted(&event.request_id),
            json(&event.before),
            json(&event.after),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::model::ActorView;
    use super::*;

    fn event(agent: &str) -> EventView {
        EventView {
            id: "evt_1".to_owned(),
            at: "2026-01-31T09:30:00Z".to_owned(),
            action: "account.opened".to_owned(),
            resource: "acc_1".to_owned(),
            outcome: "done".to_owned(),
            before: None,
            after: serde_json::value::RawValue::from_string(r#"{"a":"x,\"y"}"#.to_owned()).ok(),
            actor: ActorView {
                kind: "system".to_owned(),
                id: None,
                session_id: None,
                address: "192.0.2.1".to_owned(),
                agent: agent.to_owned(),
            },
            request_id: "req_1".to_owned(),
        }
    }

    // ASVS 1.2.10: an exported cell is quoted, and never begins as a formula does.
    #[test]
    fn no_cell_is_a_formula_and_each_is_one_cell() {
        for agent in ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"] {
            let file = String::from_utf8(Format::Csv.render(&[event(agent)])).unwrap();
            assert!(file.contains(&format!(",\"'{agent}\",")), "{file}");
        }
        let file = String::from_utf8(Format::Csv.render(&[event("a\",\"b")])).unwrap();
        assert!(file.contains(r#","a"",""b","#), "{file}");
        assert!(file.contains(r#""{""a"":""x,\""y""}""#), "{file}");
        assert_eq!(file.lines().count(), 2);
    }

    #[test]
    fn a_line_is_an_event() {
        let file = Format::JsonLines.render(&[event("x"), event("y")]);
        let text = String::from_utf8(file).unwrap();
        let agents: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|event| event["actor"]["agent"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(agents, ["x", "y"]);
    }

    #[test]
    fn a_format_is_read_as_it_is_written() {
        for format in [Format::Csv, Format::JsonLines] {
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
        assert_eq!(Format::parse("pdf"), None);
    }
}
