//! An operator's own access at the console: changed, replaced, and begun with a first password.

use exchequer::staff::model::Role;
use testkit::browser::Page;
use testkit::{Browser, Person, TestBank};

use super::{HOSTILE, at_console, place, signed_in, with_password};

const NEW: &str = "nine grey geese under a bridge";

/// What stands in the page's first `code` is the key, in groups.
fn key_of(bank: &TestBank, page: &Page) -> String {
    let after = page.html.split("<code>").nth(1).expect("a key");
    let key: String = after.split('<').next().expect("a key").split_whitespace().collect();
    bank.secret(&key);
    key
}

/// Nothing that was typed is shown again, whatever became of it.
#[track_caller]
fn keeps_quiet(page: &Page, person: &Person) {
    for secret in [&*person.password, NEW] {
        assert!(!page.html.contains(secret), "{} shows a password", page.path);
    }
}

// ASVS 6.2.2, 7.4.3: the page changes the password and signs out everywhere.
#[tokio::test]
async fn an_operator_changes_their_password_at_the_console() {
    let bank = TestBank::new().await;
    let (browser, mut teller) = at_console(&bank, Role::Teller).await;
    let page = browser.get("/console").await.expect(200);
    assert!(page.html.contains("href=\"/console/access\""));
    let form = browser.get("/console/access").await.expect(200).form("/console/access");
    bank.advance(30);
    let code = bank.totp_code(&teller);
    let fields =
        |current, new, code| [("current_password", current), ("new_password", new), ("code", code)];
    for (filled, status) in [
        (fields("not it at all", NEW, &*code), 401),
        (fields(&*teller.password, "short", &*code), 422),
        (fields(&*teller.password, NEW, "000000"), 401),
        (fields(&*teller.password, NEW, HOSTILE[0]), 422),
        (fields(HOSTILE[1], HOSTILE[2], "000000"), 401),
    ] {
        let page = browser.submit(&form, &filled).await.expect(status);
        assert!(HOSTILE.iter().all(|text| !page.html.contains(text) && !page.says(text)));
        assert!(page.html.contains("role=\"alert\""), "{}", page.html);
        keeps_quiet(&page, &teller);
    }
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let page = browser.submit(&form, &fields(&teller.password, NEW, &spaced)).await.expect(200);
    assert_eq!(place(&page), "/console/sign-in", "{}", page.html);
    assert!(page.says("Your password is changed"));
    assert_eq!(browser.visit("/console").await.status.as_u16(), 303);
    NEW.clone_into(&mut teller.password);
    let _in = signed_in(&bank, &teller).await;
}

#[tokio::test]
async fn an_operator_replaces_their_authenticator_at_the_console() {
    let bank = TestBank::new().await;
    let (browser, mut teller) = at_console(&bank, Role::Auditor).await;
    let path = "/console/access/authenticator";
    let form = browser.get(path).await.expect(200).form(path);
    bank.advance(30);
    let code = bank.totp_code(&teller);
    let filled = [("current_password", teller.password.as_str()), ("code", code.as_str())];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert!(page.html.contains("data:image/svg+xml;base64,"));
    let key = key_of(&bank, &page);
    let confirm = format!("{path}/confirm");
    // A wrong code shows the key again, to be typed.
    let form = page.form(&confirm);
    let page = browser.submit(&form, &[("code", "000000")]).await.expect(401);
    assert_eq!(key_of(&bank, &page), key);
    teller.totp_secret = Some(key);
    let form = page.form(&confirm);
    let code = bank.totp_code(&teller);
    let page = browser.submit(&form, &[("code", code.as_str())]).await.expect(200);
    assert!(page.says("Your new authenticator app serves now"), "{}", page.html);
    let _in = signed_in(&bank, &teller).await;
}

// PCI DSS 8.3.5: at the console, too, a first password leads to a password of one's own and to nothing else.
#[tokio::test]
async fn a_reset_shows_a_first_password_once_and_it_leads_to_a_password_of_ones_own() {
    let bank = TestBank::with(|config| config.approvals.are_required = false).await;
    let (admin, _) = at_console(&bank, Role::Admin).await;
    let (out, teller) = at_console(&bank, Role::Teller).await;
    let page = admin.get("/console/members").await.expect(200);
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/reset"));
    let form = form.expect("a form");
    let page = admin.submit(&form, &[]).await.expect(200);
    assert!(page.says("The first password"), "{}", page.html);
    let first = key_of(&bank, &page);
    // The same form again is the same act, with the same answer; any other page has it no more.
    let again = admin.submit(&form, &[]).await.expect(200);
    assert_eq!(key_of(&bank, &again), first);
    let page = admin.get("/console/members").await.expect(200);
    assert!(page.says("First password") && !page.html.contains(&first));
    assert_eq!(out.visit("/console").await.status.as_u16(), 303);
    let browser = Browser::new(bank.client());
    let person = Person { password: first.clone(), ..teller.clone() };
    let page = with_password(&browser, &person).await.expect(200);
    assert!(page.says("This was a first password"));
    let mut renewed = Person { password: NEW.to_owned(), ..teller };
    renewed.totp_secret = Some(key_of(&bank, &page));
    let form = page.form("/console/sign-in/renew");
    let code = bank.totp_code(&renewed);
    let weak = [("new_password", "short"), ("code", code.as_str())];
    let page = browser.submit(&form, &weak).await.expect(422);
    assert_eq!(Some(key_of(&bank, &page)), renewed.totp_secret);
    let form = page.form("/console/sign-in/renew");
    let filled = [("new_password", NEW), ("code", code.as_str())];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert!(page.says("The password is yours now"), "{}", page.html);
    keeps_quiet(&page, &person);
    let _in = signed_in(&bank, &renewed).await;
    let page = with_password(&browser, &person).await;
    assert_eq!(page.status, 401);
}
