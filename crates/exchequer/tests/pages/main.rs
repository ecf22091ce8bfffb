//! The pages, driven through their forms as a browser would: the bank in the process, one file per area.

mod accounts;
mod alerts;
mod console;
mod doors;
mod entrance;
mod everywhere;
mod naughty;
mod payees;
mod security;
mod sending;

use serde_json::{Value, json};
use testkit::browser::Page;
use testkit::{Browser, Person, TestBank};

/// A browser in which this person has signed in by the form.
pub(crate) async fn signed_in(bank: &TestBank, person: &Person) -> Browser {
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.expect(200).form("/sign-in");
    let filled = [("email", person.email.as_str()), ("password", person.password.as_str())];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(page.path, "/", "{}", page.html);
    browser
}

/// What a page gives the browser for a security key, and the browser's answer to it.
pub(crate) fn key_options(page: &Page) -> Value {
    let (_, rest) = page.html.split_once("data-webauthn=\"").expect("a form for a key");
    let text = rest.split('"').next().unwrap_or_default();
    let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&");
    json!({ "publicKey": serde_json::from_str::<Value>(&text).expect("options are JSON") })
}

/// A path of a page: its `{…}` filled with an id that is nobody's.
pub(crate) fn filled(path: &str) -> String {
    let id = if path.starts_with("/console") { console_id(path) } else { "acc" };
    path.replace("{id}", &format!("{id}_00000000000000000000000000"))
        .replace("{endpoint}", "whk_00000000000000000000000000")
        .replace("{key}", "key_00000000000000000000000000")
        .replace("{name}", "x.css")
        .replace("{currency}", "INR")
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
