//! Signed requests: replayed, reordered, changed in a byte, sent elsewhere or late. None is taken.

use exchequer::staff::model::Role;
use http::Method;
use serde_json::json;
use testkit::{Shop, Signed, TestBank};

struct Scene {
    bank: TestBank,
    admin: testkit::Person,
    shop: Shop,
}

async fn scene() -> Scene {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    Scene { bank, admin, shop }
}

fn card() -> Vec<u8> {
    json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030 })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_nonce_serves_once() {
    let s = scene().await;
    let signed = s.shop.sign(Method::POST, "/v1/cards", &card());
    let _made = s.shop.send(&signed).await.expect(201);
    s.shop.send(&signed).await.refused(401, "invalid_signature");
    // Not with another idempotency key either, which no signature covers.
    let other = Signed { idempotency_key: "another".to_owned(), ..signed.clone() };
    s.shop.send(&other).await.refused(401, "invalid_signature");
    s.bank.advance(299);
    s.shop.send(&other).await.refused(401, "invalid_signature");
    s.bank.advance(2);
    s.shop.send(&other).await.refused(401, "invalid_signature");
}

#[tokio::test]
async fn of_64_at_once_with_one_nonce_one_is_taken() {
    let s = scene().await;
    let signed = s.shop.sign(Method::GET, "/v1/payments", b"");
    let sent = futures_util::future::join_all((0..64).map(|_| s.shop.send(&signed))).await;
    let taken = sent.iter().filter(|reply| reply.status == 200).count();
    let refused = sent.iter().filter(|reply| reply.code() == "invalid_signature").count();
    assert_eq!((taken, refused), (1, 63));
}

// ASVS 4.1.5: a merchant's request is signed as a whole.
#[tokio::test]
async fn any_changed_byte_is_refused() {
    let s = scene().await;
    let path = "/v1/payments?limit=5&cursor=pay_01jz7m5v3k8e9q2r4s6t8w0xyz";
    let right = s.shop.sign(Method::GET, path, b"");
    let reordered = "/v1/payments?cursor=pay_01jz7m5v3k8e9q2r4s6t8w0xyz&limit=5";
    let post = s.shop.sign(Method::POST, "/v1/cards", &card());
    let mut changed = vec![
        Signed { path: reordered.to_owned(), ..right.clone() },
        Signed { path: "/v1/payments?limit=6".to_owned(), ..right.clone() },
        Signed { path: "/v1/payments".to_owned(), ..right.clone() },
        Signed {
            timestamp: (right.timestamp.parse::<i64>().unwrap() + 1).to_string(),
            ..right.clone()
        },
        Signed { timestamp: format!("0{}", right.timestamp), ..right.clone() },
        Signed { nonce: "another-nonce-of-mine".to_owned(), ..right.clone() },
        Signed { nonce: "short".to_owned(), ..right.clone() },
        Signed { host: "evil.test".to_owned(), ..right.clone() },
        Signed { signature: right.signature.replace(['0', '1'], "2"), ..right.clone() },
        Signed { signature: String::new(), ..right.clone() },
        Signed { key_id: s.bank.unknown_id::<money::kind::Key>(), ..right.clone() },
        Signed { key_id: "key_".to_owned(), ..right.clone() },
        Signed {
            path: "/v1/payments/pay_01jz7m5v3k8e9q2r4s6t8w0xyz/cancel".to_owned(),
            ..post.clone()
        },
    ];
    for at in 0..post.body.len() {
        let mut body = post.body.clone();
        body[at] ^= 1;
        changed.push(Signed { body, ..post.clone() });
    }
    let mut cut = post.clone();
    cut.body.pop();
    changed.push(cut);
    let mut longer = post.clone();
    longer.body.push(b' ');
    changed.push(longer);
    for signed in &changed {
        let reply = s.shop.send(signed).await;
        assert_eq!(reply.code(), "invalid_signature", "{signed:?}");
        reply.refused(401, "invalid_signature");
    }
    // Nothing of it used the nonces up.
    let _taken = s.shop.send(&post).await.expect(201);
    let _taken = s.shop.send(&right).await;
}

#[tokio::test]
async fn a_signature_is_taken_within_five_minutes() {
    let s = scene().await;
    for (seconds, is_taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
        // The process remembers by itself, so it takes nothing from before it began.
        let at = s.bank.clock().now().plus_seconds(if seconds < 0 { 0 } else { seconds });
        let nonce = format!("nonce-of-second-{seconds:+}");
        let signed = s.shop.sign_at(Method::GET, "/v1/payments", b"", (at, &nonce));
        if seconds < 0 {
            s.bank.advance(-seconds);
        }
        let reply = s.shop.send(&signed).await;
        assert_eq!(reply.status == 200, is_taken, "{seconds}: {}", reply.code());
    }
}

/// In memory nothing is known of what was shown before the start; on Redis it is.
#[tokio::test]
async fn a_process_takes_no_signature_from_before_its_start() {
    let s = scene().await;
    let before = s.bank.bank().opened_at().plus_seconds(-1);
    let nonce = "nonce-from-before-the-start";
    let signed = s.shop.sign_at(Method::GET, "/v1/payments", b"", (before, nonce));
    let reply = s.shop.send(&signed).await;
    if s.bank.bank().cache().is_own() {
        reply.refused(401, "invalid_signature");
    } else {
        let _taken = reply.expect(200);
    }
}

/// A merchant whose clock is ahead signs what is young also to the process that comes after this one.
#[tokio::test]
async fn a_signature_from_the_future_is_not_shown_again_after_a_restart() {
    let s = scene().await;
    let ahead = s.bank.clock().now().plus_seconds(120);
    let signed = s.shop.sign_at(Method::GET, "/v1/payments", b"", (ahead, "nonce-from-the-future"));
    let _taken = s.shop.send(&signed).await.expect(200);
    s.shop.send(&signed).await.refused(401, "invalid_signature");
    // Another process has a memory of its own, as the next one has.
    s.bank.advance(60);
    let next = s.bank.other_node().await;
    next.send(signed.request()).await.refused(401, "invalid_signature");
}

// PCI DSS 8.6.3: a program's secret is replaced without a gap, and ends at once when it must.
#[tokio::test]
async fn a_key_ends_at_once_and_its_successor_serves() {
    let s = scene().await;
    let _alive = s.shop.get("/v1/payments").await.expect(200);
    let path = format!("/v1/staff/merchant_keys/{}/rotate", s.shop.key_id);
    let made = s.admin.client.post(&path, &json!({ "overlap": 60 })).await.expect(201);
    let successor = s.shop.with(&made.text("/id"), &made.text("/secret"));
    s.bank.secret(&successor.secret);
    let _old = s.shop.get("/v1/payments").await.expect(200);
    let _new = successor.get("/v1/payments").await.expect(200);
    s.bank.advance(61);
    s.shop.get("/v1/payments").await.refused(401, "invalid_signature");
    let path = format!("/v1/staff/merchant_keys/{}/revoke", successor.key_id);
    let _revoked = s.admin.client.post(&path, &json!({})).await.expect(200);
    successor.get("/v1/payments").await.refused(401, "invalid_signature");
    s.admin.client.post(&path, &json!({})).await.refused(409, "key_revoked");
}

// PCI DSS 7.2.5: a program's key can be bound to its routes and its network, and does nothing else.
#[tokio::test]
async fn a_key_does_what_it_is_for_from_where_it_is_for() {
    let s = scene().await;
    let key = json!({
        "mode": "test", "routes": ["GET /v1/payments*"], "addresses": ["192.0.2.0/24"]
    });
    let bound = Shop::with_key(&s.bank, &s.admin, (&s.shop.id, &key)).await;
    let _read = bound.get("/v1/payments").await.expect(200);
    let body = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030 });
    bound.post("/v1/cards", &body).await.refused(403, "key_not_allowed");
    bound.at("198.51.100.1").get("/v1/payments").await.refused(403, "key_not_allowed");
    let terms = json!({
        "name": "Otter & Sons", "fee_basis_points": 200, "fee_fixed": 10, "status": "suspended"
    });
    let path = format!("/v1/staff/merchants/{}", s.shop.id);
    let _suspended = s.admin.client.put(&path, &terms).await.expect(200);
    s.shop.get("/v1/payments").await.refused(403, "key_not_allowed");
}

/// A merchant's signature opens no other caller's route, nor a token a merchant's.
// PCI DSS 8.6.1: a program's key signs nobody in.
#[tokio::test]
async fn a_signature_is_no_session() {
    let s = scene().await;
    s.shop.get("/v1/accounts").await.refused(401, "unauthenticated");
    s.shop.get("/v1/staff/merchants").await.refused(401, "unauthenticated");
    s.admin.client.get("/v1/payments").await.refused(401, "unauthenticated");
}
