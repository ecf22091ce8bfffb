//! Certificates of callers: whose count, and until when.

use std::fs;

use rustls::HandshakeKind;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use tls::trial::{Authority, Pair};
use tls::{Look, Refusal, Server, Version};

use crate::{DAY, Place, client, meet, now};

// ASVS 12.1.3: a certificate of a merchant counts when the named authority signed it, and in its time only.
#[tokio::test]
async fn a_caller_s_certificate_is_asked_for_and_must_be_of_the_authority() {
    let place = Place::new();
    let callers = Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).unwrap();
    place.put("authorities.pem", &callers.certificate_pem(), 0o644);
    let server = place.open().unwrap();
    let good = callers.issue("mer_1", &[]).unwrap();
    let meet_with = async |own: Option<&Pair>| {
        meet(&server, &client(&place.authority, own, Version::Tls13)).await
    };
    assert_eq!(meet_with(None).await.unwrap().of_client, None, "browsers have none");
    let of_client = meet_with(Some(&good)).await.unwrap().of_client;
    assert_eq!(of_client.as_deref(), Some(good.der()));
    let strange = place.authority.issue("mer_1", &[]).unwrap();
    assert!(meet_with(Some(&strange)).await.is_none(), "of another authority");
    let old = Authority::new(now().plus_seconds(-2 * DAY), now().plus_seconds(-DAY)).unwrap();
    place.put("authorities.pem", &old.certificate_pem(), 0o644);
    assert!(matches!(server.look(now()).callers, Look::Renewed));
    assert!(meet_with(Some(&good)).await.is_none(), "its authority was taken away");
    assert!(meet_with(Some(&old.issue("mer_1", &[]).unwrap())).await.is_none(), "ended");
}

// RFC 5280 §6.3.3: what an authority took back opens nothing from the next connection on, and neither does a ticket of before.
#[tokio::test]
async fn a_certificate_that_was_taken_back_is_refused() {
    let place = Place::new();
    let callers = Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).unwrap();
    let (kept, lost) = (callers.issue("mer_1", &[]).unwrap(), callers.issue("mer_2", &[]).unwrap());
    let put = |revoked: &[&Pair], ends: i64| {
        let times = (now().plus_seconds(-2 * DAY), now().plus_seconds(ends));
        place.put("lists.pem", &callers.list(revoked, times).unwrap(), 0o644);
    };
    place.put("authorities.pem", &callers.certificate_pem(), 0o644);
    put(&[], DAY);
    let server = place.open().unwrap();
    let connector = |own: Option<&Pair>| client(&place.authority, own, Version::Tls13);
    let (of_kept, of_lost) = (connector(Some(&kept)), connector(Some(&lost)));
    assert!(meet(&server, &of_kept).await.is_some() && meet(&server, &of_lost).await.is_some());
    put(&[&lost], DAY);
    assert!(matches!(server.look(now()).callers, Look::Renewed));
    assert!(meet(&server, &of_lost).await.is_none(), "it was taken back");
    assert!(meet(&server, &connector(Some(&lost))).await.is_none());
    assert!(
        meet(&server, &of_kept).await.is_some() && meet(&server, &connector(None)).await.is_some()
    );
    // A list that has ended is not taken, and neither is one that is none; what was taken back stays so.
    put(&[], -DAY);
    assert!(matches!(server.look(now()).callers, Look::Refused(Refusal::ListEnded(_))));
    place.put("lists.pem", &callers.certificate_pem(), 0o644);
    assert_eq!(server.look(now()).callers, Look::Refused(Refusal::NoList));
    std::fs::remove_file(place.folder.path().join("lists.pem")).unwrap();
    assert!(matches!(server.look(now()).callers, Look::Refused(Refusal::ListFile(_))));
    assert!(meet(&server, &of_lost).await.is_none());
    assert!(meet(&server, &of_kept).await.is_some());
    // The bank's own certificate is renewed all the same, and lists while the pair is broken.
    let next = place.pair();
    place.write(&next);
    let looks = server.look(now());
    assert_eq!((looks.pair, looks.callers), (Look::Renewed, Look::Same), "told once");
    assert_eq!(meet(&server, &of_kept).await.unwrap().shown, next.der());
    assert!(meet(&server, &of_lost).await.is_none());
    assert!(server.in_force().callers_refused.is_some());
    place.put("key.pem", "no key", 0o600);
    put(&[&lost, &kept], DAY);
    let looks = server.look(now());
    assert_eq!((looks.pair, looks.callers), (Look::Refused(Refusal::NoKey), Look::Renewed));
    assert!(meet(&server, &of_kept).await.is_none());
    assert_eq!(server.in_force().callers_refused, None);
    let lists = server.in_force().lists.unwrap();
    assert!(lists.made < now() && lists.ends > now());
}

// A session that is taken up again asks nobody whether its certificate still holds (RFC 8446 §2.2).
#[tokio::test]
async fn no_session_is_taken_up_again_where_callers_may_show_certificates() {
    let place = Place::new();
    for (version, own) in [(Version::Tls13, true), (Version::Tls12, true), (Version::Tls13, false)]
    {
        let callers = Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).unwrap();
        let pair = callers.issue("mer_1", &[]).unwrap();
        let client = client(&place.authority, own.then_some(&pair), version);
        for (has_callers, second) in [(false, HandshakeKind::Resumed), (true, HandshakeKind::Full)]
        {
            if has_callers {
                place.put("authorities.pem", &callers.certificate_pem(), 0o644);
            }
            let server = Server::open(place.settings(Version::Tls12)).unwrap();
            assert_eq!(meet(&server, &client).await.unwrap().kind, HandshakeKind::Full);
            assert_eq!(meet(&server, &client).await.unwrap().kind, second, "{version:?} {own}");
        }
        fs::remove_file(place.folder.path().join("authorities.pem")).unwrap();
    }
}

#[tokio::test]
async fn an_ended_list_or_that_of_another_authority_vouches_for_nobody() {
    let place = Place::new();
    let callers = Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY)).unwrap();
    let own = callers.issue("mer_1", &[]).unwrap();
    place.put("authorities.pem", &callers.certificate_pem(), 0o644);
    let whole = (now().plus_seconds(-DAY), now().plus_seconds(DAY));
    let ended = (now().plus_seconds(-DAY), now().plus_seconds(-1));
    let changed = callers.list(&[], whole).unwrap();
    let older = (now().plus_seconds(-2 * DAY), now().plus_seconds(DAY));
    let older = callers.list(&[], older).unwrap();
    let lists = [
        (callers.list(&[], whole).unwrap(), true),
        (callers.list(&[], ended).unwrap(), false),
        // Of one name, by another key.
        (place.authority.list(&[], whole).unwrap(), false),
        (changed_signature(&changed), false),
        // Of two of one authority the one that was made later counts, wherever it stands.
        (format!("{}{}", older, callers.list(&[&own], whole).unwrap()), false),
        (format!("{}{}", callers.list(&[&own], whole).unwrap(), older), false),
    ];
    for (n, (list, is_let_in)) in lists.iter().enumerate() {
        place.put("lists.pem", list, 0o644);
        let server = place.open().unwrap();
        let met = meet(&server, &client(&place.authority, Some(&own), Version::Tls13)).await;
        assert_eq!(met.is_some(), *is_let_in, "{n}");
        let met = meet(&server, &client(&place.authority, None, Version::Tls13)).await;
        assert!(met.is_some(), "{n}: who shows none is let in");
    }
}

/// With a bit of the signature's last byte turned.
fn changed_signature(pem: &str) -> String {
    let mut der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes())
        .expect("what was just made")
        .to_vec();
    *der.last_mut().expect("what was just made") ^= 1;
    let text = data_encoding::BASE64.encode(&der);
    format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
}
