//! Which payments one is told of, by form.

use serde_json::json;
use testkit::TestBank;

use crate::signed_in;

const PATH: &str = "/security/alerts/INR";

#[tokio::test]
async fn alerts_are_chosen_as_people_type_them_and_made_fewer_with_the_password() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let none = browser.get("/security/alerts").await.expect(200);
    assert!(none.says("Open an account first"), "{}", none.html);
    let _account = bank.account(&asha, "INR").await;
    let page = browser.get("/security/alerts").await.expect(200);
    assert!(page.says("You are told of: no payment"), "{}", page.html);
    let form = browser.get(PATH).await.expect(200).form(PATH);
    assert_eq!(form.value("alerts"), Some("off"));

    let hostile = "\"><script>alert(1)</script>'&amp;{{7*7}}";
    let wrong = [("alerts", "on"), ("at_least", hostile)];
    let page = browser.submit(&form, &wrong).await.expect(422);
    let form = page.form(PATH);
    assert_eq!((form.value("at_least"), form.value("alerts")), (Some(hostile), Some("on")));
    assert_eq!(page.html.matches("aria-invalid").count(), 1, "{}", page.html);
    let right = [("alerts", "on"), ("at_least", "₹1,234.50")];
    let page = browser.submit(&form, &right).await.expect(200);
    assert_eq!(page.path, "/security/alerts?done=alerts_set");
    assert!(page.says("You are told of: payments of ₹1,234.50 and more"), "{}", page.html);
    let chosen = asha.client.get("/v1/alerts/INR").await.expect(200).json();
    assert_eq!(chosen, json!({ "currency": "INR", "enabled": true, "at_least": 123_450 }));

    let form = browser.get(PATH).await.form(PATH);
    assert_eq!(form.value("at_least"), Some("1,234.50"));
    let asked = browser.submit(&form, &[("alerts", "off")]).await.expect(200);
    assert!(asked.says("Be told of fewer payments in INR"), "{}", asked.html);
    assert!(asked.says("no payment"), "what is confirmed is said: {}", asked.html);
    let wrong = [("answer_with", "answer:password"), ("code_password", "not the password")];
    let asked = browser.submit(&asked.form(PATH), &wrong).await.expect(401);
    assert_eq!(asha.client.get("/v1/alerts/INR").await.json()["enabled"], true);
    let answer = [("answer_with", "answer:password"), ("code_password", &*asha.password)];
    let page = browser.submit(&asked.form(PATH), &answer).await.expect(200);
    assert_eq!(page.path, "/security/alerts?done=alerts_set");
    assert_eq!(asha.client.get("/v1/alerts/INR").await.json()["enabled"], false);
    let _unknown = browser.get("/security/alerts/XYZ").await.expect(404);
}
