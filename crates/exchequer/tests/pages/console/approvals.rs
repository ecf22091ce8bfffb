//! Four eyes by form: two operators, and what neither may do alone.

use exchequer::staff::model::Role;
use serde_json::json;
use testkit::TestBank;

use super::{HOSTILE, at_console, is_text, place};

#[tokio::test]
async fn what_one_operator_asks_for_another_approves() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let (maker, maker_person) = at_console(&bank, Role::Compliance).await;
    let path = format!("/console/customers/{}", asha.id);
    let page = maker.get(&path).await.expect(200);
    let page = maker.submit(&page.form(&format!("{path}/lock")), &[]).await.expect(200);
    assert_eq!(page.path, format!("{path}?done=customer_locked"));
    let asked = maker.submit(&page.form(&format!("{path}/unlock")), &[]).await.expect(200);
    assert!(place(&asked).starts_with("/console/approvals/apr_"), "{}", asked.path);
    assert!(asked.says("somebody else has to approve it") && asked.says("Unlock a customer"));
    let approval = place(&asked).to_owned();
    let approve = format!("{approval}/approve");
    assert!(asked.forms().iter().all(|form| form.action != approve), "not by oneself");
    // A form that the page does not have is refused all the same.
    let token = asked.form("/console/sign-out").value("csrf_token").expect("a token").to_owned();
    let body = format!("csrf_token={token}&key=a-key-of-the-maker");
    let own = maker.post(&approve, &body, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(own.status, 403);

    let (checker, _) = at_console(&bank, Role::Compliance).await;
    let queue = checker.get("/console/approvals?status=pending").await.expect(200);
    assert!(queue.says("Unlock a customer") && queue.says(&maker_person.email), "{}", queue.html);
    let page = checker.get(&approval).await.expect(200);
    assert!(page.says(&asha.id) && page.says(&maker_person.email));
    let form = page.form(&approve);
    let done = checker.submit(&form, &[]).await.expect(200);
    assert_eq!(done.path, format!("{approval}?done=approved"));
    assert!(done.says("Approved, and done."));
    // The same form once more is the same approval.
    let again = checker.submit(&form, &[]).await.expect(200);
    assert_eq!(again.path, format!("{approval}?done=approved"));
    let standing = maker.get(&path).await.expect(200);
    assert!(standing.says("Active"), "{}", standing.html);
}

#[tokio::test]
async fn an_act_is_rejected_with_a_reason_or_taken_back() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let (maker, maker_person) = at_console(&bank, Role::Compliance).await;
    let (checker, _) = at_console(&bank, Role::Admin).await;
    let limits = format!("/v1/staff/accounts/{account}/limits");
    let less = json!({ "per_transfer": 5_000, "per_day": 10_000 });
    let _set = maker_person.client.post(&limits, &less).await.expect(200);
    let path = format!("/console/accounts/{account}");
    let form = maker.get(&path).await.expect(200).form(&format!("{path}/limits"));
    assert_eq!(form.value("per_transfer"), Some("50.00"));
    let asked = maker.submit(&form, &[("per_transfer", "1,23,456.78"), ("per_day", "")]).await;
    let approval = place(&asked.expect(200)).to_owned();
    let page = checker.get(&approval).await.expect(200);
    for fact in ["₹1,23,456.78", "₹50.00", "No limit", "₹100.00", "Everyday"] {
        assert!(page.says(fact), "{fact}: {}", page.html);
    }
    let reject = format!("{approval}/reject");
    let wrong = checker.submit(&page.form(&reject), &[("reason", "")]).await.expect(422);
    assert!(wrong.html.contains("aria-invalid=\"true\""), "{}", wrong.html);
    let done = checker.submit(&wrong.form(&reject), &[("reason", HOSTILE[0])]).await.expect(200);
    assert_eq!(done.path, format!("{approval}?done=rejected"));
    is_text(&done, HOSTILE[0]);
    is_text(&maker.get(&approval).await.expect(200), HOSTILE[0]);

    let form = maker.get(&path).await.expect(200).form(&format!("{path}/limits"));
    let asked = maker.submit(&form, &[("per_transfer", "2000"), ("per_day", "")]).await.expect(200);
    let withdraw = format!("{}/withdraw", place(&asked));
    let done = maker.submit(&asked.form(&withdraw), &[]).await.expect(200);
    assert!(done.path.ends_with("?done=withdrawn") && done.says("Withdrawn"), "{}", done.path);
}

/// A teller sees what they asked for, and nothing of others'.
#[tokio::test]
async fn who_decides_nothing_sees_their_own_only() {
    let bank = TestBank::with(|config| config.approvals.amount = 1_000).await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let (teller, _) = at_console(&bank, Role::Teller).await;
    let path = format!("/console/accounts/{account}");
    let form = teller.get(&path).await.expect(200).form(&format!("{path}/deposit"));
    let filled = [("amount", "₹5,000.00"), ("reference", HOSTILE[1])];
    let asked = teller.submit(&form, &filled).await.expect(200);
    let approval = place(&asked).to_owned();
    assert!(approval.starts_with("/console/approvals/apr_"), "{}", asked.html);
    is_text(&asked, HOSTILE[1]);
    let (other, _) = at_console(&bank, Role::Teller).await;
    let _unknown = other.get(&approval).await.expect(404);
    assert!(!other.get("/console/approvals").await.expect(200).says("Deposit cash"));
    let (checker, _) = at_console(&bank, Role::Compliance).await;
    let page = checker.get(&approval).await.expect(200);
    assert!(page.says("₹5,000.00"), "{}", page.html);
    is_text(&page, HOSTILE[1]);
    let _done = checker.submit(&page.form(&format!("{approval}/approve")), &[]).await.expect(200);
    assert_eq!(bank.balance(&asha, &account).await[0], 500_000);
}

/// An account that was given by its number is told as one that was given by its id: whose it is and how it stands.
#[tokio::test]
async fn an_account_given_by_number_is_shown_with_its_standing() {
    let bank = TestBank::with(|config| config.approvals.amount = 1_000).await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let seen = asha.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
    let (number, name) = (seen.text("/number"), seen.text("/name"));
    let teller = bank.operator(Role::Teller).await;
    let typed = format!("{} {}", number[..6].to_lowercase(), &number[6..]);
    let body = json!({
        "account": typed, "amount": 500_000, "currency": "INR", "reference": "slip 4711",
    });
    let _asked = teller.client.post("/v1/staff/deposits", &body).await.expect(202);
    let (checker, _) = at_console(&bank, Role::Compliance).await;
    let queue = checker.get("/console/approvals?status=pending").await.expect(200);
    let (_, link) = queue.html.split_once("href=\"/console/approvals/apr_").expect("a link");
    let id = link.split('"').next().unwrap_or_default();
    let page = checker.get(&format!("/console/approvals/apr_{id}")).await.expect(200);
    for text in [typed.as_str(), &number, &name, "Account's name", "Standing", ">Open<"] {
        assert!(page.says(text) || page.html.contains(text), "{text}: {}", page.html);
    }
    assert!(page.html.contains(&format!("href=\"/console/accounts/{account}\"")), "{}", page.html);
}
