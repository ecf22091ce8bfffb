//! What kept a page from being shown, as a page: the same problem that the API tells, for people.

use http::{Method, StatusCode};

use crate::answer::Answer;
use crate::api::Refused;
use crate::form;
use crate::frame::{ConsoleTroublePage, Frame, TroublePage};
use crate::visit::Visit;

/// In no order: one excludes the others.
pub enum Trouble {
    /// Nobody is signed in, or nobody any more.
    SignIn,
    /// There is no such page, or not for this visitor.
    NotFound,
    /// The page takes no form, or only forms.
    NoSuchForm,
    /// The operator's role may not.
    Forbidden,
    /// The form is from another session, or from before the cookie was there.
    Stale,
    /// The form came from somebody else's page.
    Elsewhere,
    /// What came is no form, or too large, or too slow.
    NoForm,
    /// The API refused.
    Refused(Box<Refused>),
    /// A fault of ours; the log has it.
    Failed,
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        if refused.is_signed_out() {
            return Self::SignIn;
        }
        if refused.is_not_found() {
            return Self::NotFound;
        }
        Self::Refused(Box::new(refused))
    }
}

impl Trouble {
    pub(crate) fn into_answer(self, visit: &Visit) -> Answer {
        let words = &visit.words().trouble;
        let (status, title, text, request) = match self {
            Self::SignIn => return sign_in(visit),
            Self::NotFound => (404, words.not_found, words.not_found_text.to_owned(), None),
            Self::NoSuchForm => (405, words.not_found, words.not_found_text.to_owned(), None),
            Self::Forbidden => (403, words.refused, words.forbidden_text.to_owned(), None),
            Self::Stale => (403, words.stale, words.stale_text.to_owned(), None),
            Self::Elsewhere => (403, words.elsewhere, words.elsewhere_text.to_owned(), None),
            Self::NoForm => (400, words.no_form, words.no_form_text.to_owned(), None),
            Self::Failed => (500, words.failed, words.failed_text.to_owned(), None),
            Self::Refused(refused) => {
                let text = visit.words().refusal(&refused);
                let title = if refused.status >= 500 { words.failed } else { words.refused };
                (refused.status, title, text, Some(refused.request_id))
            }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let frame = Frame::bare(visit, title);
        let (text, request) = (&*text, request.as_deref());
        let answer = if is_console(visit) {
            Answer::page_with(status, &ConsoleTroublePage { frame, title, text, request })
        } else {
            Answer::page_with(status, &TroublePage { frame, title, text, request })
        };
        match answer {
            Ok(answer) => answer,
            Err(_) => Answer::Page(StatusCode::INTERNAL_SERVER_ERROR, title.to_owned()),
        }
    }
}

fn is_console(visit: &Visit) -> bool {
    visit.path() == "/console" || visit.path().starts_with("/console/")
}

/// To the sign-in, and back from there to a page that was being read.
fn sign_in(visit: &Visit) -> Answer {
    let entrance = if is_console(visit) { "/console/sign-in" } else { "/sign-in" };
    if *visit.method() != Method::GET || visit.target() == "/" {
        return Answer::To(entrance.to_owned());
    }
    Answer::To(format!("{entrance}?{}", form::query(&[("next", visit.target())])))
}
