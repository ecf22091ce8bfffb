//! The routes table: the only way a handler becomes reachable.
//!
//! A route is added with its caller: `public` (with the reason why anybody may), `customer`, `merchant`,
//! or `staff` with a permission. The handler's first argument is that caller, or it does not compile. The table is
//! what the OpenAPI document, `exchequer routes` and the authorisation tests enumerate.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{MethodFilter, on};
use http::Method;
use utoipa::ToSchema;

use super::callers::{Caller, Customer, Public, Staff};
use super::codes::Code;
use super::dispatch;
use super::guards::Guard;
use super::input::{BodySchema, Description, Input, body_schema};
use super::limits::rules::{Class, class_of};
use super::merchant::Merchant;
use super::problem::Problem;
use super::reply::{Answer, Empty};
use super::service::{Incoming, Serve, Service};
use crate::approvals::model::AskedView;
use crate::bank::Bank;
use crate::sessions::cache::Visit;
use crate::staff::model::Permission;

/// One line of the table.
pub struct Route {
    pub method: Method,
    /// With `{id}` segments, as the router takes it.
    pub path: &'static str,
    /// `operationId` of the OpenAPI document.
    pub name: &'static str,
    pub summary: &'static str,
    pub access: Access,
    /// Demands an `Idempotency-Key`.
    pub once: bool,
    pub body_limit: BodyLimit,
    pub success: u16,
    /// Which rate limits it has; from [`super::limits::rules`].
    pub class: Class,
    /// Its place in the table: whom it counts is counted for it alone.
    pub number: u8,
    /// Nobody on the way may keep the answer, though anybody may ask for it.
    pub is_never_kept: bool,
    /// What a public GET answers is the same for ever, so that anybody may keep it.
    pub is_unchanging: bool,
    /// Whether a request counts as use of its session.
    pub visit: Visit,
    /// What it refuses, besides what every route of its kind can answer.
    pub codes: Vec<Code>,
    pub input: Description,
    pub output: Option<BodySchema>,
    /// The body of a 202: what it does may wait for a second operator.
    pub waiting: Option<BodySchema>,
    /// Media types of its success, besides that of `output`.
    pub files: &'static [&'static str],
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, because of this.
    Public(&'static str),
    Customer,
    /// By a signed request.
    Merchant,
    Staff(Permission),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// 64 KiB.
    Ordinary,
    /// 4 MiB.
    Bulk,
}

/// The table, and the router that grows with it.
#[derive(Default)]
pub struct Routes {
    entries: Vec<(Arc<Route>, Serve)>,
}

/// A function from a caller and an input to an answer.
pub trait Handler<C, I, T>: Clone + Send + Sync + 'static {
    fn call(&self, caller: C, input: I) -> impl Future<Output = Answer<T>> + Send;
}

impl<F, Fut, C, I, T> Handler<C, I, T> for F
where
    F: Fn(C, I) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Answer<T>> + Send,
{
    fn call(&self, caller: C, input: I) -> impl Future<Output = Answer<T>> + Send {
        self(caller, input)
    }
}

/// What a route may answer with: a described type, or nothing.
pub trait Output: 'static {
    fn describe() -> Option<BodySchema>;
}

impl<T: ToSchema + 'static> Output for T {
    fn describe() -> Option<BodySchema> {
        Some(body_schema::<T>())
    }
}

impl Output for Empty {
    fn describe() -> Option<BodySchema> {
        None
    }
}

impl Route {
    pub fn get(path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, path, name, summary, 200)
    }

    /// A POST that changes something: it demands an `Idempotency-Key` and answers 201.
    pub fn post(path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self { once: true, ..Self::new(Method::POST, path, name, summary, 201) }
    }

    /// Sets something to what the body says; the same request twice changes nothing more.
    pub fn put(path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, path, name, summary, 200)
    }

    pub fn delete(path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, path, name, summary, 204)
    }

    fn new(
        method: Method,
        path: &'static str,
        name: &'static str,
        summary: &'static str,
        success: u16,
    ) -> Self {
        Self {
            method,
            path,
            name,
            summary,
            access: Access::Customer,
            once: false,
            body_limit: BodyLimit::Ordinary,
            success,
            number: 0,
            class: Class::Probe, // until it is added, when it is known who may call
            is_never_kept: false,
            is_unchanging: false,
            visit: Visit::Use,
            codes: Vec::new(),
            input: Description::default(),
            output: None,
            waiting: None,
            files: &[],
        }
    }

    /// A POST of the sign-in family: it takes no `Idempotency-Key`.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.once = false;
        self
    }

    #[must_use]
    pub fn answers(mut self, status: u16) -> Self {
        self.success = status;
        self
    }

    /// Adds refusals of the act, in their order of precedence, to those that were said before.
    #[must_use]
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// For a public GET whose answer changes, or is for the asker alone.
    #[must_use]
    pub fn never_kept(mut self) -> Self {
        self.is_never_kept = true;
        self
    }

    /// For a public GET whose address names its answer: what was answered once is answered for ever.
    #[must_use]
    pub fn never_changes(mut self) -> Self {
        self.is_unchanging = true;
        self
    }

    /// For what asks and is no use of the session: its idle limit runs on.
    #[must_use]
    pub fn peeks(mut self) -> Self {
        self.visit = Visit::Peek;
        self
    }

    /// Says that the answer may also be a file of one of these media types.
    #[must_use]
    pub fn or_files(mut self, media_types: &'static [&'static str]) -> Self {
        self.files = media_types;
        self
    }

    /// Says that the act may wait for a second operator, and that this is refused in these ways, last of all.
    #[must_use]
    pub fn may_wait(mut self) -> Self {
        self.waiting = Some(body_schema::<AskedView>());
        self.refuses(&[Code::ApprovalPending, Code::TooManyApprovals])
    }

    #[must_use]
    pub fn bulk(mut self) -> Self {
        self.body_limit = BodyLimit::Bulk;
        self
    }
}

impl Routes {
    /// For anybody; `why` stands in the committed list of public routes.
    #[must_use]
    pub fn public<I, T, H>(self, why: &'static str, route: Route, handler: H) -> Self
    where
        H: Handler<Public, I, T>,
        I: Input + Send + 'static,
        T: Output,
    {
        self.add(Route { access: Access::Public(why), ..route }, handler)
    }

    #[must_use]
    pub fn customer<I, T, H>(self, route: Route, handler: H) -> Self
    where
        H: Handler<Customer, I, T>,
        I: Input + Send + 'static,
        T: Output,
    {
        self.add(Route { access: Access::Customer, ..route }, handler)
    }

    #[must_use]
    pub fn merchant<I, T, H>(self, route: Route, handler: H) -> Self
    where
        H: Handler<Merchant, I, T>,
        I: Input + Send + 'static,
        T: Output,
    {
        self.add(Route { access: Access::Merchant, ..route }, handler)
    }

    #[must_use]
    pub fn staff<I, T, H>(self, permission: Permission, route: Route, handler: H) -> Self
    where
        H: Handler<Staff, I, T>,
        I: Input + Send + 'static,
        T: Output,
    {
        self.add(Route { access: Access::Staff(permission), ..route }, handler)
    }

    pub fn table(&self) -> impl Iterator<Item = &Route> {
        self.entries.iter().map(|(route, _)| &**route)
    }

    fn add<C, I, T, H>(mut self, mut route: Route, handler: H) -> Self
    where
        C: Caller + Guard,
        H: Handler<C, I, T>,
        I: Input + Send + 'static,
        T: Output,
    {
        I::describe(&mut route.input);
        route.output = T::describe();
        route.class = class_of(&route);
        route.number = u8::try_from(self.entries.len()).unwrap_or(u8::MAX);
        let route = Arc::new(route);
        let entry = Arc::clone(&route);
        let serve: Serve = Arc::new(move |bank, incoming| {
            let (bank, entry, handler) = (bank.clone(), Arc::clone(&entry), handler.clone());
            Box::pin(dispatch::serve(bank, entry, handler, incoming))
        });
        self.entries.push((route, serve));
        self
    }

    /// All routes, before the pages.
    pub(super) fn into_service(self, bank: &Bank) -> Service {
        let router = crate::pages::service(self.router(bank), bank);
        Service::new(bank, self.entries, router)
    }

    fn router(&self, bank: &Bank) -> Router {
        let table: Arc<[Arc<Route>]> =
            self.entries.iter().map(|(route, _)| Arc::clone(route)).collect();
        let mut router = Router::new();
        for (route, serve) in &self.entries {
            let method = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
            let serve = Arc::clone(serve);
            let answer = move |state: State<Bank>, request: Incoming| serve(&state, request);
            router = router.route(route.path, on(method, answer));
        }
        router
            .fallback(dispatch::not_found)
            .method_not_allowed_fallback({
                let bank = bank.clone();
                move |request| {
                    std::future::ready(dispatch::method_not_allowed(&bank, &table, request))
                }
            })
            .with_state(bank.clone())
    }
}

/// Every route can answer these.
pub const EVERY_ROUTE: &[Code] =
    &[Code::MalformedRequest, Code::Overloaded, Code::Unavailable, Code::Internal];

/// Every route for somebody signed in can answer these.
const EVERY_SESSION: &[Code] = &[
    Code::Unauthenticated,
    Code::InvalidDpopProof,
    Code::TwoCredentials,
    Code::CrossSiteRefused,
    Code::WrongCaller,
];

/// Every route for who signs requests can answer these.
const EVERY_SIGNED: &[Code] = &[
    Code::Unauthenticated,
    Code::InvalidSignature,
    Code::KeyNotAllowed,
    Code::BodyTooLarge,
    Code::BodyTimeout,
];

impl Route {
    /// All codes this route can answer, for the reference: in the order of the table.
    pub fn all_codes(&self) -> Vec<Code> {
        let mut codes = self.codes.clone();
        codes.extend_from_slice(EVERY_ROUTE);
        if self.class != Class::Probe {
            codes.push(Code::RateLimited);
        }
        match self.access {
            Access::Public(_) => {}
            Access::Customer => codes.extend(EVERY_SESSION),
            Access::Merchant => codes.extend(EVERY_SIGNED),
            Access::Staff(_) => {
                codes.extend(EVERY_SESSION);
                codes.push(Code::Forbidden);
            }
        }
        if self.path.contains('{') {
            codes.push(Code::NotFound);
        }
        if self.once {
            codes.extend([
                Code::IdempotencyKeyMissing,
                Code::IdempotencyKeyInvalid,
                Code::IdempotencyKeyReused,
                Code::IdempotencyKeyInFlight,
                Code::IdempotencyKeyExpired,
            ]);
        }
        if self.method != Method::GET {
            codes.extend([Code::BodyTooLarge, Code::BodyTimeout]);
            if !self.input.is_raw {
                codes.push(Code::UnsupportedMediaType);
            }
        }
        if self.input.body.is_some() {
            codes.extend([Code::MalformedJson, Code::InvalidFields]);
        }
        if !self.input.query.is_empty() {
            codes.push(Code::InvalidFields);
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// A problem for every refusal of the router itself.
pub(super) fn unrouted(code: Code) -> Problem {
    Problem::new(code)
}
