//! The master key in AWS KMS: data keys are made, opened, rotated and moved to another.
//!
//! Against the server of PyPI's `moto`, whose program `EXCHEQUER_TEST_MOTO` names (`moto_server`); without it the
//! test says so and ends. It checks no signature and lets a disabled key decrypt: both are tested beside the code, with
//! AWS's vectors and with answers as AWS documents them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchequer::keys::kms::{Kms, KmsAddress, KmsError};
use exchequer::keys::master::{Master, MasterError};
use exchequer::keys::{self, KeyAct, KeysError};
use money::{Clock, Rng};
use serde_json::{Value, json};
use store::rows::Origin;
use testkit::TestBank;
use vault::{Purpose, SecretString};

use crate::scene::sql;

struct Moto {
    child: Child,
    address: String,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Moto {
    fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("EXCHEQUER_TEST_MOTO") else {
            let skipped = "skipped: EXCHEQUER_TEST_MOTO names no moto_server\n";
            std::io::stderr().write_all(skipped.as_bytes()).expect("standard error");
            return None;
        };
        let port = free_port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        let moto = Self { child, address: format!("127.0.0.1:{port}") };
        #[expect(clippy::disallowed_methods, reason = "a process outside is waited for")]
        let began = Instant::now();
        while TcpStream::connect(&moto.address).is_err() {
            assert!(began.elapsed() < Duration::from_mins(2), "moto_server does not listen");
            std::thread::yield_now();
        }
        Some(moto)
    }

    /// An act of the account's owner.
    fn act(&self, verb: &str, body: &Value) -> Value {
        let body = body.to_string();
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.{verb}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260105/ap-south-1/kms/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains(" 200 "), "{verb}: {answer}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(body).expect("JSON") }
    }

    fn new_key(&self) -> String {
        let made = self.act("CreateKey", &json!({}));
        made["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned()
    }

    fn master(&self, key: &str) -> Arc<Master> {
        let address = KmsAddress {
            url: format!("http://{}", self.address),
            region: "ap-south-1".to_owned(),
            key: key.to_owned(),
            access_key_id: "AKID".to_owned(),
            secret_access_key: Arc::new(SecretString::new("secret".to_owned())),
            session_token: None,
        };
        Arc::new(Master::Kms(Kms::new(address, Clock::System).expect("settings")))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        assert!(killed.is_ok() || std::thread::panicking(), "{killed:?}");
    }
}

fn act(bank: &TestBank, master: &Arc<Master>) -> KeyAct {
    KeyAct {
        master: Arc::clone(master),
        rng: Rng::System,
        now: bank.clock().now(),
        origin: Origin::system("test"),
    }
}

/// PCI DSS 4.0.1, 3.6.1.2, 3.7.3: keys are stored wrapped and no other way.
#[tokio::test(flavor = "multi_thread")]
async fn keys_in_kms_are_made_rotated_and_moved_and_nothing_else_opens_them() {
    let Some(moto) = Moto::start() else { return };
    let bank = TestBank::new().await;
    assert!(sql(&bank, "DELETE FROM data_keys").await > 0);
    let (first, second) = (moto.new_key(), moto.new_key());
    let (master, other) = (moto.master(&first), moto.master(&second));
    let (db, first_act) = (bank.bank().db(), act(&bank, &master));
    assert!(keys::create_first(db, &first_act).await.unwrap());
    assert_eq!(keys::rotate(db, &first_act, Purpose::CardData).await.unwrap(), Ok(2));
    let rows = db.read("test", keys::list).await.unwrap();
    let now = bank.clock().now();
    assert!(master.keyring(&rows, now).await.is_ok());
    // Of another key, or with purposes exchanged, they do not open.
    assert!(matches!(other.keyring(&rows, now).await.err(), Some(MasterError::Key(_))));
    let mut exchanged = rows.clone();
    let wrapped = exchanged[0].wrapped.clone();
    exchanged[0].wrapped = std::mem::replace(&mut exchanged[1].wrapped, wrapped);
    let refused = master.keyring(&exchanged, now).await.err();
    assert!(
        matches!(refused, Some(MasterError::Kms { reason: KmsError::Ciphertext, .. })),
        "{refused:?}"
    );
    // Moved to the other key, only that opens them.
    let moved = keys::rewrap(db, &master, &act(&bank, &other)).await.unwrap();
    assert_eq!(moved, rows.len());
    let rows = db.read("test", keys::list).await.unwrap();
    assert!(other.keyring(&rows, now).await.is_ok());
    assert!(matches!(master.keyring(&rows, now).await.err(), Some(MasterError::Key(_))));
    let gone = moto.master("3b1c7a2e-0000-4000-8000-000000000000");
    let refused = keys::rewrap(db, &other, &act(&bank, &gone)).await.err();
    assert!(
        matches!(
            refused,
            Some(KeysError::Master(MasterError::Kms { reason: KmsError::NotFound, .. }))
        ),
        "{refused:?}"
    );
    assert!(other.keyring(&rows, now).await.is_ok());
}
