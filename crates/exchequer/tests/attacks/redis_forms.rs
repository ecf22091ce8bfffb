//! Redis in its other forms, each with servers of the test's own: with TLS, behind a Sentinel that names it, and as
//! a cluster. What one server decides, they decide alike; and a certificate of nobody's is refused.
//!
//! Where this run has no Redis, or no openssl to make certificates with, the tests say so and end.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use money::{SessionId, Timestamp};
use store::cache::{Ask, Cache, Key, Limit, RedisAddress, RedisOptions, Space, Subject};
use tempfile::TempDir;
use testkit::redis::{PrivateRedis, Program, address, free_port, prefix, wait_until};

/// A Sentinel looks at its master once a second; a loaded machine gets more.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn options(url: &str, authorities: Option<Vec<u8>>) -> RedisOptions {
    let address = RedisAddress::parse(url).expect("an address");
    RedisOptions { address, authorities, prefix: prefix() }
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

/// An authority, a certificate of it for this machine, and another authority; false without openssl.
fn make_certificates(folder: &Path) -> bool {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let ca = "-days 2 -addext basicConstraints=critical,CA:TRUE";
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ours {ca}"),
        format!("req -x509 {key} -keyout other.key -out other.pem -subj /CN=theirs {ca}"),
        format!("req {key} -keyout s.key -out s.csr -subj /CN=localhost -addext {names}"),
        "x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out s.pem \
         -copy_extensions copy"
            .to_owned(),
    ]
    .iter()
    .all(|line| {
        let mut command = Command::new("openssl");
        command.args(line.split_whitespace()).current_dir(folder);
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
