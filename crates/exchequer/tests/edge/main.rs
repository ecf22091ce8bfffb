//! The edge: the bank's own TLS, proxies before it, what a route does not declare.

mod declared;
mod proxies;
mod tls;
