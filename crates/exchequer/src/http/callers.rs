//! Who calls: made only by their extractors here, and the only way to a domain's transaction.

use std::sync::Arc;

use http::request::Parts;
use money::{CustomerId, RequestId, SessionId, StaffId};
use store::rows::{OnceKey, Origin};
use store::{DbError, Tx};

use super::codes::Code;
use super::once;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::bank::{Act, Bank};
use crate::sessions::cache::{Principal, Verified};
use crate::staff::model::Role;

/// A request on its way to a handler.
pub struct Incoming<'r> {
    pub bank: &'r Bank,
    pub parts: &'r Parts,
    pub request: RequestId,
    pub address: &'r str,
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
    fn new(bank: &Bank, origin: Arc<Origin>, request: RequestId) -> Self {
        Self(Arc::new(ContextParts { bank: bank.clone(), origin, request, key: None }))
    }

    fn with_key(mut self, key: OnceKey) -> Self {
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
        self.0.bank.db().read(verb, call).await
    }

    /// Writes without an idempotency key: sign-in routes and what is idempotent by itself (DELETE).
    pub async fn write<T, F>(&self, verb: &'static str, mut call: F) -> Result<T, Problem>
    where
        F: FnMut(&mut Tx<'_>, &Act) -> Result<T, DbError> + Send + 'static,
        T: Send + 'static,
    {
        let act = self.act();
        self.0.bank.db().write(verb, move |tx| call(tx, &act).map_err(Problem::from)).await
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
        let raw = once::run(self.0.bank.db(), verb, key, act, call).await?;
        Ok(Reply::raw(raw))
    }
}

impl Public {
    pub(super) fn extract(incoming: &Incoming<'_>) -> Self {
        let agent = agent(incoming.parts);
        let origin = Origin::new("public", None, None, incoming.address.to_owned(), agent);
        Self(Context::new(incoming.bank, origin, incoming.request))
    }
}

impl Customer {
    pub(super) async fn extract(incoming: &Incoming<'_>) -> Result<Self, Problem> {
        let verified = verify(incoming).await?;
        let Principal::Customer(id) = verified.principal() else {
            return Err(Problem::new(Code::WrongCaller));
        };
        let origin = origin(incoming, &verified);
        let context = Context::new(incoming.bank, origin, incoming.request);
        Ok(Self { context, id, session: verified.session() })
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
        let verified = verify(incoming).await?;
        let Principal::Staff(id, role) = verified.principal() else {
            return Err(Problem::new(Code::WrongCaller));
        };
        let origin = origin(incoming, &verified);
        let context = Context::new(incoming.bank, origin, incoming.request);
        Ok(Self { context, id, session: verified.session(), role })
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
        impl Caller for $name {
            fn scope(&self) -> ([u8; 3], [u8; 16]) {
                ($scope)(self)
            }

            fn context(&self) -> &Context {
                &self.$context
            }

            fn with_key(mut self, key: OnceKey) -> Self {
                self.$context = self.$context.with_key(key);
                self
            }
        }

        impl std::ops::Deref for $name {
            type Target = Context;

            fn deref(&self) -> &Context {
                &self.$context
            }
        }
    };
}

caller!(Public, |_: &Public| (*b"pub", [0; 16]), 0);
caller!(Customer, |c: &Customer| (*b"cus", *c.id.bytes()), context);
caller!(Staff, |s: &Staff| (*b"stf", *s.id.bytes()), context);

/// The token of `Authorization: Bearer`, verified, and its session alive.
async fn verify(incoming: &Incoming<'_>) -> Result<Arc<Verified>, Problem> {
    let refused = || Problem::new(Code::Unauthenticated);
    let mut values = incoming.parts.headers.get_all(http::header::AUTHORIZATION).iter();
    let value = values.next().and_then(|v| v.to_str().ok()).ok_or_else(refused)?;
    if values.next().is_some() {
        return Err(refused());
    }
    let (scheme, token) = value.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    incoming.bank.sessions().verify(incoming.bank, token.trim()).await
}

/// The session's own origin where address and agent are as at the last request, else a new one.
fn origin(incoming: &Incoming<'_>, verified: &Verified) -> Arc<Origin> {
    let agent = incoming.parts.headers.get(http::header::USER_AGENT);
    let agent = agent.map(http::HeaderValue::as_bytes).unwrap_or_default();
    verified.origin(incoming.address, agent, || self::agent(incoming.parts))
}

/// At most this much of a `User-Agent` is kept.
const MAX_AGENT_CHARS: usize = 256;

fn agent(parts: &Parts) -> String {
    let value = parts.headers.get(http::header::USER_AGENT);
    let text = value.map(|v| String::from_utf8_lossy(v.as_bytes())).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect()
}
