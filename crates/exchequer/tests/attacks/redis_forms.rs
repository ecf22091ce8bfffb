//! Redis in its other forms, each with servers of the test's own: with TLS, behind a Sentinel that names it, and as
//! a cluster. What one server decides, they decide alike; and a certificate of nobody's is refused, by the bank and by
//! a server that asks who calls.
//!
//! Where this run has no Redis, or no openssl to make certificates with, the tests say so and end.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use exchequer::logging::Capture;
use money::{SessionId, Timestamp};
use store::cache::{Ask, Cache, Key, Limit, RedisAddress, RedisOptions, Space, Subject};
use tempfile::TempDir;
use testkit::redis::{PrivateRedis, Program, address, free_port, prefix, wait_until};
use tls::OwnFiles;

/// A Sentinel looks at its master once a second; a loaded machine gets more.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn options(url: &str, authorities: Option<Vec<u8>>) -> RedisOptions {
    let address = RedisAddress::parse(url).expect("an address");
    RedisOptions { address, authorities, own: None, prefix: prefix() }
}

/// The same things are asked of each form.
async fn decides(options: RedisOptions) {
    let cache = Cache::redis(options);
    assert!(cache.connected(CONNECT_LIMIT).await, "connected");
    let now = Timestamp::from_seconds(1_767_607_200);
    let key = Key::EndedSession(SessionId::from_bytes([7; 16]));
    cache.put(key, 5, 60, now).await;
    assert_eq!(cache.get(key, now).await, Some(5));
    let shown = Key::ShownOnce([8; 16]);
    assert_eq!(cache.put_new(shown, 1, 60, now).await, Ok(true));
    assert_eq!(cache.put_new(shown, 1, 60, now).await, Ok(false));
    // Several limits of one decision lie in one slot of a cluster.
    let ask = |kind: u8, most: u32| Ask {
        subject: Subject { space: Space::Guarded, rule: 3, kind, id: [kind; 16] },
        limit: Limit::new(most, 60),
    };
    let asks = [ask(1, 5), ask(2, 100), ask(3, 100)];
    let mut accepted = 0;
    for _ in 0..20 {
        let decision = cache.decide(&asks, 0).await.expect("a decision");
        accepted += u32::from(decision.refused.is_none());
    }
    assert_eq!(accepted, 5);
}

fn sentinel(master: &PrivateRedis) -> Program {
    let place = master.url().replace("redis://", "").replace(':', " ");
    let folder = folder();
    let file = folder.path().join("sentinel.conf");
    std::fs::write(&file, format!("sentinel monitor bank {place} 1\n")).expect("a file");
    let file = file.to_string_lossy().into_owned();
    Program::start(folder, "--port", &[&file, "--sentinel"])
}

#[tokio::test]
async fn a_sentinel_names_the_server() {
    let Some(master) = PrivateRedis::start() else {
        println!("no Redis in this run");
        return;
    };
    let sentinel = sentinel(&master);
    let url = format!("redis+sentinel://127.0.0.1:{}/bank/0", sentinel.port());
    decides(options(&url, None)).await;
}

#[tokio::test]
async fn silent_sentinels_do_not_hide_the_one_that_answers() {
    let Some(master) = PrivateRedis::start() else {
        println!("no Redis in this run");
        return;
    };
    // Both take connections and say nothing.
    let silent = [(), ()].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
    let [one, other] = silent.each_ref().map(|it| it.local_addr().expect("an address"));
    let answers = sentinel(&master);
    let url = format!("redis+sentinel://{one},{other},127.0.0.1:{}/bank/0", answers.port());
    decides(options(&url, None)).await;
}

#[tokio::test]
async fn a_cluster_decides_like_one_server() {
    if address().is_none() {
        println!("no Redis in this run");
        return;
    }
    let bus = free_port().to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--save", ""];
    let announced = ["--cluster-announce-ip", "127.0.0.1"];
    let node = Program::start(folder(), "--port", &[&arguments[..], &announced[..]].concat());
    assert_eq!(node.say("CLUSTER ADDSLOTSRANGE 0 16383"), "+OK\r\n");
    wait_until("the cluster is whole", || node.say("CLUSTER INFO").contains("cluster_state:ok"));
    let url = format!("redis+cluster://127.0.0.1:{}", node.port());
    decides(options(&url, None)).await;
}

// ASVS 12.3.2, 12.3.4: a certificate by an authority that was not named is refused.
#[tokio::test]
async fn tls_is_taken_from_a_known_authority_only() {
    let folder = folder();
    if address().is_none() || !make_certificates(folder.path()) {
        println!("no Redis, or no openssl, in this run");
        return;
    }
    let authority = std::fs::read(folder.path().join("ca.pem")).expect("an authority");
    let stranger = std::fs::read(folder.path().join("other.pem")).expect("an authority");
    let files =
        ["--tls-cert-file", "s.pem", "--tls-key-file", "s.key", "--tls-ca-cert-file", "ca.pem"];
    let rest = ["--port", "0", "--tls-auth-clients", "no", "--save", ""];
    let server = Program::start(folder, "--tls-port", &[&files[..], &rest[..]].concat());
    let url = format!("rediss://127.0.0.1:{}", server.port());
    decides(options(&url, Some(authority))).await;
    for other in [None, Some(stranger)] {
        let cache = Cache::redis(options(&url, other));
        assert!(!cache.connected(Duration::from_secs(2)).await, "a certificate of nobody's");
    }
}

// ASVS 12.3.5, 13.2.1: a Redis knows the bank by a certificate, as one server, behind a Sentinel and as a cluster; without
// one, and with one of another authority, the bank is not connected and its log says why.
#[tokio::test]
async fn a_redis_that_asks_who_calls_is_shown_the_banks_certificate() {
    let folder = folder();
    if address().is_none() || !make_certificates(folder.path()) {
        println!("no Redis, or no openssl, in this run");
        return;
    }
    let authority = std::fs::read(folder.path().join("ca.pem")).expect("an authority");
    let own = |name: &str| {
        let [certificate_file, key_file] =
            ["pem", "key"].map(|ending| folder.path().join(format!("{name}.{ending}")));
        Some(OwnFiles { certificate_file, key_file })
    };
    let at = |file: &str| folder.path().join(file).display().to_string();
    let (certificate, key, ca) = (at("s.pem"), at("s.key"), at("ca.pem"));
    let files =
        ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let rest = ["--port", "0", "--tls-auth-clients", "yes"];
    let demanding = [&files[..], &rest[..]].concat();
    let server = Program::start(self::folder(), "--tls-port", &demanding);
    let url = format!("rediss://127.0.0.1:{}", server.port());
    let with = |url: &str, own| RedisOptions { own, ..options(url, Some(authority.clone())) };
    decides(with(&url, own("bank"))).await;

    // What a Sentinel asks its master, and what asks it, is in TLS with certificates, too.
    let conf = folder.path().join("sentinel.conf");
    let watched = format!("sentinel monitor bank 127.0.0.1 {} 1\n", server.port());
    std::fs::write(&conf, watched).expect("a file");
    let conf = conf.display().to_string();
    let first = [&*conf, "--sentinel", "--tls-replication", "yes"];
    let sentinel = Program::start(self::folder(), "--tls-port", &[&first[..], &demanding].concat());
    let sentinels = format!("rediss+sentinel://127.0.0.1:{}/bank/0", sentinel.port());
    decides(with(&sentinels, own("bank"))).await;

    let bus = free_port().to_string();
    let clustered = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", &bus];
    let announced = ["--cluster-announce-ip", "127.0.0.1"];
    let all = [&demanding[..], &clustered, &announced].concat();
    let node = Program::start(self::folder(), "--tls-port", &all);
    let told = |command: &[&str]| say_in_tls(&folder, node.port(), command);
    assert_eq!(told(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).trim(), "OK");
    wait_until("the cluster is whole", || told(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    let cluster = format!("rediss+cluster://127.0.0.1:{}", node.port());
    decides(with(&cluster, own("bank"))).await;

    let capture = Capture::process_wide().expect("the log can be captured");
    for (shown, says) in [
        (None, "it wants a certificate of the bank's"),
        (own("stranger"), "is of no authority that it believes"),
        (own("nowhere"), "nowhere.pem does not exist"),
    ] {
        let mark = capture.mark();
        let cache = Cache::redis(with(&url, shown));
        assert!(
            !cache.connected(Duration::from_secs(2)).await,
            "a caller whom nobody knows: {says}"
        );
        let log = capture.text_since(mark);
        assert!(log.contains(says), "{says}: {log}");
    }
}

/// Renewed files count with the next connection, without a restart; what is no pair does not.
#[tokio::test]
async fn a_renewed_certificate_is_shown_to_redis_with_the_next_connection() {
    let folder = folder();
    if address().is_none() || !make_certificates(folder.path()) {
        println!("no Redis, or no openssl, in this run");
        return;
    }
    let at = |file: &str| folder.path().join(file).display().to_string();
    let (certificate, key, ca) = (at("s.pem"), at("s.key"), at("ca.pem"));
    let files =
        ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let rest = ["--port", "0", "--tls-auth-clients", "yes", "--save", ""];
    let server = Program::start(self::folder(), "--tls-port", &[&files[..], &rest[..]].concat());
    let shown = ["own.pem", "own.key"].map(|name| folder.path().join(name));
    let put = |name: &str| {
        for (ending, to) in ["pem", "key"].iter().zip(&shown) {
            let from = folder.path().join(format!("{name}.{ending}"));
            std::fs::copy(from, to).expect("a copy");
        }
    };
    put("stranger");
    let [certificate_file, key_file] = shown.clone();
    let own = Some(OwnFiles { certificate_file, key_file });
    let authority = std::fs::read(folder.path().join("ca.pem")).expect("an authority");
    let url = format!("rediss://127.0.0.1:{}", server.port());
    let cache = Cache::redis(RedisOptions { own, ..options(&url, Some(authority)) });
    assert!(!cache.connected(Duration::from_secs(1)).await, "of another authority");
    put("bank");
    assert!(cache.connected(CONNECT_LIMIT).await, "connected");
}

/// What `redis-cli` is answered by a server that takes nothing but TLS.
fn say_in_tls(folder: &TempDir, port: u16, command: &[&str]) -> String {
    let port = port.to_string();
    let files = ["--tls", "--cert", "bank.pem", "--key", "bank.key", "--cacert", "ca.pem"];
    let mut cli = Command::new("redis-cli");
    cli.args(["-h", "127.0.0.1", "-p", &port]).args(files).args(command);
    let output = cli.current_dir(folder.path()).output().expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An authority, a certificate of it for this machine and one for the bank, and another authority with one for a
/// stranger; false without openssl.
fn make_certificates(folder: &Path) -> bool {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let ca = "-days 2 -addext basicConstraints=critical,CA:TRUE";
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    // Without an extension openssl makes a certificate of version 1, which nobody takes.
    let bank = "-addext keyUsage=digitalSignature";
    let signed = |name: &str, authority: &str| {
        format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
             -out {name}.pem -copy_extensions copy"
        )
    };
    [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ours {ca}"),
        format!("req -x509 {key} -keyout other.key -out other.pem -subj /CN=theirs {ca}"),
        format!("req {key} -keyout s.key -out s.csr -subj /CN=localhost -addext {names}"),
        signed("s", "ca"),
        format!("req {key} -keyout bank.key -out bank.csr -subj /CN=bank {bank}"),
        signed("bank", "ca"),
        format!("req {key} -keyout stranger.key -out stranger.csr -subj /CN=bank {bank}"),
        signed("stranger", "other"),
    ]
    .iter()
    .all(|line| {
        let mut command = Command::new("openssl");
        command.args(line.split_whitespace()).current_dir(folder);
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
