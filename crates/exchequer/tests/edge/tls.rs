//! The bank's own TLS over real sockets: what is served, what carries HSTS, who keeps a place, whose certificate
//! opens a merchant's routes.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use exchequer::http::server;
use exchequer::staff::model::Role;
use http::Method;
use money::{Clock, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use testkit::{Shop, Signed, TestBank};
use tls::trial::{Authority, Pair};
use tls::{Inside, Look, Server, Settings, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

const DAY: i64 = 86_400;
/// Longer than all limits of the server together.
const PATIENCE: Duration = Duration::from_secs(8);

/// Real time: rustls looks at no other.
fn now() -> Timestamp {
    Clock::System.now()
}

pub fn authority() -> Authority {
    Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).expect("an authority")
}

/// A bank with a certificate for this machine, served.
struct Served {
    bank: TestBank,
    folder: TempDir,
    authority: Authority,
    callers: Authority,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<usize>,
}

fn write(folder: &TempDir, pair: &Pair) {
    let key = folder.path().join("key.pem");
    std::fs::write(folder.path().join("certificate.pem"), pair.certificate_pem()).expect("a file");
    std::fs::write(&key, pair.key_pem()).expect("a file");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// What an authority took back, as it says today.
fn list(authority: &Authority, revoked: &[&Pair]) -> String {
    let times = (now().plus_seconds(-DAY), now().plus_seconds(DAY));
    authority.list(revoked, times).expect("a list")
}

impl Served {
    async fn start(has_callers: bool) -> Self {
        let (folder, authority, callers) =
            (tempfile::tempdir().expect("a folder"), authority(), authority());
        write(&folder, &authority.issue("bank", &["127.0.0.1"]).expect("a pair"));
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("callers.pem"), callers.certificate_pem()).expect("a file");
        std::fs::write(path("lists.pem"), list(&callers, &[])).expect("a file");
        let settings = Settings {
            certificate_file: path("certificate.pem"),
            key_file: path("key.pem"),
            client_ca_file: has_callers.then(|| path("callers.pem")),
            client_crl_file: has_callers.then(|| path("lists.pem")),
            min_version: Version::Tls13,
            inside: Inside::Http,
        };
        let server = Arc::new(Server::open(settings).expect("a pair that fits"));
        let bank = TestBank::with(|config| {
            config.tls = Some(server);
            "https://127.0.0.1".clone_into(&mut config.http.public_url);
            config.http.header_timeout_seconds = 1;
            config.http.idle_timeout_seconds = 1;
            config.http.drain_seconds = 1;
            config.http.max_connections = 2;
        })
        .await;
        let (address, stop, task) = serve(&bank).await;
        Self { bank, folder, authority, callers, address, stop, task }
    }

    async fn connect(&self, own: Option<&Pair>) -> tokio_rustls::client::TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let name = ServerName::from(self.address.ip());
        client(&self.authority, own).connect(name, stream).await.expect("a handshake")
    }

    async fn end(self) -> usize {
        self.stop.send(()).expect("it serves");
        self.task.await.expect("it ends")
    }
}

/// A bank of this name behind one proxy.
pub async fn proxied_bank(host: &str) -> TestBank {
    TestBank::with(|config| {
        config.http.trusted_proxies = 1;
        config.http.public_url = format!("https://{host}");
    })
    .await
}

pub async fn serve(
    bank: &TestBank,
) -> (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let bank = bank.bank().clone();
    let task = tokio::spawn(async move {
        server::serve(bank, listener, async {
            stopped.await.expect("an order to stop");
        })
        .await
    });
    (address, stop, task)
}

pub fn client(authority: &Authority, own: Option<&Pair>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let pem = authority.certificate_pem();
    let root = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(root).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key_pem().as_bytes()).expect("a key");
            let chain = vec![CertificateDer::from(pair.der().to_vec())];
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    TlsConnector::from(Arc::new(config))
}

/// One request, and the whole answer.
pub async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    // A peer that closes without a word of TLS has said all it will.
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

const PROBE: &str = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
const HSTS: &str = "strict-transport-security: max-age=63072000; includeSubDomains";

// ASVS 3.4.1: every answer over TLS says for how long there is to be no other way.
#[tokio::test]
async fn answers_over_tls_carry_hsts_and_plain_http_has_none() {
    let served = Served::start(false).await;
    for path in ["/healthz", "/v1/me", "/", "/v1/nothing", "/docs"] {
        let text = PROBE.replace("/healthz", path);
        let answer = ask(&mut served.connect(None).await, &text).await;
        assert!(answer.starts_with("HTTP/1.1 ") && answer.contains(HSTS), "{path}: {answer:.400}");
    }
    let mut plain = TcpStream::connect(served.address).await.expect("a connection");
    let answer = ask(&mut plain, PROBE).await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn without_tls_hsts_is_a_trusted_proxy_s_to_cause() {
    for (proxies, said, expected) in [(0, "https", false), (1, "https", true), (1, "http", false)] {
        let bank = TestBank::with(|config| config.http.trusted_proxies = proxies).await;
        let (address, stop, task) = serve(&bank).await;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let line = format!("x-forwarded-proto: {said}\r\nconnection");
        let answer = ask(&mut stream, &PROBE.replace("connection", &line)).await;
        assert_eq!(answer.contains(HSTS), expected, "{proxies} {said}: {answer}");
        stop.send(()).expect("it serves");
        assert_eq!(task.await.expect("it ends"), 0);
    }
}

#[tokio::test]
async fn who_does_not_finish_a_handshake_keeps_no_place() {
    let served = Served::start(false).await;
    for said in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut streams = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(served.address).await.expect("a connection");
            stream.write_all(said).await.expect("a write");
            streams.push(stream);
        }
        // Both places are taken; whoever comes next is served all the same, soon.
        let next = async { ask(&mut served.connect(None).await, PROBE).await };
        let answer = tokio::time::timeout(PATIENCE, next).await.expect("an answer in time");
        assert!(answer.starts_with("HTTP/1.1 200"), "{said:?}: {answer}");
    }
    assert_eq!(served.end().await, 0);
}

#[tokio::test]
async fn a_stop_waits_for_no_handshake() {
    let served = Served::start(false).await;
    let silent = TcpStream::connect(served.address).await.expect("a connection");
    let _answer = ask(&mut served.connect(None).await, PROBE).await;
    assert_eq!(served.end().await, 0, "nothing had to be cut");
    drop(silent);
}

#[tokio::test]
async fn a_new_certificate_serves_the_next_connection() {
    let served = Served::start(false).await;
    let shown = async || {
        let stream = served.connect(None).await;
        let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
        chain.first().expect("a certificate").to_vec()
    };
    let first = shown().await;
    let next = served.authority.issue("bank", &["127.0.0.1"]).expect("a pair");
    write(&served.folder, &next);
    let server = served.bank.bank().config().tls.clone().expect("TLS");
    assert!(matches!(server.look(now()).pair, Look::Renewed));
    assert_eq!(shown().await, next.der());
    assert_ne!(first, next.der());
    // The health tells which one it is, and that a broken one was not taken.
    std::fs::write(served.folder.path().join("key.pem"), "no key").expect("a file");
    assert!(matches!(server.look(now()).pair, Look::Refused(_)));
    let auditor = served.bank.operator(Role::Admin).await;
    let health = auditor.client.get("/v1/staff/health").await.expect(200).json();
    let checks = health["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == "certificate").expect("its check");
    assert_eq!(found["state"], "degraded", "{found}");
    let told = exchequer::metrics::scrape::gather(served.bank.bank()).await;
    assert!(told.contains("\nexchequer_certificate_ends_timestamp_seconds "), "{told}");
    assert_eq!(served.end().await, 0);
}

fn request(signed: &Signed) -> String {
    format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\nauthorization: Exchequer {}\r\nx-timestamp: {}\r\n\
         x-nonce: {}\r\nx-signature: {}\r\nconnection: close\r\n\r\n",
        signed.method,
        signed.path,
        signed.host,
        signed.key_id,
        signed.timestamp,
        signed.nonce,
        signed.signature
    )
}

#[tokio::test]
async fn a_merchant_s_requests_need_the_merchant_s_own_certificate() {
    let served = Served::start(true).await;
    let admin = served.bank.operator(Role::Admin).await;
    let shop = Shop::new(&served.bank, &admin, "test").await;
    let own = served.callers.issue(&shop.id, &[]).expect("a pair");
    let anothers = served.callers.issue("mer_01jz7m5v3k8e9q2r4s6t8w0xyz", &[]).expect("a pair");
    let nameless = served.callers.issue("", &[]).expect("a pair");
    let pairs =
        [(Some(&own), "200"), (None, "403"), (Some(&anothers), "403"), (Some(&nameless), "403")];
    for (pair, status) in pairs {
        let signed = shop.sign(Method::GET, "/v1/payments", b"");
        let answer = ask(&mut served.connect(pair).await, &request(&signed)).await;
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
    }
    // Everybody else needs none.
    let answer = ask(&mut served.connect(None).await, PROBE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // A certificate opens nothing by itself.
    let unsigned = PROBE.replace("/healthz", "/v1/payments");
    let answer = ask(&mut served.connect(Some(&own)).await, &unsigned).await;
    assert_eq!(answer.get(9..12), Some("401"), "{answer}");
    // Nor one that its authority took back.
    std::fs::write(served.folder.path().join("lists.pem"), list(&served.callers, &[&own]))
        .expect("a file");
    let server = served.bank.bank().config().tls.clone().expect("TLS");
    assert!(matches!(server.look(now()).callers, Look::Renewed));
    let stream = TcpStream::connect(served.address).await.expect("a connection");
    let name = ServerName::from(served.address.ip());
    let signed = shop.sign(Method::GET, "/v1/payments", b"");
    // In TLS 1.3 the client is told after its own last word, with the first that it reads.
    let mut stream =
        client(&served.authority, Some(&own)).connect(name, stream).await.expect("as ever");
    stream.write_all(request(&signed).as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    let refused = stream.read_to_end(&mut answer).await.expect_err("a refusal").to_string();
    assert!(refused.contains("CertificateRevoked") && answer.is_empty(), "{refused}");
    let health = admin.client.get("/v1/staff/health").await.expect(200).json();
    let checks = health["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["name"] == "client_lists").expect("its check");
    assert_eq!(found["state"], "ok", "{found}");
    assert_eq!(served.end().await, 0);
}
