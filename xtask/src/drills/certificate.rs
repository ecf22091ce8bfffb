//! A certificate that ends within days is replaced while the bank serves; first by half a pair.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::bank::{Bank, LIMIT, QUICK, copy, output, rename};
use super::watch::{after, metric, state};
use super::{Found, Scene, seconds};
use crate::Result;
use crate::smoke::succeed;

const ENDS: &str = "exchequer_certificate_ends_timestamp_seconds";

pub fn run(scene: &Scene<'_>) -> Result<Found> {
    let mut bank = Bank::seeded(scene)?;
    let (before, _) = bank.verified()?;
    let folder = scene.guard.folder().join("tls");
    for (name, days) in [("used", "7"), ("fresh", "90")] {
        make(&folder.join(name), days)?;
    }
    let place = |kind: &str| folder.join(kind);
    for kind in ["certificate.pem", "key.pem"] {
        copy(&folder.join("used").join(kind), &place(kind))?;
    }
    bank.set("EXCHEQUER_TLS_CERTIFICATE_FILE", place("certificate.pem").display().to_string());
    bank.set("EXCHEQUER_TLS_KEY_FILE", place("key.pem").display().to_string());
    bank.set("EXCHEQUER_HTTP_PUBLIC_URL", format!("https://localhost:{}", bank.at.port()));
    bank.serve()?;
    let process = bank.id()?;
    let told = after("health that tells of it", (LIMIT, QUICK), || {
        Ok(state(bank.metrics, "certificate")? == 1)
    })?;
    shows(&bank, &folder.join("used"))?;
    let old = metric(bank.metrics, ENDS)?;

    put(&folder.join("fresh/certificate.pem"), &place("certificate.pem"))?;
    let refused = after("a log line about half a pair", (LIMIT, QUICK), || {
        let log = fs::read_to_string(bank.log()).map_err(|error| error.to_string())?;
        Ok(log.contains("new certificate files are not taken"))
    })?;
    shows(&bank, &folder.join("used"))?;
    let seen = vec![
        format!("ExchequerCertificateEnds' condition after {}", seconds(told)),
        format!(
            "a new certificate without its key is refused after {}, in the log; the old one goes on",
            seconds(refused)
        ),
    ];
    put(&folder.join("fresh/key.pem"), &place("key.pem"))?;
    let back = after("the new certificate", (LIMIT, QUICK), || {
        Ok(metric(bank.metrics, ENDS)? > old && state(bank.metrics, "certificate")? == 0)
    })?;
    shows(&bank, &folder.join("fresh"))?;
    if bank.id()? != process {
        return Err("the bank was restarted".to_owned());
    }
    bank.stop()?;
    let (now, _) = bank.verified()?;
    Ok(Found {
        broken: "a certificate with seven days left",
        seen,
        done: "put the key in its place, too; no restart",
        back,
        before,
        after: now,
        ..Found::default()
    })
}

/// A key and a certificate that it signs itself.
fn make(folder: &Path, days: &str) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem", "-days", days])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .current_dir(folder);
    let made = output(&mut command)?;
    succeed("openssl req", made.status)?;
    let key = folder.join("key.pem");
    fs::set_permissions(&key, Permissions::from_mode(0o600))
        .map_err(|error| format!("{}: {error}", key.display()))
}

/// In one step, as a renewal should.
fn put(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    copy(from, &beside)?;
    rename(&beside, to)
}

/// Whether the bank shows the certificate of this folder, and has its key.
fn shows(bank: &Bank<'_>, folder: &Path) -> Result<()> {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &bank.at.to_string(), "-servername", "localhost"])
        .args(["-verify_return_error", "-CAfile"])
        .arg(folder.join("certificate.pem"))
        .stdin(Stdio::null());
    succeed("a TLS handshake", output(&mut command)?.status)
}
