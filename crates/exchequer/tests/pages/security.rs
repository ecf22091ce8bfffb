//! Factors, sessions, limits, the emergency stop and the password, by form.

use serde_json::{Value, json};
use testkit::browser::Page;
use testkit::{Browser, Person, TestBank};

use crate::{key_options, signed_in};

const HOSTILE: &str = "\"><script>alert(1)</script>'&amp;{{7*7}}";

/// Answers the question of a page by the password, as somebody without a factor does.
async fn by_password(browser: &Browser, page: &Page, action: &str, person: &Person) -> Page {
    let answer = [("answer_with", "answer:password"), ("code_password", &*person.password)];
    browser.submit(&page.form(action), &answer).await
}

/// Answers it by the authenticator's next code.
async fn by_totp(bank: &TestBank, browser: &Browser, asked: (&Page, &str, &Person)) -> Page {
    let (page, action, person) = asked;
    bank.advance(60);
    let code = bank.totp_code(person);
    let answer = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    browser.submit(&page.form(action), &answer).await
}

/// A browser of somebody who has an authenticator.
async fn signed_in_with_totp(bank: &TestBank, person: &mut Person) -> Browser {
    let _codes = bank.enrol_totp(person).await;
    signed_in_with_code(bank, person).await
}

async fn signed_in_with_code(bank: &TestBank, person: &Person) -> Browser {
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let filled = [("email", &*person.email), ("password", &*person.password)];
    let page = browser.submit(&form, &filled).await.expect(200);
    let page = by_totp(bank, &browser, (&page, "/sign-in/second", person)).await.expect(200);
    assert_eq!(page.path, "/");
    browser
}

async fn factors(person: &Person) -> Vec<Value> {
    let list = person.client.get("/v1/factors").await.expect(200).json();
    list["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_authenticator_is_set_up_and_its_recovery_codes_shown_once() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let page = browser.get("/security").await.expect(200);
    assert!(page.says("Nothing but the password"), "{}", page.html);
    let form = browser.get("/security/factors/add").await.form("/security/factors/authenticator");
    let page = browser.submit(&form, &[]).await.expect(200);
    assert!(page.html.contains("src=\"data:image/svg+xml;base64,"), "{}", page.html);
    let secret = |page: &Page| {
        let (_, rest) = page.html.split_once("data-copy=\"").expect("a key to copy");
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    let key = secret(&page);
    bank.secret(&key);
    asha.totp_secret = Some(key.clone());
    let wrong = bank.wrong_totp_code(&asha);
    let mut page = page;
    for typed in [&*wrong, "abc"] {
        page = browser.submit(&page.form("/security/factors/confirm"), &[("code", typed)]).await;
        assert!(page.status == 401 || page.status == 422, "{}", page.html);
        assert_eq!(secret(&page), key, "the same key, not another");
        assert!(page.html.contains("aria-invalid"), "{}", page.html);
    }
    let code = bank.totp_code(&asha);
    let page = browser.submit(&page.form("/security/factors/confirm"), &[("code", &*code)]).await;
    let page = page.expect(200);
    assert_eq!(page.html.matches("<li><code>").count(), 10, "{}", page.html);
    assert_eq!(page.reply.header("cache-control"), Some("no-store"));
    assert!(page.says("I have kept them"), "{}", page.html);
    let page = browser.get("/security").await.expect(200);
    assert!(page.says("Authenticator"), "{}", page.html);
    assert!(!page.html.contains("<li><code>"), "{}", page.html);
}

#[tokio::test]
async fn a_telephone_and_an_address_are_confirmed_by_code() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/security/factors/phone").await.expect(200);
    let page = browser.submit(&form.form("/security/factors/phone"), &[("phone", HOSTILE)]).await;
    let page = page.expect(422);
    assert_eq!(page.form("/security/factors/phone").value("phone"), Some(HOSTILE));
    let typed = [("phone", "+91 98765 43210")];
    let page = browser.submit(&page.form("/security/factors/phone"), &typed).await.expect(200);
    let send = [("answer_with", "send")];
    let page = browser.submit(&page.form("/security/factors/confirm"), &send).await.expect(200);
    assert!(page.says("A code is on its way"), "{}", page.html);
    let code = bank.newest_code("+919876543210").await;
    let code = [("code", &*code)];
    let page = browser.submit(&page.form("/security/factors/confirm"), &code).await.expect(200);
    assert!(page.says("Your recovery codes"), "{}", page.html);

    let form = browser.get("/security/factors/add").await.form("/security/factors/email");
    let asked = browser.submit(&form, &[]).await.expect(200);
    let send = [("answer_with", "send:sms")];
    let asked = browser.submit(&asked.form("/security/factors/email"), &send).await.expect(200);
    let code = bank.newest_code("+919876543210").await;
    let answer = [("answer_with", "answer:sms"), ("code_sms", &*code)];
    let page = browser.submit(&asked.form("/security/factors/email"), &answer).await.expect(200);
    let code = bank.newest_code(&asha.email).await;
    let code = [("code", &*code)];
    let page = browser.submit(&page.form("/security/factors/confirm"), &code).await.expect(200);
    assert_eq!(page.path, "/security?done=factor_added");
    assert!(page.says("no second factor"), "an address proves itself alone: {}", page.html);
}

#[tokio::test]
async fn a_passkey_gets_its_name_and_another_is_asked_about() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/security/factors/key").await.expect(200);
    let named = [("kind", "passkey"), ("name", HOSTILE)];
    let form = form.form("/security/factors/key");
    let page = browser.submit(&form, &named).await.expect(200);
    let mut key = bank.authenticator();
    let credential = key.create(&key_options(&page)).to_string();
    let made = [("credential", &*credential)];
    let form = page.form("/security/factors/key/add");
    for _ in 0..2 {
        let page = browser.submit(&form, &made).await.expect(200);
        assert_eq!(page.html.matches("<li><code>").count(), 10, "the same answer: {}", page.html);
    }
    let held = factors(&asha).await;
    assert_eq!((held.len(), held[0]["name"].as_str()), (1, Some(HOSTILE)));
    let page = browser.get("/security").await.expect(200);
    assert!(page.says(HOSTILE) && !page.html.contains("<script>alert"), "{}", page.html);
    let form = browser.get("/security/factors/add").await.form("/security/factors/authenticator");
    let page = browser.submit(&form, &[]).await.expect(200);
    let credential = key.get(&key_options(&page)).to_string();
    let answer = [("answer_with", "answer:webauthn"), ("credential", &*credential)];
    let form = page.form("/security/factors/authenticator");
    let page = browser.submit(&form, &answer).await.expect(200);
    assert!(page.html.contains("data:image/svg+xml"), "{}", page.html);
}

#[tokio::test]
async fn a_factor_is_renamed_and_removed_with_a_code_and_anothers_is_not_there() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let browser = signed_in_with_totp(&bank, &mut asha).await;
    let ravi = bank.customer("ravi").await;
    let stranger = signed_in(&bank, &ravi).await;
    let id = factors(&asha).await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/security/factors/{id}");
    let (renames, removes) = (format!("{path}/rename"), format!("{path}/remove"));
    for page in [&path, &removes] {
        let _absent = stranger.get(page).await.expect(404);
    }
    let token = stranger.get("/").await.form("/sign-out");
    let token = token.value("csrf_token").expect("a token");
    for form in [&renames, &removes] {
        let body = format!("csrf_token={token}&key=k&name=Mine");
        let reply = stranger.post(form, &body, &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(reply.status.as_u16(), 404, "{form}");
    }
    let form = browser.get(&path).await.expect(200).form(&renames);
    let page = browser.submit(&form, &[("name", HOSTILE)]).await.expect(200);
    assert!(page.says(HOSTILE) && !page.html.contains("<script>alert"), "{}", page.html);
    let _nameless = browser
        .submit(&browser.get(&path).await.form(&renames), &[("name", " ")])
        .await
        .expect(422);
    let form = browser.get(&removes).await.expect(200).form(&removes);
    let asked = browser.submit(&form, &[]).await.expect(200);
    assert!(asked.says("Confirm that it is you"), "{}", asked.html);
    assert_eq!(factors(&asha).await.len(), 1, "not yet");
    let page = by_totp(&bank, &browser, (&asked, &removes, &asha)).await.expect(200);
    assert_eq!(page.path, "/security?done=factor_removed");
    assert!(factors(&asha).await.is_empty());
}

#[tokio::test]
async fn new_recovery_codes_need_a_code_and_are_the_same_when_the_form_is_sent_again() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let browser = signed_in_with_totp(&bank, &mut asha).await;
    let path = "/security/recovery-codes";
    let form = browser.get(path).await.expect(200).form(path);
    let asked = browser.submit(&form, &[]).await.expect(200);
    let page = by_totp(&bank, &browser, (&asked, path, &asha)).await.expect(200);
    assert_eq!(page.html.matches("<li><code>").count(), 10, "{}", page.html);
    let codes = |page: &Page| {
        page.html
            .split_once("class=\"codes\"")
            .map(|(_, rest)| rest.split("</ol>").next().map(str::to_owned))
    };
    let again = browser.submit(&form, &[]).await.expect(200);
    assert_eq!(codes(&again), codes(&page));
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_and_all_at_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let other = signed_in(&bank, &asha).await;
    let path = "/security/sessions";
    let page = browser.get(path).await.expect(200);
    assert!(page.says("This one"), "{}", page.html);
    let ends: Vec<_> =
        page.forms().into_iter().filter(|form| form.action.ends_with("/end")).collect();
    assert_eq!(ends.len(), 4, "the program's, two browsers', and all others'");
    let ravi = bank.customer("ravi").await;
    let stranger = signed_in(&bank, &ravi).await;
    let own = stranger.get(path).await.form("/security/sessions/end");
    let body = own.body(&[]);
    let reply = stranger.post(&ends[1].action, &body, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(reply.status.as_u16(), 404);
    let form = page.form("/security/sessions/end");
    let page = browser.submit(&form, &[("which", "others")]).await.expect(200);
    assert_eq!(page.path, "/security/sessions?done=sessions_ended");
    assert_eq!(other.get("/").await.path, "/sign-in");
    let form = page.form("/security/sessions/end");
    let reply = browser.submit_once(&form, &[("which", "all")]).await;
    assert_eq!(reply.header("location"), Some("/sign-in?done=signed_out_everywhere"));
    assert_eq!(reply.header("clear-site-data"), Some("\"cache\""));
    assert_eq!(browser.get("/").await.path, "/sign-in");
}

#[tokio::test]
async fn ending_the_session_of_this_browser_signs_it_out() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let page = browser.get("/security/sessions").await.expect(200);
    let first =
        page.forms().into_iter().find(|form| form.action.starts_with("/security/sessions/ses_"));
    let reply = browser.submit_once(&first.expect("a form"), &[]).await;
    assert_eq!(reply.header("location"), Some("/sign-in?done=signed_out"));
    assert_eq!(browser.cookie("exchequer"), None);
}

#[tokio::test]
async fn limits_are_set_as_people_type_them_and_raised_with_the_password() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let _account = bank.account(&asha, "INR").await;
    let browser = signed_in(&bank, &asha).await;
    let path = "/security/limits/INR";
    let form = browser.get(path).await.expect(200).form(path);
    let wrong = [("per_transfer", "1,234.505"), ("per_day", HOSTILE), ("per_week", "2,00,000")];
    let page = browser.submit(&form, &wrong).await.expect(422);
    let form = page.form(path);
    assert_eq!(form.value("per_day"), Some(HOSTILE));
    assert_eq!(form.value("per_week"), Some("2,00,000"));
    assert_eq!(page.html.matches("aria-invalid").count(), 2, "{}", page.html);
    let right = [("per_transfer", "₹1,234.50"), ("per_day", "1,00,000"), ("per_week", "")];
    let page = browser.submit(&form, &right).await.expect(200);
    assert_eq!(page.path, "/security/limits?done=limits_set");
    assert!(page.says("₹1,234.50") && page.says("₹1,00,000.00"), "{}", page.html);
    let held = asha.client.get("/v1/limits/INR").await.expect(200).json();
    assert_eq!(held["per_transfer"], json!(123_450));
    assert_eq!(held["per_week"], Value::Null);

    let form = browser.get(path).await.form(path);
    let asked = browser.submit(&form, &[("per_transfer", "2000")]).await.expect(200);
    assert!(asked.says("₹2,000.00"), "what is confirmed is said: {}", asked.html);
    let wrong = [("answer_with", "answer:password"), ("code_password", "not the password")];
    let asked = browser.submit(&asked.form(path), &wrong).await.expect(401);
    let page = by_password(&browser, &asked, path, &asha).await.expect(200);
    assert_eq!(page.path, "/security/limits?done=limits_set");
    let held = asha.client.get("/v1/limits/INR").await.expect(200).json();
    assert_eq!(held["per_transfer"], json!(200_000));
    let _unknown = browser.get("/security/limits/XYZ").await.expect(404);
}

#[tokio::test]
async fn the_emergency_stop_is_at_once_and_its_end_needs_the_password() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/security").await.form("/security/stop");
    for _ in 0..2 {
        let page = browser.submit(&form, &[]).await.expect(200);
        assert!(page.says("All outgoing money is stopped since"), "{}", page.html);
    }
    let form = browser.get("/security").await.form("/security/resume");
    let asked = browser.submit(&form, &[]).await.expect(200);
    let page = by_password(&browser, &asked, "/security/resume", &asha).await.expect(200);
    assert_eq!(page.path, "/security?done=outgoing_resumed");
    assert!(page.says("Stop all outgoing money"), "{}", page.html);
}

#[tokio::test]
async fn a_changed_password_signs_out_everywhere() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let path = "/security/password";
    let new = "nine patient herons in the reeds";
    bank.secret(new);
    let form = browser.get(path).await.expect(200).form(path);
    let wrong = [("current_password", "not the password"), ("new_password", new)];
    let page = browser.submit(&form, &wrong).await.expect(401);
    assert!(page.says("This is not your current password."), "{}", page.html);
    assert_eq!(page.form(path).value("new_password"), Some(""));
    let weak = [("current_password", &*asha.password), ("new_password", "short")];
    let page = browser.submit(&page.form(path), &weak).await.expect(422);
    assert!(page.html.contains("new_password-fault"), "{}", page.html);
    let right = [("current_password", &*asha.password), ("new_password", new)];
    let page = browser.submit(&page.form(path), &right).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=password_set");
    new.clone_into(&mut asha.password);
    let _again = signed_in(&bank, &asha).await;
}

/// The page that asks for the factor carries both passwords, and neither can be read there.
#[tokio::test]
async fn a_password_is_in_no_page_between_its_form_and_the_factor() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let browser = signed_in_with_totp(&bank, &mut asha).await;
    let path = "/security/password";
    let new = "nine patient herons in the reeds";
    bank.secret(new);
    bank.advance(400);
    let form = browser.get(path).await.expect(200).form(path);
    let typed = [("current_password", &*asha.password), ("new_password", new)];
    let asked = browser.submit(&form, &typed).await.expect(200);
    let wrong = [("answer_with", "answer:totp"), ("code_totp", &*bank.wrong_totp_code(&asha))];
    let again = browser.submit(&asked.form(path), &wrong).await.expect(401);
    for page in [&asked, &again] {
        assert!(
            page.form(path).value("sealed_new_password").is_some_and(|sealed| sealed.len() > 40)
        );
        assert!(!page.says(new) && !page.says(&asha.password), "{}", page.html);
        assert_eq!(page.form(path).value("new_password"), None);
    }
    // A sealed password is of its field and its session.
    let sealed = again.form(path).value("sealed_current_password").unwrap_or_default().to_owned();
    let moved = [("sealed_new_password", &*sealed), ("challenge", "")];
    let _weak = browser.submit(&again.form(path), &moved).await.expect(422);
    let page = by_totp(&bank, &browser, (&again, path, &asha)).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=password_set", "{}", page.html);
    new.clone_into(&mut asha.password);
    let _again = signed_in_with_code(&bank, &asha).await;
}

#[tokio::test]
async fn what_happened_is_told_in_sentences_and_page_by_page() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    for _ in 0..12 {
        for act in ["stop", "resume"] {
            let form = browser.get("/security").await.form(&format!("/security/{act}"));
            let page = browser.submit(&form, &[]).await.expect(200);
            if act == "resume" {
                let _done = by_password(&browser, &page, "/security/resume", &asha).await;
            }
        }
    }
    let page = browser.get("/security/activity").await.expect(200);
    assert!(page.says("Stopped all outgoing money"), "{}", page.html);
    assert!(!page.says("outgoing.stopped"), "a sentence, no code: {}", page.html);
    let (_, rest) = page.html.split_once("data-more href=\"").expect("a link to more");
    let more = rest.split('"').next().unwrap_or_default();
    let page = browser.get(more).await.expect(200);
    assert!(page.says("Signed in") && page.says("Became a customer"), "{}", page.html);
}

#[tokio::test]
async fn the_proof_of_the_address_is_sent_again() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let path = "/security/email/confirmation";
    let form = browser.get("/security").await.form(path);
    for _ in 0..2 {
        let page = browser.submit(&form, &[]).await.expect(200);
        assert_eq!(page.path, "/security?done=link_sent");
    }
    let mails = bank.inbox().await;
    let sent = mails.iter().filter(|mail| mail["purpose"] == "email_confirmation").count();
    assert_eq!(sent, 2, "the registration's, and one for one form");
}
