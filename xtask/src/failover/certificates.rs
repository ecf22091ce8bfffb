//! An authority of this run, and a certificate of it for each server, made with openssl.
//!
//! Each certificate is for [`NAME`], which the bank asks for through HAProxy, and for the server's own address, which the
//! nodes and Patroni ask for. They hold for some days and vanish with the run.

use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The name that all database nodes have in common.
pub const NAME: &str = "db.example";
const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

pub struct Authority {
    folder: PathBuf,
    days: u32,
}

/// What a server needs to show who it is, and to know the others.
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub authority: PathBuf,
}

impl Authority {
    /// Its certificate may be read by all, its key by us alone; whatever it issues holds for so many days.
    pub fn new(folder: PathBuf, days: u32) -> Result<Self> {
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let authority = Self { folder, days };
        authority.openssl(&format!(
            "req -x509 {KEY} -keyout ca.key -out ca.pem -subj /CN=trial -days {days} \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ))?;
        Ok(authority)
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// For the server of this name, in its folder; the key has mode 0600.
    pub fn issue(&self, node: &str, address: Ipv4Addr, folder: &Path) -> Result<Files> {
        // Patroni says `localhost` to a server that listens on 127.0.0.1.
        let names = format!("subjectAltName=DNS:{NAME},DNS:localhost,IP:{address}");
        let key = folder.join("server.key");
        let certificate = folder.join("server.pem");
        let (key_text, certificate_text) = (key.display(), certificate.display());
        self.openssl(&format!(
            "req {KEY} -keyout {key_text} -out {node}.csr -subj /CN={node} -addext {names}"
        ))?;
        let days = self.days;
        self.openssl(&format!(
            "x509 -req -in {node}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} \
             -out {certificate_text} -copy_extensions copy"
        ))?;
        fs::set_permissions(&key, Permissions::from_mode(0o600))
            .map_err(|error| format!("{}: {error}", key.display()))?;
        Ok(Files { certificate, key, authority: self.certificate() })
    }

    /// Paths of a run have no blanks: they are the guard's.
    fn openssl(&self, words: &str) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(words.split_whitespace()).current_dir(&self.folder).stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("openssl: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("openssl {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
