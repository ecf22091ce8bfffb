//! The keys that merchants sign with: what one may do, and those in use, remembered for a second.
//!
//! Order of a look: the memory, when it was filled less than a second ago; else the row. A key that this
//! node revokes is gone at once, elsewhere within that second. Bound: [`MAX_REMEMBERED`] keys. The secret of
//! a key is in memory only as a [`SecretBytes`]. Never here: a decision about money.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use http::Method;
use money::{KeyId, MerchantId, Timestamp};
use vault::SecretBytes;
use vault::signature::message::VerifyingKey;

use super::store;
use crate::bank::Bank;
use crate::http::{Code, Problem};

/// Whether it is about money or about trying out. The two never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    Test,
    Live,
}

/// What a key signs with.
pub enum Material {
    /// HMAC-SHA256: either scheme.
    Secret(SecretBytes),
    /// The public half: RFC 9421 only.
    Ed25519([u8; 32]),
}

/// A key that is neither revoked nor over, and what it may do.
pub struct UsableKey {
    pub id: KeyId,
    pub merchant: MerchantId,
    pub mode: Mode,
    pub material: Material,
    /// Empty: every route.
    pub routes: Vec<RouteRule>,
    /// Empty: from everywhere.
    pub networks: Vec<Network>,
    pub expires_at: Option<Timestamp>,
    pub is_merchant_active: bool,
}

/// A method and a path, or all that begin like it: `POST /v1/payments`, `GET /v1/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    method: String,
    path: String,
    is_beginning: bool,
}

/// An address, or all that begin like it: `192.0.2.7`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Neither a method and path of the merchants' API nor the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a method and a path, as `POST /v1/payments` or `GET /v1/*`")]
pub struct RouteRuleError;

/// Neither an address nor a network without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address or a network without host bits, as 192.0.2.7 or 2001:db8::/32")]
pub struct NetworkError;

/// Keys that were asked for lately.
#[derive(Default)]
pub struct KeyCache(RwLock<Keys>);

#[derive(Default)]
struct Keys {
    by_id: HashMap<KeyId, Remembered>,
    /// How often something was forgotten: what was read before that is not remembered after it.
    forgotten: u64,
}

struct Remembered {
    key: Arc<UsableKey>,
    at: Timestamp,
}

/// How long a row's word is taken.
const RECHECK_MICROS: i64 = 1_000_000;
/// Past it all are forgotten and read again.
const MAX_REMEMBERED: usize = 10_000;

impl Mode {
    pub const ALL: [Self; 2] = [Self::Test, Self::Live];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    pub const fn code(self) -> i64 {
        match self {
            Self::Test => 0,
            Self::Live => 1,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// What idempotency keys are bound to besides the merchant.
    pub(crate) const fn scope(self) -> &'static [u8; 3] {
        match self {
            Self::Test => b"mrt",
            Self::Live => b"mrl",
        }
    }
}

impl UsableKey {
    pub fn secret(&self) -> Option<&SecretBytes> {
        match &self.material {
            Material::Secret(secret) => Some(secret),
            Material::Ed25519(_) => None,
        }
    }

    pub fn verifying(&self) -> VerifyingKey<'_> {
        match &self.material {
            Material::Secret(secret) => VerifyingKey::HmacSha256(secret),
            Material::Ed25519(public) => VerifyingKey::Ed25519(public),
        }
    }

    /// Errors: `key_not_allowed`.
    pub fn check_use(&self, method: &Method, path: &str, address: &str) -> Result<(), Problem> {
        let refused = |why: &str| Err(Problem::new(Code::KeyNotAllowed).detail(why));
        if !self.is_merchant_active {
            return refused("the merchant is suspended");
        }
        let is_routed = |rule: &RouteRule| rule.covers(method, path);
        if !self.routes.is_empty() && !self.routes.iter().any(is_routed) {
            return refused("the key is not for this route");
        }
        let from: Option<IpAddr> = address.parse().ok();
        let is_near = |network: &Network| from.is_some_and(|from| network.holds(from));
        if !self.networks.is_empty() && !self.networks.iter().any(is_near) {
            return refused("the key is not for this address");
        }
        Ok(())
    }
}

impl RouteRule {
    fn covers(&self, method: &Method, path: &str) -> bool {
        let fits = if self.is_beginning { path.starts_with(&self.path) } else { path == self.path };
        fits && (self.method == "*" || self.method == method.as_str())
    }
}

impl FromStr for RouteRule {
    type Err = RouteRuleError;

    fn from_str(text: &str) -> Result<Self, RouteRuleError> {
        let (method, path) = text.split_once(' ').ok_or(RouteRuleError)?;
        let is_method = matches!(method, "*" | "GET" | "POST" | "PUT" | "DELETE");
        let (beginning, is_beginning) =
            path.strip_suffix('*').map_or((path, false), |beginning| (beginning, true));
        let is_plain =
            beginning.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-{}".contains(&b));
        if !is_method || !beginning.starts_with("/v1/") || !is_plain {
            return Err(RouteRuleError);
        }
        Ok(Self { method: method.to_owned(), path: beginning.to_owned(), is_beginning })
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let shift = 32_u32.saturating_sub(self.bits.into());
                let cut = |bits: u32| bits.checked_shr(shift).unwrap_or(0);
                cut(ours.to_bits()) == cut(theirs.to_bits())
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let shift = 128_u32.saturating_sub(self.bits.into());
                let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
                cut(ours.to_bits()) == cut(theirs.to_bits())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| NetworkError)?
            }
            Some(_) => return Err(NetworkError),
            None => most,
        };
        let host_bits = match address {
            IpAddr::V4(v4) => v4.to_bits().checked_shl(bits.into()).unwrap_or(0) != 0,
            IpAddr::V6(v6) => v6.to_bits().checked_shl(bits.into()).unwrap_or(0) != 0,
        };
        if bits > most || host_bits { Err(NetworkError) } else { Ok(Self { address, bits }) }
    }
}

impl KeyCache {
    /// A key that may sign now; `None` for one that is unknown, revoked or over.
    ///
    /// Errors: `unavailable` where the database cannot be asked.
    pub async fn find(&self, bank: &Bank, id: &KeyId) -> Result<Option<Arc<UsableKey>>, Problem> {
        let now = bank.tools().now();
        if let Some(key) = self.remembered(id, now) {
            return Ok(Some(key).filter(|key| key.is_in_time(now)));
        }
        let (id, tools) = (*id, bank.tools().clone());
        let before = self.0.read().unwrap_or_else(PoisonError::into_inner).forgotten;
        let read = bank.db().read("merchants.key", move |tx| store::usable(tx, &tools, &id));
        let key = read.await.map_err(Problem::from)?.map(Arc::new);
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match &key {
            Some(key) if keys.forgotten == before => {
                if keys.by_id.len() >= MAX_REMEMBERED {
                    keys.by_id.clear();
                }
                keys.by_id.insert(id, Remembered { key: Arc::clone(key), at: now });
            }
            // Revoked or changed while it was read.
            Some(_) => {}
            None => {
                keys.by_id.remove(&id);
            }
        }
        drop(keys);
        Ok(key.filter(|key| key.is_in_time(now)))
    }

    /// The key was revoked or changed: its row is asked from now on.
    pub fn forget(&self, id: &KeyId) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.forgotten = keys.forgotten.wrapping_add(1);
        keys.by_id.remove(id);
    }

    /// A merchant was suspended or resumed.
    pub fn forget_all_of(&self, merchant: &MerchantId) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.forgotten = keys.forgotten.wrapping_add(1);
        keys.by_id.retain(|_, remembered| remembered.key.merchant != *merchant);
    }

    fn remembered(&self, id: &KeyId, now: Timestamp) -> Option<Arc<UsableKey>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let remembered = keys.by_id.get(id)?;
        let age = now.micros_since(remembered.at);
        (0..RECHECK_MICROS).contains(&age).then(|| Arc::clone(&remembered.key))
    }
}

impl UsableKey {
    fn is_in_time(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_begins_like_it() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().holds(address.parse().unwrap())
        };
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        for bad in ["", "192.0.2.7/24", "192.0.2.0/33", "::/129", "a", "192.0.2.0/+8", "1.2.3.4/"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }

    #[test]
    fn a_rule_covers_its_route_or_what_begins_like_it() {
        let covers = |rule: &str, method: Method, path: &str| {
            rule.parse::<RouteRule>().unwrap().covers(&method, path)
        };
        assert!(covers("POST /v1/payments", Method::POST, "/v1/payments"));
        assert!(!covers("POST /v1/payments", Method::GET, "/v1/payments"));
        assert!(!covers("POST /v1/payments", Method::POST, "/v1/payments/pay_1/refunds"));
        assert!(covers("POST /v1/payments*", Method::POST, "/v1/payments/pay_1/refunds"));
        assert!(covers("* /v1/*", Method::DELETE, "/v1/cards/crd_1"));
        for bad in ["", "POST", "PATCH /v1/x", "GET /v2/*", "GET /v1/a*b", "GET  /v1/x"] {
            assert_eq!(bad.parse::<RouteRule>(), Err(RouteRuleError), "{bad}");
        }
    }
}
