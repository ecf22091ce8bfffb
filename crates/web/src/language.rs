//! English and Hindi: the visitor's choice, else what the browser asks for, else English.

use http::{HeaderMap, Method, header};

use crate::answer::{Answer, Outcome};
use crate::callers::Anyone;
use crate::entrance::next;
use crate::table::Pages;
use crate::words::{self, Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Hindi,
}

const COOKIE: &str = "exchequer-language";
const YEAR_SECONDS: u32 = 365 * 24 * 3600;

pub fn pages(pages: Pages) -> Pages {
    pages.add((Method::POST, "/language", "anybody"), choose)
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Hindi];

    /// BCP 47, of the page and of the cookie.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en-IN",
            Self::Hindi => "hi-IN",
        }
    }

    /// In itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Hindi => "हिन्दी",
        }
    }

    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &words::ENGLISH,
            Self::Hindi => &words::HINDI,
        }
    }

    pub fn of(headers: &HeaderMap) -> Self {
        Self::chosen(headers).or_else(|| Self::accepted(headers)).unwrap_or(Self::English)
    }

    fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let fits = |language: &Self| language.tag().split('-').next() == Some(primary);
        Self::ALL.into_iter().find(fits)
    }

    fn chosen(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|p| p.split_once('='));
        let (_, tag) = pairs.find(|(name, _)| {
            let name = name.trim();
            name.strip_prefix("__Host-").unwrap_or(name) == COOKIE
        })?;
        Self::from_tag(tag)
    }

    /// RFC 9110 §12.5.4, by order alone: browsers send the most wanted first.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let wanted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        wanted.split(',').find_map(|range| Self::from_tag(range.split(';').next()?))
    }
}

async fn choose(visitor: Anyone) -> Outcome {
    let language = Language::from_tag(visitor.form().raw("language")).unwrap_or(Language::English);
    visitor.give_cookie(COOKIE, language.tag(), YEAR_SECONDS);
    Answer::to(next(&visitor, visitor.form().raw("next")))
}
