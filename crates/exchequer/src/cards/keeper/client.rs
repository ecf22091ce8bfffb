//! The bank's side of a vault: connections to its socket, one question on each at a time.
//!
//! Bound: a question has [`WHOLE`] from the connection to the last byte of the answer; [`MOST_IDLE`] connections
//! wait for the next one. A connection that did anything else than answer is closed. A kept one that the vault
//! closed meanwhile is replaced once by a new one; nothing else is tried again here. Never here: a number in an
//! error or a log.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::KeeperError;
use super::frames::{Ask, FrameError, MAX_FRAME, Reply};
use crate::config::CardVault;

pub struct Client {
    vault: CardVault,
    idle: Mutex<Vec<UnixStream>>,
    /// The vault's version for which every number was sealed anew, as far as this process knows.
    resealed: AtomicU32,
}

const WHOLE: Duration = Duration::from_secs(3);
const MOST_IDLE: usize = 64;

impl Client {
    pub fn new(vault: CardVault) -> Self {
        Self { vault, idle: Mutex::default(), resealed: AtomicU32::new(0) }
    }

    pub(super) fn is_resealed(&self, version: u32) -> bool {
        self.resealed.load(Ordering::Relaxed) == version
    }

    pub(super) fn note_resealed(&self, version: u32) {
        self.resealed.store(version, Ordering::Relaxed);
    }

    /// One question and its answer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Reply, KeeperError> {
        let frame = ask.frame();
        match tokio::time::timeout(WHOLE, self.ask_frame(&frame)).await {
            Ok(reply) => reply,
            Err(_elapsed) => Err(KeeperError::Away("no answer in time")),
        }
    }

    async fn ask_frame(&self, frame: &[u8]) -> Result<Reply, KeeperError> {
        let kept = self.idle().pop();
        if let Some(stream) = kept {
            match exchange(stream, frame).await {
                Ok((stream, answer)) => return self.read(stream, &answer),
                // The vault was started anew since; what it was asked then it has not answered.
                Err(error) if is_closed(&error) => {}
                Err(error) => return Err(away(&error)),
            }
        }
        let stream = self.connect().await?;
        let (stream, answer) = exchange(stream, frame).await.map_err(|error| away(&error))?;
        self.read(stream, &answer)
    }

    async fn connect(&self) -> Result<UnixStream, KeeperError> {
        let stream = UnixStream::connect(&self.vault.socket).await.map_err(|error| away(&error))?;
        let uid = stream.peer_cred().map_err(|error| away(&error))?.uid();
        if uid == self.vault.peer_uid { Ok(stream) } else { Err(KeeperError::Impostor { uid }) }
    }

    fn read(&self, stream: UnixStream, answer: &[u8]) -> Result<Reply, KeeperError> {
        let reply = Reply::read(answer).map_err(|error| match error {
            FrameError::Version => KeeperError::Version,
            FrameError::Malformed => KeeperError::Refused("its answer cannot be read"),
        })?;
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(stream);
        }
        Ok(reply)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<UnixStream>> {
        // A list of connections is whole whenever the lock is given back.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a frame and reads one; gives the connection back with it.
async fn exchange(
    mut stream: UnixStream,
    frame: &[u8],
) -> io::Result<(UnixStream, Zeroizing<Vec<u8>>)> {
    stream.write_all(frame).await?;
    let answer = read_frame(&mut stream).await?;
    let answer = answer.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
    Ok((stream, answer))
}

/// What follows a length; none where the other side has closed before one.
pub(super) async fn read_frame(stream: &mut UnixStream) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let length = match stream.read_u32().await {
        Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length == 0 || length > MAX_FRAME {
        return Err(io::Error::from(ErrorKind::InvalidData));
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame))
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}

/// The system's words for it, without the path.
fn away(error: &io::Error) -> KeeperError {
    KeeperError::Away(match error.kind() {
        ErrorKind::NotFound => "there is no socket",
        ErrorKind::ConnectionRefused => "nobody listens at the socket",
        ErrorKind::PermissionDenied => "the socket is not for this user",
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
            "the connection broke"
        }
        ErrorKind::InvalidData => "its answer has no length that may be",
        _ => "the connection failed",
    })
}
