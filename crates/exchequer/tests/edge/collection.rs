//! The rule set's own regression collection through our proxy: what is stopped before the bank, and why the rest is not.
//!
//! It is read from the checkout that `EXCHEQUER_TEST_CRS` names; without one there is nothing to send. A stage counts where a rule on
//! requests at paranoia level 1 is to find it. What comes through is sent again to proxies that have one kind of our exclusions
//! less: the one that stops it then says why. Some 3,000 requests, a minute or two.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::nginx::{HOST, Proxied, Rules, checkout, deployed, is_the_bank_s, missing};

/// Of a hundred stages that count so many are stopped, at the least; docs/edge.md has what became of each.
const STOPPED: usize = 89;
/// And so many may come through without our knowing why.
const UNEXPLAINED: usize = 20;

/// What is not looked into, and the lines of ours that say so.
const EXCLUSIONS: [(&str, &[&str]); 3] = [
    (
        "free text or a secret, by the field's name",
        &["SecRuleUpdateTargetByTag \"OWASP_CRS\" \"!ARGS"],
    ),
    (
        "a cookie or a token",
        &[
            "SecRuleUpdateTargetByTag \"OWASP_CRS\" \"!REQUEST_COOKIES",
            "SecRuleUpdateTargetByTag \"OWASP_CRS\" \"!REQUEST_HEADERS",
        ],
    ),
    ("the body as one text", &["SecRuleUpdateTargetByTag \"OWASP_CRS\" \"!REQUEST_BODY"]),
];

/// A stage's request, and the rules that are to find it.
struct Stage {
    name: String,
    request: Vec<u8>,
    /// Number, file and severity of those at paranoia level 1 on requests.
    rules: Vec<(u64, String, String)>,
    is_honest: bool,
}

fn stages(folder: &Path) -> Vec<Stage> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge/collection.py");
    let mut python = Command::new("python3");
    let said = python.arg(script).arg(folder).arg(HOST).output().expect("Python 3");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let lines = String::from_utf8(said.stdout).expect("UTF-8");
    lines.lines().map(|line| stage(&serde_json::from_str(line).expect("JSON"))).collect()
}

fn stage(line: &Value) -> Stage {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let hex = text(&line["request"]);
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    let rules = line["rules"].as_array().expect("a list").iter();
    let counted =
        rules.filter(|rule| rule["level"] == 1 && text(&rule["file"]).starts_with("REQUEST-"));
    Stage {
        name: text(&line["name"]),
        request: (0..hex.len()).step_by(2).map(byte).collect(),
        rules: counted
            .map(|rule| {
                let number = rule["id"].as_u64().expect("a number");
                (number, text(&rule["file"]), text(&rule["severity"]))
            })
            .collect(),
        is_honest: line["is_honest"] == true,
    }
}

/// Whether a file of the rule set is one that `firewall.conf` loads.
fn is_loaded(file: &str) -> bool {
    let rules = deployed("firewall.conf");
    let mut loaded = rules.lines().filter_map(|line| line.rsplit_once("/crs/").map(|(_, it)| it));
    loaded.any(|it| it.strip_suffix("*.conf").map_or(it == file, |start| file.starts_with(start)))
}

/// What became of a stage.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// Stopped, and the rule that is to find it did.
    ByItsRule,
    ByAnotherRule,
    /// nginx itself took it for no request.
    ByNginx,
    /// At the bank, though its rule found it: what that one adds is less than the threshold.
    ThroughFound,
    Through,
}

async fn fate(proxied: &Proxied, stage: &Stage) -> Fate {
    let before = proxied.log_length();
    let answer = proxied.send(&stage.request).await;
    let log = proxied.log_from(before);
    let found = stage.rules.iter().any(|(number, ..)| log.contains(&format!("[id \"{number}\"]")));
    match (is_the_bank_s(&answer), found) {
        (true, true) => Fate::ThroughFound,
        (true, false) => Fate::Through,
        (false, true) => Fate::ByItsRule,
        (false, false) if answer.contains("refused_at_edge") || log.contains("[id \"") => {
            Fate::ByAnotherRule
        }
        (false, false) => Fate::ByNginx,
    }
}

type Groups<'a> = BTreeMap<&'static str, Vec<&'a Stage>>;

/// Sorts what came through by what of ours lets it in; what none of it explains stays.
async fn explain<'a>(mut through: Vec<&'a Stage>, groups: &mut Groups<'a>) -> Vec<&'a Stage> {
    for (why, lines) in EXCLUSIONS {
        let proxied = Proxied::start(Rules::Without(lines)).await;
        let mut left = Vec::new();
        for stage in through {
            match fate(&proxied, stage).await {
                Fate::Through | Fate::ThroughFound => left.push(stage),
                Fate::ByItsRule | Fate::ByAnotherRule | Fate::ByNginx => {
                    groups.entry(why).or_default().push(stage);
                }
            }
        }
        proxied.end().await;
        through = left;
    }
    through
}

#[tokio::test]
async fn the_rule_set_s_own_collection_ends_before_the_bank() {
    let Some(folder) = checkout().filter(|_| missing().is_none()) else {
        println!("EXCHEQUER_TEST_CRS names no checkout of the rule set");
        return;
    };
    let all = stages(&folder);
    let counted: Vec<&Stage> = all.iter().filter(|stage| !stage.rules.is_empty()).collect();
    let proxied = Proxied::start(Rules::Without(&[])).await;
    let (mut groups, mut through, mut stopped) = (Groups::new(), Vec::new(), [0; 3]);
    for &stage in &counted {
        match fate(&proxied, stage).await {
            Fate::ByItsRule => stopped[0] += 1,
            Fate::ByAnotherRule => stopped[1] += 1,
            Fate::ByNginx => stopped[2] += 1,
            Fate::ThroughFound => {
                groups.entry("found, and below the threshold").or_default().push(stage);
            }
            Fate::Through if stage.rules.iter().any(|(_, file, _)| is_loaded(file)) => {
                through.push(stage);
            }
            Fate::Through => groups.entry("for a part that is not loaded").or_default().push(stage),
        }
    }
    let (mut honest, mut refused) = (0, 0);
    for stage in all.iter().filter(|stage| stage.is_honest) {
        honest += 1;
        refused += usize::from(!is_the_bank_s(&proxied.send(&stage.request).await));
    }
    proxied.end().await;
    let unexplained = explain(through, &mut groups).await;
    let unknown = unexplained.len();
    groups.insert("not found by its rule here", unexplained);
    println!("{} stages, {} of rules on requests at level 1", all.len(), counted.len());
    println!("stopped by its rule, by another, by nginx itself: {stopped:?}");
    println!("of {honest} that its own rule is not to find, {refused} stopped");
    for (why, stages) in &groups {
        println!("{}: {why}", stages.len());
        for stage in stages {
            let (_, _, severity) = &stage.rules[0];
            println!("    {} {severity} {:.300}", stage.name, stage.request.escape_ascii());
        }
    }
    assert!(counted.len() > 1_000, "{}", counted.len());
    let stopped: usize = stopped.iter().sum();
    assert!(stopped * 100 >= counted.len() * STOPPED, "{stopped} of {}", counted.len());
    assert!(unknown <= UNEXPLAINED, "{unknown}");
}
