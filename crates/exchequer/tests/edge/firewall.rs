//! The proxy of `deploy/edge/nginx` before a bank: attacks end there, honest words arrive byte for byte.
//!
//! It needs nginx with ModSecurity and the Core Rule Set (Debian: nginx libnginx-mod-http-modsecurity modsecurity-crs);
//! where they are not there the test says so, unless `EXCHEQUER_TEST_REQUIRE` has `edge`. Everything runs on
//! loopback in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use exchequer::staff::model::Role;
use money::Rng;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::redis::{free_port, wait_until};
use testkit::{Person, TestBank};
use tls::trial::Authority;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::memos::memos;
use crate::tls::{ask, authority, client, serve};

const HOST: &str = "bank.example";
/// What must be on the machine.
const NEEDED: [&str; 3] = [
    "/usr/sbin/nginx",
    "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so",
    "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf",
];

/// What is not there, unless this run demands it.
fn missing() -> Option<&'static str> {
    let missing = NEEDED.into_iter().find(|path| !Path::new(path).exists())?;
    let required = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.contains("edge"), "EXCHEQUER_TEST_REQUIRE demands {missing}");
    Some(missing)
}

fn deployed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/edge/nginx")
}

/// nginx's first process. It ends its worker on SIGTERM; SIGKILL would leave it.
struct Master(Child);

impl Drop for Master {
    fn drop(&mut self) {
        let told = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        let ended = told.and_then(|_| self.0.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}

/// nginx before a served bank.
struct Proxied {
    bank: TestBank,
    authority: Authority,
    nginx: Master,
    address: std::net::SocketAddr,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<usize>,
}

/// Puts in a text what this machine has in place of what a bank would have.
fn replace(text: &mut String, old: &str, new: &str) {
    assert!(text.contains(old), "the configuration has no {old}");
    *text = text.replace(old, new);
}

/// Whether the rules are on.
#[derive(Clone, Copy, PartialEq)]
enum Rules {
    On,
    Off,
}

fn configure(folder: &Path, (port, plain): (u16, u16), (bank, rules_are): (&str, Rules)) {
    let read = |name: &str| std::fs::read_to_string(deployed().join(name)).expect("a file of ours");
    let (mut main, mut rules) = (read("nginx.conf"), read("firewall.conf"));
    let here = folder.display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
        .concat();
    for (old, new) in [
        ("user www-data;\n", "daemon off;\n".to_owned()),
        ("worker_processes auto;", "worker_processes 1;".to_owned()),
        ("/run/nginx.pid", format!("{here}/nginx.pid")),
        ("/var/log/nginx/", format!("{here}/")),
        ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
        ("listen 80 ", format!("listen 127.0.0.1:{plain} ")),
        ("/etc/exchequer/tls/", format!("{here}/")),
        ("/etc/exchequer/edge/", format!("{here}/")),
        ("server 127.0.0.1:8080;", format!("server {bank};")),
        ("rate=50r/s", "rate=100000r/s".to_owned()),
        ("http {\n", format!("http {{\n{temporary}")),
    ] {
        replace(&mut main, old, &new);
    }
    if rules_are == Rules::Off {
        replace(&mut main, "modsecurity on;", "modsecurity off;");
    }
    replace(&mut rules, "/etc/exchequer/edge/", &format!("{here}/"));
    std::fs::write(folder.join("nginx.conf"), main).expect("a file");
    std::fs::write(folder.join("firewall.conf"), rules).expect("a file");
    std::fs::copy(deployed().join("fields.conf"), folder.join("fields.conf")).expect("a copy");
}

impl Proxied {
    async fn start(rules: Rules) -> Self {
        let bank = TestBank::with(|config| {
            config.http.trusted_proxies = 1;
            config.http.public_url = format!("https://{HOST}");
        })
        .await;
        let (behind, stop, task) = serve(&bank).await;
        let (folder, authority) = (tempfile::tempdir().expect("a folder"), authority());
        let pair = authority.issue(HOST, &[HOST]).expect("a pair");
        std::fs::write(folder.path().join("certificate.pem"), pair.certificate_pem())
            .expect("a file");
        std::fs::write(folder.path().join("key.pem"), pair.key_pem()).expect("a file");
        let (port, plain) = (free_port(), free_port());
        configure(folder.path(), (port, plain), (&behind.to_string(), rules));
        let nginx = Command::new(NEEDED[0])
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("start.log")).expect("a file"))
            .spawn()
            .expect("nginx starts");
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut nginx = Master(nginx);
        wait_for(&mut nginx.0, address, folder.path());
        Self { bank, authority, nginx, address, folder, stop, task }
    }

    /// One connection, one request, the whole answer; nothing where nginx closed without one.
    async fn say(&self, text: &str) -> String {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let name = ServerName::try_from(HOST).expect("a name");
        let mut stream =
            client(&self.authority, None).connect(name, stream).await.expect("a handshake");
        ask(&mut stream, text).await
    }

    /// Why the rules blocked what they did last.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
        log.lines().rev().take(3).collect::<Vec<_>>().join("\n")
    }

    async fn end(self) {
        drop(self.nginx);
        self.stop.send(()).expect("it serves");
        let _cut = self.task.await.expect("it ends");
    }
}

/// A start that failed is told with nginx's own words.
fn wait_for(nginx: &mut Child, address: std::net::SocketAddr, folder: &Path) {
    let nginx = std::cell::RefCell::new(nginx);
    wait_until("nginx listens", || {
        if let Ok(Some(status)) = nginx.borrow_mut().try_wait() {
            let log = std::fs::read_to_string(folder.join("start.log"));
            panic!("nginx ended ({status}): {log:?}");
        }
        std::net::TcpStream::connect(address).is_ok()
    });
}

/// Percent-encoding of all that is not plain, but of what is encoded already (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let escaped = format!("%{byte:02X}");
            out.push_str(&escaped);
        }
    }
    out
}

/// The request of a line of the table.
fn request(place: &str, payload: &str, token: &str) -> String {
    let head = |first: &str, agent: &str, more: &str| {
        format!(
            "{first} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: {agent}\r\naccept: */*\r\n\
             authorization: Bearer {token}\r\nconnection: close\r\n{more}\r\n"
        )
    };
    let agent = "shop/1.0";
    let (kind, name) = place.split_once(' ').unwrap_or((place, ""));
    match kind {
        "query" => head(&format!("GET /v1/staff/events?{name}={}", encoded(payload)), agent, ""),
        "path" => head(&format!("GET /v1/accounts/{payload}"), agent, ""),
        "agent" => head("GET /v1/me", payload, ""),
        "header" => head("GET /v1/me", agent, &format!("{name}: {payload}\r\n")),
        "field" => post(token, "attack", &json!({ name: payload, "amount": 1 })),
        "raw" => {
            let text = payload.replace("\\r\\n", "\r\n").replace("\\x00", "\0");
            let (first, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
            let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
            let head = if head.is_empty() { String::new() } else { format!("{head}\r\n") };
            format!("{first}\r\n{head}connection: close\r\n\r\n{body}")
        }
        other => panic!("no such place: {other}"),
    }
}

fn post(token: &str, key: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST /v1/transfers HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: shop/1.0\r\naccept: */*\r\n\
         authorization: Bearer {token}\r\nidempotency-key: {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Refused before the bank: whose answers have an id of its own.
fn is_blocked(answer: &str) -> bool {
    let status = answer.get(9..12).unwrap_or_default();
    let is_refusal = ["400", "403", "405", "501", "505"].contains(&status);
    let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    answer.is_empty() || (is_refusal && !head.contains("x-request-id:"))
}

// PCI DSS 6.4.1, 6.4.2: a filter of web attacks stands before the bank, and what it stops is tried.
#[tokio::test]
async fn attacks_end_before_the_bank() {
    if let Some(missing) = missing() {
        println!("no {missing} here");
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let auditor = proxied.bank.operator(Role::Compliance).await;
    let token = auditor.client.token().expect("a token").to_owned();
    let served = proxied.say(&request("query action", "account.frozen", &token)).await;
    assert!(served.starts_with("HTTP/1.1 200"), "{served}\n{}", proxied.last_words());
    let (mut count, mut through) = (0, Vec::new());
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge/attacks.txt");
    let table = std::fs::read_to_string(table).expect("the table of attacks");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, " | ");
        let (Some(_family), Some(place), Some(payload)) =
            (parts.next(), parts.next(), parts.next())
        else {
            panic!("not three parts: {line}");
        };
        let answer = proxied.say(&request(place, payload, &token)).await;
        count += 1;
        if !is_blocked(&answer) {
            through.push(format!("{line}  =>  {:.60}", answer.replace("\r\n", " ")));
        }
    }
    assert!(count >= 150, "{count}");
    println!("{count} attacks, {} through", through.len());
    assert!(
        through.is_empty(),
        "{} of {count} came through:\n{}",
        through.len(),
        through.join("\n")
    );
    proxied.end().await;
}

struct Pair {
    token: String,
    from: String,
    to: String,
}

async fn pair(bank: &TestBank) -> Pair {
    let teller = bank.operator(Role::Teller).await;
    let (asha, bela): (Person, Person) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let (from, to) = (bank.account(&asha, "INR").await, bank.account(&bela, "INR").await);
    bank.deposit(&teller, &from, 10_000, "INR").await;
    Pair { token: asha.client.token().expect("a token").to_owned(), from, to }
}

/// Ticks (a hundredth of a second) that the worker has worked.
fn worker_ticks(master: u32) -> u64 {
    let children = format!("/proc/{master}/task/{master}/children");
    let children = std::fs::read_to_string(children).expect("the children of the master");
    let worker = children.split_whitespace().next().expect("a worker");
    let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).expect("its figures");
    // Behind the name, which may hold blanks: the 14th and 15th fields of all (proc(5)).
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a count")).sum()
}

/// Requests that show what nginx costs without the rules.
const CHECKED: usize = 300;

fn micros_each(ticks: u64, requests: usize) -> u64 {
    ticks * 10_000 / requests as u64
}

/// Processor time of a request that nobody looks into.
async fn without_rules(memos: &[String]) -> u64 {
    let proxied = Proxied::start(Rules::Off).await;
    let Pair { token, from, to } = pair(&proxied.bank).await;
    let ticks = worker_ticks(proxied.nginx.0.id());
    for (n, memo) in memos.iter().enumerate() {
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR", "memo": memo });
        let answer = proxied.say(&post(&token, &format!("plain-{n}"), &order)).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    let ticks = worker_ticks(proxied.nginx.0.id()) - ticks;
    proxied.end().await;
    micros_each(ticks, memos.len())
}

#[tokio::test]
async fn a_thousand_honest_memos_arrive_as_they_were_written() {
    if let Some(missing) = missing() {
        println!("no {missing} here");
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let Pair { token, from, to } = pair(&proxied.bank).await;
    let memos = memos(&Rng::seeded(6), 1_000);
    let ticks = worker_ticks(proxied.nginx.0.id());
    let mut blocked = Vec::new();
    for (n, memo) in memos.iter().enumerate() {
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR", "memo": memo });
        let answer = proxied.say(&post(&token, &format!("memo-{n}"), &order)).await;
        if is_blocked(&answer) {
            blocked.push(format!("{memo:?}: {}", proxied.last_words()));
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 201"), "{memo:?}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["memo"].as_str(), Some(memo.as_str()));
    }
    let with = micros_each(worker_ticks(proxied.nginx.0.id()) - ticks, memos.len());
    println!("{} of {} memos blocked", blocked.len(), memos.len());
    // 0.5 % at most.
    assert!(blocked.len() * 200 <= memos.len(), "{}", blocked.join("\n"));
    proxied.end().await;
    let without = without_rules(memos.get(..CHECKED).expect("as many")).await;
    println!("nginx: {with} µs of a processor a request with the rules, {without} µs without");
    assert!(with > without, "the rules were not on");
}

#[tokio::test]
async fn the_proxy_s_word_on_the_caller_is_the_only_one() {
    if let Some(missing) = missing() {
        println!("no {missing} here");
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let asha = proxied.bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let text = format!(
        "GET /v1/sessions HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: testkit\r\naccept: */*\r\n\
         authorization: Bearer {token}\r\nx-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\n\
         x-real-ip: 6.6.6.6\r\nx-forwarded-proto: http\r\nconnection: close\r\n\r\n"
    );
    let answer = proxied.say(&text).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("127.0.0.1") && !answer.contains("6.6.6.6"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("strict-transport-security:"), "{answer}");
    // Passwords are no content: whatever stands in one is compared, not obeyed.
    let password = "' OR 1=1; <script>alert(1)</script> ../../etc/passwd";
    let body = json!({ "email": "nobody@example.test", "password": password }).to_string();
    let text = format!(
        "POST /v1/auth/login HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: shop/1.0\r\naccept: */*\r\n\
         connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = proxied.say(&text).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let log = std::fs::read_to_string(proxied.folder.path().join("error.log")).expect("a log");
    assert!(!log.contains("OR 1=1"), "{log}");
    proxied.end().await;
}
