//! How long a connection is believed, how many there are, and how much is told of who is refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tls::peer::Whose;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::*;

/// Stands where the vault stood, with its certificate: ends no connection, and answers when it was asked on so many of
/// them. Gives what the bank has of it, and how often hands were shaken.
async fn never_ends(certificates: &Certificates, together: usize) -> (CardVault, Arc<AtomicUsize>) {
    let own = (&certificates.authority, "bank");
    let vaults = certificates.peer("vault", &certificates.vault(), own);
    let listener = TcpListener::bind((HOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let handshakes = Arc::new(AtomicUsize::new(0));
    let (counted, asked) = (Arc::clone(&handshakes), Arc::new(Barrier::new(together)));
    drop(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (vaults, counted, asked) =
                (Arc::clone(&vaults), Arc::clone(&counted), Arc::clone(&asked));
            drop(tokio::spawn(async move {
                let Ok((stream, Whose::ThePeers)) = vaults.accept(stream).await else { return };
                counted.fetch_add(1, Ordering::Relaxed);
                answer_all(Box::new(stream), &asked).await;
            }));
        }
    }));
    let banks = (&certificates.authority, "vault");
    let tls = certificates.peer("bank", &certificates.bank(), banks);
    let place = VaultPlace::Network { host: HOST.to_owned(), port, tls };
    (CardVault { place, reveals_per_hour: 1 }, handshakes)
}

async fn answer_all(mut stream: Stream, asked: &Barrier) {
    let mut question = Ask::Status.frame();
    let answer = Reply::Status { version: 1 }.frame();
    while stream.read_exact(&mut question).await.is_ok() {
        asked.wait().await;
        let sent = stream.write_all(&answer).await.and(stream.flush().await);
        if sent.is_err() {
            return;
        }
    }
}

/// A certificate that was stolen and taken back is shown no more; a connection that it made has to end with its hour, also
/// where it is used all the time and the other side keeps it.
#[tokio::test]
async fn a_connection_that_the_vault_never_ends_has_its_life_and_no_more() {
    let certificates = Certificates::new();
    let (vault, handshakes) = never_ends(&certificates, 1).await;
    let mut client = Client::new(vault);
    for _ in 0..3 {
        assert_eq!(status(&client).await, Ok(1));
    }
    assert_eq!(handshakes.load(Ordering::Relaxed), 1);
    client.life = Duration::from_millis(20);
    let use_it = async {
        while handshakes.load(Ordering::Relaxed) == 1 {
            assert_eq!(status(&client).await, Ok(1));
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), use_it).await;
    assert!(ended.is_ok(), "a connection in use is believed for ever");
    client.life = Duration::ZERO;
    let before = handshakes.load(Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(status(&client).await, Ok(1));
    }
    assert_eq!(handshakes.load(Ordering::Relaxed), before + 3);
}

#[tokio::test]
async fn a_bank_keeps_sixteen_connections_and_leaves_the_rest_to_other_nodes() {
    let certificates = Certificates::new();
    let (vault, handshakes) = never_ends(&certificates, 20).await;
    let client = Client::new(vault);
    for made in [20, 24, 28] {
        let answers = join_all((0..20).map(|_| status(&client))).await;
        assert_eq!(answers, vec![Ok(1); 20]);
        assert_eq!(handshakes.load(Ordering::Relaxed), made);
    }
}

#[tokio::test]
async fn who_proves_nothing_takes_no_place_of_the_banks() {
    let certificates = Certificates::new();
    let mut vault = certificates.serve().await;
    vault.kill().await;
    let server = Server::bind(vault.bank.clone(), vault.settings.clone()).await.unwrap();
    let serving = server.with_connections(1).serve(vault.stop.subscribe());
    vault.serving = Some(tokio::spawn(serving));
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(dial(&vault).await);
    }
    let shop = certificates.authority.issue("shop", &[]).unwrap();
    assert_refused(&status(&certificates.client(&vault, &shop)).await);
    let client = certificates.client(&vault, &certificates.bank());
    assert_eq!(status(&client).await, Ok(1));
}

#[tokio::test]
async fn a_stranger_is_an_event_an_hour_however_often_it_calls() {
    let certificates = Certificates::new();
    let vault = certificates.serve().await;
    let [shop, other] = ["shop", "other"].map(|name| certificates.authority.issue(name, &[]));
    let (shop, other) = (shop.unwrap(), other.unwrap());
    let stranger = ("card_vault.stranger".to_owned(), "forbidden".to_owned());
    for (own, events) in [(&shop, 1), (&other, 2)] {
        for _ in 0..3 {
            assert_refused(&status(&certificates.client(&vault, own)).await);
        }
        assert_eq!(vault.actions().await, vec![stranger.clone(); events]);
    }
    vault.clock.advance_seconds(3_600).unwrap();
    assert_refused(&status(&certificates.client(&vault, &shop)).await);
    assert_eq!(vault.actions().await, vec![stranger; 3]);
}

/// The vault's certificate ends, or a list of those taken back: cards are refused with each connection, the rest of the
/// bank goes on, also when it is started anew.
#[test]
fn a_bank_starts_where_a_vault_on_a_network_is_not_believed() {
    let away = KeeperError::Away("nobody listens there");
    let ended = KeeperError::Unproven(Unproven::Time);
    let lists = KeeperError::Unproven(Unproven::Other("its revocation list has ended".to_owned()));
    for (error, near, far) in [
        (away, true, true),
        (ended, false, true),
        (lists, false, true),
        (KeeperError::Stranger, false, true),
        (KeeperError::Impostor { uid: 7 }, false, false),
        (KeeperError::Version, false, false),
        (KeeperError::Damaged, false, false),
        (KeeperError::Refused("its answer cannot be read"), false, false),
    ] {
        assert_eq!((error.lets_start(false), error.lets_start(true)), (near, far), "{error}");
    }
}
