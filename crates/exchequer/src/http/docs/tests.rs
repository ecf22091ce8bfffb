//! Escaping, the little Markdown, the frame.

use super::markdown::{Blocks, Inline, anchor, headings};
use super::markup::escape;
use super::*;
use crate::http::codes::Code;

fn reference() -> String {
    let routes = crate::http::routes();
    reference_page(&routes, &crate::http::openapi::document(&routes))
}

// ASVS 1.2.1: a text is escaped where it is put into a page, in elements and in attributes.
#[test]
fn nothing_of_a_text_is_markup() {
    let cases = [
        ("", ""),
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("\"'><script>", "&quot;&#39;&gt;&lt;script&gt;"),
        ("₹ – no change", "₹ – no change"),
    ];
    for (text, expected) in cases {
        assert_eq!(escape(text).to_string(), expected);
    }
}

// ASVS 1.2.2: a link is made of a path or an https address only, never of a script.
#[test]
fn inline_marks_become_tags_and_all_else_stays() {
    let cases = [
        ("send `a<b`", "send <code>a&lt;b</code>"),
        ("**must** not", "<strong>must</strong> not"),
        ("[the page](/docs)", "<a href=\"/docs\">the page</a>"),
        ("[out](https://example.com/?a=1&b)", "<a href=\"https://example.com/?a=1&amp;b\">out</a>"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](//evil.example)", "[x](//evil.example)"),
        ("2 * 3, a[0], `open", "2 * 3, a[0], `open"),
        ("**`x`**", "<strong>`x`</strong>"),
        ("`**x**`", "<code>**x**</code>"),
    ];
    for (text, expected) in cases {
        assert_eq!(Inline(text).to_string(), expected);
    }
}

#[test]
fn blocks_open_and_close() {
    let text =
        "## A b\nfirst\nsecond\n\n- one\n  more\n- two\n1. three\n\n```\n- <x>\n\n## no\n```\nend";
    let expected = "<h2 id=\"a-b\">A b</h2>\n<p>first\nsecond</p>\n<ul>\n<li>one\nmore</li>\n<li>two</li></ul>\n\
                    <ol>\n<li>three</li></ol>\n<pre><code>- &lt;x&gt;\n\n## no\n</code></pre>\n<p>end</p>\n";
    assert_eq!(Blocks(text).to_string(), expected);
    assert_eq!(headings(text).collect::<Vec<_>>(), ["A b"]);
    assert_eq!(anchor("Ids, numbers & times"), "ids-numbers-times");
}

#[test]
fn every_code_has_its_anchor_on_the_page_of_errors() {
    let page = errors_page();
    for code in Code::ALL {
        let anchor = format!("<div id=\"{}\">", code.as_str());
        assert_eq!(page.matches(&anchor).count(), 1, "{anchor}");
    }
}

#[test]
fn pages_hold_to_their_policy() {
    for page in [errors_page(), reference()] {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
        for forbidden in
            ["<script", "<style", " style=", "javascript:", " onclick", "<img", "<form"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("<main id=\"content\"").count(), 1);
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(page.matches(" aria-current=\"page\"").count() <= 1);
    }
    for forbidden in ["@import", "url(", "http:", "https:"] {
        assert!(!STYLE.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn links_within_the_reference_lead_somewhere_and_ids_are_unique() {
    let page = reference();
    let values = |name: &str| -> Vec<String> {
        let mark = format!(" {name}=\"");
        let parts = page.split(mark.as_str()).skip(1);
        parts.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let ids = values("id");
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), ids.len(), "an id stands twice");
    let targets: Vec<_> =
        values("href").iter().filter_map(|l| l.strip_prefix('#').map(str::to_owned)).collect();
    assert!(targets.len() > 20);
    for target in targets {
        assert!(ids.contains(&target), "#{target} leads nowhere");
    }
    for label in values("aria-labelledby") {
        assert!(ids.contains(&label), "{label} names nothing");
    }
}

#[test]
fn elements_are_closed_in_order() {
    const VOID: [&str; 2] = ["meta", "link"];
    for page in [errors_page(), reference()] {
        let mut open = Vec::new();
        for tag in page.split('<').skip(1).filter_map(|part| part.split('>').next()) {
            let name = tag.split_whitespace().next().unwrap_or_default();
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "</{closed}>");
            } else if !name.starts_with('!') && !VOID.contains(&name) {
                open.push(name);
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }
}
