//! The code of docs/receipts.md, run as the page says: with Python and nothing else. `EXCHEQUER_TEST_REQUIRE=python`
//! demands one.

use std::process::{Command, Output};

use merkle::VerifierKey;
use serde_json::Value;

/// The code of the page, in a folder of its own.
pub struct Page {
    folder: tempfile::TempDir,
    has_python: bool,
}

impl Page {
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    pub fn new() -> Self {
        let page = include_str!("../../../../docs/receipts.md");
        let code = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("verify.py");
        std::fs::write(script, code.expect("the page has code")).expect("writes");
        let has_python = Command::new("python3")
            .arg("--version")
            .output()
            .is_ok_and(|said| said.status.success());
        if !has_python {
            let demanded = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
            assert!(!demanded.contains("python"), "there is no python3, and this run demands it");
            eprintln!("not run: there is no python3");
        }
        Self { folder, has_python }
    }

    /// None where there is no Python.
    pub fn run(&self, receipt: &Value, key: &VerifierKey) -> Option<Output> {
        let (script, file) =
            (self.folder.path().join("verify.py"), self.folder.path().join("receipt.json"));
        std::fs::write(&file, receipt.to_string()).expect("writes");
        let mut python = Command::new("python3");
        python.arg(script).arg(file).arg(key.to_string());
        self.has_python.then(|| python.output().expect("it runs"))
    }
}
