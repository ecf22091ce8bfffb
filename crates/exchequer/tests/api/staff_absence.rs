//! Operators who are away for long.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::json;
use testkit::{Person, TestBank};
use tokio::sync::watch;

use crate::rows::texts;
use crate::staff_access::{log_in, mails};

const DAY: i64 = 86_400;

// PCI DSS 8.2.6: who has not signed in for ninety days is shut out, whether the job has run or not.
#[tokio::test]
async fn ninety_days_away_end_the_access_but_the_last_administrators() {
    let bank = TestBank::new().await;
    let mut away = bank.operator(Role::Admin).await;
    let [mut teller, silent] =
        [bank.operator(Role::Teller).await, bank.operator(Role::Support).await];
    let mut admin = bank.operator(Role::Admin).await;
    let (_stop, stop) = watch::channel(false);
    let sweep = async || Job::EndAbsences.run(bank.bank(), &stop).await.expect("it runs");
    bank.advance(89 * DAY);
    assert_eq!(sweep().await, 0);
    bank.sign_in_operator(&mut teller).await;
    bank.advance(2 * DAY);
    // At the sign-in, though the job has not run.
    log_in(&bank, &silent, "not it at all").await.refused(401, "invalid_credentials");
    log_in(&bank, &silent, &silent.password).await.refused(403, "account_disabled");
    // Of two administrators who were both away the one who was here last stays.
    assert_eq!(sweep().await, 1);
    assert_eq!(sweep().await, 0);
    log_in(&bank, &away, &away.password).await.refused(403, "account_disabled");
    bank.sign_in_operator(&mut admin).await;
    let members = admin.client.get("/v1/staff/members").await.expect(200).json();
    let standing = |person: &Person| {
        let found = members["data"].as_array().expect("a list").iter();
        let found = found.clone().find(|member| member["email"] == person.email.as_str());
        found.expect("an operator")["status"].as_str().expect("a word").to_owned()
    };
    let standings = [&away, &teller, &silent, &admin].map(standing);
    assert_eq!(standings, ["disabled", "active", "disabled", "active"]);
    let reasons = "SELECT after FROM events WHERE action = 'staff.disabled' ORDER BY id";
    for after in texts(&bank, reasons).await {
        assert!(after.contains("\"reason\":\"absent\""), "{after}");
    }
    assert_eq!(mails(&bank, &silent.email, "access_disabled").await, 1);
    // Whoever is let in again is counted from then.
    let id = members["data"][0]["id"].as_str().expect("an id").to_owned();
    let enabled = admin.client.post(&format!("/v1/staff/members/{id}/enable"), &json!({})).await;
    let approval = enabled.expect(202).text("/approval/id");
    let second = bank.operator(Role::Admin).await;
    let path = format!("/v1/staff/approvals/{approval}/approve");
    let _done = second.client.post(&path, &json!({})).await.expect(200);
    assert_eq!(sweep().await, 0);
    bank.sign_in_operator(&mut away).await;
    let _in = away.client.get("/v1/staff/me").await.expect(200);
}

/// Banks that were there before the bank counted: nobody is shut out by the upgrade itself.
#[tokio::test]
async fn whoever_was_never_counted_is_counted_from_the_first_run() {
    let bank = TestBank::new().await;
    let [_admin, teller] = [bank.operator(Role::Admin).await, bank.operator(Role::Teller).await];
    let before = "UPDATE staff SET absent_since = NULL, last_signed_in_at = NULL";
    assert_eq!(crate::rows::execute(&bank, before).await, 2);
    bank.advance(400 * DAY);
    let (_stop, stop) = watch::channel(false);
    assert_eq!(Job::EndAbsences.run(bank.bank(), &stop).await.expect("it runs"), 0);
    bank.advance(90 * DAY - 1);
    assert_eq!(Job::EndAbsences.run(bank.bank(), &stop).await.expect("it runs"), 0);
    bank.advance(1);
    assert_eq!(Job::EndAbsences.run(bank.bank(), &stop).await.expect("it runs"), 1);
    log_in(&bank, &teller, &teller.password).await.refused(403, "account_disabled");
}
