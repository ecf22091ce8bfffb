//! A disk of the drill's own: a file with ext4 in it, on a loop device, and one folder there, encrypted by fscrypt or not.
//!
//! Order: able, make, lock, close, open, unlock. The guard unmounts what is left. fscrypt's own configuration is laid over `/etc`
//! for the one command that reads it, so that this machine gets none.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::drills::bank::{LIMIT, PACE, output, said};
use crate::drills::watch::after;
use crate::guard::Guard;
use crate::postgres::programs::{in_path, install_where_allowed, is_root};
use crate::process::run_logged;
use crate::smoke::succeed;

pub struct Volume<'guard> {
    guard: &'guard Guard,
    pub image: PathBuf,
    mount: PathBuf,
    is_encrypted: bool,
}

/// Empty, most of it is a hole in the file.
const SIZE: u64 = 1 << 30;
const FEATURE: &str = "/sys/fs/ext4/features/encryption";
const PROGRAMS: [&str; 7] =
    ["mkfs.ext4", "mount", "umount", "losetup", "unshare", "fsfreeze", "fscrypt"];
/// What `fscrypt setup` writes, but for the cost of passphrases, of which there are none.
const SETTINGS: &str = r#"{
"source": "raw_key",
"hash_costs": {"time": "1", "memory": "8", "parallelism": "1"},
"options": {"padding": "32", "contents": "AES_256_XTS", "filenames": "AES_256_CTS", "policy_version": "2"}
}
"#;
/// `$1` is a folder with the configuration, then fscrypt's words.
const WITH_SETTINGS: &str = "mount -t overlay overlay -o \"lowerdir=$1:/etc\" /etc && \
    shift && exec fscrypt \"$@\"";
/// As a snapshot of a disk is taken: `$1` is frozen, `$2` copied to `$3`. Once begun it ends.
const SNAPSHOT: &str = "trap '' HUP INT TERM; fsfreeze -f \"$1\" || exit; \
    cp --sparse=always \"$2\" \"$3\"; copied=$?; fsfreeze -u \"$1\" && exit \"$copied\"";
const COPY_LIMIT: Duration = Duration::from_mins(2);
/// `ENOKEY`, on every architecture but three.
const NO_KEY: i32 = 126;

/// Why this machine cannot, where it cannot.
pub fn able() -> Result<()> {
    if !is_root()? {
        return Err("a volume of its own asks for root".to_owned());
    }
    if !fs::read_to_string(FEATURE).is_ok_and(|text| text.trim() == "supported") {
        return Err(format!("{FEATURE}: this kernel's ext4 encrypts nothing"));
    }
    if !Path::new("/dev/loop-control").exists() {
        return Err("/dev/loop-control: this machine has no loop devices".to_owned());
    }
    if !in_path("fscrypt") {
        install_where_allowed(&["fscrypt"])?;
    }
    match PROGRAMS.iter().find(|program| !in_path(program)) {
        Some(missing) => {
            Err(format!("no {missing} in PATH (Debian: e2fsprogs, mount, util-linux, fscrypt)"))
        }
        None => Ok(()),
    }
}

impl<'guard> Volume<'guard> {
    /// A fresh one, mounted and open.
    pub fn make(guard: &'guard Guard, name: &str, is_encrypted: bool) -> Result<Self> {
        let image = guard.folder().join(format!("{name}.img"));
        let file = File::create_new(&image).map_err(|error| error.to_string())?;
        file.set_len(SIZE).map_err(|error| format!("{}: {error}", image.display()))?;
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-b", "4096"])
            .args(is_encrypted.then_some(["-O", "encrypt"]).iter().flatten());
        run(mkfs.arg(&image))?;
        let volume = Self { guard, image, mount: guard.folder().join(name), is_encrypted };
        volume.open()?;
        fs::create_dir(volume.folder()).map_err(|error| error.to_string())?;
        if is_encrypted {
            volume.settings()?;
            volume.fscrypt("setup", &volume.mount, &[])?;
            let source = ["--source=raw_key", "--name=bank", &volume.key()];
            volume.fscrypt("encrypt", &volume.folder(), &source)?;
            // It takes the folder from everybody but its owner; a server below it is somebody else.
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(volume.folder(), mode).map_err(|error| error.to_string())?;
        }
        Ok(volume)
    }

    /// What is kept in it is below this folder.
    pub fn folder(&self) -> PathBuf {
        self.mount.join("kept")
    }

    /// The disk as it stands at this moment, as another one that is not mounted.
    pub fn snapshot(&self, name: &str) -> Result<Self> {
        let image = self.guard.folder().join(format!("{name}.img"));
        let mut copy = Command::new("sh");
        copy.args(["-c", SNAPSHOT, "sh"]).arg(&self.mount).arg(&self.image).arg(&image);
        let log = self.guard.folder().join("snapshot.log");
        succeed("a snapshot", run_logged(&mut copy, &log, COPY_LIMIT, self.guard)?)?;
        let mount = self.guard.folder().join(name);
        Ok(Self { guard: self.guard, image, mount, is_encrypted: self.is_encrypted })
    }

    pub fn open(&self) -> Result<()> {
        fs::create_dir_all(&self.mount).map_err(|error| error.to_string())?;
        let mut mount = Command::new("mount");
        run(mount.args(["-o", "loop,nodev,nosuid"]).arg(&self.image).arg(&self.mount))
    }

    /// Waits for the device, too: a container that began meanwhile has mounts of its own, and holds it.
    pub fn close(&self) -> Result<()> {
        run(Command::new("umount").arg(&self.mount))?;
        let what =
            format!("a disk that nobody holds; {} is mounted elsewhere", self.image.display());
        after(&what, (LIMIT, PACE), || {
            let held = output(Command::new("losetup").arg("-j").arg(&self.image))?;
            succeed("losetup", held.status)?;
            Ok(held.stdout.is_empty())
        })
        .map(drop)
    }

    /// Everything written is in the image.
    pub fn sync(&self) -> Result<()> {
        run(Command::new("sync").arg("-f").arg(&self.mount))
    }

    /// Waits for what a killed server leaves behind, which holds files until it is gone, too.
    pub fn lock(&self) -> Result<()> {
        after("a volume that can be locked", (LIMIT, PACE), || {
            self.fscrypt("lock", &self.folder(), &[]).map(|()| true)
        })
        .map(drop)
    }

    pub fn unlock(&self) -> Result<()> {
        self.fscrypt("unlock", &self.folder(), &[&self.key()])
    }

    /// Another key than its own must not do.
    pub fn refuses_another_key(&self) -> Result<()> {
        let other = self.guard.folder().join("other.key");
        fresh_key(&other)?;
        match self.fscrypt("unlock", &self.folder(), &[&format!("--key={}", other.display())]) {
            Ok(()) => Err("another key unlocks the volume".to_owned()),
            Err(told) if told.contains("incorrect key") => Ok(()),
            Err(told) => Err(format!("another key: {told}")),
        }
    }

    /// The number of files of a locked volume: none has its name, none can be read, none can be made.
    pub fn locked(&self, names: &[String]) -> Result<usize> {
        let files = super::search::files_below(&self.folder())?;
        for file in &files {
            let relative = file.strip_prefix(&self.mount).map_err(|error| error.to_string())?;
            let mut parts = relative.iter().skip(1).map(|part| part.to_string_lossy());
            if let Some(known) = parts.find(|part| names.iter().any(|name| name == part)) {
                return Err(format!("`{known}` has its name though the volume is locked"));
            }
            without_key(&file.display().to_string(), File::open(file))?;
        }
        let new = self.folder().join("new");
        without_key("a new file", File::create_new(new))?;
        if files.is_empty() {
            Err("a locked volume without files".to_owned())
        } else {
            Ok(files.len())
        }
    }

    fn key(&self) -> String {
        format!("--key={}", self.guard.folder().join("volume.key").display())
    }

    /// The configuration and the key, both outside the volume.
    fn settings(&self) -> Result<()> {
        let etc = self.guard.folder().join("etc");
        fs::create_dir(&etc).map_err(|error| format!("{}: {error}", etc.display()))?;
        fs::write(etc.join("fscrypt.conf"), SETTINGS).map_err(|error| error.to_string())?;
        fresh_key(&self.guard.folder().join("volume.key"))
    }

    fn fscrypt(&self, verb: &str, place: &Path, words: &[&str]) -> Result<()> {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", WITH_SETTINGS, "sh"]).arg(self.guard.folder().join("etc"));
        // Without `--quiet` a wrong key in a file is asked for again and again, without an end.
        run(command.arg(verb).arg(place).args(words).arg("--quiet"))
    }
}

fn fresh_key(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(failed)?;
    let file = File::create(path).map_err(failed)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)
}

fn without_key<T>(what: &str, tried: std::io::Result<T>) -> Result<()> {
    match tried {
        Ok(_) => Err(format!("{what} opens though the volume is locked")),
        Err(error) if error.raw_os_error() == Some(NO_KEY) => Ok(()),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// To its end, with the last line of what it complains of.
pub fn run(command: &mut Command) -> Result<()> {
    let done = output(command.stdin(std::process::Stdio::null()))?;
    if done.status.success() {
        return Ok(());
    }
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let last = words.last().cloned().unwrap_or_default();
    Err(format!("{} … {last}: {}", command.get_program().display(), said(&done)))
}
