//! The shipped binary: killed at random moments under load, started again, asked what is left.
//!
//! `EXCHEQUER_TEST_KILLS` says how often it is killed (20). Traffic goes to loopback only; every process
//! is stopped by its own id.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use exchequer::factors::totp;
use money::{Clock, Rng};
use serde_json::{Value, json};
use testkit::process::{HttpClient, HttpReply, Server};
use vault::SecretString;

const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
const CLIENTS: usize = 8;

/// A customer of the demo with an INR account.
struct Sender {
    token: String,
    account: String,
}

/// What a client sent under a key, and what it was told.
#[derive(Clone)]
struct Sent {
    sender: usize,
    order: Value,
    answer: Option<HttpReply>,
}

fn start(folder: &Path) -> Server {
    let folder = folder.to_string_lossy().into_owned();
    let arguments = ["demo", "--json", "--data", &folder, "--listen", "127.0.0.1:0"];
    Server::start(BINARY.as_ref(), &arguments, &[("EXCHEQUER_RATE_LIMITS", "off")])
}

fn senders(server: &Server) -> Vec<Sender> {
    let mut client = server.client();
    let customers = server.json()["customers"].as_array().cloned().expect("customers");
    // Who has a second factor pays with it, each time; the load is of those who have none.
    let plain = customers.iter().filter(|customer| customer.get("totp_secret").is_none());
    plain.filter_map(|customer| sender(&mut client, customer)).collect()
}

fn sender(client: &mut HttpClient, customer: &Value) -> Option<Sender> {
    let body = json!({ "email": customer["email"], "password": customer["password"] });
    let reply = client.post("/v1/auth/login", None, None, &body).expect("an answer");
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let token = parse(&reply)["access_token"].as_str().expect("a token").to_owned();
    let accounts = client.get("/v1/accounts", Some(&token)).expect("an answer");
    let accounts = parse(&accounts)["data"].as_array().cloned().expect("accounts");
    let account = accounts.iter().find(|a| a["currency"] == "INR")?;
    Some(Sender { token, account: account["id"].as_str()?.to_owned() })
}

fn parse(reply: &HttpReply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

fn verify(folder: &Path) -> Value {
    let output = Command::new(BINARY)
        .args(["verify", "--json", "--data"])
        .arg(folder)
        .env_clear()
        .output()
        .expect("verify runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("JSON of verify")
}

/// Clients send until the server is gone; what they sent and were told is noted.
fn load(
    server: &Server,
    senders: &[Sender],
    round: u64,
    sent: &Mutex<HashMap<String, Sent>>,
) -> u64 {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (stop, count) = (&stop, &count);
            scope.spawn(move || {
                let rng = Rng::seeded(round * 100 + client as u64);
                let mut http = server.client();
                for n in 0..10_000 {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let from = client % senders.len();
                    let to = (from + 1) % senders.len();
                    let order = json!({
                        "from": senders[from].account, "to": senders[to].account,
                        "amount": 1 + rng.below(3), "currency": "INR",
                    });
                    let key = format!("kill-{round}-{client}-{n}");
                    let answer = http
                        .post("/v1/transfers", Some(&senders[from].token), Some(&key), &order)
                        .ok();
                    let gone = answer.is_none();
                    let entry = Sent { sender: from, order, answer };
                    sent.lock().expect("the notes").insert(key, entry);
                    if gone {
                        return;
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The moment of death is drawn; what was being written then is chance, as in life.
        let moment = Duration::from_millis(u64::from(20 + Rng::seeded(round).below(180)));
        std::thread::sleep(moment);
        signal(server.id());
        stop.store(true, Ordering::Relaxed);
    });
    count.load(Ordering::Relaxed)
}

fn signal(id: u32) {
    let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status();
    assert!(killed.expect("kill(1)").success());
}

#[test]
fn kill_9_under_load_loses_nothing_and_doubles_nothing() {
    let kills: u64 =
        std::env::var("EXCHEQUER_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let folder = tempfile::tempdir().expect("a folder");
    let data: PathBuf = folder.path().join("bank");
    let server = start(&data);
    let mut senders_now = senders(&server);
    server.kill();
    let before = verify(&data)["summary"]["transfers"].as_u64().expect("a count");
    let sent = Mutex::new(HashMap::new());
    let mut posted_total = 0;
    let mut answered = 0;
    for round in 0..kills {
        let server = start(&data);
        if round % 50 == 0 {
            senders_now = senders(&server);
        }
        answered += load(&server, &senders_now, round, &sent);
        drop(server);
        // The next start finds everything that was acknowledged, once; the rest is retried by key.
        let server = start(&data);
        senders_now = senders(&server);
        posted_total += check(&server, &senders_now, &mut sent.lock().expect("the notes"));
        assert!(server.terminate().success(), "a drained stop exits with 0");
    }
    let after = verify(&data)["summary"]["transfers"].as_u64().expect("a count");
    assert!(answered > kills, "{answered} answers under {kills} kills are no load");
    assert_eq!(after - before, posted_total, "transfers beyond the clients' keys");
    println!("{kills} kills, {posted_total} transfers, each once");
}

/// Sends every noted request again under its key; forgets them. Gives how many transfers there are.
fn check(server: &Server, senders: &[Sender], sent: &mut HashMap<String, Sent>) -> u64 {
    let mut http = server.client();
    let mut posted = 0;
    for (key, noted) in sent.drain() {
        let token = &senders[noted.sender].token;
        let again = http
            .post("/v1/transfers", Some(token), Some(&key), &noted.order)
            .expect("the server is up");
        if let Some(first) = &noted.answer {
            assert!(again.replayed, "{key}: acknowledged and gone");
            assert_eq!((first.status, &first.body), (again.status, &again.body), "{key}");
        }
        match again.status {
            201 => posted += 1,
            422 => {}
            other => panic!("{key}: {other} {}", String::from_utf8_lossy(&again.body)),
        }
    }
    posted
}

#[test]
fn a_second_start_serves_the_same_bank() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("bank");
    let first = start(&data);
    let before = first.json();
    assert!(first.terminate().success());
    let second = start(&data);
    assert_eq!(before["customers"], second.json()["customers"]);
    assert_eq!(second.client().get("/readyz", None).expect("an answer").status, 200);
    assert!(second.terminate().success());
}

#[test]
fn a_folder_that_no_demo_made_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let output = Command::new(BINARY)
        .args(["demo", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env_clear()
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("demo"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn slow_clients_are_cut_off() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("bank").to_string_lossy().into_owned();
    let server = Server::start(
        BINARY.as_ref(),
        &["demo", "--data", &data, "--listen", "127.0.0.1:0"],
        &[
            ("EXCHEQUER_HTTP_HEADER_TIMEOUT_SECONDS", "1"),
            ("EXCHEQUER_HTTP_BODY_TIMEOUT_SECONDS", "1"),
        ],
    );
    let talk = |text: &str| {
        let mut stream = std::net::TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        stream.write_all(text.as_bytes()).expect("a write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let half_a_head = talk("GET /healthz HTTP/1.1\r\nhost: x\r\n").expect("closed by the server");
    assert!(half_a_head.is_empty() || half_a_head.contains("408"), "{half_a_head}");
    let half_a_body = talk(
        "POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: 100\r\n\r\n{",
    )
    .expect("answered");
    assert!(half_a_body.starts_with("HTTP/1.1 408"), "{half_a_body}");
    assert!(server.terminate().success());
}

/// Four processes of one bank, each with a copy of its keys, and one Redis: no window has one request more.
#[test]
fn four_processes_keep_one_limit_exactly() {
    let Some(redis) = testkit::redis::address() else {
        println!("no Redis in this run");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = (0..4).map(|n| folder.path().join(n.to_string())).collect();
    assert!(start(&paths[0]).terminate().success());
    for copy in &paths[1..] {
        std::fs::create_dir(copy).expect("a folder");
        for file in std::fs::read_dir(&paths[0]).expect("the bank's folder") {
            let file = file.expect("a file").path();
            let name = file.file_name().expect("a name");
            std::fs::copy(&file, copy.join(name)).expect("a copy");
        }
    }
    let servers: Vec<Server> = paths.iter().map(|path| start_on_redis(path, &redis)).collect();
    let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for server in servers.iter().cycle().take(16) {
            let (accepted, refused) = (&accepted, &refused);
            scope.spawn(move || {
                let mut client = server.client();
                for _ in 0..100 {
                    let reply = client.get("/docs/errors", None).expect("an answer");
                    match reply.status {
                        200 => accepted.fetch_add(1, Ordering::Relaxed),
                        429 => refused.fetch_add(1, Ordering::Relaxed),
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    // Visits of one address: 600 a minute.
    assert_eq!((accepted.into_inner(), refused.into_inner()), (600, 1_000));
    for server in servers {
        assert!(server.terminate().success());
    }
}

/// A demo that has found its Redis.
fn start_on_redis(folder: &Path, redis: &str) -> Server {
    let folder = folder.to_string_lossy().into_owned();
    let arguments = ["demo", "--json", "--data", &folder, "--listen", "127.0.0.1:0"];
    let server = Server::start(BINARY.as_ref(), &arguments, &[("EXCHEQUER_REDIS_URL", redis)]);
    let mut client = server.client();
    for _ in 0..500 {
        let ready = client.get("/readyz", None).expect("an answer");
        if parse(&ready)["checks"]["cache"] == "redis" {
            return server;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the bank does not find its Redis");
}

/// The command line beside a bank that serves: for the case that no administrator is left.
// PCI DSS 8.3.5: what is drawn at the command line serves once, to choose a password of one's own.
#[test]
fn the_command_line_resets_an_operator_of_a_bank_that_serves() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("bank");
    let server = start(&folder);
    let started = server.json();
    let mut staff = started["staff"].as_array().expect("operators").iter();
    let admin = staff.find(|person| person["role"] == "admin").expect("one");
    let email = admin["email"].as_str().expect("an e-mail");
    let staff = |verb: &str, email: &str| {
        let mut command = Command::new(BINARY);
        command.args(["staff", verb, "--email", email, "--data"]).arg(&folder);
        command.output().expect("it runs")
    };
    let mut client = server.client();
    let mut log_in = |password: &Value| {
        let body = json!({ "email": email, "password": password });
        client.post("/v1/staff/login", None, None, &body).expect("an answer")
    };
    assert_eq!(parse(&log_in(&admin["password"]))["status"], "mfa_required");
    let reset = staff("reset", email);
    let shown = String::from_utf8_lossy(&reset.stdout).into_owned();
    assert!(reset.status.success(), "{shown}{}", String::from_utf8_lossy(&reset.stderr));
    let first = shown.lines().find_map(|line| line.trim().strip_prefix("first password"));
    let first = json!(first.expect("a first password").trim());
    assert_eq!(log_in(&admin["password"]).status, 401);
    let asked = parse(&log_in(&first));
    assert_eq!(asked["status"], "renewal_required");
    let secret = SecretString::new(asked["authenticator"]["secret"].as_str().expect("one").into());
    let code = totp::code_at(&secret, Clock::System.now()).expect("a code");
    let body = json!({
        "challenge": asked["challenge"]["id"],
        "code": code,
        "new_password": "nine grey geese under a bridge",
    });
    let renewed = server.client().post("/v1/staff/login/renew", None, None, &body);
    assert_eq!(renewed.expect("an answer").status, 204);
    assert_eq!(log_in(&first).status, 401);
    for (verb, email, says) in
        [("reset", "nobody@bank.example", "no operator"), ("enable", email, "is open")]
    {
        let refused = staff(verb, email);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(says));
    }
    assert!(server.terminate().success());
}
