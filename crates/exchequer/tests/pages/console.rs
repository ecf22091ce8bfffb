//! The operators' console, driven by its forms.

mod access;
mod approvals;
mod merchants;
mod money;
mod people;
mod rooms;
mod system;

use exchequer::staff::model::Role;
use testkit::browser::Page;
use testkit::{Browser, Person, TestBank};

/// Texts of people that would be something else where they are not text.
pub const HOSTILE: [&str; 3] = [
    "\"><script>alert(1)</script>",
    "'-alert(1)-' {{ 7 * 7 }} </td></table>&lt;b&gt;",
    "\u{202e}txet <img src=x onerror=alert(1)> ﷽",
];

/// A new operator of a role, signed in by the form.
pub async fn at_console(bank: &TestBank, role: Role) -> (Browser, Person) {
    let person = bank.operator(role).await;
    (signed_in(bank, &person).await, person)
}

/// An operator's browser, signed in by the form.
pub async fn signed_in(bank: &TestBank, person: &Person) -> Browser {
    let browser = Browser::new(bank.client());
    let page = with_password(&browser, person).await.expect(200);
    // Each code is taken once.
    bank.advance(30);
    let form = page.form("/console/sign-in/code");
    let page = browser.submit(&form, &[("code", &bank.totp_code(person))]).await.expect(200);
    assert_eq!(page.path, "/console", "{}", page.html);
    browser
}

/// The first half of a sign-in.
pub async fn with_password(browser: &Browser, person: &Person) -> Page {
    let form = browser.get("/console/sign-in").await.expect(200).form("/console/sign-in");
    let filled = [("email", person.email.as_str()), ("password", person.password.as_str())];
    browser.submit(&form, &filled).await
}

/// Nothing of a person's text has become markup.
#[track_caller]
pub fn is_text(page: &Page, text: &str) {
    assert!(page.says(text), "{text} is not on {}: {}", page.path, page.html);
    for markup in ["<script>alert", "<img src=x", "</table>&lt;b"] {
        assert!(!page.html.contains(markup), "{markup} is on {}", page.path);
    }
}

/// The path of an answer without its query.
pub fn place(page: &Page) -> &str {
    page.path.split('?').next().unwrap_or_default()
}
