//! The parts of the reference, in its order. A path belongs to the first part that has its beginning.

use utoipa::openapi::tag::TagBuilder;

use crate::http::routes::{Route, Routes};

/// A part of the reference.
#[derive(Debug, PartialEq, Eq)]
pub struct Tag {
    /// The anchor on the page: lower case and dashes.
    pub anchor: &'static str,
    /// Its name in the document.
    pub title: &'static str,
    pub description: &'static str,
    /// Beginnings of paths.
    paths: &'static [&'static str],
}

pub const TAGS: &[Tag] = &[
    Tag {
        anchor: "customers",
        title: "Customers",
        description: "A person who keeps money in the bank.",
        paths: &["/v1/customers", "/v1/me"],
    },
    Tag {
        anchor: "sign-in",
        title: "Sign-in and sessions",
        description: "From a password to an access token, and back. An access token is short; a \
                      refresh token serves once and gives a new pair. A used refresh token that \
                      returns ends its session.",
        paths: &[
            "/v1/auth",
            "/v1/sessions",
            "/v1/factors",
            "/v1/password",
            "/v1/web/session",
            "/.well-known/",
        ],
    },
    Tag {
        anchor: "accounts",
        title: "Accounts",
        description: "Money of one currency. `posted` is what the books say, `held` what is reserved, \
                      `available` what can leave.",
        paths: &["/v1/accounts"],
    },
    Tag {
        anchor: "transfers",
        title: "Transfers",
        description: "Money from one account to another, at once and for good. Many at once go as a \
                      batch.",
        paths: &["/v1/transfers"],
    },
    Tag {
        anchor: "log",
        title: "The log",
        description: "Every event and every transfer is a leaf of one Merkle log (RFC 6962) whose state the bank signs: \
                      whoever keeps a checkpoint can be shown that the log only grew.",
        paths: &["/v1/log"],
    },
    Tag {
        anchor: "holds",
        title: "Holds",
        description: "Money reserved now and moved later, in part or whole, or not at all.",
        paths: &["/v1/holds"],
    },
    Tag {
        anchor: "protections",
        title: "Payees and protections",
        description: "Whom a customer pays, how much may leave, the switch that stops all of it, and \
                      messages about payments. What makes it looser needs a second factor.",
        paths: &["/v1/beneficiaries", "/v1/payees", "/v1/limits", "/v1/protections", "/v1/alerts"],
    },
    Tag {
        anchor: "merchants",
        title: "Cards and payments",
        description: "What merchants do, by signed requests: keep cards, take money from them, give it back. \
                      Test and live do not meet.",
        paths: &["/v1/cards", "/v1/payments", "/v1/gateways", "/v1/merchant"],
    },
    Tag {
        anchor: "events",
        title: "Events and webhooks",
        description: "What has happened to a merchant's payments and refunds: a gapless sequence to read, and \
                      the same sent to endpoints, signed as Standard Webhooks.",
        paths: &["/v1/events", "/v1/webhook_endpoints"],
    },
    Tag {
        anchor: "operators",
        title: "Operators",
        description: "What the bank's own people do. Each route needs a permission; roles have them.",
        paths: &["/v1/staff"],
    },
    Tag {
        anchor: "demo",
        title: "Demo",
        description: "What only a demo bank has.",
        paths: &["/demo/"],
    },
    Tag {
        anchor: "system",
        title: "System",
        description: "Probes and this reference.",
        paths: &["/"],
    },
];

impl Tag {
    /// Whether a path of the table belongs to it.
    pub fn is_used(&self, routes: &Routes) -> bool {
        routes.table().any(|route| tag_of(route) == self)
    }

    pub(super) fn described(&self) -> utoipa::openapi::tag::Tag {
        TagBuilder::new().name(self.title).description(Some(self.description)).build()
    }
}

/// The part a route belongs to.
pub fn tag_of(route: &Route) -> &'static Tag {
    // Whole segments: `/v1/merchant` is no part of `/v1/me`.
    let is_below = |path: &str| {
        let rest = route.path.strip_prefix(path);
        rest.is_some_and(|rest| path.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    };
    let begins = |tag: &&Tag| tag.paths.iter().any(|path| is_below(path));
    // The last part begins with `/`, as every path does.
    TAGS.iter().find(begins).unwrap_or(&TAGS[TAGS.len() - 1])
}
