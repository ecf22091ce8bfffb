//! The proxy of `deploy/edge/haproxy` before a bank: what it lets pass, and whose word on the caller counts.
//!
//! Where haproxy is not there the test says so, unless `EXCHEQUER_TEST_REQUIRE` has `edge`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustls::pki_types::ServerName;
use testkit::redis::{free_port, wait_until};
use tokio::net::TcpStream;

use crate::tls::{ask, authority, client, proxied_bank, serve};

const PROGRAM: &str = "/usr/sbin/haproxy";
const HOST: &str = "bank.example";

/// Ends with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        assert!(killed.is_ok() || std::thread::panicking(), "{killed:?}");
    }
}

fn configured(folder: &Path, (port, plain): (u16, u16), bank: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/edge/haproxy/haproxy.cfg");
    let mut text = std::fs::read_to_string(file).expect("a file of ours");
    for (old, new) in [
        ("/etc/exchequer/tls/bank.pem", folder.join("bank.pem").display().to_string()),
        ("bind :443 ", format!("bind 127.0.0.1:{port} ")),
        ("bind :80\n", format!("bind 127.0.0.1:{plain}\n")),
        ("server node1 127.0.0.1:8080", format!("server node1 {bank}")),
    ] {
        assert!(text.contains(old), "the configuration has no {old}");
        text = text.replace(old, &new);
    }
    text
}

/// Listening when it is given back.
fn start(folder: &Path, text: &str, port: u16) -> Ended {
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).expect("a file");
    let child = Command::new(PROGRAM)
        .arg("-f")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("haproxy starts");
    let started = Ended(child);
    wait_until("haproxy listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    started
}

#[tokio::test]
async fn haproxy_lets_pass_what_the_bank_takes_and_says_who_calls() {
    if !Path::new(PROGRAM).exists() {
        let required = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("edge"), "EXCHEQUER_TEST_REQUIRE demands {PROGRAM}");
        println!("no {PROGRAM} here");
        return;
    }
    let bank = proxied_bank(HOST).await;
    let (behind, stop, task) = serve(&bank).await;
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), authority());
    let pair = authority.issue(HOST, &[HOST]).expect("a pair");
    let both = pair.certificate_pem() + &pair.key_pem();
    std::fs::write(folder.path().join("bank.pem"), both).expect("a file");
    let (port, plain) = (free_port(), free_port());
    let text = configured(folder.path(), (port, plain), &behind.to_string());
    let haproxy = start(folder.path(), &text, port);
    let say = async |text: String| {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let name = ServerName::try_from(HOST).expect("a name");
        let mut stream = client(&authority, None).connect(name, stream).await.expect("a handshake");
        ask(&mut stream, &text).await
    };
    let asha = bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let request = |first: &str, more: &str| {
        format!(
            "{first} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
             user-agent: testkit\r\n{more}connection: close\r\n\r\n"
        )
    };
    let forged =
        "x-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nx-forwarded-proto: http\r\n";
    let answer = say(request("GET /v1/sessions", forged)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("127.0.0.1") && !answer.contains("6.6.6.6"), "{answer}");
    assert!(answer.contains("strict-transport-security:"), "{answer}");
    for (first, more, status) in [
        ("TRACE /v1/me", "", "405"),
        ("PATCH /v1/me", "", "405"),
        ("GET /v1/../v1/me", "", "403"),
        ("GET /v1/accounts/%252e%252e/x", "", "403"),
        ("GET /v1/me", "x-http-method-override: DELETE\r\n", "403"),
        ("GET /v1/me", "proxy: x\r\n", "403"),
        ("POST /v1/transfers", "content-length: 65537\r\n", "413"),
        ("POST /v1/transfers/batch", "content-length: 4194305\r\n", "413"),
        ("GET /v1/me", "", "200"),
    ] {
        let answer = say(request(first, more)).await;
        assert_eq!(answer.get(9..12), Some(status), "{first} {more}: {answer}");
    }
    let elsewhere = request("GET /v1/me", "").replace(HOST, "other.example");
    assert_eq!(say(elsewhere).await.get(9..12), Some("421"));
    drop(haproxy);
    stop.send(()).expect("it serves");
    let _cut = task.await.expect("it ends");
}
