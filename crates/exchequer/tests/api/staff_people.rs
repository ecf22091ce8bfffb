//! `/v1/staff/customers`: found by name, looked at masked, unmasked for a purpose.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use money::kind::Customer;
use serde_json::{Value, json};
use testkit::{Client, TestBank};
use tokio::sync::watch;

use crate::rows::{execute, number, texts};

async fn register(bank: &TestBank, email: &str, full_name: &str) -> String {
    let body = json!({
        "email": email, "password": "violet tram under rain", "full_name": full_name,
        "phone": "+919876543210"
    });
    bank.client().post("/v1/customers", &body).await.expect(201).text("/id")
}

async fn ids(client: &Client, query: &str) -> Vec<String> {
    let path = format!("/v1/staff/customers?query={query}");
    let found = client.get(&path).await.expect(200).json();
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|c| c["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_customer_is_found_by_whole_words_of_the_name() {
    let bank = TestBank::new().await;
    let support = bank.operator(Role::Support).await;
    let asha = register(&bank, "a@example.test", "Asha Rao").await;
    let bela = register(&bank, "b@example.test", "Béla RAO-Straße").await;
    let hindi =
        register(&bank, "c@example.test", "\u{906}\u{936}\u{93e} \u{930}\u{93e}\u{935}").await;
    let client = &support.client;
    assert_eq!(ids(client, "rao").await, [asha.clone(), bela.clone()]);
    assert_eq!(ids(client, "RAO%20asha").await, [&*asha]);
    assert_eq!(ids(client, "be%CC%81la%20strasse").await, [bela]);
    assert_eq!(ids(client, "%E0%A4%86%E0%A4%B6%E0%A4%BE").await, [hindi]);
    for nobody in ["ra", "asha%20b%C3%A9la", "rao%20rao%20x"] {
        assert!(ids(client, nobody).await.is_empty(), "{nobody}");
    }
    let path = "/v1/staff/customers?query=rao&limit=1";
    let first = client.get(path).await.expect(200);
    assert_eq!(first.text("/data/0/full_name"), "A*** R***");
    let next = format!("{path}&cursor={}", first.text("/next_cursor"));
    let rest = client.get(&next).await.expect(200);
    assert!(rest.json()["next_cursor"].is_null() && rest.text("/data/0/id") != asha);
    let nine = "a%20b%20c%20d%20e%20f%20g%20h%20i";
    let many = client.get(&format!("/v1/staff/customers?query={nine}")).await;
    many.refused(422, "invalid_fields");
    for bad in ["limit=0", "limit=101"] {
        client
            .get(&format!("/v1/staff/customers?query=rao&{bad}"))
            .await
            .refused(422, "invalid_fields");
    }
    client.get("/v1/staff/customers?query=rao&cursor=x").await.refused(400, "malformed_request");
    // What was searched for stands in the trail as a hash.
    let events = texts(&bank, "SELECT after FROM events WHERE action = 'customer.searched'").await;
    assert!(!events.is_empty() && events.iter().all(|after| !after.to_lowercase().contains("rao")));
}

#[tokio::test]
async fn customers_from_before_are_found_once_the_job_has_been_there() {
    let bank = TestBank::new().await;
    let support = bank.operator(Role::Support).await;
    let asha = register(&bank, "a@example.test", "Asha Rao").await;
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM customer_words";
    let words = number(&bank, count).await;
    assert_eq!(execute(&bank, "DELETE FROM customer_words").await, words.unsigned_abs());
    assert!(ids(&support.client, "asha").await.is_empty());
    let (_stop, stop) = watch::channel(false);
    let customers = number(&bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM customers").await;
    let (one, other) = tokio::join!(
        Job::IndexNames.run(bank.bank(), &stop),
        Job::IndexNames.run(bank.bank(), &stop)
    );
    let seen = one.expect("it ran") + other.expect("it ran");
    assert_eq!(i64::try_from(seen), Ok(customers));
    assert_eq!(number(&bank, count).await, words);
    assert_eq!(ids(&support.client, "asha").await, [asha]);
    assert_eq!(Job::IndexNames.run(bank.bank(), &stop).await.expect("it ran"), 0);
}

// ASVS 8.2.3, 14.2.6: an operator sees a customer masked.
#[tokio::test]
async fn a_profile_is_masked_and_has_accounts() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    let mut asha = bank.customer("Asha").await;
    bank.enrol_totp(&mut asha).await;
    let (one, other) = (bank.account(&asha, "INR").await, bank.account(&asha, "EUR").await);
    let path = format!("/v1/staff/customers/{}", asha.id);
    let profile = teller.client.get(&path).await.expect(200);
    assert_eq!(profile.text("/full_name"), "A***");
    assert_eq!(profile.text("/email"), "a***@example.test");
    assert_eq!(profile.json()["factors"], json!(["totp"]));
    assert_eq!(profile.json()["outgoing_stopped"], json!(false));
    assert!(profile.json()["sessions"].as_i64() >= Some(1));
    let listed = teller.client.get(&format!("{path}/accounts?limit=1")).await.expect(200);
    assert_eq!((listed.text("/data/0/id"), listed.text("/data/0/owner")), (one, asha.id.clone()));
    let rest = format!("{path}/accounts?limit=1&cursor={}", listed.text("/next_cursor"));
    let rest = teller.client.get(&rest).await.expect(200);
    assert_eq!((rest.text("/data/0/id"), &rest.json()["next_cursor"]), (other, &Value::Null));
    teller.client.get(&format!("{path}/accounts?limit=101")).await.refused(422, "invalid_fields");
    let unknown = format!("/v1/staff/customers/{}", bank.unknown_id::<Customer>());
    teller.client.get(&unknown).await.refused(404, "not_found");
    teller.client.get(&format!("{unknown}/accounts")).await.refused(404, "not_found");
}

// PCI DSS 10.2.1.2: an operator who looks at a person says why, and it is recorded.
// ASVS 8.2.3: the whole name is shown to who may, with a purpose that is kept.
#[tokio::test]
async fn a_name_is_shown_for_a_purpose_that_is_recorded() {
    let bank = TestBank::with(|config| config.rate_limits_on = true).await;
    let (support, auditor) =
        (bank.operator(Role::Support).await, bank.operator(Role::Auditor).await);
    let id = register(&bank, "asha@example.test", "Asha Rao").await;
    let path = format!("/v1/staff/customers/{id}/reveal");
    let ask =
        async |purpose: &str| support.client.post(&path, &json!({ "purpose": purpose })).await;
    for bad in ["", "short", "        ", &"x".repeat(201), "card 4111 1111 1111 1111 is theirs"] {
        ask(bad).await.refused(422, "invalid_fields");
    }
    let shown = ask("called about a card").await.expect(200).json();
    let expected = json!({
        "id": id, "full_name": "Asha Rao", "email": "asha@example.test", "phone": "+919876543210"
    });
    assert_eq!(shown, expected);
    let body = json!({ "purpose": "just looking around" });
    auditor.client.post(&path, &body).await.refused(403, "forbidden");
    let unknown = format!("/v1/staff/customers/{}/reveal", bank.unknown_id::<Customer>());
    support.client.post(&unknown, &body).await.refused(404, "not_found");
    let events = "SELECT after FROM events WHERE action = 'customer.revealed'";
    assert_eq!(texts(&bank, events).await, [r#"{"purpose":"called about a card"}"#]);
    let mut last = ask("called about a card").await;
    for _ in 0..60 {
        last = ask("called about a card").await;
    }
    last.refused(429, "rate_limited");
}
