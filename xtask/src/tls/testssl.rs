//! testssl.sh, which looks for what is weak by itself; both banks at one time, since much of its time is waiting.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::bank::{Bank, Oldest};
use super::finding::{Finding, Scanner};
use super::{SCAN_LIMIT, Scene};
use crate::Result;
use crate::failover::wait::wait_for;
use crate::process::append;
use crate::running::Running;

/// Debian's name, and its authors'.
pub const NAMES: [&str; 2] = ["testssl", "testssl.sh"];

/// Versions, kinds of suites, forward secrecy, preferences, the certificate, headers, and every weakness that has a name.
/// Left out: each of 370 suites by itself, and what old browsers would agree on, which cost as much as all others.
const LOOKS: [&str; 7] = ["-p", "-s", "-f", "-P", "-S", "-h", "-U"];

/// One line of each look, and the last of all: without them it was not whole. Where there are two names, the
/// second is that of testssl.sh 3.2.
const PARTS: [&[&str]; 8] = [
    &["TLS1_3"],
    &["cipherlist_NULL"],
    &["PFS", "FS"],
    &["cipher_order"],
    &["cert_chain_of_trust"],
    &["HSTS_time"],
    &["heartbleed"],
    &["scanTime"],
];

/// Good, and merely told; whatever else a line says of itself is a finding.
const GOOD: [&str; 2] = ["OK", "INFO"];

/// Below are counts of what it could not decide, which its findings have; from here on it gave up (testssl(1)).
const GAVE_UP: i32 = 50;

/// A page that answers 200, so that its headers are looked at.
const PAGE: &str = "/sign-in";

/// What it finds, of all banks.
pub fn scan(scene: &Scene<'_>, program: &str, banks: &[Bank<'_>]) -> Result<Vec<Finding>> {
    let started = banks.iter().map(|bank| Scan::start(scene, program, bank));
    let mut scans = started.collect::<Result<Vec<_>>>()?;
    wait_for("end of testssl.sh", SCAN_LIMIT, || {
        let runs = scans.iter_mut().map(|scan| scan.running.runs());
        Ok(!runs.collect::<Result<Vec<_>>>()?.contains(&true))
    })?;
    let mut all = Vec::new();
    for scan in &mut scans {
        scene.written(&scan.told)?;
        let status = scan.running.terminate()?;
        if status.code().is_none_or(|code| code >= GAVE_UP) {
            return Err(format!("testssl.sh of {}: {status}", scan.bank.name()));
        }
        let json = scene.written(&scan.json)?;
        let found =
            findings(&json).map_err(|error| format!("testssl.sh of {}: {error}", scan.bank.name()));
        let finding = |(id, text)| Finding { scanner: Scanner::Testssl, bank: scan.bank, id, text };
        all.extend(found?.into_iter().map(finding));
    }
    Ok(all)
}

struct Scan<'guard> {
    bank: Oldest,
    told: PathBuf,
    json: PathBuf,
    running: Running<'guard>,
}

impl<'guard> Scan<'guard> {
    /// It asks no name server and no authority.
    fn start(scene: &Scene<'guard>, program: &str, bank: &Bank<'_>) -> Result<Self> {
        let name = format!("testssl-{}", bank.oldest.word());
        let [told, json] = ["txt", "json"].map(|end| scene.folder.join(format!("{name}.{end}")));
        let mut command = Command::new(program);
        command.args(["--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]);
        command.args(LOOKS).arg("--add-ca").arg(&scene.authority).arg("--jsonfile").arg(&json);
        command.arg(format!("https://{}{PAGE}", bank.address()));
        command.current_dir(&scene.folder).stdout(append(&told)?);
        let running = Running::start(&mut command, &name, scene.guard, scene.log)?;
        Ok(Self { bank: bank.oldest, told, json, running })
    }
}

/// Name and text of all that is not good. An error where a part is missing.
fn findings(json: &str) -> Result<Vec<(String, String)>> {
    let all: Vec<Value> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let text = |line: &Value, key: &str| {
        let found = line[key].as_str().map(str::to_owned);
        found.ok_or_else(|| format!("a line without {key}: {line}"))
    };
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for line in &all {
        let (id, severity) = (text(line, "id")?, text(line, "severity")?);
        if !GOOD.contains(&severity.as_str()) {
            found.push((id.clone(), text(line, "finding")?));
        }
        seen.push(id);
    }
    match PARTS.iter().find(|names| !seen.iter().any(|id| names.contains(&id.as_str()))) {
        Some(names) => Err(format!("the scan is not whole: {} is missing", names.join(" or "))),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Vec<Value> {
        let line = |names: &&[&str]| json!({"id": names[0], "severity": "OK", "finding": "good"});
        PARTS.iter().map(line).collect()
    }

    #[test]
    fn every_severity_but_good_and_told_is_a_finding() {
        assert_eq!(findings(&json!(whole()).to_string()), Ok(vec![]));
        for severity in ["WARN", "LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL", "of tomorrow"] {
            let mut scan = whole();
            scan[0] = json!({"id": "TLS1_3", "severity": severity, "finding": "not offered"});
            let found = findings(&json!(scan).to_string()).unwrap();
            assert_eq!(found, [("TLS1_3".to_owned(), "not offered".to_owned())], "{severity}");
        }
        let mut told = whole();
        told.push(json!({"id": "cert_commonName", "severity": "INFO", "finding": "bank"}));
        assert_eq!(findings(&json!(told).to_string()), Ok(vec![]));
    }

    #[test]
    fn a_scan_that_lacks_a_part_is_no_pass() {
        for part in 0..PARTS.len() {
            let mut scan = whole();
            let id = scan.remove(part)["id"].clone();
            assert!(findings(&json!(scan).to_string()).is_err(), "{id}");
        }
        for broken in ["", "[", "[]", "{}", r#"[{"id": "TLS1_3"}]"#] {
            assert!(findings(broken).is_err(), "{broken}");
        }
    }
}
