//! What stands around every page, and the parts that pages are made of.
//!
//! Parts are types that write their own markup, escaped by their templates; a page puts one in by name.

use askama::Template;
use askama::filters::HtmlSafe;
use money::Timestamp;

use crate::callers::{Customer, Visitor};
use crate::console::Room;
use crate::language::Language;
use crate::visit::Visit;
use crate::words::Words;

/// The head, the navigation and the foot of a page.
pub struct Frame<'v> {
    pub title: String,
    pub words: &'static Words,
    pub language: Language,
    pub style: &'v str,
    pub script: &'v str,
    pub icon: &'v str,
    /// For the forms of the page; empty on a page that has none.
    pub token: &'v str,
    pub who: Who<'v>,
    /// Path and query of this page: where a change of language leads back to.
    pub here: &'v str,
    pub is_demo: bool,
    /// Where the bank's name leads.
    pub home: &'static str,
    /// What the page before has done.
    pub notice: Option<&'static str>,
    pub key: String,
}

/// Whose page it is.
pub enum Who<'v> {
    Nobody,
    Customer(Limits<'v>),
    Operator(Desk<'v>),
}

/// An operator's place: who they are, and which rooms they may enter.
pub struct Desk<'v> {
    pub email: &'v str,
    pub role: &'v str,
    pub rooms: Vec<&'static Room>,
    pub limits: Limits<'v>,
}

/// When a session ends: by itself after a pause, and in any case.
pub struct Limits<'v> {
    pub idle_expires_at: &'v str,
    pub expires_at: &'v str,
    /// By the bank's clock, when the page was made: a computer's may be wrong.
    pub now: String,
    /// From now to the first of both: when a page without script leads to the sign-in by itself. A second more, so that
    /// the session is over then.
    pub idle_seconds: Option<i64>,
}

/// The same in the console's frame.
#[derive(Template)]
#[template(path = "console/trouble.html")]
pub struct ConsoleTroublePage<'a> {
    pub frame: Frame<'a>,
    pub title: &'a str,
    pub text: &'a str,
    pub request: Option<&'a str>,
}

/// Something went wrong, said as a page.
#[derive(Template)]
#[template(path = "trouble.html")]
pub struct TroublePage<'a> {
    pub frame: Frame<'a>,
    pub title: &'a str,
    pub text: &'a str,
    pub request: Option<&'a str>,
}

/// One labelled input, its hint and its fault (WCAG 2.2 §3.3.1, §3.3.2, §1.3.5).
#[derive(Template, Default)]
#[template(path = "field.html")]
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub value: String,
    /// Of the input: `text`, `email`, `password`, …
    pub kind: &'a str,
    /// A token of the HTML standard.
    pub autocomplete: &'a str,
    pub inputmode: &'a str,
    pub hint: Option<&'a str>,
    pub fault: Option<String>,
    pub is_required: bool,
    pub max_chars: u32,
}

impl HtmlSafe for Field<'_> {}

/// One choice of a list.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

/// A labelled list to choose one from.
#[derive(Template)]
#[template(path = "select.html")]
pub struct Select<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub choices: Vec<Choice>,
    pub hint: Option<&'a str>,
    pub fault: Option<String>,
}

impl HtmlSafe for Select<'_> {}

/// A drawing of 24 by 24, in the colour of the text beside it; says nothing by itself.
#[derive(Template)]
#[template(path = "icon.html")]
pub struct Icon(pub &'static str);

impl HtmlSafe for Icon {}

impl<'v> Frame<'v> {
    /// Of a page without forms of its own, for whoever.
    pub fn bare(visit: &'v Visit, title: &str) -> Self {
        let assets = &visit.site().assets;
        Self {
            title: title.to_owned(),
            words: visit.words(),
            language: visit.language(),
            style: &assets.style,
            script: &assets.script,
            icon: &assets.icon,
            token: "",
            who: Who::Nobody,
            here: visit.target(),
            is_demo: visit.is_demo(),
            home: if visit.path().starts_with("/console") { "/console" } else { "/" },
            notice: visit.words().notice(visit.query().raw("done")),
            key: visit.fresh_key(),
        }
    }

    /// The languages, and whether each is this page's.
    pub fn languages(&self) -> [(Language, bool); 2] {
        Language::ALL.map(|language| (language, language == self.language))
    }

    /// Whether a link of the navigation leads to this page or one below it.
    pub fn is_here(&self, path: &str) -> bool {
        let here = self.here.split('?').next().unwrap_or_default();
        here == path || path != "/" && here.starts_with(&format!("{path}/"))
    }

    /// The same for a room of the console, whose first contains all others.
    pub fn is_in(&self, room: &str) -> bool {
        let here = self.here.split('?').next().unwrap_or_default();
        here == room || room != self.home && self.is_here(room)
    }

    #[expect(clippy::unused_self, reason = "a template has a frame, and not the type")]
    pub fn icon(&self, name: &'static str) -> Icon {
        Icon(name)
    }
}

impl Visitor {
    pub fn frame(&self, title: &str) -> Frame<'_> {
        Frame { token: self.form_token(), ..Frame::bare(self, title) }
    }
}

impl Customer {
    pub fn frame(&self, title: &str) -> Frame<'_> {
        let session = self.session();
        let idle = session.idle_expires_at.as_deref().unwrap_or_default();
        let end = session.expires_at.as_deref().unwrap_or_default();
        let who = Who::Customer(Limits::of(self, idle, end));
        Frame { token: &session.csrf_token, who, ..Frame::bare(self, title) }
    }
}

impl<'v> Limits<'v> {
    /// By the API's times of both ends; empty where it does not tell.
    pub fn of(visit: &Visit, idle_expires_at: &'v str, expires_at: &'v str) -> Self {
        let now = visit.site().settings.clock.now();
        let ends = [idle_expires_at, expires_at].map(|text| text.parse::<Timestamp>().ok());
        let left = |end: Timestamp| end.micros_since(now).div_euclid(1_000_000).max(0);
        let first =
            ends.into_iter().collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().min());
        let idle_seconds = first.map(|end| left(end).saturating_add(2));
        Self { idle_expires_at, expires_at, now: now.to_string(), idle_seconds }
    }
}

impl<'a> Field<'a> {
    /// A required line of text.
    pub fn text(name: &'a str, label: &'a str, value: &str) -> Self {
        Self {
            name,
            label,
            value: value.to_owned(),
            kind: "text",
            is_required: true,
            max_chars: 200,
            ..Self::default()
        }
    }

    /// A password, which a page never gets back.
    pub fn password(name: &'a str, label: &'a str, autocomplete: &'a str) -> Self {
        Self { kind: "password", autocomplete, max_chars: 1024, ..Self::text(name, label, "") }
    }

    /// A code from a telephone, an e-mail or an authenticator.
    pub fn code(name: &'a str, label: &'a str) -> Self {
        let autocomplete = "one-time-code";
        Self { autocomplete, inputmode: "numeric", max_chars: 24, ..Self::text(name, label, "") }
    }

    #[must_use]
    pub fn autocomplete(self, autocomplete: &'a str) -> Self {
        Self { autocomplete, ..self }
    }

    #[must_use]
    pub fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    #[must_use]
    pub fn fault(self, fault: Option<String>) -> Self {
        Self { fault, ..self }
    }

    /// `aria-describedby`: what of hint and fault is there.
    pub fn described(&self) -> String {
        let ids = [("hint", self.hint.is_some()), ("fault", self.fault.is_some())];
        let ids = ids.iter().filter(|(_, there)| *there);
        ids.map(|(part, _)| format!("{}-{part}", self.name)).collect::<Vec<_>>().join(" ")
    }
}
