//! A merchant who signs requests to a bank that is a process of its own.

use std::io;
use std::time::Duration;

use money::{Clock, Rng};
use serde_json::Value;
use vault::SecretBytes;
use vault::signature;

use crate::process::{HttpReply, HttpRequest, Server};

const REST: Duration = Duration::from_millis(500);
/// Two minutes: the limits of a merchant are for one.
const MOST_RESTS: u32 = 240;

/// A merchant's key. Each request has a nonce of its own.
#[derive(Debug)]
pub struct Signer {
    key_id: String,
    secret: String,
}

impl Signer {
    /// The first merchant of `demo --json`.
    pub fn of_demo(demo: &Server) -> Self {
        let merchant = &demo.json()["merchants"][0];
        let text = |name: &str| merchant[name].as_str().expect("a merchant of the demo").to_owned();
        Self { key_id: text("key_id"), secret: text("secret") }
    }

    /// Signs and sends; once more where the bank has had too many. An error where the bank went away.
    pub fn send(
        &self,
        bank: &Server,
        to: (&str, &str),
        what: (&str, Option<&Value>),
    ) -> io::Result<HttpReply> {
        for _ in 0..MOST_RESTS {
            let reply = self.send_once(bank, to, what)?;
            if reply.status != 429 {
                return Ok(reply);
            }
            std::thread::sleep(REST);
        }
        self.send_once(bank, to, what)
    }

    fn send_once(
        &self,
        bank: &Server,
        (method, path): (&str, &str),
        (key, body): (&str, Option<&Value>),
    ) -> io::Result<HttpReply> {
        let nonce = format!("{:032x}", u128::from_be_bytes(Rng::System.bytes()));
        let text = body.map(Value::to_string).unwrap_or_default();
        let (bare, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let request = signature::Request {
            method,
            scheme: "http",
            authority: bank.address(),
            path: bare,
            query,
            headers: &[],
            body: text.as_bytes(),
        };
        let secret = SecretBytes::new(self.secret.clone().into_bytes());
        let now = Clock::System.now();
        let signed = signature::hmac::sign(&request, now, &nonce, &secret).expect("signed");
        let (by, at) = (format!("Exchequer {}", self.key_id), now.seconds().to_string());
        let headers = [
            ("authorization", &*by),
            ("x-timestamp", &at),
            ("x-nonce", &nonce),
            ("x-signature", &signed),
        ];
        let key = (method == "POST").then_some(key);
        let headers = &headers;
        bank.client().send(&HttpRequest { method, path, key, headers, body, token: None })
    }

    /// The answer to what must be done.
    pub fn post(&self, bank: &Server, path: &str, key: &str, body: &Value) -> Value {
        let reply = self.send(bank, ("POST", path), (key, Some(body))).expect("the bank answers");
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    pub fn get(&self, bank: &Server, path: &str) -> Value {
        let reply = self.send(bank, ("GET", path), ("", None)).expect("the bank answers");
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }
}
