//! Requests in both schemes, changed in a byte after they were signed.
//!
//! `EXCHEQUER_TEST_SIGNED_MUTATIONS` says how many (600).

use http::Method;
use money::Rng;
use testkit::Reply;
use vault::signature::message::Algorithm;

use crate::card_storms::setting;
use crate::signed_messages::{BOTH, CARD, CARDS, Scene, scene};

/// One byte of a text, another.
fn mutate(text: &mut Vec<u8>, rng: &Rng) {
    let at = usize::try_from(rng.below(u32::try_from(text.len().max(1)).expect("short")))
        .expect("short");
    match rng.below(4) {
        0 if !text.is_empty() => {
            text.remove(at);
        }
        1 => text.insert(at, b"0aA;\"= ,:"[usize::try_from(rng.below(9)).expect("short")]),
        2 if !text.is_empty() => text.truncate(at),
        _ if !text.is_empty() => text[at] ^= 1 << rng.below(7),
        _ => text.push(b'x'),
    }
}

#[tokio::test]
async fn of_changed_requests_none_is_taken() {
    let s = scene().await;
    let rng = Rng::seeded(11);
    let mut refused = 0;
    for n in 0..setting("EXCHEQUER_TEST_SIGNED_MUTATIONS", 600) {
        let reply = if n % 3 == 0 {
            hmac_mutation(&s, &rng).await
        } else {
            message_mutation(&s, BOTH[usize::try_from(n % 2).expect("0 or 1")], &rng).await
        };
        let Some((reply, what)) = reply else { continue };
        assert!([401, 404, 405].contains(&reply.status.as_u16()), "{what}: {}", reply.code());
        refused += 1;
    }
    assert_eq!(s.cards().await, 0);
    assert!(refused > 300, "{refused}");
    println!("{refused} changed requests refused");
}

/// None where nothing changed, or it is no HTTP any more.
async fn message_mutation(s: &Scene, algorithm: Algorithm, rng: &Rng) -> Option<(Reply, String)> {
    let right = s.signed(algorithm, Method::POST, CARDS, CARD);
    let mut sent = right.clone();
    let text = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        mutate(&mut bytes, rng);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match rng.below(6) {
        0 => mutate(&mut sent.body, rng),
        1 => sent.path = text(&right.path),
        2 => sent.host = text(&right.host),
        3 => sent.digest = right.digest.as_deref().map(text),
        4 => sent.input = text(&right.input),
        _ => sent.signature = text(&right.signature),
    }
    let blank = |text: &str| text.trim().replace(' ', "");
    let is_same = blank(&sent.input) == blank(&right.input)
        && blank(&sent.signature) == blank(&right.signature)
        && sent.digest.as_deref().map(blank) == right.digest.as_deref().map(blank)
        && (&sent.path, &sent.body) == (&right.path, &right.body)
        && sent.host.trim() == right.host;
    let request = sent.request().filter(|_| !is_same)?;
    Some((s.bank.client().send(request).await, format!("{sent:?}")))
}

async fn hmac_mutation(s: &Scene, rng: &Rng) -> Option<(Reply, String)> {
    let right = s.shop.sign(Method::POST, CARDS, CARD.as_bytes());
    let mut sent = right.clone();
    let text = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        mutate(&mut bytes, rng);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match rng.below(7) {
        0 => mutate(&mut sent.body, rng),
        1 => sent.path = text(&right.path),
        2 => sent.host = text(&right.host),
        3 => sent.timestamp = text(&right.timestamp),
        4 => sent.nonce = text(&right.nonce),
        5 => sent.signature = text(&right.signature),
        _ => sent.key_id = text(&right.key_id),
    }
    let is_text = |text: &str| http::HeaderValue::from_str(text).is_ok();
    let texts = [&sent.host, &sent.timestamp, &sent.nonce, &sent.signature, &sent.key_id];
    let is_http =
        texts.into_iter().all(|text| is_text(text)) && sent.path.parse::<http::Uri>().is_ok();
    let is_same = format!("{sent:?}").replace(' ', "") == format!("{right:?}").replace(' ', "")
        || sent.signature.eq_ignore_ascii_case(&right.signature)
            && sent.signature != right.signature;
    // This machine has many names, and a bank on it answers to each of them.
    let host = sent.host.split(':').next().and_then(|host| host.parse::<std::net::IpAddr>().ok());
    let is_same = is_same || sent.host != right.host && host.is_some_and(|host| host.is_loopback());
    if is_same || !is_http {
        return None;
    }
    Some((s.shop.send(&sent).await, format!("{sent:?}")))
}
