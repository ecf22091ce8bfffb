//! `/v1/beneficiaries`.

use money::kind::Account;
use serde_json::json;

use crate::rows::number;
use crate::transfers::Pair;

#[tokio::test]
async fn a_payee_is_listed_under_the_name_one_gave_it() {
    let p = Pair::new().await;
    let number = p.bela.client.get(&format!("/v1/accounts/{}", p.to)).await.text("/number");
    let entry = json!({ "account": number, "name": "Landlady" });
    let added = p.asha.client.post("/v1/beneficiaries", &entry).await.expect(201);
    assert!(added.text("/id").starts_with("ben_"));
    assert_eq!((added.text("/account"), added.text("/number")), (p.to.clone(), number));
    assert_eq!(added.text("/name"), "Landlady");
    assert!(!String::from_utf8_lossy(&added.body).contains("Bela"), "the owner's name is not told");
    let list = p.asha.client.get("/v1/beneficiaries").await.expect(200);
    assert_eq!(list.json()["data"][0], added.json());
    assert!(list.json()["next_cursor"].is_null());
    let others = p.bela.client.get("/v1/beneficiaries").await.expect(200);
    assert_eq!(others.json()["data"], json!([]));
}

#[tokio::test]
async fn adding_it_again_gives_it_another_name() {
    let p = Pair::new().await;
    let add = async |name: &str| {
        let entry = json!({ "account": p.to, "name": name });
        p.asha.client.post("/v1/beneficiaries", &entry).await.expect(201)
    };
    let (first, second) = (add("Bee").await, add("Bela, rent").await);
    assert_eq!(first.text("/id"), second.text("/id"));
    assert_eq!(first.text("/trusted_at"), second.text("/trusted_at"));
    let list = p.asha.client.get("/v1/beneficiaries").await.expect(200).json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["data"][0]["name"], "Bela, rent");
}

#[tokio::test]
async fn what_is_no_payee_is_refused() {
    let p = Pair::new().await;
    let unknown = p.bank.unknown_id::<Account>();
    for (account, name, status, code) in [
        (unknown.as_str(), "Nobody", 422, "account_not_found"),
        ("EX00", "Nobody", 422, "invalid_fields"),
        (&p.from, "Myself", 422, "invalid_fields"),
        (&p.to, "", 422, "invalid_fields"),
        (&p.to, "a\u{7}b", 422, "invalid_fields"),
    ] {
        let entry = json!({ "account": account, "name": name });
        p.asha.client.post("/v1/beneficiaries", &entry).await.refused(status, code);
    }
    let cash = exchequer::bank::cash_account(money::Currency::from_code("INR").expect("INR"));
    let entry = json!({ "account": cash.to_string(), "name": "The bank" });
    p.asha.client.post("/v1/beneficiaries", &entry).await.refused(422, "account_not_found");
}

#[tokio::test]
async fn anothers_entry_is_not_there() {
    let p = Pair::new().await;
    let entry = json!({ "account": p.to, "name": "Bela" });
    let added = p.asha.client.post("/v1/beneficiaries", &entry).await.expect(201);
    let path = format!("/v1/beneficiaries/{}", added.text("/id"));
    p.bela.client.delete(&path).await.refused(404, "not_found");
    let _gone = p.asha.client.delete(&path).await.expect(204);
    p.asha.client.delete(&path).await.refused(404, "not_found");
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'beneficiary.removed'";
    assert_eq!(number(&p.bank, sql).await, 1);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let p = Pair::new().await;
    for i in 0..5 {
        let account = p.bank.account(&p.bela, "INR").await;
        let entry = json!({ "account": account, "name": format!("Bela {i}") });
        let _added = p.asha.client.post("/v1/beneficiaries", &entry).await.expect(201);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            p.asha.client.get(&format!("/v1/beneficiaries?limit=2{cursor}")).await.expect(200);
        let page = page.json();
        let data = page["data"].as_array().expect("a page").clone();
        names.extend(data.iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["Bela 0", "Bela 1", "Bela 2", "Bela 3", "Bela 4"]);
}

#[tokio::test]
async fn adding_needs_a_factor_where_one_is_enrolled_and_is_told() {
    let mut p = Pair::new().await;
    let _codes = p.bank.enrol_totp(&mut p.asha).await;
    let (key, entry) = (testkit::key(), json!({ "account": p.to, "name": "Bela" }));
    let asked = p.asha.client.post_with_key("/v1/beneficiaries", &key, &entry).await;
    let proof = p.bank.prove_asked(&p.asha, &asked).await;
    let other = json!({ "account": p.to, "name": "Bella" });
    let refused =
        p.asha.client.post_proved("/v1/beneficiaries", &testkit::key(), &other, &proof).await;
    refused.refused(403, "step_up_required");
    let added = p.asha.client.post_proved("/v1/beneficiaries", &key, &entry, &proof).await;
    let _added = added.expect(201);
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox WHERE purpose = 'payee_added'";
    assert_eq!(number(&p.bank, sql).await, 1);
    // The payee is known: a small sum goes without another question.
    let _sent = p.asha.client.post("/v1/transfers", &p.order(5)).await.expect(201);
}
