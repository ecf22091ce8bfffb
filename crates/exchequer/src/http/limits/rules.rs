//! The rate limits: which class a route has, and what each class may.
//!
//! Nothing else names a number. A POST stands in [`ROUTES`], or a test fails; until then its class is strict.

use std::sync::LazyLock;

use http::{HeaderValue, Method};
use store::cache::{Limit, Space};

use crate::http::routes::{Access, Route};

/// What a request is, for its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Probes: balancers ask often, and a refused probe takes the node away.
    Probe = 0,
    /// Whatever is open to anybody and changes nothing.
    Visit = 1,
    /// A refused token, on whichever route: each costs a signature check.
    Stranger = 2,
    /// A password, a passkey or a mailed token is shown.
    SignIn = 3,
    /// A challenge is answered.
    Answer = 4,
    /// A code is sent, which costs money and somebody's patience.
    SendCode = 5,
    /// Somebody becomes a customer.
    Register = 6,
    /// A refresh token is shown; it cannot be guessed.
    Refresh = 7,
    Read = 8,
    /// A change that moves no money. Ending a session or stopping payments is one: it must work
    /// while Redis is gone.
    Change = 9,
    /// Money is moved or reserved.
    Pay = 10,
    /// Refunds; and what tries a secret, costs a hash or sends a message while signed in.
    Rare = 11,
    /// An operator's password is shown: customers' sign-ins do not use up theirs.
    StaffSignIn = 12,
    /// A telephone number is to be confirmed by a message, which costs money.
    Text = 13,
    /// A gateway tells that a payment has news.
    Notice = 14,
    /// A statement is made: a walk through a year of entries, and megabytes of its own; or a payment's receipt.
    Statement = 15,
    /// A name is compared with that of an account's holder: whoever may ask often could find names out.
    NameCheck = 16,
    /// A customer's name and addresses are shown to an operator: a day's work, and no list of all customers.
    Reveal = 17,
}

/// Whom a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// The client's address; IPv6 by its /64, which is what one household gets.
    Address,
    /// The e-mail that signs in, known or not, as a keyed hash.
    Account,
    /// All callers together.
    All,
    /// Who is signed in.
    Caller,
    /// The same over a longer time, beside the other.
    CallerLong,
}

#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub per: Per,
    pub limit: Limit,
}

/// What happens while Redis is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenGone {
    /// Refused with `unavailable`.
    Closed,
    /// Each node keeps the limit by itself.
    Here,
}

const MINUTE: u32 = 60;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

const fn rule(per: Per, most: u32) -> Rule {
    Rule { per, limit: Limit::new(most, MINUTE) }
}

/// Addresses are shared, by offices and by carriers, so theirs are the wide ones. All sign-ins together
/// are a third of what the hashing pool can do.
impl Class {
    pub const ALL: [Self; 18] = [
        Self::Probe,
        Self::Visit,
        Self::Stranger,
        Self::SignIn,
        Self::Answer,
        Self::SendCode,
        Self::Register,
        Self::Refresh,
        Self::Read,
        Self::Change,
        Self::Pay,
        Self::Rare,
        Self::StaffSignIn,
        Self::Text,
        Self::Notice,
        Self::Statement,
        Self::NameCheck,
        Self::Reveal,
    ];

    /// All are kept or the request is refused; the first is the one whose state the answer shows.
    pub const fn rules(self) -> &'static [Rule] {
        match self {
            Self::Probe => &[],
            Self::Visit => const { &[rule(Per::Address, 600)] },
            Self::Stranger | Self::Refresh => const { &[rule(Per::Address, 300)] },
            Self::SignIn => {
                const { &[rule(Per::Address, 30), rule(Per::Account, 10), rule(Per::All, 1_200)] }
            }
            Self::StaffSignIn => {
                const { &[rule(Per::Address, 30), rule(Per::Account, 10), rule(Per::All, 300)] }
            }
            Self::Text => const { &[Rule { per: Per::Caller, limit: Limit::new(10, DAY) }] },
            Self::Answer => const { &[rule(Per::Address, 60), rule(Per::All, 3_000)] },
            Self::SendCode => const { &[rule(Per::Address, 10), rule(Per::All, 600)] },
            Self::Register => const { &[rule(Per::Address, 10), rule(Per::All, 300)] },
            Self::Read => const { &[rule(Per::Caller, 1_000)] },
            Self::Notice => const { &[rule(Per::Address, 60_000)] },
            Self::Change | Self::Pay => const { &[rule(Per::Caller, 100)] },
            Self::Statement => const { &[rule(Per::Caller, 20)] },
            Self::Reveal => const { &[Rule { per: Per::Caller, limit: Limit::new(60, HOUR) }] },
            Self::Rare => const { &[rule(Per::Caller, 10)] },
            Self::NameCheck => {
                const {
                    let day = Rule { per: Per::CallerLong, limit: Limit::new(200, DAY) };
                    &[rule(Per::Caller, 20), day]
                }
            }
        }
    }

    pub const fn when_gone(self) -> WhenGone {
        match self {
            Self::SignIn
            | Self::StaffSignIn
            | Self::Text
            | Self::Answer
            | Self::SendCode
            | Self::Register
            | Self::Pay
            | Self::Rare
            | Self::NameCheck
            | Self::Reveal => WhenGone::Closed,
            Self::Probe
            | Self::Visit
            | Self::Stranger
            | Self::Refresh
            | Self::Read
            | Self::Notice
            | Self::Statement
            | Self::Change => WhenGone::Here,
        }
    }

    pub(super) const fn space(self) -> Space {
        match self {
            Self::Probe | Self::Visit | Self::Stranger | Self::Refresh | Self::Notice => {
                Space::Visitors
            }
            Self::SignIn | Self::StaffSignIn | Self::Answer | Self::SendCode | Self::Register => {
                Space::Guarded
            }
            Self::Read
            | Self::Statement
            | Self::Change
            | Self::Pay
            | Self::Rare
            | Self::Text
            | Self::NameCheck
            | Self::Reveal => Space::Callers,
        }
    }

    /// Whether the e-mail in the body is wanted, so that the decision waits for the body.
    pub(super) const fn wants_body(self) -> bool {
        matches!(self, Self::SignIn | Self::StaffSignIn)
    }

    /// `RateLimit-Policy`, made once.
    pub(super) fn policy(self) -> Option<&'static HeaderValue> {
        static POLICIES: LazyLock<[Option<HeaderValue>; 18]> =
            LazyLock::new(|| Class::ALL.map(policy));
        POLICIES.get(usize::from(self as u8)).and_then(Option::as_ref)
    }
}

impl Per {
    /// As headers and OpenAPI call the policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
            Self::All => "all",
            Self::Caller => "caller",
            Self::CallerLong => "caller-long",
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Address => 1,
            Self::Account => 2,
            Self::All => 3,
            Self::Caller => 4,
            Self::CallerLong => 5,
        }
    }
}

/// draft-ietf-httpapi-ratelimit-headers-10 §3: a list of strings, with quota and window in seconds.
fn policy(class: Class) -> Option<HeaderValue> {
    let rules = class.rules().iter();
    let policies = rules.map(|Rule { per, limit }| {
        format!("\"{}\";q={};w={}", per.name(), limit.most, limit.window_seconds)
    });
    let text = policies.collect::<Vec<_>>().join(", ");
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

/// Routes whose class does not follow from method and caller, by `operationId`.
#[rustfmt::skip] // a table
const ROUTES: &[(&str, Class)] = &[
    ("getHealth", Class::Probe),
    ("getReadiness", Class::Probe),
    ("reportViolation", Class::Visit),
    ("registerCustomer", Class::Register),
    ("logIn", Class::SignIn),
    ("logInStaff", Class::StaffSignIn),
    ("renewStaffAccess", Class::Answer),
    ("openWebSession", Class::SignIn),
    ("answerWebChallenge", Class::Answer),
    ("askForPasskey", Class::Answer),
    ("answerChallenge", Class::Answer),
    ("sendCode", Class::SendCode),
    ("requestPasswordReset", Class::SendCode),
    ("resetPassword", Class::SignIn),
    ("changePassword", Class::Rare),
    ("confirmEmail", Class::SignIn),
    ("sendEmailConfirmation", Class::Rare),
    ("refreshTokens", Class::Refresh),
    ("logOut", Class::Change),
    ("logOutStaff", Class::Change),
    ("enrolTotp", Class::Change),
    ("enrolSms", Class::Text),
    ("enrolEmail", Class::Rare),
    ("beginWebauthn", Class::Rare),
    ("addWebauthn", Class::Rare),
    ("confirmFactor", Class::Rare),
    ("renameFactor", Class::Change),
    ("replaceRecoveryCodes", Class::Rare),
    ("addBeneficiary", Class::Change),
    ("checkPayee", Class::NameCheck),
    ("stopOutgoing", Class::Change),
    ("resumeOutgoing", Class::Rare),
    ("openAccount", Class::Change),
    ("storeCard", Class::Pay),
    ("createPayment", Class::Pay),
    ("capturePayment", Class::Pay),
    ("cancelPayment", Class::Pay),
    ("refundPayment", Class::Rare),
    ("refundPaymentForMerchant", Class::Rare),
    ("destroyDataKey", Class::Rare),
    ("createWebhookEndpoint", Class::Change),
    ("rotateWebhookSecret", Class::Change),
    ("redeliverEvent", Class::Change),
    ("redeliverEventAsStaff", Class::Change),
    ("noticeOfSandbox", Class::Notice),
    ("noticeOfStripe", Class::Notice),
    ("createMerchant", Class::Change),
    ("changeMerchant", Class::Change),
    ("makeMerchantKey", Class::Change),
    ("rotateMerchantKey", Class::Change),
    ("revokeMerchantKey", Class::Change),
    ("settleMerchant", Class::Pay),
    ("resolveDifference", Class::Change),
    ("getPaymentReceipt", Class::Statement),
    ("getStatement", Class::Statement),
    ("getStatementAsStaff", Class::Statement),
    ("exportEvents", Class::Statement),
    ("getMerchantStatement", Class::Statement),
    ("getMerchantStatementAsStaff", Class::Statement),
    ("sendTransfer", Class::Pay),
    ("sendTransfers", Class::Pay),
    ("placeHold", Class::Pay),
    ("captureHold", Class::Pay),
    ("voidHold", Class::Change),
    ("deposit", Class::Pay),
    ("withdraw", Class::Pay),
    ("reverseTransfer", Class::Rare),
    ("freezeAccount", Class::Change),
    ("unfreezeAccount", Class::Change),
    ("closeAccount", Class::Change),
    ("setLimits", Class::Change),
    ("setOwnLimits", Class::Change),
    ("revealCustomer", Class::Reveal),
    ("lockCustomer", Class::Change),
    ("unlockCustomer", Class::Change),
    ("disableCustomer", Class::Change),
    ("enableCustomer", Class::Change),
    ("disableStaffMember", Class::Change),
    ("enableStaffMember", Class::Change),
    ("resetStaffMember", Class::Rare),
    ("changeStaffPassword", Class::Rare),
    ("beginStaffAuthenticator", Class::Rare),
    ("confirmStaffAuthenticator", Class::Rare),
    ("signOutCustomer", Class::Change),
    ("signOutStaffMember", Class::Change),
    ("signOutEverybody", Class::Rare),
    ("approveAct", Class::Pay),
    ("rejectAct", Class::Change),
    ("withdrawAct", Class::Change),
];

/// The class of a route. A changing route that is not named is held to a strict one until it is.
pub(in crate::http) fn class_of(route: &Route) -> Class {
    let named = ROUTES.iter().find(|(name, _)| *name == route.name).map(|(_, class)| *class);
    let reads = route.method == Method::GET;
    named.unwrap_or(match route.access {
        Access::Public(_) if reads => Class::Visit,
        Access::Public(_) => Class::SignIn,
        Access::Customer | Access::Merchant | Access::Staff(_) if reads => Class::Read,
        Access::Customer | Access::Merchant | Access::Staff(_) if route.method != Method::POST => {
            Class::Change
        }
        Access::Customer | Access::Merchant | Access::Staff(_) => Class::Rare,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes;

    #[test]
    fn every_route_has_a_class_and_every_name_a_route() {
        let routes = routes();
        let named: BTreeSet<_> = ROUTES.iter().map(|(name, _)| *name).collect();
        assert_eq!(named.len(), ROUTES.len(), "a route is named twice");
        let unnamed: Vec<_> = routes
            .table()
            .filter(|route| route.method == Method::POST)
            .map(|route| route.name)
            .filter(|name| !named.contains(name))
            .collect();
        assert!(unnamed.is_empty(), "give these a class in ROUTES: {unnamed:?}");
        let there: BTreeSet<_> = routes.table().map(|route| route.name).collect();
        let gone: Vec<_> = named.difference(&there).collect();
        assert!(gone.is_empty(), "no route has these names: {gone:?}");
    }

    #[test]
    fn a_class_counts_whom_its_routes_know() {
        for route in routes().table() {
            let public = matches!(route.access, Access::Public(_));
            let by_caller = route.class.rules().iter().any(|rule| rule.per == Per::Caller);
            assert!(!(public && by_caller), "{} has no caller to count", route.name);
            let probe = route.class == Class::Probe;
            assert!(public || by_caller, "{} counts no caller", route.name);
            assert!(!probe || route.method == Method::GET, "{} is no probe", route.name);
        }
    }

    #[test]
    fn moving_money_and_signing_in_fail_closed() {
        for class in Class::ALL {
            let closed = class.when_gone() == WhenGone::Closed;
            let guarded = class.space() == Space::Guarded;
            assert!(closed || !guarded, "{class:?}");
            assert_eq!(Class::ALL[usize::from(class as u8)], class);
        }
        assert_eq!(Class::Pay.when_gone(), WhenGone::Closed);
        assert_eq!(Class::Change.when_gone(), WhenGone::Here);
    }

    #[test]
    fn the_policy_is_said_in_structured_fields() {
        let said = |class: Class| class.policy().map(|value| value.to_str().unwrap());
        assert_eq!(said(Class::Probe), None);
        assert_eq!(said(Class::Pay), Some("\"caller\";q=100;w=60"));
        let sign_in = "\"address\";q=30;w=60, \"account\";q=10;w=60, \"all\";q=1200;w=60";
        assert_eq!(said(Class::SignIn), Some(sign_in));
    }
}
