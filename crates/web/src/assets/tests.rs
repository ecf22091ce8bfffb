//! What our scripts do not do, looked for in their text. What they leave behind in a browser is looked at by `browser/`.

use std::collections::BTreeSet;
use std::path::Path;

use super::SCRIPT;

/// The parts of the one script, each without its comments.
fn parts() -> Vec<(&'static str, String)> {
    let parts = [
        ("forms", include_str!("../../assets/forms.js")),
        ("idle", include_str!("../../assets/idle.js")),
        ("list", include_str!("../../assets/list.js")),
        ("entrance", include_str!("../../assets/entrance.js")),
        ("keys", include_str!("../../assets/keys.js")),
    ];
    assert_eq!(SCRIPT, parts.map(|(_, text)| text).concat(), "these are the parts");
    parts.map(|(name, text)| (name, without_comments(text))).to_vec()
}

/// Our comments begin behind a blank; an address in a text does not.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let cut = if line.trim_start().starts_with("//") { Some(0) } else { line.find(" // ") };
        cut.map_or(line, |at| &line[..at]).trim_end()
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Words behind each `before`, as `form.`.
fn words_behind(text: &str, before: &str) -> BTreeSet<String> {
    let found = text.match_indices(before).map(|(at, _)| {
        let rest = &text[at + before.len()..];
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    });
    found.filter(|word| !word.is_empty()).collect()
}

// ASVS 3.2.3: each part of the script is a closure under strict rules, which leaves no name behind and writes nothing to
// the document or the window but the title.
#[test]
fn a_part_of_the_script_leaves_no_name_behind() {
    assert!(parts()[0].1.starts_with("\"use strict\";"), "the rules are strict for all of it");
    for (name, code) in parts() {
        let code = code.trim_start_matches("\"use strict\";").trim_start();
        assert!(code.starts_with("(() => {") && code.ends_with("\n})();"), "{name}");
        assert_eq!(code.matches("\n})();").count(), 1, "{name} is one closure");
        for object in ["document", "window", "globalThis", "self"] {
            for written in words_behind(code, &format!("{object}.")) {
                let assigned = format!("{object}.{written} = ");
                let may = assigned == "document.title = " || !code.contains(&assigned);
                assert!(may, "{name} writes {object}.{written}");
            }
        }
        assert!(!code.contains(" with (") && !code.contains("\nwith ("), "{name}");
    }
}

// ASVS 3.2.3: no field of a form has the name of a property that a script reads of forms, which it would shade; nor
// is an element looked up by being named, but in `elements`.
#[test]
fn no_field_shades_a_property_that_a_script_reads() {
    let read: BTreeSet<String> =
        parts().iter().flat_map(|(_, code)| words_behind(code, "form.")).collect();
    for known in ["addEventListener", "dataset", "elements", "requestSubmit"] {
        assert!(read.contains(known), "{known}: {read:?}");
    }
    let mut names = BTreeSet::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut names);
    assert!(names.contains("csrf_token") && names.len() > 20, "{names:?}");
    let shaded: Vec<_> = names.intersection(&read).collect();
    assert!(shaded.is_empty(), "{shaded:?}");
    for (name, code) in parts() {
        for lookup in ["document.forms", "document.all", "document.images", "document.links"] {
            assert!(!code.contains(lookup), "{name}: {lookup}");
        }
    }
}

/// Names and ids that templates give.
fn gather(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("templates") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a template");
        names.extend(words_behind(&text, " name=\""));
        names.extend(words_behind(&text, " id=\""));
    }
}

// ASVS 15.3.6: no script writes a property whose name it was given, nor touches a prototype.
#[test]
fn no_script_writes_a_property_by_a_name_from_outside() {
    for (name, code) in parts() {
        for banned in ["__proto__", "prototype", "Object.assign", "Object.setPrototypeOf", "eval("]
        {
            assert!(!code.contains(banned), "{name}: {banned}");
        }
        assert_eq!(computed_assignments(&code), Vec::<String>::new(), "{name}");
    }
    let found =
        computed_assignments("a[b] = 1;\nc.d['e'] += 2;\nconst [f] = g;\nif (h[i] === j) k();");
    assert_eq!(found, ["a[b] = 1;", "c.d['e'] += 2;"]);
}

/// Lines such as `thing[name] = value`.
fn computed_assignments(code: &str) -> Vec<String> {
    let is_assignment = |rest: &str| {
        let rest = rest.trim_start().trim_start_matches(['+', '-', '*', '|', '&', '?']);
        rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>")
    };
    let is_computed = |line: &str| {
        line.match_indices(']').any(|(at, _)| {
            let open = line[..at].rfind('[').unwrap_or(at);
            let before = line[..open].chars().next_back();
            let is_member = before.is_some_and(|c| c.is_ascii_alphanumeric() || "_)]".contains(c));
            is_member && is_assignment(&line[at + 1..])
        })
    };
    code.lines().filter(|line| is_computed(line)).map(|line| line.trim().to_owned()).collect()
}

// ASVS 14.3.3: no script of ours keeps anything in the browser.
#[test]
fn no_script_keeps_anything_in_the_browser() {
    for (name, code) in parts() {
        for store in [
            "localStorage",
            "sessionStorage",
            "indexedDB",
            "caches",
            "document.cookie",
            "cookieStore",
            "serviceWorker",
            "navigator.storage",
            "window.name",
        ] {
            assert!(!code.contains(store), "{name}: {store}");
        }
    }
}
