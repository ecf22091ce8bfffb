//! sslyze, which holds a server against a configuration of Mozilla's.
//!
//! It ends with 0 for a server that it did not reach as well, so its exit is not asked: what counts is that it
//! judged, and that each part of the scan came to its end.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::bank::{Bank, Oldest};
use super::finding::{Finding, Scanner};
use super::{SCAN_LIMIT, Scene};
use crate::Result;
use crate::failover::wait::wait_for;
use crate::running::Running;

/// Parts that Mozilla's configurations say nothing of, and we do.
const MORE: [&str; 2] = ["tls_1_3_early_data", "http_headers"];

/// What it finds, of one bank.
pub fn scan(scene: &Scene<'_>, program: &Path, bank: &Bank<'_>) -> Result<Vec<Finding>> {
    let word = bank.oldest.word();
    let [told, json] = ["txt", "json"].map(|end| scene.folder.join(format!("sslyze-{word}.{end}")));
    let output = File::create(&told).map_err(|error| format!("{}: {error}", told.display()))?;
    let mut command = Command::new(program);
    command.args(["--mozilla_config", configuration(bank.oldest), "--early_data"]);
    command.arg("--http_headers").arg("--certinfo_ca_file").arg(&scene.authority);
    command.arg("--json_out").arg(&json).arg(bank.address());
    command.current_dir(&scene.folder).stdin(Stdio::null()).stdout(output);
    let mut running = Running::start(&mut command, "sslyze", scene.guard, scene.log)?;
    wait_for("end of sslyze", SCAN_LIMIT, || Ok(!running.runs()?))?;
    running.terminate()?;
    let told = scene.written(&told)?;
    let json = scene.written(&json)?;
    let mut found = disagreements(&told, &bank.address())?;
    found.extend(of_parts(&json)?);
    let finding = |(id, text)| Finding { scanner: Scanner::Sslyze, bank: bank.oldest, id, text };
    Ok(found.into_iter().map(finding).collect())
}

/// What Mozilla calls a server with these versions.
const fn configuration(oldest: Oldest) -> &'static str {
    match oldest {
        Oldest::Tls13 => "modern",
        Oldest::Tls12 => "intermediate",
    }
}

/// Where the server is not as the configuration says: criterion and text. An error where it was not compared.
fn disagreements(told: &str, address: &str) -> Result<Vec<(String, String)>> {
    let prefix = format!("    {address}: ");
    let mut lines = told.lines();
    let verdict = lines.find_map(|line| line.strip_prefix(&prefix));
    match verdict {
        Some("OK - Compliant.") => return Ok(Vec::new()),
        Some("FAILED - Not compliant.") => {}
        Some(_) | None => return Err(format!("sslyze judged nothing: {verdict:?}")),
    }
    let found: Vec<_> = lines
        .map_while(|line| line.strip_prefix("        * ")?.split_once(": "))
        .map(|(id, text)| (id.to_owned(), text.to_owned()))
        .collect();
    if found.is_empty() { Err("sslyze refuses without a reason".to_owned()) } else { Ok(found) }
}

/// What the parts of the scan say beyond the configuration. An error where one did not end well.
fn of_parts(json: &str) -> Result<Vec<(String, String)>> {
    let whole: Value = serde_json::from_str(json).map_err(|error| format!("sslyze: {error}"))?;
    let servers = whole["server_scan_results"].as_array().map_or(&[][..], Vec::as_slice);
    let [server] = servers else {
        return Err(format!("sslyze scanned {} servers", servers.len()));
    };
    let parts = server["scan_result"].as_object().ok_or("sslyze has no results")?;
    for (name, part) in parts {
        match part["status"].as_str() {
            Some("COMPLETED") => {}
            Some("NOT_SCHEDULED") if !MORE.contains(&name.as_str()) => {}
            status => return Err(format!("sslyze: {name} is {status:?}, not completed")),
        }
    }
    let truth = |part: &str, field: &str| {
        let said = server["scan_result"][part]["result"][field].as_bool();
        said.ok_or_else(|| format!("sslyze: {part} has no {field}"))
    };
    let mut found = Vec::new();
    for (part, field) in [
        ("tls_1_3_early_data", "supports_early_data"),
        ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos"),
    ] {
        if truth(part, field)? {
            found.push((part.to_owned(), field.to_owned()));
        }
    }
    let headers = &server["scan_result"]["http_headers"]["result"];
    if !headers["strict_transport_security_header"].is_object() {
        let error = &headers["http_error_trace"];
        found.push(("http_headers".to_owned(), format!("no Strict-Transport-Security {error}")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_compliant_is_found_criterion_by_criterion() {
        let told = "x\n    localhost:1: FAILED - Not compliant.\n        * tls_versions: {'TLSv1'} are supported\n        \
                    * ciphers: {'A'} are, too\n\n";
        let pair = |id: &str, text: &str| (id.to_owned(), text.to_owned());
        assert_eq!(
            disagreements(told, "localhost:1"),
            Ok(vec![
                pair("tls_versions", "{'TLSv1'} are supported"),
                pair("ciphers", "{'A'} are, too")
            ])
        );
        assert_eq!(disagreements("    localhost:1: OK - Compliant.\n", "localhost:1"), Ok(vec![]));
    }

    #[test]
    fn a_server_that_was_not_judged_has_not_passed() {
        for told in [
            "",
            "   localhost:1               => ERROR: Server rejected the connection; discarding scan.\n",
            "    localhost:1: ERROR - Scan did not run successfully; review the scan logs above.\n",
            "    localhost:1: FAILED - Not compliant.\n\n",
            "    localhost:2: OK - Compliant.\n",
        ] {
            assert!(disagreements(told, "localhost:1").is_err(), "{told}");
        }
    }

    fn good() -> Value {
        let done = |result: Value| json!({"status": "COMPLETED", "result": result});
        json!({"server_scan_results": [{"scan_result": {
            "heartbleed": done(json!({"is_vulnerable_to_heartbleed": false})),
            "session_resumption": {"status": "NOT_SCHEDULED", "result": null},
            "tls_1_3_early_data": done(json!({"supports_early_data": false})),
            "session_renegotiation": done(json!({"is_vulnerable_to_client_renegotiation_dos": false})),
            "http_headers": done(json!({"strict_transport_security_header": {"max_age": 1}})),
        }}]})
    }

    #[test]
    fn each_part_beyond_the_configuration_is_judged() {
        assert_eq!(of_parts(&good().to_string()), Ok(vec![]));
        for (place, value) in [
            ("tls_1_3_early_data/result/supports_early_data", json!(true)),
            ("session_renegotiation/result/is_vulnerable_to_client_renegotiation_dos", json!(true)),
            ("http_headers/result/strict_transport_security_header", json!(null)),
        ] {
            let mut scan = good();
            *scan.pointer_mut(&format!("/server_scan_results/0/scan_result/{place}")).unwrap() =
                value;
            let found = of_parts(&scan.to_string()).unwrap();
            assert_eq!(found.len(), 1, "{place}");
            assert_eq!(found[0].0, place.split('/').next().unwrap());
        }
    }

    #[test]
    fn a_part_that_did_not_end_well_is_no_pass() {
        for (place, value) in [
            ("heartbleed/status", json!("ERROR")),
            ("http_headers/status", json!("NOT_SCHEDULED")),
            ("tls_1_3_early_data/result", json!(null)),
        ] {
            let mut scan = good();
            *scan.pointer_mut(&format!("/server_scan_results/0/scan_result/{place}")).unwrap() =
                value;
            assert!(of_parts(&scan.to_string()).is_err(), "{place}");
        }
        assert!(of_parts(r#"{"server_scan_results": []}"#).is_err());
        assert!(of_parts("").is_err());
    }
}
