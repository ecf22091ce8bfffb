//! Who calls: made only by their extractors here, and the only way to a domain's transaction.

use std::sync::Arc;

use http::request::Parts;
use money::{CustomerId, RequestId, SessionId, StaffId};
use store::rows::{OnceKey, Origin};
use store::{DbError, Tx};
use vault::SecretString;

use super::codes::Code;
use super::credentials::{self, Identified};
use super::limits::Gate;
use super::once;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::bank::{Act, Bank};
use crate::sessions::cache::{Principal, Visit};
use crate::sessions::web;
use crate::staff::model::Role;
use crate::traces;

/// A request on its way to a handler.
pub struct Incoming<'r> {
    pub bank: &'r Bank,
    pub parts: &'r Parts,
    pub request: RequestId,
    pub(super) gate: &'r Gate<'r>,
    /// Whether it counts as use of its session.
    pub(super) visit: Visit,
}

/// What every caller knows of its request.
#[derive(Clone)]
pub struct Context(Arc<ContextParts>);

#[derive(Clone)]
struct ContextParts {
    bank: Bank,
    origin: Arc<Origin>,
    request: RequestId,
    key: Option<OnceKey>,
    carried: Carried,
}

/// What else a request brought to be known by.
#[derive(Clone, Default)]
pub(super) struct Carried {
    /// Thumbprint of the key that a sign-in or refresh has shown (RFC 9449).
    device_key: Option<[u8; 32]>,
    /// The session's cookie: of a signed-in caller the one that was taken, of anybody the one that was
    /// brought.
    cookie: Option<Arc<SecretString>>,
    /// Of a signed-in caller.
    session: Option<SessionId>,
    /// The session's token is still to be shown, in the form.
    owes_csrf_token: bool,
    /// Whether the request comes from a page of the bank, as far as the browser says.
    is_own_page: bool,
}

/// A kind of caller.
pub trait Caller: Clone + Send + Sync + 'static {
    /// What its idempotency keys are bound to: the kind of caller and the id.
    fn scope(&self) -> ([u8; 3], [u8; 16]);
    fn context(&self) -> &Context;
    /// The same caller, with its request's key.
    #[must_use]
    fn with_key(self, key: OnceKey) -> Self;
}

/// Anybody.
#[derive(Clone)]
pub struct Public(Context);

/// A signed-in customer.
#[derive(Clone)]
pub struct Customer {
    context: Context,
    id: CustomerId,
    session: SessionId,
}

/// A signed-in operator.
#[derive(Clone)]
pub struct Staff {
    context: Context,
    id: StaffId,
    session: SessionId,
    role: Role,
}

impl Context {
    pub(super) fn new(incoming: &Incoming<'_>, origin: Arc<Origin>, carried: Carried) -> Self {
        let (bank, request) = (incoming.bank.clone(), incoming.request);
        Self(Arc::new(ContextParts { bank, origin, request, key: None, carried }))
    }

    fn of(incoming: &Incoming<'_>, identified: Identified) -> Self {
        let session = identified.verified.session();
        let carried = Carried {
            device_key: None,
            cookie: identified.cookie.map(|cookie| Arc::new(SecretString::new(cookie))),
            session: Some(session),
            owes_csrf_token: identified.owes_csrf_token,
            is_own_page: true,
        };
        Self::new(incoming, identified.origin, carried)
    }

    pub(super) fn with_key(mut self, key: OnceKey) -> Self {
        // The caller was just made, so this is the only handle and nothing is copied.
        Arc::make_mut(&mut self.0).key = Some(key);
        self
    }

    pub fn bank(&self) -> &Bank {
        &self.0.bank
    }

    pub fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    pub fn request(&self) -> RequestId {
        self.0.request
    }

    /// Thumbprint of the key that this sign-in or refresh has shown, for [`crate::sessions::Opening`].
    pub fn device_key(&self) -> Option<[u8; 32]> {
        self.0.carried.device_key
    }

    /// The session's cookie that the request brought.
    pub fn cookie(&self) -> Option<&str> {
        self.0.carried.cookie.as_ref().map(|cookie| cookie.expose())
    }

    /// For public routes that set a cookie: a sign-in from a page of somebody else would sign the
    /// customer in as them.
    ///
    /// Errors: `cross_site_refused`.
    pub fn require_own_page(&self) -> Result<(), Problem> {
        if self.0.carried.is_own_page { Ok(()) } else { Err(Problem::new(Code::CrossSiteRefused)) }
    }

    /// The session and the cookie of a signed-in browser.
    pub(super) fn web_session(&self) -> Option<(SessionId, &str)> {
        Some((self.0.carried.session?, self.cookie()?))
    }

    pub(super) fn owes_csrf_token(&self) -> bool {
        self.0.carried.owes_csrf_token
    }

    /// An act at this moment.
    pub fn act(&self) -> Act {
        Act::new(self.0.bank.tools(), Arc::clone(&self.0.origin), self.0.request)
    }

    /// The key of a route that demands one; the dispatcher has refused the request without.
    pub fn key(&self) -> Result<OnceKey, Problem> {
        self.0.key.ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing))
    }

    /// Reads one snapshot.
    pub async fn read<T, F>(&self, verb: &'static str, call: F) -> Result<T, Problem>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        let read = self.0.bank.db().read(verb, call);
        traces::transaction(verb, read, failure).await
    }

    /// Writes without an idempotency key: sign-in routes and what is idempotent by itself (DELETE).
    pub async fn write<T, F>(&self, verb: &'static str, mut call: F) -> Result<T, Problem>
    where
        F: FnMut(&mut Tx<'_>, &Act) -> Result<T, DbError> + Send + 'static,
        T: Send + 'static,
    {
        let act = self.act();
        let write = self.0.bank.db().write(verb, move |tx| call(tx, &act).map_err(Problem::from));
        traces::transaction(verb, write, failure).await
    }

    /// Does something once: the key is claimed, the effect written and the answer stored in one
    /// transaction. A refusal (the inner `Err`) is an answer like any other: it is stored, and what
    /// the closure wrote before it (events) is kept. A `DbError` rolls everything back.
    pub async fn once<T, F>(&self, verb: &'static str, call: F) -> Answer<T>
    where
        F: FnMut(&mut Tx<'_>, &Act) -> Result<Answer<T>, DbError> + Send + 'static,
        T: Send + 'static,
    {
        let (key, act) = (self.key()?, self.act());
        let ran = once::run(self.0.bank.db(), verb, key, act, call);
        let raw = traces::transaction(verb, ran, failure).await?;
        Ok(Reply::raw(raw))
    }
}

impl Public {
    pub(super) async fn extract(incoming: &Incoming<'_>) -> Result<Self, Problem> {
        let (config, parts) = (incoming.bank.config(), incoming.parts);
        incoming.gate.anybody(credentials::shows_key(parts)).await?;
        let device_key = credentials::shown_key(incoming).await?;
        // Two cookies are none: who signs in anew need not have had one.
        let cookie = web::extract(config, &parts.headers).unwrap_or_default();
        let carried = Carried {
            device_key,
            cookie: cookie.map(|cookie| Arc::new(SecretString::new(cookie.to_owned()))),
            session: None,
            owes_csrf_token: false,
            is_own_page: web::is_from_own_page(config, parts),
        };
        let address = incoming.gate.address().to_owned();
        let origin = Origin::new("public", None, None, address, agent(parts));
        Ok(Self(Context::new(incoming, origin, carried)))
    }
}

impl Customer {
    pub(super) async fn extract(incoming: &Incoming<'_>) -> Result<Self, Problem> {
        let identified = credentials::identify(incoming).await?;
        let Principal::Customer(id) = identified.verified.principal() else {
            return Err(Problem::new(Code::WrongCaller));
        };
        let session = identified.verified.session();
        let context = Context::of(incoming, identified);
        Ok(Self { context, id, session })
    }

    pub fn id(&self) -> CustomerId {
        self.id
    }

    pub fn session(&self) -> SessionId {
        self.session
    }
}

impl Staff {
    pub(super) async fn extract(incoming: &Incoming<'_>) -> Result<Self, Problem> {
        let identified = credentials::identify(incoming).await?;
        let Principal::Staff(id, role) = identified.verified.principal() else {
            return Err(Problem::new(Code::WrongCaller));
        };
        let session = identified.verified.session();
        let context = Context::of(incoming, identified);
        Ok(Self { context, id, session, role })
    }

    pub fn id(&self) -> StaffId {
        self.id
    }

    pub fn session(&self) -> SessionId {
        self.session
    }

    pub fn role(&self) -> Role {
        self.role
    }
}

macro_rules! caller {
    ($name:ident, $scope:expr, $context:tt) => {
        impl $crate::http::callers::Caller for $name {
            fn scope(&self) -> ([u8; 3], [u8; 16]) {
                ($scope)(self)
            }

            fn context(&self) -> &$crate::http::callers::Context {
                &self.$context
            }

            fn with_key(mut self, key: ::store::rows::OnceKey) -> Self {
                self.$context = self.$context.with_key(key);
                self
            }
        }

        impl std::ops::Deref for $name {
            type Target = $crate::http::callers::Context;

            fn deref(&self) -> &$crate::http::callers::Context {
                &self.$context
            }
        }
    };
}

pub(super) use caller;

caller!(Public, |_: &Public| (*b"pub", [0; 16]), 0);
caller!(Customer, |c: &Customer| (*b"cus", *c.id.bytes()), context);
caller!(Staff, |s: &Staff| (*b"stf", *s.id.bytes()), context);

/// What a trace says of a problem: nothing of a refusal, which is an answer.
fn failure(problem: &Problem) -> Option<&'static str> {
    (problem.code.status() >= 500).then(|| problem.code.as_str())
}

/// At most this much of a `User-Agent` is kept.
const MAX_AGENT_CHARS: usize = 256;

/// It is kept in the clear, so what looks like a card or a secret in it is not kept.
pub(super) fn agent(parts: &Parts) -> String {
    let value = parts.headers.get(http::header::USER_AGENT);
    let text = value.map(|v| String::from_utf8_lossy(v.as_bytes())).unwrap_or_default();
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect();
    let kept = vault::redaction::redact(&text);
    kept.into_owned()
}
