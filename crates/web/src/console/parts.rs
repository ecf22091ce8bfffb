//! What rooms are made of: typed parts that write their own markup, escaped by their templates.

#![expect(
    clippy::let_underscore_must_use,
    reason = "what askama writes for an enum, and nothing of ours"
)]

use askama::Template;
use askama::filters::HtmlSafe;

use super::chart::Chart;
use super::said;

/// One value, as it is shown in a table or among facts.
#[derive(Template)]
#[template(path = "console/cell.html")]
pub enum Cell {
    Text(String),
    /// Money or a count: aligned right in a table.
    Amount(String),
    Code(String),
    Link(Link),
    Badge(Badge),
    /// RFC 3339.
    Time(String),
    Act(Box<Act>),
    /// Fields of an object, each with what became of it.
    Changes(Vec<(String, String)>),
    /// One under the other.
    Stack(Vec<Cell>),
    Nothing,
}

impl HtmlSafe for Cell {}

pub struct Link {
    pub to: String,
    pub text: String,
}

/// A standing in a word; the tone's colour says nothing that the word does not.
#[derive(Template)]
#[template(path = "console/badge.html")]
pub struct Badge {
    /// `good`, `wait`, `bad` or none.
    pub tone: &'static str,
    pub text: String,
}

impl HtmlSafe for Badge {}

/// Labels and values.
#[derive(Template)]
#[template(path = "console/facts.html")]
pub struct Facts(pub Vec<(String, Cell)>);

impl HtmlSafe for Facts {}

/// Rows under heads; a head that begins with `#` stands over figures.
#[derive(Template)]
#[template(path = "console/table.html")]
pub struct Table {
    pub caption: &'static str,
    pub heads: &'static [&'static str],
    pub rows: Vec<Vec<Cell>>,
    /// Said where there are no rows.
    pub empty: &'static str,
    /// Where the next part of the list is.
    pub next: Option<String>,
    /// The one list of its page that goes on: rows are added to it in place.
    pub is_paged: bool,
}

impl HtmlSafe for Table {}

/// A labelled field, its hint and its fault (WCAG 2.2 §3.3.1, §3.3.2). Names may repeat on a page: the id has the form's.
#[derive(Template)]
#[template(path = "console/input.html")]
pub struct Input {
    pub scope: String,
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub kind: &'static str,
    /// Value and label; not empty makes it a list to choose from.
    pub choices: Vec<(&'static str, &'static str)>,
    pub hint: Option<&'static str>,
    pub fault: Option<String>,
    pub is_required: bool,
    pub max_chars: u32,
}

impl HtmlSafe for Input {}

/// A form that changes something, under a fold.
#[derive(Template)]
#[template(path = "console/act.html")]
pub struct Act {
    /// Of its fields' ids.
    pub id: String,
    pub title: &'static str,
    /// What it does, before it is done.
    pub text: &'static str,
    pub action: String,
    pub is_danger: bool,
    pub is_open: bool,
    pub token: String,
    pub key: String,
    pub inputs: Vec<Input>,
}

impl HtmlSafe for Act {}

/// A form that asks for a part of a list.
#[derive(Template)]
#[template(path = "console/filter.html")]
pub struct Filter {
    /// Of a form that is posted, so that what it asks stands in no address.
    pub token: Option<String>,
    pub action: String,
    pub inputs: Vec<Input>,
    pub button: &'static str,
}

impl HtmlSafe for Filter {}

/// A number that leads to what it counts.
pub struct Tile {
    pub to: &'static str,
    pub count: String,
    pub label: &'static str,
    pub text: String,
    pub tone: &'static str,
}

/// Shown once.
pub struct Secret {
    pub label: &'static str,
    pub text: &'static str,
    pub value: String,
}

#[derive(Template)]
#[template(path = "console/part.html")]
pub enum Part {
    Facts(Facts),
    Table(Table),
    Filter(Filter),
    Chart(Chart),
    Acts(Vec<Act>),
    Links(Vec<Link>),
    Text(String),
    Tiles(Vec<Tile>),
    Secret(Secret),
}

impl HtmlSafe for Part {}

/// Some parts under one heading; without a title, right under the page's.
pub struct Section {
    pub title: &'static str,
    pub text: Option<String>,
    pub parts: Vec<Part>,
}

impl Section {
    pub fn new(title: &'static str, parts: Vec<Part>) -> Self {
        Self { title, text: None, parts }
    }

    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A text that may be missing.
    pub fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map(Into::into).filter(|text| !text.is_empty()).map_or(Self::Nothing, Self::Text)
    }

    pub fn time(at: Option<&str>) -> Self {
        at.map_or(Self::Nothing, |at| Self::Time(at.to_owned()))
    }

    pub fn count(count: i64) -> Self {
        Self::Amount(said::grouped(count))
    }

    pub fn money(minor: i64, currency: &str) -> Self {
        Self::Amount(said::money(minor, currency))
    }

    pub fn code(text: impl Into<String>) -> Self {
        Self::Code(text.into())
    }

    pub fn link(to: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Link(Link { to: to.into(), text: text.into() })
    }

    pub fn standing(word: &str) -> Self {
        Self::Badge(said::badge(word))
    }

    pub fn is_amount(&self) -> bool {
        matches!(self, Self::Amount(_))
    }
}

impl Table {
    /// Rows that are all there are.
    pub fn whole(
        caption: &'static str,
        heads: &'static [&'static str],
        rows: Vec<Vec<Cell>>,
        empty: &'static str,
    ) -> Self {
        Self { caption, heads, rows, empty, next: None, is_paged: false }
    }

    /// Goes on where the API's list does.
    #[must_use]
    pub fn next(self, next: Option<String>) -> Self {
        Self { next, is_paged: true, ..self }
    }
}

impl Input {
    /// A required line of text.
    pub fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            scope: String::new(),
            name,
            label,
            value: String::new(),
            kind: "text",
            choices: Vec::new(),
            hint: None,
            fault: None,
            is_required: true,
            max_chars: 140,
        }
    }

    pub fn choice(
        name: &'static str,
        label: &'static str,
        choices: &[(&'static str, &'static str)],
    ) -> Self {
        Self { choices: choices.to_vec(), ..Self::text(name, label) }
    }

    #[must_use]
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    #[must_use]
    pub fn long(self, max_chars: u32) -> Self {
        Self { max_chars, ..self }
    }

    /// `aria-describedby`: what of hint and fault is there.
    pub fn described(&self) -> String {
        let parts = [("hint", self.hint.is_some()), ("fault", self.fault.is_some())];
        let there = parts.iter().filter(|(_, there)| *there);
        let ids = there.map(|(part, _)| format!("{}-{}-{part}", self.scope, self.name));
        ids.collect::<Vec<_>>().join(" ")
    }
}

impl Act {
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.inputs.push(Input { scope: self.id.clone(), ..input });
        self
    }

    /// What is hard to take back.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { is_danger: true, ..self }
    }
}
