//! The table of pages: the only way a page becomes reachable, with who may see it.
//!
//! Order for a request: where it comes from, form within size and time, caller, handler. Whatever happens, a
//! panic included, the answer has the headers of [`policy`].

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Limited};

use crate::answer::{Answer, Outcome};
use crate::api::Api;
use crate::assets::Assets;
use crate::callers::{Caller, Customer, Operator, Visitor};
use crate::form::{Form, MAX_FORM_BYTES};
use crate::trouble::Trouble;
use crate::visit::{Site, Visit};
use crate::{Settings, policy};

type Handled = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Handler = Arc<dyn Fn(Arc<Visit>) -> Handled + Send + Sync>;

/// One page, or one form's target.
struct Page {
    method: Method,
    path: &'static str,
    access: &'static str,
    handler: Handler,
}

/// All of them.
#[derive(Default)]
pub struct Pages(Vec<Page>);

/// Every page of the bank.
pub fn all() -> Pages {
    let pages = crate::assets::pages(Pages::default());
    let pages = crate::language::pages(pages);
    let pages = crate::entrance::pages(pages);
    let pages = crate::inbox::pages(pages);
    let pages = crate::security::pages(pages);
    let pages = crate::overview::pages(pages);
    let pages = crate::accounts::pages(pages);
    let pages = crate::sending::pages(pages);
    let pages = crate::payees::pages(pages);
    crate::console::pages(pages)
}

impl Pages {
    /// For anybody, signed in or not.
    #[must_use]
    pub fn anybody<F, R>(self, method: Method, path: &'static str, handler: F) -> Self
    where
        F: Fn(Visitor) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.add((method, path, "anybody"), handler)
    }

    /// For a customer who is signed in; anybody else is asked to sign in.
    #[must_use]
    pub fn customer<F, R>(self, method: Method, path: &'static str, handler: F) -> Self
    where
        F: Fn(Customer) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.add((method, path, "customer"), handler)
    }

    /// For an operator whose role has the permission; other operators are told that they have not.
    #[must_use]
    pub fn operator<F, R>(
        self,
        method: Method,
        path: &'static str,
        permission: &'static str,
        handler: F,
    ) -> Self
    where
        F: Fn(Operator) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.add((method, path, "operator"), move |operator: Operator| {
            let handler = handler.clone();
            async move {
                if !operator.may(permission) {
                    return Err(Trouble::Forbidden);
                }
                handler(operator).await
            }
        })
    }

    /// Method, path and caller of each.
    pub fn list(&self) -> Vec<(String, &'static str, &'static str)> {
        self.0.iter().map(|page| (page.method.to_string(), page.path, page.access)).collect()
    }

    pub(crate) fn add<C, F, R>(
        mut self,
        (method, path, access): (Method, &'static str, &'static str),
        handler: F,
    ) -> Self
    where
        C: Caller,
        F: Fn(C) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |visit: Arc<Visit>| {
            let handler = handler.clone();
            Box::pin(async move { handler(C::admit(visit).await?).await })
        });
        self.0.push(Page { method, path, access, handler });
        self
    }

    pub(crate) fn into_router(self, api: Api, settings: Settings) -> Router {
        let read = self.0.iter().filter(|page| page.method == Method::GET);
        let readable = read.map(|page| page.path).collect();
        let site = Arc::new(Site { api, settings, assets: Assets::new(), readable });
        let mut router = Router::new();
        for page in self.0 {
            let (site, handler) = (Arc::clone(&site), page.handler);
            let method = MethodFilter::try_from(page.method).unwrap_or(MethodFilter::GET);
            let serve = move |request| serve(Arc::clone(&site), handler.clone(), request);
            router = router.route(page.path, on(method, serve));
        }
        let other = Arc::clone(&site);
        router
            .method_not_allowed_fallback(move |request| {
                ready(lost(Arc::clone(&other), Trouble::NoSuchForm, request))
            })
            .fallback(move |request| unknown(Arc::clone(&site), request))
    }
}

/// What nobody knows: a page for who wants one, else the API's answer.
async fn unknown(site: Arc<Site>, request: Request) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return lost(site, Trouble::NotFound, request);
    }
    site.api.call(request).await
}

/// For a request that no page is for, whatever it brought.
fn lost(site: Arc<Site>, trouble: Trouble, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = Visit::new(site, parts, Vec::new(), Form::default());
    let answer = trouble.into_answer(&visit);
    respond(&visit, answer)
}

async fn serve(site: Arc<Site>, handler: Handler, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let segments = match RawPathParams::from_request_parts(&mut parts, &()).await {
        Ok(params) => params.iter().map(|(_, value)| value.to_owned()).collect(),
        // A path that is not UTF-8 after decoding names nothing.
        Err(_) => vec![String::new()],
    };
    let form = read_form(&site, &parts, body).await;
    let (form, refused) = match form {
        Ok(form) => (form, None),
        Err(trouble) => (Form::default(), Some(trouble)),
    };
    let visit = Arc::new(Visit::new(site, parts, segments, form));
    let outcome = match refused {
        Some(trouble) => Err(trouble),
        None => match AssertUnwindSafe(handler(Arc::clone(&visit))).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::Failed),
        },
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(trouble) => trouble.into_answer(&visit),
    };
    respond(&visit, answer)
}

/// Of a request that changes something.
async fn read_form(site: &Site, parts: &Parts, body: Body) -> Result<Form, Trouble> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        let may_read = policy::may_read(&parts.headers);
        return if may_read { Ok(Form::default()) } else { Err(Trouble::Elsewhere) };
    }
    if !policy::is_from_own_page(site, parts) {
        return Err(Trouble::Elsewhere);
    }
    if !is_form(&parts.headers) {
        return Err(Trouble::NoForm);
    }
    let read = Limited::new(body, MAX_FORM_BYTES).collect();
    let limit = Duration::from_secs(site.settings.body_timeout_seconds);
    let bytes: Bytes = match tokio::time::timeout(limit, read).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) | Err(_) => return Err(Trouble::NoForm),
    };
    Form::parse(&bytes).ok_or(Trouble::NoForm)
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn respond(visit: &Visit, answer: Answer) -> Response {
    let mut response = answer.into_response();
    policy::put(visit.site(), response.headers_mut());
    for cookie in visit.take_cookies() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
