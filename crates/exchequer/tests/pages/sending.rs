//! Sending money: reviewed, sent once, refused beside the field that it is about.

use exchequer::staff::model::Role;
use testkit::browser::{Form, Page};
use testkit::{Browser, Person, TestBank};
use vault::checkdigit::mod97_append;

use crate::signed_in;

const HOSTILE: &str = "\"><script>alert(1)</script>'&amp;<img src=x onerror=alert(1)>";

/// Two customers, the first with 1,00,000 rupees and a browser.
struct Two {
    bank: TestBank,
    asha: Person,
    from: String,
    to: String,
    number: String,
    browser: Browser,
}

impl Two {
    async fn new() -> Self {
        let bank = TestBank::new().await;
        let asha = bank.customer("Asha Rao").await;
        let from = bank.account(&asha, "INR").await;
        let teller = bank.operator(Role::Teller).await;
        bank.deposit(&teller, &from, 10_000_000, "INR").await;
        let ravi = bank.customer("Ravi Kumar").await;
        let to = bank.account(&ravi, "INR").await;
        let number = ravi.client.get(&format!("/v1/accounts/{to}")).await.text("/number");
        let browser = signed_in(&bank, &asha).await;
        Self { bank, asha, from, to, number, browser }
    }

    async fn form(&self) -> Form {
        self.browser.get("/send").await.expect(200).form("/send/review")
    }

    /// The review of a payment to the second customer.
    async fn review(&self, amount: &str, memo: &str) -> Page {
        let filled = [
            ("to", self.number.as_str()),
            ("name", "Ravi Kumar"),
            ("amount", amount),
            ("memo", memo),
        ];
        self.browser.submit(&self.form().await, &filled).await
    }

    async fn left(&self) -> i64 {
        self.bank.balance(&self.asha, &self.from).await[0]
    }
}

fn faulty(page: &Page, field: &str) -> bool {
    page.html.contains(&format!("id=\"{field}-fault\""))
}

#[tokio::test]
async fn money_is_reviewed_then_sent_once_and_ends_at_its_receipt() {
    let two = Two::new().await;
    let review = two.review("₹ 1,234.50", "Rent").await.expect(200);
    for text in ["Nothing has been sent yet", "₹1,234.50", "Ravi Kumar", &two.number, "Rent"] {
        assert!(review.says(text), "{text}: {}", review.html);
    }
    assert!(review.says("The name is that of the account's holder."), "{}", review.html);
    assert!(review.says("₹98,765.50"), "what is left: {}", review.html);
    assert_eq!(two.left().await, 10_000_000, "a review sends nothing");
    let form = review.form("/send");
    let receipt = two.browser.submit(&form, &[]).await.expect(200);
    assert!(receipt.path.starts_with("/transfers/trf_"), "{}", receipt.path);
    assert!(receipt.path.ends_with("?done=sent") && receipt.says("The money has been sent."));
    // Pressed twice, loaded again, gone back to.
    let again = two.browser.submit(&form, &[]).await.expect(200);
    assert_eq!(again.path, receipt.path);
    let back = two.review_again(&form).await;
    let again = two.browser.submit(&back.form("/send"), &[]).await.expect(200);
    assert_eq!(again.path, receipt.path);
    assert_eq!(two.left().await, 9_876_550);
    assert_eq!(two.bank.balance(&two.asha, &two.from).await[2], 9_876_550);
}

impl Two {
    /// The review as the browser loads it again: with the key that its form came with.
    async fn review_again(&self, sent: &Form) -> Page {
        let form = Form { action: "/send/review".to_owned(), ..sent.clone() };
        self.browser.submit(&form, &[]).await.expect(200)
    }
}

#[tokio::test]
async fn two_at_once_are_one() {
    let two = Two::new().await;
    let form = two.review("500", "").await.expect(200).form("/send");
    let (a, b) = tokio::join!(two.browser.submit(&form, &[]), two.browser.submit(&form, &[]));
    assert!(a.path.starts_with("/transfers/"), "{}", a.html);
    assert_eq!(a.path, b.path);
    assert_eq!(two.left().await, 9_950_000);
}

#[tokio::test]
async fn other_values_under_a_used_key_send_nothing_and_say_so() {
    let two = Two::new().await;
    let form = two.review("500", "").await.form("/send");
    let _receipt = two.browser.submit(&form, &[]).await.expect(200);
    let page = two.browser.submit(&form, &[("amount", "600")]).await.expect(422);
    assert!(page.says("This was already sent"), "{}", page.html);
    assert!(page.html.contains(&format!("href=\"/accounts/{}\"", two.from)), "{}", page.html);
    assert_eq!(two.left().await, 9_950_000);
}

#[tokio::test]
async fn change_leads_back_to_the_form_with_everything_typed() {
    let two = Two::new().await;
    let review = two.review("1,234.50", "Rent").await.expect(200);
    let edit = two.browser.submit(&review.form("/send/edit"), &[]).await.expect(200);
    let form = edit.form("/send/review");
    for (name, typed) in [
        ("to", two.number.as_str()),
        ("name", "Ravi Kumar"),
        ("amount", "1,234.50"),
        ("memo", "Rent"),
    ] {
        assert_eq!(form.value(name), Some(typed));
    }
    assert_eq!(form.value("key"), review.form("/send").value("key"));
    assert_eq!(two.left().await, 10_000_000);
}

#[tokio::test]
async fn what_is_not_understood_is_said_beside_its_field_and_kept() {
    let two = Two::new().await;
    let form = two.form().await;
    let number = two.number.as_str();
    let good = [("to", number), ("name", "Ravi"), ("amount", "5"), ("memo", "m")];
    for (name, typed, at) in [
        ("to", "", "to"),
        ("name", "", "name"),
        ("amount", "", "amount"),
        ("amount", "12,5", "amount"),
        ("amount", "1.234,50", "amount"),
        ("amount", "0", "amount"),
        ("amount", "-5", "amount"),
        ("amount", "5.001", "amount"),
        ("amount", "$5", "amount"),
        ("amount", HOSTILE, "amount"),
        ("to", HOSTILE, "to"),
        ("to", "EX00 0000 0000 0000 00", "to"),
        ("name", "a\u{7}", "name"),
        ("payee", HOSTILE, "payee"),
        ("payee", "acc_00000000000000000000000000", "payee"),
        ("from", "acc_00000000000000000000000000", "from"),
        ("from", two.to.as_str(), "from"),
    ] {
        let filled = good.iter().copied().filter(|(field, _)| *field != name);
        let filled: Vec<(&str, &str)> = filled.chain([(name, typed)]).collect();
        let page = two.browser.submit(&form, &filled).await;
        let page = page.expect(422);
        assert!(faulty(&page, at), "{name} {typed}: {}", page.html);
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img"));
        let back = page.form("/send/review");
        for (field, value) in filled.iter().filter(|(field, _)| !["payee", "from"].contains(field))
        {
            assert_eq!(back.value(field), Some(*value), "{name} {typed}");
        }
    }
    let both = [("to", number), ("payee", two.from.as_str()), ("amount", "5")];
    let page = two.browser.submit(&form, &both).await.expect(422);
    assert!(faulty(&page, "to") && faulty(&page, "payee"), "{}", page.html);
}

// PCI DSS 6.2.4: what somebody typed is text on every page that shows it.
// ASVS 1.2.1, 3.2.2: what somebody typed is text on every page that shows it.
#[tokio::test]
async fn hostile_text_comes_through_review_and_receipt_as_text() {
    let two = Two::new().await;
    let form = two.form().await;
    let filled =
        [("to", two.number.as_str()), ("name", HOSTILE), ("amount", "5"), ("memo", HOSTILE)];
    let review = two.browser.submit(&form, &filled).await.expect(200);
    assert_eq!(review.form("/send").value("memo"), Some(HOSTILE));
    assert_eq!(review.form("/send").value("name"), Some(HOSTILE));
    assert!(review.says("The name is not that of this account's holder"), "{}", review.html);
    let receipt = two.browser.submit(&review.form("/send"), &[]).await.expect(200);
    assert!(receipt.says(HOSTILE), "{}", receipt.html);
    for page in [review, receipt] {
        assert!(!page.html.contains("<script>alert") && !page.html.contains("<img"));
    }
}

#[tokio::test]
async fn the_apis_refusals_stand_beside_their_field_under_a_fresh_key() {
    let two = Two::new().await;
    let dollars = two.bank.account(&two.asha, "USD").await;
    let free = unused_number(&two.number);
    for (name, typed, at) in [("to", free.as_str(), "to"), ("payee", dollars.as_str(), "payee")] {
        let mut filled = vec![("amount", "5")];
        if name != "payee" {
            filled.extend([("to", two.number.as_str()), ("name", "Ravi")]);
        }
        filled.retain(|(field, _)| *field != name);
        filled.push((name, typed));
        let form = two.form().await;
        let review = two.browser.submit(&form, &filled).await.expect(200);
        let page = two.browser.submit(&review.form("/send"), &[]).await.expect(422);
        assert!(faulty(&page, at), "{name} {typed}: {}", page.html);
        let back = page.form("/send/review");
        assert_eq!(back.value(name), Some(typed));
        assert_ne!(back.value("key"), form.value("key"), "a refusal is kept under its key");
    }
    assert_eq!(two.left().await, 10_000_000);
}

#[tokio::test]
async fn more_than_there_is_is_not_offered_to_be_sent() {
    let two = Two::new().await;
    let page = two.review("1,00,000.01", "Rent").await.expect(422);
    assert!(faulty(&page, "amount") && page.says("₹1,00,000.00."), "{}", page.html);
    assert_eq!(page.form("/send/review").value("memo"), Some("Rent"), "nothing typed is lost");
    // What goes meanwhile is the API's to refuse.
    let all = two.review("1,00,000", "").await.expect(200).form("/send");
    let part = two.review("1", "").await.expect(200).form("/send");
    let _sent = two.browser.submit(&part, &[]).await.expect(200);
    let page = two.browser.submit(&all, &[]).await.expect(422);
    assert!(faulty(&page, "amount"), "{}", page.html);
    assert_ne!(page.form("/send/review").value("key"), all.value("key"));
    assert_eq!(two.left().await, 9_999_900);
}

#[tokio::test]
async fn an_own_limit_says_its_name_and_what_it_leaves() {
    let mut two = Two::new().await;
    two.bank.sign_in(&mut two.asha).await;
    let limits = serde_json::json!({ "per_day": 100_000 });
    let _set = two.asha.client.put("/v1/limits/INR", &limits).await.expect(200);
    let first = two.review("400", "").await.expect(200).form("/send");
    let _sent = two.browser.submit(&first, &[]).await.expect(200);
    let review = two.review("600.01", "").await.expect(200);
    let page = two.browser.submit(&review.form("/send"), &[]).await.expect(422);
    assert!(faulty(&page, "amount"), "{}", page.html);
    assert!(page.says("“Any 24 hours” leaves ₹600.00."), "{}", page.html);
}

#[tokio::test]
async fn a_frozen_account_is_named_by_who_pays_from_it_or_to_it() {
    let two = Two::new().await;
    let officer = two.bank.operator(Role::Admin).await;
    let frozen = |account: &str| format!("/v1/staff/accounts/{account}/freeze");
    let form = two.review("5", "").await.expect(200).form("/send");
    let why = serde_json::json!({});
    let _done = officer.client.post(&frozen(&two.to), &why).await.expect(200);
    let page = two.browser.submit(&form, &[]).await.expect(422);
    assert!(faulty(&page, "to") && !faulty(&page, "from"), "{}", page.html);
    let _done = officer.client.post(&frozen(&two.from), &why).await.expect(200);
    let form = two.review("5", "").await.expect(200).form("/send");
    let page = two.browser.submit(&form, &[]).await.expect(422);
    assert!(faulty(&page, "from"), "{}", page.html);
    assert!(two.browser.get("/").await.expect(200).says("Frozen"));
}

/// A number with right check digits that is not this one, so nobody's.
fn unused_number(number: &str) -> String {
    let bodies = ["00000000000001", "00000000000002"].map(mod97_append);
    let numbers = bodies.map(|digits| format!("EX{digits}"));
    numbers.into_iter().find(|other| other != number).expect("one of two differs")
}

#[tokio::test]
async fn a_form_without_its_token_sends_nothing() {
    let two = Two::new().await;
    let form = two.review("500", "").await.form("/send");
    for token in ["", "wrong"] {
        let body = form.body(&[("csrf_token", token)]);
        let own = [("sec-fetch-site", "same-origin")];
        assert_eq!(two.browser.post("/send", &body, &own).await.status.as_u16(), 403);
    }
    let elsewhere = [("sec-fetch-site", "cross-site")];
    let reply = two.browser.post("/send", &form.body(&[]), &elsewhere).await;
    assert_eq!(reply.status.as_u16(), 403);
    assert_eq!(two.left().await, 10_000_000);
}

#[tokio::test]
async fn a_large_payment_without_a_second_factor_is_told_what_it_needs() {
    let two = Two::new().await;
    let review = two.review("20,000", "").await.expect(200);
    let page = two.browser.submit(&review.form("/send"), &[]).await.expect(403);
    assert!(page.html.contains("href=\"/security\""), "{}", page.html);
    assert_eq!(page.form("/send/review").value("amount"), Some("20,000"));
    assert_eq!(two.left().await, 10_000_000);
}

#[tokio::test]
async fn a_second_factor_is_shown_for_exactly_this_payment_and_serves_once() {
    let mut two = Two::new().await;
    let _codes = two.bank.enrol_totp(&mut two.asha).await;
    let review = two.review("20,000", HOSTILE).await.expect(200);
    let asked = two.browser.submit(&review.form("/send"), &[]).await.expect(200);
    for text in ["₹20,000.00", "Ravi Kumar", two.number.as_str(), HOSTILE] {
        assert!(asked.says(text), "{text}: {}", asked.html);
    }
    assert!(!asked.html.contains("<img"), "{}", asked.html);
    let form = asked.form("/send");
    let wrong = two.bank.wrong_totp_code(&two.asha);
    let filled = [("code_totp", wrong.as_str()), ("answer_with", "answer:totp")];
    let asked = two.browser.submit(&form, &filled).await.expect(401);
    assert!(asked.says("That code is wrong or too old."), "{}", asked.html);
    assert_eq!(two.left().await, 10_000_000);
    two.bank.advance(60);
    let code = two.bank.totp_code(&two.asha);
    let filled = [("code_totp", code.as_str()), ("answer_with", "answer:totp")];
    let receipt = two.browser.submit(&asked.form("/send"), &filled).await.expect(200);
    assert!(receipt.path.starts_with("/transfers/"), "{}", receipt.html);
    // The same answer again: what was sent is shown.
    let again = two.browser.submit(&asked.form("/send"), &filled).await.expect(200);
    assert_eq!(again.path, receipt.path);
    assert_eq!(two.left().await, 8_000_000);
}

#[tokio::test]
async fn a_customer_without_an_account_is_led_to_opening_one() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let page = signed_in(&bank, &asha).await.get("/send").await.expect(200);
    assert!(page.html.contains("href=\"/accounts/new\""), "{}", page.html);
}

#[tokio::test]
async fn an_address_chooses_accounts_but_neither_amount_nor_key() {
    let two = Two::new().await;
    let path = format!("/send?from={}&to={}&amount=500&memo=x&key=k&name=y", two.from, two.number);
    let form = two.browser.get(&path).await.expect(200).form("/send/review");
    assert_eq!(form.value("from"), Some(two.from.as_str()));
    assert_eq!(form.value("to"), Some(two.number.as_str()));
    for name in ["amount", "memo", "name"] {
        assert_eq!(form.value(name), Some(""), "{name}");
    }
    assert_ne!(form.value("key"), Some("k"));
}

// ASVS 1.2.1: no string leaves its place in a form.
#[tokio::test]
async fn every_naughty_string_comes_back_as_the_same_text() {
    let Some(refs) = std::env::var_os("EXCHEQUER_REFS") else {
        eprintln!("EXCHEQUER_REFS is not set: naughty strings were not sent");
        return;
    };
    let file = std::fs::read_to_string(std::path::Path::new(&refs).join("blns.json"));
    let strings: Vec<String> = serde_json::from_str(&file.expect("blns.json")).expect("strings");
    assert!(strings.len() > 400);
    let two = Two::new().await;
    let form = Form { action: "/send/edit".to_owned(), ..two.form().await };
    for part in strings.chunks(4) {
        // Not faster than the bank lets anybody be.
        two.bank.advance(2);
        let names = ["to", "name", "amount", "memo"];
        let filled: Vec<(&str, &str)> =
            names.into_iter().zip(part.iter().map(String::as_str)).collect();
        let page = two.browser.submit(&form, &filled).await.expect(200);
        let back = page.form("/send/review");
        for (name, typed) in filled {
            let typed = typed.replace("\r\n", "\n");
            assert_eq!(back.value(name), Some(typed.trim()), "{name}");
        }
        assert_eq!(page.html.matches("<script").count(), 1, "{}", page.html);
    }
}

#[tokio::test]
async fn who_has_stopped_all_outgoing_money_is_told_so_and_of_no_limit() {
    let mut two = Two::new().await;
    two.bank.sign_in(&mut two.asha).await;
    let _stopped =
        two.asha.client.post("/v1/protections/stop", &serde_json::json!({})).await.expect(200);
    let review = two.review("10", "lunch").await.expect(200);
    let refused = two.browser.submit(&review.form("/send"), &[]).await;
    assert!(refused.status >= 400, "{}", refused.html);
    assert!(refused.says("You have stopped all outgoing money"), "{}", refused.html);
    assert!(!refused.says("above a limit"), "{}", refused.html);
    assert_eq!(two.left().await, 10_000_000);
}
