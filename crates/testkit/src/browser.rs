//! A browser without a screen: cookies, pages, and forms as they are in the page.
//!
//! It sends what a browser of a person would send, and nothing that the page did not give it: a form's hidden
//! fields come from the page. Our pages write every attribute in double quotes, which is all it can read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use form_urlencoded::Serializer;
use http::{Method, header};

use crate::client::{Client, Reply};

/// One person's browser.
pub struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
    /// `Accept-Language`.
    pub language: &'static str,
    /// `Host`.
    pub host: &'static str,
}

/// A page, and where it was found.
#[derive(Debug, Clone)]
pub struct Page {
    pub path: String,
    pub status: u16,
    pub html: String,
    pub reply: Reply,
}

/// A form of a page: where it goes, and what is in it.
#[derive(Debug, Clone)]
pub struct Form {
    pub method: String,
    pub action: String,
    pub fields: Vec<(String, String)>,
    /// What a person may type into.
    pub typed: Vec<Typed>,
}

/// A field that takes text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    pub name: String,
    /// Of the input: `text`, `search`, `password`, …
    pub kind: String,
    /// Of its text.
    pub max_chars: usize,
}

/// Further than any page of ours leads on.
const MAX_REDIRECTS: usize = 5;

impl Browser {
    pub fn new(client: Client) -> Self {
        let (language, host) = ("en-IN,en;q=0.9", "127.0.0.1:8080");
        Self { client, cookies: Mutex::default(), language, host }
    }

    /// Follows a link, and where it leads on to.
    pub async fn get(&self, path: &str) -> Page {
        let reply = self.visit(path).await;
        self.follow(path, reply).await
    }

    /// One request for a page, wherever it leads.
    pub async fn visit(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[("sec-fetch-site", "none")], "").await
    }

    /// Sends a form of a page with some fields filled in, and follows.
    pub async fn submit(&self, form: &Form, filled: &[(&str, &str)]) -> Page {
        let reply = self.submit_once(form, filled).await;
        self.follow(&form.action, reply).await
    }

    /// Sends a form and follows nothing.
    pub async fn submit_once(&self, form: &Form, filled: &[(&str, &str)]) -> Reply {
        let body = form.body(filled);
        if form.method == "get" {
            let path = form.action.split('?').next().unwrap_or_default();
            return self.visit(&format!("{path}?{body}")).await;
        }
        self.post(&form.action, &body, &[("sec-fetch-site", "same-origin")]).await
    }

    /// A POST of a form's bytes with the headers that a test wants.
    pub async fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, headers, body).await
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    async fn follow(&self, path: &str, mut reply: Reply) -> Page {
        let mut path = path.to_owned();
        for _ in 0..MAX_REDIRECTS {
            if reply.status != 303 {
                break;
            }
            reply.header("location").expect("a redirect leads somewhere").clone_into(&mut path);
            assert!(path.starts_with('/') && !path.starts_with("//"), "leads away: {path}");
            reply = self.visit(&path).await;
        }
        let html =
            String::from_utf8(reply.body.to_vec()).unwrap_or_else(|_| panic!("{path} is a file"));
        Page { path, status: reply.status.as_u16(), html, reply }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = self
            .client
            .request(method.clone(), path)
            .header(header::HOST, self.host)
            .header(header::ACCEPT, "text/html")
            .header(header::ACCEPT_LANGUAGE, self.language);
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = {
            let held = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            held.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let reply = self.client.send(request).await;
        self.keep(&reply);
        reply
    }

    fn keep(&self, reply: &Reply) {
        let mut held = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for value in reply.headers.get_all(header::SET_COOKIE) {
            let text = value.to_str().expect("a cookie of ours is ASCII");
            let (name, rest) = text.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if value.is_empty() || text.contains("Max-Age=0") {
                held.remove(name);
            } else {
                held.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// The form that goes to `action`, the first if there are several.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let found = self.forms().into_iter().find(|form| form.action == action);
        found.unwrap_or_else(|| panic!("no form to {action} on {}: {}", self.path, self.html))
    }

    pub fn forms(&self) -> Vec<Form> {
        let parts = self.html.split("<form").skip(1);
        parts.filter_map(|part| part.split("</form>").next()).map(Form::read).collect()
    }

    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.path, self.html);
        self
    }

    /// Every text node of the page, as a person reads it, without blanks around it.
    pub fn texts(&self) -> Vec<String> {
        let tags = self.html.split('<').skip(1);
        let texts = tags.filter_map(|tag| tag.split_once('>').map(|(_, text)| unescaped(text)));
        texts.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
    }

    /// Every value of an attribute of the page.
    pub fn attributes(&self) -> Vec<String> {
        let tags = self.html.split('<').skip(1).filter_map(|tag| tag.split('>').next());
        let values = tags.flat_map(|tag| tag.split("=\"").skip(1));
        values.filter_map(|rest| rest.split('"').next()).map(unescaped).collect()
    }

    /// The first tag that none of our pages has: an element, an attribute that is a script's, an address of a script's kind.
    pub fn foreign_tag(&self) -> Option<&str> {
        let tags = self.html.split('<').skip(1).filter_map(|tag| tag.split('>').next());
        let mut tags = tags.filter(|tag| !tag.starts_with('/'));
        tags.find(|tag| !is_ours(tag))
    }

    /// Whether a text stands on the page, as text.
    pub fn says(&self, text: &str) -> bool {
        unescaped(&self.html).contains(text)
    }
}

impl Form {
    fn read(html: &str) -> Self {
        let (head, rest) = html.split_once('>').unwrap_or((html, ""));
        let (mut fields, mut typed) = (Vec::new(), Vec::new());
        for input in rest.split("<input").skip(1).filter_map(|part| part.split('>').next()) {
            let kind = attribute(input, "type").unwrap_or_default();
            if ["checkbox", "radio"].contains(&kind.as_str()) && !input.contains(" checked") {
                continue;
            }
            let max_chars = attribute(input, "maxlength").and_then(|text| text.parse().ok());
            if let Some(name) = attribute(input, "name") {
                if !["hidden", "checkbox", "radio", "submit"].contains(&kind.as_str()) {
                    let max_chars = max_chars.unwrap_or(usize::MAX);
                    typed.push(Typed { name: name.clone(), kind, max_chars });
                }
                fields.push((name, attribute(input, "value").unwrap_or_default()));
            }
        }
        for select in
            rest.split("<select").skip(1).filter_map(|part| part.split("</select>").next())
        {
            let options = || select.split("<option").skip(1);
            let chosen = options().find(|o| o.contains(" selected")).or_else(|| options().next());
            if let (Some(name), Some(option)) = (attribute(select, "name"), chosen) {
                fields.push((name, attribute(option, "value").unwrap_or_default()));
            }
        }
        Self {
            method: attribute(head, "method").unwrap_or_else(|| "get".to_owned()),
            action: attribute(head, "action").unwrap_or_default(),
            fields,
            typed,
        }
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As it is sent: the page's fields, those that are filled in in their place, others behind.
    pub fn body(&self, filled: &[(&str, &str)]) -> String {
        let mut out = Serializer::new(String::new());
        for (name, value) in &self.fields {
            let given = filled.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
            out.append_pair(name, given.unwrap_or(value));
        }
        for (name, value) in filled {
            if self.value(name).is_none() {
                out.append_pair(name, value);
            }
        }
        out.finish()
    }
}

/// Elements of our pages. Pictures are inline drawings, but for the QR code of an authenticator.
const ELEMENTS: [&str; 60] = [
    "!doctype",
    "a",
    "article",
    "body",
    "br",
    "button",
    "caption",
    "circle",
    "code",
    "dd",
    "desc",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "img",
    "input",
    "label",
    "legend",
    "li",
    "line",
    "link",
    "main",
    "meta",
    "nav",
    "noscript",
    "ol",
    "option",
    "p",
    "path",
    "rect",
    "script",
    "section",
    "select",
    "span",
    "strong",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "ul",
];

/// A tag as our templates write it: what a person typed can make none that differs, or it would be markup.
fn is_ours(tag: &str) -> bool {
    let name = tag.split([' ', '\n', '/']).next().unwrap_or_default().to_lowercase();
    let is_known = ELEMENTS.contains(&&*name);
    // Attributes stand in double quotes: what is outside them is names.
    let outside: String = tag.split('"').step_by(2).collect();
    let has_handler = outside.split([' ', '\n']).any(|name| name.to_lowercase().starts_with("on"));
    let address = |name: &str| attribute(tag, name).unwrap_or_default().to_lowercase();
    let (src, href) = (address("src"), address("href"));
    let is_asset = |path: &str| path.starts_with("/assets/");
    let is_picture = name != "img" || src.starts_with("data:image/svg+xml;base64,");
    let is_script = name != "script" || is_asset(&src);
    let leads = href.is_empty()
        || href.starts_with('/') && !href.starts_with("//")
        || href.starts_with('#');
    is_known && !has_handler && is_picture && is_script && leads
}

/// The value of an attribute in the text of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

/// Once: what a person typed may look like something escaped.
fn unescaped(html: &str) -> String {
    const KNOWN: [(&str, &str); 8] = [
        ("#34;", "\""),
        ("#38;", "&"),
        ("#39;", "'"),
        ("#60;", "<"),
        ("#62;", ">"),
        ("lt;", "<"),
        ("gt;", ">"),
        ("amp;", "&"),
    ];
    let (mut out, mut rest) = (String::with_capacity(html.len()), html);
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = KNOWN.iter().find_map(|(name, text)| Some((*text, after.strip_prefix(name)?)));
        let (text, after) = known.unwrap_or(("&", after));
        out.push_str(text);
        rest = after;
    }
    out.push_str(rest);
    out
}
