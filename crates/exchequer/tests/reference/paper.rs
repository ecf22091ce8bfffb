//! What `docs/operating.md` and `docs/threats.md` say of signing in is what the program does.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use exchequer::config::{Config, Profile};
use exchequer::http::routes;
use exchequer::http::routes::Access;
use http::Method;
use serde_json::Value;

use super::{each_object, operations, value};

/// A part of a paper, its heading left out, up to the next heading of any rank.
pub fn section(paper: &str, heading: &str) -> &'static str {
    static OPERATING: LazyLock<String> = LazyLock::new(|| read("operating.md"));
    static THREATS: LazyLock<String> = LazyLock::new(|| read("threats.md"));
    let text = if paper == "operating.md" { &OPERATING } else { &THREATS };
    let (_, rest) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("docs/{paper} has no {heading:?}"));
    rest.split("\n#").next().unwrap_or_default()
}

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn config() -> Config {
    Config::demo("unused".into(), "127.0.0.1:0".parse().expect("an address"))
}

// ASVS 6.1.2: the words that make no password are listed where the operator reads about passwords.
#[test]
fn the_words_that_make_no_password_are_listed() {
    let text = section("operating.md", "### Passwords");
    let listed = text.lines().find_map(|line| line.strip_prefix("> ")).expect("a list of words");
    let listed: Vec<&str> = listed.split(", ").collect();
    assert_eq!(listed, config().passwords.context_words);
    assert!(text.contains("`password_context_words`"), "how they are changed");
    let characters = |profile: Profile| profile.min_password_characters().to_string();
    let least = format!(
        "At least {} characters (profile `pci`: {})",
        characters(Profile::Default),
        characters(Profile::Pci)
    );
    assert!(text.contains(&least), "{least}");
    for profile in Profile::ALL {
        let asks = profile.letters_and_digits();
        assert_eq!(asks, profile == Profile::Pci, "{}", profile.name());
    }
}

/// Routes that somebody unknown signs in by, or gets nearer to it.
fn ways_in() -> BTreeSet<String> {
    let families = ["/v1/auth/", "/v1/web/session", "/v1/staff/login"];
    let table = routes();
    let public = table.table().filter(|r| matches!(r.access, Access::Public(_)));
    let signing = public.filter(|r| {
        r.method != Method::GET && families.iter().any(|family| r.path.starts_with(family))
    });
    signing.map(|route| format!("{} {}", route.method, route.path)).collect()
}

/// Public routes whose answer can hold what signs in.
fn giving_tokens(document: &Value) -> BTreeSet<String> {
    let mut giving = BTreeSet::new();
    for (call, operation) in operations(document) {
        if operation["security"].as_array().is_none_or(|needed| !needed.is_empty()) {
            continue;
        }
        for (status, answer) in operation["responses"].as_object().expect("answers") {
            let schema = answer.pointer("/content/application~1json/schema");
            let Some(schema) = schema.filter(|_| status.starts_with('2')) else { continue };
            each_object(document, schema, 0, &mut |object| {
                let fields = &object["properties"];
                if ["access_token", "csrf_token"].iter().any(|name| fields.get(*name).is_some()) {
                    giving.insert(call.clone());
                }
            });
        }
    }
    giving
}

// ASVS 6.1.3, 6.3.4: every way in is documented with what it asks for, and there is no other.
#[test]
fn every_way_in_is_listed() {
    let text = section("operating.md", "### Ways in");
    let listed: BTreeSet<String> = text
        .split('`')
        .filter(|code| code.starts_with("POST /") || code.starts_with("GET /"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, ways_in());
    let giving = giving_tokens(&value());
    assert!(giving.len() >= 5, "{giving:?}");
    let secret: Vec<_> = giving.difference(&listed).collect();
    assert!(
        secret.is_empty(),
        "these give tokens, and docs/operating.md does not list them: {secret:?}"
    );
    assert!(text.contains("| merchants |"), "merchants sign, and that is a way in, too");
}

// ASVS 7.1.1, 7.1.2: the limits of sessions, their reasons, and how many at once.
// PCI DSS 8.2.8, 8.3.4: no profile waits longer than 15 minutes; `pci` locks half an hour after ten wrong tries.
// RBI DPSC 8: `rbi` waits no longer than 15 minutes.
// RTS 4: `psd2` waits five minutes, and locks after five wrong tries.
#[test]
fn the_limits_of_sessions_are_listed() {
    let text = section("operating.md", "### Sessions");
    let sessions = config().sessions;
    for profile in Profile::ALL {
        let (idle, absolute) = (profile.idle_seconds(), sessions.absolute_seconds);
        let lock = profile.lockout();
        let (name, failures, locked) = (profile.name(), lock.failures, lock.seconds);
        let row = format!("| `{name}` | {idle} s | {absolute} s | {failures} | {locked} s |");
        assert!(text.contains(&row), "no row {row}");
        assert!(idle <= 900 && absolute <= 43_200, "what is said of NIST SP 800-63B-4 is not so");
    }
    assert!(text.contains("NIST SP 800-63B-4"), "why these");
    let most = format!("At most {} sessions at once", sessions.max);
    assert!(text.contains(&most) && text.contains("`session_max`"), "{most}");
    assert_eq!(sessions.at_cap.name(), "end_oldest");
    assert!(text.contains("the oldest ends") && text.contains("session_at_cap"));
}
