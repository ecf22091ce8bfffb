//! Every string of the "big list of naughty strings" in every field of both sites: what a person typed comes back as the
//! same text, whether it was taken or refused, and never as markup.
//!
//! The list is read from the folder in `EXCHEQUER_REFS`; without it a few strings of our own stand in. [`forms`] has the
//! table of all forms with their fields and compares it with what the pages really contain; [`stored`] looks at texts that
//! are kept. Strings are joined up to the length that a field takes, so that all of them are a few dozen requests a form.

mod forms;
mod stored;
mod world;

use std::collections::VecDeque;
use std::path::Path;

use testkit::browser::{Form, Page, Typed};

/// Where the list is not there: markup, quotes, templates, directions, blanks, control characters.
const OWN: [&str; 8] = [
    "\"><script>alert(1)</script>",
    "'-alert(1)-' {{ 7 * 7 }} </td></table>&lt;b&gt;",
    "\u{202e}txet <img src=x onerror=alert(1)> ﷽",
    "1E+02",
    "\u{2028}\u{feff}line",
    "Roses are \u{1b}[0;31mred\u{1b}[0m",
    "' OR 1=1 -- 1",
    "javascript:alert(1)",
];
/// Longer is refused everywhere; shown again all the same.
const LONGEST: usize = 1_000;

/// All strings that are not blank.
#[expect(clippy::print_stderr, reason = "a test says what it could not try")]
pub fn strings() -> Vec<String> {
    let Some(folder) = std::env::var_os("EXCHEQUER_REFS") else {
        eprintln!("EXCHEQUER_REFS is not set: only a few hostile strings of our own were typed");
        return OWN.map(str::to_owned).to_vec();
    };
    let list = std::fs::read(Path::new(&folder).join("blns.json")).expect("the list");
    let list: Vec<String> = serde_json::from_slice(&list).expect("a list of strings");
    list.into_iter().filter(|text| !text.trim().is_empty()).collect()
}

/// Strings joined by blanks into texts of at most `most` characters; a longer string is cut. What has control characters,
/// which hardly any field takes, stands by itself.
pub fn packed(most: usize) -> Vec<String> {
    let most = most.min(LONGEST);
    let mut out: Vec<String> = Vec::new();
    let (odd, plain): (Vec<_>, Vec<_>) =
        strings().into_iter().partition(|text| text.chars().any(char::is_control));
    for text in plain {
        let text: String = text.chars().take(most).collect::<String>().trim().to_owned();
        match out.last_mut() {
            Some(last) if last.chars().count() + 1 + text.chars().count() <= most => {
                last.push(' ');
                last.push_str(&text);
            }
            _ => out.push(text),
        }
    }
    out.extend(odd.into_iter().map(|text| text.chars().take(most).collect()));
    // A cut can leave blanks alone.
    out.retain(|text| !text.trim().is_empty());
    out
}

/// The texts that a form's fields are to be filled with, one set after another, until each field had all of them.
pub struct Fillings {
    fields: Vec<(Typed, VecDeque<String>)>,
}

impl Fillings {
    pub fn of(form: &Form, but: &[&str]) -> Self {
        let fields = form.typed.iter().filter(|field| !but.contains(&&*field.name));
        let full = |field: &Typed| (field.clone(), VecDeque::from(packed(field.max_chars)));
        Self { fields: fields.map(full).collect() }
    }
}

impl Iterator for Fillings {
    type Item = Vec<(String, String)>;

    /// A field that has had all begins again while others go on, so that it is never empty.
    fn next(&mut self) -> Option<Self::Item> {
        if self.fields.iter().all(|(_, left)| left.is_empty()) {
            return None;
        }
        let take = |(field, left): &mut (Typed, VecDeque<String>)| {
            let text = left.pop_front().unwrap_or_else(|| OWN[0].to_owned());
            (field.name.clone(), text)
        };
        Some(self.fields.iter_mut().map(take).collect())
    }
}

/// As the bank takes a line of text: without blanks around it.
pub fn typed(text: &str) -> &str {
    text.trim()
}

/// The page has nothing that is not of our templates.
#[track_caller]
pub fn is_clean(page: &Page) {
    assert!(page.status < 500, "{}: {}", page.path, page.html);
    assert_eq!(page.foreign_tag(), None, "on {}: {}", page.path, page.html);
}

/// A text that was typed stands on the page as itself: in its field, or where it is shown.
pub fn is_there(page: &Page, action: &str, (name, text): (&str, &str)) -> bool {
    let forms = page.forms();
    let mut echoed = forms.iter().filter(|form| form.action == action);
    let in_field = echoed.any(|form| form.value(name).map(typed) == Some(typed(text)));
    in_field || shows(page, text)
}

/// A text is a text node of the page, or the end of one, as behind "Memo: "; or a value that a form carries on.
pub fn shows(page: &Page, text: &str) -> bool {
    let text = typed(text);
    page.texts().iter().any(|node| node == text)
        || page.attributes().iter().any(|value| value == text)
}
