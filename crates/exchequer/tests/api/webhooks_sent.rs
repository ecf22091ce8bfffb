//! Webhooks on their way: signed, tried again, given up, sent again on request; lost never.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64;
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use exchequer::webhooks::DELIVERIES_KEPT;
use exchequer::webhooks::model::{FAILING_SECONDS, MAX_ATTEMPTS};
use money::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use testkit::receiver::{Answer, Received};
use testkit::{Receiver, Reply, Till};
use tokio::sync::watch;

use crate::webhooks::{endpoint, events};

const HOUR: i64 = 3_600;

/// A merchant whose events go to a receiver.
struct Scene {
    till: Till,
    receiver: Receiver,
    endpoint: Reply,
}

impl Scene {
    async fn new() -> Self {
        Self::with(json!({})).await
    }

    async fn with(more: Value) -> Self {
        let (till, receiver) = (Till::new().await, Receiver::new().await);
        let mut body = json!({ "url": receiver.url() });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        let endpoint = endpoint(&till.shop, &body).await.expect(201);
        Self { till, receiver, endpoint }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/webhook_endpoints/{}{rest}", self.endpoint.text("/id"))
    }

    async fn pay(&self) {
        let _paid = self.till.pay("4242424242424242", "automatic").await.expect(201);
    }

    /// Lets the bank send whatever is due.
    async fn deliver(&self) -> u64 {
        let (_go, stop) = watch::channel(false);
        Job::DeliverWebhooks.run(self.till.bank.bank(), &stop).await.expect("webhooks are sent")
    }

    async fn deliveries(&self, query: &str) -> Vec<Value> {
        let path = self.path(&format!("/deliveries{query}"));
        let reply = self.till.shop.get(&path).await.expect(200);
        reply.json()["data"].as_array().expect("a list").clone()
    }

    async fn shown(&self) -> Reply {
        self.till.shop.get(&self.path("")).await.expect(200)
    }

    async fn set(&self, change: Value) -> Reply {
        let mut body = json!({ "url": self.receiver.url(), "events": ["*"], "status": "enabled" });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(change.as_object().expect("an object").clone());
        self.till.shop.put(&self.path(""), &body).await.expect(200)
    }
}

/// What the reference library says of one that was received.
fn is_signed(received: &Received, secret: &str) -> bool {
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let at = at.parse().expect("seconds");
    let theirs = Webhook::new(secret).expect("a secret").sign(id, at, &received.body);
    let theirs = theirs.expect("a signature");
    received.header("webhook-signature").split(' ').any(|one| one == theirs)
}

// ASVS 4.1.5: what the bank sends to merchants is signed.
#[tokio::test]
async fn an_event_arrives_once_signed_and_as_it_is_listed() {
    let s = Scene::new().await;
    s.pay().await;
    s.pay().await;
    assert_eq!(s.deliver().await, 2);
    assert_eq!(s.deliver().await, 0);
    let mut got = s.receiver.take();
    got.sort_by_key(|received| received.json()["sequence"].as_i64());
    let listed = events(&s.till.shop).await;
    assert_eq!(got.iter().map(Received::json).collect::<Vec<_>>(), listed);
    for (received, event) in got.iter().zip(&listed) {
        assert!(is_signed(received, &s.endpoint.text("/secret")));
        assert!(!is_signed(received, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        assert_eq!(event["id"], received.header("webhook-id"));
        let now = s.till.bank.clock().now().seconds().to_string();
        assert_eq!(received.header("webhook-timestamp"), now);
        assert_eq!(received.header("content-type"), "application/json");
    }
    assert_eq!(s.shown().await.int("/position"), 2);
    assert_eq!(s.deliveries("").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_endpoint_gets_what_it_asked_for_from_where_it_began() {
    let s = Scene::with(json!({ "events": ["payment.declined", "refund.*"] })).await;
    s.pay().await;
    let _no = s.till.pay("4000000000000002", "automatic").await.expect(201);
    s.pay().await;
    assert_eq!(s.deliver().await, 1);
    assert_eq!(s.receiver.take()[0].json()["type"], "payment.declined");
    assert_eq!(s.shown().await.int("/position"), 3);
    // A later endpoint gets what comes after it, or what it asks for.
    let late = Receiver::new().await;
    let _new = endpoint(&s.till.shop, &json!({ "url": late.url() })).await.expect(201);
    let back = Receiver::new().await;
    let body = json!({ "url": back.url(), "after": 1 });
    let _back = endpoint(&s.till.shop, &body).await.expect(201);
    assert_eq!(s.deliver().await, 2);
    assert_eq!((late.take().len(), back.take().len()), (0, 2));
}

#[tokio::test]
async fn two_nodes_at_once_send_each_event_once() {
    let s = Scene::new().await;
    for _ in 0..20 {
        s.pay().await;
    }
    let (one, other) = tokio::join!(s.deliver(), s.deliver());
    assert_eq!((one + other, s.receiver.take().len()), (20, 20));
}

#[tokio::test]
async fn a_secret_that_was_replaced_signs_beside_the_new_one_for_a_while() {
    let s = Scene::new().await;
    let old = s.endpoint.text("/secret");
    let rotated = s.till.shop.post(&s.path("/rotate"), &json!({ "overlap": 60 })).await.expect(200);
    let new = rotated.text("/secret");
    s.till.bank.secret(&old);
    s.till.bank.secret(&new);
    s.pay().await;
    s.deliver().await;
    let both = &s.receiver.take()[0];
    assert!(is_signed(both, &old) && is_signed(both, &new));
    s.till.bank.advance(60);
    s.pay().await;
    s.deliver().await;
    let one = &s.receiver.take()[0];
    assert!(!is_signed(one, &old) && is_signed(one, &new));
    let at_once = s.till.shop.post(&s.path("/rotate"), &json!({ "overlap": 0 })).await.expect(200);
    s.pay().await;
    s.deliver().await;
    let one = &s.receiver.take()[0];
    assert!(!is_signed(one, &new) && is_signed(one, &at_once.text("/secret")));
}

#[tokio::test]
async fn who_has_the_public_key_verifies() {
    let s = Scene::with(json!({ "algorithm": "ed25519" })).await;
    s.pay().await;
    s.deliver().await;
    let got = &s.receiver.take()[0];
    let decode = |text: &str| BASE64.decode(text.as_bytes()).expect("base64");
    let public = decode(s.endpoint.text("/public_key").strip_prefix("whpk_").expect("a key"));
    let signature = decode(got.header("webhook-signature").strip_prefix("v1a,").expect("one"));
    let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    let signed = [id.as_bytes(), b".", at.as_bytes(), b".", &got.body].concat();
    let key = UnparsedPublicKey::new(&ED25519, public);
    assert!(key.verify(&signed, &signature).is_ok());
    assert!(key.verify(&signed[1..], &signature).is_err());
}

/// Each try is signed at its own time: none arrives older than receivers allow.
#[tokio::test]
async fn what_fails_is_tried_again_later_under_the_same_id_and_signed_anew() {
    let s = Scene::new().await;
    s.receiver.answer(Answer::Status(500));
    s.pay().await;
    assert_eq!(s.deliver().await, 0);
    let first = s.receiver.take().remove(0);
    let waiting = s.deliveries("?status=waiting").await;
    assert_eq!(
        (&waiting[0]["attempts"], &waiting[0]["last_error"]),
        (&json!(1), &json!("status_500"))
    );
    assert!(waiting[0]["next_attempt_at"].is_string());
    assert_eq!(s.shown().await.text("/last_error"), "status_500");
    // Not before its time.
    s.till.bank.advance(2);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 0));
    s.receiver.answer(Answer::Status(200));
    s.till.bank.advance(600);
    assert_eq!(s.deliver().await, 1);
    let second = s.receiver.take().remove(0);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.body, first.body);
    let at = |received: &Received| -> i64 { received.header("webhook-timestamp").parse().unwrap() };
    assert_eq!(at(&second) - at(&first), 602);
    assert!(is_signed(&second, &s.endpoint.text("/secret")));
    assert_eq!(s.deliveries("?status=waiting").await.len(), 0);
    assert_eq!(s.deliveries("?status=delivered").await[0]["attempts"], 2);
    assert_eq!(s.shown().await.json()["last_error"], Value::Null);
    let (_go, stop) = watch::channel(false);
    s.till.bank.advance(DELIVERIES_KEPT);
    let forgotten = Job::DeleteDeliveries.run(s.till.bank.bank(), &stop).await.expect("runs");
    assert_eq!((forgotten, s.deliveries("").await.len()), (1, 0));
}

/// Operators find the endpoint without knowing whose it is, with its dead letter; one that is well is no trouble.
async fn is_in_trouble(s: &Scene) {
    let quiet = json!({ "url": "https://example.com/quiet" });
    let quiet = endpoint(&s.till.shop, &quiet).await.expect(201).text("/id");
    let desk = s.till.bank.operator(Role::Support).await;
    let asked = async |query: &str| {
        let path = format!("/v1/staff/webhook_endpoints{query}");
        desk.client.get(&path).await.expect(200).json()
    };
    let trouble = asked("?trouble=true").await;
    assert_eq!(trouble["data"].as_array().map(Vec::len), Some(1), "{trouble}");
    let one = &trouble["data"][0];
    assert_eq!(one["id"], s.endpoint.json()["id"]);
    assert_eq!((&one["dead"], &one["waiting"]), (&json!(1), &json!(0)));
    assert_eq!(one["merchant"], json!(s.till.shop.id));
    assert!(one["merchant_name"].as_str().is_some_and(|name| !name.is_empty()));
    let first = asked("?limit=1").await;
    let next = first["next_cursor"].as_str().expect("a second");
    let second = asked(&format!("?limit=1&cursor={next}")).await;
    assert_eq!((&first["data"][0]["id"], &second["data"][0]["id"]), (&one["id"], &json!(quiet)));
    assert_eq!((&second["data"][0]["dead"], &second["next_cursor"]), (&json!(0), &Value::Null));
    let of_merchant = format!("/v1/staff/merchants/{}/webhook_endpoints", s.till.shop.id);
    let of_merchant = desk.client.get(&of_merchant).await.expect(200).json();
    assert_eq!(of_merchant["data"], asked("").await["data"]);
    let teller = s.till.bank.operator(Role::Teller).await;
    teller.client.get("/v1/staff/webhook_endpoints").await.refused(403, "forbidden");
    for bad in ["limit=0", "limit=101"] {
        let path = format!("/v1/staff/webhook_endpoints?{bad}");
        desk.client.get(&path).await.refused(422, "invalid_fields");
    }
    let gone = s.till.shop.delete(&format!("/v1/webhook_endpoints/{quiet}")).await;
    let _gone = gone.expect(204);
}

#[tokio::test]
async fn an_event_that_is_never_taken_is_a_dead_letter_until_it_is_asked_for() {
    let s = Scene::new().await;
    s.receiver.answer(Answer::Status(422));
    s.pay().await;
    let began = s.till.bank.clock().now();
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(s.deliver().await, 0);
        assert_eq!(s.receiver.take().len(), 1, "{attempt}");
        let waiting = s.deliveries("?status=waiting").await;
        let next = waiting.first().map(|row| row["next_attempt_at"].as_str().expect("a time"));
        assert_eq!(next.is_none(), attempt == MAX_ATTEMPTS);
        if let Some(next) = next {
            let next: Timestamp = next.parse().expect("a time");
            let pause = next.micros_since(s.till.bank.clock().now());
            s.till.bank.advance(pause / 1_000_000 + 1);
        }
    }
    let days = s.till.bank.clock().now().micros_since(began) / 86_400_000_000;
    assert!((2..=3).contains(&days), "{days} days");
    s.till.bank.advance(24 * HOUR);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 0));
    let dead = s.deliveries("?status=dead").await;
    assert_eq!((dead.len(), &dead[0]["attempts"]), (1, &json!(MAX_ATTEMPTS)));
    assert_eq!(dead[0]["next_attempt_at"], Value::Null);
    is_in_trouble(&s).await;
    s.receiver.answer(Answer::Status(204));
    let again = json!({ "event": dead[0]["event"] });
    let path = s.path("/redeliver");
    let _disabled = s.set(json!({ "status": "disabled" })).await;
    s.till.shop.post(&path, &again).await.refused(409, "endpoint_disabled");
    let _enabled = s.set(json!({})).await;
    let asked = s.till.shop.post(&path, &again).await.expect(202);
    assert_eq!(asked.text("/status"), "waiting");
    assert_eq!(s.deliver().await, 1);
    assert_eq!(s.receiver.take()[0].header("webhook-id"), dead[0]["event"].as_str().unwrap());
    // Also what was taken can be had again.
    let _asked = s.till.shop.post(&path, &again).await.expect(202);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (1, 1));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_nothing_until_it_is_enabled() {
    let s = Scene::new().await;
    s.receiver.answer(Answer::Status(410));
    s.pay().await;
    s.deliver().await;
    assert_eq!(s.shown().await.text("/status"), "gone");
    s.pay().await;
    s.till.bank.advance(HOUR);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 1));
    s.receiver.answer(Answer::Status(200));
    assert_eq!(s.set(json!({})).await.text("/status"), "enabled");
    assert_eq!(s.deliver().await, 2);
}

// ASVS 13.2.6: tries come less and less often, as the paper says.
/// What waits behind its position costs nothing, and nothing of it is lost.
#[tokio::test]
async fn an_endpoint_that_takes_nothing_is_asked_rarely_then_left_alone_then_catches_up() {
    let s = Scene::new().await;
    s.receiver.answer(Answer::Status(503));
    for _ in 0..30 {
        s.pay().await;
    }
    // One round of them, and then one at a time.
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 8));
    for _ in 0..20 {
        s.till.bank.advance(2);
        s.deliver().await;
    }
    let in_forty_seconds = s.receiver.take().len();
    assert!((2..=5).contains(&in_forty_seconds), "{in_forty_seconds}");
    s.till.bank.advance(FAILING_SECONDS);
    s.deliver().await;
    assert_eq!(s.shown().await.text("/status"), "failing");
    s.receiver.take();
    s.receiver.answer(Answer::Status(200));
    s.till.bank.advance(HOUR);
    assert_eq!(s.deliver().await, 0);
    assert_eq!(s.set(json!({ "after": 0 })).await.int("/position"), 0);
    s.deliver().await;
    let mut numbers: Vec<i64> =
        s.receiver.take().iter().filter_map(|got| got.json()["sequence"].as_i64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
}

// ASVS 15.4.4: one that hangs takes no other's turn.
/// The other endpoint's events arrive while one that hangs is still waited for.
#[tokio::test]
async fn an_endpoint_that_hangs_keeps_no_other_waiting() {
    let s = Scene::new().await;
    s.receiver.answer(Answer::Silence);
    let quick = Receiver::new().await;
    let _quick = endpoint(&s.till.shop, &json!({ "url": quick.url() })).await.expect(201);
    s.pay().await;
    tokio::select! {
        _ = s.deliver() => panic!("one of them hangs"),
        () = async { quick.wait().await; s.receiver.wait().await } => {}
    }
    assert_eq!(quick.take().len(), 1);
}

/// A crash between the commit and the webhook, and one between the webhook and its mark: still delivered.
#[tokio::test]
async fn whoever_takes_over_from_a_node_that_died_sends_it_under_the_same_id() {
    let s = Scene::new().await;
    s.pay().await;
    s.receiver.answer(Answer::Silence);
    tokio::select! {
        _ = s.deliver() => panic!("the receiver hangs"),
        () = s.receiver.wait() => {}
    }
    let first = s.receiver.take().remove(0);
    s.receiver.answer(Answer::Status(200));
    // As long as the dead node might be alive nobody interferes.
    s.till.bank.advance(299);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 0));
    s.till.bank.advance(1);
    assert_eq!(s.deliver().await, 1);
    assert_eq!(s.receiver.take()[0].header("webhook-id"), first.header("webhook-id"));
    assert_eq!(s.deliver().await, 0);
}

/// An endpoint that is moved, or removed, while it is in a node's hands.
#[tokio::test]
async fn what_a_merchant_changes_meanwhile_wins() {
    let s = Scene::new().await;
    s.pay().await;
    s.pay().await;
    s.receiver.answer(Answer::Silence);
    tokio::select! {
        _ = s.deliver() => panic!("the receiver hangs"),
        () = s.receiver.wait() => {}
    }
    s.receiver.answer(Answer::Status(200));
    let moved = s.set(json!({ "after": 1 })).await;
    assert_eq!(moved.int("/position"), 1);
    s.receiver.take();
    assert_eq!(s.deliver().await, 1);
    assert_eq!(s.receiver.take()[0].json()["sequence"], 2);
    s.pay().await;
    let _gone = s.till.shop.delete(&s.path("")).await.expect(204);
    assert_eq!((s.deliver().await, s.receiver.take().len()), (0, 0));
}
