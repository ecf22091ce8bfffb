//! `GET /v1/transfers/{id}`: what a receipt needs, for each of its parties.

use serde_json::{Value, json};

use crate::transfers::Pair;

async fn number(client: &testkit::Client, account: &str) -> String {
    client.get(&format!("/v1/accounts/{account}")).await.expect(200).text("/number")
}

// ASVS 15.3.1: a receipt tells each party what is its own to know.
#[tokio::test]
async fn each_party_reads_both_numbers_and_only_names_of_its_own() {
    let p = Pair::new().await;
    let body = json!({ "account": p.to, "name": "Bela, rent" });
    let _payee = p.asha.client.post("/v1/beneficiaries", &body).await.expect(201);
    let mut order = p.order(1_250);
    order["memo"] = json!("Rent");
    let sent = p.asha.client.post("/v1/transfers", &order).await.expect(201).json();
    let path = format!("/v1/transfers/{}", sent["id"].as_str().expect("an id"));
    let (from, to) = (number(&p.asha.client, &p.from).await, number(&p.bela.client, &p.to).await);

    let payer = p.asha.client.get(&path).await.expect(200).json();
    for (name, value) in sent.as_object().expect("an object") {
        assert_eq!(payer[name], *value, "{name}");
    }
    assert_eq!((&payer["kind"], &payer["direction"]), (&json!("transfer"), &json!("out")));
    assert_eq!(payer["reference"], Value::Null);
    let own = json!({ "account": p.from, "number": from, "name": "Everyday", "own": true });
    let other = json!({ "account": p.to, "number": to, "name": "Bela, rent", "own": false });
    assert_eq!((&payer["payer"], &payer["payee"]), (&own, &other));

    let payee = p.bela.client.get(&path).await.expect(200).json();
    assert_eq!(payee["direction"], "in");
    assert_eq!(payee["payer"]["name"], Value::Null);
    assert_eq!((&payee["payer"]["number"], &payee["payee"]["own"]), (&json!(from), &json!(true)));

    let mallory = p.bank.customer("Mallory").await;
    mallory.client.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_bank_is_a_party_without_a_number_and_references_are_named() {
    let p = Pair::new().await;
    let entries = format!("/v1/accounts/{}/entries", p.from);
    let deposit = p.asha.client.get(&entries).await.expect(200).text("/data/0/transfer_id");
    let receipt = p.asha.client.get(&format!("/v1/transfers/{deposit}")).await.expect(200).json();
    assert_eq!((&receipt["kind"], &receipt["direction"]), (&json!("deposit"), &json!("in")));
    assert_eq!(
        (&receipt["payer"]["number"], &receipt["payer"]["name"]),
        (&json!("bank"), &Value::Null)
    );

    let hold = p.asha.client.post("/v1/holds", &p.order(10)).await.expect(201).text("/id");
    let path = format!("/v1/holds/{hold}/capture");
    let _captured = p.bela.client.post(&path, &json!({})).await.expect(201);
    let capture = p.asha.client.get(&entries).await.expect(200).text("/data/0/transfer_id");
    let receipt = p.asha.client.get(&format!("/v1/transfers/{capture}")).await.expect(200).json();
    assert_eq!((&receipt["kind"], &receipt["reference"]), (&json!("capture"), &json!(hold)));

    let second = p.bank.account(&p.asha, "INR").await;
    let order = json!({ "from": p.from, "to": second, "amount": 5, "currency": "INR" });
    let id = p.asha.client.post("/v1/transfers", &order).await.expect(201).text("/id");
    let own = p.asha.client.get(&format!("/v1/transfers/{id}")).await.expect(200).json();
    assert_eq!((&own["direction"], &own["payee"]["own"]), (&json!("own"), &json!(true)));
}
