//! The log as a test sees it: what would have gone to standard error, kept in memory.
//!
//! For one thread by [`Capture::set_default`], for a whole test process, with the threads of its
//! stores, by [`Capture::process_wide`]; tests that run side by side share that one, and each looks
//! from its own [`Mark`] on.

use super::{InstallError, dispatch};
use crate::config::{Log, LogFormat};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Lines kept in memory; clones share them.
#[derive(Clone, Default)]
pub struct Capture {
    kept: Arc<Mutex<Kept>>,
}

/// A place in the log, to look from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    full: bool,
}

/// A test process that logs more than this has a fault of another kind.
const MAX_BYTES: usize = 256 << 20;

impl Capture {
    pub fn new() -> Self {
        Self::default()
    }

    /// Captures the events of this thread until the guard is dropped.
    pub fn set_default(&self, log: &Log) -> Result<DefaultGuard, InstallError> {
        Ok(tracing::dispatcher::set_default(&dispatch(log, self.clone())?))
    }

    /// Captures the events of the process, all levels, as JSON; the same capture for every call.
    /// Fails when something else is the process's subscriber.
    pub fn process_wide() -> Result<&'static Self, InstallError> {
        static PROCESS: OnceLock<Result<Capture, InstallError>> = OnceLock::new();
        let installed = PROCESS.get_or_init(|| {
            let capture = Self::new();
            let log = Log { filter: "trace".to_owned(), format: LogFormat::Json };
            tracing::dispatcher::set_global_default(dispatch(&log, capture.clone())?)
                .map_err(|_already| InstallError::AlreadyInstalled)?;
            Ok(capture)
        });
        match installed {
            Ok(capture) => Ok(capture),
            Err(_already) => Err(InstallError::AlreadyInstalled),
        }
    }

    /// The end of the log as it is now.
    pub fn mark(&self) -> Mark {
        Mark(self.kept().bytes.len())
    }

    /// Everything kept since a mark.
    pub fn text_since(&self, mark: Mark) -> String {
        String::from_utf8_lossy(self.kept().bytes.get(mark.0..).unwrap_or_default()).into_owned()
    }

    /// Everything kept.
    pub fn text(&self) -> String {
        self.text_since(Mark(0))
    }

    /// The first line since a mark that holds a text which must not be there. A capture that had to
    /// drop lines cannot say that nothing leaked, and says so instead of a line.
    pub fn line_with(&self, mark: Mark, secret: &str) -> Option<String> {
        if self.kept().full {
            return Some(format!("the capture is full at {MAX_BYTES} bytes"));
        }
        let text = self.text_since(mark);
        let holds = |line: &&str| line.contains(secret) && without_counters(line).contains(secret);
        text.lines().find(holds).map(str::to_owned)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A test that panicked while it held the lock leaves the lines as good as they were.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line without its time and its request's id, in which any code of six digits stands once in a while.
fn without_counters(line: &str) -> String {
    let mut line = line.to_owned();
    for (field, length) in [(r#""timestamp":""#, 27), (r#""request_id":"req_"#, 26)] {
        if let Some(start) = line.find(field).map(|at| at + field.len()) {
            let end = start + length;
            if line.get(start..end).is_some() {
                line.replace_range(start..end, "");
            }
        }
    }
    line
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Capture {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut kept = self.kept();
        if kept.bytes.len() + line.len() > MAX_BYTES {
            kept.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        kept.bytes.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
