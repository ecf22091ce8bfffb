//! `install` in a process of its own, since it can be done once: this test binary, started again.

use crate::config::{Log, LogFormat};
use crate::logging::{InstallError, install};
use std::process::{Command, Output, Stdio};

const CHILD: &str = "EXCHEQUER_TEST_LOGGING_CHILD";

/// What the child does; without the variable, which only the tests below set, nothing.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let log = Log { filter: "warn".to_owned(), format: LogFormat::Json };
    install(&log).unwrap();
    assert_eq!(install(&log), Err(InstallError::AlreadyInstalled));
    tracing::warn!(reason = "4111 1111 1111 1111", "card");
    tracing::info!("below the filter");
    let panicked = std::thread::spawn(|| panic!("in a thread, 4111 1111 1111 1111")).join();
    assert!(panicked.is_err());
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        assert!(std::panic::catch_unwind(|| panic!("unseen, 4111 1111 1111 1111")).is_err());
    });
}

fn started_again(stderr: Stdio) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "logging::tests::process::child"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

fn assert_passed(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

// ASVS 16.2.3: the log goes to standard error and nowhere else.
#[test]
fn events_and_panics_go_to_standard_error_without_their_secrets() {
    let output = started_again(Stdio::piped()).wait_with_output().unwrap();
    assert_passed(&output);
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in ["\"message\":\"card\"", "in a thread", "exchequer::panic", "unseen"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert!(!stderr.contains("1111 1111") && !stderr.contains("below the filter"), "{stderr}");
}

#[test]
fn a_process_whose_standard_error_is_gone_goes_on() {
    let mut child = started_again(Stdio::piped());
    drop(child.stderr.take());
    assert_passed(&child.wait_with_output().unwrap());
}
