//! P1 under load: money is conserved, no account falls below its limit.

use futures_util::future::join_all;
use serde_json::json;

use crate::transfers::Pair;

#[tokio::test]
async fn sixty_four_clients_on_two_hot_accounts() {
    let p = Pair::new().await;
    let clients = (0..64_i64).map(|n| {
        let p = &p;
        async move {
            let (person, from, to) =
                if n % 2 == 0 { (&p.asha, &p.from, &p.to) } else { (&p.bela, &p.to, &p.from) };
            for round in 0..10 {
                let amount = 1 + (n * 37 + round * 101) % 900;
                let order = json!({ "from": from, "to": to, "amount": amount, "currency": "INR" });
                let reply = person.client.post("/v1/transfers", &order).await;
                assert!(reply.status == 201 || reply.code() == "insufficient_funds");
            }
        }
    });
    join_all(clients).await;
    let [a, ..] = p.bank.balance(&p.asha, &p.from).await;
    let [b, ..] = p.bank.balance(&p.bela, &p.to).await;
    assert!(a >= 0 && b >= 0, "{a} {b}");
    assert_eq!(a + b, 10_000);
}

// ASVS 2.3.4: many at once reserve no more than there is.
#[tokio::test]
async fn holds_cannot_reserve_the_same_money_twice() {
    let p = Pair::new().await;
    let order = p.order(3_000);
    let replies = join_all((0..8).map(|_| p.asha.client.post("/v1/holds", &order))).await;
    let placed = replies.iter().filter(|r| r.status == 201).count();
    assert_eq!(placed, 3);
    assert!(replies.iter().all(|r| r.status == 201 || r.code() == "insufficient_funds"));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 9_000, 1_000]);
}

#[tokio::test]
async fn concurrent_captures_of_one_hold_move_it_once() {
    let p = Pair::new().await;
    let hold = p.asha.client.post("/v1/holds", &p.order(3_000)).await.expect(201).text("/id");
    let path = format!("/v1/holds/{hold}/capture");
    let body = json!({});
    let replies = join_all((0..16).map(|_| p.asha.client.post(&path, &body))).await;
    assert_eq!(replies.iter().filter(|r| r.status.is_success()).count(), 1);
    assert!(replies.iter().all(|r| r.status.is_success() || r.code() == "hold_not_active"));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [7_000, 0, 7_000]);
    assert_eq!(p.bank.balance(&p.bela, &p.to).await, [3_000, 0, 3_000]);
}
