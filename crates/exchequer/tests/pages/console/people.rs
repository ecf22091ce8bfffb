//! Customers and operators: masked, revealed with a purpose, let in and not.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::TestBank;
use tokio::sync::watch;

use super::{HOSTILE, at_console, is_text};

#[tokio::test]
async fn a_customer_is_masked_until_a_purpose_is_given_and_then_once() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha Rao").await;
    let other = bank.customer("mateo").await;
    let (browser, _) = at_console(&bank, Role::Support).await;
    let form = browser.get("/console/customers").await.expect(200).form("/console/customers");
    let found = browser.submit(&form, &[("query", &asha.email)]).await.expect(200);
    assert!(!found.says("Asha Rao") && found.says("A***"), "{}", found.html);
    let path = format!("/console/customers/{}", asha.id);
    assert!(found.html.contains(&format!("href=\"{path}\"")) && !found.html.contains(&other.id));
    let page = browser.get(&path).await.expect(200);
    assert!(!page.says("Asha Rao"));
    let reveal = format!("{path}/reveal");
    let short = browser.submit(&page.form(&reveal), &[("purpose", "why")]).await.expect(422);
    assert!(!short.says("Asha Rao") && short.html.contains("aria-invalid=\"true\""));
    assert_eq!(short.form(&reveal).value("purpose"), Some("why"));
    let shown = browser.submit(&short.form(&reveal), &[("purpose", HOSTILE[0])]).await.expect(200);
    assert!(shown.says("Asha Rao") && shown.says(&asha.email), "{}", shown.html);
    assert_eq!(shown.path, reveal, "no address leads to it");
    assert!(!browser.get(&path).await.expect(200).says("Asha Rao"));
    assert_eq!(browser.visit(&reveal).await.status, 405);
    let (auditor, _) = at_console(&bank, Role::Auditor).await;
    let trail = auditor.get(&format!("/console/events?resource={}", asha.id)).await.expect(200);
    assert!(trail.says("customer.revealed"), "{}", trail.html);
    is_text(&trail, HOSTILE[0]);
}

#[tokio::test]
async fn of_who_is_erased_the_console_shows_the_id_and_offers_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha Rao").await;
    let admin = bank.operator(Role::Compliance).await;
    let disable = format!("/v1/staff/customers/{}/disable", asha.id);
    let _disabled = admin.client.post(&disable, &json!({})).await.expect(200);
    let (_go, stop) = watch::channel(false);
    let days = i64::from(bank.bank().config().evidence.salt_days);
    for seconds in [days * 86_400, 86_400, 0] {
        assert_eq!(Job::ShredSalts.run(bank.bank(), &stop).await.expect("it runs"), 1);
        bank.advance(seconds);
    }
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    let path = format!("/console/customers/{}", asha.id);
    let page = browser.get(&path).await.expect(200);
    assert!(page.says("Erased") && page.says(&asha.id), "{}", page.html);
    for gone in ["Asha", "A***", "asha.rao", &format!("{path}/")] {
        assert!(!page.html.contains(gone), "{gone}: {}", page.html);
    }
    let form = browser.get("/console/customers").await.expect(200).form("/console/customers");
    let by_email = browser.submit(&form, &[("query", &asha.email)]).await.expect(200);
    assert!(!by_email.html.contains(&path), "{}", by_email.html);
    let by_id = browser.submit(&form, &[("query", &asha.id)]).await.expect(200);
    assert!(by_id.html.contains(&path) && by_id.says("Erased customer"), "{}", by_id.html);
}

#[tokio::test]
async fn a_search_that_cannot_be_is_told_at_its_field_and_hostile_text_stays_text() {
    let bank = TestBank::new().await;
    let (browser, _) = at_console(&bank, Role::Teller).await;
    let form = browser.get("/console/customers").await.expect(200).form("/console/customers");
    for text in HOSTILE {
        let page = browser.submit(&form, &[("query", text)]).await;
        assert!(page.status == 200 || page.status == 422, "{text}: {}", page.status);
        assert_eq!(page.form("/console/customers").value("query"), Some(text));
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"));
    }
    let long = "a b c d e f g h i j k l m n o p";
    let page = browser.submit(&form, &[("query", long)]).await.expect(422);
    assert!(page.html.contains("id=\"filter-query-fault\""), "{}", page.html);
}

#[tokio::test]
async fn a_freeze_by_form_is_met_by_the_customer_and_ends_by_form() {
    let bank = TestBank::new().await;
    let (asha, mateo) = (bank.customer("asha").await, bank.customer("mateo").await);
    let (from, to) = (bank.account(&asha, "INR").await, bank.account(&mateo, "INR").await);
    let teller = bank.operator(Role::Teller).await;
    bank.deposit(&teller, &from, 100_000, "INR").await;
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    let path = format!("/console/accounts/{from}");
    let page = browser.get(&path).await.expect(200);
    let freeze = page.form(&format!("{path}/freeze"));
    let frozen = browser.submit(&freeze, &[]).await.expect(200);
    assert!(frozen.says("The account is frozen.") && frozen.says("Frozen"));
    let order = serde_json::json!({ "from": from, "to": to, "amount": 500, "currency": "INR" });
    asha.client.post("/v1/transfers", &order).await.refused(422, "account_frozen");
    // Sent twice, it is one act; with a new form it is refused, in words.
    let again = browser.submit(&freeze, &[]).await.expect(200);
    assert_eq!(again.path, frozen.path);
    let token = frozen.form("/console/sign-out").value("csrf_token").expect("a token").to_owned();
    let body = format!("csrf_token={token}&key=another-key-of-ours");
    let late = browser.post(&format!("{path}/freeze"), &body, &[]).await;
    assert_eq!(late.status, 409);
    let open = browser.submit(&frozen.form(&format!("{path}/unfreeze")), &[]).await.expect(200);
    assert!(open.says("The account is open again."));
    let _sent = asha.client.post("/v1/transfers", &order).await.expect(201);
}

#[tokio::test]
async fn an_operators_access_is_ended_and_given_back_by_two() {
    let bank = TestBank::new().await;
    let (admin, admin_person) = at_console(&bank, Role::Admin).await;
    let (leaver, _) = at_console(&bank, Role::Support).await;
    let page = admin.get("/console/members").await.expect(200);
    assert!(page.says(&admin_person.email) && page.says("This is you"));
    let forms = page.forms().into_iter();
    let ends: Vec<_> = forms.filter(|form| form.action.ends_with("/disable")).collect();
    let mut disabled = None;
    for form in ends {
        let id = form.action.trim_start_matches("/console/members/").trim_end_matches("/disable");
        let row = page.html.split("<tr>").find(|row| row.contains(id)).unwrap_or_default();
        if row.contains("support") {
            disabled = Some(admin.submit(&form, &[]).await.expect(200));
        }
    }
    let page = disabled.expect("there is a form for them");
    assert!(page.says("The operator's access is ended."));
    assert_eq!(leaver.visit("/console").await.status, 303);
    let back = page.forms().into_iter().find(|form| form.action.ends_with("/enable"));
    let asked = admin.submit(&back.expect("a form"), &[]).await.expect(200);
    assert!(asked.says("Give an operator access back"), "{}", asked.html);
}

#[tokio::test]
async fn anothers_ids_and_what_is_no_id_are_pages_that_say_so() {
    let bank = TestBank::new().await;
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    for path in [
        "/console/customers/cus_00000000000000000000000000",
        "/console/customers/..%2F..%2Fv1%2Fme",
        "/console/accounts/x?cursor=%00",
        "/console/transfers/trf_00000000000000000000000000",
        "/console/payments/pay_00000000000000000000000000",
        "/console/approvals/apr_00000000000000000000000000",
        "/console/merchants/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/console/merchants/mer_00000000000000000000000000/webhooks/whk_00000000000000000000000000",
    ] {
        let page = browser.get(path).await;
        assert!(page.status == 404, "{path}: {}", page.status);
        assert!(!page.html.contains("<script>alert"));
    }
}

/// What is looked for is nobody's to read in an address, in a log of addresses or after a sign-out.
#[tokio::test]
async fn an_address_says_nothing_of_who_is_looked_for() {
    let bank = TestBank::new().await;
    // More than a page of them.
    for letter in 'a'..='u' {
        let _person = bank.customer(&format!("Asha Rao {letter}")).await;
    }
    let (browser, _) = at_console(&bank, Role::Support).await;
    let form = browser.get("/console/customers").await.expect(200).form("/console/customers");
    assert_eq!(form.method, "post");
    let page = browser.submit(&form, &[("query", "asha rao")]).await.expect(200);
    let told = |path: &str| path.to_lowercase().contains("asha") || path.contains("rao");
    assert!(page.path.starts_with("/console/customers?sought=") && !told(&page.path));
    assert_eq!(page.form("/console/customers").value("query"), Some("asha rao"));
    let (_, more) = page.html.split_once("sought=").unwrap_or_else(|| panic!("{}", page.html));
    let more = more.split('"').next().unwrap_or_default().replace("&#38;", "&");
    let rest = browser.get(&format!("/console/customers?sought={more}")).await.expect(200);
    assert!(rest.html.matches("/console/customers/cus_").count() >= 1, "{}", rest.html);
    // Loaded again it is the same; another operator cannot read it, and after an hour nobody.
    assert!(browser.get(&page.path).await.expect(200).html.contains("/console/customers/cus_"));
    let (other, _) = at_console(&bank, Role::Support).await;
    for path in [&*page.path, "/console/customers?sought=AAAA", "/console/customers?sought=%00"] {
        let reply = other.get(path).await.expect(200);
        assert!(!reply.html.contains("/console/customers/cus_"), "{path}: {}", reply.html);
        assert!(reply.says("by somebody else") && !told(&reply.html), "{path}: {}", reply.html);
    }
    for _ in 0..8 {
        bank.advance(500);
        let _alive = browser.get("/console").await.expect(200);
    }
    assert!(browser.get(&page.path).await.expect(200).says("too long ago"));
}

#[tokio::test]
async fn an_account_is_found_by_its_number() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let number = asha.client.get(&format!("/v1/accounts/{account}")).await.text("/number");
    let (browser, _) = at_console(&bank, Role::Auditor).await;
    let form = browser.get("/console/accounts").await.expect(200).form("/console/accounts");
    let spaced = number.to_lowercase().replace("ex", "ex ");
    for typed in [&account, &number, &spaced] {
        let page = browser.submit(&form, &[("account", typed)]).await.expect(200);
        assert_eq!(page.path, format!("/console/accounts/{account}"), "{typed}");
    }
    let wrong = if number.ends_with('1') { "2" } else { "1" };
    let wrong = format!("{}{wrong}", &number[..number.len() - 1]);
    let unused = format!("EX{}", vault::checkdigit::mod97_append("00000000000000"));
    for typed in [&*wrong, &*unused, "", HOSTILE[0]] {
        let page = browser.submit(&form, &[("account", typed)]).await.expect(422);
        assert_eq!(page.form("/console/accounts").value("account"), Some(typed));
        assert!(page.html.contains("id=\"filter-account-fault\""), "{}", page.html);
    }
}
