//! What the bank is told, and what it believes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::gateways::{NOTICE_WINDOW_SECONDS, NoticeRefusal};

type Posted = (HeaderMap, Vec<u8>);

/// A bank that takes notices: each one's headers and body, answered 204 each on its own connection.
async fn bank() -> (String, mpsc::UnboundedReceiver<Posted>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notices", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut text = Vec::new();
                let posted = loop {
                    let mut part = [0; 4_096];
                    let count = stream.read(&mut part).await.unwrap();
                    text.extend_from_slice(&part[..count]);
                    if let Some(posted) = whole(&text) {
                        break posted;
                    }
                };
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                sender.send(posted).unwrap();
            });
        }
    });
    (url, receiver)
}

fn whole(text: &[u8]) -> Option<Posted> {
    let text = str::from_utf8(text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ")?;
        headers.insert(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    }
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    (body.len() == length).then(|| (headers, body.as_bytes().to_vec()))
}

#[tokio::test]
async fn a_notice_is_believed_as_it_was_sent_and_no_longer_than_its_time() {
    let (url, mut posted) = bank().await;
    let scene = Scene::with(None, Some(url)).await;
    let payment = scene.payment();
    scene.pay(payment, GOOD).await;
    let (headers, body) = posted.recv().await.unwrap();
    let now = scene.now();
    let notice = scene.gateway.read_notice(&headers, &body, now).unwrap();
    assert_eq!(notice.operation, payment.to_string());
    let late = now.plus_seconds(NOTICE_WINDOW_SECONDS + 1);
    let read =
        |headers: &HeaderMap, body: &[u8], now| scene.gateway.read_notice(headers, body, now);
    assert_eq!(read(&headers, &body, late), Err(NoticeRefusal::Stale));
    let changed = String::from_utf8(body.clone()).unwrap().replace("1000", "9000").into_bytes();
    assert_eq!(read(&headers, &changed, now), Err(NoticeRefusal::WrongSignature));
    assert_eq!(read(&HeaderMap::new(), &body, now), Err(NoticeRefusal::Unsigned));
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains(GOOD) && !text.contains("737"), "{text}");
}

#[tokio::test]
async fn a_signed_text_that_is_no_notice_is_malformed() {
    let scene = Scene::new().await;
    for body in ["", "{}", r#"{"operation":"../x","status":"done"}"#] {
        let signed =
            crate::gateways::signature::sign(SECRET.as_bytes(), scene.now(), body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(wire::SIGNATURE_HEADER, HeaderValue::from_str(&signed).unwrap());
        let read = scene.gateway.read_notice(&headers, body.as_bytes(), scene.now());
        assert_eq!(read, Err(NoticeRefusal::Malformed), "{body}");
    }
}

#[tokio::test]
async fn notices_come_twice_late_in_another_order_and_with_other_amounts() {
    let (url, mut posted) = bank().await;
    let scene = Arc::new(Scene::with(None, Some(url)).await);
    scene.turn(|chaos| {
        chaos.seed = 3;
        chaos.notices = NoticeChaos {
            late_ms: 5,
            lose_per_mille: 0,
            twice_per_mille: 300,
            out_of_order_per_mille: 300,
            wrong_amount_per_mille: 300,
        };
    });
    let mut sent = Vec::new();
    for _ in 0..60 {
        let payment = scene.payment();
        scene.pay(payment, GOOD).await;
        sent.push(payment.to_string());
    }
    let mut came: Vec<(String, i64)> = Vec::new();
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    while times.len() < sent.len() {
        let (headers, body) = posted.recv().await.unwrap();
        let notice = scene.gateway.read_notice(&headers, &body, scene.now()).unwrap();
        let told: wire::Answer = serde_json::from_slice(&body).unwrap();
        *times.entry(notice.operation.clone()).or_default() += 1;
        came.push((notice.operation, told.amount.unwrap()));
    }
    assert!(times.values().any(|times| *times == 2));
    assert!(came.iter().any(|(_, amount)| *amount == 1_001));
    let order: Vec<&String> = came.iter().map(|(operation, _)| operation).collect();
    assert!(!order.is_sorted(), "ids rise, so in order they would be sorted");
}
