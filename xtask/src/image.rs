//! The image of `deploy/Containerfile`: linted, built, and run as an operator runs it.
//!
//! Order: hadolint, where it can be had; the image, whole where the registry can be reached, else its last
//! stage over the program that was built outside; its size; then a bank in it with a read-only root, no capability and
//! nobody's account: `migrate`, `serve`, health, no shell, SIGTERM, exit 0. Bound: each wait has its limit below, the size
//! [`MAX_BYTES`]. Images, containers and their bank live in the guard's folder; nothing of this machine's own is touched.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, id};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::guard::Guard;
use crate::postgres::free_port;
use crate::postgres::programs::{in_path, install_where_allowed, is_root};
use crate::process::{now, run_logged};
use crate::smoke::{ask, succeed};
use crate::workspace::Workspace;

/// What an operator is promised (docs/edge.md).
const MAX_BYTES: u64 = 60_000_000;

const PROGRAMS: [&str; 3] = ["buildah", "podman", "runc"];
/// What the first stage is built in.
const BASE: &str = "docker.io/library/rust:1.95-bookworm";
const IMAGE: &str = "exchequer-trial";
/// As `USER` of the Containerfile.
const ACCOUNT: &str = "10001:10001";

/// Both stages: a release build from nothing.
const BUILD_LIMIT: Duration = Duration::from_mins(40);
const PULL_LIMIT: Duration = Duration::from_mins(10);
const COMMAND_LIMIT: Duration = Duration::from_mins(3);
const READY_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// Why no image can be built here.
pub fn obstacle() -> Result<Option<&'static str>> {
    if !is_root()? {
        return Ok(Some("images are built and run as root only"));
    }
    let missing = || !PROGRAMS.into_iter().all(in_path);
    if missing() && install_where_allowed(&PROGRAMS).is_err() {
        return Ok(Some("buildah, podman and runc cannot be installed"));
    }
    Ok(missing().then_some("buildah, podman and runc are not installed"))
}

/// `cargo xtask image --binary PATH`: with a program that is there already.
pub fn with_binary(path: &str) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let binary = fs::canonicalize(path).map_err(|error| told(Path::new(path), &error))?;
    if let Some(reason) = obstacle()? {
        return Err(reason.to_owned());
    }
    let guard = Guard::new("image")?;
    let log = workspace.target.join("xtask-image.log");
    fs::write(&log, "").map_err(|error| told(&log, &error))?;
    let done = run(&workspace, &guard, &log, &binary);
    done.map_err(|error| format!("{error}; see {}", log.display())).map(|()| ExitCode::SUCCESS)
}

/// With the program as it was built outside.
pub fn run(workspace: &Workspace, guard: &Guard, log: &Path, binary: &Path) -> Result<()> {
    lint(workspace, guard, log)?;
    let mut trial = Trial::new(workspace, guard, (log, binary))?;
    let made = trial.build()?;
    let bytes = trial.size()?;
    println!("image: {made}; {bytes} bytes of {MAX_BYTES} allowed");
    if bytes > MAX_BYTES {
        return Err(format!("the image has {bytes} bytes, more than {MAX_BYTES}"));
    }
    trial.lay_out()?;
    trial.serve_once()
}

/// Says nothing of either file, or fails. Where it can neither be found nor installed the log says so.
fn lint(workspace: &Workspace, guard: &Guard, log: &Path) -> Result<()> {
    let Some(linter) = linter(workspace, guard, log) else {
        return note(log, "hadolint is not to be had\n");
    };
    let mut command = Command::new(linter);
    command.args(["deploy/Containerfile", "deploy/edge/Containerfile"]);
    command.current_dir(&workspace.root);
    succeed("hadolint", run_logged(&mut command, log, COMMAND_LIMIT, guard)?)
}

fn linter(workspace: &Workspace, guard: &Guard, log: &Path) -> Option<PathBuf> {
    if in_path("hadolint") {
        return Some(PathBuf::from("hadolint"));
    }
    if !in_path("python3") {
        return None;
    }
    let folder = workspace.target.join("xtask-image");
    let program = folder.join("bin/hadolint");
    if program.is_file() {
        return Some(program);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--require-hashes", "--requirement"]).arg(workspace.root.join("deploy/lint.txt"));
    for command in [&mut make, &mut install] {
        match run_logged(command, log, COMMAND_LIMIT, guard) {
            Ok(status) if status.success() => {}
            Ok(_) | Err(_) => return None, // the log has why
        }
    }
    Some(program)
}

/// Where images and containers are, and the bank in one of them.
struct Trial<'a> {
    workspace: &'a Workspace,
    guard: &'a Guard,
    log: &'a Path,
    binary: &'a Path,
    folder: PathBuf,
    /// Copies for an image of one layer, which leave no mount behind; layers over one another for a large one.
    driver: &'static str,
    at: SocketAddr,
    name: String,
}

impl<'a> Trial<'a> {
    fn new(
        workspace: &'a Workspace,
        guard: &'a Guard,
        (log, binary): (&'a Path, &'a Path),
    ) -> Result<Self> {
        let folder = guard.folder().join("image");
        fs::create_dir(&folder).map_err(|error| told(&folder, &error))?;
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let name = format!("exchequer-trial-{}", id());
        Ok(Self { workspace, guard, log, binary, folder, driver: "vfs", at, name })
    }

    /// Says which way it was made.
    fn build(&mut self) -> Result<&'static str> {
        self.driver = "overlay";
        let mut pull = self.program("buildah");
        let pulled = self.status(pull.args(["pull", "--quiet", BASE]), PULL_LIMIT);
        if pulled.is_ok_and(|status| status.success()) {
            let mut build = self.building();
            let built = self.status(build.arg(&self.workspace.root), BUILD_LIMIT)?;
            return succeed("buildah bud", built).map(|()| "both stages");
        }
        self.driver = "vfs";
        let stage = self.folder.join("stage");
        fs::create_dir(&stage).map_err(|error| told(&stage, &error))?;
        let mut assemble = Command::new("sh");
        assemble.arg("deploy/assemble.sh").arg(self.binary).arg(stage.join("image"));
        assemble.current_dir(&self.workspace.root);
        succeed("deploy/assemble.sh", self.status(&mut assemble, COMMAND_LIMIT)?)?;
        let mut build = self.building();
        build.arg("--build-context").arg(format!("build={}", stage.display()));
        let built = self.status(build.arg(&self.workspace.root), BUILD_LIMIT)?;
        succeed("buildah bud", built)?;
        Ok("its last stage, since no registry can be reached")
    }

    /// In the form that has a health check.
    fn building(&self) -> Command {
        let mut build = self.program("buildah");
        build.args(["bud", "--isolation", "chroot", "--format", "docker", "--timestamp", "0"]);
        build.args(["--tag", IMAGE, "--file"]);
        build.arg(self.workspace.root.join("deploy/Containerfile"));
        build
    }

    fn size(&self) -> Result<u64> {
        let bytes = self.inspect(&["image", "inspect"], "{{.Size}}", IMAGE)?;
        let health = self.inspect(&["image", "inspect"], "{{.HealthCheck.Test}}", IMAGE)?;
        if !health.contains("healthcheck") {
            return Err(format!("the image has no health check: {health}"));
        }
        bytes.parse().map_err(|error| format!("the image's size, {bytes}: {error}"))
    }

    /// The bank's folders, as docs/edge.md has them, for the image's account.
    fn lay_out(&self) -> Result<()> {
        let settings = self.folder.join("etc");
        let mut init = Command::new(self.binary);
        succeed("exchequer init", self.status(init.arg("init").arg(&settings), COMMAND_LIMIT)?)?;
        let text = format!(
            "listen = \"{}\"\ndata_dir = \"/var/lib/exchequer\"\n\
             master_key_file = \"/etc/exchequer/master.key\"\n",
            self.at
        );
        let file = settings.join("exchequer.toml");
        fs::write(&file, text).map_err(|error| told(&file, &error))?;
        let data = self.folder.join("data");
        fs::create_dir(&data).map_err(|error| told(&data, &error))?;
        let mut give = Command::new("chown");
        give.args(["-R", ACCOUNT]).arg(settings).arg(data);
        succeed("chown", self.status(&mut give, COMMAND_LIMIT)?)
    }

    fn serve_once(&self) -> Result<()> {
        let mut migrate = self.container(&["--rm"]);
        migrate.args(["migrate", "--config", "/etc/exchequer/exchequer.toml"]);
        succeed("exchequer migrate", self.status(&mut migrate, COMMAND_LIMIT)?)?;
        let mut start = self.container(&["--detach", "--name", &self.name]);
        succeed("podman run", self.status(&mut start, COMMAND_LIMIT)?)?;
        let process = self.inspect(&["inspect"], "{{.State.Pid}}", &self.name)?;
        let process: i64 = process.parse().map_err(|_| format!("{process} is no process"))?;
        self.guard.note("container", "TERM", process)?;
        let held = self.wait_until_ready().and_then(|()| self.look(process));
        let ended = self.stop();
        self.guard.forget("container");
        held?;
        ended
    }

    fn wait_until_ready(&self) -> Result<()> {
        let start = now();
        loop {
            let answer = ask(self.at, "/readyz");
            if answer.as_ref().is_ok_and(|text| text.split(' ').nth(1) == Some("200")) {
                return Ok(());
            }
            if start.elapsed() >= READY_LIMIT {
                return Err(format!("/readyz of the container: {answer:?}"));
            }
            thread::sleep(POLL);
        }
    }

    /// What confines it, as the system itself says; its health; and that there is nothing else to run.
    fn look(&self, process: i64) -> Result<()> {
        let file = PathBuf::from(format!("/proc/{process}/status"));
        let status = fs::read_to_string(&file).map_err(|error| told(&file, &error))?;
        confined(&status)?;
        let root = self.inspect(&["inspect"], "{{.HostConfig.ReadonlyRootfs}}", &self.name)?;
        if root != "true" {
            return Err(format!("the root is not read-only: {root}"));
        }
        let health = ["/exchequer", "healthcheck", "--ready", "--config"];
        let mut ask = self.inside(&health);
        ask.arg("/etc/exchequer/exchequer.toml");
        succeed("the health check", self.status(&mut ask, COMMAND_LIMIT)?)?;
        let shell = self.status(&mut self.inside(&["/bin/sh", "-c", ":"]), COMMAND_LIMIT)?;
        if shell.success() { Err("there is a shell in the image".to_owned()) } else { Ok(()) }
    }

    fn stop(&self) -> Result<()> {
        let mut stop = self.program("podman");
        let stopped =
            self.status(stop.args(["stop", "--time", "40", &self.name]), COMMAND_LIMIT)?;
        succeed("podman stop", stopped)?;
        let code = self.inspect(&["inspect"], "{{.State.ExitCode}}", &self.name)?;
        let mut remove = self.program("podman");
        succeed("podman rm", self.status(remove.args(["rm", &self.name]), COMMAND_LIMIT)?)?;
        if code == "0" {
            Ok(())
        } else {
            Err(format!("exchequer serve after SIGTERM: exit {code}"))
        }
    }

    /// `podman run` as docs/edge.md has it. Its network is this machine's, so that no bridge is needed; limits fit
    /// into the caller's, as a container inside another may not raise them; no timer asks for health without systemd.
    fn container(&self, more: &[&str]) -> Command {
        let mut run = self.program("podman");
        run.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "run"]).args(more);
        run.args(["--network", "host", "--no-healthcheck", "--read-only"]);
        for (name, most) in limits() {
            run.arg("--ulimit").arg(format!("{name}={most}:{most}"));
        }
        run.args(["--cap-drop=all", "--security-opt=no-new-privileges"]);
        for (from, to) in [("data", "/var/lib/exchequer"), ("etc", "/etc/exchequer:ro")] {
            run.arg("--volume").arg(format!("{}:{to}", self.folder.join(from).display()));
        }
        run.arg(IMAGE);
        run
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = self.program("podman");
        command.args(["--runtime", "runc", "--cgroup-manager", "cgroupfs", "exec", &self.name]);
        command.args(words);
        command
    }

    /// With a storage of its own.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        let storage = self.folder.join(self.driver);
        command.arg("--root").arg(storage.join("images"));
        command.arg("--runroot").arg(storage.join("run"));
        command.args(["--storage-driver", self.driver]);
        command
    }

    fn status(&self, command: &mut Command, limit: Duration) -> Result<ExitStatus> {
        run_logged(command, self.log, limit, self.guard)
    }

    /// The last line that it says.
    fn inspect(&self, words: &[&str], form: &str, what: &str) -> Result<String> {
        let mut command = self.program("podman");
        command.args(words).args(["--format", form, what]);
        let output = command.output().map_err(|error| format!("podman does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("podman: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Open files and processes of the container: enough for a bank, and no more than this process may have itself. Left out,
/// podman asks for more, which is given to `CAP_SYS_RESOURCE` alone (setrlimit(2)).
fn limits() -> Vec<(&'static str, u64)> {
    let said = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let hard = |line: &str| line.split_whitespace().nth(1)?.parse().ok();
    [("nofile", "Max open files", 65_536), ("nproc", "Max processes", 4_096)]
        .into_iter()
        .map(|(name, title, enough)| {
            let own = said.lines().find_map(|line| hard(line.strip_prefix(title)?));
            // Unlimited, or not to be known: then podman says itself where it is too much.
            (name, own.unwrap_or(enough).min(enough))
        })
        .collect()
}

/// Of `/proc/ID/status` (proc(5)): nobody's account, no capability, and none to be had.
fn confined(status: &str) -> Result<()> {
    let (account, group) = ACCOUNT.split_once(':').ok_or("no account")?;
    let none = "0000000000000000";
    for (name, wanted) in [
        ("Uid", account),
        ("Gid", group),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("NoNewPrivs", "1"),
    ] {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let values = line.ok_or_else(|| format!("no {name} in the process's status"))?;
        if !values.split_whitespace().all(|value| value == wanted) {
            return Err(format!("the container's {name} is {}, not {wanted}", values.trim()));
        }
    }
    Ok(())
}

fn note(log: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    crate::process::append(log)?.write_all(text.as_bytes()).map_err(|error| told(log, &error))
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\texchequer\nUid:\t10001\t10001\t10001\t10001\n\
        Gid:\t10001\t10001\t10001\t10001\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
        CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n";

    #[test]
    fn a_process_with_anything_of_its_own_is_not_confined() {
        assert_eq!(confined(STATUS), Ok(()));
        for (line, other) in [
            ("Uid:\t10001\t10001", "Uid:\t0\t10001"),
            ("Gid:\t10001\t10001", "Gid:\t10001\t0"),
            ("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000400"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("NoNewPrivs:\t1\n", ""),
        ] {
            assert!(confined(&STATUS.replace(line, other)).is_err(), "{other}");
        }
    }
}
