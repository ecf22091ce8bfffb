//! What is secret or personal stands in no log line, no event and no error answer.

use exchequer::logging::{Capture, Mark};
use exchequer::staff::model::Role;
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank};

use crate::rows::texts;
use crate::sessions::{log_in, post};

const PASSWORD: &str = "marker-tulip-under-violet-rain";
const WRONG: &str = "marker-typed-wrongly-somewhere";
const EMAIL: &str = "marker.owner@secrets.test";
const NAME: &str = "Markeria Unmistakable";
const PHONE: &str = "+4915112345677";
const GOVERNMENT_ID: &str = "MARKR1234Z";
const MEMO: &str = "marker-of-a-memo";
const NO_TOKEN: &str = "marker-of-no-token";
/// Of nobody else: tests of one process share its log.
const MARKERS: [&str; 8] = [PASSWORD, WRONG, EMAIL, NAME, PHONE, GOVERNMENT_ID, MEMO, NO_TOKEN];

/// What a bank said while the markers went through it.
struct Heard {
    log: &'static Capture,
    from: Mark,
    secrets: Vec<String>,
    /// Request ids of refused requests: they stand in the log, so the log was kept.
    refused: Vec<String>,
}

impl Heard {
    fn new() -> Self {
        let log = Capture::process_wide().expect("the log can be captured");
        let secrets = MARKERS.map(str::to_owned).to_vec();
        Self { log, from: log.mark(), secrets, refused: Vec::new() }
    }

    /// Keeps the tokens of a sign-in as secrets.
    fn tokens(&mut self, reply: &Reply) {
        self.secrets.extend(["/access_token", "/refresh_token"].map(|token| reply.text(token)));
    }

    fn person(&mut self, person: &Person) {
        let token = person.client.token().expect("signed in").to_owned();
        self.secrets.extend([token, person.refresh_token.clone(), person.password.clone()]);
        self.secrets.extend(person.totp_secret.clone());
    }

    /// An error answer, headers and all, repeats nothing.
    fn error(&mut self, reply: &Reply, status: u16) {
        assert_eq!(reply.status.as_u16(), status, "{}", String::from_utf8_lossy(&reply.body));
        let text = format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body));
        for secret in &self.secrets {
            assert!(!text.contains(secret), "{secret:?} is repeated: {text}");
        }
        self.refused.push(reply.text("/request_id"));
    }

    async fn check(&self, bank: &TestBank) {
        let log = self.log.text_since(self.from);
        for id in &self.refused {
            assert!(log.contains(id), "a refusal was not logged, so the log proves nothing");
        }
        for secret in &self.secrets {
            let line = self.log.line_with(self.from, secret);
            assert!(line.is_none(), "{secret:?} was logged: {line:?}");
        }
        let events = texts(
            bank,
            "SELECT action || ' ' || resource || ' ' || outcome || ' ' || COALESCE(before, '') || \
             ' ' || COALESCE(after, '') FROM events",
        )
        .await;
        assert!(events.iter().any(|event| event.starts_with("session.sign_in_failed")));
        for (event, secret) in events.iter().flat_map(|e| self.secrets.iter().map(move |s| (e, s)))
        {
            assert!(!event.contains(secret), "{secret:?} stands in an event: {event}");
        }
    }
}

fn registration() -> Value {
    json!({
        "email": EMAIL, "password": PASSWORD, "full_name": NAME, "phone": PHONE,
        "government_id": GOVERNMENT_ID
    })
}

/// Registers and signs in, with every mistake that a person makes on the way.
async fn join(bank: &TestBank, heard: &mut Heard) -> Client {
    let client = bank.client();
    bank.bank().db().faults().fail_at("customers.register", 4);
    heard.error(&client.post("/v1/customers", &registration()).await, 503);
    for _ in 0..2 {
        let _made = client.post("/v1/customers", &registration()).await.expect(201);
    }
    heard.error(&log_in(bank, EMAIL, WRONG).await, 401);
    heard.error(&log_in(bank, "marker-of-no-token@secrets.test", PASSWORD).await, 401);
    heard.error(&log_in(bank, PASSWORD, EMAIL).await, 401); // the fields mixed up
    bank.bank().db().faults().fail_at("sessions.open", 2);
    heard.error(&log_in(bank, EMAIL, PASSWORD).await, 503);
    let first = log_in(bank, EMAIL, PASSWORD).await.expect(200);
    heard.tokens(&first);
    let used = json!({ "refresh_token": first.text("/refresh_token") });
    let next = post(bank, "/v1/auth/refresh", &used).await.expect(200);
    heard.tokens(&next);
    heard.error(&post(bank, "/v1/auth/refresh", &used).await, 401);
    let again = log_in(bank, EMAIL, PASSWORD).await.expect(200);
    heard.tokens(&again);
    client.with_token(&again.text("/access_token"))
}

// RTS 22: nothing that signs somebody in is in a log, an event or an error.
// ASVS 16.2.5: nothing that a customer gave in secret is in log, trail or errors.
#[tokio::test]
async fn a_customers_way_through_the_bank_leaves_no_secret_in_log_events_or_errors() {
    let bank = TestBank::new().await;
    let mut heard = Heard::new();
    let (teller, support) = (bank.operator(Role::Teller).await, bank.operator(Role::Support).await);
    heard.person(&teller);
    heard.person(&support);
    let client = join(&bank, &mut heard).await;
    let open = json!({ "currency": "INR", "name": NAME });
    let from = client.post("/v1/accounts", &open).await.expect(201).text("/id");
    let bela = bank.customer("Bela").await;
    let to = bank.account(&bela, "INR").await;
    bank.deposit(&teller, &from, 1_000, "INR").await;
    let order = |amount: i64| json!({ "from": from, "to": to, "amount": amount, "currency": "INR", "memo": MEMO });
    for path in ["/v1/transfers", "/v1/holds"] {
        let _done = client.post(path, &order(10)).await.expect(201);
        heard.error(&client.post(path, &order(99_999)).await, 422);
        let mut wrong = order(1);
        wrong["to"] = json!(NO_TOKEN);
        heard.error(&client.post(path, &wrong).await, 422);
    }
    for query in [EMAIL, "%2B4915112345677"] {
        let path = format!("/v1/staff/customers?query={query}");
        let _found = support.client.get(&path).await.expect(200);
        heard.error(&bela.client.get(&path).await, 403);
    }
    let name = NAME.replace(' ', "%20");
    let path = format!("/v1/staff/customers?query={name}");
    let found = support.client.get(&path).await.expect(200);
    assert!(found.json()["data"][0]["id"].is_string(), "the name finds its holder");
    heard.error(&support.client.get(&format!("{path}@")).await, 422);
    heard.check(&bank).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_not_repeated() {
    let bank = TestBank::new().await;
    let mut heard = Heard::new();
    let asha = bank.customer("Reader").await;
    heard.person(&asha);
    log_in(&bank, EMAIL, WRONG).await.refused(401, "invalid_credentials");
    for (status, body) in [
        (400, format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"#)),
        (400, format!(r#"{{"email":"{EMAIL}","password":["{PASSWORD}"]}}"#)),
        (400, format!(r#"{{"email":{{"x":"{EMAIL}"}},"password":"{PASSWORD}"}}"#)),
        (400, format!(r#"{{"password":"{PASSWORD}","password":"{WRONG}"}}"#)),
        (400, format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","admin":"{NAME}"}}"#)),
        (400, format!(r#""{PASSWORD}""#)),
        (400, format!(r#"["{EMAIL}, expected {PASSWORD}"]"#)),
        (400, format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}} {NO_TOKEN}"#)),
        (
            422,
            format!(
                r#"{{"email":"{NO_TOKEN}","password":"marker","full_name":"{NAME}","phone":"{MEMO}"}}"#
            ),
        ),
    ] {
        let key = testkit::key();
        let reply = bank.client().post_raw("/v1/customers", Some(&key), body.into_bytes()).await;
        heard.error(&reply, status);
    }
    let amount = json!({ "from": NO_TOKEN, "to": MEMO, "amount": PASSWORD, "currency": NAME });
    heard.error(&asha.client.post("/v1/transfers", &amount).await, 422);
    for path in [
        format!("/v1/accounts/{NO_TOKEN}"),
        format!("/v1/{NO_TOKEN}?password={PASSWORD}"),
        format!("/v1/accounts?password={PASSWORD}"),
        format!("/v1/accounts?limit={PASSWORD}"),
        format!("/v1/accounts?cursor={PASSWORD}"),
    ] {
        let reply = asha.client.get(&path).await;
        assert!(reply.status.is_client_error(), "{path}");
        let status = reply.status.as_u16();
        heard.error(&reply, status);
    }
    heard.check(&bank).await;
}

#[tokio::test]
async fn credentials_in_headers_are_not_repeated_either() {
    let bank = TestBank::new().await;
    let mut heard = Heard::new();
    let asha = bank.customer("Headers").await;
    heard.person(&asha);
    log_in(&bank, EMAIL, WRONG).await.refused(401, "invalid_credentials");
    let token = asha.client.token().expect("a token");
    let cut = &token[..token.len() - 1];
    for (name, value) in [
        ("authorization", format!("Bearer {NO_TOKEN}")),
        ("authorization", format!("Basic {PASSWORD}")),
        ("authorization", NO_TOKEN.to_owned()),
        ("authorization", format!("Bearer {cut}")),
        ("cookie", format!("session={NO_TOKEN}; token={token}")),
    ] {
        let request = bank.client().request(Method::GET, "/v1/me").header(name, value);
        let reply = bank.client().send(request.body(axum::body::Body::empty()).expect("one")).await;
        heard.error(&reply, 401);
    }
    let long = format!("{NO_TOKEN}{}", "x".repeat(255));
    let body = json!({ "currency": "INR", "name": NAME }).to_string().into_bytes();
    let reply = asha.client.post_raw("/v1/accounts", Some(&long), body).await;
    heard.error(&reply, 400);
    heard.check(&bank).await;
}
