//! TLS for the bank's listener: certificate and key from files, taken up anew when the files change; and for
//! connections that the bank opens itself ([`client`]), or with another process of ours, of which each proves itself
//! to the other ([`peer`]).
//!
//! Order of an opening and of each later look ([`Server`]): files, bounded; certificates and key parsed; key and
//! certificate belong together; then one whole new configuration, or a refusal and the old one. Cost of a look at
//! files that did not change: reading and hashing a few KiB. Protocols are TLS 1.3 and, where the settings ask for it,
//! 1.2 with forward secrecy and AEAD only (RFC 9325 §4.2); rustls has no others.
//!
//! What it never does: speak HTTP, take early data (RFC 8446 §8: it can be replayed), keep a key in memory that is not
//! in force, or say anything of a key but that it does not fit.

mod certificate;
pub mod client;
mod der;
mod files;
mod list;
mod own;
pub mod peer;
pub mod probe;
mod server;
pub mod trial;

pub use certificate::{Certificate, ClientCertificate};
pub use files::{Refusal, cryptography};
pub use list::ListTimes;
pub use own::{OwnFiles, OwnPem, refused_by_server};
pub use server::{InForce, Inside, Look, Looks, Server, Settings, Version};
pub use tokio_rustls::TlsAcceptor;
