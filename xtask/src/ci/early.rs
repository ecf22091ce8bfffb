//! The build that is shipped, begun before it is needed.
//!
//! Tests wait: for databases, for processes, for clocks. This build takes what they leave of the processors, and nothing
//! else. The step that needs it builds again, which waits for this one by cargo's own lock and then finds everything
//! done; what failed here is told there. Bound: it ends with the run at the latest.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::process::{append, stop};
use crate::smoke;
use crate::workspace::Workspace;

const NAME: &str = "early";
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct EarlyBuild<'r> {
    child: Child,
    group: i64,
    guard: &'r Guard,
}

impl<'r> EarlyBuild<'r> {
    pub(super) fn begin(workspace: &Workspace, guard: &'r Guard, log: &Path) -> Result<Self> {
        let child = smoke::build_command(workspace)
            .stdin(Stdio::null())
            .stdout(append(log)?)
            .stderr(append(log)?)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cargo does not start: {error}"))?;
        let leader = child.id().to_string();
        let early = Self { group: -i64::from(child.id()), child, guard };
        guard.note(NAME, "TERM", early.group)?;
        // Not a low priority but the class of what idles (`SCHED_IDLE`, sched(7)): under Linux 6.6 and later a task of low
        // priority runs its slice to the end before one that wakes up, and tests that talk to a server wake up all the time.
        let lowered = Command::new("chrt").args(["--idle", "-p", "0", &leader]).output();
        if !lowered.is_ok_and(|output| output.status.success()) {
            println!("the release build beside the tests has their priority: no chrt");
        }
        Ok(early)
    }
}

impl Drop for EarlyBuild<'_> {
    fn drop(&mut self) {
        if let Err(error) = stop(&mut self.child, "TERM", self.group, GRACE) {
            eprintln!("xtask: the early build: {error}");
        }
        self.guard.forget(NAME);
    }
}
