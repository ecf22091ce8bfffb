//! The edge: the bank's own TLS, proxies before it, what a route does not declare.

mod collection;
mod container;
mod declared;
mod fields;
mod firewall;
mod haproxy;
mod health;
mod logs;
mod memos;
mod nginx;
mod proxies;
mod tls;
