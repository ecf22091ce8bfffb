//! One request of a browser: what it brought, and the cookies it will get.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, header};

use crate::Settings;
use crate::api::{Api, Ask};
use crate::assets::Assets;
use crate::form::Form;
use crate::language::Language;
use crate::words::Words;

/// What stands for the whole life of the process.
pub struct Site {
    pub api: Api,
    pub settings: Settings,
    pub assets: Assets,
    /// Paths of pages that are read, to which a sign-in may lead back.
    pub readable: Vec<&'static str>,
}

/// A request of a browser.
pub struct Visit {
    site: Arc<Site>,
    parts: Parts,
    segments: Vec<String>,
    query: Form,
    form: Form,
    language: Language,
    /// Of the session; empty where the API took it away.
    session_cookie: Mutex<Option<String>>,
    new_cookies: Mutex<Vec<HeaderValue>>,
    csrf_token: OnceLock<String>,
}

const HOST_SESSION: &str = "__Host-exchequer";
const PLAIN_SESSION: &str = "exchequer";

impl Visit {
    pub(crate) fn new(site: Arc<Site>, parts: Parts, segments: Vec<String>, form: Form) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        // A query of endless fields is none.
        let query = Form::parse(query.as_bytes()).unwrap_or_default();
        let language = Language::of(&parts.headers);
        let name = session_name(&site);
        let session = cookie(&parts.headers, name).map(|value| format!("{name}={value}"));
        Self {
            site,
            parts,
            segments,
            query,
            form,
            language,
            session_cookie: Mutex::new(session),
            new_cookies: Mutex::default(),
            csrf_token: OnceLock::new(),
        }
    }

    pub fn get(&self, path: impl Into<String>) -> Ask<'_> {
        Ask::new(self, Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> Ask<'_> {
        Ask::new(self, Method::POST, path)
    }

    pub fn put(&self, path: impl Into<String>) -> Ask<'_> {
        Ask::new(self, Method::PUT, path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Ask<'_> {
        Ask::new(self, Method::DELETE, path)
    }

    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    pub(crate) fn api(&self) -> &Api {
        &self.site.api
    }

    pub fn is_demo(&self) -> bool {
        self.site.settings.is_demo
    }

    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// Path and query, as they were asked for.
    pub fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// What of the connection goes on to the API.
    pub(crate) fn carried(&self) -> Extensions {
        (self.site.settings.carry)(&self.parts.extensions)
    }

    /// The `n`th `{…}` of the path.
    pub fn segment(&self, n: usize) -> &str {
        self.segments.get(n).map_or("", String::as_str)
    }

    pub fn query(&self) -> &Form {
        &self.query
    }

    pub fn form(&self) -> &Form {
        &self.form
    }

    pub fn language(&self) -> Language {
        self.language
    }

    pub fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// A key for a form that is to have one effect: 128 random bits.
    pub fn fresh_key(&self) -> String {
        BASE64URL_NOPAD.encode(&self.site.settings.rng.bytes::<16>())
    }

    /// The session's cookie, as the API takes it.
    pub(crate) fn session_cookie(&self) -> Option<HeaderValue> {
        let held = self.session_cookie.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = HeaderValue::try_from(held.as_ref()?).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(crate) fn csrf_token(&self) -> Option<&str> {
        self.csrf_token.get().map(String::as_str)
    }

    /// Once, when it is known whose session it is.
    pub(crate) fn set_csrf_token(&self, token: String) {
        self.csrf_token.get_or_init(|| token);
    }

    /// A cookie for the browser. The last of a name counts.
    pub(crate) fn set_cookie(&self, value: HeaderValue) {
        let mut cookies = self.new_cookies.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.retain(|held| name_of(held) != name_of(&value));
        cookies.push(value);
    }

    /// What the API sets goes on to the browser, and is brought along from now on.
    pub(crate) fn keep_cookies(&self, answer: &HeaderMap) {
        for value in answer.get_all(header::SET_COOKIE) {
            let pair = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, held)) = pair.split_once('=')
                && name == session_name(&self.site)
            {
                let kept = (!held.is_empty()).then(|| pair.to_owned());
                *self.session_cookie.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            }
            self.set_cookie(value.clone());
        }
    }

    pub(crate) fn take_cookies(&self) -> Vec<HeaderValue> {
        std::mem::take(&mut *self.new_cookies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A cookie of ours.
    pub(crate) fn cookie(&self, plain_name: &str) -> Option<&str> {
        cookie(&self.parts.headers, &self.cookie_name(plain_name))
    }

    /// A cookie of ours for the browser: for this host, no script, no other site.
    pub(crate) fn give_cookie(&self, plain_name: &str, value: &str, max_age_seconds: u32) {
        let secure = if is_https(&self.site) { "; Secure" } else { "" };
        let name = self.cookie_name(plain_name);
        let text = format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}"
        );
        if let Ok(value) = HeaderValue::try_from(text) {
            self.set_cookie(value);
        }
    }

    fn cookie_name(&self, plain_name: &str) -> String {
        let prefix = if is_https(&self.site) { "__Host-" } else { "" };
        format!("{prefix}{plain_name}")
    }
}

pub(crate) fn is_https(site: &Site) -> bool {
    site.settings.public_url.starts_with("https://")
}

fn session_name(site: &Site) -> &'static str {
    if is_https(site) { HOST_SESSION } else { PLAIN_SESSION }
}

fn name_of(set_cookie: &HeaderValue) -> &[u8] {
    set_cookie.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// The only one of its name: of two, somebody else may have planted one.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(key, value)| (key == name).then_some(value));
    found.next().filter(|_| found.next().is_none())
}
