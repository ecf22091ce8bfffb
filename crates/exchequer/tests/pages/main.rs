//! The pages, driven through their forms as a browser would: the bank in the process, one file per area.

mod accounts;
mod entrance;
mod everywhere;
mod payees;
mod sending;

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
