//! Merchants, their keys and their webhooks.

use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{TestBank, Till};

use super::{HOSTILE, at_console, is_text, place};

#[tokio::test]
async fn a_merchant_is_made_once_and_its_terms_are_changed() {
    let bank = TestBank::new().await;
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    let form = browser.get("/console/merchants").await.expect(200).form("/console/merchants");
    let filled = [("name", HOSTILE[0]), ("fee_basis_points", "250"), ("fee_fixed", "many")];
    let wrong = browser.submit(&form, &filled).await.expect(422);
    assert_eq!(wrong.form("/console/merchants").value("fee_fixed"), Some("many"));
    let form = wrong.form("/console/merchants");
    assert_eq!(form.value("name"), Some(HOSTILE[0]));
    let made = browser.submit(&form, &[("fee_fixed", "300")]).await.expect(200);
    assert!(made.path.ends_with("?done=merchant_created") && made.says("2.50"), "{}", made.path);
    is_text(&made, HOSTILE[0]);
    let again = browser.submit(&form, &[("fee_fixed", "300")]).await.expect(200);
    assert_eq!(again.path, made.path, "sent twice, made once");
    is_text(&browser.get("/console/merchants").await.expect(200), HOSTILE[0]);
    let terms = format!("{}/terms", place(&made));
    // More for the bank is changed at once; less waits for a second operator.
    let more = browser.submit(&made.form(&terms), &[("fee_basis_points", "400")]).await.expect(200);
    assert!(more.path.ends_with("?done=merchant_changed") && more.says("4.00"), "{}", more.path);
    // A limit once set is not lost by a form that is about something else.
    let more = browser.submit(&more.form(&terms), &[("refund_limit", "5000")]).await.expect(200);
    assert_eq!(more.form(&terms).value("refund_limit"), Some("5000"));
    let less = browser.submit(&more.form(&terms), &[("fee_basis_points", "100")]).await.expect(200);
    assert!(place(&less).starts_with("/console/approvals/"), "{}", less.path);
    assert!(less.says("1.00") && less.says("4.00"), "{}", less.html);
    is_text(&less, HOSTILE[0]);
}

#[tokio::test]
async fn a_keys_secret_is_shown_once_and_a_live_key_waits() {
    let bank = TestBank::new().await;
    let (browser, person) = at_console(&bank, Role::Admin).await;
    let made = json!({ "name": "Otter Books", "fee_basis_points": 200, "fee_fixed": 10 });
    let id = person.client.post("/v1/staff/merchants", &made).await.expect(201).text("/id");
    let path = format!("/console/merchants/{id}");
    let keys = format!("{path}/keys");
    let form = browser.get(&path).await.expect(200).form(&keys);
    let filled = [("name", HOSTILE[1]), ("routes", "GET /v1/*, POST /v1/payments")];
    let page = browser.submit(&form, &filled).await.expect(200);
    let secret = page.html.split("data-copy=\"").nth(1).and_then(|part| part.split('"').next());
    let secret = secret.expect("a secret").to_owned();
    assert!(secret.starts_with("exs_test_"), "{secret}");
    bank.secret(&secret);
    is_text(&page, HOSTILE[1]);
    let later = browser.get(&path).await.expect(200);
    assert!(!later.says(&secret) && later.says("GET /v1/*, POST /v1/payments"), "{}", later.html);
    let wrong = browser.submit(&later.form(&keys), &[("name", "x"), ("routes", "FETCH me")]).await;
    assert!(wrong.expect(422).html.contains("-routes-fault\""));

    let live = browser.submit(&later.form(&keys), &[("mode", "live"), ("name", "till")]).await;
    let live = live.expect(200);
    assert!(
        live.says("waits for a second operator") && live.html.contains("data-copy=\"exs_live_")
    );
    let revoke = later.forms().into_iter().find(|form| form.action.ends_with("/revoke"));
    let rotate = later.forms().into_iter().find(|form| form.action.ends_with("/rotate"));
    let rotated =
        browser.submit(&rotate.expect("a form"), &[("overlap", "3600")]).await.expect(200);
    assert!(rotated.html.contains("data-copy=\"exs_test_") && !rotated.says(&secret));
    let revoked = browser.submit(&revoke.expect("a form"), &[]).await.expect(200);
    assert_eq!(revoked.path, format!("{path}?done=key_revoked"));
    assert!(revoked.says("Revoked"));
}

#[tokio::test]
async fn an_event_is_sent_again_from_the_endpoints_page() {
    let till = Till::new().await;
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let body = json!({ "url": "https://example.com/hooks", "description": HOSTILE[0] });
    let made = till.shop.post("/v1/webhook_endpoints", &body).await.expect(201);
    let event = till.shop.get("/v1/events").await.expect(200).text("/data/0/id");
    let (browser, person) = at_console(&till.bank, Role::Support).await;
    let list = browser.get("/console/webhooks").await.expect(200);
    let path = format!("/console/merchants/{}/webhooks/{}", till.shop.id, made.text("/id"));
    assert!(list.html.contains(&format!("href=\"{path}\"")), "{}", list.html);
    is_text(&browser.get(&path).await.expect(200), HOSTILE[0]);
    // What waits has no form; one that is asked for all the same is done once.
    let api = format!("/v1/staff/webhook_endpoints/{}/redeliver", made.text("/id"));
    let _sent = person.client.post(&api, &json!({ "event": event })).await.expect(202);
    let page = browser.get(&format!("{path}?status=waiting")).await.expect(200);
    assert!(page.says(&event), "{}", page.html);
    let token = page.form("/console/sign-out").value("csrf_token").expect("a token").to_owned();
    let body = format!("csrf_token={token}&key=a-key-of-support&event={event}");
    let own = [("sec-fetch-site", "same-origin")];
    let sent = browser.post(&format!("{path}/redeliver"), &body, &own).await;
    assert_eq!(sent.header("location"), Some(&*format!("{path}?done=redelivered")));
    let other = till.bank.unknown_id::<money::kind::Merchant>();
    let stranger = format!("/console/merchants/{other}/webhooks/{}", made.text("/id"));
    let _none = browser.get(&stranger).await.expect(404);
}
