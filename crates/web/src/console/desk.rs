//! What every room does the same way: its page, its acts, what becomes of an act.

use askama::Template;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::parts::{Act, Badge, Cell, Filter, Input, Link, Part, Section};
use super::{rooms, said};
use crate::answer::{Answer, Outcome};
use crate::api::{Ask, FieldFault, Refused};
use crate::callers::Operator;
use crate::form::{Form, query, segment};
use crate::frame::{Desk, Frame, Limits, Who};
use crate::trouble::Trouble;

/// A page of a room.
#[derive(Template)]
#[template(path = "console/page.html")]
pub struct Page<'v> {
    pub frame: Frame<'v>,
    /// What it lies under.
    pub trail: Vec<Link>,
    pub badge: Option<Badge>,
    pub lead: Option<String>,
    pub refusal: Option<String>,
    pub sections: Vec<Section>,
    status: u16,
}

/// What became of an act.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Done {
    /// It waits for a second operator.
    Waiting {
        approval: Waiting,
    },
    Done(IgnoredAny),
}

#[derive(Deserialize)]
pub struct Waiting {
    pub id: String,
}

/// Rooms by the beginning of an id.
const ROOM_OF: [(&str, &str); 5] = [
    ("acc_", "/console/accounts"),
    ("cus_", "/console/customers"),
    ("pay_", "/console/payments"),
    ("mer_", "/console/merchants"),
    ("apr_", "/console/approvals"),
];
/// Transfers have no room: they are seen by whoever reads accounts.
const TRANSFERS: (&str, &str, &str) = ("trf_", "/console/transfers", "read_accounts");

impl Operator {
    pub fn frame(&self, title: &str) -> Frame<'_> {
        let (member, session) = (self.member(), self.session());
        let who = Who::Operator(Desk {
            email: &member.email,
            role: &member.role,
            rooms: rooms::ALL.iter().filter(|room| self.may(room.permission)).collect(),
            limits: Limits::of(self, &session.idle_expires_at, &session.expires_at),
        });
        let notice = said::notice(self.query().raw("done"));
        Frame { token: &session.csrf_token, who, notice, ..Frame::bare(self, title) }
    }

    /// A page of a room, under its `trail`.
    pub fn page(&self, title: &str, trail: &[(&str, &str)]) -> Page<'_> {
        let link = |(to, text): &(&str, &str)| Link { to: (*to).into(), text: (*text).into() };
        Page {
            frame: self.frame(title),
            trail: trail.iter().map(link).collect(),
            badge: None,
            lead: None,
            refusal: None,
            sections: Vec::new(),
            status: 200,
        }
    }

    /// A form to one of our paths, with a key of its own.
    pub fn act(&self, title: &'static str, action: impl Into<String>) -> Act {
        let action = action.into();
        let id = action.trim_start_matches("/console/").replace('/', "-");
        Act {
            id,
            title,
            text: "",
            action,
            is_danger: false,
            is_open: false,
            token: self.session().csrf_token.clone(),
            key: self.fresh_key(),
            inputs: Vec::new(),
        }
    }

    /// A request that changes something, under the key of its form.
    pub fn change(&self, path: impl Into<String>) -> Ask<'_> {
        self.post(path).once(&self.form().text("key"))
    }

    /// The path of the API for the id in this page's path.
    pub fn path_of(&self, before: &str, after: &str) -> String {
        format!("{before}{}{after}", segment(self.segment(0)))
    }

    /// An id with a link to its page, where this operator may see it.
    pub fn about(&self, id: &str) -> Cell {
        let room =
            ROOM_OF.iter().find(|(prefix, _)| id.starts_with(prefix)).and_then(|(_, path)| {
                rooms::ALL.iter().find(|room| room.path == *path && self.may(room.permission))
            });
        let (transfers, path, permission) = TRANSFERS;
        match room {
            Some(room) => Cell::link(format!("{}/{}", room.path, segment(id)), id),
            None if id.starts_with(transfers) && self.may(permission) => {
                Cell::link(format!("{path}/{}", segment(id)), id)
            }
            None if id.is_empty() => Cell::Nothing,
            None => Cell::code(id),
        }
    }

    /// A text that may be an id.
    pub fn about_text(&self, text: &str) -> Cell {
        match self.about(text) {
            Cell::Code(text) => Cell::Text(text),
            other => other,
        }
    }

    pub fn about_some(&self, id: Option<&str>) -> Cell {
        id.map_or(Cell::Nothing, |id| self.about(id))
    }

    /// A path of the API's lists with what of this page's query it takes.
    pub fn list_path(&self, path: &str, taken: &[&str]) -> String {
        let asked = picked(self.query(), taken);
        if asked.is_empty() { path.to_owned() } else { format!("{path}?{asked}") }
    }

    /// This page, going on at a cursor.
    pub fn more(&self, next: Option<&str>) -> Option<String> {
        let query = self.query().query_with(&["done"], &[("cursor", next?)]);
        Some(format!("{}?{query}", self.path()))
    }

    /// A filter over this page, filled with what it was asked with.
    pub fn filter(&self, action: &'static str, button: &'static str, inputs: Vec<Input>) -> Filter {
        let fill = |input: Input| Input {
            value: self.query().text(input.name),
            scope: "filter".to_owned(),
            is_required: false,
            ..input
        };
        let inputs = inputs.into_iter().map(fill).collect();
        Filter { action: action.to_owned(), button, inputs, token: None }
    }

    /// A form that looks for something personal: what is typed goes in the body and not in the address.
    pub fn discreet(&self, action: &'static str, button: &'static str, input: Input) -> Filter {
        let inputs = vec![Input { scope: "filter".to_owned(), ..input }];
        let token = Some(self.session().csrf_token.clone());
        Filter { action: action.to_owned(), button, inputs, token }
    }
}

impl Done {
    /// Where it leads: to the approval where it waits, else to `back` with what is to be said there.
    pub fn leads_to(&self, back: &str, notice: &str) -> Outcome {
        match self {
            Self::Waiting { approval } => {
                Answer::to(format!("/console/approvals/{}?done=waiting", segment(&approval.id)))
            }
            Self::Done(_) => Answer::to(format!("{back}?done={notice}")),
        }
    }
}

impl Page<'_> {
    #[must_use]
    pub fn standing(mut self, word: &str) -> Self {
        self.badge = Some(said::badge(word));
        self
    }

    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = Some(text.into());
        self
    }

    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Acts under a heading; none, none.
    #[must_use]
    pub fn acts(self, title: &'static str, acts: Vec<Act>) -> Self {
        if acts.is_empty() {
            return self;
        }
        self.section(Section::new(title, vec![Part::Acts(acts)]))
    }

    /// The page that a filter was asked on, with what was wrong with it.
    #[must_use]
    pub fn misasked(mut self, refused: &Refused) -> Self {
        self.status = refused.status;
        let mut marked = Vec::new();
        for part in self.sections.iter_mut().flat_map(|section| &mut section.parts) {
            if let Part::Filter(filter) = part {
                marked.extend(mark(&mut filter.inputs, refused));
            }
        }
        self.refusal = Some(said::refusal(refused, &marked));
        self
    }

    /// As it is.
    pub fn show(self) -> Outcome {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        Answer::page_with(status, &self)
    }

    /// After a refused act of this page: said on top, its form open with what was typed and what is wrong with it.
    ///
    /// The key stays where the act may have been done after all; after a refusal, which the API keeps under the
    /// key, it is a new one.
    pub fn answer(mut self, operator: &Operator, refused: Option<&Refused>) -> Outcome {
        let Some(refused) = refused else { return self.show() };
        if refused.is_signed_out() || refused.is_not_found() || refused.code == "forbidden" {
            return Err(Trouble::from(refused.clone()));
        }
        self.status = refused.status;
        let mut marked = Vec::new();
        let form = operator.form();
        for act in self.sections.iter_mut().flat_map(|section| &mut section.parts).flat_map(acts_of)
        {
            if act.action != operator.path() {
                continue;
            }
            act.is_open = true;
            if refused.status >= 500 || refused.code == "idempotency_key_in_flight" {
                act.key = form.text("key");
            }
            for input in act.inputs.iter_mut().filter(|input| form.has(input.name)) {
                input.value = form.text(input.name);
            }
            marked.extend(mark(&mut act.inputs, refused));
        }
        self.refusal = Some(said::refusal(refused, &marked));
        self.show()
    }
}

fn acts_of(part: &mut Part) -> Vec<&mut Act> {
    match part {
        Part::Acts(acts) => acts.iter_mut().collect(),
        Part::Table(table) => {
            let cells = table.rows.iter_mut().flatten().flat_map(|cell| match cell {
                Cell::Stack(cells) => cells.iter_mut().collect(),
                other => vec![other],
            });
            cells
                .filter_map(|cell| if let Cell::Act(act) = cell { Some(&mut **act) } else { None })
                .collect()
        }
        Part::Facts(_)
        | Part::Filter(_)
        | Part::Chart(_)
        | Part::Links(_)
        | Part::Text(_)
        | Part::Tiles(_)
        | Part::Secret(_) => Vec::new(),
    }
}

/// Faults stand at their fields; one of an item of a list (`routes[0]`) at the list's. Gives the fields that have one.
fn mark(inputs: &mut [Input], refused: &Refused) -> Vec<&'static str> {
    let mut marked = Vec::new();
    for input in inputs {
        let faults = refused.fields.iter().filter(|fault| said::field_of(fault) == input.name);
        let texts: Vec<_> = faults.map(|fault| fault.detail.as_str()).collect();
        if !texts.is_empty() {
            marked.push(input.name);
            input.fault = Some(texts.join("; "));
        }
    }
    marked
}

/// Some fields of a query, as a query.
fn picked(asked: &Form, names: &[&str]) -> String {
    let values: Vec<_> = names.iter().map(|name| (*name, asked.text(name))).collect();
    let pairs: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    query(&pairs)
}

/// A field that a page itself does not understand, before the API is asked.
pub struct Misread {
    pub field: String,
    pub detail: &'static str,
}

impl Misread {
    pub fn new(field: &str, detail: &'static str) -> Self {
        Self { field: field.to_owned(), detail }
    }
}

impl From<Misread> for Refused {
    fn from(misread: Misread) -> Self {
        let code = "invalid".to_owned();
        let fault = FieldFault { field: misread.field, code, detail: misread.detail.to_owned() };
        Self { fields: vec![fault], ..of_our_own(422, "invalid_fields") }
    }
}

/// What a page finds missing by itself.
pub fn not_there() -> Refused {
    of_our_own(404, "not_found")
}

fn of_our_own(status: u16, code: &str) -> Refused {
    Refused {
        status,
        code: code.to_owned(),
        title: String::new(),
        detail: None,
        request_id: String::new(),
        fields: Vec::new(),
        challenge: None,
        retry_after_seconds: None,
    }
}

/// What an operator may see and what is still there; nothing where the API says that it is not. Anything else that
/// it says, as that it cannot be asked now, is no answer.
#[expect(clippy::result_large_err, reason = "what the API said is passed on as it is")]
pub fn seen<T>(asked: Result<T, Refused>) -> Result<Option<T>, Refused> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(refused) if matches!(refused.status, 403 | 404) => Ok(None),
        Err(refused) => Err(refused),
    }
}

/// The text of a field that may be missing.
pub fn text_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who decides is shown less where there is less, and never because somebody could not be asked.
    #[test]
    fn what_is_not_there_is_left_out_and_what_failed_is_an_error() {
        let said = |status| Refused { status, ..Refused::unreadable(&"a test") };
        assert_eq!(seen(Ok(7)).ok().flatten(), Some(7));
        for status in [403, 404] {
            assert_eq!(seen::<u8>(Err(said(status))).ok(), Some(None), "{status}");
        }
        for status in [401, 422, 429, 500, 503] {
            let failed = seen::<u8>(Err(said(status))).err();
            assert_eq!(failed.map(|refused| refused.status), Some(status));
        }
    }
}
