//! Requests signed by RFC 9421, with Ed25519 and with HMAC: what is not covered, not theirs, shown twice, too old,
//! or signed by another rule is not taken.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::body::Body;
use exchequer::staff::model::Role;
use http::Method;
use money::Timestamp;
use serde_json::json;
use testkit::{Person, Reply, Shop, TestBank, key};
use vault::SecretBytes;
use vault::signature::message::{Algorithm, Message, SigningKey, sign, signature_input};
use vault::signature::{self, DigestHash, content_digest};

use crate::scene::number;

const HOST: &str = "127.0.0.1";
pub const CARDS: &str = "/v1/cards";
pub const CARD: &str = r#"{"number":"4242424242424242","exp_month":12,"exp_year":2030}"#;
const SEED: [u8; 32] = [42; 32];

pub struct Scene {
    pub bank: TestBank,
    admin: Person,
    pub shop: Shop,
    /// An Ed25519 key of the shop, and its public half.
    curve_key_id: String,
    public: Vec<u8>,
}

/// A request as it is sent.
#[derive(Debug, Clone)]
pub struct Sent {
    method: Method,
    pub path: String,
    pub host: String,
    pub body: Vec<u8>,
    pub digest: Option<String>,
    pub input: String,
    pub signature: String,
}

pub async fn scene() -> Scene {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a key pair");
    let public = pair.public_key().as_ref().to_vec();
    let body = json!({ "mode": "test", "public_key": data_encoding::HEXLOWER.encode(&public) });
    let path = format!("/v1/staff/merchants/{}/keys", shop.id);
    let made = admin.client.post(&path, &body).await.expect(201);
    assert!(made.json()["secret"].is_null());
    let curve_key_id = made.text("/id");
    Scene { bank, admin, shop, curve_key_id, public }
}

impl Scene {
    /// Signed now, as the bank wants it.
    pub fn signed(&self, algorithm: Algorithm, method: Method, path: &str, body: &str) -> Sent {
        let at = self.bank.clock().now();
        self.signed_at(algorithm, (method, path, body), (at, &format!("nonce-{:0>20}", key())))
    }

    fn signed_at(
        &self,
        algorithm: Algorithm,
        (method, path, body): (Method, &str, &str),
        (at, nonce): (Timestamp, &str),
    ) -> Sent {
        let key_id =
            if algorithm == Algorithm::Ed25519 { &self.curve_key_id } else { &self.shop.key_id };
        let digest =
            (!body.is_empty()).then(|| content_digest(DigestHash::Sha256, body.as_bytes()));
        let mut sent = Sent {
            method,
            path: path.to_owned(),
            host: HOST.to_owned(),
            body: body.as_bytes().to_vec(),
            digest,
            input: String::new(),
            signature: String::new(),
        };
        sent.input = sent.of(|request| signature_input(request, key_id, at, nonce, algorithm));
        self.sign(sent, algorithm)
    }

    /// With the right key, whatever the input says.
    fn sign(&self, sent: Sent, algorithm: Algorithm) -> Sent {
        let seed = SecretBytes::new(SEED.to_vec());
        let secret = SecretBytes::new(self.shop.secret.clone().into_bytes());
        let key = match algorithm {
            Algorithm::Ed25519 => SigningKey::Ed25519(&seed),
            _ => SigningKey::HmacSha256(&secret),
        };
        sent.signed_with(&key)
    }

    async fn send(&self, sent: &Sent) -> Reply {
        self.bank.client().send(sent.request().expect("a request")).await
    }

    pub async fn cards(&self) -> i64 {
        number(&self.bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM cards").await
    }
}

impl Sent {
    fn of<T>(&self, call: impl FnOnce(&signature::Request<'_>) -> T) -> T {
        let (path, query) =
            self.path.split_once('?').map_or((&*self.path, None), |(p, q)| (p, Some(q)));
        let headers: Vec<(&str, &[u8])> =
            self.digest.iter().map(|digest| ("content-digest", digest.as_bytes())).collect();
        call(&signature::Request {
            method: self.method.as_str(),
            scheme: "http",
            authority: &self.host,
            path,
            query,
            headers: &headers,
            body: &self.body,
        })
    }

    fn signed_with(mut self, key: &SigningKey<'_>) -> Self {
        let signature = self.of(|request| sign(&Message::Request(request), &self.input, key));
        self.signature = signature.unwrap_or_else(|error| panic!("{error}: {}", self.input));
        self
    }

    /// None where it is no HTTP any more.
    pub fn request(&self) -> Option<axum::extract::Request> {
        let mut request = axum::extract::Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header("host", &self.host)
            .header("signature-input", &self.input)
            .header("signature", &self.signature);
        if let Some(digest) = &self.digest {
            request = request.header("content-digest", digest);
        }
        if self.method == Method::POST {
            request =
                request.header("idempotency-key", key()).header("content-type", "application/json");
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

pub const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::HmacSha256];

#[tokio::test]
async fn a_signed_message_is_taken_once() {
    let s = scene().await;
    for algorithm in BOTH {
        let kept = s.signed(algorithm, Method::POST, CARDS, CARD);
        let card = s.send(&kept).await.expect(201).text("/id");
        s.send(&kept).await.refused(401, "invalid_signature");
        let path = format!("{CARDS}/{card}");
        let _seen = s.send(&s.signed(algorithm, Method::GET, &path, "")).await.expect(200);
        let path = "/v1/payments?limit=5";
        let listed = s.signed(algorithm, Method::GET, path, "");
        let _list = s.send(&listed).await.expect(200);
        s.send(&listed).await.refused(401, "invalid_signature");
        let path = format!("{CARDS}/{card}");
        let _gone = s.send(&s.signed(algorithm, Method::DELETE, &path, "")).await.expect(204);
    }
    assert_eq!(s.cards().await, 2);
}

/// A nonce is used up for both schemes: what was shown by one is not shown by the other.
#[tokio::test]
async fn a_nonce_of_one_scheme_serves_not_in_the_other() {
    let s = scene().await;
    let (at, nonce) = (s.bank.clock().now(), "one-nonce-of-two-schemes");
    let first = s.signed_at(Algorithm::HmacSha256, (Method::GET, "/v1/payments", ""), (at, nonce));
    let _taken = s.send(&first).await.expect(200);
    let second = s.shop.sign_at(Method::GET, "/v1/payments", b"", (at, nonce));
    s.shop.send(&second).await.refused(401, "invalid_signature");
}

#[tokio::test]
async fn what_was_changed_after_signing_is_refused() {
    let s = scene().await;
    for algorithm in BOTH {
        let post = s.signed(algorithm, Method::POST, CARDS, CARD);
        let get = s.signed(algorithm, Method::GET, "/v1/payments?limit=5&cursor=x", "");
        let other_body = CARD.replace("12", "11");
        let other_digest = content_digest(DigestHash::Sha256, other_body.as_bytes());
        let changed = [
            Sent { body: other_body.clone().into_bytes(), ..post.clone() },
            Sent {
                body: other_body.into_bytes(),
                digest: Some(other_digest.clone()),
                ..post.clone()
            },
            Sent { digest: Some(other_digest), ..post.clone() },
            Sent { digest: None, ..post.clone() },
            Sent { digest: Some("md5=:AAAAAAAAAAAAAAAAAAAAAA==:".to_owned()), ..post.clone() },
            Sent { path: "/v1/payments".to_owned(), ..post.clone() },
            Sent { host: "127.0.0.2".to_owned(), ..post.clone() },
            Sent { host: "evil.test".to_owned(), ..post.clone() },
            Sent { signature: post.signature.replace("sig1", "sig2"), ..post.clone() },
            Sent { signature: String::new(), ..post.clone() },
            Sent { input: String::new(), ..post.clone() },
            Sent { input: post.input.replace("nonce-", "nonca-"), ..post.clone() },
            Sent { path: "/v1/payments?cursor=x&limit=5".to_owned(), ..get.clone() },
            Sent { path: "/v1/payments?limit=5".to_owned(), ..get.clone() },
            Sent { path: "/v1/payments".to_owned(), ..get.clone() },
            Sent { method: Method::POST, ..get.clone() },
        ];
        for sent in &changed {
            let reply = s.send(sent).await;
            assert_eq!(reply.status.as_u16(), 401, "{sent:?} {}", reply.code());
        }
    }
    assert_eq!(s.cards().await, 0);
}

/// Rightly signed, and not enough of it: RFC 9421 §7.2.1.
#[tokio::test]
async fn what_does_not_cover_all_is_refused() {
    let s = scene().await;
    for algorithm in BOTH {
        let post = s.signed(algorithm, Method::POST, CARDS, CARD);
        let get = s.signed(algorithm, Method::GET, "/v1/payments?limit=5", "");
        let now = s.bank.clock().now().seconds();
        let created = format!("created={now}");
        for (sent, from, to) in [
            (&post, "\"@method\" ", ""),
            (&post, "\"@target-uri\" ", ""),
            (&post, " \"content-digest\"", ""),
            (&get, "\"@target-uri\"", "\"@path\" \"@authority\""),
            (&get, "\"@target-uri\"", "\"@path\" \"@query\""),
            (&get, "\"@target-uri\"", "\"@request-target\""),
            (&get, "\"@target-uri\"", "\"@path\" \"@authority\" \"@query-param\";name=\"limit\""),
            (&get, &*created, &*format!("created={}", now - 301)),
            (&get, &*created, &*format!("created={}", now + 301)),
            (&get, &*created, &*format!("{created};expires={now}")),
            (&get, &*created, &*format!("{created};expires={}", now - 1)),
            (&get, &*format!("{created};"), ""),
            (&get, &*nonce_of(&get.input), ""),
            (&get, &*nonce_of(&get.input), ";nonce=\"short\""),
        ] {
            assert!(sent.input.contains(from), "{}", sent.input);
            let input = sent.input.replacen(from, to, 1);
            let sent = s.sign(Sent { input, ..sent.clone() }, algorithm);
            let reply = s.send(&sent).await;
            assert_eq!(reply.status.as_u16(), 401, "{from} {to} {sent:?} {}", reply.code());
        }
        // The parts instead of the whole are enough.
        let parts = "\"@path\" \"@authority\" \"@query\"";
        let input = get.input.replacen("\"@target-uri\"", parts, 1);
        let _taken = s.send(&s.sign(Sent { input, ..get.clone() }, algorithm)).await.expect(200);
    }
    assert_eq!(s.cards().await, 0);
}

/// The algorithm is the key's, never the message's: who knows a public key can sign nothing with it.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let s = scene().await;
    let hex = data_encoding::HEXLOWER.encode(&s.public);
    let right = s.signed(Algorithm::Ed25519, Method::POST, CARDS, CARD);
    for secret in [s.public.clone(), hex.clone().into_bytes(), hex.to_uppercase().into_bytes()] {
        let secret = SecretBytes::new(secret);
        for alg in [";alg=\"hmac-sha256\"", ";alg=\"ed25519\"", ""] {
            let input = right.input.replace(";alg=\"ed25519\"", alg);
            let forged =
                Sent { input, ..right.clone() }.signed_with(&SigningKey::HmacSha256(&secret));
            s.send(&forged).await.refused(401, "invalid_signature");
        }
    }
    // Nor by the other scheme.
    for secret in [String::from_utf8_lossy(&s.public).into_owned(), hex] {
        let forger = s.shop.with(&s.curve_key_id, &secret);
        let body = serde_json::from_str(CARD).expect("JSON");
        forger.post(CARDS, &body).await.refused(401, "invalid_signature");
    }
    // And the other way round: a curve's signature under the id of a secret.
    let input = right.input.replace(&s.curve_key_id, &s.shop.key_id);
    for alg in [";alg=\"hmac-sha256\"", ";alg=\"ed25519\"", ""] {
        let input = input.replace(";alg=\"ed25519\"", alg);
        let seed = SecretBytes::new(SEED.to_vec());
        let forged = Sent { input, ..right.clone() }.signed_with(&SigningKey::Ed25519(&seed));
        s.send(&forged).await.refused(401, "invalid_signature");
    }
    assert_eq!(s.cards().await, 0);
}

#[tokio::test]
async fn two_signatures_are_none() {
    let s = scene().await;
    let right = s.signed(Algorithm::Ed25519, Method::GET, "/v1/payments", "");
    let hmac = s.shop.sign(Method::GET, "/v1/payments", b"");
    let mut request = hmac.request();
    for (name, value) in [("signature", &right.signature), ("signature-input", &right.input)] {
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    s.bank.client().send(request).await.refused(401, "invalid_signature");
}

#[tokio::test]
async fn a_revoked_key_signs_no_message() {
    let s = scene().await;
    let path = format!("/v1/staff/merchant_keys/{}/revoke", s.curve_key_id);
    let _alive =
        s.send(&s.signed(Algorithm::Ed25519, Method::GET, "/v1/payments", "")).await.expect(200);
    let _revoked = s.admin.client.post(&path, &json!({})).await.expect(200);
    let late = s.signed(Algorithm::Ed25519, Method::GET, "/v1/payments", "");
    s.send(&late).await.refused(401, "invalid_signature");
}

/// The parameter, as it stands there.
fn nonce_of(input: &str) -> String {
    let from = input.find(";nonce=").expect("a nonce");
    let to = input.find(";keyid=").expect("a key behind it");
    input[from..to].to_owned()
}
