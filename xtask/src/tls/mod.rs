//! The bank's own TLS as scanners see it: `cargo xtask tls`, and the step `tls` of `ci`.
//!
//! Order: the scanners, as far as they can be had (sslyze by pip with its hashes, testssl.sh of Debian's); a certificate of
//! an authority made for it; two banks, one as it comes and one that takes TLS 1.2, too; sslyze holds each against a
//! configuration of Mozilla's; testssl.sh looks at both at one time. What they find and `finding.rs` does not name is a
//! failure, and so is a scan that is not whole. Cost: 45 s of processor time. Bound: [`SCAN_LIMIT`] for each scanner. It
//! listens on this machine only and asks nobody outside.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::Result;
use crate::failover::certificates::Authority;
use crate::guard::Guard;
use crate::outside;
use crate::postgres::programs::{in_path, install_where_allowed};
use crate::process::append;
use crate::workspace::Workspace;

mod bank;
mod finding;
mod sslyze;
mod testssl;

use bank::{Bank, Oldest, Pair};
use finding::{Finding, reason};

/// What has not ended by then hangs: beside a load of eleven on two cores testssl.sh took 75 seconds.
const SCAN_LIMIT: Duration = Duration::from_mins(10);
/// As with an authority of the world's: less than 60 to go would be a finding.
const DAYS: u32 = 90;

/// What there is to scan with.
pub struct Scanners {
    sslyze: Option<PathBuf>,
    testssl: Option<&'static str>,
    has_openssl: bool,
}

impl Scanners {
    /// Installs what may be installed. What cannot be had is `None`, and the log has why.
    pub fn find(workspace: &Workspace, guard: &Guard, log: &Path) -> Result<Self> {
        let testssl = || testssl::NAMES.into_iter().find(|name| in_path(name));
        if testssl().is_none() || !in_path("openssl") {
            install_where_allowed(&["testssl.sh", "openssl"])
                .or_else(|error| note(log, &format!("{error}\n")))?;
        }
        let sslyze = if in_path("python3") && outside::makes_environments() {
            match outside::environment(workspace, guard, log, "tls") {
                Ok(python) => Some(python.with_file_name("sslyze")),
                Err(error) => note(log, &format!("{error}\n")).map(|()| None)?,
            }
        } else {
            None
        };
        Ok(Self { sslyze, testssl: testssl(), has_openssl: in_path("openssl") })
    }

    /// Why nothing can be scanned here.
    pub fn obstacle(&self) -> Option<&'static str> {
        if self.sslyze.is_none() && self.testssl.is_none() {
            return Some("neither sslyze nor testssl.sh is to be had");
        }
        (!self.has_openssl).then_some("openssl, which makes the certificate, is not installed")
    }

    /// What the line of a run says of its scanners.
    fn told(&self) -> &'static str {
        match (&self.sslyze, self.testssl) {
            (Some(_), Some(_)) => "sslyze and testssl.sh",
            (Some(_), None) => "sslyze alone: testssl.sh is not to be had",
            (None, Some(_)) => "testssl.sh alone: sslyze is not to be had",
            (None, None) => "no scanner",
        }
    }
}

/// `cargo xtask tls --binary PATH`: with a program that is there already.
pub fn with_binary(path: &str) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let binary = fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
    let guard = Guard::new("tls")?;
    let log = workspace.target.join("xtask-tls.log");
    fs::write(&log, "").map_err(|error| format!("{}: {error}", log.display()))?;
    let scanners = Scanners::find(&workspace, &guard, &log)?;
    if let Some(reason) = scanners.obstacle() {
        return Err(format!("{reason}; see {}", log.display()));
    }
    let scans = run(&guard, &log, &binary, &scanners)
        .map_err(|error| format!("{error}\nsee {}", log.display()))?;
    println!("{scans} scans, nothing found; {}", log.display());
    Ok(ExitCode::SUCCESS)
}

/// The number of scans that found nothing.
pub fn run(guard: &Guard, log: &Path, binary: &Path, scanners: &Scanners) -> Result<u64> {
    println!("tls: {}", scanners.told());
    let folder = guard.folder().join("tls");
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let authority = Authority::new(folder.join("authority"), DAYS)?;
    let files = authority.issue("bank", Ipv4Addr::LOCALHOST, &folder)?;
    let scene = Scene { guard, log, folder, authority: files.authority };
    let pair = Pair { certificate: &files.certificate, key: &files.key };
    let banks = Oldest::BOTH
        .into_iter()
        .map(|oldest| Bank::serve(&scene, binary, &pair, oldest))
        .collect::<Result<Vec<_>>>()?;
    let mut findings = Vec::new();
    let mut scans = Vec::new();
    for (bank, program) in banks.iter().zip(scanners.sslyze.iter().cycle()) {
        findings.extend(sslyze::scan(&scene, program, bank)?);
        scans.push(bank.oldest);
    }
    if let Some(program) = scanners.testssl {
        findings.extend(testssl::scan(&scene, program, &banks)?);
        scans.extend(Oldest::BOTH);
    }
    for bank in banks {
        bank.stop()?;
    }
    judged(&findings, log)?;
    u64::try_from(scans.len()).map_err(|error| error.to_string())
}

/// What the scans share.
struct Scene<'a> {
    guard: &'a Guard,
    log: &'a Path,
    /// Of files of this run.
    folder: PathBuf,
    authority: PathBuf,
}

impl Scene<'_> {
    /// Reads a file that a scanner wrote, into the log as well.
    fn written(&self, file: &Path) -> Result<String> {
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        note(self.log, &text)?;
        Ok(text)
    }
}

/// Refuses what is not known; what is known goes into the log with its reason.
fn judged(findings: &[Finding], log: &Path) -> Result<()> {
    let mut unknown = Vec::new();
    for finding in findings {
        match reason(finding) {
            Some(why) => note(log, &format!("known: {finding}: {why}\n"))?,
            None => unknown.push(finding.to_string()),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(format!("{} findings that nobody has explained\n{}", unknown.len(), unknown.join("\n")))
}

fn note(log: &Path, text: &str) -> Result<()> {
    let failed = |error| format!("{}: {error}", log.display());
    append(log)?.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use finding::Scanner;

    #[test]
    fn one_finding_that_is_not_known_fails_beside_others_that_are() {
        let guard = Guard::new("tls-test").unwrap();
        let log = guard.folder().join("log");
        let found = |id: &str, text: &str| Finding {
            scanner: Scanner::Testssl,
            bank: Oldest::Tls13,
            id: id.to_owned(),
            text: text.to_owned(),
        };
        let known = found("cert_revocation", "Neither CRL nor OCSP URI provided");
        let other = found("heartbleed", "vulnerable");
        assert_eq!(judged(&[], &log), Ok(()));
        assert_eq!(judged(std::slice::from_ref(&known), &log), Ok(()));
        assert!(fs::read_to_string(&log).unwrap().starts_with("known: testssl.sh of TLS 1.3"));
        let refused = judged(&[known, other], &log).unwrap_err();
        assert!(refused.starts_with("1 findings"), "{refused}");
        assert!(refused.contains("heartbleed: vulnerable") && !refused.contains("revocation"));
    }

    #[test]
    fn without_a_scanner_or_a_certificate_nothing_can_be_scanned() {
        let none = Scanners { sslyze: None, testssl: None, has_openssl: true };
        assert!(none.obstacle().is_some());
        let one = Scanners { testssl: Some("testssl"), ..none };
        assert_eq!(
            (one.obstacle(), one.told()),
            (None, "testssl.sh alone: sslyze is not to be had")
        );
        assert!(Scanners { has_openssl: false, ..one }.obstacle().is_some());
    }
}
