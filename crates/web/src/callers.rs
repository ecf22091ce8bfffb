//! Who a page is for: made here only, and a handler's first argument.
//!
//! Whether somebody is signed in is the API's to say, at every request. A form of somebody who is not has a
//! token too: a keyed hash of a cookie that only this browser has.

use std::ops::Deref;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use futures_util::future::try_join;
use http::Method;
use serde::Deserialize;

use crate::api::Refused;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// The form field with the token.
pub const CSRF_FIELD: &str = "csrf_token";
/// The cookie of who is not signed in.
const VISIT_COOKIE: &str = "exchequer-visit";
/// As long as a form may stay open.
const VISIT_SECONDS: u32 = 12 * 3600;

/// A kind of caller of a page.
pub trait Caller: Send + Sized + 'static {
    fn admit(visit: Arc<Visit>) -> impl Future<Output = Result<Self, Trouble>> + Send;
}

/// Anybody.
#[derive(Clone)]
pub struct Visitor {
    visit: Arc<Visit>,
    csrf_token: String,
}

/// A signed-in customer.
#[derive(Clone)]
pub struct Customer {
    visit: Arc<Visit>,
    session: Session,
}

/// A signed-in operator.
#[derive(Clone)]
pub struct Operator {
    visit: Arc<Visit>,
    session: StaffSession,
    member: Member,
}

/// Anybody, by the form of a page that may have been a customer's or nobody's.
pub struct Anyone(Arc<Visit>);

/// The API's word on a browser's session.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    #[serde(rename = "session_id")]
    pub id: String,
    pub csrf_token: String,
    /// RFC 3339, as all times of the API. Missing where it does not tell: then the page has no timer.
    pub idle_expires_at: Option<String>,
    pub expires_at: Option<String>,
}

/// The API's word on an operator's session in a browser.
#[derive(Debug, Clone, Deserialize)]
pub struct StaffSession {
    pub csrf_token: String,
    /// RFC 3339: without being used, and in any case.
    pub idle_expires_at: String,
    pub expires_at: String,
}

/// Who an operator is, and what the role may do.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    pub id: String,
    pub email: String,
    pub role: String,
    /// In the words of the API's table of permissions.
    pub permissions: Vec<String>,
}

impl Caller for Visitor {
    async fn admit(visit: Arc<Visit>) -> Result<Self, Trouble> {
        let held = visit.cookie(VISIT_COOKIE).filter(|held| held.len() == 22).map(str::to_owned);
        let known = held.as_deref().map(|held| tokens_of(&visit, held)).unwrap_or_default();
        if *visit.method() == Method::POST
            && !known.iter().any(|known| is_same(known, visit.form().raw(CSRF_FIELD)))
        {
            return Err(Trouble::Stale);
        }
        let csrf_token = known.into_iter().next().unwrap_or_else(|| {
            let fresh = visit.fresh_key();
            visit.give_cookie(VISIT_COOKIE, &fresh, VISIT_SECONDS);
            tokens_of(&visit, &fresh).into_iter().next().unwrap_or_default()
        });
        Ok(Self { visit, csrf_token })
    }
}

impl Caller for Customer {
    async fn admit(visit: Arc<Visit>) -> Result<Self, Trouble> {
        if visit.session_cookie().is_none() {
            return Err(Trouble::SignIn);
        }
        let session: Session = visit.get("/v1/web/session").receive().await?;
        if *visit.method() == Method::POST
            && !is_same(&session.csrf_token, visit.form().raw(CSRF_FIELD))
        {
            return Err(Trouble::Stale);
        }
        visit.set_csrf_token(session.csrf_token.clone());
        Ok(Self { visit, session })
    }
}

impl Caller for Operator {
    async fn admit(visit: Arc<Visit>) -> Result<Self, Trouble> {
        if visit.session_cookie().is_none() {
            return Err(Trouble::SignIn);
        }
        let session = visit.get("/v1/staff/web_session").receive::<StaffSession>();
        let member = visit.get("/v1/staff/me").receive::<Member>();
        let (session, member) = try_join(session, member).await.map_err(not_an_operator)?;
        if *visit.method() == Method::POST
            && !is_same(&session.csrf_token, visit.form().raw(CSRF_FIELD))
        {
            return Err(Trouble::Stale);
        }
        visit.set_csrf_token(session.csrf_token.clone());
        Ok(Self { visit, session, member })
    }
}

/// A customer's cookie is no operator's: whoever has it may sign in as one.
fn not_an_operator(refused: Refused) -> Trouble {
    if refused.code == "wrong_caller" { Trouble::SignIn } else { refused.into() }
}

impl Caller for Anyone {
    async fn admit(visit: Arc<Visit>) -> Result<Self, Trouble> {
        if let Ok(customer) = Customer::admit(Arc::clone(&visit)).await {
            return Ok(Self(customer.visit));
        }
        Visitor::admit(visit).await.map(|visitor| Self(visitor.visit))
    }
}

impl Deref for Anyone {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.0
    }
}

impl Visitor {
    pub fn form_token(&self) -> &str {
        &self.csrf_token
    }
}

impl Customer {
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Operator {
    pub fn session(&self) -> &StaffSession {
        &self.session
    }

    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Whether the role has a permission. What a page shows goes by it; the API decides by itself.
    pub fn may(&self, permission: &str) -> bool {
        self.member.permissions.iter().any(|held| held == permission)
    }
}

impl Deref for Operator {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Deref for Visitor {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Deref for Customer {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

/// The token that forms get, and behind it those that forms of before may have.
fn tokens_of(visit: &Visit, held: &str) -> Vec<String> {
    let signed = (visit.site().settings.sign)(held.as_bytes());
    signed.iter().map(|hash| BASE64URL_NOPAD.encode(hash)).collect()
}

/// In a time that does not depend on where they differ.
fn is_same(expected: &str, shown: &str) -> bool {
    expected.len() == shown.len()
        && expected.bytes().zip(shown.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
