//! The customers' door and the operators': which host, and which networks, lead to what.
//!
//! Order: before a route is looked for, so that nothing of the console is there for whoever comes to the wrong door,
//! limits and refusals included. Paths decide, as the router reads them; a test goes through all routes and pages. Cost:
//! nothing where neither setting is given, else a comparison of the host, and of the address with each network. What it
//! never does: let anybody in. Whoever is at the right door shows all that they have to show.

use std::net::IpAddr;

use http::{Request, header};

use super::limits;
use crate::config::{Config, Network};

/// The two settings, as requests are compared with them.
pub(super) struct Doors {
    /// In lower case, without a default port.
    console: Option<String>,
    networks: Vec<Network>,
    proxies: u8,
}

/// Whose a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Operators,
    Customers,
    /// What both need: files and reports of the pages, probes, the reference, the second half of a sign-in.
    Hall,
}

/// Beginnings of the operators' paths; each is a path as well.
const OPERATORS: [&str; 2] = ["/console", "/v1/staff"];
const HALL: [&str; 9] = [
    "/assets",
    "/docs",
    "/healthz",
    "/openapi.json",
    "/readyz",
    "/v1/auth/challenges",
    "/v1/auth/refresh",
    "/v1/csp_reports",
    "/v1/web/session/challenges",
];
const DEFAULT_PORTS: [&str; 2] = [":443", ":80"];

impl Doors {
    pub fn of(config: &Config) -> Self {
        Self {
            console: config.console.authority().map(plain),
            networks: config.console.networks.clone(),
            proxies: config.http.trusted_proxies,
        }
    }

    /// Whether what a request asks for is behind the door that it came to.
    pub fn open<B>(&self, request: &Request<B>, peer: &str) -> bool {
        if self.console.is_none() && self.networks.is_empty() {
            return true;
        }
        let here = host(request);
        let at_console = self.console.as_ref().map(|console| here.as_ref() == Some(console));
        match room(request.uri().path()) {
            Room::Operators => at_console != Some(false) && self.is_inside(request, peer),
            Room::Customers => at_console != Some(true),
            Room::Hall => true,
        }
    }

    /// An address that cannot be read is in no network.
    fn is_inside<B>(&self, request: &Request<B>, peer: &str) -> bool {
        if self.networks.is_empty() {
            return true;
        }
        let address = limits::client(peer, request.headers(), self.proxies);
        let address: Option<IpAddr> = address.parse().ok();
        address.is_some_and(|address| self.networks.iter().any(|net| net.contains(address)))
    }
}

fn room(path: &str) -> Room {
    let below = |beginning: &str| {
        path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if OPERATORS.iter().any(|beginning| below(beginning)) {
        Room::Operators
    } else if HALL.iter().any(|beginning| below(beginning)) {
        Room::Hall
    } else {
        Room::Customers
    }
}

/// The host that was asked for: the target's (RFC 9112 §3.2.2, RFC 9113 §8.3.1), else the only `Host`. Two are none.
fn host<B>(request: &Request<B>) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(plain(authority.as_str()));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().map(plain),
        _ => None,
    }
}

fn plain(authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let bare = DEFAULT_PORTS.iter().find_map(|port| authority.strip_suffix(port));
    bare.map_or_else(|| authority.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes;
    use crate::http::routes::Access;

    /// A route that is added stands behind the right door.
    #[test]
    fn every_route_and_page_is_in_the_room_of_who_may_call_it() {
        for route in routes().table() {
            let found = room(route.path);
            let is_of_operators = matches!(route.access, Access::Staff(_));
            let is_sign_in = route.path.starts_with("/v1/staff/login");
            assert_eq!(found == Room::Operators, is_of_operators || is_sign_in, "{}", route.path);
            let is_public = matches!(route.access, Access::Public(_));
            assert!(found != Room::Hall || is_public, "{}", route.path);
        }
        for (_, path, access) in web::pages() {
            let found = room(path);
            assert!(access != "operator" || found == Room::Operators, "{path}");
            assert!(access != "customer" || found == Room::Customers, "{path}");
            assert_eq!(path.starts_with("/console"), found == Room::Operators, "{path}");
        }
    }

    #[test]
    fn a_path_that_only_looks_like_an_operators_is_none() {
        for path in
            ["/consoles", "/v1/staffing", "/V1/staff/me", "//console", "/%63onsole", "/x/console"]
        {
            assert_eq!(room(path), Room::Customers, "{path}");
        }
        for path in ["/console", "/console/", "/console/x/y", "/v1/staff/me", "/v1/staff/"] {
            assert_eq!(room(path), Room::Operators, "{path}");
        }
    }
}
