//! Merchants, their keys and their webhooks.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::webhooks::model::MAX_ATTEMPTS;
use money::Timestamp;
use serde_json::json;
use testkit::receiver::Answer;
use testkit::{Receiver, TestBank, Till};
use tokio::sync::watch;

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

#[tokio::test]
async fn an_approval_names_the_merchant_it_is_about() {
    let till = Till::new().await;
    let (maker, person) = at_console(&till.bank, Role::Admin).await;
    let merchant = format!("/v1/staff/merchants/{}", till.shop.id);
    let name = person.client.get(&merchant).await.expect(200).text("/name");
    let path = format!("/console/merchants/{}", till.shop.id);
    let form = maker.get(&path).await.expect(200).form(&format!("{path}/terms"));
    let asked = maker.submit(&form, &[("fee_basis_points", "0")]).await.expect(200);
    assert!(place(&asked).starts_with("/console/approvals/apr_"), "{}", asked.html);
    assert!(asked.says("Merchant's name") && asked.says(&name), "{}", asked.html);
    assert!(asked.says("Merchant's standing") && asked.says("Active"), "{}", asked.html);
    let queue = maker.get("/console/approvals").await.expect(200);
    assert!(queue.says(&name) && !queue.says(&till.shop.id), "{}", queue.html);
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let payments = maker.get("/console/payments").await.expect(200);
    let named = format!("href=\"{path}\">{name}</a>");
    assert!(payments.says(&named), "{}", payments.html);
}

/// An event that an endpoint does not take until it is given up: counted on the endpoint, on the list and on home.
#[tokio::test]
async fn what_was_given_up_is_counted_where_an_operator_looks() {
    let (till, receiver) = (Till::new().await, Receiver::new().await);
    receiver.answer(Answer::Status(422));
    let made = till.shop.post("/v1/webhook_endpoints", &json!({ "url": receiver.url() })).await;
    let made = made.expect(201).text("/id");
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let (_go, stop) = watch::channel(false);
    let deliver = async || {
        let sent = Job::DeliverWebhooks.run(till.bank.bank(), &stop).await;
        assert_eq!(sent.expect("webhooks are sent"), 0);
    };
    deliver().await;
    let tile = |page: &testkit::browser::Page, label: &str| {
        let (before, _) = page.html.split_once(label).expect("a tile");
        let (_, count) = before.rsplit_once("class=\"count\">").expect("a count");
        count.split('<').next().unwrap_or_default().to_owned()
    };
    let (browser, _) = at_console(&till.bank, Role::Support).await;
    let home = browser.get("/console").await.expect(200);
    assert_eq!(tile(&home, "Webhook endpoints that fail"), "1");
    assert_eq!(tile(&home, "Events that no endpoint took"), "0");
    for _ in 1..MAX_ATTEMPTS {
        let waiting = format!("/v1/webhook_endpoints/{made}/deliveries?status=waiting");
        let next = till.shop.get(&waiting).await.expect(200).text("/data/0/next_attempt_at");
        let next: Timestamp = next.parse().expect("a time");
        till.bank.advance(next.micros_since(till.bank.clock().now()) / 1_000_000 + 1);
        deliver().await;
    }
    let (browser, _) = at_console(&till.bank, Role::Support).await;
    let home = browser.get("/console").await.expect(200);
    assert_eq!(tile(&home, "Events that no endpoint took"), "1");
    assert!(home.html.contains("href=\"/console/webhooks?trouble=true\""), "{}", home.html);
    let list = browser.get("/console/webhooks?trouble=true").await.expect(200);
    assert!(list.says(receiver.url().as_str()) && list.says("Given up"), "{}", list.html);
    assert!(list.html.contains("<td class=\"amount\"><span class=\"amount\">1</span></td>"));
    let path = format!("/console/merchants/{}/webhooks/{made}", till.shop.id);
    let page = browser.get(&path).await.expect(200);
    assert!(page.says("Events given up") && page.says("Dead"), "{}", page.html);
}
