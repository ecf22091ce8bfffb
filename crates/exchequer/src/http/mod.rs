//! The edge: connections, routes, callers, strict input, problems, idempotency.
//!
//! A request goes: connection (`server`) → route (`service`) → `dispatch` (request id, body, caller, permission,
//! key, handler, panic net, headers) → the domain's `api.rs`. What it never does: decide about money.

mod begun;
mod body;
pub mod callers;
pub mod codes;
pub mod cors;
mod credentials;
mod declared;
mod dispatch;
pub mod docs;
mod doors;
pub mod fields;
mod guards;
pub mod input;
pub mod limits;
mod merchant;
pub(crate) mod object;
pub(crate) mod once;
pub mod openapi;
mod patience;
pub mod problem;
pub mod reply;
pub mod routes;
pub mod server;
mod service;
mod step_up;
pub mod system;
pub mod violations;

pub(crate) use begun::Begun;
pub use callers::{Context, Customer, Public, Staff};
pub use codes::Code;
pub use input::{Json, Nothing, Path, Query};
pub use merchant::{Merchant, Unproven};
pub use problem::{FieldProblem, Problem};
pub use reply::{Answer, Empty, Page, Reply};
pub use routes::{Route, Routes};
pub use service::{Peer, Service};
pub use step_up::StepUp;

use std::sync::LazyLock;

use crate::bank::Bank;

/// Every route of the bank, in the order of the reference.
pub fn routes() -> Routes {
    let routes = Routes::default();
    let routes = system::routes(routes);
    let routes = violations::routes(routes);
    let routes = crate::customers::api::routes(routes);
    let routes = crate::confirmations::api::routes(routes);
    let routes = crate::sessions::api::routes(routes);
    let routes = crate::factors::api::routes(routes);
    let routes = crate::passwords::api::routes(routes);
    let routes = crate::outbox::api::routes(routes);
    let routes = crate::events::api::routes(routes);
    let routes = crate::accounts::api::routes(routes);
    let routes = crate::statements::api::routes(routes);
    let routes = crate::history::api::routes(routes);
    let routes = crate::transfers::api::routes(routes);
    let routes = crate::evidence::api::routes(routes);
    let routes = crate::holds::api::routes(routes);
    let routes = crate::beneficiaries::api::routes(routes);
    let routes = crate::protections::api::routes(routes);
    let routes = crate::alerts::api::routes(routes);
    let routes = crate::cards::api::routes(routes);
    let routes = crate::payments::api::routes(routes);
    let routes = crate::webhooks::api::routes(routes);
    let routes = crate::staff::api::routes(routes);
    let routes = crate::merchants::api::routes(routes);
    let routes = crate::reconciliation::api::routes(routes);
    let routes = crate::jobs::api::routes(routes);
    let routes = crate::health::api::routes(routes);
    let routes = crate::figures::api::routes(routes);
    let routes = crate::keys::api::routes(routes);
    crate::approvals::api::routes(routes)
}

/// The names of all routes, by their number.
pub fn route_names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| routes().table().map(|route| route.name.to_owned()).collect());
    &NAMES
}

/// The whole service, ready for a connection or an in-process test.
pub fn service(bank: &Bank) -> Service {
    routes().into_service(bank)
}
