//! Texts that the bank keeps: typed into a form that takes them, and read again where they are shown.

use testkit::browser::Page;

use super::world::World;
use super::{is_clean, is_there, packed, shows};
use crate::console::place;

/// How many of `all` a field must have taken, control characters and what is too long aside.
#[track_caller]
fn most_were_taken(what: &str, taken: usize, all: usize) {
    assert!((taken + 1) * 10 >= all * 7 && taken > 0, "{what} took {taken} of {all}");
}

/// After a form: shown where it led, or refused at its field with the text still in it.
#[track_caller]
fn taken(page: &Page, action: &str, (name, text): (&str, &str)) -> bool {
    is_clean(page);
    if page.status == 200 {
        assert!(shows(page, text), "{action}: {text:?} is not on {}: {}", page.path, page.html);
        return true;
    }
    assert_eq!(page.status, 422, "{action}: {text:?}: {}", page.html);
    assert!(is_there(page, action, (name, text)), "{action}: {text:?} was lost: {}", page.html);
    assert!(page.html.contains("aria-invalid=\"true\""), "{action}: {text:?}: {}", page.html);
    false
}

#[tokio::test]
async fn payees_memos_and_names_of_factors_are_what_was_typed() {
    let world = World::new().await;
    let browser = &world.customer;
    let texts = packed(140);
    let (mut names, mut reviews) = (0, 0);
    let at = world.real("/security/factors/{id}");
    let action = format!("{at}/rename");
    let form = browser.get(&at).await.expect(200).form(&action);
    let send = browser.get("/send").await.expect(200).form("/send/review");
    for text in &texts {
        let key = testkit::client::key();
        let page = browser.submit(&form, &[("name", text), ("key", &key)]).await;
        names += usize::from(taken(&page, &action, ("name", text)));
        let filled = [
            ("to", world.payee_number.as_str()),
            ("name", "Ravi Kumar"),
            ("amount", "0.05"),
            ("memo", text),
        ];
        let page = browser.submit(&send, &filled).await;
        reviews += usize::from(taken(&page, "/send/review", ("memo", text)));
    }
    most_were_taken("a factor's name", names, texts.len());
    most_were_taken("a memo", reviews, texts.len());
    let (form, mut opened) = (browser.get("/accounts/new").await.form("/accounts"), 0);
    // As many accounts as one may have, less the one that is there.
    let texts = &texts[..texts.len().min(98)];
    for text in texts {
        let key = testkit::client::key();
        let page =
            browser.submit(&form, &[("name", text), ("currency", "INR"), ("key", &key)]).await;
        opened += usize::from(taken(&page, "/accounts", ("name", text)));
    }
    most_were_taken("an account's name", opened, texts.len());
}

#[tokio::test]
async fn what_operators_write_is_shown_as_they_wrote_it() {
    let world = World::new().await;
    let cases = [
        ("/console/accounts/{id}", "deposit", "reference", &[("amount", "1.00")][..]),
        ("/console/accounts/{id}", "withdraw", "reference", &[("amount", "1.00")]),
        ("/console/merchants/{id}", "terms", "name", &[]),
        ("/console/merchants/{id}", "keys", "name", &[("mode", "test")]),
    ];
    for (at, verb, field, beside) in cases {
        let action = format!("{}/{verb}", world.real(at));
        let (browser, page) = world.with_form(at, &action).await;
        let form = page.form(&action);
        let texts = packed(140);
        // A merchant has so many keys.
        let texts = if verb == "keys" { &texts[..texts.len().min(15)] } else { &texts[..] };
        let mut done = 0;
        for text in texts {
            let key = testkit::client::key();
            let mut filled = vec![(field, text.as_str()), ("key", &key)];
            filled.extend(beside);
            let page = browser.submit(&form, &filled).await;
            done += usize::from(taken(&page, &action, (field, text)));
        }
        most_were_taken(&action, done, texts.len());
    }
}

/// A refund's reason is for the trail, and for who approves.
#[tokio::test]
async fn why_money_was_given_back_is_in_the_trail_as_it_was_typed() {
    let world = World::new().await;
    let at = world.real("/console/payments/{id}");
    let action = format!("{at}/refund");
    let (browser, page) = world.with_form("/console/payments/{id}", &action).await;
    let form = page.form(&action);
    let (texts, mut taken) = (packed(140), 0);
    for text in &texts {
        let key = testkit::client::key();
        let filled = [("reason", text.as_str()), ("amount", "0.01"), ("key", &key)];
        let page = browser.submit(&form, &filled).await;
        is_clean(&page);
        if page.status != 200 {
            assert!(is_there(&page, &action, ("reason", text)), "{text:?}: {}", page.html);
            continue;
        }
        taken += 1;
        let trail = browser.get("/console/events?action=refund.").await.expect(200);
        is_clean(&trail);
        assert!(shows(&trail, text), "{text:?}: {}", trail.html);
    }
    most_were_taken("a refund's reason", taken, texts.len());
}

/// Each is asked for by one operator and rejected by another, who says why.
#[tokio::test]
async fn reasons_notes_and_purposes_are_what_was_typed() {
    let world = World::new().await;
    let texts = packed(140);
    let customer = world.real("/console/customers/{id}");
    let (reveal, lock) = (format!("{customer}/reveal"), format!("{customer}/lock"));
    let (browser, page) = world.with_form("/console/customers/{id}", &reveal).await;
    let (form, mut purposes) = (page.form(&reveal), 0);
    let _locked = browser.submit(&page.form(&lock), &[]).await.expect(200);
    let locked = browser.get(&customer).await.expect(200);
    let unlock = locked.form(&format!("{customer}/unlock"));
    let second = &world.operators[1];
    let mut reasons = 0;
    for text in &texts {
        let page = browser.submit(&form, &[("purpose", text)]).await;
        is_clean(&page);
        if page.status == 200 {
            purposes += 1;
            let trail = second.get("/console/events?action=customer.revealed").await;
            is_clean(&trail);
            assert!(shows(&trail, text), "{text:?}: {}", trail.html);
        } else {
            assert!(is_there(&page, &reveal, ("purpose", text)), "{text:?}: {}", page.html);
        }
        let key = testkit::client::key();
        let asked = browser.submit(&unlock, &[("key", &key)]).await.expect(200);
        let approval = place(&asked).to_owned();
        let action = format!("{approval}/reject");
        let page = second.get(&approval).await.expect(200);
        let page = second.submit(&page.form(&action), &[("reason", text)]).await;
        if taken(&page, &action, ("reason", text)) {
            reasons += 1;
        } else {
            let withdraw = asked.form(&format!("{approval}/withdraw"));
            let _withdrawn = browser.submit(&withdraw, &[]).await.expect(200);
        }
    }
    most_were_taken("a purpose", purposes, texts.len());
    most_were_taken("a reason", reasons, texts.len());
    let page = browser.get("/console/reconciliation").await.expect(200);
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/resolve"));
    let form = form.expect("a difference");
    let worst = &texts[texts.len() / 2];
    let _done = browser.submit(&form, &[("note", worst)]).await.expect(200);
    let all = browser.get("/console/reconciliation?open=false").await.expect(200);
    is_clean(&all);
    assert!(all.says(worst), "{worst:?}: {}", all.html);
}
