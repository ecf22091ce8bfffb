//! The pages, driven through their forms as a browser would: the bank in the process, one file per area.

mod console;
mod entrance;
mod everywhere;

use testkit::{Browser, Person, TestBank};

/// A browser in which this person has signed in by the form.
pub async fn signed_in(bank: &TestBank, person: &Person) -> Browser {
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.expect(200).form("/sign-in");
    let filled = [("email", person.email.as_str()), ("password", person.password.as_str())];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(page.path, "/", "{}", page.html);
    browser
}

/// A path of a page: its `{…}` filled with an id that is nobody's.
pub fn filled(path: &str) -> String {
    let id = if path.starts_with("/console") { console_id(path) } else { "acc" };
    path.replace("{id}", &format!("{id}_00000000000000000000000000"))
        .replace("{endpoint}", "whk_00000000000000000000000000")
        .replace("{key}", "key_00000000000000000000000000")
        .replace("{name}", "x.css")
}

/// What an id in this room begins with.
fn console_id(path: &str) -> &'static str {
    match path.split('/').nth(2) {
        Some("customers") => "cus",
        Some("transfers") => "trf",
        Some("payments") => "pay",
        Some("reconciliation") => "dif",
        Some("approvals") => "apr",
        Some("merchants") => "mer",
        Some("members") => "stf",
        _ => "acc",
    }
}
