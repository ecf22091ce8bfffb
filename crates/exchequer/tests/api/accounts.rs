//! `/v1/accounts`; and what freezing and closing promise while money moves.

use std::cell::Cell;

use exchequer::staff::model::Role;
use futures_util::future::join_all;
use money::kind::{Account, Transfer};
use serde_json::{Value, json};
use testkit::{Client, Person, Reply};

use crate::transfers::Pair;

/// A whole list, page by page from the first to the last.
pub async fn pages(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200).json();
        let data = page["data"].as_array().expect("a list");
        assert!(data.len() <= limit, "{} rows on a page of {limit}", data.len());
        all.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert!(!data.is_empty(), "an empty page that has a next one");
                cursor = format!("&cursor={next}");
            }
            None => return all,
        }
    }
}

fn field<'v>(rows: &'v [Value], name: &str) -> Vec<&'v Value> {
    rows.iter().map(|row| &row[name]).collect()
}

#[tokio::test]
async fn an_account_is_shown_alike_when_opened_listed_and_read() {
    let p = Pair::new().await;
    let body = json!({ "currency": "JPY", "name": "旅行 trip" });
    let opened = p.asha.client.post("/v1/accounts", &body).await.expect(201);
    let view = opened.json();
    assert_eq!(view["balance"], json!({ "posted": 0, "held": 0, "available": 0 }));
    assert_eq!((&view["status"], &view["currency"]), (&json!("open"), &json!("JPY")));
    assert_eq!(view["name"], "旅行 trip");
    let path = format!("/v1/accounts/{}", opened.text("/id"));
    assert_eq!(p.asha.client.get(&path).await.expect(200).json(), view);
    let list = pages(&p.asha.client, "/v1/accounts", 100).await;
    assert_eq!(list.last(), Some(&view));
}

#[tokio::test]
async fn accounts_are_listed_oldest_first_to_the_end_and_only_ones_own() {
    let p = Pair::new().await;
    let mut wanted = vec![p.from.clone()];
    for _ in 0..6 {
        wanted.push(p.bank.account(&p.asha, "INR").await);
    }
    for limit in [1, 3, 7, 100] {
        let list = pages(&p.asha.client, "/v1/accounts", limit).await;
        assert_eq!(field(&list, "id"), wanted.iter().collect::<Vec<_>>(), "pages of {limit}");
    }
}

#[tokio::test]
async fn entries_come_newest_first_to_the_end_and_their_balances_chain() {
    let p = Pair::new().await;
    for amount in 1..=7 {
        let _sent = p.asha.client.post("/v1/transfers", &p.order(amount)).await.expect(201);
    }
    let path = format!("/v1/accounts/{}/entries", p.from);
    let whole = pages(&p.asha.client, &path, 100).await;
    for limit in [1, 3, 4, 8] {
        assert_eq!(pages(&p.asha.client, &path, limit).await, whole, "pages of {limit}");
    }
    let amounts: Vec<i64> = whole.iter().map(|e| e["amount"].as_i64().expect("one")).collect();
    assert_eq!(amounts, [-7, -6, -5, -4, -3, -2, -1, 10_000]);
    let mut balance = p.bank.balance(&p.asha, &p.from).await[0];
    for (entry, amount) in whole.iter().zip(&amounts) {
        assert_eq!(entry["balance_after"], balance, "{entry}");
        balance -= amount;
    }
    assert_eq!(balance, 0);
    let to = p.bela.client.get(&format!("/v1/accounts/{}", p.to)).await.expect(200);
    assert_eq!(whole[0]["counterparty"], to.text("/number"));
    assert_eq!(whole[7]["counterparty"], "bank");
}

#[tokio::test]
async fn an_account_without_entries_has_an_empty_last_page() {
    let p = Pair::new().await;
    let entries = p.bela.client.get(&format!("/v1/accounts/{}/entries", p.to)).await.expect(200);
    assert_eq!(entries.json(), json!({ "data": [], "next_cursor": null }));
}

#[tokio::test]
async fn a_cursor_from_a_strangers_transfer_is_refused_like_an_unknown_one() {
    let p = Pair::new().await;
    let sent = p.asha.client.post("/v1/transfers", &p.order(5)).await.expect(201).text("/id");
    let mallory = p.bank.customer("Mallory").await;
    let own = p.bank.account(&mallory, "INR").await;
    p.bank.deposit(&p.teller, &own, 1, "INR").await;
    let unknown = p.bank.unknown_id::<Transfer>();
    let from = async |cursor: &str| {
        let reply =
            mallory.client.get(&format!("/v1/accounts/{own}/entries?cursor={cursor}")).await;
        reply.refused(400, "malformed_request");
        let mut json = reply.json();
        json.as_object_mut().expect("an object").remove("request_id");
        json
    };
    assert_eq!(from(&sent).await, from(&unknown).await);
    from("nonsense").await;
    from(&own).await;
    // Of the account itself it is a cursor.
    let path = format!("/v1/accounts/{}/entries?cursor={sent}", p.from);
    assert_eq!(p.asha.client.get(&path).await.expect(200).text("/data/0/transfer_id"), sent);
}

#[tokio::test]
async fn a_page_is_1_to_100_rows() {
    let p = Pair::new().await;
    let entries = format!("/v1/accounts/{}/entries", p.from);
    for path in ["/v1/accounts", "/v1/sessions", &entries] {
        for wrong in ["0", "101", "-1", "9223372036854775807"] {
            let reply = p.asha.client.get(&format!("{path}?limit={wrong}")).await;
            reply.refused(422, "invalid_fields");
            assert_eq!(reply.text("/fields/0/field"), "limit");
        }
        for odd in ["?limit=x", "?limit=1.0", "?limit=9223372036854775808", "?page=2"] {
            let reply = p.asha.client.get(&format!("{path}{odd}")).await;
            reply.refused(400, "malformed_request");
        }
    }
}

#[tokio::test]
async fn an_account_that_is_not_ones_own_is_not_there() {
    let p = Pair::new().await;
    let unknown = p.bank.unknown_id::<Account>();
    for id in [p.to.as_str(), unknown.as_str(), "nonsense", "acc_", "%00"] {
        for rest in ["", "/entries"] {
            let reply = p.asha.client.get(&format!("/v1/accounts/{id}{rest}")).await;
            reply.refused(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_name_has_1_to_140_characters_and_a_currency_is_known() {
    let p = Pair::new().await;
    let open = async |currency: &str, name: &str| {
        let body = json!({ "currency": currency, "name": name });
        p.asha.client.post("/v1/accounts", &body).await
    };
    let most = "ß".repeat(140);
    for name in ["x", most.as_str(), " a ", "<b>&amp;</b>"] {
        assert_eq!(open("INR", name).await.expect(201).text("/name"), name);
    }
    let long = "ß".repeat(141);
    for (currency, name, at, code) in [
        ("INR", "", "name", "too_short"),
        ("INR", long.as_str(), "name", "too_long"),
        ("INR", " \u{a0}", "name", "blank"),
        ("INR", "a\nb", "name", "control_character"),
        ("INR", "a\0b", "name", "control_character"),
        ("inr", "x", "currency", "unknown_currency"),
        ("ZZZ", "x", "currency", "unknown_currency"),
        ("", "x", "currency", "unknown_currency"),
        ("XAU", "x", "currency", "no_minor_unit"),
    ] {
        let reply = open(currency, name).await;
        reply.refused(422, "invalid_fields");
        let told = (reply.text("/fields/0/field"), reply.text("/fields/0/code"));
        assert_eq!(told, (at.to_owned(), code.to_owned()), "{currency:?} {name:?}");
    }
    let both = open("ZZZ", "").await.json();
    assert_eq!(both["fields"].as_array().map(Vec::len), Some(2), "all faults at once: {both}");
}

#[tokio::test]
async fn a_customer_has_at_most_100_accounts_also_under_race_and_a_closed_one_makes_room() {
    let p = Pair::new().await;
    let body = json!({ "currency": "USD", "name": "Many" });
    let replies = join_all((0..105).map(|_| p.bela.client.post("/v1/accounts", &body))).await;
    let opened = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(opened, 99, "one stood there before");
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.refused(422, "too_many_accounts");
    }
    assert_eq!(pages(&p.bela.client, "/v1/accounts", 33).await.len(), 100);
    let admin = p.bank.operator(Role::Admin).await;
    let close = format!("/v1/staff/accounts/{}/close", p.to);
    let _closed = admin.client.post(&close, &json!({})).await.expect(200);
    let _one = p.bela.client.post("/v1/accounts", &body).await.expect(201);
    p.bela.client.post("/v1/accounts", &body).await.refused(422, "too_many_accounts");
}

/// An operator's change of an account's standing, under a key of its own.
async fn stand(admin: &Person, account: &str, act: &str) -> Reply {
    admin.client.post(&format!("/v1/staff/accounts/{account}/{act}"), &json!({})).await
}

#[tokio::test]
async fn a_closed_account_never_reopens_whatever_races_its_closing() {
    let p = Pair::new().await;
    let admin = p.bank.operator(Role::Admin).await;
    for round in 0..6 {
        let account = p.bank.account(&p.asha, "INR").await;
        let acts = ["freeze", "unfreeze", "close"].into_iter().cycle().skip(round).take(18);
        let (admin, account) = (&admin, account.as_str());
        let replies =
            join_all(acts.map(|act| async move { (act, stand(admin, account, act).await) })).await;
        let closed = |(act, reply): &&(&str, Reply)| *act == "close" && reply.status == 200;
        assert_eq!(replies.iter().filter(closed).count(), 1, "it closes once");
        let own = p.asha.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
        assert_eq!(own.text("/status"), "closed");
        for act in ["unfreeze", "freeze", "close"] {
            assert_eq!(stand(admin, account, act).await.code(), "account_closed");
        }
    }
}

/// Sends money to Bela and back, again and again, while `act` is asked for until it is done. What is
/// sent after the answer to `act` must be refused with `code`.
async fn no_money_after(p: &Pair, movers: usize, act: &str, code: &str) {
    let admin = p.bank.operator(Role::Admin).await;
    let (moved, acknowledged) = (Cell::new(0), Cell::new(false));
    let back = json!({ "from": p.to, "to": p.from, "amount": 7, "currency": "INR" });
    let mover = async || {
        for late in 0.. {
            let is_late = acknowledged.get();
            for (client, order) in [(&p.asha.client, &p.order(7)), (&p.bela.client, &back)] {
                let reply = client.post("/v1/transfers", order).await;
                match reply.status.as_u16() {
                    201 if is_late => panic!("money moved after {act} was acknowledged"),
                    201 => moved.set(moved.get() + 1),
                    _ => assert_eq!(reply.code(), code),
                }
            }
            assert!(late < 10_000, "{act} never succeeds");
            if is_late {
                return;
            }
        }
    };
    let actor = async {
        // Let some money move first.
        while moved.get() < 4 {
            let _turn = p.bank.balance(&p.bela, &p.to).await;
        }
        while !acknowledged.get() {
            let reply = stand(&admin, &p.to, act).await;
            match reply.status.as_u16() {
                200 => acknowledged.set(true),
                _ => reply.refused(409, "balance_not_zero"),
            }
        }
    };
    tokio::join!(join_all((0..movers).map(|_| mover())), actor);
}

#[tokio::test]
async fn no_money_moves_after_a_freeze_is_acknowledged() {
    let p = Pair::new().await;
    no_money_after(&p, 4, "freeze", "account_frozen").await;
}

#[tokio::test]
async fn no_money_moves_after_a_close_is_acknowledged_and_none_is_shut_in() {
    let p = Pair::new().await;
    // One mover, so that the account is empty half of the time.
    no_money_after(&p, 1, "close", "account_closed").await;
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [0, 0, 0]);
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}
