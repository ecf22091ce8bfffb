//! Payees: compared, added once, chosen to send to, removed.

use exchequer::staff::model::Role;
use testkit::{Browser, Person, TestBank};

use crate::signed_in;

const HOSTILE: &str = "\"><script>alert(1)</script>'&amp;<img src=x onerror=alert(1)>";

async fn number_of(bank: &TestBank, person: &Person) -> String {
    let account = bank.account(person, "INR").await;
    person.client.get(&format!("/v1/accounts/{account}")).await.text("/number")
}

/// Adds a payee by the pages; gives the path where it ended.
async fn added(browser: &Browser, number: &str, name: &str) -> String {
    let form = browser.get("/payees/new").await.expect(200).form("/payees/review");
    let filled = [("account", number), ("name", name)];
    let review = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(review.form("/payees").value("name"), Some(name));
    browser.submit(&review.form("/payees"), &[]).await.expect(200).path
}

#[tokio::test]
async fn a_payee_is_compared_added_once_and_sent_to() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let _account = bank.account(&asha, "INR").await;
    let ravi = bank.customer("Ravi Kumar").await;
    let number = number_of(&bank, &ravi).await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/payees/new").await.expect(200).form("/payees/review");
    for (name, advice) in [
        ("ravi kumar", "The name is that of the account's holder."),
        ("Somebody Else", "The name is not that of this account's holder"),
    ] {
        let review = browser.submit(&form, &[("account", &number), ("name", name)]).await;
        assert!(review.expect(200).says(advice), "{name}");
    }
    let review = browser.submit(&form, &[("account", &number), ("name", HOSTILE)]).await;
    assert!(asha.client.get("/v1/beneficiaries").await.json()["data"][0].is_null());
    let form = review.expect(200).form("/payees");
    let list = browser.submit(&form, &[]).await.expect(200);
    assert_eq!(list.path, "/payees?done=payee_added");
    let again = browser.submit(&form, &[]).await.expect(200);
    assert_eq!(again.path, list.path);
    assert!(again.says(HOSTILE) && again.says(&number), "{}", again.html);
    assert!(!again.html.contains("<script>alert") && !again.html.contains("<img"));
    assert_eq!(again.html.matches("/remove\"").count(), 1, "once: {}", again.html);
    let (_, link) = again.html.split_once("href=\"/send?payee=").expect("a link to send");
    let payee = link.split('"').next().unwrap();
    let send = browser.get(&format!("/send?payee={payee}")).await.expect(200);
    assert_eq!(send.form("/send/review").value("payee"), Some(payee));
    assert!(send.says(HOSTILE) && !send.html.contains("<img"), "{}", send.html);
}

#[tokio::test]
async fn a_payee_who_cannot_be_added_is_told_beside_the_field() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let own = number_of(&bank, &asha).await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/payees/new").await.form("/payees/review");
    for (account, name, at) in [
        ("", "Ravi", "account"),
        (own.as_str(), "", "name"),
        (HOSTILE, "Ravi", "account"),
        ("EX00 0000 0000 0000 00", HOSTILE, "account"),
        (own.as_str(), "a\u{7}", "name"),
    ] {
        let page = browser.submit(&form, &[("account", account), ("name", name)]).await.expect(422);
        assert!(page.html.contains(&format!("id=\"{at}-fault\"")), "{account} {name}");
        let back = page.form("/payees/review");
        assert_eq!((back.value("account"), back.value("name")), (Some(account), Some(name)));
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img"));
    }
}

#[tokio::test]
async fn change_leads_back_with_everything_typed() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let number = number_of(&bank, &bank.customer("ravi").await).await;
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/payees/new?account={number}");
    let form = browser.get(&path).await.form("/payees/review");
    assert_eq!(form.value("account"), Some(number.as_str()));
    let review = browser.submit(&form, &[("name", "Ravi")]).await.expect(200);
    let edit = browser.submit(&review.form("/payees/edit"), &[]).await.expect(200);
    let back = edit.form("/payees/review");
    assert_eq!((back.value("account"), back.value("name")), (Some(number.as_str()), Some("Ravi")));
}

#[tokio::test]
async fn a_payee_is_removed_after_a_question_and_nobody_elses_is() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let ravi = bank.customer("ravi").await;
    let number = number_of(&bank, &ravi).await;
    let browser = signed_in(&bank, &asha).await;
    assert_eq!(added(&browser, &number, "Ravi").await, "/payees?done=payee_added");
    let id = asha.client.get("/v1/beneficiaries").await.text("/data/0/id");
    let path = format!("/payees/{id}/remove");
    let ask = browser.get(&path).await.expect(200);
    assert!(ask.says("Remove this payee?") && ask.says("Ravi"), "{}", ask.html);
    // Somebody else finds nothing to ask about, and what they send does nothing.
    let other = signed_in(&bank, &ravi).await;
    assert_eq!(other.get(&path).await.status, 404);
    let token = other.get("/").await.form("/sign-out").value("csrf_token").unwrap().to_owned();
    let own = [("sec-fetch-site", "same-origin")];
    let _reply = other.post(&path, &format!("csrf_token={token}"), &own).await;
    assert_eq!(asha.client.get("/v1/beneficiaries").await.text("/data/0/id"), id);
    for _ in 0..2 {
        let list = browser.submit(&ask.form(&path), &[]).await.expect(200);
        assert_eq!(list.path, "/payees?done=payee_removed");
        assert!(list.says("There is nobody on your list yet."), "{}", list.html);
    }
}

#[tokio::test]
async fn a_new_payee_is_told_to_be_cooling_and_a_large_payment_waits() {
    let bank = TestBank::with(|config| {
        config.step_up.cooling_seconds = 3_600;
        config.step_up.cooling_amount = 1_000;
    })
    .await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let teller = bank.operator(Role::Teller).await;
    bank.deposit(&teller, &account, 200_000, "INR").await;
    let number = number_of(&bank, &bank.customer("ravi").await).await;
    let browser = signed_in(&bank, &asha).await;
    assert_eq!(added(&browser, &number, "Ravi").await, "/payees?done=payee_added");
    let list = browser.get("/payees").await.expect(200);
    assert!(list.says("New: large amounts from 5 Jan 2026, 4:30 pm"), "{}", list.html);
    let payee = asha.client.get("/v1/beneficiaries").await.text("/data/0/account");
    let form = browser.get("/send").await.form("/send/review");
    let filled = [("payee", payee.as_str()), ("amount", "1,000")];
    let review = browser.submit(&form, &filled).await.expect(200);
    let page = browser.submit(&review.form("/send"), &[]).await.expect(422);
    assert!(page.html.contains("id=\"payee-fault\""), "{}", page.html);
    assert!(page.says("This payee is new."), "{}", page.html);
    bank.advance(3_601);
    let browser = signed_in(&bank, &asha).await;
    let list = browser.get("/payees").await.expect(200);
    assert!(list.says("Ready") && !list.says("large amounts from"), "{}", list.html);
}
