//! Signing in, up and out by form; passwords forgotten; the links of mails.

use serde_json::json;
use testkit::{Browser, Person, TestBank};

use crate::{key_options, signed_in};

const HOSTILE: &str = "\"><script>alert(1)</script>'&amp;{{7*7}}";

/// The page after a right password.
async fn second_page(bank: &TestBank, person: &Person) -> (Browser, testkit::browser::Page) {
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let filled = [("email", &*person.email), ("password", &*person.password)];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert!(page.says("One more step"), "{}", page.html);
    (browser, page)
}

#[tokio::test]
async fn a_customer_signs_in_sees_their_accounts_and_signs_out() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let _account = bank.account(&asha, "INR").await;
    let browser = signed_in(&bank, &asha).await;
    let overview = browser.get("/").await.expect(200);
    assert!(overview.says("₹0.00"), "{}", overview.html);
    let out = browser.submit(&overview.form("/sign-out"), &[]).await.expect(200);
    assert_eq!(out.path, "/sign-in?done=signed_out");
    assert_eq!(browser.cookie("exchequer"), None);
    assert_eq!(browser.get("/").await.path, "/sign-in");
}

#[tokio::test]
async fn a_wrong_password_keeps_the_address_and_says_so_once() {
    let bank = TestBank::new().await;
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let email = "\"><script>alert(1)</script>@example.test";
    let page = browser.submit(&form, &[("email", email), ("password", "wrong wrong wrong")]).await;
    assert!(page.status == 401 || page.status == 422, "{}", page.status);
    assert!(!page.html.contains("<script>alert"), "{}", page.html);
    assert_eq!(page.form("/sign-in").value("email"), Some(email));
    assert_eq!(page.form("/sign-in").value("password"), Some(""));
}

// ASVS 1.2.2, 3.7.2: an address from the request leads to a page of this bank or nowhere.
#[tokio::test]
async fn a_sign_in_leads_back_to_a_page_of_this_bank_only() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let filled = [("email", asha.email.as_str()), ("password", asha.password.as_str())];
    let wanted = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/%5cevil.example",
        "javascript:alert(1)",
        "/sign-in//evil",
        "/unknown",
        "/\t/evil.example",
        "///",
        "/assets/../../x",
        "",
    ];
    for next in wanted {
        let browser = Browser::new(bank.client());
        let form = browser.get("/sign-in").await.form("/sign-in");
        let mut filled = filled.to_vec();
        filled.push(("next", next));
        let reply = browser.submit_once(&form, &filled).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, Some("/")), "{next}");
    }
}

// ASVS 14.3.1: signing out clears the browser's cache of the bank.
#[tokio::test]
async fn signing_out_has_the_browser_forget_what_it_saw() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    assert_eq!(browser.get("/sign-in").await.path, "/", "who is signed in has no business there");
    let form = browser.get("/").await.form("/sign-out");
    let reply = browser.submit_once(&form, &[]).await;
    assert_eq!(reply.header("clear-site-data"), Some("\"cache\""));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn an_authenticator_completes_a_sign_in_and_the_device_is_known_again() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(60);
    let (browser, page) = second_page(&bank, &asha).await;
    let form = page.form("/sign-in/second");
    let wrong = bank.wrong_totp_code(&asha);
    let again = [("answer_with", "answer:totp"), ("code_totp", &*wrong)];
    let page = browser.submit(&form, &again).await.expect(401);
    assert!(page.says("That code is wrong or too old"), "{}", page.html);
    assert!(page.says("Begin again"), "a question that is over looks the same");
    let code = bank.totp_code(&asha);
    let code = format!("{} {}", &code[..3], &code[3..]);
    let right = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    let page = browser.submit(&page.form("/sign-in/second"), &right).await.expect(200);
    assert_eq!(page.path, "/");
    let device = browser.cookie("exchequer-device").expect("a token of the device");
    bank.secret(&device);
    // The next sign-in of this browser brings it: nothing new is given.
    let _out = browser.submit(&page.form("/sign-out"), &[]).await;
    bank.advance(60);
    let form = browser.get("/sign-in").await.form("/sign-in");
    let filled = [("email", &*asha.email), ("password", &*asha.password)];
    let page = browser.submit(&form, &filled).await.expect(200);
    let code = bank.totp_code(&asha);
    let right = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    let page = browser.submit(&page.form("/sign-in/second"), &right).await.expect(200);
    assert_eq!(page.path, "/");
    assert_eq!(browser.cookie("exchequer-device"), Some(device));
}

#[tokio::test]
async fn a_sign_in_is_completed_by_text_message_or_recovery_code() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let phone = "+919876543210";
    let confirmed = bank.enrol_sms(&asha, phone).await.json();
    let (browser, page) = second_page(&bank, &asha).await;
    let send = [("answer_with", "send:sms")];
    let page = browser.submit(&page.form("/sign-in/second"), &send).await.expect(200);
    assert!(page.says("A code is on its way"), "{}", page.html);
    let code = bank.newest_code(phone).await;
    let right = [("answer_with", "answer:sms"), ("code_sms", &*code)];
    let page = browser.submit(&page.form("/sign-in/second"), &right).await.expect(200);
    assert_eq!(page.path, "/");
    let (browser, page) = second_page(&bank, &asha).await;
    let code = confirmed["recovery_codes"][0].as_str().expect("a code");
    let right = [("answer_with", "answer:recovery_code"), ("code_recovery_code", code)];
    let page = browser.submit(&page.form("/sign-in/second"), &right).await.expect(200);
    assert_eq!(page.path, "/");
}

#[tokio::test]
async fn a_security_key_completes_a_sign_in() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let mut key = bank.enrol_webauthn(&asha, "security_key").await;
    let (browser, page) = second_page(&bank, &asha).await;
    let credential = key.get(&key_options(&page)).to_string();
    let right = [("credential", &*credential), ("answer_with", "answer:webauthn")];
    let page = browser.submit(&page.form("/sign-in/second"), &right).await.expect(200);
    assert_eq!(page.path, "/");
}

#[tokio::test]
async fn a_passkey_signs_in_alone_and_leads_where_one_was_going() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let mut key = bank.enrol_webauthn(&asha, "passkey").await;
    let browser = Browser::new(bank.client());
    let page = browser.get("/security/limits").await.expect(200);
    assert_eq!(page.path, "/sign-in?next=%2Fsecurity%2Flimits");
    let page = browser.submit(&page.form("/sign-in/passkey"), &[]).await.expect(200);
    assert!(page.html.contains(" data-start"), "the key is asked for at once: {}", page.html);
    let form = page.form("/sign-in/second");
    let credential = key.get(&key_options(&page)).to_string();
    let right = [("credential", &*credential), ("answer_with", "answer:webauthn")];
    let signed_in = browser.submit(&form, &right).await.expect(200);
    assert_eq!(signed_in.path, "/security/limits");
    // An answer serves once.
    let page = Browser::new(bank.client()).get("/sign-in").await;
    let other = Browser::new(bank.client());
    let page = other.submit(&other.get(&page.path).await.form("/sign-in/passkey"), &[]).await;
    let page = other.submit(&page.form("/sign-in/second"), &right).await.expect(401);
    assert!(page.says("Begin again"), "{}", page.html);
}

#[tokio::test]
async fn a_question_that_is_over_leads_back_to_the_sign_in() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let (browser, page) = second_page(&bank, &asha).await;
    bank.advance(600);
    let code = bank.totp_code(&asha);
    let late = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    let page = browser.submit(&page.form("/sign-in/second"), &late).await.expect(401);
    assert!(page.html.contains("href=\"/sign-in\""), "{}", page.html);
    assert_eq!(browser.get("/sign-in/second").await.path, "/sign-in");
}

#[tokio::test]
async fn a_stranger_becomes_a_customer_and_opens_one_account() {
    let bank = TestBank::new().await;
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-up").await.expect(200).form("/sign-up");
    let password = "seven quiet otters by the weir";
    bank.secret(password);
    let filled = [
        ("full_name", HOSTILE),
        ("email", "New.Person@example.test"),
        ("phone", "0091 98765-43210"),
        ("password", "otters"),
    ];
    let page = browser.submit(&form, &filled).await.expect(422);
    let form = page.form("/sign-up");
    assert_eq!(form.value("full_name"), Some(HOSTILE), "nothing typed is lost");
    assert_eq!(form.value("password"), Some(""), "but the password");
    assert!(page.html.contains("aria-describedby=\"password-hint password-fault\""));
    let page = browser.submit(&form, &[("password", password)]).await.expect(200);
    assert_eq!(page.path, "/welcome");
    assert!(page.says(HOSTILE), "the name is a text: {}", page.html);
    assert!(!page.html.contains("<script>alert"), "{}", page.html);
    let form = page.form("/welcome");
    let filled = [("currency", "INR"), ("name", HOSTILE)];
    for _ in 0..2 {
        let page = browser.submit(&form, &filled).await.expect(200);
        assert_eq!(page.path, "/welcome?done=account_opened");
    }
    let overview = browser.get("/").await.expect(200);
    let shown = overview.html.matches("class=\"number\"").count();
    assert_eq!(shown, 1, "sent twice, opened once: {}", overview.html);
    assert!(overview.says(HOSTILE), "{}", overview.html);
}

#[tokio::test]
async fn whoever_registers_anothers_address_learns_nothing_and_gets_nowhere() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-up").await.form("/sign-up");
    let filled = [
        ("full_name", "Somebody Else"),
        ("email", &*asha.email),
        ("password", "nine patient herons in the reeds"),
    ];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=registered");
    assert_eq!(browser.cookie("exchequer"), None);
}

// ASVS 3.5.3: opening a link changes nothing; the form behind it does.
#[tokio::test]
async fn the_link_that_proves_an_address_does_nothing_by_being_looked_at() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = Browser::new(bank.client());
    let inbox = browser.get("/demo/inbox").await.expect(200);
    let token = bank.mailed_token(&asha.email, "email_confirmation").await;
    let path = format!("/confirm?token={token}");
    assert!(inbox.html.contains(&format!("href=\"{path}\"")), "{}", inbox.html);
    for _ in 0..2 {
        let page = browser.get(&path).await.expect(200);
        assert!(page.says("This address is mine"), "{}", page.html);
    }
    let me = asha.client.get("/v1/me").await.expect(200).json();
    assert_eq!(me["email_verified"], json!(false));
    let form = browser.get(&path).await.form("/confirm");
    let page = browser.submit(&form, &[]).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=email_confirmed");
    let me = asha.client.get("/v1/me").await.expect(200).json();
    assert_eq!(me["email_verified"], json!(true));
    let page = browser.submit(&form, &[]).await.expect(401);
    assert!(page.says("This link was used before"), "{}", page.html);
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_with_the_factor_and_nobody_learns_who_is_known() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("asha").await;
    bank.confirm_email(&asha).await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let browser = Browser::new(bank.client());
    let mut seen = Vec::new();
    for email in [&*asha.email, "nobody@example.test"] {
        let form = browser.get("/forgot").await.expect(200).form("/forgot");
        let page = browser.submit(&form, &[("email", email)]).await.expect(200);
        seen.push((page.path.clone(), page.says("Look into your mail")));
    }
    assert_eq!(seen[0], seen[1]);
    let token = bank.mailed_token(&asha.email, "password_reset").await;
    let form = browser.get(&format!("/reset?token={token}")).await.expect(200).form("/reset");
    let page = browser.submit(&form, &[("new_password", "short")]).await.expect(422);
    let new = "nine patient herons in the reeds";
    bank.secret(new);
    let page = browser.submit(&page.form("/reset"), &[("new_password", new)]).await.expect(200);
    bank.advance(60);
    let code = bank.totp_code(&asha);
    let right = [("answer_with", "answer:totp"), ("code_totp", &*code)];
    let page = browser.submit(&page.form("/reset"), &right).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=password_set");
    new.clone_into(&mut asha.password);
    let (_browser, _page) = second_page(&bank, &asha).await;
    let page = browser.submit(&form, &[("new_password", new)]).await.expect(401);
    assert!(page.says("Ask for another link"), "{}", page.html);
}

#[tokio::test]
async fn a_page_says_when_it_will_be_over_and_leads_away_without_script() {
    let bank = TestBank::with(|config| config.sessions.idle_seconds = 120).await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let page = browser.get("/security").await.expect(200);
    assert!(page.html.contains("<dialog class=\"idle\""), "{}", page.html);
    let leads = "<noscript><meta http-equiv=\"refresh\" content=\"122;url=/sign-in?done=idle\">";
    assert!(page.html.contains(leads), "{}", page.html);
    bank.advance(121);
    let page = browser.get("/security").await.expect(200);
    assert!(page.path.starts_with("/sign-in"), "{}", page.path);
}

#[tokio::test]
async fn a_password_is_set_anew_with_a_security_key_too() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    bank.confirm_email(&asha).await;
    let mut key = bank.enrol_webauthn(&asha, "security_key").await;
    let browser = Browser::new(bank.client());
    let form = browser.get("/forgot").await.form("/forgot");
    let _asked = browser.submit(&form, &[("email", &*asha.email)]).await.expect(200);
    let token = bank.mailed_token(&asha.email, "password_reset").await;
    let form = browser.get(&format!("/reset?token={token}")).await.form("/reset");
    let new = "nine patient herons in the reeds";
    bank.secret(new);
    let page = browser.submit(&form, &[("new_password", new)]).await.expect(200);
    let credential = key.get(&key_options(&page)).to_string();
    let right = [("credential", &*credential), ("answer_with", "answer:webauthn")];
    let page = browser.submit(&page.form("/reset"), &right).await.expect(200);
    assert_eq!(page.path, "/sign-in?done=password_set");
}
