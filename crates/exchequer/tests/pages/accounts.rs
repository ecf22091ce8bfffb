//! Accounts: opened, looked at, searched, taken away as a file; receipts.

use exchequer::evidence::receipt::SignedReceipt;
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Person, TestBank};
use tokio::sync::watch;

use crate::signed_in;

/// A text that is markup wherever it is not escaped.
const HOSTILE: &str = "\"><script>alert(1)</script>'&amp;<img src=x onerror=alert(1)>";

/// A customer with money in rupees.
async fn funded(bank: &TestBank, name: &str, amount: i64) -> (Person, String) {
    let person = bank.customer(name).await;
    let account = bank.account(&person, "INR").await;
    let teller = bank.operator(Role::Teller).await;
    bank.deposit(&teller, &account, amount, "INR").await;
    (person, account)
}

async fn sent(person: &Person, from: &str, to: &str, amount: i64, memo: &str) -> String {
    let body = json!({ "from": from, "to": to, "amount": amount, "currency": "INR", "memo": memo });
    person.client.post("/v1/transfers", &body).await.expect(201).text("/id")
}

#[tokio::test]
async fn an_account_is_opened_once_however_often_its_form_is_sent() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/accounts/new").await.expect(200).form("/accounts");
    let filled = [("name", HOSTILE), ("currency", "JPY")];
    let page = browser.submit(&form, &filled).await.expect(200);
    assert!(page.path.ends_with("?done=account_opened"), "{}", page.path);
    assert!(page.says(HOSTILE) && page.says("¥0"), "{}", page.html);
    assert!(!page.html.contains("<script>alert") && !page.html.contains("<img"));
    let again = browser.submit(&form, &filled).await.expect(200);
    assert_eq!(again.path, page.path);
    let accounts = asha.client.get("/v1/accounts").await.json();
    assert_eq!(accounts["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_says_so_beside_the_field() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = signed_in(&bank, &asha).await;
    let form = browser.get("/accounts/new").await.form("/accounts");
    for (name, currency, field) in [("", "USD", "name"), (HOSTILE, "XAU", "currency")] {
        let page = browser.submit(&form, &[("name", name), ("currency", currency)]).await;
        let page = page.expect(422);
        assert!(page.html.contains(&format!("id=\"{field}-fault\"")), "{}", page.html);
        let back = page.form("/accounts");
        assert_eq!(back.value("name"), Some(name));
    }
}

#[tokio::test]
async fn the_overview_shows_balances_totals_and_the_latest_of_all_accounts() {
    let bank = TestBank::new().await;
    let (asha, first) = funded(&bank, "asha", 123_456_789).await;
    let second = bank.account(&asha, "INR").await;
    let _moved = sent(&asha, &first, &second, 900_000, HOSTILE).await;
    let page = signed_in(&bank, &asha).await.get("/").await.expect(200);
    for text in ["₹12,25,567.89", "₹9,000.00", "₹12,34,567.89", "All accounts in INR", HOSTILE]
    {
        assert!(page.says(text), "{text}: {}", page.html);
    }
    assert!(!page.html.contains("<img"), "{}", page.html);
    assert_eq!(page.html.matches("<svg class=\"chart\"").count(), 2, "one of each account");
    assert!(page.says("+₹9,000.00") && page.says("−₹9,000.00"), "{}", page.html);
    assert!(page.html.len() < 50_000, "{}", page.html.len());
}

#[tokio::test]
async fn entries_stand_by_day_with_what_was_left_and_go_on_behind_a_link() {
    let bank = TestBank::new().await;
    let (mut asha, account) = funded(&bank, "asha", 100_000).await;
    let other = bank.account(&asha, "INR").await;
    // 19:00 UTC is the next day in India.
    bank.advance(9 * 3600);
    bank.sign_in(&mut asha).await;
    for n in 1..=45 {
        let _sent = sent(&asha, &account, &other, 100, &format!("number {n}.")).await;
    }
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/accounts/{account}");
    let page = browser.get(&path).await.expect(200);
    assert!(page.html.contains("data-group=\"2026-01-06\"") && page.says("6 Jan 2026"));
    assert!(page.says("12:30 am") && page.says("balance <span class=\"amount\">₹955.00"));
    assert!(page.says("number 45.") && page.says("number 6.") && !page.says("number 5."));
    assert!(page.html.len() < 50_000, "{}", page.html.len());
    let (_, link) = page.html.split_once("data-more href=\"").expect("a link to the rest");
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let rest = browser.get(&link).await.expect(200);
    assert!(rest.says("number 5.") && rest.says("number 1.") && !rest.says("number 6."));
    assert!(rest.html.contains("data-group=\"2026-01-05\"") && rest.says("+₹1,000.00"));
    assert!(!rest.html.contains("data-more"), "that is all");
}

#[tokio::test]
async fn entries_are_found_by_text_amount_direction_and_day_in_india() {
    let bank = TestBank::new().await;
    let (mut asha, account) = funded(&bank, "asha", 100_000).await;
    let other = bank.account(&asha, "INR").await;
    let _rent = sent(&asha, &account, &other, 12_345, "Rent of May").await;
    bank.advance(9 * 3600);
    bank.sign_in(&mut asha).await;
    let _tea = sent(&asha, &account, &other, 500, "Tea").await;
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/accounts/{account}");
    let form = browser.get(&path).await.form(&path);
    assert_eq!(form.method, "get");
    let names = ["query", "from", "to", "min_amount", "max_amount", "direction"];
    assert_eq!(form.fields.len(), names.len());
    assert!(names.iter().all(|name| form.value(name) == Some("")), "{form:?}");
    for (filled, finds_rent, finds_tea, finds_cash) in [
        (vec![], true, true, true),
        (vec![("query", "rent")], true, false, false),
        (vec![("min_amount", "₹ 123.45"), ("direction", "out")], true, false, false),
        (vec![("max_amount", "५.००")], false, true, false),
        (vec![("direction", "in")], false, false, true),
        (vec![("from", "2026-01-06")], false, true, false),
        (vec![("to", "2026-01-05")], true, false, true),
        (vec![("from", "2026-01-06"), ("to", "2026-01-06")], false, true, false),
        (vec![("query", HOSTILE)], false, false, false),
    ] {
        let page = browser.submit(&form, &filled).await.expect(200);
        let has = |amount: &str| page.says(&format!("{amount}</span>"));
        let found = (has("−₹123.45"), has("−₹5.00"), has("+₹1,000.00"));
        assert_eq!(found, (finds_rent, finds_tea, finds_cash), "{filled:?}: {}", page.html);
        for (name, typed) in filled {
            assert_eq!(page.form(&path).value(name), Some(typed));
        }
        assert!(!page.html.contains("<script>alert"));
    }
}

#[tokio::test]
async fn a_search_that_cannot_be_made_says_why_beside_its_field() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/accounts/{account}");
    let form = browser.get(&path).await.form(&path);
    let long = "x".repeat(101);
    for (name, typed) in [
        ("query", long.as_str()),
        ("query", "a\u{7}b"),
        ("from", "2026-02-30"),
        ("to", HOSTILE),
        ("min_amount", "12,5"),
        ("min_amount", HOSTILE),
        ("max_amount", "-5"),
    ] {
        let page = browser.submit(&form, &[(name, typed)]).await.expect(422);
        assert!(page.html.contains(&format!("id=\"{name}-fault\"")), "{name}: {}", page.html);
        assert_eq!(page.form(&path).value(name), Some(typed));
        assert!(!page.html.contains("<img"), "{}", page.html);
    }
    let swapped = [("from", "2026-01-06"), ("to", "2026-01-05")];
    let page = browser.submit(&form, &swapped).await.expect(422);
    assert!(page.html.contains("id=\"to-fault\""), "{}", page.html);
}

#[tokio::test]
async fn another_customers_account_statement_and_receipt_are_not_there() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let other = bank.account(&asha, "INR").await;
    let transfer = sent(&asha, &account, &other, 100, "secret memo").await;
    let ravi = bank.customer("ravi").await;
    let browser = signed_in(&bank, &ravi).await;
    for path in [
        format!("/accounts/{account}"),
        format!("/accounts/{account}/statement"),
        format!("/accounts/{account}/statement?format=pdf"),
        format!("/transfers/{transfer}"),
        format!("/transfers/{transfer}/receipt"),
        "/accounts/acc_00000000000000000000000000".to_owned(),
        "/accounts/..%2F..%2Fme".to_owned(),
        "/transfers/%00".to_owned(),
    ] {
        let page = browser.get(&path).await.expect(404);
        assert!(page.says("There is nothing here") && !page.says("secret memo"), "{path}");
    }
}

#[tokio::test]
async fn a_statement_is_a_file_and_a_wrong_period_a_form() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/accounts/{account}/statement");
    let form = browser.get(&path).await.expect(200).form(&path);
    assert_eq!((form.value("from"), form.value("to")), (Some("2025-12-06"), Some("2026-01-05")));
    for (format, media) in
        [("pdf", "application/pdf"), ("csv", "text/csv"), ("camt053", "application/xml")]
    {
        let reply = browser.submit_once(&form, &[("format", format)]).await.expect(200);
        assert!(reply.header("content-type").is_some_and(|text| text.starts_with(media)));
        let disposition = reply.header("content-disposition").unwrap_or_default();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let wrong = [("from", "2026-01-09"), ("to", HOSTILE)];
    let page = browser.submit(&form, &wrong).await.expect(422);
    assert!(page.html.contains("id=\"to-fault\""), "{}", page.html);
    assert_eq!(page.form(&path).value("to"), Some(HOSTILE));
}

#[tokio::test]
async fn a_receipt_tells_each_party_its_side() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let ravi = bank.customer("ravi").await;
    let theirs = bank.account(&ravi, "INR").await;
    let transfer = sent(&asha, &account, &theirs, 12_345, HOSTILE).await;
    let path = format!("/transfers/{transfer}");
    let mut browser = signed_in(&bank, &asha).await;
    let receipt = browser.get(&path).await.expect(200);
    for text in ["Money sent", "₹123.45", HOSTILE, &transfer, "5 Jan 2026, 3:30 pm"] {
        assert!(receipt.says(text), "{text}: {}", receipt.html);
    }
    assert!(!receipt.html.contains("<img"));
    browser.language = "hi-IN";
    let receipt = browser.get(&path).await.expect(200);
    assert!(receipt.html.contains("<html lang=\"hi-IN\">"));
    assert!(receipt.says("पैसा भेजा गया") && receipt.says("5 जनवरी 2026, 15:30"), "{}", receipt.html);
    let receipt = signed_in(&bank, &ravi).await.get(&path).await.expect(200);
    assert!(receipt.says("Money received") && receipt.says(HOSTILE), "{}", receipt.html);
}

#[tokio::test]
async fn a_signed_receipt_is_a_file_that_is_checked_without_the_bank() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let other = bank.account(&asha, "INR").await;
    let transfer = sent(&asha, &account, &other, 12_345, HOSTILE).await;
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/transfers/{transfer}/receipt");
    assert!(browser.get(&format!("/transfers/{transfer}")).await.expect(200).html.contains(&path));
    let early = browser.get(&path).await.expect(409);
    assert!(early.says("The bank signs within a second or two of a payment."), "{}", early.html);
    let (_running, stop) = watch::channel(false);
    Job::WriteLog.run(bank.bank(), &stop).await.expect("the log is written");
    let file = browser.visit(&path).await.expect(200);
    let named = format!("attachment; filename=\"{transfer}.receipt.json\"");
    assert_eq!(file.header("content-disposition"), Some(&*named));
    assert_eq!(file.header("content-type"), Some("application/json"));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let keys = bank.client().get("/v1/log/keys").await.expect(200);
    let key = keys.text("/keys/0").parse().expect("a key");
    let text = String::from_utf8_lossy(&file.body).into_owned();
    let checked = SignedReceipt::verify(&text, &key).expect("it is right");
    assert_eq!(
        (checked.transfer.amount, checked.transfer.memo.as_deref()),
        (12_345, Some(HOSTILE))
    );
}

#[tokio::test]
async fn entries_are_found_by_the_name_of_their_payee() {
    let bank = TestBank::new().await;
    let (asha, account) = funded(&bank, "asha", 100_000).await;
    let bela = bank.customer("bela").await;
    let to = bank.account(&bela, "INR").await;
    let _rent = sent(&asha, &account, &to, 12_345, "For May").await;
    let payee = json!({ "account": to, "name": HOSTILE });
    let _added = asha.client.post("/v1/beneficiaries", &payee).await.expect(201);
    let browser = signed_in(&bank, &asha).await;
    let path = format!("/accounts/{account}");
    let form = browser.get(&path).await.expect(200).form(&path);
    for (typed, is_found) in [("ALERT(1)</SCRIPT>", true), (HOSTILE, true), ("bela", false)] {
        let page = browser.submit(&form, &[("query", typed)]).await.expect(200);
        assert_eq!(page.says("−₹123.45"), is_found, "{typed}: {}", page.html);
        assert_eq!(page.says(&format!("who\">{HOSTILE}")), is_found, "{typed}: {}", page.html);
        assert!(!page.html.contains("<img src=x"), "{}", page.html);
    }
    // The overview names it as well.
    assert!(browser.get("/").await.expect(200).says(HOSTILE));
}
