//! The bank's side of a vault: connections to it, one question on each at a time.
//!
//! Bound: a question has [`WHOLE`] from the connection to the last byte of the answer; [`MOST_IDLE`] connections
//! wait for the next one, and none is asked on that was made [`LIFE`] ago, however often it was used: whoever answers
//! there proves itself anew. A connection that did anything else than answer is closed. A kept one that the vault
//! closed meanwhile is replaced once by a new one, and all are closed where an answer did not come in time; nothing else
//! is tried again here. Never here: a number in an error or a log.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::KeeperError;
use super::frames::{Ask, FrameError, MAX_FRAME, Reply};
use super::way::{LIFE, Stream, away, connect};
use crate::config::CardVault;

pub struct Client {
    vault: CardVault,
    idle: Mutex<Vec<Kept>>,
    /// [`LIFE`]; less in tests.
    pub(super) life: Duration,
    /// The vault's version for which every number was sealed anew, as far as this process knows.
    resealed: AtomicU32,
}

/// A connection that waits for the next question, and when it was made.
struct Kept {
    stream: Stream,
    made: Instant,
}

const WHOLE: Duration = Duration::from_secs(3);
/// So that many nodes together leave places of a vault to each other.
const MOST_IDLE: usize = 16;

impl Client {
    pub fn new(vault: CardVault) -> Self {
        Self { vault, idle: Mutex::default(), life: LIFE, resealed: AtomicU32::new(0) }
    }

    pub(super) fn is_resealed(&self, version: u32) -> bool {
        self.resealed.load(Ordering::Relaxed) == version
    }

    pub(super) fn note_resealed(&self, version: u32) {
        self.resealed.store(version, Ordering::Relaxed);
    }

    pub(super) fn is_far(&self) -> bool {
        self.vault.place.tls().is_some()
    }

    /// One question and its answer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Reply, KeeperError> {
        let frame = ask.frame();
        match tokio::time::timeout(WHOLE, self.ask_frame(&frame)).await {
            Ok(reply) => reply,
            Err(_elapsed) => {
                // A network may lose connections without a word, and then all that were made by then.
                self.idle().clear();
                Err(KeeperError::Away("no answer in time"))
            }
        }
    }

    async fn ask_frame(&self, frame: &[u8]) -> Result<Reply, KeeperError> {
        if let Some(Kept { stream, made }) = self.take_kept() {
            match exchange(stream, frame).await {
                Ok((stream, answer)) => return self.read(Kept { stream, made }, &answer),
                // The vault was started anew since; what it was asked then it has not answered.
                Err(error) if is_closed(&error) => {}
                Err(error) => return Err(away(&error)),
            }
        }
        let made = Instant::now();
        let stream = connect(&self.vault.place).await?;
        let (stream, answer) = exchange(stream, frame).await.map_err(|error| away(&error))?;
        self.read(Kept { stream, made }, &answer)
    }

    /// The connection that was used last; those that have had their life are closed.
    fn take_kept(&self) -> Option<Kept> {
        let mut idle = self.idle();
        idle.retain(|kept| kept.made.elapsed() < self.life);
        idle.pop()
    }

    fn read(&self, kept: Kept, answer: &[u8]) -> Result<Reply, KeeperError> {
        let reply = Reply::read(answer).map_err(|error| match error {
            FrameError::Version => KeeperError::Version,
            FrameError::Malformed => KeeperError::Refused("its answer cannot be read"),
        })?;
        let mut idle = self.idle();
        if idle.len() < MOST_IDLE {
            idle.push(kept);
        }
        Ok(reply)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        // A list of connections is whole whenever the lock is given back.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a frame and reads one; gives the connection back with it.
async fn exchange(mut stream: Stream, frame: &[u8]) -> io::Result<(Stream, Zeroizing<Vec<u8>>)> {
    stream.write_all(frame).await?;
    stream.flush().await?;
    let first = stream.read_u8().await?;
    let answer = rest_of_frame(first, &mut stream).await?;
    Ok((stream, answer))
}

/// What follows a length, of which the first byte was read.
pub(super) async fn rest_of_frame(
    first: u8,
    stream: &mut Stream,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut rest = [0; 3];
    stream.read_exact(&mut rest).await?;
    let [second, third, fourth] = rest;
    let length = u32::from_be_bytes([first, second, third, fourth]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 || length > MAX_FRAME {
        return Err(io::Error::from(ErrorKind::InvalidData));
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}
