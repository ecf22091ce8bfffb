//! Which fields the firewall does not look into: derived from the OpenAPI document and the pages' forms, so that a
//! new field of free text is never blocked because somebody forgot a list.
//!
//! `EXCHEQUER_TEST_WRITE=1 cargo test -p exchequer --test edge fields` writes the file anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Those of them whose honest values have blanks: texts of several words, and what people type into a form.
const SPACED: [&str; 9] = [
    "account",
    "addresses",
    "amount",
    "challenge_methods",
    "from",
    "next",
    "payee",
    "public_key",
    "to",
];

/// Those of which the document has no form, and yet no value that fits has such a character: the bank's own names in filters of the event
/// log, and networks, which are parsed.
const HELD: [&str; 4] = ["action", "addresses", "outcome", "resource"];

/// Fields with so strict a form that no honest value looks like an attack: they stay looked at. Everything else that is text is
/// free text, or a secret that no log of a proxy may quote.
const STRICT: [&str; 37] = [
    "account",
    "action",
    "actor",
    "addresses",
    "algorithm",
    "amount",
    "capture",
    "card",
    "challenge",
    "challenge_methods",
    "csrf_token",
    "currency",
    "cursor",
    "direction",
    "enrol_key",
    "event",
    "events",
    "factor",
    "format",
    "from",
    "key",
    "kind",
    "merchant",
    "method",
    "mode",
    "next",
    "outcome",
    "payee",
    "public_key",
    "resource",
    "settlement_account",
    "status",
    "to",
    "answer_with",
    "days",
    "overlap",
    "refund_limit",
];

const HEAD: &str = "\
# Fields, by what they hold. Those of free text, and secrets, are not looked into, since the bank treats them as text (never as SQL, HTML, a path or a command; its
# tests send it the list of naughty strings), and since the firewall's log quotes what it finds.
#
# Written by the test of crates/exchequer/tests/edge/fields.rs from the OpenAPI document and the pages' forms; do not edit.
";

const STRICT_HEAD: &str = "
# Those with a form of their own: no honest value has a character that means something to a shell, a database or a page. Short attacks
# that the rule set lets pass end here. Each rule only notes the field's name, and the last one refuses by that: the log quotes what
# a refusing rule found, and that would be the value.
";

const STRICT_END: &str = "\
SecRule TX:strict_field \"@rx .\" \\
    \"id:100199,phase:2,deny,status:403,log,t:none,msg:'A value of %{TX.strict_field} has a character that none has'\"
";

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/edge/nginx/fields.conf")
}

/// Every text of a schema, by the name of its field; of a map and of a value of any kind with what stands below it.
struct Walk<'d> {
    schemas: &'d Value,
    texts: BTreeMap<String, bool>,
    /// Those that anybody may write anything into, in some request.
    free: BTreeSet<String>,
}

/// Whether a text's schema leaves it to whoever writes: no enumeration and no form, or one that only says what is not in it.
fn is_free(text: &Value) -> bool {
    let pattern = text["pattern"].as_str();
    let is_open = pattern.map_or(text["format"].is_null(), |pattern| pattern.contains("[^"));
    text["enum"].is_null() && is_open
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, name: &str, depth: u32) {
        if depth > 12 {
            return; // a schema that holds itself has no new names further down
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name_of = reference.rsplit('/').next().unwrap_or_default();
            let next = self.schemas[name_of].clone();
            return self.schema(&next, name, depth + 1);
        }
        for join in ["oneOf", "anyOf", "allOf"] {
            for part in schema[join].as_array().into_iter().flatten() {
                self.schema(part, name, depth + 1);
            }
        }
        let kinds = &schema["type"];
        let is = |kind: &str| {
            *kinds == kind || kinds.as_array().is_some_and(|all| all.iter().any(|k| k == kind))
        };
        let has_map = schema["additionalProperties"].is_object();
        let is_open = has_map || (is("object") && schema["properties"].is_null());
        if (is("string") && schema["enum"].is_null()) || is_open {
            *self.texts.entry(name.to_owned()).or_default() |= is_open;
        }
        if is_open || (is("string") && is_free(schema)) {
            let _known = self.free.insert(name.to_owned());
        }
        for (field, of) in schema["properties"].as_object().into_iter().flatten() {
            self.schema(of, field, depth + 1);
        }
        if schema["items"].is_object() {
            self.schema(&schema["items"], name, depth + 1);
        }
    }
}

/// Names with whether there is more below them, and those of free text.
fn of_document() -> (BTreeMap<String, bool>, BTreeSet<String>) {
    let document = exchequer::http::openapi::document(&exchequer::http::routes());
    let document: Value = serde_json::to_value(&document).expect("JSON");
    let schemas = &document["components"]["schemas"];
    let mut walk = Walk { schemas, texts: BTreeMap::new(), free: BTreeSet::new() };
    for operations in document["paths"].as_object().expect("paths").values() {
        for operation in operations.as_object().expect("operations").values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    let name = parameter["name"].as_str().expect("a name");
                    walk.schema(&parameter["schema"], name, 0);
                }
            }
            for content in operation["requestBody"]["content"].as_object().into_iter().flatten() {
                walk.schema(&content.1["schema"], "", 0);
            }
        }
    }
    (walk.texts, walk.free)
}

/// What the pages read of forms, in the words of their source: `form.text("memo")`.
fn of_forms(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the pages' source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            of_forms(&path, names);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        for verb in ["form.text(\"", "form.raw(\"", "form.some(\""] {
            for rest in source.split(verb).skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                names.insert(name.to_owned());
            }
        }
    }
}

fn expected() -> String {
    let (document, _) = of_document();
    let mut names: BTreeSet<String> = document.keys().cloned().collect();
    of_forms(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src"), &mut names);
    names.remove(""); // the body itself
    names.retain(|name| !STRICT.contains(&name.as_str()));
    let mut text = HEAD.to_owned();
    for name in &names {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name:?}");
        // No alternatives in a pattern: ModSecurity ends a variable at the bar.
        let mut ends = vec!["(?:\\.array_\\d+)?$"];
        if document.get(name) == Some(&true) {
            ends.push("\\.");
        }
        for end in ends {
            let place = format!("/^(?:json\\.(?:.*\\.)?)?{name}{end}/");
            let line = format!("SecRuleUpdateTargetByTag \"OWASP_CRS\" \"!ARGS:{place}\"\n");
            text.push_str(&line);
        }
    }
    text.push_str(STRICT_HEAD);
    for (number, name) in STRICT.iter().enumerate() {
        let id = 100_100 + number;
        let blank = if SPACED.contains(name) { "" } else { "\\s" };
        let rule = format!(
            "SecRule ARGS:/^(?:json\\.(?:.*\\.)?)?{name}(?:\\.array_\\d+)?$/ \"@rx [`|$;<>\\x22'\\x5c(){{}}{blank}]\" \\\n    \
             \"id:{id},phase:2,pass,nolog,t:none,setvar:'tx.strict_field={name}'\"\n"
        );
        text.push_str(&rule);
    }
    text.push_str(STRICT_END);
    text
}

#[test]
fn the_firewall_looks_into_no_free_text() {
    let expected = expected();
    assert!(expected.contains("memo") && expected.contains("metadata"), "{expected}");
    if std::env::var_os("EXCHEQUER_TEST_WRITE").is_some() {
        std::fs::write(committed(), &expected).expect("the file is written");
    }
    let found = std::fs::read_to_string(committed()).expect("the committed file");
    assert_eq!(found, expected, "EXCHEQUER_TEST_WRITE=1 writes it");
}

#[test]
fn a_field_that_is_looked_into_has_a_form_of_its_own_in_every_request() {
    let (_, free) = of_document();
    // Whose a card is, in the merchant's own words, is free text that has a pattern.
    assert!(free.contains("customer") && free.contains("metadata"), "{free:?}");
    let found: Vec<&str> = STRICT.into_iter().filter(|name| free.contains(*name)).collect();
    assert_eq!(found, HELD, "free text is no strict field");
}
