//! What a page's handler gives.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::trouble::Trouble;

pub type Outcome = Result<Answer, Trouble>;

/// An answer to a browser.
pub enum Answer {
    /// A page, never kept by anybody.
    Page(StatusCode, String),
    /// To a page of ours, by GET.
    To(String),
    /// The same after a sign-out: the browser forgets what it has kept of this site.
    Out(String),
    /// A file of the API, with its name and type.
    File(HeaderMap, Bytes),
    /// A style sheet, script or picture: the same for everybody, and for ever under its name.
    Asset(&'static str, Bytes),
}

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Clear Site Data §3.1.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const KEPT_PAGES: HeaderValue = HeaderValue::from_static("\"cache\"");

impl Answer {
    pub fn page(template: &impl Template) -> Outcome {
        Self::page_with(StatusCode::OK, template)
    }

    pub fn page_with(status: StatusCode, template: &impl Template) -> Outcome {
        match template.render() {
            Ok(html) => Ok(Self::Page(status, html)),
            Err(error) => {
                tracing::error!(error = %error, "a page could not be rendered");
                Err(Trouble::Failed)
            }
        }
    }

    /// `path` is one of ours, made of our own texts and [`crate::form::segment`]s.
    #[expect(clippy::unnecessary_wraps, reason = "handlers end with it, as with `page`")]
    pub fn to(path: impl Into<String>) -> Outcome {
        Ok(Self::To(path.into()))
    }

    /// [`Answer::to`], by who has just been signed out.
    #[expect(clippy::unnecessary_wraps, reason = "the end of a handler, as the other answers")]
    pub fn out(path: impl Into<String>) -> Outcome {
        Ok(Self::Out(path.into()))
    }

    pub(crate) fn into_response(self) -> Response {
        let (status, headers, body) = match self {
            Self::Page(status, html) => (status, of(&[(header::CONTENT_TYPE, HTML)]), html.into()),
            Self::To(path) => (StatusCode::SEE_OTHER, of(&[location(path)]), Bytes::new()),
            Self::Out(path) => {
                let headers = of(&[location(path), (CLEAR_SITE_DATA, KEPT_PAGES)]);
                (StatusCode::SEE_OTHER, headers, Bytes::new())
            }
            Self::File(from, body) => {
                let mut headers = HeaderMap::new();
                for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION] {
                    if let Some(value) = from.get(&name) {
                        headers.insert(name, value.clone());
                    }
                }
                (StatusCode::OK, headers, body)
            }
            Self::Asset(content_type, body) => {
                let content_type = HeaderValue::from_static(content_type);
                let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, KEPT)];
                (StatusCode::OK, of(&headers), body)
            }
        };
        let length = body.len();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NEVER_KEPT);
        response
    }
}

/// What is no header value would be a fault of ours: the overview is never wrong.
fn location(path: String) -> (HeaderName, HeaderValue) {
    let to = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    (header::LOCATION, to)
}

fn of(headers: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    headers.iter().cloned().collect()
}
