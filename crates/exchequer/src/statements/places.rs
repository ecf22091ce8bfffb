//! Places: how many statements are made at once, and how many large ones are in memory.
//!
//! Drawing up and rendering a statement takes up to seconds of a core and up to a hundred megabytes, and
//! a client may read it slowly. So a few are made at a time, off the threads that serve everybody, and
//! the bytes of a large one take a place until they are sent. Who finds no place is told `overloaded`.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::{Code, Problem};

/// With two cores, two to render and two that wait for the database.
static MAKING: Semaphore = Semaphore::const_new(4);
/// With 80 MB of the longest format each, 320 MB.
static LARGE: Semaphore = Semaphore::const_new(4);

/// An answer of more is a large one: some 5,000 entries.
pub const LARGE_BYTES: usize = 2 * 1024 * 1024;

const WAIT: Duration = Duration::from_secs(5);

pub type Making = SemaphorePermit<'static>;

/// Waits for a place to make a statement.
///
/// Errors: `overloaded`.
pub async fn making() -> Result<Making, Problem> {
    match tokio::time::timeout(WAIT, MAKING.acquire()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(full("too many statements at once")),
    }
}

/// The bytes of an answer. Of a large one they keep a place until they are dropped.
///
/// Errors: `overloaded`.
pub fn sending(bytes: Vec<u8>) -> Result<Bytes, Problem> {
    if bytes.len() <= LARGE_BYTES {
        return Ok(bytes.into());
    }
    let place = LARGE.try_acquire().map_err(|_| full("too many large statements at once"))?;
    Ok(Bytes::from_owner(Large { bytes, _place: place }))
}

struct Large {
    bytes: Vec<u8>,
    _place: SemaphorePermit<'static>,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn full(cause: &'static str) -> Problem {
    Problem::new(Code::Overloaded).cause(cause)
}
