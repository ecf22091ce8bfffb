//! A server beside the bank: noted in the guard, killed or stopped by its own id, and waited for.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use std::os::unix::process::CommandExt;

use crate::Result;
use crate::guard::Guard;
use crate::process::{append, send, stop, wait_at_most};

/// A bank drains for 20 seconds; nothing else here takes as long.
const STOP_GRACE: Duration = Duration::from_secs(40);

pub struct Running<'guard> {
    child: Child,
    name: String,
    guard: &'guard Guard,
}

impl<'guard> Running<'guard> {
    /// In a process group of its own; its standard error goes to `log`, its standard output where `command` says.
    pub fn start(
        command: &mut Command,
        name: &str,
        guard: &'guard Guard,
        log: &Path,
    ) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stderr(append(log)?)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        guard.note(name, "TERM", i64::from(child.id()))?;
        Ok(Self { child, name: name.to_owned(), guard })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        Ok(wait_at_most(&mut self.child, Duration::ZERO)?.is_none())
    }

    /// SIGKILL, and its end.
    pub fn kill(&mut self) -> Result<()> {
        if self.runs()? {
            send("KILL", i64::from(self.child.id()))?;
            self.child.wait().map_err(|error| format!("{}: {error}", self.name))?;
        }
        self.guard.forget(&self.name);
        Ok(())
    }

    /// SIGTERM, and its end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let process = i64::from(self.child.id());
        let status = stop(&mut self.child, "TERM", process, STOP_GRACE)?;
        self.guard.forget(&self.name);
        Ok(status)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.terminate() {
            eprintln!("xtask: {}: {error}", self.name);
        }
    }
}
