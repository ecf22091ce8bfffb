//! The README's tour, run line by line against the shipped binary as a reader would run it.
//!
//! The tour reads `BANK`, `DATA` and `EXCHEQUER`; here they name a demo bank of this test, on a free port and
//! in a temporary folder. The first line that fails ends the tour and the test. It needs bash, curl, openssl and
//! python3; where one is missing it says so and is skipped.

use std::path::Path;
use std::process::{Command, Output};

use testkit::process::Server;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");

#[test]
fn the_tour_works_as_it_is_copied() {
    if !tools_are_there() {
        return;
    }
    let readme = readme();
    let tour = tour(&readme);
    let lines = tour.lines().filter(|line| !line.is_empty()).count();
    assert!(lines > 20, "the tour was not found: {lines} lines");
    let output = run(&tour);
    let (said, complaints) = texts(&output);
    assert!(output.status.success(), "{} after:\n{said}\n{complaints}", output.status);
    for part in [
        r#""email":"noor-"#,
        r#""status":"posted","memo":"Put aside""#,
        "idempotent-replayed: true",
        "the same bytes",
        r#"{"recovery_codes":[""#,
        r#"{"status":"mfa_required","challenge":{"id":"chl_"#,
        r#""status":"active","second_factor":true"#,
        r#""amount":-125000,"balance_after":375000"#,
        r#""code":"step_up_required""#,
        r#""status":"posted","memo":"Half the rent""#,
        r#""brand":"visa","last4":"4242""#,
        r#""status":"succeeded","amount":125000,"currency":"INR","captured":100000,"refunded":30000"#,
        r#""status":"processing","amount":9900"#,
        r#""type":"payment.succeeded""#,
        "verified evt_",
        "The books are right.",
    ] {
        assert!(said.contains(part), "the tour does not show {part}:\n{said}");
    }
    assert_eq!(said.matches(r#""code":"not_found""#).count(), 2, "{said}");
}

/// The tour is no test if a line of it may fail.
#[test]
fn a_line_that_fails_ends_the_tour() {
    if !tools_are_there() {
        return;
    }
    let readme = readme();
    let tour = tour(&readme);
    for (line, broken) in [
        (r#""amount":500000"#, r#""amount":0"#),
        ("brass counter 17 under the clock", "brass counter 18 under the clock"),
        (r#""currency":"INR","memo":"Put aside"}'"#, r#""currency":"EUR","memo":"Put aside"}'"#),
    ] {
        assert!(tour.contains(line), "the tour has no {line}");
        let output = run(&tour.replacen(line, broken, 1));
        let (said, _) = texts(&output);
        assert!(!output.status.success(), "{broken} went unnoticed:\n{said}");
        assert!(!said.contains("The books are right."), "the tour went on after {broken}");
    }
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    std::fs::read_to_string(path).expect("README.md")
}

/// The lines of the `sh` blocks between the two marks.
fn tour(readme: &str) -> String {
    let (_, after) = readme.split_once("<!-- tour -->").expect("where the tour begins");
    let (marked, _) = after.split_once("<!-- /tour -->").expect("where the tour ends");
    let blocks = marked.split("```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").expect("the end of a block").0).collect()
}

/// Runs a tour against a demo bank of its own.
fn run(tour: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("bank");
    let arguments = ["demo", "--data", &data.to_string_lossy(), "--listen", "127.0.0.1:0"];
    let server = Server::start(BINARY.as_ref(), &arguments, &[]);
    let script = folder.path().join("tour.sh");
    std::fs::write(&script, tour).expect("the script");
    let output = Command::new("bash")
        .args(["-euo", "pipefail"])
        .arg(&script)
        .current_dir(folder.path())
        .env("BANK", format!("http://{}", server.address()))
        .env("DATA", &data)
        .env("EXCHEQUER", BINARY)
        .env("TMPDIR", folder.path())
        .env("NO_PROXY", "*")
        .output()
        .expect("bash runs");
    assert!(server.terminate().success(), "a drained stop exits with 0");
    output
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[expect(clippy::print_stdout, reason = "says why nothing was tried")]
fn tools_are_there() -> bool {
    let missing: Vec<&str> = ["bash", "curl", "openssl", "python3"]
        .into_iter()
        .filter(|tool| Command::new(tool).arg("--version").output().is_err())
        .collect();
    if !missing.is_empty() {
        println!("skipped: the tour needs {}", missing.join(" and "));
    }
    missing.is_empty()
}
