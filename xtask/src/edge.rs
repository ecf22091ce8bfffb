//! The programs that the tests of `deploy/edge` start: found, or installed where that may be.
//!
//! Debian's packages would start servers of the whole machine; at runlevel 1 they start none. What runs is the test's own, in
//! its own folder, on loopback.

use std::path::Path;

use crate::Result;
use crate::postgres::programs::{apt_get, in_path, is_root};

/// Each package with a file of it.
const NEEDED: [(&str, &str); 4] = [
    ("nginx", "/usr/sbin/nginx"),
    ("libnginx-mod-http-modsecurity", "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"),
    ("modsecurity-crs", "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf"),
    ("haproxy", "/usr/sbin/haproxy"),
];

const ADVICE: &str = "the proxies of deploy/edge are not here: install them (Debian: apt-get install nginx \
    libnginx-mod-http-modsecurity modsecurity-crs haproxy)";

pub fn find_or_install() -> Result<()> {
    let missing = || NEEDED.iter().filter(|(_, file)| !Path::new(file).exists());
    if missing().next().is_none() {
        return Ok(());
    }
    if !is_root()? || !in_path("apt-get") {
        return Err(ADVICE.to_owned());
    }
    apt_get(&["update"], &[])?;
    let packages: Vec<&str> = missing().map(|(package, _)| *package).collect();
    let install = [&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat();
    apt_get(&install, &[("RUNLEVEL", "1")]).map_err(|error| format!("{error}\n{ADVICE}"))?;
    if missing().next().is_none() { Ok(()) } else { Err(ADVICE.to_owned()) }
}
