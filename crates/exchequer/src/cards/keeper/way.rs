//! The way between the bank and its vault: a socket of this machine between two users, or TLS between two machines of
//! which each shows a certificate.
//!
//! Order at the vault: a connection is taken, then it is found out who has come, by the system's word for the user or by a
//! handshake ([`tls::peer`]), and only then is a question read. Who is known and not the one is told so and recorded,
//! who proves nothing stands in the log alone, and of both so much and no more is told ([`super::refusals`]): any machine
//! on the way there can call as often as it likes.
//! Bound: a handshake has [`tls::client::HANDSHAKE_LIMIT`], and a connection [`LIFE`] on both sides; how many there are at a
//! time stands in `server` and `client`.
//!
//! What it never does: speak over a network without TLS, or with anybody whom the settings do not name.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tls::client::Unproven;
use tls::peer::{Peer, Whose, is_refusal};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::KeeperError;
use crate::config::VaultPlace;

/// Bytes to the other process and back, whichever way.
pub(super) type Stream = Box<dyn Wire>;

pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where the vault is called.
pub(super) enum Listener {
    Socket { listener: UnixListener, path: PathBuf, peer_uid: u32 },
    Network { listener: TcpListener, tls: Arc<Peer> },
}

/// Somebody of whom it is not known yet who it is.
pub(super) enum Caller {
    OfThisMachine { stream: UnixStream, peer_uid: u32 },
    OfAnother { stream: TcpStream, address: SocketAddr, tls: Arc<Peer> },
}

/// Who has come.
pub(super) enum Met {
    ThePeer(Stream),
    /// Somebody else, by what it is told from others, and what is recorded of it.
    Stranger {
        stream: Stream,
        name: String,
        who: Value,
    },
    /// Who does not prove who it is, whence and why not.
    Nobody {
        whence: String,
        cause: String,
    },
}

/// Of a connection, on both sides: who is at the other end was looked at when it was made. A certificate that has ended
/// or was taken back since opens nothing, and is told nothing, for longer.
pub(super) const LIFE: Duration = Duration::from_hours(1);

/// So much of a stranger's name is recorded: a common name is no longer (RFC 5280, appendix A.1).
const MOST_NAME: usize = 64;

/// The bank's way to the vault.
pub(super) async fn connect(place: &VaultPlace) -> Result<Stream, KeeperError> {
    match place {
        VaultPlace::Socket { path, peer_uid } => {
            let stream = UnixStream::connect(path).await.map_err(|error| away(&error))?;
            let uid = stream.peer_cred().map_err(|error| away(&error))?.uid();
            if uid == *peer_uid { Ok(Box::new(stream)) } else { Err(KeeperError::Impostor { uid }) }
        }
        VaultPlace::Network { host, port, tls } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await;
            let stream = stream.map_err(|error| away(&error))?;
            stream.set_nodelay(true).map_err(|error| away(&error))?;
            match tls.connect(host, stream).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(Unproven::Silent | Unproven::Broken(_)) => {
                    Err(KeeperError::Away("it ended in the handshake"))
                }
                Err(other) => Err(KeeperError::Unproven(other)),
            }
        }
    }
}

/// The system's words for it, without the path.
pub(super) fn away(error: &io::Error) -> KeeperError {
    if is_refusal(error) {
        return KeeperError::Stranger;
    }
    KeeperError::Away(match error.kind() {
        ErrorKind::NotFound => "there is no socket",
        ErrorKind::ConnectionRefused => "nobody listens there",
        ErrorKind::PermissionDenied => "the socket is not for this user",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no way leads there",
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            "the connection broke"
        }
        ErrorKind::InvalidData => "its answer has no length that may be",
        _ => "the connection failed",
    })
}

impl Listener {
    /// Takes the place of the configuration. A socket has mode 0600, or 0660 where the other process is another
    /// user's, and one that nobody listens at is replaced.
    pub async fn bind(place: &VaultPlace) -> io::Result<Self> {
        match place {
            VaultPlace::Socket { path, peer_uid } => {
                let listener = bind_socket(path, *peer_uid).await?;
                Ok(Self::Socket { listener, path: path.clone(), peer_uid: *peer_uid })
            }
            VaultPlace::Network { host, port, tls } => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                Ok(Self::Network { listener, tls: Arc::clone(tls) })
            }
        }
    }

    /// Where it is in fact.
    pub fn address(&self) -> io::Result<String> {
        Ok(match self {
            Self::Socket { path, .. } => path.display().to_string(),
            Self::Network { listener, .. } => listener.local_addr()?.to_string(),
        })
    }

    pub async fn accept(&self) -> io::Result<Caller> {
        match self {
            Self::Socket { listener, peer_uid, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Caller::OfThisMachine { stream, peer_uid: *peer_uid })
            }
            Self::Network { listener, tls } => {
                let (stream, address) = listener.accept().await?;
                Ok(Caller::OfAnother { stream, address, tls: Arc::clone(tls) })
            }
        }
    }

    /// Leaves nothing behind.
    pub fn close(self) {
        match self {
            Self::Socket { path, .. } => {
                if let Err(error) = fs::remove_file(path) {
                    tracing::warn!(%error, "the socket was not removed");
                }
            }
            Self::Network { .. } => {}
        }
    }
}

impl Caller {
    /// Finds out who it is.
    pub async fn meet(self) -> Met {
        match self {
            Self::OfThisMachine { stream, peer_uid } => match stream.peer_cred() {
                Ok(peer) if peer.uid() == peer_uid => Met::ThePeer(Box::new(stream)),
                Ok(peer) => Met::Stranger {
                    stream: Box::new(stream),
                    name: format!("user {}", peer.uid()),
                    who: json!({ "uid": peer.uid() }),
                },
                Err(error) => {
                    Met::Nobody { whence: "the socket".to_owned(), cause: error.to_string() }
                }
            },
            Self::OfAnother { stream, address, tls } => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was not set");
                }
                match tls.accept(stream).await {
                    Ok((stream, Whose::ThePeers)) => Met::ThePeer(Box::new(stream)),
                    Ok((stream, Whose::Anothers(name))) => {
                        let name: String = name.chars().take(MOST_NAME).collect();
                        let who = json!({ "name": name, "address": address.ip() });
                        Met::Stranger { stream: Box::new(stream), name, who }
                    }
                    Err(cause) => {
                        Met::Nobody { whence: address.to_string(), cause: cause.to_string() }
                    }
                }
            }
        }
    }
}

async fn bind_socket(path: &Path, peer_uid: u32) -> io::Result<UnixListener> {
    check_folder(path)?;
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::other("another process listens there"));
        }
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    let is_own = fs::metadata(path)?.uid() == peer_uid;
    let mode = if is_own { 0o600 } else { 0o660 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// A folder that anybody may write to is one in which anybody may put another socket.
fn check_folder(socket: &Path) -> io::Result<()> {
    let folder = socket.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    if fs::metadata(&folder)?.permissions().mode() & 0o002 == 0 {
        return Ok(());
    }
    Err(io::Error::other("its folder can be written to by anybody"))
}
