//! Refusals of KMS as its documents write them, and one that never answers; the real protocol is tested against moto
//! in `tests/attacks/kms.rs`.

use std::io::{Read, Write};
use std::net::TcpListener;

use money::Timestamp;

use super::*;

/// Answers one request with this, and gives what was asked.
fn answering(status: u16, body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut buffer) = (String::new(), [0; 4_096]);
        while !asked.ends_with('}') {
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "{asked}");
            asked.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        asked
    });
    (url, thread)
}

fn kms(url: &str) -> Kms {
    let address = KmsAddress {
        url: url.to_owned(),
        region: "ap-south-1".to_owned(),
        key: "alias/exchequer".to_owned(),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Arc::new(SecretString::new("secret-of-a-test".to_owned())),
        session_token: Some(Arc::new(SecretString::new("session-of-a-test".to_owned()))),
    };
    Kms::new(address, Clock::manual(Timestamp::from_seconds(1_440_938_160))).unwrap()
}

const KEY: &[u8] = b"a data key of a test, 32 bytes..";

async fn refused(status: u16, body: &'static str) -> KmsError {
    let (url, thread) = answering(status, body);
    let error = kms(&url).decrypt("AQID", "label").await.err();
    thread.join().unwrap();
    let error = error.expect("this opened");
    for hidden in ["secret-of-a-test", "session-of-a-test", "AQID"] {
        assert!(!error.to_string().contains(hidden), "{error}");
    }
    error
}

#[tokio::test]
async fn every_refusal_is_told_by_its_name() {
    for (status, body, error) in [
        (400, r#"{"__type":"AccessDeniedException","Message":"no"}"#, KmsError::Forbidden),
        (400, r#"{"__type":"NotFoundException","message":"no"}"#, KmsError::NotFound),
        (400, r#"{"__type":"DisabledException"}"#, KmsError::Disabled),
        (400, r#"{"__type":"KMSInvalidStateException"}"#, KmsError::InvalidState),
        (400, r#"{"__type":"ThrottlingException"}"#, KmsError::Throttled),
        (400, r#"{"__type":"com.amazon.coral.service#ThrottlingException"}"#, KmsError::Throttled),
        (400, r#"{"__type":"InvalidCiphertextException"}"#, KmsError::Ciphertext),
        (400, r#"{"__type":"IncorrectKeyException"}"#, KmsError::Ciphertext),
        (400, r#"{"__type":"SomethingNew"}"#, KmsError::Status(400)),
        (500, r#"{"__type":"KMSInternalException"}"#, KmsError::Status(500)),
        (503, "<html>", KmsError::Status(503)),
        (200, "{}", KmsError::Form),
        (200, r#"{"Plaintext":"%%"}"#, KmsError::Form),
    ] {
        assert_eq!(refused(status, body).await, error, "{status} {body}");
    }
    for name in
        ["UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"]
    {
        let body: &'static str = format!(r#"{{"__type":"{name}"}}"#).leak();
        assert!(matches!(refused(400, body).await, KmsError::Credentials(_)), "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_or_is_not_there_is_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let broken = kms(&url).encrypt(&SecretBytes::new(KEY.to_vec()), "label").await.err();
    assert!(matches!(broken, Some(KmsError::Silence(_))), "{broken:?}");
    thread.join().unwrap();
    let gone = kms(&url).encrypt(&SecretBytes::new(KEY.to_vec()), "label").await.err();
    assert_eq!(gone, Some(KmsError::Silence(Silence::NoConnection)));
}

#[tokio::test]
async fn a_request_is_signed_and_carries_its_context() {
    let (url, thread) = answering(200, r#"{"CiphertextBlob":"AQID"}"#);
    let made = kms(&url).encrypt(&SecretBytes::new(KEY.to_vec()), "label").await;
    assert_eq!(made.as_deref(), Ok("AQID"));
    let asked = thread.join().unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    for line in [
        "x-amz-target: trentservice.encrypt",
        "x-amz-date: 20150830t123600z",
        "x-amz-security-token: session-of-a-test",
        "content-type: application/x-amz-json-1.1",
        "credential=akidexample/20150830/ap-south-1/kms/aws4_request",
        "signedheaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["EncryptionContext"]["exchequer"], "label");
    assert_eq!(body["KeyId"], "alias/exchequer");
    assert_eq!(body["Plaintext"], BASE64.encode(KEY));
    assert!(!head.contains("secret-of-a-test"));
}
