//! Two processes of ours that prove themselves to each other: who is one, and who is not.

use tls::client::{Client, ClientSettings, Unproven};
use tls::peer::{Peer, PeerSettings, Whose, is_refusal};
use tls::trial::{Authority, Pair};
use tls::{Look, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::{DAY, HOST, Place, client, now};

const PROTOCOL: &[u8] = b"trial/1";

/// One of the two, with files of its own.
struct End {
    place: Place,
    peer: Peer,
}

impl End {
    /// Shows this pair, believes this authority, and expects this name.
    fn new(own: &Pair, authority: &Authority, peer_name: &str) -> Self {
        let place = Place::new();
        place.write(own);
        place.put("authorities.pem", &authority.certificate_pem(), 0o644);
        let peer = Peer::open(settings(&place, peer_name)).expect("files that fit");
        Self { place, peer }
    }
}

fn settings(place: &Place, peer_name: &str) -> PeerSettings {
    let tls::Settings { certificate_file, key_file, client_ca_file, client_crl_file, .. } =
        place.settings(Version::Tls13);
    PeerSettings {
        certificate_file,
        key_file,
        ca_file: client_ca_file.expect("what was just written"),
        crl_file: client_crl_file,
        peer_name: peer_name.to_owned(),
        protocol: PROTOCOL,
    }
}

fn authority() -> Authority {
    Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).expect("an authority")
}

fn ended() -> Authority {
    let (from, until) = (now().plus_seconds(-2 * DAY), now().plus_seconds(-DAY));
    Authority::new(from, until).expect("an authority")
}

/// What both say of each other; the caller's first answer where its handshake is over before it was looked at.
async fn meet(caller: &Peer, called: &Peer) -> (Result<(), String>, Result<Whose, Unproven>) {
    let (near, far) = duplex(64 * 1024);
    let call = async {
        let mut stream = caller.connect(HOST, near).await.map_err(|error| error.to_string())?;
        match stream.read_u8().await {
            Ok(_) => Ok(()),
            Err(error) if is_refusal(&error) => Err("refused".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let take = async {
        let (mut stream, whose) = called.accept(far).await?;
        // Gone is who does not like what it was shown.
        let _gone = stream.write_all(b"!").await.and(stream.flush().await);
        Ok(whose)
    };
    tokio::join!(call, take)
}

// ASVS 12.3.5: two processes of the bank on two machines know each other by certificates of a named authority, and by the
// one name that each was told.
#[tokio::test]
async fn each_takes_the_other_by_its_authority_its_time_its_host_and_its_name() {
    let ours = authority();
    let (bank, vault) = (ours.issue("bank", &[]).unwrap(), ours.issue("vault", &[HOST]).unwrap());
    let called = End::new(&vault, &ours, "bank");
    let caller = End::new(&bank, &ours, "vault");
    assert_eq!(meet(&caller.peer, &called.peer).await, (Ok(()), Ok(Whose::ThePeers)));

    let strange = authority();
    let of_strange = End::new(&strange.issue("bank", &[]).unwrap(), &ours, "vault");
    let met = meet(&of_strange.peer, &called.peer).await;
    assert_eq!(met, (Err("refused".to_owned()), Err(Unproven::Authority)));
    let old = End::new(&ended().issue("bank", &[]).unwrap(), &ours, "vault");
    let (said, found) = meet(&old.peer, &called.peer).await;
    assert!(said == Err("refused".to_owned()) && found.is_err(), "{found:?}");
    let another = End::new(&ours.issue("shop", &[]).unwrap(), &ours, "vault");
    let met = meet(&another.peer, &called.peer).await;
    assert_eq!(met.1, Ok(Whose::Anothers("shop".to_owned())));

    // And the caller says no more to one that is not the other.
    let other_host = ours.issue("vault", &["other.example"]).unwrap();
    for (shown, why) in [
        (strange.issue("vault", &[HOST]).unwrap(), Unproven::Authority),
        (other_host, Unproven::Name),
        (ours.issue("bank", &[HOST]).unwrap(), Unproven::Name),
        (ours.issue("", &[HOST]).unwrap(), Unproven::Name),
    ] {
        let impostor = End::new(&shown, &ours, "bank");
        let (said, _) = meet(&caller.peer, &impostor.peer).await;
        assert_eq!(said, Err(why.to_string()));
    }
}

#[tokio::test]
async fn a_certificate_that_has_ended_opens_neither_way() {
    let ours = ended();
    let (bank, vault) = (ours.issue("bank", &[]).unwrap(), ours.issue("vault", &[HOST]).unwrap());
    let (caller, called) = (End::new(&bank, &ours, "vault"), End::new(&vault, &ours, "bank"));
    let (said, _) = meet(&caller.peer, &called.peer).await;
    assert_eq!(said, Err(Unproven::Time.to_string()));
    let good = authority();
    let called = End::new(&good.issue("vault", &[HOST]).unwrap(), &ours, "bank");
    let caller = End::new(&bank, &good, "vault");
    let met = meet(&caller.peer, &called.peer).await;
    assert_eq!(met, (Err("refused".to_owned()), Err(Unproven::Time)));
}

// RFC 5280 §6.3.3: what the authority took back opens nothing, whichever of the two has it.
#[tokio::test]
async fn a_certificate_that_was_taken_back_opens_neither_way() {
    let ours = authority();
    let (bank, vault) = (ours.issue("bank", &[]).unwrap(), ours.issue("vault", &[HOST]).unwrap());
    let list = |revoked: &[&Pair]| {
        let times = (now().plus_seconds(-DAY), now().plus_seconds(DAY));
        ours.list(revoked, times).expect("a list")
    };
    let with_lists = |own: &Pair, name: &str| {
        let place = Place::new();
        place.write(own);
        place.put("authorities.pem", &ours.certificate_pem(), 0o644);
        place.put("lists.pem", &list(&[]), 0o644);
        let peer = Peer::open(settings(&place, name)).expect("files that fit");
        End { place, peer }
    };
    let (caller, called) = (with_lists(&bank, "vault"), with_lists(&vault, "bank"));
    assert_eq!(meet(&caller.peer, &called.peer).await, (Ok(()), Ok(Whose::ThePeers)));
    called.place.put("lists.pem", &list(&[&bank]), 0o644);
    assert_eq!(called.peer.files().look(now()).callers, Look::Renewed);
    let met = meet(&caller.peer, &called.peer).await;
    assert_eq!(met, (Err("refused".to_owned()), Err(Unproven::Revoked)));
    called.place.put("lists.pem", &list(&[]), 0o644);
    caller.place.put("lists.pem", &list(&[&vault]), 0o644);
    assert_eq!(called.peer.files().look(now()).callers, Look::Renewed);
    assert_eq!(caller.peer.files().look(now()).callers, Look::Renewed);
    assert_eq!(meet(&caller.peer, &called.peer).await.0, Err(Unproven::Revoked.to_string()));
}

#[tokio::test]
async fn new_certificates_of_both_count_from_the_next_connection_on() {
    let old = authority();
    let (bank, vault) = (old.issue("bank", &[]).unwrap(), old.issue("vault", &[HOST]).unwrap());
    let (caller, called) = (End::new(&bank, &old, "vault"), End::new(&vault, &old, "bank"));
    let new = authority();
    for (end, name) in [(&caller, "bank"), (&called, "vault")] {
        end.place.write(&new.issue(name, &[HOST]).unwrap());
        end.place.put("authorities.pem", &new.certificate_pem(), 0o644);
    }
    let looks = caller.peer.files().look(now());
    assert_eq!((looks.pair, looks.callers), (Look::Renewed, Look::Renewed));
    let (said, _) = meet(&caller.peer, &called.peer).await;
    assert_eq!(said, Err(Unproven::Authority.to_string()), "the other has not looked yet");
    called.peer.files().look(now());
    assert_eq!(meet(&caller.peer, &called.peer).await, (Ok(()), Ok(Whose::ThePeers)));
}

// PCI DSS 4.2.1: between the two there is TLS 1.3 with certificates of both, and nothing else.
#[tokio::test]
async fn who_shows_nothing_or_speaks_something_else_is_refused() {
    let ours = authority();
    let bank = ours.issue("bank", &[]).unwrap();
    let called = End::new(&ours.issue("vault", &[HOST]).unwrap(), &ours, "bank");
    let place = Place::new();
    place.write(&bank);
    place.put("authorities.pem", &ours.certificate_pem(), 0o644);
    let own = settings(&place, "vault");
    let refused = async |own: Option<(_, _)>, protocol: &'static [u8]| {
        let authority_file = Some(place.folder.path().join("authorities.pem"));
        let client = Client::open(&ClientSettings { authority_file, own, protocol }).unwrap();
        let (near, far) = duplex(64 * 1024);
        tokio::join!(client.connect(HOST, near), called.peer.accept(far)).1.err()
    };
    let pair = || Some((own.certificate_file.clone(), own.key_file.clone()));
    assert_eq!(refused(pair(), PROTOCOL).await, None);
    assert_eq!(refused(None, PROTOCOL).await, Some(Unproven::NoCertificate));
    assert_eq!(refused(pair(), b"h2").await, Some(Unproven::Protocol));
    // One that names no protocol at all gets through the handshake, and no further.
    let mut silent = client(&ours, Some(&bank), Version::Tls13).config().as_ref().clone();
    silent.alpn_protocols.clear();
    let old = client(&ours, Some(&bank), Version::Tls12);
    for (client, why) in [
        (tokio_rustls::TlsConnector::from(std::sync::Arc::new(silent)), Some(Unproven::Protocol)),
        (old, None),
    ] {
        let (near, far) = duplex(64 * 1024);
        let name = rustls::pki_types::ServerName::try_from(HOST).unwrap();
        let (_, taken) = tokio::join!(client.connect(name, near), called.peer.accept(far));
        let found = taken.expect_err("it was taken");
        assert!(why.is_none_or(|why| why == found), "{found:?}");
    }
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 2, 1, 0], &[0xff; 600], b""] {
        let (mut near, far) = duplex(64 * 1024);
        let speak = async move {
            near.write_all(bytes).await.expect("room");
            near.shutdown().await.expect("an end");
            near
        };
        let (_near, taken) = tokio::join!(speak, called.peer.accept(far));
        let found = taken.expect_err("it was taken");
        assert!(matches!(found, Unproven::NotTls | Unproven::Broken(_)), "{bytes:?}: {found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_a_handshake_is_given_up() {
    let ours = authority();
    let called = End::new(&ours.issue("vault", &[HOST]).unwrap(), &ours, "bank");
    let (_near, far) = duplex(64 * 1024);
    assert_eq!(called.peer.accept(far).await.err(), Some(Unproven::Silent));
    // The head of a record, a byte at a time, and never the end of it.
    let (mut near, far) = duplex(64 * 1024);
    let trickle = async {
        for byte in [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3] {
            if near.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    let (taken, ()) = tokio::join!(called.peer.accept(far), trickle);
    assert_eq!(taken.err(), Some(Unproven::Silent));
}
