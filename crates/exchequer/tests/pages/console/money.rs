//! Cash, limits, reversals, payments and differences.

use exchequer::jobs::Job;
use exchequer::sandbox::Chaos;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::sandbox::order;
use testkit::{TestBank, Till};
use tokio::sync::watch;

use super::{HOSTILE, at_console, is_text, place};

#[tokio::test]
async fn cash_is_typed_as_people_type_it_and_posted_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let (teller, _) = at_console(&bank, Role::Teller).await;
    let path = format!("/console/accounts/{account}");
    let deposit = format!("{path}/deposit");
    let form = teller.get(&path).await.expect(200).form(&deposit);
    for (amount, reference) in [("12,5", "x"), ("", "x"), ("-5", "x"), ("1e3", "x"), ("5", "")] {
        let filled = [("amount", amount), ("reference", reference)];
        let page = teller.submit(&form, &filled).await.expect(422);
        assert!(page.html.contains("aria-invalid=\"true\""), "{amount}: {}", page.html);
        assert_eq!(page.form(&deposit).value("amount"), Some(amount), "nothing typed is lost");
    }
    assert_eq!(bank.balance(&asha, &account).await[0], 0);
    let filled = [("amount", "1,23,456.78"), ("reference", HOSTILE[0])];
    for _ in 0..2 {
        let page = teller.submit(&form, &filled).await.expect(200);
        assert_eq!(page.path, format!("{path}?done=deposited"));
        assert!(page.says("₹1,23,456.78"));
        is_text(&page, HOSTILE[0]);
    }
    assert_eq!(bank.balance(&asha, &account).await[0], 12_345_678, "sent twice, posted once");
    let form = teller.get(&path).await.form(&format!("{path}/withdraw"));
    let filled = [("amount", "999999999"), ("reference", "cash")];
    let page = teller.submit(&form, &filled).await.expect(422);
    assert!(page.html.contains("role=\"alert\""), "{}", page.html);
    let form = page.form(&format!("{path}/withdraw"));
    assert_ne!(form.value("key"), teller.get(&path).await.form(&deposit).value("key"));
    let page = teller.submit(&form, &[("amount", "456.78")]).await.expect(200);
    assert_eq!(page.path, format!("{path}?done=withdrawn_cash"));
    assert_eq!(bank.balance(&asha, &account).await[0], 12_300_000);
}

#[tokio::test]
async fn a_transfer_is_reversed_from_its_page_in_part() {
    let bank = TestBank::new().await;
    let (asha, mateo) = (bank.customer("asha").await, bank.customer("mateo").await);
    let (from, to) = (bank.account(&asha, "INR").await, bank.account(&mateo, "INR").await);
    let (teller, teller_person) = at_console(&bank, Role::Teller).await;
    bank.deposit(&teller_person, &from, 100_000, "INR").await;
    let sent =
        json!({ "from": from, "to": to, "amount": 50_000, "currency": "INR", "memo": HOSTILE[1] });
    let id = asha.client.post("/v1/transfers", &sent).await.expect(201).text("/id");
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    let path = format!("/console/transfers/{id}");
    let page = browser.get(&path).await.expect(200);
    is_text(&page, HOSTILE[1]);
    let reverse = format!("{path}/reverse");
    let seen = teller.get(&path).await.expect(200);
    assert!(seen.forms().iter().all(|form| form.action != reverse));
    let wrong = [("amount", "1.2.3"), ("reason", "x")];
    let wrong = browser.submit(&page.form(&reverse), &wrong).await.expect(422);
    assert_eq!(wrong.form(&reverse).value("reason"), Some("x"));
    let filled = [("amount", "200"), ("reason", "sent by mistake")];
    let done = browser.submit(&wrong.form(&reverse), &filled).await.expect(200);
    // Small enough to be done at once, or waiting for a second operator: both lead to where it shows.
    if place(&done).starts_with("/console/approvals/") {
        assert!(done.says("Reverse a transfer") && done.says("₹200.00"), "{}", done.html);
        let (checker, _) = at_console(&bank, Role::Compliance).await;
        let approval = place(&done);
        let form = checker.get(approval).await.expect(200).form(&format!("{approval}/approve"));
        let _done = checker.submit(&form, &[]).await.expect(200);
    }
    assert_eq!(bank.balance(&mateo, &to).await[0], 30_000);
    assert!(browser.get(&path).await.expect(200).says("₹200.00"));
}

#[tokio::test]
async fn a_payment_is_shown_with_what_is_not_known_of_it() {
    let till = Till::new().await;
    let card = till.shop.card("4242424242424242").await;
    let mut body = order(&card, 10_000, "automatic");
    body["metadata"] = json!({ "note": HOSTILE[0] });
    let paid = till.shop.post("/v1/payments", &body).await.expect(201).text("/id");
    let back = json!({ "amount": 4_000 });
    let _back = till.shop.post(&format!("/v1/payments/{paid}/refunds"), &back).await.expect(201);
    till.chaos(Chaos { lose_answer_per_mille: 1_000, asks_too: true, ..Chaos::default() });
    let lost = till.pay("4242424242424242", "automatic").await.expect(201).text("/id");
    let (browser, _) = at_console(&till.bank, Role::Support).await;
    let page = browser.get(&format!("/console/payments/{paid}")).await.expect(200);
    is_text(&page, HOSTILE[0]);
    for fact in ["₹100.00", "₹40.00", "Refund set aside", "Authorize", "4242"] {
        assert!(page.says(fact), "{fact}: {}", page.html);
    }
    assert!(!page.html.contains("4242424242424242"));
    let list = browser.get("/console/payments").await.expect(200).form("/console/payments");
    let unknown = browser.submit(&list, &[("status", "unknown")]).await.expect(200);
    assert!(unknown.says(&lost) && !unknown.says(&paid) && unknown.says("outcome unknown"));
    let page = browser.get(&format!("/console/payments/{lost}")).await.expect(200);
    assert!(page.says("The money stays held"), "{}", page.html);
    let wrong = browser.submit(&list, &[("merchant", HOSTILE[1])]).await.expect(422);
    assert_eq!(wrong.form("/console/payments").value("merchant"), Some(HOSTILE[1]));
    let home = browser.get("/console").await.expect(200);
    assert!(
        home.html.contains("<span class=\"count\">1</span> <span>Payments with"),
        "{}",
        home.html
    );
}

#[tokio::test]
async fn a_payment_is_refunded_in_a_merchants_place_once() {
    let till = Till::new().await;
    let paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let (id, amount) = (paid.text("/id"), paid.int("/captured"));
    let path = format!("/console/payments/{id}");
    let (support, _) = at_console(&till.bank, Role::Support).await;
    assert!(!support.get(&path).await.expect(200).html.contains("/refund\""), "reads only");
    let (browser, _) = at_console(&till.bank, Role::Compliance).await;
    let form = browser.get(&path).await.expect(200).form(&format!("{path}/refund"));
    let wrong = browser.submit(&form, &[("amount", "some"), ("reason", HOSTILE[0])]).await;
    assert_eq!(wrong.status, 422);
    let form = wrong.form(&format!("{path}/refund"));
    assert_eq!(form.value("amount"), Some("some"));
    let filled = [("amount", "10.00"), ("reason", "the shop is shut")];
    let done = browser.submit(&form, &filled).await.expect(200);
    assert!(done.path.ends_with("?done=refunded") && done.says("₹10.00"), "{}", done.html);
    let again = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(again.path, done.path);
    let shown = till.shop.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!((shown.int("/refunded"), shown.int("/captured")), (1_000, amount), "once");
}

#[tokio::test]
async fn a_difference_is_resolved_with_a_note() {
    let till = Till::with_its_clock().await;
    let stray = till.charge_behind_the_bank(12_300).await;
    till.bank.advance(86_400 + 3_600);
    let (_go, stop) = watch::channel(false);
    let _rows = Job::Reconcile.run(till.bank.bank(), &stop).await.expect("the reports are read");
    let (browser, _) = at_console(&till.bank, Role::Compliance).await;
    let page = browser.get("/console/reconciliation").await.expect(200);
    assert!(page.says(&stray) && page.says("₹123.00"), "{}", page.html);
    let resolves = |page: &testkit::browser::Page| {
        page.forms().into_iter().find(|form| form.action.ends_with("/resolve"))
    };
    let empty =
        browser.submit(&resolves(&page).expect("a form"), &[("note", "")]).await.expect(422);
    assert!(empty.html.contains("aria-invalid=\"true\""), "{}", empty.html);
    let form = resolves(&empty).expect("a form");
    let done = browser.submit(&form, &[("note", HOSTILE[2])]).await.expect(200);
    assert_eq!(done.path, "/console/reconciliation?done=resolved");
    assert!(resolves(&done).is_none() && done.says("Nothing differs."));
    let all = browser.get("/console/reconciliation?open=false").await.expect(200);
    is_text(&all, HOSTILE[2]);
}

#[tokio::test]
async fn the_trail_is_filtered_and_taken_along_as_a_file() {
    let bank = TestBank::new().await;
    let (browser, _) = at_console(&bank, Role::Auditor).await;
    let asha = bank.customer("asha").await;
    let page = browser.get("/console/events").await.expect(200);
    let form = page.form("/console/events");
    let page =
        browser.submit(&form, &[("action", "customer."), ("resource", &asha.id)]).await.expect(200);
    assert!(page.says(&asha.id) && !page.says("challenge.answered"), "{}", page.html);
    let export = format!("/console/events/export?resource={}&format=csv", asha.id);
    assert!(page.says(&asha.id) && page.html.contains("/console/events/export?"));
    let file = browser.visit(&export).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
    assert!(file.header("content-disposition").is_some_and(|how| how.starts_with("attachment")));
    // Days and minutes as people type them, in UTC; what is named is included.
    let (today, tomorrow) = ("2026-01-05", "2026-01-06");
    for (from, until, is_found) in [
        (today, "", true),
        (today, today, true),
        ("", today, true),
        ("2026-01-05 00:00", "2026-01-05 23:59", true),
        (tomorrow, "", false),
        ("", "2026-01-04", false),
        ("", "2026-01-05 00:00", false),
    ] {
        let asked = [("resource", asha.id.as_str()), ("from", from), ("to", until)];
        let page = browser.submit(&form, &asked).await.expect(200);
        assert_eq!(page.says("customer.registered"), is_found, "{from} to {until}");
        assert_eq!(page.form("/console/events").value("to"), Some(until));
        assert_eq!(page.says("There are no such events."), !is_found, "{from} to {until}");
    }
    let file = format!("/console/events/export?resource={}&to=2026-01-04&format=csv", asha.id);
    let file = browser.visit(&file).await;
    assert!(!String::from_utf8_lossy(&file.body).contains(&asha.id));
    for wrong in ["yesterday", "2026-02-30", "2026-01-05 25:00"] {
        let page = browser.submit(&form, &[("from", wrong), ("to", wrong)]).await.expect(422);
        assert_eq!(page.html.matches("A day, as 2026-11-22").count(), 2, "{}", page.html);
    }
    let wrong = browser.get("/console/events/export?format=csv&to=soon").await.expect(422);
    assert!(wrong.says("A day, as 2026-11-22"), "{}", wrong.html);
    let wrong = browser.submit(&form, &[("from", HOSTILE[0])]).await.expect(422);
    assert_eq!(wrong.form("/console/events").value("from"), Some(HOSTILE[0]));
    assert!(!wrong.html.contains("<script>alert"));
    let wrong = browser.get("/console/events/export?format=exe").await.expect(422);
    assert!(wrong.html.contains("role=\"alert\""));
}
