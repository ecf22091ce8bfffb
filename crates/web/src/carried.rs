//! Texts that go from one page to the next without being readable there: a password between its form and the question
//! for a second factor, what an operator looks for in an address.
//!
//! A sealed text is bound to what it is and to whose page it stands on, and names its end: nobody else's page opens it,
//! and nothing is kept here. Order: seal with an end, carry, open once or often until then. Bound: the form's own. What
//! it never does: say why a text does not open.

use data_encoding::BASE64URL_NOPAD;
use money::Timestamp;

use crate::callers::CSRF_FIELD;
use crate::form::Form;
use crate::visit::Visit;

/// Fields that no page shows again, hidden or not.
const PASSWORDS: [&str; 2] = ["current_password", "new_password"];
/// Before the name of a field whose value is sealed.
const SEALED: &str = "sealed_";
/// Longer than a question for a factor can be answered.
const PASSWORD_SECONDS: i64 = 15 * 60;

/// Seals a text for its holder, for so long.
pub fn seal(visit: &Visit, (what, holder): (&str, &str), (text, seconds): (&str, i64)) -> String {
    let end = visit.site().settings.clock.now().plus_seconds(seconds).micros();
    let plain = [&end.to_be_bytes()[..], text.as_bytes()].concat();
    let sealed = (visit.site().settings.seal)(&row(what, holder), &plain);
    if sealed.is_none() {
        tracing::error!(what, "a page could not seal what it carries");
    }
    sealed.map(|sealed| BASE64URL_NOPAD.encode(&sealed)).unwrap_or_default()
}

/// A text that [`seal`] sealed for the same holder, until its end.
pub fn open(visit: &Visit, (what, holder): (&str, &str), sealed: &str) -> Option<String> {
    let settings = &visit.site().settings;
    let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
    let plain = (settings.open)(&row(what, holder), &sealed)?;
    let (end, text) = plain.split_first_chunk::<8>()?;
    let is_over = Timestamp::from_micros(i64::from_be_bytes(*end)) <= settings.clock.now();
    String::from_utf8(text.to_vec()).ok().filter(|_| !is_over)
}

/// A password of this form: typed in it, or carried on from the form before.
pub fn password(visit: &Visit, name: &str) -> String {
    let form = visit.form();
    if form.has(name) {
        return form.raw(name).to_owned();
    }
    let sealed = form.raw(&format!("{SEALED}{name}"));
    open(visit, (name, form.raw(CSRF_FIELD)), sealed).unwrap_or_default()
}

/// The fields of a form as the next page carries them, hidden: passwords sealed, all others as they are.
pub fn fields<'v>(visit: &'v Visit, form: &'v Form) -> Vec<(String, String)> {
    let holder = form.raw(CSRF_FIELD);
    let carry = |(name, value): (&'v str, &'v str)| {
        if PASSWORDS.contains(&name) {
            let sealed = seal(visit, (name, holder), (value, PASSWORD_SECONDS));
            return (format!("{SEALED}{name}"), sealed);
        }
        (name.to_owned(), value.to_owned())
    };
    form.fields().map(carry).collect()
}

/// The place of a text: at most 255 bytes, whatever a form calls its holder.
fn row(what: &str, holder: &str) -> Vec<u8> {
    let mut row = format!("{what} of {holder}").into_bytes();
    row.truncate(255);
    row
}
