//! A bank of `exchequer serve`, a gateway of `exchequer sandbox-gateway`, and a merchant who signs.

use std::time::Duration;

use money::Clock;
use serde_json::Value;
use testkit::process::{HttpReply, HttpRequest, Server};
use vault::SecretBytes;
use vault::signature;

pub const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
pub const GATEWAY_SECRET: &str = "a secret of bank and gateway";

pub struct Scene {
    folder: tempfile::TempDir,
    pub gateway: Server,
    key_id: String,
    secret: String,
    nonces: u64,
}

impl Scene {
    /// A demo's bank, served by `exchequer serve` beside a gateway of its own.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("bank").to_string_lossy().into_owned();
        let arguments = ["demo", "--json", "--data", &data, "--listen", "127.0.0.1:0"];
        let demo = Server::start(BINARY.as_ref(), &arguments, &[]);
        let merchant = demo.json()["merchants"][0].clone();
        assert!(demo.terminate().success());
        let journal = folder.path().join("journal").to_string_lossy().into_owned();
        let arguments = ["sandbox-gateway", "--listen", "127.0.0.1:0", "--journal", &journal];
        let environment = [("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET)];
        let gateway = Server::start(BINARY.as_ref(), &arguments, &environment);
        let text = |name: &str| merchant[name].as_str().expect("a merchant of the demo").to_owned();
        let (key_id, secret) = (text("key_id"), text("secret"));
        Self { folder, gateway, key_id, secret, nonces: 0 }
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("bank")
    }

    pub fn start(&self, die_at: Option<&str>) -> Server {
        let data = self.data().to_string_lossy().into_owned();
        let key = self.data().join("master.key").to_string_lossy().into_owned();
        let url = format!("http://{}", self.gateway.address());
        let mut environment = vec![
            ("EXCHEQUER_DATA_DIR", &*data),
            ("EXCHEQUER_MASTER_KEY_FILE", &key),
            ("EXCHEQUER_LISTEN", "127.0.0.1:0"),
            ("EXCHEQUER_SANDBOX_URL", &url),
            ("EXCHEQUER_SANDBOX_SECRET", GATEWAY_SECRET),
        ];
        environment.extend(die_at.map(|at| ("EXCHEQUER_TEST_DIE_AT", at)));
        Server::start(BINARY.as_ref(), &["serve"], &environment)
    }

    pub fn knobs(&self, chaos: &Value) {
        let request = HttpRequest {
            method: "PUT",
            path: "/chaos",
            token: Some(GATEWAY_SECRET),
            body: Some(chaos),
            ..HttpRequest::default()
        };
        let reply = self.gateway.client().send(&request).expect("the gateway answers");
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }

    /// The same once more where the bank has had too many.
    pub fn send(
        &mut self,
        bank: &Server,
        to: (&str, &str),
        what: (&str, Option<&Value>),
    ) -> std::io::Result<HttpReply> {
        loop {
            let reply = self.send_once(bank, to, what)?;
            if reply.status != 429 {
                return Ok(reply);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Signs and sends; an error where the bank went away.
    fn send_once(
        &mut self,
        bank: &Server,
        (method, path): (&str, &str),
        (key, body): (&str, Option<&Value>),
    ) -> std::io::Result<HttpReply> {
        self.nonces += 1;
        let nonce = format!("nonce-of-a-kill-{:08}", self.nonces);
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

    pub fn post(&mut self, bank: &Server, path: &str, key: &str, body: &Value) -> Value {
        let reply = self.send(bank, ("POST", path), (key, Some(body))).expect("the bank answers");
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.body));
        parse(&reply)
    }

    pub fn get(&mut self, bank: &Server, path: &str) -> Value {
        let reply = self.send(bank, ("GET", path), ("", None)).expect("the bank answers");
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        parse(&reply)
    }
}

pub fn parse(reply: &HttpReply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}
