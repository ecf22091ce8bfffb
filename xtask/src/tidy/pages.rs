//! ARCHITECTURE.md: what may not stand in a template of `crates/web`.
//!
//! Every text is escaped, and nothing is inline that the pages' Content-Security-Policy refuses.

use super::Finding;
use super::tree::Tree;

const TEMPLATES: &str = "crates/web/templates/";
const RULE: &str = "pages";

/// What, and why not.
const BANNED: [(&str, &str); 7] = [
    ("|safe", "a text is put in unescaped"),
    ("| safe", "a text is put in unescaped"),
    ("escape none", "a part is put in unescaped"),
    ("<style", "an inline style sheet"),
    (" style=", "an inline style"),
    ("javascript:", "an inline script"),
    ("http-equiv", "headers are set by `policy.rs`"),
];

/// The one that no header can say: without script a page leads away by itself, with it the timer of all tabs does.
const WITHOUT_SCRIPT: &str = "<noscript><meta http-equiv=\"refresh\"";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| source.path.starts_with(TEMPLATES)) {
        for (index, line) in source.text.lines().enumerate() {
            let looked_at = line.replace(WITHOUT_SCRIPT, "");
            let banned = BANNED.iter().filter(|(mark, _)| looked_at.contains(mark));
            let mut messages: Vec<&str> = banned.map(|(_, why)| *why).collect();
            if line.contains("<script") && !line.contains("<script src=") {
                messages.push("an inline script");
            }
            if has_event_attribute(line) {
                messages.push("an event attribute");
            }
            let at = index + 1;
            findings.extend(messages.iter().map(|why| Finding::new(&source.path, at, RULE, *why)));
        }
    }
    findings
}

/// ` onclick=` and its like.
fn has_event_attribute(line: &str) -> bool {
    line.split(" on").skip(1).any(|rest| {
        let name = rest.split('=').next().unwrap_or_default();
        rest.contains('=') && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inline_or_unescaped_is_found() {
        let bad = "<p>{{ name|safe }}</p>\n<p style=\"a\">\n<script>x</script>\n<a onclick=\"x\">\n\
                   <script src=\"/a.js\" defer></script>\n<p>one on=two once = on</p>\n";
        let tree = Tree::of(&[("crates/web/templates/a.html", bad), ("docs/a.html", bad)]);
        let lines: Vec<usize> = check(&tree).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn a_page_leads_away_by_itself_only_without_script() {
        let lead = "<meta http-equiv=\"refresh\" content=\"9;url=/\">\n";
        let text = format!("<noscript>{lead}</noscript>{lead}");
        let tree = Tree::of(&[("crates/web/templates/a.html", &text)]);
        let lines: Vec<usize> = check(&tree).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2]);
    }
}
