//! nginx as `deploy/edge/nginx` has it, before a bank of the test's own.
//!
//! It needs nginx with ModSecurity and the Core Rule Set (Debian: nginx libnginx-mod-http-modsecurity modsecurity-crs);
//! where they are not there the tests say so, unless `EXCHEQUER_TEST_REQUIRE` has `edge`. `EXCHEQUER_TEST_CRS` names a checkout
//! of another version of the rule set, which is then loaded instead. Everything runs on loopback in a folder of the test's own.

use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use testkit::TestBank;
use testkit::redis::{free_port, wait_until};
use tls::trial::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::tls::{ask, authority, client, proxied_bank, serve};

pub const HOST: &str = "bank.example";
const PROGRAM: &str = "/usr/sbin/nginx";
const MODULE: &str = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
/// Debian's rules.
const RULES: &str = "/usr/share/modsecurity-crs/rules";
/// The last of them.
const EVALUATION: &str = "REQUEST-949-BLOCKING-EVALUATION.conf";

/// What answers of the bank have, and those of nginx have not.
const MARK: &str = "x-answered-by bank";

/// The checkout of the rule set that this run is to have instead of Debian's.
pub fn checkout() -> Option<PathBuf> {
    std::env::var_os("EXCHEQUER_TEST_CRS").map(PathBuf::from)
}

fn rules() -> PathBuf {
    checkout().map_or_else(|| RULES.into(), |folder| folder.join("rules"))
}

/// What is not there, unless this run demands it.
pub fn missing() -> Option<PathBuf> {
    let needed = [PROGRAM.into(), MODULE.into(), rules().join(EVALUATION)];
    let missing = needed.into_iter().find(|path| !path.exists())?;
    let required = std::env::var("EXCHEQUER_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.contains("edge"), "EXCHEQUER_TEST_REQUIRE demands {}", missing.display());
    Some(missing)
}

pub fn deployed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/edge/nginx");
    std::fs::read_to_string(folder.join(name)).expect("a file of ours")
}

/// nginx's first process. It ends its worker on SIGTERM; SIGKILL would leave it.
pub struct Master(Child);

impl Master {
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let told = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        let ended = told.and_then(|_| self.0.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}

/// How the rules are.
#[derive(Clone, Copy, PartialEq)]
pub enum Rules {
    On,
    Off,
    /// On, without the lines that begin so; the log has all that a rule found, and nobody is waited for long.
    Without(&'static [&'static str]),
}

/// How a served bank is stopped, and its task.
type Served = (oneshot::Sender<()>, tokio::task::JoinHandle<usize>);

/// nginx before a served bank.
pub struct Proxied {
    pub bank: TestBank,
    pub nginx: Master,
    authority: Authority,
    address: SocketAddr,
    folder: TempDir,
    /// Until it is stopped.
    served: Option<Served>,
}

/// Puts in a text what this machine has in place of what a bank would have.
fn replace(text: &mut String, old: &str, new: &str) {
    assert!(text.contains(old), "the configuration has no {old}");
    *text = text.replace(old, new);
}

fn configure(folder: &Path, (port, plain): (u16, u16), (bank, rules_are): (&str, Rules)) {
    let mut main = deployed("nginx.conf");
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
        ("proxy_pass http://bank;", format!("proxy_pass http://bank;\nadd_header {MARK} always;")),
        ("http {\n", format!("http {{\n{temporary}")),
    ] {
        replace(&mut main, old, &new);
    }
    let mut left_out: &[&str] = &[];
    match rules_are {
        Rules::On => {}
        Rules::Off => replace(&mut main, "modsecurity on;", "modsecurity off;"),
        Rules::Without(lines) => {
            left_out = lines;
            for (old, new) in [
                ("error.log warn;", "error.log info;"),
                ("client_header_timeout 10s;", "client_header_timeout 1s;"),
                ("client_body_timeout 15s;", "client_body_timeout 1s;"),
                ("keepalive_timeout 60s;", "keepalive_timeout 1s;"),
            ] {
                replace(&mut main, old, new);
            }
        }
    }
    std::fs::write(folder.join("nginx.conf"), main).expect("a file");
    for name in ["firewall.conf", "fields.conf"] {
        let kept = |line: &&str| !left_out.iter().any(|start| line.starts_with(start));
        let text: String = deployed(name).split_inclusive('\n').filter(kept).collect();
        let text = text.replace("/etc/exchequer/edge/", &format!("{here}/"));
        std::fs::write(folder.join(name), text).expect("a file");
    }
    std::os::unix::fs::symlink(rules(), folder.join("crs")).expect("a link");
}

impl Proxied {
    pub async fn start(rules: Rules) -> Self {
        let bank = proxied_bank(HOST).await;
        let (behind, stop, task) = serve(&bank).await;
        let (folder, authority) = (tempfile::tempdir().expect("a folder"), authority());
        let pair = authority.issue(HOST, &[HOST]).expect("a pair");
        std::fs::write(folder.path().join("certificate.pem"), pair.certificate_pem())
            .expect("a file");
        std::fs::write(folder.path().join("key.pem"), pair.key_pem()).expect("a file");
        let (port, plain) = (free_port(), free_port());
        configure(folder.path(), (port, plain), (&behind.to_string(), rules));
        let nginx = Command::new(PROGRAM)
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("start.log")).expect("a file"))
            .spawn()
            .expect("nginx starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut nginx = Master(nginx);
        wait_for(&mut nginx.0, address, folder.path());
        Self { bank, nginx, authority, address, folder, served: Some((stop, task)) }
    }

    async fn connect(&self) -> tokio_rustls::client::TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let name = ServerName::try_from(HOST).expect("a name");
        client(&self.authority, None).connect(name, stream).await.expect("a handshake")
    }

    /// One connection, one request, the whole answer; nothing where nginx closed without one.
    pub async fn say(&self, text: &str) -> String {
        ask(&mut self.connect().await, text).await
    }

    /// The same of any bytes, and nginx may hang up before it has read them all.
    pub async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        let (sent, mut answer) = (stream.write_all(bytes).await, Vec::new());
        let read = stream.read_to_end(&mut answer).await;
        if sent.is_err() && read.is_err() {
            answer.clear();
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Why the rules blocked what they did last.
    pub fn last_words(&self) -> String {
        let log = self.log_from(0);
        log.lines().rev().take(3).collect::<Vec<_>>().join("\n")
    }

    pub fn log_length(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("error.log")).map_or(0, |found| found.len())
    }

    /// nginx's log of errors, behind so many bytes of it.
    pub fn log_from(&self, bytes: u64) -> String {
        let mut log = std::fs::File::open(self.folder.path().join("error.log")).expect("a log");
        let _place = log.seek(SeekFrom::Start(bytes)).expect("a place in it");
        let mut text = Vec::new();
        let _read = log.read_to_end(&mut text).expect("its lines");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// nginx alone, before nobody.
    pub async fn stop_bank(&mut self) {
        stop(self.served.take()).await;
    }

    pub async fn end(self) {
        drop(self.nginx);
        stop(self.served).await;
    }
}

async fn stop(served: Option<Served>) {
    if let Some((stop, task)) = served {
        stop.send(()).expect("it serves");
        let _cut = task.await.expect("it ends");
    }
}

/// A start that failed is told with nginx's own words.
fn wait_for(nginx: &mut Child, address: SocketAddr, folder: &Path) {
    let nginx = std::cell::RefCell::new(nginx);
    wait_until("nginx listens", || {
        if let Ok(Some(status)) = nginx.borrow_mut().try_wait() {
            let log = std::fs::read_to_string(folder.join("start.log"));
            panic!("nginx ended ({status}): {log:?}");
        }
        std::net::TcpStream::connect(address).is_ok()
    });
}

/// An answer of the bank, whatever it says.
pub fn is_the_bank_s(answer: &str) -> bool {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    head.contains(&MARK.replace(' ', ": "))
}

/// Refused before the bank.
pub fn is_blocked(answer: &str) -> bool {
    let status = answer.get(9..12).unwrap_or_default();
    let is_refusal = ["400", "403", "405", "421", "501", "505"].contains(&status);
    answer.is_empty() || (is_refusal && !is_the_bank_s(answer))
}

/// A request with what every honest one has. `more` is lines of its head, each with its end.
pub fn get(target: &str, token: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: shop/1.0\r\naccept: */*\r\n\
         authorization: Bearer {token}\r\nconnection: close\r\n{more}\r\n"
    )
}

/// A transfer.
pub fn post(token: &str, key: &str, body: &serde_json::Value) -> String {
    let more = format!("authorization: Bearer {token}\r\nidempotency-key: {key}\r\n");
    with_body("/v1/transfers", ("application/json", &body.to_string()), &more)
}

pub fn with_body(target: &str, (kind, body): (&str, &str), more: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: shop/1.0\r\naccept: */*\r\n\
         connection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}
