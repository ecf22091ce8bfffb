//! The card vault that is a process of its own: where it is, and by what the two know each other.
//!
//! The files of its TLS are opened here, so that a pair that does not fit stops the start with all other faults.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use tls::Refusal;
use tls::peer::{Peer, PeerSettings};

use super::Profile;
use super::address::is_host;
use super::reading::{Reading, quoted};

/// For both sides.
#[derive(Clone)]
pub struct CardVault {
    pub place: VaultPlace,
    /// Numbers that the vault opens for all merchants together in any hour of the clock.
    pub reveals_per_hour: u32,
}

/// Where the vault listens, and who the other process is.
#[derive(Clone)]
pub enum VaultPlace {
    /// On this machine, two users.
    Socket { path: PathBuf, peer_uid: u32 },
    /// On another one, two certificates.
    Network { host: String, port: u16, tls: Arc<Peer> },
}

/// As ALPN names what is spoken; the version of frames counts apart.
pub const VAULT_PROTOCOL: &[u8] = b"exchequer-vault/1";

/// What a common name may have (RFC 5280, appendix A.1: ub-common-name).
const MAX_NAME_CHARACTERS: usize = 64;
const DEFAULT_REVEALS: u32 = 10_000_000;
const ADDRESS: &str = "card_vault_address";
const SOCKET: &str = "card_vault_socket";
/// What an address needs, and what each is.
const NEEDED: [(&str, &str); 4] = [
    ("card_vault_peer_name", "the common name in the other process's certificate"),
    ("card_vault_certificate_file", "a file of certificates in PEM, that of this process first"),
    ("card_vault_key_file", "the private key of card_vault_certificate_file"),
    ("card_vault_ca_file", "the authorities of the other process's certificate in PEM"),
];
const LISTS: &str = "card_vault_crl_file";

pub(super) fn read(reading: &mut Reading, profile: Profile) -> Option<CardVault> {
    let reveals_per_hour = reading.integer("card_vault_reveals_per_hour");
    let (is_near, is_far) = (reading.is_given(SOCKET), reading.is_given(ADDRESS));
    if !profile.stores_cards() && (is_near || is_far) {
        let wrong = format!("profile {} keeps no card numbers", profile.name());
        reading.fault(if is_near { SOCKET } else { ADDRESS }, wrong, "unset");
    }
    if is_near && is_far {
        let wrong = "given together with card_vault_socket: there is one vault";
        reading.fault(ADDRESS, wrong, "one of the two");
        return None;
    }
    let place = if is_far { read_network(reading) } else { read_socket(reading) };
    Some(CardVault { place: place?, reveals_per_hour })
}

fn read_socket(reading: &mut Reading) -> Option<VaultPlace> {
    for name in NEEDED.into_iter().map(|(name, _)| name).chain([LISTS]) {
        if reading.is_given(name) {
            let wrong = "given without card_vault_address, so that nothing speaks TLS with it";
            reading.fault(name, wrong, "with card_vault_address, or unset");
        }
    }
    let path = reading.path(SOCKET);
    let peer_uid = reading.optional_integer("card_vault_peer_uid");
    let path = path?;
    let peer_uid = peer_uid.and_then(|uid| u32::try_from(uid).ok()).or_else(own_uid);
    if peer_uid.is_none() {
        let wrong = "not given, and this process cannot tell its own";
        reading.fault("card_vault_peer_uid", wrong, "a user's number");
    }
    Some(VaultPlace::Socket { path, peer_uid: peer_uid? })
}

/// The user of this process: whose its entry in the system's table of processes is.
fn own_uid() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|own| own.uid())
}

fn read_network(reading: &mut Reading) -> Option<VaultPlace> {
    if reading.is_given("card_vault_peer_uid") {
        let wrong = "given with card_vault_address: users of another machine say nothing here";
        reading.fault("card_vault_peer_uid", wrong, "unset, or with card_vault_socket");
    }
    let text = reading.text(ADDRESS).unwrap_or_default();
    let address = split(&text);
    if address.is_none() {
        let allowed = "host:port, in lower case; [address]:port for version 6";
        reading.fault(ADDRESS, format!("{} is no address", quoted(&text)), allowed);
    }
    for (name, allowed) in NEEDED {
        if !reading.is_given(name) {
            let wrong = "not given, and both ends of card_vault_address show a certificate";
            reading.fault(name, wrong, allowed);
        }
    }
    let peer_name = reading.text("card_vault_peer_name");
    if let Some(name) = peer_name.as_ref().filter(|name| name.chars().count() > MAX_NAME_CHARACTERS)
    {
        let wrong = format!("{} is longer than a common name is", quoted(name));
        reading.fault("card_vault_peer_name", wrong, "1 to 64 characters");
    }
    let settings = PeerSettings {
        certificate_file: reading.path("card_vault_certificate_file")?,
        key_file: reading.path("card_vault_key_file")?,
        ca_file: reading.path("card_vault_ca_file")?,
        crl_file: reading.path(LISTS),
        peer_name: peer_name?,
        protocol: VAULT_PROTOCOL,
    };
    let tls = match Peer::open(settings) {
        Ok(peer) => Arc::new(peer),
        Err(refusal) => {
            let (name, allowed) = blamed(&refusal);
            reading.fault(name, refusal.to_string(), allowed);
            return None;
        }
    };
    let (host, port) = address?;
    Some(VaultPlace::Network { host, port, tls })
}

/// The host without brackets, and the port. Port 0 is for a vault that takes any and says which.
fn split(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let is_plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|_| is_plain)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    is_host(host).then(|| (bare.unwrap_or(host).to_owned(), port))
}

fn blamed(refusal: &Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::CertificateFile(_)
        | Refusal::NoCertificate
        | Refusal::Ended(_)
        | Refusal::Unusable(_) => (
            "card_vault_certificate_file",
            "a file of certificates in PEM, that of this process first",
        ),
        Refusal::KeyFile(_) | Refusal::NoKey | Refusal::Mismatch => (
            "card_vault_key_file",
            "the private key of card_vault_certificate_file in PEM, with mode 0640 or stricter",
        ),
        Refusal::AuthorityFile(_) | Refusal::NoAuthority => {
            ("card_vault_ca_file", "a file of certificates in PEM")
        }
        Refusal::ListFile(_)
        | Refusal::NoList
        | Refusal::ListEnded(_)
        | Refusal::ListUnusable(_) => {
            (LISTS, "a file of revocation lists in PEM, each with nextUpdate")
        }
    }
}

/// A setting of these in force.
pub(super) fn render(vault: Option<&CardVault>, name: &str) -> String {
    if name == "card_vault_reveals_per_hour" {
        return vault.map_or(DEFAULT_REVEALS, |vault| vault.reveals_per_hour).to_string();
    }
    match vault.map(|vault| &vault.place) {
        None => String::new(),
        Some(VaultPlace::Socket { path, peer_uid }) => match name {
            SOCKET => path.display().to_string(),
            "card_vault_peer_uid" => peer_uid.to_string(),
            _ => String::new(),
        },
        Some(place @ VaultPlace::Network { tls, .. }) => {
            let files = tls.settings();
            match name {
                SOCKET | "card_vault_peer_uid" => String::new(),
                ADDRESS => place.to_string(),
                "card_vault_peer_name" => files.peer_name.clone(),
                "card_vault_certificate_file" => files.certificate_file.display().to_string(),
                "card_vault_key_file" => files.key_file.display().to_string(),
                "card_vault_ca_file" => files.ca_file.display().to_string(),
                LISTS => {
                    files.crl_file.as_ref().map(|p| p.display().to_string()).unwrap_or_default()
                }
                name => unreachable!("{name} is no setting of the card vault"),
            }
        }
    }
}

impl std::fmt::Display for VaultPlace {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket { path, .. } => write!(out, "{}", path.display()),
            Self::Network { host, port, .. } if host.contains(':') => {
                write!(out, "[{host}]:{port}")
            }
            Self::Network { host, port, .. } => write!(out, "{host}:{port}"),
        }
    }
}

impl VaultPlace {
    /// The end of the TLS to there, where there is one.
    pub fn tls(&self) -> Option<&Arc<Peer>> {
        match self {
            Self::Socket { .. } => None,
            Self::Network { tls, .. } => Some(tls),
        }
    }
}
