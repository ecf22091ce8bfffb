//! `/v1/staff/accounts/{id}/entries`, `/v1/staff/transfers/{id}`: anybody's, as operators read them.

use exchequer::staff::model::Role;
use money::kind::{Account, Transfer};
use serde_json::{Value, json};

use crate::transfers::Pair;

#[tokio::test]
async fn an_operator_reads_entries_as_their_owner_does() {
    let p = Pair::new().await;
    for amount in [10, 20, 30] {
        let _sent = p.asha.client.post("/v1/transfers", &p.order(amount)).await.expect(201);
    }
    let own = format!("/v1/accounts/{}/entries", p.from);
    let path = format!("/v1/staff/accounts/{}/entries", p.from);
    for page in ["", "?limit=2"] {
        let theirs = p.asha.client.get(&format!("{own}{page}")).await.expect(200).json();
        let ours = p.teller.client.get(&format!("{path}{page}")).await.expect(200).json();
        assert_eq!(ours, theirs);
    }
    let first = p.teller.client.get(&format!("{path}?limit=1")).await.expect(200);
    let next = format!("{path}?limit=1&cursor={}", first.text("/next_cursor"));
    let second = p.teller.client.get(&next).await.expect(200);
    assert_eq!(second.json()["data"][0]["amount"], json!(-20));
    // The bank's own accounts have entries, too.
    let cash = exchequer::bank::cash_account(money::Currency::INR);
    let cash = p.teller.client.get(&format!("/v1/staff/accounts/{cash}/entries")).await.expect(200);
    assert!(!cash.json()["data"].as_array().expect("a list").is_empty());
    for bad in ["limit=0", "limit=101"] {
        p.teller.client.get(&format!("{path}?{bad}")).await.refused(422, "invalid_fields");
    }
    let stranger = p.bank.unknown_id::<Transfer>();
    let foreign = p.teller.client.get(&format!("{path}?cursor={stranger}")).await;
    foreign.refused(400, "malformed_request");
    let unknown = format!("/v1/staff/accounts/{}/entries", p.bank.unknown_id::<Account>());
    p.teller.client.get(&unknown).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_operator_reads_a_transfer_and_what_was_sent_back_of_it() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    let sent = p.asha.client.post("/v1/transfers", &p.order(50)).await.expect(201);
    let path = |id: &str| format!("/v1/staff/transfers/{id}");
    let seen = p.teller.client.get(&path(&sent.text("/id"))).await.expect(200).json();
    let mut expected = sent.json();
    expected["kind"] = json!("transfer");
    expected["reversed"] = json!(0);
    expected["reverses"] = Value::Null;
    assert_eq!(seen, expected);
    let reverse = format!("/v1/staff/transfers/{}/reverse", sent.text("/id"));
    let body = json!({ "amount": 20, "reason": "paid too much" });
    let back = admin.client.post(&reverse, &body).await.expect(201).text("/id");
    let seen = p.teller.client.get(&path(&sent.text("/id"))).await.expect(200);
    assert_eq!(seen.int("/reversed"), 20);
    let back = p.teller.client.get(&path(&back)).await.expect(200);
    assert_eq!(
        (back.text("/kind"), back.text("/reverses")),
        ("reversal".to_owned(), sent.text("/id"))
    );
    let unknown = path(&p.bank.unknown_id::<Transfer>());
    p.teller.client.get(&unknown).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_operator_finds_a_customers_account_by_its_number() {
    let p = Pair::new().await;
    let teller = &p.teller;
    let number = p.asha.client.get(&format!("/v1/accounts/{}", p.from)).await.text("/number");
    let spaced = format!("{}%20{}", number[..6].to_lowercase(), &number[6..]);
    for asked in [&number, &spaced] {
        let path = format!("/v1/staff/accounts?number={asked}");
        let found = teller.client.get(&path).await.expect(200);
        assert_eq!(
            (found.text("/data/0/id"), found.text("/data/0/number")),
            (p.from.clone(), number.clone())
        );
        assert_eq!(found.json()["data"].as_array().map(Vec::len), Some(1));
    }
    let unused = format!("EX{}", vault::checkdigit::mod97_append("00000000000000"));
    let path = format!("/v1/staff/accounts?number={unused}");
    assert_eq!(teller.client.get(&path).await.expect(200).json()["data"], json!([]));
    for wrong in ["", "EX12", "CASH-INR", &number[2..]] {
        let path = format!("/v1/staff/accounts?number={wrong}");
        teller.client.get(&path).await.refused(422, "invalid_fields");
    }
}
