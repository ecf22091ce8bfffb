//! Signing in and out by form.

use testkit::{Browser, TestBank};

use crate::signed_in;

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
