//! Python 3, which the tests of the receipts' page run its code with: found, or installed where that may be.

use std::process::{Command, Stdio};

use crate::Result;
use crate::postgres::programs::install_where_allowed;

const ADVICE: &str = "no Python 3 here, and docs/receipts.md has code in it: install it (Debian: apt-get install python3)";

pub fn find_or_install() -> Result<()> {
    if is_there() {
        return Ok(());
    }
    install_where_allowed(&["python3"]).map_err(|error| format!("{error}\n{ADVICE}"))?;
    if is_there() { Ok(()) } else { Err(ADVICE.to_owned()) }
}

fn is_there() -> bool {
    let mut asked = Command::new("python3");
    asked.arg("--version").stdin(Stdio::null()).output().is_ok_and(|said| said.status.success())
}
