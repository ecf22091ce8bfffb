//! `GET /v1/me/activity`: one's own sign-ins and changes, and nobody else's.

use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, TestBank};

use crate::accounts::pages;
use crate::sessions::log_in;
use crate::transfers::Pair;

async fn activity(person: &Person) -> Vec<Value> {
    pages(&person.client, "/v1/me/activity", 100).await
}

fn whats(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["what"].as_str().expect("a word")).collect()
}

// PCI DSS 10.2.1.4: a wrong sign-in is recorded like a right one.
#[tokio::test]
async fn sign_ins_good_and_bad_are_told_with_their_place() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _wrong = log_in(&bank, &asha.email, "not the password").await;
    let first = asha.client.clone();
    bank.sign_in(&mut asha).await;
    let _out = first.post("/v1/auth/logout", &json!({})).await.expect(204);
    let rows = activity(&asha).await;
    let wanted = [
        "session.ended",
        "session.opened",
        "session.sign_in_failed",
        "session.opened",
        "customer.registered",
    ];
    assert_eq!(whats(&rows), wanted);
    let [ended, opened, failed, ..] = &rows[..] else { panic!("five") };
    assert_eq!((&ended["reason"], &ended["by"]), (&json!("signed_out"), &json!("customer")));
    assert_eq!((&opened["outcome"], &opened["by"]), (&json!("done"), &json!("anybody")));
    assert!(opened["resource"].as_str().is_some_and(|id| id.starts_with("ses_")), "{opened}");
    assert_eq!(failed["outcome"], "invalid_credentials");
    for row in &rows {
        assert!(row["address"].is_string() && row["agent"].is_string(), "{row}");
        assert!(row["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{row}");
    }
    for limit in [1, 2, 3, 5] {
        assert_eq!(pages(&asha.client, "/v1/me/activity", limit).await, rows, "pages of {limit}");
    }
    // Money is in the entries, and nobody reads of anybody else.
    let bela = bank.customer("Bela").await;
    assert_eq!(whats(&activity(&bela).await), ["session.opened", "customer.registered"]);
}

#[tokio::test]
async fn changes_of_ones_protections_are_told() {
    let mut p = Pair::new().await;
    p.bank.enrol_totp(&mut p.asha).await;
    let body = json!({ "per_transfer": 100 });
    let _limits = p.asha.client.put("/v1/limits/INR", &body).await.expect(200);
    let _stopped = p.asha.client.post("/v1/protections/stop", &json!({})).await.expect(200);
    let rows = activity(&p.asha).await;
    let told = whats(&rows);
    assert_eq!(told[..2], ["outgoing.stopped", "limits.changed"]);
    assert!(told.contains(&"factor.confirmed"), "{told:?}");
    assert!(!told.iter().any(|what| what.starts_with("transfer") || what.starts_with("account")));
    assert!(!whats(&activity(&p.bela).await).contains(&"outgoing.stopped"));
}

#[tokio::test]
async fn the_banks_own_acts_are_told_without_its_people() {
    let mut p = Pair::new().await;
    let officer = p.bank.operator(Role::Compliance).await;
    for act in ["lock", "unlock"] {
        let path = format!("/v1/staff/customers/{}/{act}", p.asha.id);
        let asked = officer.client.post(&path, &json!({})).await;
        if asked.status == 202 {
            let _done = p.bank.approved(asked, Role::Compliance).await;
        } else {
            let _done = asked.expect(200);
        }
    }
    p.bank.sign_in(&mut p.asha).await;
    let rows = activity(&p.asha).await;
    let told = whats(&rows);
    for what in ["customer.locked", "customer.unlocked"] {
        let row = rows.iter().find(|row| row["what"] == what);
        let row = row.unwrap_or_else(|| panic!("no {what} in {told:?}"));
        assert_eq!((&row["by"], &row["resource"]), (&json!("bank"), &json!(p.asha.id)));
        assert_eq!((&row["address"], &row["agent"]), (&Value::Null, &Value::Null));
    }
    let ended = rows.iter().find(|row| row["what"] == "session.ended").expect("shut out");
    assert_eq!(ended["by"], "bank");
}

#[tokio::test]
async fn a_page_and_a_cursor_are_checked() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for wrong in ["0", "101"] {
        let reply = asha.client.get(&format!("/v1/me/activity?limit={wrong}")).await;
        reply.refused(422, "invalid_fields");
    }
    for odd in ["cursor=nonsense", "cursor=", "customer=cus_x"] {
        let reply = asha.client.get(&format!("/v1/me/activity?{odd}")).await;
        reply.refused(400, "malformed_request");
    }
    // An id of anybody's is a time and opens nothing.
    let other = bank.unknown_id::<money::kind::Event>();
    let _page = asha.client.get(&format!("/v1/me/activity?cursor={other}")).await.expect(200);
}
