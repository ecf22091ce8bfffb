//! What a connection asks of the system.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

use super::*;

/// The timer that the system has for the connection to this port, as `/proc/net/tcp` shows it: its kind (2: keepalive)
/// and hundredths of a second.
fn timer(port: u16) -> Option<(u32, u64)> {
    let there = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // One that was closed has the port for a minute more.
    let is_open = |columns: &Vec<&str>| columns[3] == "01" && columns[2].ends_with(&there);
    let mine = columns.into_iter().find(is_open)?;
    let (kind, rest) = mine[5].split_once(':')?;
    Some((kind.parse().ok()?, u64::from_str_radix(rest, 16).ok()?))
}

/// How long, once the connection is there.
fn asked_within(options: &str) -> Duration {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://bank@127.0.0.1:{port}/bank?{options}");
    let address = PostgresAddress::parse(&url).unwrap();
    let options = PgOptions {
        config: address.config().unwrap(),
        tls: None,
        lock_timeout_ms: 1_000,
        require_durable: false,
        remembered: Arc::default(),
    };
    let connecting = std::thread::spawn(move || PgSession::connect(&options).err());
    let (mut server, _) = listener.accept().unwrap();
    // The first message comes when the connection is as it stays.
    assert!(server.read(&mut [0; 64]).unwrap() > 0);
    let (kind, hundredths) = timer(port).expect("a timer");
    assert_eq!(kind, 2, "a keepalive");
    drop((server, listener));
    assert!(connecting.join().unwrap().is_some());
    Duration::from_millis(10 * hundredths)
}

#[test]
fn the_system_asks_a_silent_server_unless_the_address_says_otherwise() {
    assert!(asked_within("") <= FIRST_QUESTION);
    let rarely = "keepalives_idle=600&keepalives_interval=60&tcp_user_timeout=700";
    assert!(asked_within(rarely) > 10 * FIRST_QUESTION);
}
