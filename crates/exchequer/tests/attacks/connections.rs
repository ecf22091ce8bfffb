//! Connections: clients that say nothing, say half, never read, or say too much. None keeps its place.

use std::time::Duration;

use exchequer::http::server;
use testkit::TestBank;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Longer than all limits of the server together.
const PATIENCE: Duration = Duration::from_secs(8);

struct Served {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<usize>,
}

impl Served {
    async fn start(bank: &TestBank) -> Self {
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
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn end(self) {
        self.stop.send(()).expect("it serves");
        self.task.await.expect("it ends");
    }
}

async fn impatient() -> TestBank {
    TestBank::with(|config| {
        config.http.header_timeout_seconds = 1;
        config.http.body_timeout_seconds = 1;
        config.http.idle_timeout_seconds = 1;
        config.http.request_timeout_seconds = 1;
        config.http.drain_seconds = 1;
        config.http.max_connections = 2;
    })
    .await
}

/// Whatever is left to read, up to the server's closing.
async fn until_closed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    // A reset is a closing too.
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.ok().map(|_| answer)
}

async fn is_served(served: &Served) {
    let ask = async {
        let mut stream = served.connect().await;
        let text = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(text).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await.expect("an answer in time");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn clients_that_say_nothing_or_half_a_word_are_cut_off() {
    let bank = impatient().await;
    let served = Served::start(&bank).await;
    for said in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HT", "\r\n"] {
        let (mut one, mut two) = (served.connect().await, served.connect().await);
        for stream in [&mut one, &mut two] {
            stream.write_all(said.as_bytes()).await.expect("a write");
        }
        // Both places are taken; whoever comes next is served all the same, soon.
        is_served(&served).await;
        for stream in [&mut one, &mut two] {
            assert!(until_closed(stream).await.is_some(), "{said:?} keeps its place");
        }
    }
    served.end().await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    let bank = impatient().await;
    let served = Served::start(&bank).await;
    let (mut one, mut two) = (served.connect().await, served.connect().await);
    let ask = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
    for stream in [&mut one, &mut two] {
        let asked = tokio::time::timeout(PATIENCE, stream.write_all(&ask)).await;
        assert!(asked.is_ok(), "the requests fit into the socket");
    }
    // Both places are taken, and whoever comes next is served when one of them is free.
    is_served(&served).await;
    drop((one, two));
    served.end().await;
}

/// A connection that has had one answer.
async fn answered_once(served: &Served) -> TcpStream {
    let mut stream = served.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    stream
}

#[tokio::test]
async fn between_requests_the_idle_limit_holds_and_not_that_of_the_head() {
    let bank = TestBank::with(|config| {
        config.http.header_timeout_seconds = 1;
        config.http.idle_timeout_seconds = 3;
    })
    .await;
    let served = Served::start(&bank).await;
    let mut stream = answered_once(&served).await;
    let since = tokio::time::Instant::now();
    assert_eq!(until_closed(&mut stream).await.as_deref(), Some(&b""[..]), "it keeps its place");
    assert!(since.elapsed() >= Duration::from_secs(3), "{:?}", since.elapsed());
    served.end().await;
}

#[tokio::test]
async fn half_a_head_is_cut_off_on_an_old_connection_too() {
    let bank = TestBank::with(|config| {
        config.http.header_timeout_seconds = 1;
        config.http.idle_timeout_seconds = 600;
    })
    .await;
    let served = Served::start(&bank).await;
    let mut stream = answered_once(&served).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost").await.expect("half a head");
    assert!(until_closed(&mut stream).await.is_some(), "it keeps its place");
    served.end().await;
}

// ASVS 4.2.1: where a request ends is never in doubt, or it is refused.
#[tokio::test]
async fn too_many_or_too_long_headers_are_refused_and_nothing_is_smuggled() {
    let bank = impatient().await;
    let served = Served::start(&bank).await;
    let many = "x-a: b\r\n".repeat(65);
    let long = format!("x-long: {}\r\n", "y".repeat(40 * 1024));
    let smuggled = "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    for (headers, body, wanted) in [
        (many.as_str(), "", &["431"][..]),
        (long.as_str(), "", &["431"]),
        ("content-length: 5\r\ncontent-length: 6\r\n", "hello", &["400"]),
        ("content-length: +5\r\n", "hello", &["400"]),
        ("transfer-encoding: identity\r\n", "hello", &["400"]),
        ("transfer-encoding: chunked, identity\r\n", smuggled, &["400"]),
        ("host: y\r\nbad header: 1\r\n", "", &["400"]),
    ] {
        let mut stream = served.connect().await;
        let text = format!("POST /v1/auth/refresh HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}");
        // The server may close before it has read all of it.
        let _written = stream.write_all(text.as_bytes()).await.is_ok();
        let answer = until_closed(&mut stream).await.expect("an end");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.get(9..12).unwrap_or_default();
        assert!(wanted.contains(&status), "{headers:.60?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:.60?}: {answer}");
    }
    served.end().await;
}

/// One answer off a connection that stays open: its head, and as many bytes as it says; none after HEAD, 204 and 304.
async fn one_answer(stream: &mut BufReader<TcpStream>, method: &str) -> (u16, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_line(&mut head)).await;
        assert!(read.expect("an answer in time").expect("text") > 0, "closed after {head:?}");
    }
    assert!(head.starts_with("HTTP/1.1 "), "what came before was longer than it said: {head:?}");
    let head = head.to_ascii_lowercase();
    assert!(!head.contains("transfer-encoding"), "{head}");
    let status: u16 = head.get(9..12).and_then(|text| text.parse().ok()).expect("a status");
    let lengths: Vec<&str> =
        head.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
    let is_bare = status == 204 || status == 304;
    assert_eq!(lengths.len(), usize::from(!is_bare), "{method}: {head}");
    if !is_bare && method != "HEAD" {
        let mut body = vec![0; lengths[0].parse().expect("a length")];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut body)).await;
        read.unwrap_or_else(|_| panic!("less came than was said: {head}")).expect("a body");
    }
    (status, head)
}

// ASVS 4.2.2: on a connection that goes on, each answer ends where it says, so that the next is read as one of its own.
#[tokio::test]
async fn every_answer_on_the_wire_ends_where_it_says() {
    let bank = TestBank::with(|config| config.rate_limits_on = false).await;
    let asha = bank.customer("asha").await;
    let token = asha.client.token().expect("signed in").to_owned();
    let served = Served::start(&bank).await;
    let mut stream = BufReader::new(served.connect().await);
    let api = exchequer::http::routes();
    let api = api.table().map(|route| (route.method.to_string(), route.path.to_owned()));
    let pages = web::pages().into_iter().map(|(method, path, _)| (method, path.to_owned()));
    let mut seen = std::collections::BTreeMap::<u16, u32>::new();
    // Ending the session comes last: it is the answer without a body.
    let (last, others): (Vec<_>, Vec<_>) =
        api.chain(pages).partition(|(_, path)| path == "/v1/auth/logout");
    for (method, path) in others.into_iter().chain(last) {
        let path = path.replace("{id}", "acc_00000000000000000000000000").replace(['{', '}'], "x");
        let methods = if method == "GET" { vec!["GET", "HEAD"] } else { vec![&*method] };
        for method in methods {
            for more in ["", "if-none-match: *\r\n", "range: bytes=0-1\r\n"] {
                let (kind, body) = match (method, path.starts_with("/v1")) {
                    ("POST" | "PUT", true) => ("content-type: application/json\r\n", "{}"),
                    ("POST", false) => {
                        ("content-type: application/x-www-form-urlencoded\r\n", "a=b")
                    }
                    _ => ("", ""),
                };
                let length = body.len();
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
                     accept: text/html\r\n{more}{kind}content-length: {length}\r\n\r\n{body}"
                );
                stream.get_mut().write_all(request.as_bytes()).await.expect("a request");
                let (status, _) = one_answer(&mut stream, method).await;
                *seen.entry(status).or_default() += 1;
            }
        }
    }
    assert!(seen.values().sum::<u32>() > 1_000, "{seen:?}");
    for status in [200, 204, 400, 401, 404] {
        assert!(seen.contains_key(&status), "no {status}: {seen:?}");
    }
    drop(stream);
    served.end().await;
}
