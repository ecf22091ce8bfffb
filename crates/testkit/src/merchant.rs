//! A merchant with a key: a client that signs what it sends.

use axum::body::Body;
use axum::extract::Request;
use exchequer::staff::model::Role;
use http::{Method, header};
use money::Timestamp;
use serde_json::{Value, json};
use vault::SecretBytes;
use vault::signature;

use crate::bank::{Person, TestBank};
use crate::client::{Client, Reply, key};

/// What tests on this machine call the bank.
const HOST: &str = "127.0.0.1";

/// A merchant, its test key and the bank's time.
#[derive(Clone)]
pub struct Shop {
    pub id: String,
    pub key_id: String,
    pub secret: String,
    client: Client,
    clock: money::Clock,
}

/// One request in the HMAC scheme, to be sent as it is or changed first.
#[derive(Clone, Debug)]
pub struct Signed {
    pub method: Method,
    pub path: String,
    pub body: Vec<u8>,
    pub timestamp: String,
    pub nonce: String,
    pub signature: String,
    pub key_id: String,
    pub idempotency_key: String,
    pub host: String,
}

impl Shop {
    /// Taken on by an administrator, with a key of a mode.
    pub async fn new(bank: &TestBank, operator: &Person, mode: &str) -> Self {
        let body = json!({ "name": "Otter & Sons", "fee_basis_points": 200, "fee_fixed": 10 });
        let made = operator.client.post("/v1/staff/merchants", &body).await.expect(201);
        Self::with_key(bank, operator, (&made.text("/id"), &json!({ "mode": mode }))).await
    }

    /// Another key of a merchant that is there.
    pub async fn with_key(bank: &TestBank, operator: &Person, (id, key): (&str, &Value)) -> Self {
        let path = format!("/v1/staff/merchants/{id}/keys");
        let made = operator.client.post(&path, key).await;
        let secret = made.text("/secret");
        bank.secret(&secret);
        // A live key waits for a second operator.
        let key_id = if key["mode"] == "live" {
            bank.done(made, Role::Admin).await
        } else {
            made.expect(201).text("/id")
        };
        Self {
            id: id.to_owned(),
            key_id,
            secret,
            client: bank.client(),
            clock: bank.clock().clone(),
        }
    }

    /// The same merchant, with another key.
    #[must_use]
    pub fn with(&self, key_id: &str, secret: &str) -> Self {
        Self { key_id: key_id.to_owned(), secret: secret.to_owned(), ..self.clone() }
    }

    /// The same merchant, from another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { client: self.client.at(address), ..self.clone() }
    }

    /// The same merchant, at another node, by that node's time.
    #[must_use]
    pub fn through(&self, client: Client, clock: money::Clock) -> Self {
        Self { client, clock, ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(&self.sign(Method::GET, path, b"")).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(&self.sign(Method::DELETE, path, b"")).await
    }

    /// With a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.sign(Method::POST, path, body.to_string().as_bytes())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(&self.sign(Method::PUT, path, body.to_string().as_bytes())).await
    }

    pub async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Reply {
        let signed = self.sign(Method::POST, path, body.to_string().as_bytes());
        self.send(&Signed { idempotency_key: key.to_owned(), ..signed }).await
    }

    /// Keeps a card; gives its id.
    pub async fn card(&self, number: &str) -> String {
        let body = json!({ "number": number, "exp_month": 12, "exp_year": 2030 });
        self.post("/v1/cards", &body).await.expect(201).text("/id")
    }

    /// Signed now, with a fresh nonce.
    pub fn sign(&self, method: Method, path: &str, body: &[u8]) -> Signed {
        self.sign_at(method, path, body, (self.clock.now(), &format!("nonce-{:0>20}", key())))
    }

    pub fn sign_at(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
        (at, nonce): (Timestamp, &str),
    ) -> Signed {
        let (bare, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let request = signature::Request {
            method: method.as_str(),
            scheme: "http",
            authority: HOST,
            path: bare,
            query,
            headers: &[],
            body,
        };
        let secret = SecretBytes::new(self.secret.clone().into_bytes());
        let signature =
            signature::hmac::sign(&request, at, nonce, &secret).expect("what can be signed");
        Signed {
            method,
            path: path.to_owned(),
            body: body.to_vec(),
            timestamp: at.seconds().to_string(),
            nonce: nonce.to_owned(),
            signature,
            key_id: self.key_id.clone(),
            idempotency_key: key(),
            host: HOST.to_owned(),
        }
    }

    pub async fn send(&self, signed: &Signed) -> Reply {
        self.client.send(signed.request()).await
    }
}

impl Signed {
    pub fn request(&self) -> Request {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, "shop/1")
            .header(header::AUTHORIZATION, format!("Exchequer {}", self.key_id))
            .header("x-timestamp", &self.timestamp)
            .header("x-nonce", &self.nonce)
            .header("x-signature", &self.signature);
        if self.method == Method::POST {
            request = request
                .header("idempotency-key", &self.idempotency_key)
                .header(header::CONTENT_TYPE, "application/json");
        }
        if self.method == Method::PUT {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Body::from(self.body.clone())).expect("a request")
    }
}
