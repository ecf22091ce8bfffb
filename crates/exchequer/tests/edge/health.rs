//! `exchequer healthcheck` beside a bank that serves, and beside none.

use std::process::{Command, Output};

use testkit::process::Server;
use testkit::redis::free_port;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

fn check(folder: &str, listen: &str, more: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["healthcheck", "--data", folder]).args(more);
    command.env_clear().env("EXCHEQUER_LISTEN", listen).output().expect("it runs")
}

#[test]
fn a_bank_that_serves_is_well_and_one_that_does_not_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_string_lossy().into_owned();
    let listen = format!("127.0.0.1:{}", free_port());
    let arguments = ["demo", "--json", "--data", &folder];
    let server = Server::start(BINARY.as_ref(), &arguments, &[("EXCHEQUER_LISTEN", &listen)]);
    for (more, says) in
        [(&[][..], "/healthz answers 200\n"), (&["--ready"], "/readyz answers 200\n")]
    {
        let output = check(&folder, &listen, more);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), says);
    }
    let anywhere = listen.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(check(&folder, &anywhere, &[]).status.code(), Some(1), "it may not listen there");
    assert!(server.terminate().success());
    let output = check(&folder, &listen, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not answer"), "{output:?}");
}
